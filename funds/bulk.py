"""The verbs of funds.services for lists of many payees: the same rows, history, chain and laws, set by set.

    ids = reserve_many([Wanted("roster:12:7", village, 300_00), ...], programme="visit_condolence")
    list_many([Listing(reservation_id, payee, "roster:12:7:pay:1"), ...], batch)
    send_many(batch)
    credit_many([Credited(payment_id, reference, day), ...])

Rows are written with COPY and INSERT … SELECT, a few thousand at a time, so memory does not grow with the list; every
trigger fires as for a single row. Everything happens in the caller's transaction, which ends with `ledger.settle_now()`.
"""

import datetime
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import IntegrityError, connection
from django.utils import timezone
from django.utils.translation import gettext as _

from access import vault
from audit import clock
from audit.bulk import copy_rows, next_ids, write_history
from audit.context import current
from funds import freezing, instalments, ledger
from funds.errors import WrongPaymentState
from funds.models import Payment, PaymentBatch, Reservation, Transfer
from funds.models.payments import account_row
from funds.refusals import refusal_of
from funds.services import Payee, refuse_wrong_day

SET = 5_000  # rows written by one statement

Progress = Callable[[int], None]  # is told how many of the whole are done


def _silent(done: int) -> None: ...


def in_sets(rows: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """The rows in the sets in which this module writes them."""
    rows = iter(rows)
    while part := tuple(islice(rows, SET)):
        yield part


@dataclass(frozen=True, slots=True)
class Wanted:
    """One reservation: what `services.reserve` is asked for. `key` is its subject as well, a stream of its own."""

    key: str
    village: Any
    amount_fen: int
    purpose: str = ""
    person_key: str | None = None
    once_key: str | None = None


def reserve_many(wanted: Iterable[Wanted], *, programme: str, progress: Progress = _silent) -> list[int]:
    """Keep money for many approved decisions; returns the reservations' ids in the order of `wanted`.

    Each is paid by the nearest unit's allocation that still has enough after those before it.
    Raises NoFund, FundShort, Earmarked.
    """
    _by_index()
    today, made, purses = clock.today(), [], _Purses(programme, clock.today().year)
    for part in in_sets(wanted):
        ids = next_ids(Reservation, len(part))
        rows = [
            (
                pk, one.key, one.key, purses.take(one), one.village.pk, programme, one.amount_fen, 0, today,
                one.purpose or None, one.person_key, one.once_key,
            )
            for pk, one in zip(ids, part, strict=True)
        ]  # fmt: skip
        _speaking(copy_rows, Reservation, _RESERVATION, rows)
        write_history(Reservation, ids, "+")
        _speaking(_post_reservations, "reserve", {pk: one.amount_fen for pk, one in zip(ids, part, strict=True)})
        made += ids
        progress(len(made))
    return made


_RESERVATION = (
    "id", "key", "subject", "allocation_id", "village_id", "programme", "amount_fen", "released_fen", "reserved_on",
    "purpose", "person_key", "once_key",
)  # fmt: skip


class _Purses:
    """What each allocation has left while a list is reserved; its own lines are not in the balances yet."""

    def __init__(self, programme: str, year: int) -> None:
        self.programme, self.year = programme, year
        self.free_fen: dict[int, int] = {}
        self.payable: dict[tuple[int, str], list[tuple[int, int]]] = {}

    def take(self, one: Wanted) -> int:
        """The allocation that pays. Raises NoFund, FundShort."""
        place = (one.village.pk, one.purpose)
        if place not in self.payable:
            found = ledger.payable_allocations(self.programme, one.village, self.year, one.purpose)
            self.payable[place] = [(allocation_id, fund_id) for allocation_id, fund_id, _free in found]
            for allocation_id, _fund_id, free_fen in found:
                self.free_fen.setdefault(allocation_id, free_fen)
        choices = [(pk, fund_id, self.free_fen[pk]) for pk, fund_id in self.payable[place]]
        allocation_id, _fund_id = ledger.pick(choices, one.amount_fen, self.year)
        self.free_fen[allocation_id] -= one.amount_fen
        return allocation_id


def release_many(reservation_ids: Iterable[int], *, reason: str, progress: Progress = _silent) -> int:
    """Give back what these reservations still hold; returns how many held anything.

    What the bank returns after that (退票) is held again, and a second release gives it back.

    Raises WrongPaymentState while a payment of one of them is under way, or what a township handed out is open.
    """
    _by_index()
    done = freed = 0
    for part in in_sets(reservation_ids):
        done += len(part)
        rest = _rest_of(part)
        for reservation in Reservation.objects.filter(pk__in=rest, instalments__isnull=False).distinct():
            instalments.cancel_unpaid(reservation, reason=reason)
        _speaking(_post_reservations, "release", rest, reason)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE funds_reservation r SET released_fen = r.released_fen + x.fen"
                " FROM unnest(%s::bigint[], %s::bigint[]) x (id, fen) WHERE r.id = x.id",
                [list(rest), list(rest.values())],
            )
        write_history(Reservation, list(rest), "~")
        freed += len(rest)
        progress(done)
    return freed


def _rest_of(ids: Sequence[int]) -> dict[int, int]:
    """{reservation id: fen that it still holds}, without those that hold nothing. Raises WrongPaymentState."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT r.id, r.amount_fen - r.released_fen - coalesce(p.credited, 0) - coalesce(s.settled, 0),
                   coalesce(p.under_way, false), coalesce(s.handed_out, false)
            FROM funds_reservation r LEFT JOIN LATERAL (
              SELECT sum(amount_fen) FILTER (WHERE state = 'credited')::bigint AS credited,
                     bool_or(state IN ('listed', 'sent', 'unknown')) AS under_way
              FROM funds_payment WHERE reservation_id = r.id) p ON true
            LEFT JOIN LATERAL (
              SELECT sum(settled_fen)::bigint AS settled, bool_or(ended_on IS NULL) AS handed_out
              FROM funds_imprestspend WHERE reservation_id = r.id) s ON true
            WHERE r.id = ANY (%s) ORDER BY r.id FOR NO KEY UPDATE OF r
            """,
            [list(ids)],
        )
        rows = cursor.fetchall()
    if any(under_way for _id, _fen, under_way, _handed_out in rows):
        raise WrongPaymentState(_("这笔钱正在付，不能解锁。请先移出付款清单，或等银行回单。"))
    if any(handed_out for _id, _fen, _under_way, handed_out in rows):
        raise WrongPaymentState(_("这笔钱已经从备用金发出去，不能解锁。请先补办手续，或者追回。"))
    return {pk: fen for pk, fen, _under_way, _handed_out in rows if fen > 0}


# --- payments --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listing:
    """One payment to be listed: what `services.list_payment` is asked for."""

    reservation_id: int
    payee: Payee
    key: str
    replaces_id: int | None = None


def list_many(listings: Iterable[Listing], batch: PaymentBatch, *, progress: Progress = _silent) -> int:
    """Put many payments on a batch that has not been checked; returns how many.

    `listings` is read as a stream: account numbers are in clear for one set at a time. Raises WrongPaymentState.
    """
    if batch.state != PaymentBatch.State.DRAFT:
        raise WrongPaymentState(_("批次 %(number)s 已经复核，不能再加。请另建一批。") % {"number": batch.number})
    _by_index()
    today, done = clock.today(), 0
    for part in in_sets(listings):
        parts = _parts_of([one.reservation_id for one in part])
        ids = next_ids(Payment, len(part))
        rows = [_row(pk, one, parts[one.reservation_id], batch, today) for pk, one in zip(ids, part, strict=True)]
        _speaking(copy_rows, Payment, _PAYMENT, rows)
        write_history(Payment, ids, "+")
        done += len(part)
        progress(done)
    return done


_PAYMENT = (
    "id", "uid", "key", "subject", "reservation_id", "batch_id", "instalment", "replaces_id", "amount_fen", "state",
    "payee_name", "payee_person_key", "account_sealed", "account_index", "account_last4", "account_kind", "bank",
    "account_recorded_by_key", "listed_on", "bank_reference", "returned_reason", "provider_id",
)  # fmt: skip


def _row(
    pk: int, one: Listing, part: tuple[str, int, int], batch: PaymentBatch, today: datetime.date
) -> tuple[Any, ...]:
    subject, n, amount_fen = part
    payee, uid = one.payee, uuid.uuid4()
    sealed = vault.seal(payee.account_no, row=account_row(uid)) if payee.account_no else b""
    return (
        pk, uid, one.key, subject, one.reservation_id, batch.pk, n, one.replaces_id, amount_fen, "listed",
        payee.name, payee.person_key, sealed, payee.account_index, payee.account_no[-4:], payee.account_kind, payee.bank,
        payee.recorded_by_key, today, "", "", payee.provider.pk if payee.provider else None,
    )  # fmt: skip


def _parts_of(ids: Sequence[int]) -> dict[int, tuple[str, int, int]]:
    """{reservation id: (subject, number of the instalment, fen)} of what may be paid today. Raises WrongPaymentState."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.id, r.subject, r.amount_fen - r.released_fen,"
            " EXISTS (SELECT 1 FROM funds_instalment i WHERE i.reservation_id = r.id)"
            " FROM funds_reservation r WHERE r.id = ANY (%s)",
            [list(ids)],
        )
        found = {pk: (subject, 1, fen, planned) for pk, subject, fen, planned in cursor.fetchall()}
    parts = {pk: (subject, n, fen) for pk, (subject, n, fen, _planned) in found.items()}
    for reservation in Reservation.objects.filter(pk__in=[pk for pk, row in found.items() if row[3]]):
        parts[reservation.pk] = (reservation.subject, *instalments.next_part(reservation))
    return parts


def send_many(batch: PaymentBatch, *, progress: Progress = _silent) -> int:
    """Every listed payment of a released batch is with the bank; returns how many. Raises WrongPaymentState, PaymentsFrozen."""
    freezing.refuse_while_frozen()
    if batch.state != PaymentBatch.State.RELEASED:
        raise WrongPaymentState(_("这一批还没有放行，请在批次页面放行整批。"))
    _by_index()
    ids = list(batch.payments.filter(state=Payment.State.LISTED).order_by("id").values_list("pk", flat=True))
    done = 0
    for part in in_sets(ids):
        _move("send", part, "state = 'sent', sent_on = %s", [clock.today()])
        done += len(part)
        progress(done)
    return done


@dataclass(frozen=True, slots=True)
class Credited:
    """What the bank says of one payment: it has arrived."""

    payment_id: int
    bank_reference: str
    answered_on: datetime.date


@dataclass(frozen=True, slots=True)
class Bounced:
    """What the bank says of one payment: it comes back, and why."""

    payment_id: int
    bank_reference: str
    reason: str
    answered_on: datetime.date


def credit_many(answers: Iterable[Credited], *, progress: Progress = _silent) -> int:
    """The bank says of these: credited; returns how many.

    Raises WrongPaymentState for one that is not with the bank, WrongDay for one answered before it was sent.
    """
    _by_index()
    done = 0
    for part in in_sets(answers):
        _answer(
            "settle",
            [(one.payment_id, one.bank_reference, one.answered_on, None) for one in part],
            "state = 'credited', bank_reference = x.reference, answered_on = x.day",
        )
        done += len(part)
        progress(done)
    return done


def bounce_many(answers: Iterable[Bounced], *, progress: Progress = _silent) -> int:
    """The bank sends these back, and says why; returns how many. Raises WrongPaymentState, WrongDay."""
    _by_index()
    done = 0
    for part in in_sets(answers):
        _answer(
            "bounce",
            [(one.payment_id, one.bank_reference, one.answered_on, one.reason) for one in part],
            "state = 'returned', bank_reference = x.reference, answered_on = x.day, returned_reason = x.reason",
        )
        done += len(part)
        progress(done)
    return done


def lose_many(payment_ids: Iterable[int]) -> int:
    """The bank cannot say what became of these. No money moves. Raises WrongPaymentState."""
    _by_index()
    done = 0
    for part in in_sets(payment_ids):
        _move("", part, "state = 'unknown'", [], source=_WITH_THE_BANK)
        done += len(part)
    return done


_LISTED, _WITH_THE_BANK = ("listed",), ("sent", "unknown")


def _move(kind: str, ids: Sequence[int], change: str, values: list[Any], source: tuple[str, ...] = _LISTED) -> None:
    """Change payments that are in one of the `source` states, keep their history, and move their money (`kind`)."""
    with connection.cursor() as cursor:
        _speaking(
            cursor.execute,
            f"UPDATE funds_payment SET {change} WHERE id = ANY (%s) AND state = ANY (%s)",
            [*values, list(ids), list(source)],
        )
        moved = cursor.rowcount
    _after(kind, ids, moved, source)


def _answer(kind: str, rows: list[tuple[int, str, datetime.date, str | None]], change: str) -> None:
    """The same with a value for each payment: x.reference, x.day, x.reason."""
    ids, references, days, reasons = (list(column) for column in zip(*rows, strict=True))
    sent = dict(Payment.objects.filter(pk__in=ids).values_list("pk", "sent_on"))
    for sent_on, day in {(sent.get(pk), day) for pk, day in zip(ids, days, strict=True)}:
        refuse_wrong_day(sent_on, day)
    with connection.cursor() as cursor:
        # A list that was released just now has states that nothing has counted: taken for none, all of it would be compared
        # with each of the answers. So the state is asked of what the numbers have found.
        _speaking(
            cursor.execute,
            f"UPDATE funds_payment p SET {change}"
            " FROM unnest(%s::bigint[], %s::text[], %s::date[], %s::text[]) x (id, reference, day, reason)"
            " WHERE p.id = x.id AND p.state || '' = ANY (%s)",
            [ids, references, days, reasons, list(_WITH_THE_BANK)],
        )
        moved = cursor.rowcount
    _after(kind, ids, moved, _WITH_THE_BANK)


def _after(kind: str, ids: Sequence[int], moved: int, source: tuple[str, ...]) -> None:
    if moved < len(ids):
        raise _wrong_state(ids, moved, source)
    write_history(Payment, sorted(ids), "~")
    if kind:
        _speaking(_post_payments, kind, sorted(ids))


def _wrong_state(ids: Sequence[int], moved: int, source: tuple[str, ...]) -> WrongPaymentState:
    """Which one it was: changed rows have left `source` by now, so of those that never were in it the newest tells."""
    past = Payment.history.model
    for payment in Payment.objects.filter(pk__in=ids).order_by("pk"):
        last = past.objects.filter(id=payment.pk).order_by("-history_id").first()
        if last is None or last.state not in source:
            return WrongPaymentState(
                _("付款 %(key)s 现在是「%(state)s」，不能这样办。")
                % {"key": payment.key, "state": payment.get_state_display()}
            )
    return WrongPaymentState(_("有 %(n)d 笔付款不在这一步，一笔也没有记。请刷新再看。") % {"n": len(ids) - moved})


# Named apart, so that the rows are looked up by their id: nothing has counted them, and they would be taken for a handful.
_POST = """
WITH named AS MATERIALIZED (
  SELECT {row}.key, {row}.subject, {row}.id AS nth, {fen} AS fen, {payment}::bigint AS payment_id, {reason} AS reason, {again} AS again,
         r.id AS reservation_id, r.allocation_id
  FROM {tables} WHERE {row}.id = ANY (%(ids)s))
INSERT INTO funds_transfer (key, kind, debit_id, credit_id, amount_fen, subject, reservation_id, payment_id, reason,
  document_no, business_date, recorded_at, recorded_by_id)
SELECT n.key || ':' || %(kind)s || n.again, %(kind)s, d.id, c.id, n.fen, n.subject, n.reservation_id, n.payment_id, n.reason,
  '', %(today)s, %(now)s, %(by)s
FROM named n
  JOIN funds_account d ON d.allocation_id = n.allocation_id AND d.kind = %(gives)s
  JOIN funds_account c ON c.allocation_id = n.allocation_id AND c.kind = %(receives)s
ORDER BY n.nth
"""


def _post_payments(kind: str, ids: Sequence[int]) -> None:
    reason = "p.returned_reason" if kind == "bounce" else "''"
    _post(
        _POST.format(
            row="p",
            again="''",
            fen="p.amount_fen",
            payment="p.id",
            reason=reason,
            tables="funds_payment p JOIN funds_reservation r ON r.id = p.reservation_id",
        ),
        kind,
        ids,
    )


def _post_reservations(kind: str, fen: dict[int, int], reason: str = "") -> None:
    """`fen` {reservation id: fen}; a second release has a key of its own, as `services.release` gives it."""
    again = "CASE WHEN r.released_fen > 0 THEN ':' || r.released_fen ELSE '' END"
    _post(
        _POST.format(
            row="r",
            again=again if kind == "release" else "''",
            fen="x.fen",
            payment="NULL",
            reason="%(reason)s::text",
            tables="funds_reservation r JOIN unnest(%(ids)s::bigint[], %(fen)s::bigint[]) x (id, fen) ON x.id = r.id",
        ),
        kind,
        list(fen),
        fen=list(fen.values()),
        reason=reason,
    )


def _post(statement: str, kind: str, ids: Sequence[int], **more: Any) -> None:
    gives, receives = ledger.SIDES[Transfer.Kind(kind)]
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "kind": kind,
                "gives": str(gives),
                "receives": str(receives),
                "ids": list(ids),
                "today": clock.today(),
                "now": timezone.now(),
                "by": current().by_id,
                **more,
            },
        )


def _speaking(step: Callable[..., Any], *args: Any) -> None:
    """Take a step; a law of the ledger that refuses it speaks as it does to a single row."""
    try:
        with connection.wrap_database_errors:
            step(*args)
    except IntegrityError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def _by_index() -> None:
    """Plan the laws' look-ups anew, by index.

    PostgreSQL keeps the plans of its triggers and foreign keys. One that was made while a table was small reads the whole
    table for each row, and this transaction makes it large before anything has counted its rows.
    """
    with connection.cursor() as cursor:
        cursor.execute("DISCARD PLANS")
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL jit = off")
