"""The money of one case for its page: what is kept, each part and payment, cash, what came back, what is owed.

A fixed number of queries, whatever the number of parts and payments.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from access.roles import Ability
from access.scope import scope
from audit import clock
from casework import services_log
from casework.bank_words import returned_words
from casework.days import day_short
from casework.models import Case, CaseEvent
from casework.parts import GOING_ON, Part, next_of, parts_of, what_it_waits_for
from casework.second_person import with_answers
from casework.services_log import SERVED_IN
from casework.steps.parts import CHECKS
from funds import instalments
from funds import services as funds
from funds.models import Payment, Recovery, Reservation

STATE_WORDS = {
    "waiting": (gettext_lazy("还没付"), "none"),
    "under_way": (gettext_lazy("正在付"), "wait"),
    "paid": (gettext_lazy("付过了"), "ok"),
    "returned": (gettext_lazy("退回来了"), "act"),
    "cancelled": (gettext_lazy("不付了"), "end"),
}


@dataclass(frozen=True)
class Plan:
    """The newest reservation of a case, its payments and the parts they are made in."""

    reservation: Reservation | None = None
    payments: list[Payment] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    @property
    def next(self) -> Part | None:
        return next_of(self.parts)

    @property
    def open_count(self) -> int:
        """Parts that are not paid yet, those on their way included."""
        return sum(part.state not in ("paid", "cancelled") for part in self.parts)

    def why_not(self, action: str) -> str:
        """ "" or why this act of paying has nothing to do now."""
        if action == "payment_clawed_back" and all(one.state != Payment.State.CREDITED for one in self.payments):
            return _("没有已经到账的付款。")
        if not self.parts:
            return ""
        part = self.next
        if action == CHECKS and (part is None or not part.waits_for_check):
            return _("现在没有等核查的期次。")
        if action == "list_payment":
            return instalments.why_not_yet(part.row if part else None)
        return ""

    @property
    def note(self) -> str:
        """How far it is, for the strip: 1/3 期."""
        paid = sum(part.state == "paid" for part in self.parts)
        return _("%(paid)d/%(all)d 期") % {"paid": paid, "all": len(self.parts)} if self.parts else ""

    def next_words(self, today: datetime.date | None = None) -> str:
        part = self.next
        if part is None:
            return ""
        return _("下一期「%(part)s」：%(words)s。") % {
            "part": part.row.title,
            "words": what_it_waits_for(part.row, today or clock.today()),
        }


def plan_of(case: Case) -> Plan:
    """Three queries; none for a programme that moves no money."""
    if not case.spec.has_money:
        return Plan()
    reservation = Reservation.objects.filter(subject=case.subject).order_by("-id").first()
    payments = list(
        Payment.objects.filter(subject=case.subject)
        .select_related("batch", "provider")
        .prefetch_related(with_answers())
        .order_by("id")
    )
    return Plan(reservation, payments, parts_of(reservation, payments))


def money_page(case: Case, user: Any, plan: Plan, events: Iterable[CaseEvent], papers: Iterable[Any]) -> dict[str, Any]:
    """What the sections 钱 and 分期 of templates/cases/detail.html show."""
    if not case.spec.has_money:
        return {"payments": [], "parts": []}
    links = scope(user, Ability.FUND_VIEW).covers(case)
    taken_back = {event.data.get("payment") for event in events if event.action == "payment_clawed_back"}
    receipts = {paper.document.sha256: paper.document for paper in papers if paper.kind == "cash_receipt"}
    recovery = Recovery.objects.filter(subject=case.subject).order_by("-id").first()
    served = services_log.sums(services_log.unbilled(case)) if case.state in SERVED_IN else {"count": 0}
    return {
        "reservation": plan.reservation,
        "payments": [_payment(payment, taken_back, receipts, links) for payment in plan.payments],
        "parts": [_part(part, plan, links) for part in plan.parts],
        "parts_note": plan.note,
        "next_part": plan.next_words() if case.state in ("fund_reserved", *GOING_ON, "in_payment") else "",
        "paid_fen": funds.paid_fen([case.subject]).get(case.subject, 0),
        "recovery": recovery,
        "served": served,
        "has_services": case.provider_id is not None or case.services.exists(),
    }


def _payment(payment: Payment, taken_back: set[Any], receipts: dict[str, Any], links: bool) -> dict[str, Any]:
    handover = payment.handover
    return {
        "row": payment,
        "url": _batch_url(payment) if links else "",
        "returned": returned_words(payment.returned_reason),
        "taken_back": payment.pk in taken_back,
        "handover": handover,
        "asked": handover.countersign if handover else None,
        "receipt": receipts.get(handover.receipt_sha256) if handover else None,
    }


def _part(part: Part, plan: Plan, links: bool) -> dict[str, Any]:
    words, tone = STATE_WORDS[part.state]
    row = part.row
    checked = ""
    if row.checked_on:
        checked = _("%(name)s %(day)s：%(note)s") % {
            "name": row.checked_by.name,
            "day": day_short(row.checked_on),
            "note": row.check_note,
        }
    elif row.needs_check:
        checked = _("还没有核查") if part.state != "cancelled" else ""
    return {
        "row": row,
        "words": words,
        "tone": tone,
        "is_next": part is plan.next,
        "checked": checked or _("不用核查"),
        "payment": part.payment,
        "url": _batch_url(part.payment) if links and part.payment else "",
    }


def _batch_url(payment: Payment) -> str:
    return reverse("funds:batch", args=[payment.batch_id])


def what_ends(plan: Plan) -> str:
    """What stopping would give up, said before it is done."""
    left = [part for part in plan.parts if part.is_open]
    return ngettext(
        "还有 %(n)d 期没有付，停止以后不再付，钱解锁。", "还有 %(n)d 期没有付，停止以后不再付，钱解锁。", len(left)
    ) % {"n": len(left)}
