"""Books to try things with: money that comes, is promised, paid, returned; months that are closed by two persons."""

import datetime
import itertools
from typing import Any

from django.db import connection, transaction

from audit import clock
from audit.context import acting
from funds import ledger, periods, proposals
from funds import services as funds
from funds.models import Fund, Payment, PaymentBatch, Period, Reservation
from tests.owner import owner
from tests.world import World

_serial = itertools.count(1)


def settle() -> None:
    """Move the balances that the commit would move."""
    ledger.settle_now()


def on(month: int, day: int, year: int = 2026) -> Any:
    """That day's business, as a context."""
    return clock.frozen_at(datetime.date(year, month, day))


def sql(statement: str, *params: Any) -> None:
    with transaction.atomic(), owner(), connection.cursor() as cursor:
        cursor.execute(statement, params)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def reserve(
    world: World, amount_fen: int, subject: str, village: Any = None, programme: str = "disaster_relief"
) -> Reservation:
    with acting(world.township_approver, reason="reserve"):
        made = funds.reserve(
            subject=subject,
            key=f"r:{next(_serial)}",
            programme=programme,
            village=village or world.village,
            amount_fen=amount_fen,
        )
        settle()
    return made


def payment(world: World, reservation: Reservation, upto: str = "sent", *, cash_reason: str | None = None) -> Payment:
    """Of this reservation, in a batch of its own: "sent", "credited" or "returned"."""
    (made,) = sent_together(world, reservation, cash_reason=cash_reason)
    answer(made, upto)
    return made


def sent_together(world: World, *reservations: Reservation, cash_reason: str | None = None) -> list[Payment]:
    """Payments of these reservations in one batch that was sent."""
    with acting(world.fund_manager, reason="pay"):
        batch = funds.open_batch(
            number=f"B{next(_serial):05}", title="", by=world.fund_manager, cash_reason=cash_reason
        )
        made = []
        for reservation in reservations:
            n = next(_serial)
            payee = funds.Payee("江甲", None, f"999999{n:013d}", f"{n:032d}", "card", "禾丰农商银行", "x" * 32)
            made.append(funds.list_payment(reservation, batch, payee, key=f"{reservation.subject}:pay:{n}"))
        funds.check_batch(batch, by=world.fund_checker)
        funds.release_batch(batch, by=world.cashier)
        for payment in made:
            funds.send(payment)
        settle()
    return made


def answer(paid: Payment, what: str, on: datetime.date | None = None) -> None:
    said = {"bank_reference": "HF1", "answered_on": on or clock.today()}
    if what == "credited":
        funds.credit(paid, **said)
    elif what == "returned":
        funds.bounce(paid, reason="已销户", **said)
    elif what == "clawed back":
        funds.claw_back(paid, reason="退票", **said)
    settle()


def close(world: World, year: int, month: int, *, unit: Any = None) -> Period:
    """Proposed by the fund manager, confirmed by the checker, today; the database's clock goes with it."""
    clock.move_to(clock.today())
    made = periods.propose_closing(
        unit or world.county, year, month, by=world.fund_manager, key=f"close:{next(_serial)}", reason="月末结账"
    )
    return Period.objects.get(pk=proposals.confirm(made.pk, by=world.fund_checker).result["period"])


def batch_of(paid: Payment) -> PaymentBatch:
    return PaymentBatch.objects.get(pk=paid.batch_id)


def another_fund(unit: Any, code: str = "GIFT", **more: Any) -> Fund:
    return funds.open_fund(code, code, source=more.pop("source", "raised"), unit=unit, **more)
