"""What the lists of batches and payments show: sums, words, whose turn."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from access.roles import title_of
from casework.desks.funds.figures import case_id_of
from casework.desks.funds.reach import cases_in_reach, holds, payments_in_reach
from casework.desks.funds.unanswered import CONDITIONS
from casework.models import Case
from funds.models import Payment, PaymentBatch

S = Payment.State
PAYMENT_TONES = {
    S.LISTED: "wait",
    S.SENT: "wait",
    S.CREDITED: "ok",
    S.RETURNED: "act",
    S.UNKNOWN: "soon",
    S.CANCELLED: "end",
}


@dataclass
class BatchRow:
    """One batch with the sums of its lines within reach; cancelled lines do not count."""

    batch: PaymentBatch
    sums: dict[str, tuple[int, int]] = field(default_factory=dict)  # {state: (count, fen)}
    waiting_again: int = 0
    user: Any = None

    @property
    def count(self) -> int:
        return sum(n for state, (n, _fen) in self.sums.items() if state != S.CANCELLED)

    @property
    def total_fen(self) -> int:
        return sum(fen for state, (_n, fen) in self.sums.items() if state != S.CANCELLED)

    def n(self, *states: str) -> int:
        return sum(self.sums.get(state, (0, 0))[0] for state in states)

    def fen(self, *states: str) -> int:
        return sum(self.sums.get(state, (0, 0))[1] for state in states)

    @property
    def unanswered(self) -> int:
        return self.n(S.SENT, S.UNKNOWN)

    @property
    def stage(self) -> str:
        """empty, draft, checked, sent, returned or done."""
        if not self.count:
            return "empty"
        if self.batch.state != PaymentBatch.State.RELEASED:
            return self.batch.state
        if self.unanswered:
            return "sent"
        return "returned" if self.waiting_again else "done"

    @property
    def words(self) -> str:
        if self.stage == "done" and self.n(S.RETURNED):
            return _("都有结果了")
        return {
            "empty": _("已空"),
            "draft": _("等复核"),
            "checked": _("等放行"),
            "sent": _("等发到手") if self.batch.is_cash else _("等银行答复"),
            "returned": _("有退回"),
            "done": _("全部发到手") if self.batch.is_cash else _("全部到账"),
        }[self.stage]

    @property
    def tone(self) -> str:
        return {"empty": "end", "draft": "soon", "checked": "soon", "sent": "wait", "returned": "act", "done": "ok"}[
            self.stage
        ]

    @property
    def is_mine(self) -> bool:
        """Whether it waits for this user's post and for her as a person."""
        person = self.user.person_key
        if self.stage == "draft":
            return holds(self.user, "check") and person != self.batch.maker_person_key
        if self.stage == "checked":
            return holds(self.user, "release") and person not in (
                self.batch.maker_person_key,
                self.batch.checker_person_key,
            )
        return self.stage == "sent" and holds(self.user, "answer")

    @property
    def turn(self) -> str:
        if self.is_mine:
            return _("你")
        return {
            "draft": title_of("fund_checker"),
            "checked": title_of("cashier"),
            "sent": title_of("cashier") if self.batch.is_cash else _("银行"),
            "returned": title_of("fund_manager")
            if self.batch.is_cash
            else ngettext("村里改 %(n)d 个账户", "村里改 %(n)d 个账户", self.waiting_again) % {"n": self.waiting_again},
        }.get(self.stage, "—")


def batch_rows(batches: Iterable[PaymentBatch], user: Any) -> list[BatchRow]:
    """The batches with their sums: one query for all lines, one for the returned ones that were not sent again."""
    rows = {batch.pk: BatchRow(batch, user=user) for batch in batches}
    if not rows:
        return []
    lines = payments_in_reach(user).filter(batch__in=rows).order_by()
    for batch_id, state, n, fen in lines.values_list("batch_id", "state").annotate(
        n=Count("id"), fen=Sum("amount_fen")
    ):
        rows[batch_id].sums[state] = (n, fen)
    again = lines.filter(CONDITIONS["returned"]).values_list("batch_id").annotate(n=Count("id"))
    for batch_id, n in again:
        rows[batch_id].waiting_again = n
    return list(rows.values())


def payment_words(payment: Payment) -> str:
    """Where a payment stands; cash is with the payers and not with a bank. `batch` should be selected."""
    if payment.batch.is_cash:
        words = {S.SENT: _("等发到手"), S.CREDITED: _("已发到手")}.get(payment.state)
        if words:
            return words
    return payment.get_state_display()


def cases_of(payments: Iterable[Payment], user: Any) -> dict[int, Case]:
    """{payment id: its case} for those within reach, one query."""
    ids = {payment.pk: case_id_of(payment.subject) for payment in payments}
    known = cases_in_reach(user).select_related("village").in_bulk([pk for pk in set(ids.values()) if pk])
    return {payment_id: known[case_id] for payment_id, case_id in ids.items() if case_id in known}
