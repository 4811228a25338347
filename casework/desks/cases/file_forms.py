"""Forms of the file: papers in named slots, measures of the plan, the record of a deliberation, a reason to unmask."""

from typing import Any

from django import forms
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from audit import clock
from casework.fields import DayField
from casework.models import Case
from casework.plans import CATALOGUE
from families import catalogue


class PaperInput(forms.FileInput):
    """A slot for a photo or a scanned paper."""

    def __init__(self) -> None:
        super().__init__({"accept": "image/*,application/pdf"})


class PaperForm(forms.Form):
    """A slot for each kind that is wanted, and one more with its kind chosen."""

    other = forms.FileField(label=_l("其他材料"), required=False, widget=PaperInput)
    other_kind = forms.ChoiceField(
        label=_l("其他材料是什么"), choices=catalogue.DOCUMENTS, initial="other", required=False
    )

    def __init__(self, *args: Any, kinds: list[tuple[str, str, bool]], wanted: list[str], **more: Any) -> None:
        super().__init__(*args, **more)
        self.kinds = kinds
        for kind, title, is_there in kinds:
            hint = _("有了，可以再加") if is_there else _("要交的，还没有") if kind in wanted else ""
            self.fields[kind] = forms.FileField(label=title, required=False, widget=PaperInput, help_text=hint)

    def uploads(self) -> list[tuple[str, str, Any]]:
        """[(field, kind, file)] of what was chosen."""
        cleaned = self.cleaned_data
        found = [(kind, kind, cleaned[kind]) for kind, _title, _there in self.kinds if cleaned.get(kind)]
        return found + ([("other", cleaned["other_kind"] or "other", cleaned["other"])] if cleaned.get("other") else [])


class MeasureForm(forms.Form):
    """One line of the plan: a measure of the catalogue, or one's own words."""

    chosen = forms.ChoiceField(label=_l("做什么"), required=False)
    own = forms.CharField(label=_l("目录里没有，自己写"), max_length=60, required=False)
    own_domain = forms.ChoiceField(label=_l("属于哪一方面"), choices=catalogue.DOMAINS, required=False)
    need_words = forms.CharField(
        label=_l("回应哪个需要"), max_length=200, help_text=_l("用他们自己的话，例如：夜里起来怕摔。")
    )
    detail = forms.CharField(label=_l("怎么做"), max_length=200, required=False)
    partner = forms.CharField(label=_l("谁来做"), max_length=60, required=False)
    planned_for = DayField(label=_l("打算哪天做"), required=False)

    def __init__(self, *args: Any, case: Case, **more: Any) -> None:
        super().__init__(*args, **more)
        titles = dict(catalogue.DOMAINS)
        self.fields["chosen"].choices = [
            ("", _("选一项")),
            *((titles[domain], [(_code(domain, n), m) for n, m in enumerate(items)]) for domain, items in CATALOGUE),
        ]
        if case.survey:
            self.fields["need_words"].initial = case.survey.needs_words[:200]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not cleaned.get("chosen") and not cleaned.get("own", "").strip():
            self.add_error("chosen", _("请选一项，或者自己写。"))
        return cleaned

    def cleaned(self) -> dict[str, Any]:
        """The arguments of plans.add_measure. Titles are kept in Chinese, the language of the file."""
        cleaned = self.cleaned_data
        more = {name: cleaned[name] for name in ("need_words", "detail", "partner", "planned_for")}
        if cleaned["own"].strip():
            return more | {"title": cleaned["own"], "domain": cleaned["own_domain"] or "social"}
        domain, n = cleaned["chosen"].split(":")
        with translation.override("zh-hans"):
            return more | {"domain": domain, "title": str(dict(CATALOGUE)[domain][int(n)])}


def _code(domain: str, n: int) -> str:
    return f"{domain}:{n}"


def _count(label: Any, **more: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        min_value=0,
        max_value=2000,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        **more,
    )


class DeliberationForm(forms.Form):
    """The minutes of a deliberation, as the paper has them."""

    held_on = DayField(label=_l("哪天开的会"), latest=clock.today, initial=clock.today)
    place = forms.CharField(label=_l("在哪里"), max_length=80, initial=_l("村委会"))
    host = forms.CharField(label=_l("谁主持"), max_length=60)
    recorder = forms.CharField(label=_l("谁记录"), max_length=60)
    due_count = _count(_l("应到多少人"))
    present_count = _count(_l("到了多少人"), help_text=_l("不算回避的人。"))
    recused = forms.CharField(
        label=_l("谁回避了，什么关系"),
        required=False,
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_l("一行写一个，例如：李大山，申请人的叔叔。没有就空着。"),
    )
    votes_for = _count(_l("同意"))
    votes_against = _count(_l("不同意"))
    votes_abstain = _count(_l("弃权"))
    minutes = forms.CharField(label=_l("说了些什么"), max_length=4000, widget=forms.Textarea(attrs={"rows": 5}))

    def cleaned(self) -> dict[str, Any]:
        """The fields of deliberations.Minutes."""
        lines = [line.strip()[:100] for line in self.cleaned_data["recused"].splitlines()]
        return self.cleaned_data | {"recused": tuple(line for line in lines if line)}


class RevealForm(forms.Form):
    """Why somebody needs what is not shown: the whole number, or with another `label` whatever that says."""

    reason = forms.CharField(
        label=_l("为什么要看全号"),
        min_length=4,
        max_length=200,
        help_text=_l("会记下：谁、什么时候、为什么。审计看得到。"),
    )

    def __init__(self, *args: Any, label: Any = "", **more: Any) -> None:
        super().__init__(*args, **more)
        if label:
            self.fields["reason"].label = label
