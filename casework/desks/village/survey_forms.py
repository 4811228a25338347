"""The survey's pages as forms, made from families.survey_form; answers go in and out as the JSON that is kept."""

import datetime
from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from access.models import Staff
from access.roles import title_of
from audit import clock
from casework.desks.village.forms import members_of
from casework.fields import AnswerCards, DayField, MoneyField, PhotoField, TickCards
from casework.recusal import close_persons
from families import catalogue
from families.models import Household, Person
from families.survey_form import LONGEST, MEMBER_FIELDS, SUBJECT, Field, total_income_fen
from flows.programmes.parts import SURVEYORS

VISIT = "visit"  # the last page: who went, when, and whether the family agrees


def control(field: Field, *, compact: bool = False) -> forms.Field:
    """The form field of one question. `compact` takes a drop-down where many questions share a page."""
    common = {"label": field.label, "required": field.required, "help_text": field.hint}
    if field.kind == "money":
        return MoneyField(**common)
    if field.kind == "count":
        box = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "w-s"})
        return forms.IntegerField(min_value=0, max_value=50, widget=box, **common)
    if field.kind == "choices":
        return forms.MultipleChoiceField(
            choices=field.choices,
            widget=TickCards(look="two" if not field.hints else "", hints=dict(field.hints)),
            **common,
        )
    if field.kind == "choice":
        if compact:
            return forms.ChoiceField(choices=[("", _("没有问")), *field.choices], **common)
        return forms.ChoiceField(choices=field.choices, widget=AnswerCards(look="two"), **common)
    if field.kind == "line":
        return forms.CharField(max_length=120, **common)
    return forms.CharField(max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 3}), **common)


class PageForm(forms.Form):
    """One page of the questionnaire. Each kind of page says by `answers()` what a draft keeps of it."""

    code = ""

    def __init__(self, *args: Any, household: Household, user: Any, facts: Mapping[str, Any], **more: Any) -> None:
        self.household, self.user, self.facts = household, user, facts
        super().__init__(*args, **more)


class SubjectForm(PageForm):
    """The questions of one subject."""

    def __init__(self, *args: Any, code: str, **more: Any) -> None:
        super().__init__(*args, **more)
        self.subject = SUBJECT[code]
        for field in self.subject.fields:
            self.fields[field.name] = control(field)
        if code == "causes":
            self.fields["main_cause"].help_text = _("要在上面选过的里面选。")
        if code == "members" and not self.is_bound and "household_size" not in self.initial:
            self.initial = {"household_size": len(members_of(self.household)), **self.initial}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("main_cause") and cleaned["main_cause"] not in (cleaned.get("causes") or []):
            self.add_error("main_cause", _("最主要的原因，要在选过的原因里选。"))
        return cleaned

    def answers(self) -> dict[str, Any]:
        found = {
            field.name: self.cleaned_data[field.name]
            for field in self.subject.fields
            if self.cleaned_data.get(field.name) not in (None, "", [])
        }
        if self.subject.code == "income":
            total_fen = total_income_fen(found)
            return found | ({"income_fen_yearly": total_fen} if total_fen is not None else {})
        return found


class MembersForm(SubjectForm):
    """The household's people, each with the same few questions."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.people = members_of(self.household)
        known = {member.get("person"): member for member in self.facts.get("members", ())}
        for person, _relation in self.people:
            for field in MEMBER_FIELDS:
                name = self._name(person.pk, field)
                self.fields[name] = control(field, compact=True)
                self.fields[name].required = False
                self.initial.setdefault(name, known.get(person.pk, {}).get(field.name))
            if person.pk not in known and person.health:
                self.initial[self._name(person.pk, MEMBER_FIELDS[0])] = person.health

    @staticmethod
    def _name(person_id: int, field: Field) -> str:
        return f"p{person_id}_{field.name}"

    def groups(self) -> list[dict[str, Any]]:
        """For the template: each person with what is known of her; her fields lie folded unless something is to be asked."""
        today = clock.today()
        return [
            {
                "name": person.name,
                "about": _("%(relation)s，%(age)d 岁") % {"relation": relation, "age": person.age_on(today)},
                "known": self._known(person),
                "is_open": self._asks_more(person),
                "fields": [self[self._name(person.pk, field)] for field in MEMBER_FIELDS],
            }
            for person, relation in self.people
        ]

    def _known(self, person: Person) -> str:
        given = {field.name: self[self._name(person.pk, field)].value() for field in MEMBER_FIELDS}
        told = [
            str(dict(field.choices)[given[field.name]])
            for field in MEMBER_FIELDS
            if given[field.name] in dict(field.choices)
        ]
        return _("，").join(told)

    def _asks_more(self, person: Person) -> bool:
        """Somebody ill of whom nothing but the illness is known, or an answer that must be mended."""
        if any(self.errors.get(self._name(person.pk, field)) for field in MEMBER_FIELDS):
            return True
        told = [field.name for field in MEMBER_FIELDS if self[self._name(person.pk, field)].value()]
        return told == ["health"] and self[self._name(person.pk, MEMBER_FIELDS[0])].value() != "healthy"

    def plain_fields(self) -> list[Any]:
        return [self[field.name] for field in self.subject.fields]

    def answers(self) -> dict[str, Any]:
        members = []
        for person, _relation in self.people:
            told = {
                field.name: self.cleaned_data[self._name(person.pk, field)]
                for field in MEMBER_FIELDS
                if self.cleaned_data.get(self._name(person.pk, field)) not in (None, "")
            }
            members.append({"person": person.pk, "name": person.name, **told})
        return super().answers() | {"members": members}


class NeedsForm(SubjectForm):
    """What they want, in their own words."""

    needs_words = forms.CharField(
        label=_l("用他们自己的话，写下他们需要什么"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_l("例如：屋顶漏雨，想修一修。"),
    )

    def answers(self) -> dict[str, Any]:
        return super().answers() | {"needs_words": self.cleaned_data["needs_words"]}


def second_surveyors(household: Household, user: Any) -> list[tuple[str, list[tuple[str, str]]]]:
    """Who may have gone along, by village: other persons with a surveyor's post in the township.

    The village's own come first, its resident cadres before its clerks; whoever must stay away from the family is left out.
    """
    today = clock.today()
    found = (
        Staff.objects.filter(
            Q(appointments__valid_to__isnull=True) | Q(appointments__valid_to__gte=today),
            appointments__role__in=SURVEYORS,
            appointments__valid_from__lte=today,
            appointments__unit__township_id=household.township_id,
            is_active=True,
        )
        .exclude(person_key=user.person_key)
        .exclude(person_key__in=close_persons(household.pk))
        .values_list("pk", "name", "appointments__role", "appointments__unit__name", "appointments__unit__village_id")
    )
    rows = sorted(
        set(found), key=lambda row: (row[4] != household.village_id, row[3], row[2] != "resident_cadre", row[1])
    )
    seen: set[int] = set()
    villages: dict[str, list[tuple[str, str]]] = {}
    for pk, name, role, unit, _village in rows:
        if pk not in seen:
            villages.setdefault(unit, []).append(
                (str(pk), _("%(name)s，%(post)s") % {"name": name, "post": title_of(role)})
            )
        seen.add(pk)
    return list(villages.items())


class VisitPageForm(PageForm):
    """Who went, when, and whether the family agrees."""

    surveyed_on = DayField(label=_l("哪天去的"), latest=clock.today)
    second = forms.ChoiceField(label=_l("和谁一起去的"), help_text=_l("入户调查要两个人，都不能是这家的近亲属。"))
    consent_given = forms.BooleanField(label=_l("说明了用途，这家同意登记"), help_text=_l("不同意就不能登记。"))
    consent_how = forms.ChoiceField(
        label=_l("怎么表示同意的"), choices=catalogue.CONSENT, widget=AnswerCards(look="two")
    )
    is_cadre_relative = forms.TypedChoiceField(
        label=_l("这家是不是干部的亲属？"),
        choices=[("no", _l("不是")), ("yes", _l("是"))],
        coerce=lambda value: value == "yes",
        widget=AnswerCards(look="two"),
        help_text=_l("干部、工作人员的近亲属要如实说。是的话照样能办，只是审批要往上走，县里要来家里看。"),
    )
    cadre_relative_of = forms.CharField(label=_l("是谁的亲属，什么关系"), max_length=60, required=False)
    change_reason = forms.CharField(label=_l("为什么再填一份"), max_length=200)
    house_photo = PhotoField(label=_l("房屋正面"), required=False)
    other_photo = PhotoField(label=_l("走访照片"), required=False)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["second"].choices = [("", _("选一个人")), *second_surveyors(self.household, self.user)]
        self.initial.setdefault("surveyed_on", clock.today())
        if not self.household.surveys.exists():
            del self.fields["change_reason"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("is_cadre_relative") and not cleaned.get("cadre_relative_of", "").strip():
            self.add_error("cadre_relative_of", _("请写明是谁的亲属，什么关系。"))
        return cleaned

    def answers(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        return {
            "surveyed_on": cleaned["surveyed_on"].isoformat(),
            "second": int(cleaned["second"]),
            "consent_given": True,
            "consent_how": cleaned["consent_how"],
            "is_cadre_relative": "yes" if cleaned["is_cadre_relative"] else "no",
            "cadre_relative_of": cleaned["cadre_relative_of"] if cleaned["is_cadre_relative"] else "",
            "change_reason": cleaned.get("change_reason", ""),
        }


def day_of(answers: Mapping[str, Any]) -> datetime.date:
    return datetime.date.fromisoformat(answers["surveyed_on"])


def form_of(code: str) -> Any:
    """The form class of a page, ready to be called."""
    if code == VISIT:
        return VisitPageForm
    made = {"members": MembersForm, "needs": NeedsForm}.get(code, SubjectForm)
    return lambda *args, **more: made(*args, code=code, **more)
