"""What goes into a pack, and why it is made."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from access.models import OrgUnit
from audit import clock
from casework.auditing import running
from casework.auditing.models import Sample
from casework.auditing.rules import RULES
from casework.inspection.choosing import NUMBERS, PLACE, RULE, SAMPLE, Chosen
from casework.watermark import WhyForm
from flows.programmes import PROGRAMMES

SEPARATORS = re.compile(r"[\s,，、;；]+")
MOST_SAMPLES = 50
YEARS = 10


class PackForm(WhyForm):
    """The fields of one way of choosing count; those of the others are not looked at."""

    by = forms.ChoiceField(label=_l("怎么选"), widget=forms.RadioSelect, initial=PLACE)
    unit = forms.ModelChoiceField(label=_l("哪个地方"), queryset=OrgUnit.objects.none(), empty_label=None)
    programme = forms.ChoiceField(label=_l("哪项帮扶"), required=False)
    year = forms.TypedChoiceField(label=_l("哪年立案"), required=False, coerce=int, empty_value=None)
    numbers = forms.CharField(
        label=_l("个案编号"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea({"rows": 4}),
        help_text=_l("一行一个，或者用顿号、逗号隔开。"),
    )
    sample = forms.ModelChoiceField(label=_l("哪次抽样"), queryset=Sample.objects.none(), required=False)
    rule = forms.ChoiceField(label=_l("哪条规则查到的"), required=False)

    field_order = ("by", "unit", "programme", "year", "numbers", "sample", "rule", "reason")

    def __init__(self, units: list[OrgUnit], *args: Any, audits: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ways = [(PLACE, _("按地方、帮扶、年份")), (NUMBERS, _("按个案编号"))]
        if audits:
            ways += [(SAMPLE, _("按一次抽样")), (RULE, _("按规则查到的"))]
        self.fields["by"].choices = ways
        self.fields["unit"].queryset = _within(units)
        self.fields["unit"].label_from_instance = _indented
        self.fields["unit"].initial = units[0].pk if units else None
        self.fields["programme"].choices = [
            ("", _("全部")),
            *((code, spec.title) for code, spec in PROGRAMMES.items()),
        ]
        this_year = clock.today().year
        self.fields["year"].choices = [
            ("", _("全部")),
            *((year, year) for year in range(this_year, this_year - YEARS, -1)),
        ]
        if audits:
            self.fields["sample"].queryset = _samples(units)
            self.fields["sample"].label_from_instance = lambda one: f"{one.number} {one.unit.name} · {one.size}"
            self.fields["rule"].choices = [("", "—"), *((code, rule.title) for code, rule in RULES.items())]
        else:
            del self.fields["sample"], self.fields["rule"]

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        needed = {NUMBERS: "numbers", SAMPLE: "sample", RULE: "rule"}.get(given.get("by", ""))
        if needed and not given.get(needed):
            self.add_error(needed, _("请填这一项。"))
        return given

    def chosen(self) -> Chosen:
        given = self.cleaned_data
        by, unit = given["by"], given["unit"]
        if by == SAMPLE:
            return Chosen(by, given["sample"].unit, sample=given["sample"])
        if by == RULE:
            return Chosen(by, unit, run=_run_for(unit), rule=given["rule"])
        if by == NUMBERS:
            return Chosen(by, unit, numbers=tuple(sorted(set(filter(None, SEPARATORS.split(given["numbers"]))))))
        return Chosen(by, unit, programme=given["programme"], year=given["year"])


def _within(units: list[OrgUnit]) -> Any:
    """Her units and what lies in them, down to the villages."""
    rows = OrgUnit.objects.none()
    for unit in units:
        rows = rows | OrgUnit.objects.filter(**{unit.level: unit})
    return rows.filter(level__in=running.LEVELS).order_by("code").distinct()


def _indented(unit: OrgUnit) -> str:
    return "　" * max(0, running.LEVELS.index(unit.level) - 2) + unit.name


def _samples(units: list[OrgUnit]) -> Any:
    rows = Sample.objects.none()
    for unit in units:
        rows = rows | Sample.objects.filter(**{f"unit__{unit.level}": unit})
    ids = list(rows.order_by("-id").values_list("pk", flat=True)[:MOST_SAMPLES])
    return Sample.objects.filter(pk__in=ids).select_related("unit").order_by("-id")


def _run_for(unit: OrgUnit) -> Any:
    """The last run that looked at this place: its own, or one of a unit above."""
    above = [getattr(unit, f"{level}_id") for level in running.LEVELS]
    runs = [running.latest(pk) for pk in above if pk]
    return max((run for run in runs if run), key=lambda run: run.pk, default=None)
