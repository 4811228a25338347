"""What happens to money. The only place that writes it; casework calls it with values, never with a Case."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Sum
from django.utils.translation import gettext as _
from django_fsm import can_proceed

from access import vault
from audit import clock
from funds import budget, freezing, instalments, ledger
from funds.errors import SamePerson, WrongDay, WrongPaymentState, WrongProposal
from funds.models import (
    Account,
    Allocation,
    Fund,
    ImprestSpend,
    Payment,
    PaymentBatch,
    Provider,
    Reservation,
    Transfer,
)
from funds.refusals import refusal_of


@transaction.atomic
def open_fund(
    code: str,
    name: str,
    *,
    source: str,
    unit: Any,
    programmes: list[str] | None = None,
    document_no: str = "",
    fiscal_level: str | None = None,
    purposes: list[str] | None = None,
    only_unit: Any = None,
    first_year: int | None = None,
    last_year: int | None = None,
) -> Fund:
    """A fund with its two accounts: where its money comes from, and what is available. Its earmarks never change."""
    fund = Fund.objects.create(
        code=code,
        name=name,
        source=source,
        unit=unit,
        programmes=programmes or [],
        document_no=document_no,
        fiscal_level=fiscal_level or None,
        purposes=purposes or None,
        only_unit=only_unit,
        first_year=first_year,
        last_year=last_year,
    )
    Account.objects.bulk_create([Account(fund=fund, kind=kind) for kind in ledger.FUND_LEVEL])
    return fund


@transaction.atomic
def receive(fund: Fund, amount_fen: int, *, key: str, document_no: str = "", reason: str = "") -> Transfer:
    """Money comes in from the fund's source."""
    transfer = ledger.post(
        "receive",
        amount_fen,
        key=key,
        fund_id=fund.pk,
        subject=f"fund:{fund.pk}",
        document_no=document_no,
        reason=reason,
    )
    ledger.settle_now()
    return transfer


@transaction.atomic
def allocate(
    fund: Fund, amount_fen: int, *, programme: str, unit: Any, year: int, key: str, document_no: str = ""
) -> Allocation:
    """Set money of a fund aside for one programme, unit and year. Raises FundShort, Earmarked."""
    allocation = budget.allocation_for(fund, programme, unit, year, document_no=document_no)
    if allocation.parent_id:
        raise WrongProposal(_("这一项是从上一级分配里划出来的，请在上一级增加。"))
    ledger.post(
        "allocate",
        amount_fen,
        key=key,
        fund_id=fund.pk,
        allocation_id=allocation.pk,
        subject=f"fund:{fund.pk}",
        document_no=document_no,
    )
    ledger.settle_now()
    return allocation


def reserve(
    *,
    subject: str,
    key: str,
    programme: str,
    village: Any,
    amount_fen: int,
    purpose: str = "",
    person_key: str | None = None,
    once_key: str | None = None,
) -> Reservation:
    """Keep money for an approved decision; the nearest unit's allocation pays.

    `purpose` is the cause of hardship, `person_key` whom it helps, `once_key` what may be decided only once.
    Raises NoFund, FundShort, Earmarked.
    """
    today = clock.today()
    allocation_id, fund_id = ledger.choose_allocation(programme, village, amount_fen, today, purpose)
    try:
        reservation = Reservation.objects.create(
            key=key,
            subject=subject,
            allocation_id=allocation_id,
            village=village,
            programme=programme,
            amount_fen=amount_fen,
            reserved_on=today,
            purpose=purpose or None,
            person_key=person_key,
            once_key=once_key,
        )
    except IntegrityError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error
    ledger.post(
        "reserve",
        amount_fen,
        key=f"{key}:reserve",
        fund_id=fund_id,
        allocation_id=allocation_id,
        subject=subject,
        reservation=reservation,
    )
    return reservation


def release(reservation: Reservation, *, reason: str) -> None:
    """Give back what a reservation still holds; parts that were not paid yet are cancelled.

    What the bank returns after that (退票) is held again, and a second release gives it back.

    Raises WrongPaymentState while a payment of it is under way, or what a township handed out is neither settled nor back.
    """
    if reservation.payments.filter(state__in=["listed", "sent", "unknown"]).exists():
        raise WrongPaymentState(_("这笔钱正在付，不能解锁。请先移出付款清单，或等银行回单。"))
    if reservation.imprest_spends.filter(ended_on__isnull=True).exists():
        raise WrongPaymentState(_("这笔钱已经从备用金发出去，不能解锁。请先补办手续，或者追回。"))
    settled_fen = reservation.imprest_spends.aggregate(fen=Sum("settled_fen", default=0))["fen"]
    spent = settled_fen + sum(p.amount_fen for p in reservation.payments.filter(state="credited"))
    rest_fen = reservation.amount_fen - spent - reservation.released_fen
    if rest_fen <= 0:
        return
    instalments.cancel_unpaid(reservation, reason=reason)
    earlier = f":{reservation.released_fen}" if reservation.released_fen else ""
    ledger.post(
        "release",
        rest_fen,
        key=f"{reservation.key}:release{earlier}",
        fund_id=reservation.allocation.fund_id,
        allocation_id=reservation.allocation_id,
        subject=reservation.subject,
        reservation=reservation,
        reason=reason,
    )
    reservation.released_fen += rest_fen
    reservation.save()


def paid_fen(subjects: Iterable[str]) -> dict[str, int]:
    """{subject: fen that reached somebody}, by the bank, in cash or out of a township's float. Two queries."""
    subjects = list(subjects)
    paid: dict[str, int] = {}
    credited = Payment.objects.filter(subject__in=subjects, state=Payment.State.CREDITED)
    handed_out = ImprestSpend.objects.filter(subject__in=subjects)
    for rows, fen in ((credited, Sum("amount_fen")), (handed_out, Sum(F("amount_fen") - F("back_fen")))):
        for subject, sum_fen in rows.order_by().values_list("subject").annotate(fen=fen):
            paid[subject] = paid.get(subject, 0) + sum_fen
    return paid


def paid_of(reservation: Reservation) -> int:
    """How many fen of this decision reached somebody, whichever way it went."""
    credited = reservation.payments.filter(state=Payment.State.CREDITED).aggregate(fen=Sum("amount_fen", default=0))
    handed_out = reservation.imprest_spends.aggregate(fen=Sum(F("amount_fen") - F("back_fen"), default=0))
    return credited["fen"] + handed_out["fen"]


def held_reservation(subject: str) -> Reservation | None:
    """The living reservation of a subject: the newest that has not been given back whole."""
    for reservation in Reservation.objects.filter(subject=subject).select_related("allocation").order_by("-id"):
        if reservation.released_fen < reservation.amount_fen:
            return reservation
    return None


@transaction.atomic
def open_batch(*, number: str, title: str, by: Any, cash_reason: str | None = None) -> PaymentBatch:
    """An empty payment batch; its maker may neither check nor release it. With `cash_reason` it is handed out in cash."""
    return PaymentBatch.objects.create(
        number=number,
        title=title,
        made_on=clock.today(),
        maker=by,
        maker_person_key=by.person_key,
        cash_reason=cash_reason,
    )


@dataclass(frozen=True)
class Payee:
    """Where a payment goes, as it stands at listing. `account_no` is in clear for as long as it takes to seal it.

    Cash goes to no account: then `account_no` is empty.
    """

    name: str
    person_key: str | None
    account_no: str
    account_index: str
    account_kind: str
    bank: str
    recorded_by_key: str
    provider: Provider | None = None


def list_payment(
    reservation: Reservation, batch: PaymentBatch, payee: Payee, *, key: str, replaces: Payment | None = None
) -> Payment:
    """Put the payment of a reservation, or its next instalment, on a batch that has not been checked.

    Raises WrongPaymentState when the batch has been checked, or no instalment may be paid today; a key used before raises
    IntegrityError.
    """
    if batch.state != PaymentBatch.State.DRAFT:
        raise WrongPaymentState(_("批次 %(number)s 已经复核，不能再加。请另建一批。") % {"number": batch.number})
    n, amount_fen = instalments.next_part(reservation)
    payment = Payment(
        key=key,
        subject=reservation.subject,
        reservation=reservation,
        batch=batch,
        replaces=replaces,
        instalment=n,
        amount_fen=amount_fen,
        provider=payee.provider,
        payee_name=payee.name,
        payee_person_key=payee.person_key,
        account_index=payee.account_index,
        account_last4=payee.account_no[-4:],
        account_kind=payee.account_kind,
        bank=payee.bank,
        account_recorded_by_key=payee.recorded_by_key,
        listed_on=clock.today(),
    )
    payment.account_sealed = vault.seal(payee.account_no, row=payment.account_row) if payee.account_no else b""
    payment.save()
    return payment


def unlist_payment(payment: Payment) -> None:
    """Take a payment off a batch that has not been released."""
    if payment.batch.state == PaymentBatch.State.RELEASED:
        raise WrongPaymentState(_("这一批已经交给银行，只能等回单。"))
    _move(payment, "cancel")


def check_batch(batch: PaymentBatch, *, by: Any) -> None:
    """The second pair of eyes. Raises SamePerson for the maker, WrongPaymentState when empty or not in draft."""
    if batch.state != PaymentBatch.State.DRAFT:
        raise WrongPaymentState(_("批次 %(number)s 不在待复核的状态。") % {"number": batch.number})
    if not batch.payments.filter(state=Payment.State.LISTED).exists():
        raise WrongPaymentState(_("批次 %(number)s 里没有付款，不用复核。") % {"number": batch.number})
    if by.person_key == batch.maker_person_key:
        raise SamePerson(_("制单和复核不能是同一个人。"))
    batch.state = PaymentBatch.State.CHECKED
    batch.checker, batch.checker_person_key, batch.checked_on = by, by.person_key, clock.today()
    batch.save()


def release_batch(batch: PaymentBatch, *, by: Any) -> None:
    """Hand a checked batch to the bank.

    Raises SamePerson: maker, checker, or whoever wrote down an account of it; PaymentsFrozen after a restore.
    """
    freezing.refuse_while_frozen()
    if batch.state != PaymentBatch.State.CHECKED:
        raise WrongPaymentState(_("批次 %(number)s 还没有复核，不能放行。") % {"number": batch.number})
    if not batch.payments.filter(state=Payment.State.LISTED).exists():
        raise WrongPaymentState(_("批次 %(number)s 里没有付款，不用放行。") % {"number": batch.number})
    if by.person_key in (batch.maker_person_key, batch.checker_person_key):
        raise SamePerson(_("制单、复核和放行要三个人，不能由同一个人办两样。"))
    if batch.payments.exclude(state=Payment.State.CANCELLED).filter(account_recorded_by_key=by.person_key).exists():
        raise SamePerson(_("这一批里有你登记的账户，要由别人放行。"))
    batch.state = PaymentBatch.State.RELEASED
    batch.releaser, batch.releaser_person_key, batch.released_on = by, by.person_key, clock.today()
    batch.save()


def send(payment: Payment) -> None:
    """The payment of a released batch is with the bank; its money leaves the commitment.

    Raises WrongPaymentState, PaymentsFrozen.
    """
    freezing.refuse_while_frozen()
    if payment.batch.state != PaymentBatch.State.RELEASED:
        raise WrongPaymentState(_("这一批还没有放行，请在批次页面放行整批。"))
    payment.sent_on = clock.today()
    _move(payment, "send")
    _post(payment, "send")


def refuse_wrong_day(sent_on: datetime.date | None, answered_on: datetime.date) -> None:
    """Raises WrongDay for an answer from before the payment was sent, or of a day to come."""
    if sent_on is not None and answered_on < sent_on:
        raise WrongDay(
            _("这笔钱 %(sent)s 才交出去，答复不能早于这一天（写的是 %(day)s）。请核对日期。")
            % {"sent": sent_on, "day": answered_on}
        )
    if answered_on > clock.today():
        raise WrongDay(_("%(day)s 还没有到，请核对日期。") % {"day": answered_on})


def credit(payment: Payment, *, bank_reference: str, answered_on: datetime.date) -> None:
    """The bank says: credited. Raises WrongDay, WrongPaymentState."""
    refuse_wrong_day(payment.sent_on, answered_on)
    payment.bank_reference, payment.answered_on = bank_reference, answered_on
    _move(payment, "settle")
    _post(payment, "settle")


def bounce(payment: Payment, *, bank_reference: str, reason: str, answered_on: datetime.date) -> None:
    """The bank sends it back, and says why; or cash was not taken. Raises WrongDay, WrongPaymentState, also while the second
    of those who handed it out has not answered."""
    refuse_wrong_day(payment.sent_on, answered_on)
    if payment.handovers.filter(countersign__answer="").exists():
        raise WrongPaymentState(_("有人记了这笔钱已经发到手，等另一个经手人答复。她答复以前，不能记成没有领取。"))
    payment.bank_reference, payment.answered_on, payment.returned_reason = bank_reference, answered_on, reason
    _move(payment, "bounce")
    _post(payment, "bounce", reason=reason)


def claw_back(payment: Payment, *, bank_reference: str, reason: str, answered_on: datetime.date) -> None:
    """The bank returns what it had reported as credited (退票); the entry falls into the month that is open.

    Raises WrongDay, WrongPaymentState.
    """
    refuse_wrong_day(payment.sent_on, answered_on)
    payment.bank_reference, payment.answered_on, payment.returned_reason = bank_reference, answered_on, reason
    _move(payment, "claw_back")
    _post(payment, "clawback", reason=reason)


@dataclass(frozen=True)
class Handover:
    """How cash was given: two persons, the receipt's picture by its fingerprint, how it was signed and by whom."""

    payers: tuple[Any, Any]
    handed_on: datetime.date
    place: str
    signed_how: str
    received_by: str
    receipt_sha256: str
    shares_receipt: bool = False  # one sheet, signed by several families of the batch on one day


def lose(payment: Payment) -> None:
    """The bank cannot say what became of it. No money moves, and it is not sent again until the bank can say."""
    _move(payment, "lose")


def _move(payment: Payment, verb: str) -> None:
    step = getattr(payment, verb)
    if not can_proceed(step):
        raise WrongPaymentState(
            _("付款 %(key)s 现在是「%(state)s」，不能这样办。")
            % {"key": payment.key, "state": payment.get_state_display()}
        )
    step()
    payment.save()


def _post(payment: Payment, kind: str, reason: str = "") -> None:
    reservation = payment.reservation
    ledger.post(
        kind,
        payment.amount_fen,
        key=f"{payment.key}:{kind}",
        fund_id=reservation.allocation.fund_id,
        allocation_id=reservation.allocation_id,
        subject=payment.subject,
        reservation=reservation,
        payment=payment,
        reason=reason,
    )
