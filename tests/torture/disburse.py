"""Payments on their way through the outbox, one step a promise: listed, checked, released, at the bank, answered.

Every step is what the desk does, in the transaction that ticks its promise off. The bank is a table to which the relay talks
over a connection of its own, so that what it was told stays told when the relay's transaction is rolled back; it pays a key
once, as banks do that deserve trust.
"""

import time
from contextlib import closing
from typing import Any

from django.db import DatabaseError, connection, transaction

from access.models import Staff
from audit import clock
from audit.context import acting
from funds import ledger, services
from funds.errors import FundsError
from funds.models import Fund, Payment, Reservation
from jobs import delivery, outbox, worker
from jobs.models import Outbox
from tests.world import START, load_world

PROGRAMME = "disburse"
FEN = 1_000

worker.OWN_LEASE_SECONDS = 0.05
worker.IDLE_SECONDS = 0.005
worker.BATCH = 4


def prepare(payments: int) -> Fund:
    """Money for so many payments, each decided and promised."""
    world = load_world()
    with clock.frozen_at(START), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS torture_bank (key text PRIMARY KEY, fen bigint, told int DEFAULT 1)")
        fund = services.open_fund("DISBURSE", "torture", source="fiscal", unit=world.county)
        services.receive(fund, payments * FEN, key="disburse:in")
        services.allocate(fund, payments * FEN, programme=PROGRAMME, unit=world.township, year=2026, key="disburse:to")
        for n in range(payments):
            key = f"disburse:{n}"
            services.reserve(subject=f"case:{key}", key=key, programme=PROGRAMME, village=world.village, amount_fen=FEN)
            outbox.put("torture.list", key=f"{key}:list", payload={"key": key})
        ledger.settle_now()
    return fund


def _step(topic: str, then: str | None = None) -> Any:
    """Register a step; the next one is promised in the same transaction."""

    def register(step: Any) -> Any:
        def handler(payload: dict[str, Any], outbox_id: int) -> None:
            with clock.frozen_at(START), acting(reason=topic):
                step(payload["key"], outbox_id)
                if then:
                    outbox.put(then, key=f"{payload['key']}:{then.removeprefix('torture.')}", payload=payload)
                ledger.settle_now()

        outbox.handles(topic)(handler)
        return step

    return register


def _by(name: str) -> Staff:
    return Staff.objects.get(username=name)


def _payment(key: str) -> Payment:
    return Payment.objects.select_related("reservation__allocation", "batch").get(key=key)


@_step("torture.list", then="torture.check")
def list_it(key: str, outbox_id: int) -> None:
    batch = services.open_batch(number=key, title="", by=_by("fund_manager"))
    reservation = Reservation.objects.select_related("allocation").get(key=key)
    payee = services.Payee("江正", None, "9999990000000000001", "x", "card", "禾丰农商银行", "nobody")
    services.list_payment(reservation, batch, payee, key=key)


@_step("torture.check", then="torture.release")
def check_it(key: str, outbox_id: int) -> None:
    services.check_batch(_payment(key).batch, by=_by("fund_checker"))


@_step("torture.release", then="torture.bank")
def release_it(key: str, outbox_id: int) -> None:
    payment = _payment(key)
    services.release_batch(payment.batch, by=_by("cashier"))
    services.send(payment)


def bank_key(outbox_id: int) -> str:
    """What the bank knows an order by: the promise's own number, the same however often it is told."""
    return f"outbox:{outbox_id}"


@_step("torture.bank", then="torture.answer")
def tell_the_bank(key: str, outbox_id: int) -> None:
    fen = _payment(key).amount_fen
    with closing(connection.copy()) as bank, bank.cursor() as cursor:
        cursor.execute(
            "INSERT INTO torture_bank (key, fen) VALUES (%s, %s) ON CONFLICT (key) DO UPDATE SET told = torture_bank.told + 1",
            [bank_key(outbox_id), fen],
        )
    time.sleep(0.02)  # until the bank has said that it knows


@_step("torture.answer")
def answer(key: str, outbox_id: int) -> None:
    services.credit(_payment(key), bank_reference=key, answered_on=clock.today())


def work() -> None:
    """A worker's process."""
    worker.Worker().run()


def hurry() -> None:
    """Let the leases of the dead run out now, as they would in time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE jobs_outbox SET leased_until = NULL, not_before = NULL, attempts = least(attempts, 2) WHERE done_at IS NULL"
        )


def open_promises() -> int:
    return Outbox.objects.filter(done_at__isnull=True).count()


def told() -> int:
    """How often the bank was told anything."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(told), 0) FROM torture_bank")
        return cursor.fetchone()[0]


def finish() -> None:
    """Do what is left, in this process. Raises RuntimeError when a promise cannot be kept."""
    for _turn in range(20):
        hurry()
        while claimed := delivery.claim(limit=50, lease_seconds=60):
            for outbox_id in claimed:
                try:
                    delivery.deliver(outbox_id)
                except (FundsError, DatabaseError) as refusal:
                    raise RuntimeError(f"promise {outbox_id} cannot be kept: {refusal}") from refusal
        if not open_promises():
            return
    raise RuntimeError(f"{open_promises()} promises are not kept")


def wrong(payments: int) -> list[str]:
    """What was lost or doubled; nothing when all is well."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*), coalesce(sum(fen), 0)::bigint FROM torture_bank
            """
        )
        orders, fen = cursor.fetchone()
        cursor.execute(
            """
            SELECT count(*) FILTER (WHERE state <> 'credited'), count(*),
                   count(*) FILTER (WHERE (SELECT count(*) FROM funds_transfer t WHERE t.payment_id = p.id) <> 2)
            FROM funds_payment p WHERE key LIKE 'disburse:%%'
            """
        )
        unpaid, listed, odd = cursor.fetchone()
    if listed != payments:
        found.append(f"{payments} were decided and {listed} listed")
    if unpaid:
        found.append(f"{unpaid} payments are lost on their way")
    if odd:
        found.append(f"{odd} payments did not move their money exactly once")
    if (orders, fen) != (payments, payments * FEN):
        found.append(f"the bank paid {orders} orders of {fen} fen for {payments} payments of {payments * FEN}")
    balance = ledger.balances([Fund.objects.get(code="DISBURSE")]).popitem()[1]
    if balance.paid_fen != payments * FEN or balance.total_fen != payments * FEN:
        found.append(f"the books say {balance}")
    checked = ledger.check()
    if checked.drift_fen or checked.negative_accounts:
        found.append(str(checked))
    return found
