"""Payments that are with the bank, quickly: no case stands behind them, only money that was decided and released."""

import csv
import datetime
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from access import vault
from access.models import OrgUnit
from audit import clock
from audit.bulk import copy_rows, next_ids, write_history
from audit.context import acting
from funds import bank_files, ledger
from funds import services as funds
from funds.bank_files import Said
from funds.banking.reasons import CREDITED, UNCLEAR
from funds.banking.writing import PayLine
from funds.models import Account, Allocation, Payment, PaymentBatch, Reservation, Transfer
from tests.world import DEMO, World

PREFIX = "plain"


DEMO_SENT_ON = datetime.date(2026, 3, 16)


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
def send(
    world: World,
    lines: Iterable[PayLine],
    *,
    number: str = "PB-1",
    upto: str = "sent",
    sent_on: datetime.date | None = None,
    village: OrgUnit | None = None,
    allocation: Allocation | None = None,
) -> PaymentBatch:
    """A batch of these lines, released to the bank; the serial of a line is the key of its payment. Written in bulk."""
    lines, today = list(lines), clock.today()
    with acting(world.fund_manager, reason="test"):
        batch = funds.open_batch(number=number, title="四月", by=world.fund_manager)
        allocation = allocation or Allocation.objects.get(programme="disaster_relief")
        village = village or world.village
        accounts = dict(Account.objects.filter(allocation=allocation).values_list("kind", "pk"))
        reservations, payments = next_ids(Reservation, len(lines)), next_ids(Payment, len(lines))
        copy_rows(
            Reservation,
            ("id", "key", "subject", "allocation_id", "village_id", "programme", "amount_fen", "released_fen", "reserved_on"),
            [
                (pk, f"reserve:{line.serial}", f"{PREFIX}:{line.serial}", allocation.pk, village.pk,
                 "disaster_relief", line.amount_fen, 0, today)
                for pk, line in zip(reservations, lines, strict=True)
            ],
        )  # fmt: skip
        write_history(Reservation, reservations, "+")
        _transfers("reserve", lines, accounts["allocated"], accounts["committed"], reservations, None)
        copy_rows(
            Payment,
            ("id", "uid", "key", "subject", "reservation_id", "batch_id", "instalment", "amount_fen", "state", "payee_name",
             "account_sealed", "account_index", "account_last4", "account_kind", "bank", "account_recorded_by_key",
             "listed_on", "bank_reference", "returned_reason"),
            [
                (pk, uid := uuid.uuid4(), line.serial, f"{PREFIX}:{line.serial}", reservation, batch.pk, 1, line.amount_fen,
                 "listed", line.name, vault.seal(line.account, row=f"funds_payment|account|{uid}"),
                 vault.blind_index("account", line.account), line.account[-4:], "card", line.bank, "", today, "", "")
                for pk, reservation, line in zip(payments, reservations, lines, strict=True)
            ],
        )  # fmt: skip
        write_history(Payment, payments, "+")
        funds.check_batch(batch, by=world.fund_checker)
        if upto == "checked":
            return batch
        funds.release_batch(batch, by=world.cashier)
        Payment.objects.filter(batch=batch).update(sent_on=sent_on or today)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE funds_payment SET state = 'sent' WHERE batch_id = %s", [batch.pk])
        write_history(Payment, payments, "~")
        _transfers("send", lines, accounts["committed"], accounts["in_payment"], reservations, payments)
    ledger.settle_now()
    return batch


def _transfers(
    kind: str, lines: list[PayLine], debit: int, credit: int, reservations: list[int], payments: list[int] | None
) -> None:
    copy_rows(
        Transfer,
        ("key", "kind", "debit_id", "credit_id", "amount_fen", "subject", "reservation_id", "payment_id", "reason",
         "document_no", "business_date", "recorded_at"),
        [
            (f"{line.serial}:{kind}", kind, debit, credit, line.amount_fen, f"{PREFIX}:{line.serial}", reservation, payment,
             "", "", clock.today(), timezone.now())
            for line, reservation, payment in zip(
                lines, reservations, payments or [None] * len(lines), strict=True
            )
        ],
    )  # fmt: skip


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
