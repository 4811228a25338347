"""Faults planted one at a time, to see that the harness misses none of them.

A fault is a law dropped or weakened in a scratch database, or a piece of the program exchanged for a worse one.
"""

import datetime
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
from flows.parameters import PaymentPlan
from funds import bulk, imprest, ledger, services
from funds.models import Account, Transfer
from jobs import delivery, tasks
from jobs.models import Outbox
from jobs.outbox import handler_of
from tests.torture import disburse, game, kills, last_yuan, moves
from tests.world import START

Patch = pytest.MonkeyPatch


# Who finds it. Each returns what the harness reported, "" when it noticed nothing; `says` are the words it is to be
# found by, for a finder that may meet it in other words before.


def games(says: str = "", most: int = 240) -> str:
    """Games of the same seeds until one of them is lost for this reason."""
    told = ""
    with clock.frozen_at(START):
        for seed in range(most if says else 15):
            try:
                game.Game().play(moves.random_steps(seed, 120))
            except game.Disagreement as found:
                told = str(found).splitlines()[0]
                if says in told:
                    return told
    return told


def crowd(says: str = "") -> str:
    return "; ".join(last_yuan.spend(attempts=256, seed=1, clients=32).wrong())


def crossing(says: str = "") -> str:
    return "; ".join(last_yuan.cross(attempts=400 if says else 64, seed=1).wrong())


def killing(says: str = "") -> str:
    try:
        return "; ".join(kills.kill_workers(kills=60, seed=1, payments=12).wrong)
    except RuntimeError as found:
        return str(found)


@dataclass(frozen=True)
class Fault:
    what: str  # as a sentence
    plant: Callable[[Patch], None]
    says: str  # words of the report that finds it; found in others, it is found by accident
    finder: Callable[..., str] = games


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
    laid_out = PaymentPlan.laid_out

    def rounded(
        rules: PaymentPlan, amount_fen: int, begins: datetime.date
    ) -> list[tuple[str, datetime.date, int, bool]]:
        *parts, (label, due_on, _fen, needs_check) = laid_out(rules, amount_fen, begins)
        percent = rules.percents[-1] if rules.percents else 100 // rules.parts
        return [*parts, (label, due_on, amount_fen * percent // 100, needs_check)]

    patch.setattr(PaymentPlan, "laid_out", rounded)


def reserves_lists_from_the_first_purse(patch: Patch) -> None:
    def take(purses: Any, one: Any) -> int:
        found = ledger.payable_allocations(purses.programme, one.village, purses.year, one.purpose)
        return ledger.pick(found, one.amount_fen, purses.year)[0]

    patch.setattr(bulk._Purses, "take", take)


def asks_for_one_fen_more(patch: Patch) -> None:
    settle = imprest.settle

    def generous(paid: Any, amount_fen: int, **how: Any) -> None:
        settle(paid, amount_fen - (amount_fen > 1), **how)

    patch.setattr(imprest, "settle", generous)


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
        time.sleep(0.1)  # the moment that one transaction does not have
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
    Fault("no law looks at a transfer", without("funds_transfer", "funds_laws"), "receive: rows on one side alone"),
    Fault(
        "money moves on ways that no rule names",
        sql(
            "DROP TRIGGER funds_stands ON funds_transferrule",
            "INSERT INTO funds_transferrule VALUES ('settle', 'committed', 'paid')",
        ),
        "'no settle from committed to paid' should have refused",
    ),
    Fault(
        "balances do not move",
        weakened("funds_settle", ("BEGIN", "BEGIN RETURN NULL;")),
        "receive: rows on one side alone",
    ),
    Fault(
        "an account may be overspent",
        without("funds_account", "never_overspent"),
        "the ledger said done, the model FundShort",
    ),
    Fault(
        "an account may be overspent by many at once",
        without("funds_account", "never_overspent"),
        "were committed and there was money for",
        crowd,
    ),
    Fault(
        "a transfer's key may be used twice",
        sql("ALTER TABLE funds_transfer DROP CONSTRAINT funds_transfer_key_key"),
        "again: the ledger said done, the model law",
    ),
    Fault(
        "a payment's money may move twice",
        without("funds_transfer", "a_payment_moves_once"),
        "'a_payment_moves_once' should have refused",
    ),
    Fault(
        "two payments live for one part",
        without("funds_payment", "one_living_payment_an_instalment"),
        "'one_living_payment_an_instalment' should have refused",
    ),
    Fault(
        "a reservation may be overdrawn",
        weakened("funds_settle", ("x.held < 0 OR x.flying < 0 OR x.paid < 0 OR ", "")),
        "'would be overdrawn' should have refused",
    ),
    Fault(
        "a reservation may hold more than was decided",
        weakened("funds_settle", (" OR x.held + x.flying + x.paid > x.amount_fen", "")),
        "'would hold more than was decided' should have refused",
    ),
    Fault(
        "a batch goes back and forth",
        without("funds_paymentbatch", "funds_guard"),
        "'the releaser wrote down an account' should have refused",
    ),
    Fault(
        "a maker may check",
        without("funds_paymentbatch", "maker_is_not_checker"),
        "'maker_is_not_checker' should have refused",
    ),
    Fault(
        "who acted on a batch may be changed",
        without("funds_paymentbatch", "funds_persons"),
        "'who acted on batch' should have refused",
    ),
    Fault(
        "a listed payment may be changed",
        without("funds_payment", "funds_guard"),
        "'not changed' should have refused, and nothing did: UPDATE funds_payment",
    ),
    Fault(
        "the listed account may be changed",
        without("funds_payment", "funds_stays"),
        "'not changed' should have refused, and nothing did: UPDATE funds_payment SET account_last4",
    ),
    Fault(
        "a payment is answered and no money moves",
        without("funds_payment", "funds_moves_money"),
        "'no money moved' should have refused",
    ),
    Fault(
        "a payment begins anywhere", without("funds_payment", "funds_begins"), "'does not begin' should have refused"
    ),
    Fault(
        "money leaves without a payment",
        weakened("funds_settle", ("IF wrong.key IS NOT NULL", "IF false")),
        "'moves money to no payment' should have refused",
    ),
    Fault(
        "what was written may be changed",
        without("funds_transfer", "audit_append_only"),
        "'append-only' should have refused",
    ),
    Fault("balances may be edited", without("funds_account", "funds_guard"), "'transfers alone' should have refused"),
    Fault(
        "what was given back is held again",
        without("funds_reservation", "funds_release"),
        "'not held again' should have refused",
    ),
    Fault(
        "a reservation may be changed",
        without("funds_reservation", "funds_guard"),
        "'not changed' should have refused, and nothing did: UPDATE funds_reservation",
    ),
    Fault(
        "one person alone takes money away",
        sql("DROP TRIGGER funds_stands ON funds_twopersons", "DELETE FROM funds_twopersons"),
        "'not confirmed by a second person' should have refused",
    ),
    Fault(
        "a proposer confirms",
        without("funds_proposal", "proposer_is_not_confirmer"),
        "'proposer_is_not_confirmer' should have refused",
    ),
    Fault(
        "a proposal changes after it was made",
        without("funds_proposal", "funds_guard"),
        "'is not changed' should have refused, and nothing did: UPDATE funds_proposal",
    ),
    Fault(
        "parts are more than the whole",
        without("funds_instalment", "funds_guard"),
        "should have refused, and nothing did: UPDATE funds_instalment",
    ),
    Fault("earmarks bind nobody", weakened("funds_earmark", ("'earmark_programme'", "''")), "the model Earmarked"),
    Fault(
        "causes of hardship bind nobody",
        without("funds_reservation", "funds_purpose"),
        "'is not for' should have refused",
    ),
    Fault("places bind nobody", weakened("funds_earmark", ("'earmark_unit'", "''")), "the model Earmarked"),
    Fault("years bind nobody", weakened("funds_earmark", ("'earmark_year'", "''")), "the model Earmarked"),
    Fault(
        "a fund changes its purpose", without("funds_fund", "funds_purpose"), "'keeps its purpose' should have refused"
    ),
    Fault("a closed month takes entries", without("funds_transfer", "funds_month"), "'is closed' should have refused"),
    Fault(
        "months close in any order",
        without("funds_period", "funds_order"),
        "'another month comes before' should have refused",
    ),
    Fault(
        "a closed month says anything",
        without("funds_period", "funds_totals"),
        "'does not say what is written' should have refused",
    ),
    Fault(
        "totals are written by hand",
        without("funds_periodtotal", "funds_guard"),
        "'totals are written when their month is closed' should have refused",
    ),
    Fault(
        "a township holds more than its limit",
        without("funds_transfer", "funds_limited"),
        "'would have more in hand than its limit' should have refused",
    ),
    Fault(
        "one person sets the limit of a float",
        weakened(
            "funds_imprestfloat_guard",
            ("p.amount_fen <> NEW.limit_fen", "false"),
            ("NEW.proposal_id <= OLD.proposal_id", "false"),
        ),
        "'two persons did not decide this limit' should have refused",
    ),
    Fault(
        "a float may be exchanged",
        weakened("funds_imprestfloat_guard", ("TG_OP = 'DELETE' OR", "false AND")),
        "'a float stays what it was opened for' should have refused",
    ),
    Fault(
        "what was handed out may be changed",
        weakened("funds_imprestspend_guard", ("TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND", "false AND")),
        "'what was handed out is not changed' should have refused",
    ),
    Fault(
        "the float pays for anybody",
        weakened("funds_imprestspend_guard", ("NEW.amount_fen <> r.amount_fen - r.released_fen", "false")),
        "'the float of allocation' should have refused",
    ),
    Fault(
        "what was handed out moves no money",
        without("funds_imprestspend", "funds_imprest_moves"),
        "'and its money differ' should have refused, and nothing did: UPDATE funds_imprestspend",
    ),
    Fault(
        "money leaves a float for nobody",
        without("funds_transfer", "funds_imprest_moves"),
        "'and its money differ' should have refused, and nothing did: INSERT INTO funds_transfer",
    ),
    Fault(
        "a decision is handed out twice",
        without("funds_imprestspend", "funds_once"),
        "'was handed out already' should have refused",
    ),
    Fault(
        "a decision is paid by two ways",
        without("funds_payment", "funds_beside_imprest"),
        "the ledger said done, the model law",
    ),
    Fault(
        "a refill is any sum",
        without("funds_imprestrefill", "funds_sums"),
        "'is not the sum of what was settled' should have refused",
    ),
    Fault(
        "a refill may be changed",
        without("funds_imprestrefill", "funds_guard"),
        "'a refill is not changed' should have refused",
    ),
    Fault(
        "who asks for a refill pays it",
        without("funds_imprestrefill", "asker_is_not_refiller"),
        "'asker_is_not_refiller' should have refused",
    ),
    Fault(
        "a count stands beside anything",
        without("funds_imprestcount", "funds_guard"),
        "'does not stand beside the books' should have refused",
    ),
    Fault(
        "what came back moved no money",
        without("funds_recovery", "funds_moves_money"),
        "'and its money differ' should have refused, and nothing did: UPDATE funds_recovery",
    ),
    Fault(
        "one person writes off",
        without("funds_recovery", "funds_guard"),
        "'is not changed like this' should have refused",
    ),
    Fault(
        "accounts are locked in the order of the transfer",
        weakened(
            "funds_settle",
            (
                "ORDER BY a.id FOR NO KEY UPDATE",
                "ORDER BY a.id = (SELECT debit_id FROM funds_transfer WHERE id = NEW.first_id) DESC FOR NO KEY UPDATE",
            ),
        ),
        "deadlock",
        crossing,
    ),
    Fault("nothing is settled before the commit", settles_never, "the model FundShort"),
    Fault("a release gives to the wrong account", gives_to_the_wrong_side, "release"),
    Fault("what comes in is posted twice", posts_twice, "receive: rows on one side alone"),
    Fault("a fen is lost on the way", posts_one_fen_less, "reserve: "),
    Fault("a release forgets what it gave back", forgets_what_it_gave_back, "release: "),
    Fault("money on its way is released", releases_what_is_on_its_way, "release: the ledger said"),
    Fault("the first allocation pays, whether it can or not", takes_the_first_allocation, "reserve"),
    Fault("every share is rounded down", rounds_every_share_down, "plan: the ledger said NotThatMuch"),
    Fault(
        "each line of a list looks past the others",
        reserves_lists_from_the_first_purse,
        "reserve_many: the ledger said FundShort, the model done",
    ),
    Fault(
        "a fen of the float is never settled", asks_for_one_fen_more, "rows on one side alone: [('account', 'committed'"
    ),
    Fault("anybody checks a batch", checks_by_anybody, "check_batch: the ledger said done, the model SamePerson"),
    Fault("too little is said to be free", says_less_is_free, "are told to be free for"),
    Fault("the bank is told a new key each time", pays_the_bank_by_a_new_key_each_time, "the bank paid", killing),
    Fault("a promise is ticked off before its work", ticks_off_before_the_work, "are lost on their way", killing),
    Fault("a promise is ticked off after its work", ticks_off_after_the_work, "cannot be kept", killing),
    Fault("a promise is made after the commit", promises_after_the_commit, "are lost on their way", killing),
)
