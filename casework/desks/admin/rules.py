"""Programme versions: what is in force, a draft by one person, its publication by another."""

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from access.roles import Ability
from audit import clock
from audit.context import acting
from casework.desks.admin import rule_words
from casework.desks.admin.reach import administrators
from casework.fields import AnswerCards, DayField, MoneyField, TickCards
from families import catalogue
from flows.errors import BadParameters, FlowsError
from flows.models import ProgrammeVersion
from flows.parameters import Parameters, PaymentPlan, Period
from flows.programmes import PROGRAMMES
from flows.ruled import RULED, parameters_of
from flows.services import draft_version, publish_version
from flows.spec import Spec
from flows.states import ACTIONS, STATES

UNITS = [("working", gettext_lazy("工作日")), ("calendar", gettext_lazy("自然日"))]
# The acts that may ask for papers, see casework.steps.file.papers_are_there.
ASKING = ("register", "submit", "submit_makeup", "resubmit", "check", "approve", "approve_plan", "emergency_release")


class PeriodWidget(forms.MultiWidget):
    """So many days, working or calendar."""

    template_name = "admin/period_widget.html"
    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        days = forms.TextInput({"inputmode": "numeric", "class": "input w-s"})
        super().__init__({"days": days, "unit": forms.Select({"class": "select w-auto"}, UNITS)}, attrs)

    def decompress(self, value: Period | None) -> list[Any]:
        return [value.days, value.unit] if value else ["", "working"]


class PeriodField(forms.MultiValueField):
    widget = PeriodWidget

    def __init__(self, **kwargs: Any) -> None:
        days = forms.IntegerField(min_value=0, max_value=3660, required=kwargs.get("required", True))
        super().__init__((days, forms.ChoiceField(choices=UNITS)), require_all_fields=False, **kwargs)

    def compress(self, values: list[Any]) -> Period | None:
        return Period(values[0], values[1] or "working") if values and values[0] is not None else None


class DatedForm(forms.Form):
    """The plain parameters of a programme, a kind of list or a register with their meaning, filled with the rules it starts from."""

    valid_from = DayField(label=gettext_lazy("哪天生效"), earliest=clock.today)
    basis = forms.CharField(
        label=gettext_lazy("依据"),
        max_length=120,
        help_text=gettext_lazy("哪份文件定的，例如：禾源县办理规则 2026 年第 2 号。"),
    )

    def __init__(self, *args: Any, spec: Any, rules: Any, **kwargs: Any) -> None:
        self.spec, self.words = spec, rule_words.words_of(spec)
        kwargs["initial"] = {name: getattr(rules, name) for name in self.words} | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        for name, (title, about) in self.words.items():
            self.fields[name] = self._field(name, label=title, help_text=about)

    def _field(self, name: str, **more: Any) -> forms.Field:
        if name in rule_words.MONEY:
            return MoneyField(**more)
        if name in rule_words.PERIODS:
            return PeriodField(**more)
        if name in rule_words.PERCENT:
            return forms.IntegerField(min_value=0, max_value=100, **more)
        if name in rule_words.COUNTS:
            return forms.IntegerField(min_value=0, max_value=150, **more)
        if name in rule_words.SWITCHES:
            return forms.BooleanField(required=False, **more)
        if name in rule_words.ONE_OF:
            return forms.ChoiceField(choices=rule_words.ONE_OF[name], widget=AnswerCards(), **more)
        if name in rule_words.SEVERAL:
            choices = rule_words.choices_of(name, self.spec)
            return forms.MultipleChoiceField(
                required=name != "not_together_with", choices=choices, widget=TickCards(look="two"), **more
            )
        return forms.CharField(required=False, max_length=80, **more)

    def groups(self) -> dict[str, list[Any]]:
        """The bound fields as the page shows them."""
        named = {"money": rule_words.MONEY, "times": rule_words.PERIODS, "switches": rule_words.SWITCHES}
        named["lists"] = rule_words.SEVERAL
        return {group: [self[name] for name in self.words if name in names] for group, names in named.items()}

    def parameters(self) -> dict[str, Any]:
        """What flows.services.draft_version takes."""
        given = {name: self.cleaned_data[name] for name in self.words}
        return {name: _stored(value) if isinstance(value, Period) else value for name, value in given.items()}


class RulesForm(DatedForm):
    """The rules of a programme: besides the plain ones its parts, deadlines and papers."""

    def __init__(self, *args: Any, spec: Spec, rules: Parameters, **kwargs: Any) -> None:
        initial = kwargs.pop("initial", {})
        initial["follow_up_days"] = ", ".join(map(str, rules.follow_up_days))
        initial |= {f"deadline_{state}": period for state, period in rules.deadlines.items()}
        initial |= {f"documents_{action}": kinds for action, kinds in rules.documents.items()}
        initial |= {f"payments_{name}": getattr(rules.payments, name) for name in rule_words.PLAN_WORDS}
        initial["payments_percents"] = ", ".join(map(str, rules.payments.percents))
        initial["payments_labels"] = "，".join(rules.payments.labels)
        super().__init__(*args, spec=spec, rules=rules, initial=initial, **kwargs)
        for name, (title, about) in rule_words.PLAN_WORDS.items():
            self.fields[f"payments_{name}"] = self._plan_field(name, label=title, help_text=about)
        for state in spec.states:
            if state not in spec.ends and spec.turn(state):
                label = STATES[state].title
                self.fields[f"deadline_{state}"] = PeriodField(label=label, required=False)
        for action in ASKING:
            if any(edge.action == action for edge in spec.edges):
                label = _("「%(step)s」以前要交的材料") % {"step": ACTIONS[action].verb}
                self.fields[f"documents_{action}"] = forms.MultipleChoiceField(
                    label=label, required=False, choices=catalogue.DOCUMENTS, widget=TickCards(look="two")
                )

    @staticmethod
    def _plan_field(name: str, **more: Any) -> forms.Field:
        if name in ("needs_check", "first_needs_check"):
            return forms.BooleanField(required=False, **more)
        if name in ("parts", "every_months"):
            return forms.IntegerField(
                min_value=1 if name == "parts" else 0, max_value=36 if name == "parts" else 12, **more
            )
        return forms.CharField(required=False, max_length=400, **more)

    def clean_follow_up_days(self) -> list[int]:
        return _numbers(self.cleaned_data["follow_up_days"], _("只写数字，用逗号隔开，例如 7, 30, 90。"))

    def clean_payments_percents(self) -> list[int]:
        text = self.cleaned_data["payments_percents"].replace("%", "").replace("％", "")
        return _numbers(text, _("只写数字，用逗号隔开，例如 30, 40, 30。"))

    def clean_payments_labels(self) -> list[str]:
        labels = [
            label.strip() for label in re.split(r"[,，、\n]+", self.cleaned_data["payments_labels"]) if label.strip()
        ]
        if any(len(label) > 40 for label in labels):
            raise forms.ValidationError(_("一期的名称不超过 40 个字。"))
        return labels

    def clean(self) -> dict[str, Any]:
        """What contradicts itself among the parts stands beside the number of parts."""
        cleaned = super().clean()
        plan = self._plan()
        if len(plan) == len(rule_words.PLAN_WORDS):
            try:
                PaymentPlan(**plan)
            except BadParameters as refusal:
                self.add_error("payments_parts", str(refusal))
        return cleaned

    def _plan(self) -> dict[str, Any]:
        names = rule_words.PLAN_WORDS
        return {n: self.cleaned_data[f"payments_{n}"] for n in names if f"payments_{n}" in self.cleaned_data}

    def groups(self) -> dict[str, list[Any]]:
        """The bound fields as the page shows them."""
        names = rule_words.WORDS
        return {
            "money": [self[name] for name in names if name in rule_words.MONEY or name == "large_share_percent"],
            "parts": [self[f"payments_{name}"] for name in rule_words.PLAN_WORDS],
            "limits": [self[name] for name in (*rule_words.SEVERAL, "once_a_year") if name in names],
            "relatives": [self[name] for name in ("relatives_go", "relatives_visited")],
            "times": [self[name] for name in names if name in rule_words.PERIODS or name == "follow_up_days"],
            "people": [
                self[name]
                for name in names
                if name in rule_words.COUNTS or (name in rule_words.PERCENT and name != "large_share_percent")
            ],
            "deadlines": [self[name] for name in self.fields if name.startswith("deadline_") and name not in names],
            "documents": [self[name] for name in self.fields if name.startswith("documents_")],
        }

    def parameters(self) -> dict[str, Any]:
        """What flows.services.draft_version takes."""
        given, stored = self.cleaned_data, super().parameters()
        stored["payments"] = self._plan()
        stored["deadlines"] = {
            name.removeprefix("deadline_"): _stored(given[name])
            for name in self.fields
            if name.startswith("deadline_") and name not in rule_words.WORDS and given[name]
        }
        stored["documents"] = {
            name.removeprefix("documents_"): given[name]
            for name in self.fields
            if name.startswith("documents_") and given[name]
        }
        return stored


def _numbers(text: str, wrong: str) -> list[int]:
    parts = [part for part in re.split(r"[,，、\s]+", text) if part]
    if not all(part.isdecimal() and len(part) < 5 for part in parts):
        raise forms.ValidationError(wrong)
    return [int(part) for part in parts]


def _stored(period: Period) -> dict[str, Any]:
    return {"days": period.days, "unit": period.unit}


@require_safe
@administrators(Ability.PROGRAMME_MANAGE)
def programmes(request: HttpRequest) -> HttpResponse:
    """Each programme and kind of list with the version in force and what waits to be published."""
    today = clock.today()
    by_programme: dict[str, list[ProgrammeVersion]] = {code: [] for code in RULED}
    for version in ProgrammeVersion.objects.select_related("author", "publisher").order_by("programme", "-number"):
        if version.programme in by_programme:
            by_programme[version.programme].append(version)
    rows = []
    for code, versions in by_programme.items():
        published = [version for version in versions if version.published_on]
        current = max(
            (version for version in published if version.valid_from <= today),
            key=lambda version: (version.valid_from, version.number),
            default=None,
        )
        rows.append(
            {
                "spec": RULED[code],
                "current": current,
                "coming": [v for v in published if v.valid_from > today],
                "drafts": [v for v in versions if not v.published_on],
                "versions": versions,
            }
        )
    return render(request, "admin/programmes.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@administrators(Ability.PROGRAMME_MANAGE)
def draft(request: HttpRequest, *, code: str) -> HttpResponse:
    """A new version that begins as a copy of the last one."""
    if code not in RULED:
        raise Http404
    spec = RULED[code]
    last = ProgrammeVersion.objects.filter(programme=code).order_by("-number").first()
    rules = last.rules if last else parameters_of(code)()
    kind_of_form = RulesForm if code in PROGRAMMES else DatedForm
    form = kind_of_form(request.POST or None, spec=spec, rules=rules, initial={"basis": last.basis if last else ""})
    if request.method == "POST" and form.is_valid():
        try:
            with acting(request.user, reason="draft_version"):
                version = draft_version(
                    code,
                    form.parameters(),
                    valid_from=form.cleaned_data["valid_from"],
                    by=request.user,
                    basis=form.cleaned_data["basis"],
                )
        except FlowsError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("第 %(n)d 版写好了，要由另一位管理员发布才生效。") % {"n": version.number})
            return redirect("administration:version", pk=version.pk)
    return render(request, "admin/draft.html", {"spec": spec, "last": last, "form": form, "groups": form.groups()})


@require_http_methods(["GET", "HEAD", "POST"])
@administrators(Ability.PROGRAMME_MANAGE)
def version(request: HttpRequest, *, pk: int) -> HttpResponse:
    """One version: its rules, what it changes against the one before, and publishing by somebody else."""
    row = get_object_or_404(ProgrammeVersion.objects.select_related("author", "publisher"), pk=pk)
    if row.programme not in RULED:
        raise Http404
    refused = ""
    if request.method == "POST":
        try:
            with acting(request.user, reason="publish_version"):
                publish_version(row.pk, by=request.user)
        except FlowsError as refusal:
            refused = str(refusal)
        else:
            messages.success(request, _("已发布。以后新开的个案、新编的名册按这一版办，已有的不变。"))
            return redirect("administration:version", pk=row.pk)
    before = (
        ProgrammeVersion.objects.filter(programme=row.programme, published_on__isnull=False, number__lt=row.number)
        .order_by("-valid_from", "-number")
        .first()
    )
    context = {
        "version": row,
        "spec": row.spec,
        "before": before,
        "changes": rule_words.differences(before.rules if before else None, row.rules, row.spec) if before else [],
        "facts": [{"label": title, "value": text} for _key, title, text in rule_words.said(row.rules, row.spec)],
        "is_author": row.author_person_key == request.user.person_key,
        "refused": refused,
    }
    return render(request, "admin/version.html", context)
