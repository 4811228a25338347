"""Faults planted one at a time, to see that the harness misses none of them.

A fault is a law dropped or weakened in a scratch database, or a piece of the program exchanged for a worse one.
"""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from audit import clock
from funds import instalments, ledger, services
from funds.models import Account, Transfer
from jobs import delivery, tasks
from jobs.models import Outbox
from jobs.outbox import handler_of
from tests.torture import disburse, game, kills, last_yuan, moves
from tests.world import START

Patch = pytest.MonkeyPatch


# Who finds it. Each returns what the harness reported, "" when it noticed nothing.


def games(most: int = 15) -> str:
    """Games of the same seeds until one of them is lost."""
    with clock.frozen_at(START):
        for seed in range(most):
            try:
                game.Game().play(moves.random_steps(seed, 120))
            except game.Disagreement as found:
                return str(found).splitlines()[0]
    return ""


def crowd() -> str:
    return "; ".join(last_yuan.spend(attempts=256, seed=1, clients=32).wrong())


def crossing() -> str:
    return "; ".join(last_yuan.cross(attempts=64, seed=1).wrong())


def killing() -> str:
    try:
        return "; ".join(kills.kill_workers(kills=60, seed=1, payments=12).wrong)
    except RuntimeError as found:
        return str(found)


@dataclass(frozen=True)
class Fault:
    what: str  # as a sentence
    plant: Callable[[Patch], None]
    finder: Callable[[], str] = games


def sql(*statements: str) -> Callable[[Patch], None]:
    def plant(patch: Patch) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    return plant


def weakened(function: str, *changes: tuple[str, str]) -> Callable[[Patch], None]:
    """The same function with some words of it exchanged."""

    def plant(patch: Patch) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_get_functiondef(%s::regproc)", [function])
            text = cursor.fetchone()[0]
            for old, new in changes:
                assert old in text, f"{function} does not say {old!r} any more"
                text = text.replace(old, new)
            cursor.execute(text)

    return plant


def without(table: str, *names: str) -> Callable[[Patch], None]:
    """The table without these constraints, indexes or triggers, whichever they are."""

    def plant(patch: Patch) -> None:
        with connection.cursor() as cursor:
            for name in names:
                cursor.execute(
                    "SELECT (SELECT count(*) FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname = %s),"
                    " (SELECT count(*) FROM pg_constraint WHERE conrelid = %s::regclass AND conname = %s AND contype <> 't'),"
                    " (SELECT count(*) FROM pg_class WHERE relname = %s AND relkind = 'i')",
                    [table, name, table, name, name],
                )
                is_trigger, is_constraint, is_index = cursor.fetchone()
                assert is_trigger or is_constraint or is_index, f"{table} has no {name} any more"
                if is_trigger:
                    cursor.execute(f"DROP TRIGGER {name} ON {table}")
                elif is_constraint:
                    cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
                else:
                    cursor.execute(f"DROP INDEX {name}")

    return plant


# Worse pieces of the program


def settles_never(patch: Patch) -> None:
    patch.setattr(ledger, "settle_now", lambda: None)


def gives_to_the_wrong_side(patch: Patch) -> None:
    patch.setitem(ledger.SIDES, Transfer.Kind.RELEASE, (Account.Kind.COMMITTED, Account.Kind.PAID))


def posts_twice(patch: Patch) -> None:
    once = ledger.post

    def twice(kind: str, amount_fen: int, *, key: str, **more: Any) -> Transfer:
        if kind == "receive":
            once(kind, amount_fen, key=f"{key}+", **more)
        return once(kind, amount_fen, key=key, **more)

    patch.setattr(ledger, "post", twice)


def posts_one_fen_less(patch: Patch) -> None:
    once = ledger.post
    patch.setattr(ledger, "post", lambda kind, fen, **more: once(kind, fen - (kind == "reserve" and fen > 50), **more))


def forgets_what_it_gave_back(patch: Patch) -> None:
    release = services.release

    def forgetful(reservation: Any, *, reason: str) -> None:
        patch_save = pytest.MonkeyPatch()
        with patch_save.context() as here:
            here.setattr(type(reservation), "save", lambda self, *args, **more: None)
            release(reservation, reason=reason)

    patch.setattr(services, "release", forgetful)


def releases_what_is_on_its_way(patch: Patch) -> None:
    def careless(reservation: Any, *, reason: str) -> None:
        rest_fen = reservation.amount_fen - reservation.released_fen
        if rest_fen:
            ledger.post(
                "release", rest_fen, key=f"{reservation.key}:release", fund_id=reservation.allocation.fund_id,
                allocation_id=reservation.allocation_id, subject=reservation.subject, reservation=reservation,
            )  # fmt: skip
            reservation.released_fen += rest_fen
            reservation.save()

    patch.setattr(services, "release", careless)


def takes_the_first_allocation(patch: Patch) -> None:
    def first(programme: str, village: Any, amount_fen: int, on: Any, purpose: str = "") -> tuple[int, int]:
        found = ledger.payable_allocations(programme, village, on.year, purpose)
        if not found:
            raise ledger.NoFund("")
        return found[0][:2]

    patch.setattr(ledger, "choose_allocation", first)


def rounds_every_share_down(patch: Patch) -> None:
    patch.setattr(instalments, "shared_out", lambda fen, percents: [fen * percent // 100 for percent in percents])


def checks_by_anybody(patch: Patch) -> None:
    check = services.check_batch

    def blind(batch: Any, *, by: Any) -> None:
        with suppress(services.SamePerson):
            check(batch, by=by)

    patch.setattr(services, "check_batch", blind)


def says_less_is_free(patch: Patch) -> None:
    patch.setattr(ledger, "payable_fen", lambda *args, **more: 0)


def pays_the_bank_by_a_new_key_each_time(patch: Patch) -> None:
    patch.setattr(disburse, "bank_key", lambda outbox_id: f"outbox:{uuid.uuid4()}")


def ticks_off_before_the_work(patch: Patch) -> None:
    def deliver(outbox_id: int) -> bool:
        row = Outbox.objects.filter(pk=outbox_id, done_at__isnull=True).first()
        if row is None:
            return False
        Outbox.objects.filter(pk=outbox_id).update(done_at=timezone.now(), leased_until=None)
        time.sleep(0.01)  # the moment that one transaction does not have
        with transaction.atomic():
            handler_of(row.topic)(row.payload, row.pk)
        return True

    _deliver_by(patch, deliver)


def ticks_off_after_the_work(patch: Patch) -> None:
    def deliver(outbox_id: int) -> bool:
        row = Outbox.objects.filter(pk=outbox_id, done_at__isnull=True).first()
        if row is None:
            return False
        with transaction.atomic():
            handler_of(row.topic)(row.payload, row.pk)
        time.sleep(0.01)  # the moment that one transaction does not have
        Outbox.objects.filter(pk=outbox_id).update(done_at=timezone.now(), leased_until=None)
        return True

    _deliver_by(patch, deliver)


def _deliver_by(patch: Patch, deliver: Callable[[int], bool]) -> None:
    patch.setattr(delivery, "deliver", deliver)
    assert tasks.delivery is delivery


def promises_after_the_commit(patch: Patch) -> None:
    """The next step is promised when the commit is over, as a hook would do it."""
    put = disburse.outbox.put

    def later(topic: str, **more: Any) -> None:
        def now() -> None:
            with transaction.atomic():
                put(topic, **more)

        transaction.on_commit(now) if topic != "torture.list" else put(topic, **more)

    patch.setattr(disburse.outbox, "put", later)


FAULTS = (
    Fault("no law looks at a transfer", without("funds_transfer", "funds_laws")),
    Fault(
        "money moves on ways that no rule names",
        sql("INSERT INTO funds_transferrule VALUES ('settle', 'committed', 'paid')"),
    ),
    Fault("balances do not move", weakened("funds_settle", ("BEGIN", "BEGIN RETURN NULL;"))),
    Fault("an account may be overspent", without("funds_account", "never_overspent")),
    Fault("an account may be overspent by many at once", without("funds_account", "never_overspent"), crowd),
    Fault(
        "a transfer's key may be used twice", sql("ALTER TABLE funds_transfer DROP CONSTRAINT funds_transfer_key_key")
    ),
    Fault("a payment's money may move twice", without("funds_transfer", "a_payment_moves_once")),
    Fault("two payments live for one part", without("funds_payment", "one_living_payment_an_instalment")),
    Fault(
        "a reservation may be overdrawn",
        weakened("funds_settle", ("x.held < 0 OR x.flying < 0 OR x.paid < 0 OR ", "")),
    ),
    Fault(
        "a reservation may hold more than was decided",
        weakened("funds_settle", (" OR x.held + x.flying + x.paid > x.amount_fen", "")),
    ),
    Fault("a batch goes back and forth", without("funds_paymentbatch", "funds_guard")),
    Fault("a maker may check", without("funds_paymentbatch", "maker_is_not_checker")),
    Fault("who acted on a batch may be changed", without("funds_paymentbatch", "funds_persons")),
    Fault("a listed payment may be changed", without("funds_payment", "funds_guard")),
    Fault("the listed account may be changed", without("funds_payment", "funds_stays")),
    Fault("a payment is answered and no money moves", without("funds_payment", "funds_moves_money")),
    Fault("a payment begins anywhere", without("funds_payment", "funds_begins")),
    Fault("money leaves without a payment", weakened("funds_settle", ("IF wrong.key IS NOT NULL", "IF false"))),
    Fault("what was written may be changed", without("funds_transfer", "audit_append_only")),
    Fault("balances may be edited", without("funds_account", "funds_guard")),
    Fault("what was given back is held again", without("funds_reservation", "funds_release")),
    Fault("a reservation may be changed", without("funds_reservation", "funds_guard")),
    Fault("one person alone takes money away", sql("DELETE FROM funds_twopersons")),
    Fault("a proposer confirms", without("funds_proposal", "proposer_is_not_confirmer")),
    Fault("a proposal changes after it was made", without("funds_proposal", "funds_guard")),
    Fault("parts are more than the whole", without("funds_instalment", "funds_guard")),
    Fault("earmarks bind nobody", weakened("funds_earmark", ("'earmark_programme'", "''"))),
    Fault("a fund changes its purpose", without("funds_fund", "funds_purpose")),
    Fault(
        "accounts are locked in the order of the transfer",
        weakened(
            "funds_settle",
            (
                "ORDER BY a.id FOR NO KEY UPDATE",
                "ORDER BY a.id = (SELECT debit_id FROM funds_transfer WHERE id = NEW.first_id) DESC FOR NO KEY UPDATE",
            ),
        ),
        crossing,
    ),
    Fault("nothing is settled before the commit", settles_never),
    Fault("a release gives to the wrong account", gives_to_the_wrong_side),
    Fault("what comes in is posted twice", posts_twice),
    Fault("a fen is lost on the way", posts_one_fen_less),
    Fault("a release forgets what it gave back", forgets_what_it_gave_back),
    Fault("money on its way is released", releases_what_is_on_its_way),
    Fault("the first allocation pays, whether it can or not", takes_the_first_allocation),
    Fault("every share is rounded down", rounds_every_share_down),
    Fault("anybody checks a batch", checks_by_anybody),
    Fault("too little is said to be free", says_less_is_free),
    Fault("the bank is told a new key each time", pays_the_bank_by_a_new_key_each_time, killing),
    Fault("a promise is ticked off before its work", ticks_off_before_the_work, killing),
    Fault("a promise is ticked off after its work", ticks_off_after_the_work, killing),
    Fault("a promise is made after the commit", promises_after_the_commit, killing),
)
