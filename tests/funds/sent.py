"""Payments that are with the bank, quickly: no case stands behind them, only money that was decided and released."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import transaction

from access.vault import blind_index
from audit.context import acting
from funds import bank_files, ledger
from funds import services as funds
from funds.bank_files import Said
from funds.banking.reasons import CREDITED, UNCLEAR
from funds.banking.writing import PayLine
from funds.models import Payment, PaymentBatch
from tests.world import DEMO, World

PREFIX = "plain"


def demo_lines(batch_no: str) -> list[PayLine]:
    with (DEMO / "payment-roster.csv").open(encoding="utf-8-sig") as roster:
        return [
            PayLine(
                row["serial_no"],
                row["payee_name"],
                row["account_no"],
                round(float(row["amount_yuan"]) * 100),
                row["bank"],
            )
            for row in csv.DictReader(roster)
            if row["batch_no"] == batch_no
        ]


@transaction.atomic
def send(world: World, lines: Iterable[PayLine], *, number: str = "PB-1", upto: str = "sent") -> PaymentBatch:
    """A batch of these lines, released to the bank; the serial of a line is the key of its payment."""
    with acting(world.fund_manager, reason="test"):
        batch = funds.open_batch(number=number, title="四月", by=world.fund_manager)
        payments = [_listed(world, batch, line) for line in lines]
        funds.check_batch(batch, by=world.fund_checker)
        if upto == "checked":
            return batch
        funds.release_batch(batch, by=world.cashier)
        for payment in payments:
            funds.send(payment)
    ledger.settle_now()
    return batch


def _listed(world: World, batch: PaymentBatch, line: PayLine) -> Payment:
    reservation = funds.reserve(
        subject=f"{PREFIX}:{line.serial}",
        key=f"reserve:{line.serial}",
        programme="disaster_relief",
        village=world.village,
        amount_fen=line.amount_fen,
    )
    payee = funds.Payee(
        name=line.name,
        person_key=None,
        account_no=line.account,
        account_index=blind_index("account", line.account),
        account_kind="card",
        bank=line.bank,
        recorded_by_key="",
    )
    payment = funds.list_payment(reservation, batch, payee, key=line.serial)
    payment.batch = batch
    return payment


def more_money(world: World) -> None:
    """The demo's two batches are more than the small world has set aside."""
    funds.allocate(
        world.fund, 10_000_000, programme="disaster_relief", unit=world.township, year=2026, key="allocate:more"
    )


def post_plain(said: list[Said], *, by: Any, key: str) -> Mapping[int, str]:
    """What casework does for cases, for payments without one."""
    with acting(by, reason="test"):
        for one in said:
            payment = Payment.objects.select_related("reservation__allocation").get(pk=one.payment_id)
            how: dict[str, Any] = {"bank_reference": one.reference, "answered_on": one.day}
            if one.outcome == CREDITED:
                funds.credit(payment, **how)
            elif one.outcome == UNCLEAR:
                funds.lose(payment)
            elif one.was:
                funds.claw_back(payment, reason=one.reason, **how)
            else:
                funds.bounce(payment, reason=one.reason, **how)
        ledger.settle_now()
    return {}


@contextmanager
def plain_payments() -> Iterator[None]:
    """Payments of this file may be answered, for as long as the block lasts."""
    bank_files.posts_for(PREFIX)(post_plain)
    try:
        yield
    finally:
        del bank_files._posters[PREFIX]
