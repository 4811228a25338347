"""The way of one payment back to what it rests on: payment, batch, approval, notice, review, survey with its photos.

of_payment(payment)      of a case, or of a line of a list
of_case(case)            of the case's newest payment; without one what there is so far
of_line(line)            of a line of a list

Each step names the very record that held when the payment was listed: a case that was decided twice has two approvals.
"""

import datetime
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext

from casework.days import day_short
from casework.models import Case, CaseEvent, Deliberation, PublicNotice
from casework.rosters import paying as rosters
from casework.rosters.models import Roster, RosterLine
from families.models import Document, Survey
from flows.states import ACTIONS
from funds.models import ImprestSpend, Payment
from funds.money import yuan

SIGNATURES = ("approve", "confirm", "countersign", "emergency_release")
PHOTOS = frozenset({"house_photo", "damage_photo", "visit_photo", "progress_photo", "notice_photo"})
TITLES = {
    "payment": _l("付款"),
    "batch": _l("批次"),
    "approval": _l("批准"),
    "notice": _l("公示"),
    "review": _l("评议"),
    "survey": _l("调查"),
}


@dataclass(frozen=True)
class Step:
    """One link of the way. `record` is None where there is nothing, and `words` says so."""

    code: str
    words: str
    on: datetime.date | None = None
    record: Any = None
    photos: int = 0

    @property
    def title(self) -> Any:
        return TITLES[self.code]


@dataclass(frozen=True)
class Material:
    """What the steps of one case are found in: four queries, however many payments it has."""

    case: Case
    events: list[CaseEvent]
    notices: list[PublicNotice]
    sittings: list[Deliberation]
    photos: int

    @classmethod
    def of(cls, case: Case) -> "Material":
        return cls(
            case,
            list(case.events.select_related("by").order_by("n")),
            list(case.notices.filter(kind=PublicNotice.Kind.VILLAGE).order_by("round")),
            list(case.deliberations.order_by("round")),
            case.papers.filter(kind__in=PHOTOS).count(),
        )


def of_payment(payment: Payment) -> list[Step]:
    """Six steps; a list has its preparation where a case has its review. Empty for what pays neither."""
    kind, _colon, number = payment.subject.partition(":")
    if kind == "case":
        case = Case.objects.select_related("survey").get(pk=int(number))
        return steps(Material.of(case), payment)
    if kind == "roster":
        return list_steps(rosters.roster_paid_by(payment), rosters.line_of(payment), payment)
    return []


def of_case(case: Case) -> list[Step]:
    """By its newest payment, or by what was handed out of the float."""
    newest = Payment.objects.filter(subject=case.subject).exclude(state="cancelled")
    payment = newest.select_related("batch").order_by("-id").first()
    handed = None if payment else ImprestSpend.objects.filter(subject=case.subject).order_by("-id").first()
    return steps(Material.of(case), payment, handed)


def of_line(line: RosterLine) -> list[Step]:
    newest = Payment.objects.filter(subject__in=(line.key, line.roster.subject)).exclude(state="cancelled")
    return list_steps(line.roster, line, newest.select_related("batch").order_by("-id").first())


# ---------------------------------------------------------------- of a case


def steps(material: Material, payment: Payment | None, handed: ImprestSpend | None = None) -> list[Step]:
    """Pure but for the survey's row, which the case holds."""
    by_day = payment.listed_on if payment else handed.paid_on if handed else None
    signed = _last(material.events, lambda one: one.action in SIGNATURES and _by(one.business_date, by_day))
    notice = _before(material.notices, "starts_on", signed.business_date if signed else by_day)
    sitting = _before(material.sittings, "held_on", notice.starts_on if notice else None)
    survey = material.case.survey
    return [
        _handed(handed) if handed else _payment(payment),
        Step("batch", _("备用金，没有批次"), handed.paid_on) if handed else _batch(payment),
        _approval(signed),
        _notice(notice),
        _review(sitting),
        _survey(survey, material.photos),
    ]


def _last(rows: list[Any], fits: Any) -> Any:
    return next((row for row in reversed(rows) if fits(row)), None)


def _by(day: datetime.date, limit: datetime.date | None) -> bool:
    return limit is None or day <= limit


def _before(rows: list[Any], name: str, limit: datetime.date | None) -> Any:
    """The last one up to that day; help that came first has its papers afterwards, so then the last there is."""
    return _last(rows, lambda row: _by(getattr(row, name), limit)) or (rows[-1] if rows else None)


def _payment(payment: Payment | None) -> Step:
    if payment is None:
        return Step("payment", _("还没有付款"))
    words = _("%(amount)s 元，%(state)s") % {"amount": yuan(payment.amount_fen), "state": payment.get_state_display()}
    return Step("payment", words, payment.answered_on or payment.sent_on or payment.listed_on, payment)


def _handed(handed: ImprestSpend) -> Step:
    return Step("payment", _("备用金 %(amount)s 元") % {"amount": yuan(handed.amount_fen)}, handed.paid_on, handed)


def _batch(payment: Payment | None) -> Step:
    if payment is None:
        return Step("batch", _("还没有列入批次"))
    batch = payment.batch
    return Step("batch", batch.number, batch.released_on or batch.made_on, batch)


def _approval(signed: CaseEvent | None) -> Step:
    if signed is None:
        return Step("approval", _("还没有批准"))
    words = f"{ACTIONS[signed.action].done} · {signed.by.name if signed.by else ''}".rstrip(" ·")
    return Step("approval", words, signed.business_date, signed)


def _notice(notice: PublicNotice | None) -> Step:
    if notice is None:
        return Step("notice", _("没有公示"))
    words = _("%(first)s 到 %(last)s") % {"first": day_short(notice.starts_on), "last": day_short(notice.ends_on)}
    return Step("notice", words, notice.ended_on or notice.starts_on, notice)


def _review(sitting: Deliberation | None) -> Step:
    if sitting is None:
        return Step("review", _("没有评议"))
    words = _("同意 %(yes)d，反对 %(no)d") % {"yes": sitting.votes_for, "no": sitting.votes_against}
    return Step("review", words, sitting.held_on, sitting)


def _survey(survey: Survey | None, photos: int) -> Step:
    if survey is None:
        return Step("survey", _("还没有调查表"), photos=photos)
    words = _("第 %(n)d 版") % {"n": survey.version}
    if photos:
        words += _("，") + ngettext("照片 %(n)d 张", "照片 %(n)d 张", photos) % {"n": photos}
    return Step("survey", words, survey.surveyed_on, survey, photos)


# ---------------------------------------------------------------- of a list


def list_steps(roster: Roster, line: RosterLine | None, payment: Payment | None) -> list[Step]:
    """Of a line, or (without one) of the sum that pays them all."""
    survey, photos = None, 0
    if line is not None:
        survey = line.household.surveys.filter(surveyed_on__lte=roster.made_on).order_by("-version").first()
        photos = Document.objects.filter(household=line.household, kind__in=PHOTOS).count()
    return [
        _payment(payment),
        _batch(payment),
        _list_approval(roster),
        _list_notice(roster),
        Step("review", _("%(who)s 编制") % {"who": roster.prepared_by.name}, roster.made_on, roster),
        _survey(survey, photos) if survey or photos else Step("survey", _("名册不另做调查")),
    ]


def _list_approval(roster: Roster) -> Step:
    if roster.approved_by is None:
        return Step("approval", _("还没有批准"))
    return Step("approval", _("%(who)s 批准") % {"who": roster.approved_by.name}, roster.approved_on, roster)


def _list_notice(roster: Roster) -> Step:
    if roster.notice_ends_on is None:
        return Step("notice", _("没有公示"))
    words = _("%(first)s 到 %(last)s") % {
        "first": day_short(roster.posted_on),
        "last": day_short(roster.notice_ends_on),
    }
    return Step("notice", words, roster.posted_on, roster)
