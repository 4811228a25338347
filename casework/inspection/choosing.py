"""Which cases go into a pack, and who may have it made.

    chosen = Chosen(by="place", unit=township, programme="disaster_relief", year=2026)
    side_of(user, chosen.unit)                  Raises NotYourTurn
    cases_of(chosen, user)                      the rows, oldest first; only within her own post's unit

Auditors make packs of their unit; the county's approver makes them for whoever inspects the county (迎检). Fund managers do
not: a pack holds surveys and papers that their posts do not see (domain §4.4).
"""

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from access.models import OrgUnit
from access.scope import Post, posts_of
from casework.auditing.models import RuleRun, Sample
from casework.auditing.rules import RULES
from casework.errors import BadCaseData, NotYourTurn
from casework.inspection.models import InspectionPack
from casework.models import Case
from flows.programmes import PROGRAMMES
from funds.models import Payment

MOST = 1_000  # cases of one pack: an hour's work for a worker, and more than anybody reads
MAKERS = {"auditor": InspectionPack.Side.AUDIT, "county_approver": InspectionPack.Side.COUNTY}
PLACE, NUMBERS, SAMPLE, RULE = "place", "numbers", "sample", "rule"


@dataclass(frozen=True)
class Chosen:
    """How the cases are chosen. `unit` is where; the others narrow it down, each for its own way of choosing."""

    by: str
    unit: OrgUnit
    programme: str = ""
    year: int | None = None
    numbers: tuple[str, ...] = field(default_factory=tuple)
    sample: Sample | None = None
    run: RuleRun | None = None
    rule: str = ""

    def stored(self) -> dict[str, Any]:
        """For the pack's row and its manifest: numbers and codes, no name of a person."""
        found = {
            "by": self.by,
            "unit": self.unit.code,
            "programme": self.programme,
            "year": self.year,
            "numbers": list(self.numbers),
            "sample": self.sample.number if self.sample else "",
            "run": self.run.pk if self.run else None,
            "rule": self.rule,
        }
        return {name: value for name, value in found.items() if value not in ("", None, [])}

    @property
    def words(self) -> str:
        """云坞村 · 救灾救济 · 2026年."""
        parts = [self.unit.name]
        if self.programme:
            parts.append(str(PROGRAMMES[self.programme].title))
        if self.year:
            parts.append(_("%(year)d 年立案") % {"year": self.year})
        if self.by == NUMBERS:
            parts.append(ngettext("选定 %(n)d 件", "选定 %(n)d 件", len(self.numbers)) % {"n": len(self.numbers)})
        if self.sample:
            parts.append(_("抽样 %(no)s") % {"no": self.sample.number})
        if self.rule:
            parts.append(_("规则：%(title)s") % {"title": RULES[self.rule].title})
        return " · ".join(parts)


def restored(stored: dict[str, Any]) -> Chosen:
    """The choice again, from what a job or a pack keeps of it."""
    sample = Sample.objects.filter(number=stored["sample"]).first() if stored.get("sample") else None
    return Chosen(
        by=stored["by"],
        unit=OrgUnit.objects.get(code=stored["unit"]),
        programme=stored.get("programme", ""),
        year=stored.get("year"),
        numbers=tuple(stored.get("numbers", ())),
        sample=sample,
        run=RuleRun.objects.filter(pk=stored["run"]).first() if stored.get("run") else None,
        rule=stored.get("rule", ""),
    )


def post_of(user: Any, unit: OrgUnit) -> Post:
    """The post by which she makes packs there. Raises NotYourTurn."""
    for post in posts_of(user):
        if post.role in MAKERS and post.reaches(unit):
            return post
    raise NotYourTurn(_("迎检包由管这里的审计，或者县级确认来做。"))


def side_of(user: Any, unit: OrgUnit) -> str:
    return MAKERS[post_of(user, unit).role]


def cases_of(chosen: Chosen, user: Any) -> QuerySet[Case]:
    """Those chosen that lie within her post's unit. Raises NotYourTurn."""
    post = post_of(user, chosen.unit)
    rows = Case.objects.filter(**{f"{post.level}_id": post.unit_id, chosen.unit.level: chosen.unit})
    if chosen.programme:
        rows = rows.filter(programme=chosen.programme)
    if chosen.year:
        rows = rows.filter(opened_on__year=chosen.year)
    if chosen.by == NUMBERS:
        rows = rows.filter(case_no__in=chosen.numbers)
    if chosen.by == SAMPLE:
        rows = rows.filter(pk__in=_drawn(chosen.sample))
    if chosen.by == RULE:
        rows = rows.filter(_hit(chosen))
    return rows.order_by("pk").distinct()


def _drawn(sample: Sample | None) -> list[int]:
    if sample is None:
        return []
    if sample.of == Sample.Of.CASES:
        return list(sample.drawn)
    return _case_ids(Payment.objects.filter(pk__in=sample.drawn).values_list("subject", flat=True))


def _hit(chosen: Chosen) -> Q:
    """The cases behind the findings: of a case, of a payment, of a family."""
    if chosen.run is None:
        return Q(pk__in=())
    found: dict[str, list[int]] = {}
    for subject in chosen.run.hits.filter(rule=chosen.rule).values_list("subject", flat=True):
        kind, _colon, number = subject.partition(":")
        if number.isdecimal():
            found.setdefault(kind, []).append(int(number))
    paid = Payment.objects.filter(pk__in=found.get("payment", ())).values_list("subject", flat=True)
    return (
        Q(pk__in=[*found.get("case", ()), *_case_ids(paid)])
        | Q(household_id__in=found.get("household", ()))
        | Q(beneficiary_id__in=found.get("person", ()))
        | Q(survey_id__in=found.get("survey", ()))
        | Q(papers__document_id__in=found.get("document", ()))
        | Q(lead_id__in=found.get("lead", ()))
    )


def _case_ids(subjects: Any) -> list[int]:
    return [int(subject.removeprefix("case:")) for subject in subjects if subject.startswith("case:")]


def counted(chosen: Chosen, user: Any) -> int:
    """How many there are. Raises NotYourTurn, BadCaseData where there are none, or too many for one pack."""
    missing = set(chosen.numbers)
    if chosen.by == NUMBERS:
        missing -= set(cases_of(chosen, user).values_list("case_no", flat=True))
        if missing:
            raise BadCaseData(_("找不到这些编号：%(numbers)s。") % {"numbers": _("、").join(sorted(missing)[:10])})
    count = cases_of(chosen, user).values("pk").distinct()[: MOST + 1].count()
    if not count:
        raise BadCaseData(_("这样选一件也没有。请换一个地方、帮扶或年份。"))
    if count > MOST:
        raise BadCaseData(
            _("这样选超过 %(most)d 件，一包装不下。请按乡镇、村、帮扶或年份分开做，或者抽样。") % {"most": MOST}
        )
    return count
