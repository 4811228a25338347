"""Payment batches: many cases at once, each through act(), all in one transaction. A batch of a list is one set.

A single payment is a batch with one line. The maker builds, a second person checks, a third releases.
"""

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _

from access import confirming
from access.scope import Post
from audit import clock
from audit.context import acting
from casework import guards
from casework.acting import act, key_reused
from casework.batch_numbers import number_of
from casework.errors import BadCaseData, CaseworkError, NoSuchCase
from casework.models import Case, CaseEvent
from casework.rosters import looking_over
from casework.rosters import paying as rosters
from funds import bulk, ledger
from funds import services as funds
from funds.models import Payment, PaymentBatch


@dataclass(frozen=True)
class Answer:
    """What the bank says of one payment: credited, or returned with its reason, or (None) that it cannot say."""

    payment_id: int
    credited: bool | None
    reason: str = ""
    bank_reference: str = ""
    answered_on: datetime.date | None = None


@transaction.atomic
def build_batch(
    case_ids: Iterable[int],
    *,
    by: Any,
    key: str,
    title: str = "",
    cash_reason: str | None = None,
    looked_over: str = "",
) -> PaymentBatch:
    """List the payments of approved (or returned) cases on a new batch. All or nothing; `key` makes a retry harmless.

    With `cash_reason` it is handed out in cash, by two persons (domain §3.1: cash only as an exception).
    `looked_over` says how the maker looked at what casework.guards found; it stays in the history of the batch.
    Raises KeyReused, NoSuchCase, BadCaseData when no case is named, PaymentBarred, NotLookedOver, and whatever act()
    refuses with.
    """
    known = built_with(key, by=by)
    if known:
        return known
    ids = sorted(set(case_ids))
    if not ids:
        raise BadCaseData(_("一件也没有选。"))
    cases = Case.objects.in_bulk(ids)
    if len(cases) < len(ids):
        raise NoSuchCase(_("没有这个个案。"))
    if cash_reason is not None and any(case.provider_id for case in cases.values()):
        raise BadCaseData(_("付给单位的钱走银行，不发现金。请把付给单位的几件另建一批。"))
    with acting(by, reason=_looked("build_batch", looked_over)):
        batch = funds.open_batch(number=number_of(key), title=title, by=by, cash_reason=cash_reason)
    actions = {pk: "reissue" if case.state == "payment_returned" else "list_payment" for pk, case in cases.items()}
    _each(ids, lambda pk: act(pk, actions[pk], by=by, key=f"{key}:{pk}", data={"batch_id": batch.pk}))
    guards.demand_looked_over(lines_of(batch), looked_over)  # now that every case is held
    return batch


_LISTS = ("list_payment", "reissue")


def built_with(key: str, *, by: Any) -> PaymentBatch | None:
    """The batch that this very submission built before, on whatever day: the number of a batch has its day, what it
    listed keeps the key. Raises KeyReused for somebody else's, or when another submission has taken the number."""
    listed = CaseEvent.objects.filter(key__startswith=f"{key}:", action__in=_LISTS).order_by("id").first()
    if listed is not None and listed.by_id == by.pk:
        return PaymentBatch.objects.get(number=listed.data["batch"])
    if listed is not None or PaymentBatch.objects.filter(number=number_of(key)).exists():
        raise key_reused()
    return None


def lines_of(batch: PaymentBatch) -> Iterable[list[guards.Line]]:
    """The living lines of a batch, set by set, as casework.guards looks at them."""
    if looking_over.roster_of(batch) is not None:
        return looking_over.guarded(batch)
    return [guards.lines_of(batch.payments.exclude(state=Payment.State.CANCELLED))]


def _looked(verb: str, looked_over: str) -> str:
    return f"{verb}: {looked_over.strip()}" if looked_over.strip() else verb


def how_looked_over(batch: PaymentBatch) -> list[str]:
    """What maker and checker wrote about how they looked at what the guards had found, the first one first."""
    reasons = batch.history.order_by("history_id").values_list("history_change_reason", flat=True)
    told = (reason.partition(": ") for reason in reasons if reason)
    return [words for verb, _colon, words in told if verb in ("build_batch", "check_batch") and words]


def _each(case_ids: list[int], step: Callable[[int], Any]) -> None:
    """Take the same step on every case; of many a refusal names the one it is about."""
    for case_id in case_ids:
        try:
            step(case_id)
        except CaseworkError as refusal:
            if len(case_ids) > 1:
                case = Case.objects.get(pk=case_id)
                refusal.args = (f"{case.head_name}（{case.case_no}）：{refusal}",)
            raise


@transaction.atomic
def check_batch(batch_id: int, *, by: Any, key: str, looked_over: str = "") -> PaymentBatch:
    """The second pair of eyes, for every case of the batch. Raises PaymentBarred, NotLookedOver as build_batch does."""
    batch = PaymentBatch.objects.select_for_update().get(pk=batch_id)
    if batch.checker_id == by.pk:
        return batch  # pressed twice
    post = _pays_a_list(batch, "fund_checker", by)
    _each(
        _cases_of(batch, "listed"),
        lambda pk: act(pk, "check_payment", by=by, key=f"{key}:{pk}", data={"batch_id": batch.pk}),
    )
    guards.demand_looked_over(lines_of(batch), looked_over)
    with acting(by, on_behalf_of=post.principal if post else None, reason=_looked("check_batch", looked_over)):
        funds.check_batch(batch, by=by)
    return batch


@dataclass(frozen=True)
class Typed:
    """What the releaser has typed from the paper before her."""

    count: int
    total_fen: int


@transaction.atomic
def release_batch(
    batch_id: int,
    *,
    by: Any,
    key: str,
    typed: Typed | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> PaymentBatch:
    """Hand the batch to the bank, or its cash to the payers: every payment is sent, its money leaves the commitment.

    Raises NotConfirmed where the page did not ask the releaser who she is; PaymentBarred for what must not be paid any more;
    what maker and checker have looked at is not asked again.
    BadCaseData when the batch is no longer what was `typed`.
    """
    batch = PaymentBatch.objects.select_for_update().get(pk=batch_id)
    if batch.releaser_id == by.pk:
        return batch  # pressed twice
    confirming.demand(confirming.Kind.PAY)
    _refuse_another_sum(batch, typed)
    cases = _cases_of(batch, "listed")
    post = _pays_a_list(batch, "cashier", by)
    with acting(by, on_behalf_of=post.principal if post else None, reason="release_batch"):
        funds.release_batch(batch, by=by)
        if post is not None:
            guards.demand_sound(lines_of(batch))
            bulk.send_many(batch, progress=progress)
            ledger.settle_now()
            return batch
    _lock_money_of(batch.payments.filter(state=Payment.State.LISTED))
    _each(cases, lambda pk: act(pk, "release_payment", by=by, key=f"{key}:{pk}", data={"batch_id": batch.pk}))
    guards.demand_sound(lines_of(batch))
    return batch


def _refuse_another_sum(batch: PaymentBatch, typed: Typed | None) -> None:
    if typed is None:
        return
    now = batch.payments.filter(state=Payment.State.LISTED).aggregate(n=Count("id"), fen=Sum("amount_fen"))
    if (now["n"], now["fen"] or 0) != (typed.count, typed.total_fen):
        raise BadCaseData(_("这一批刚才有人改过，笔数或金额变了，没有放行。请重新看一遍再放行。"))


def _pays_a_list(batch: PaymentBatch, role: str, by: Any) -> Post | None:
    """The post of this `role` by which she takes this step for the list that the batch pays; None for a batch of cases,
    of which act() asks the same, case by case.

    Nobody takes two steps of a batch, nor one of a list that she prepared or approved, nor with the post of somebody who
    did. Raises NotYourTurn, SecondDuty.
    """
    roster = looking_over.roster_of(batch)
    if roster is None:
        return None
    return rosters.demand_post(roster, (role,), by, after=before_this(batch))


def before_this(batch: PaymentBatch) -> list[str]:
    """The natural persons who made and checked a batch."""
    return [key for key in (batch.maker_person_key, batch.checker_person_key) if key]


_ANSWERS = {True: "payment_credited", False: "payment_bounced", None: "payment_unknown"}


@transaction.atomic
def record_answers(answers: Iterable[Answer], *, by: Any, key: str) -> int:
    """Record what the bank answered, line by line; returns how many. A repeated answer with the same key changes nothing.

    Raises BadCaseData for a payment that is not with the bank, even when another one of its case is.
    """
    answers = {answer.payment_id: answer for answer in answers}
    payments = Payment.objects.in_bulk(answers)
    if len(payments) < len(answers):
        raise BadCaseData(_("这一件没有处在这一步的付款。"))
    _lock_money_of(Payment.objects.filter(pk__in=answers))
    of_lists = rosters.of_lists(payments.values())
    if of_lists:
        rosters.record([answers[pk] for pk in sorted(of_lists)], by=by)
    for payment in sorted((row for row in payments.values() if row.pk not in of_lists), key=_case_id):
        answer = answers[payment.pk]
        act(
            _case_id(payment),
            _ANSWERS[answer.credited],
            by=by,
            key=f"{key}:{payment.pk}",
            reason=answer.reason,
            data={
                "payment_id": payment.pk,
                "bank_reference": answer.bank_reference,
                "answered_on": (answer.answered_on or clock.today()).isoformat(),
            },
        )
    return len(answers)


def _lock_money_of(payments: QuerySet[Payment]) -> None:
    """Each act settles its own case, so two batches might else wait for each other's allocations."""
    ledger.lock_allocations(payments.values_list("reservation__allocation_id", flat=True))


def were_recorded(key: str, *, by: Any) -> bool:
    """Whether this very submission of answers was recorded before."""
    return CaseEvent.objects.filter(key__startswith=f"{key}:", by=by, action__in=_ANSWERS.values()).exists()


def _cases_of(batch: PaymentBatch, state: str) -> list[int]:
    return sorted(_case_id(payment) for payment in batch.payments.filter(state=state, subject__startswith="case:"))


def _case_id(payment: Payment) -> int:
    return int(payment.subject.removeprefix("case:"))
