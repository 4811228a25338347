"""What an answer left open: who must act, whether the bank was asked, how it was settled. Nothing of it moves money."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from audit import clock
from audit.bulk import write_history
from audit.context import acting
from funds import duties
from funds.banking.matching import MATCHED, SentPayment, Verdict
from funds.errors import WrongPaymentState
from funds.models import BankFile, BankLine, BankTask

ASKS_THE_BANK = "cashier"
DECIDES = "fund_manager"
ANSWERED_BY_A_LATER_FILE = (BankTask.Kind.NO_ANSWER, BankTask.Kind.UNCLEAR_ANSWER)


def open_for(
    file: BankFile,
    verdicts: Iterable[Verdict],
    no_answer: Iterable[SentPayment],
    *,
    posted: set[int],
    late: Mapping[int, str],
) -> None:
    """A task for every line that moved nothing though it should have, and for every payment without an answer.

    A line that only repeats what was recorded before leaves nothing to do.
    """
    wanted = {
        v.line.line: v for v in verdicts if v.line.line in late or (v.column != MATCHED and v.line.line not in posted)
    }
    ids = dict(BankLine.objects.filter(file=file, n__in=wanted).values_list("n", "pk"))
    tasks = [
        BankTask(
            kind=BankTask.Kind.LATE_RETURN if n in late else verdict.reason,
            file=file,
            line_id=ids[n],
            payment_id=verdict.payment.key if verdict.payment else None,
            amount_fen=verdict.line.amount_fen,
            words=late.get(n) or verdict.words,
            role=DECIDES if n in late else ASKS_THE_BANK,
            opened_on=clock.today(),
        )
        for n, verdict in wanted.items()
    ]
    silent = {payment.key: payment for payment in no_answer}
    asked_before = BankTask.objects.filter(kind=BankTask.Kind.NO_ANSWER, state=BankTask.State.OPEN)
    for payment_id in asked_before.filter(payment__in=silent).values_list("payment_id", flat=True):
        del silent[payment_id]
    tasks += [
        BankTask(
            kind=BankTask.Kind.NO_ANSWER,
            file=file,
            payment_id=payment.key,
            amount_fen=payment.amount_fen,
            words=_("交给银行了，回单里没有这一笔。请先问银行，不要重发。"),
            role=ASKS_THE_BANK,
            opened_on=clock.today(),
        )
        for payment in silent.values()
    ]
    made = BankTask.objects.bulk_create(tasks, batch_size=1_000)
    write_history(BankTask, [task.pk for task in made], "+")


def settle_answered(file: BankFile, payment_ids: list[int], *, by: Any) -> None:
    """Close what asked for an answer that has now come. In the caller's transaction."""
    rows = BankTask.objects.filter(
        payment__in=payment_ids, kind__in=ANSWERED_BY_A_LATER_FILE, state=BankTask.State.OPEN
    )
    _close(rows, by=by, how=BankTask.How.ANSWERED, note=_("见回单 %(name)s") % {"name": file.filename})


def _close(rows: QuerySet[BankTask], *, by: Any, how: str, note: str) -> int:
    ids = list(rows.select_for_update(of=("self",)).values_list("pk", flat=True))
    BankTask.objects.filter(pk__in=ids).update(
        state=BankTask.State.SETTLED, settled_on=clock.today(), settled_by=by, how=how, note=note.strip()[:200]
    )
    write_history(BankTask, ids, "~")
    return len(ids)


@transaction.atomic
def asked(task_id: int, *, by: Any) -> BankTask:
    """The bank was asked; asked again keeps the first day. Raises NotYours, WrongPaymentState for a settled task."""
    task = _open(task_id, by)
    if task.asked_on is None:
        task.asked_on, task.asked_by = clock.today(), by
        with acting(by, reason="ask_bank"):
            task.save()
    return task


@transaction.atomic
def settle(task_id: int, *, by: Any, how: str, note: str = "") -> BankTask:
    """It is plain now what happened, and in words. No payment is moved, let alone sent again. Raises NotYours, WrongPaymentState."""
    task = BankTask.objects.select_for_update().get(pk=task_id)
    if (task.state, task.settled_by_id, task.how) == (BankTask.State.SETTLED, by.pk, how):
        return task  # pressed twice
    task = _open(task_id, by)
    _refuse_without_words(how, note)
    task.state, task.how, task.note = BankTask.State.SETTLED, how, note.strip()[:200]
    task.settled_on, task.settled_by = clock.today(), by
    with acting(by, reason="settle_bank_task"):
        task.save()
    return task


@transaction.atomic
def settle_together(task_ids: Iterable[int], *, by: Any, how: str, note: str = "") -> int:
    """Settle for one reason whatever is still open of these; returns how many. No payment is moved.

    Raises NotYours, WrongPaymentState where "another way" does not say which.
    """
    _refuse_without_words(how, note)
    rows = BankTask.objects.filter(pk__in=list(task_ids), state=BankTask.State.OPEN)
    for task in rows.select_related("payment__reservation__village"):
        _demand_post(task, by)
    with acting(by, reason="settle_bank_tasks"):
        return _close(rows, by=by, how=how, note=note)


def _refuse_without_words(how: str, note: str) -> None:
    if how == BankTask.How.OTHER and not note.strip():
        raise WrongPaymentState(_("选「其他」要写明是怎么解决的。"))


def _demand_post(task: BankTask, by: Any) -> None:
    if task.payment is None:
        duties.demand_somewhere(by, "answer")
    else:
        duties.demand(by, "answer", task.payment.reservation.village)


def _open(task_id: int, by: Any) -> BankTask:
    task = BankTask.objects.select_for_update().get(pk=task_id)
    _demand_post(task, by)
    if task.state != BankTask.State.OPEN:
        raise WrongPaymentState(_("这一件 %(day)s 已经解决了，请刷新看看。") % {"day": task.settled_on})
    return task
