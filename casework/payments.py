"""Payment batches: many cases at once, each through act(), all in one transaction. A batch of a list is one set.

A single payment is a batch with one line. The maker builds, a second person checks, a third releases.
"""

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from audit import clock
from audit.context import acting
from casework.acting import act, key_reused
from casework.errors import BadCaseData, CaseworkError, NoSuchCase
from casework.models import Case, CaseEvent
from casework.rosters import paying as rosters
from funds import ledger
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
def build_batch(case_ids: Iterable[int], *, by: Any, key: str, title: str = "") -> PaymentBatch:
    """List the payments of approved (or returned) cases on a new batch. All or nothing; `key` makes a retry harmless.

    Raises KeyReused, NoSuchCase, BadCaseData when no case is named, and whatever act() refuses with.
    """
    known = PaymentBatch.objects.filter(number=_number(key)).first()
    if known:
        if known.maker_id != by.pk:
            raise key_reused()
        return known
    ids = sorted(set(case_ids))
    if not ids:
        raise BadCaseData(_("一件也没有选。"))
    cases = Case.objects.in_bulk(ids)
    if len(cases) < len(ids):
        raise NoSuchCase(_("没有这个个案。"))
    with acting(by, reason="build_batch"):
        batch = funds.open_batch(number=_number(key), title=title, by=by)
    actions = {pk: "reissue" if case.state == "payment_returned" else "list_payment" for pk, case in cases.items()}
    _each(ids, lambda pk: act(pk, actions[pk], by=by, key=f"{key}:{pk}", data={"batch_id": batch.pk}))
    return batch


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


def _number(key: str) -> str:
    return f"PB-{clock.today():%Y%m%d}-{key[-8:].upper()}"


@transaction.atomic
def check_batch(batch_id: int, *, by: Any, key: str) -> PaymentBatch:
    """The second pair of eyes, for every case of the batch."""
    batch = PaymentBatch.objects.select_for_update().get(pk=batch_id)
    if batch.checker_id == by.pk:
        return batch  # pressed twice
    _refuse_who_decided_its_list(batch, by)
    _each(
        _cases_of(batch, "listed"),
        lambda pk: act(pk, "check_payment", by=by, key=f"{key}:{pk}", data={"batch_id": batch.pk}),
    )
    with acting(by, reason="check_batch"):
        funds.check_batch(batch, by=by)
    return batch


@transaction.atomic
def release_batch(batch_id: int, *, by: Any, key: str) -> PaymentBatch:
    """Hand the batch to the bank: every payment is sent, its money leaves the commitment."""
    batch = PaymentBatch.objects.select_for_update().get(pk=batch_id)
    if batch.releaser_id == by.pk:
        return batch  # pressed twice
    cases = _cases_of(batch, "listed")
    is_list = _refuse_who_decided_its_list(batch, by)
    with acting(by, reason="release_batch"):
        funds.release_batch(batch, by=by)
        if is_list:
            rosters.send(batch)
            ledger.settle_now()
    _each(cases, lambda pk: act(pk, "release_payment", by=by, key=f"{key}:{pk}", data={"batch_id": batch.pk}))
    return batch


def _refuse_who_decided_its_list(batch: PaymentBatch, by: Any) -> bool:
    """Whether the batch pays a list; who prepared or approved that list neither checks nor releases it."""
    roster = rosters.roster_of(batch)
    if roster is not None:
        rosters.refuse_who_decided(roster, by)
    return roster is not None


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


def were_recorded(key: str, *, by: Any) -> bool:
    """Whether this very submission of answers was recorded before."""
    return CaseEvent.objects.filter(key__startswith=f"{key}:", by=by, action__in=_ANSWERS.values()).exists()


def _cases_of(batch: PaymentBatch, state: str) -> list[int]:
    return sorted(_case_id(payment) for payment in batch.payments.filter(state=state, subject__startswith="case:"))


def _case_id(payment: Payment) -> int:
    return int(payment.subject.removeprefix("case:"))
