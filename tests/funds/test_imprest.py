"""Money in a township's hands: what it holds, what it handed out, and what makes it whole again."""

import contextlib
import datetime
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from access.models import OrgUnit
from audit import clock
from audit.models import Entry
from funds import budget, imprest, ledger, proposals, recoveries
from funds import services as funds
from funds.errors import (
    FundsError,
    FundShort,
    ImprestBlocked,
    ImprestShort,
    SamePerson,
    WrongPaymentState,
    WrongProposal,
)
from funds.models import Account, ImprestCount, ImprestFloat, ImprestRefill, ImprestSpend, Transfer
from tests.funds.floats import a_float, allocation_of, decided, handed_out, key, limited, second
from tests.owner import owner
from tests.world import START, World, build_world, load_world

NEXT_MONTH = datetime.date(2026, 5, 6)
MONTH_AFTER = datetime.date(2026, 6, 3)


def held(world: World) -> tuple[int, ...]:
    """(allocated, committed, paid, in hand, handed out), in fen."""
    ledger.settle_now()
    now = ledger.allocation_balances([allocation_of(world)])[allocation_of(world).pk]
    return (now.allocated_fen, now.committed_fen, now.paid_fen, now.imprest_fen, now.imprest_spent_fen)


def counted(world: World, box: ImprestFloat, cash_fen: int, bank_fen: int = 0, **more: Any) -> ImprestCount:
    return imprest.count(box, cash_fen=cash_fen, bank_fen=bank_fen, by=world.township_clerk, key=key(), **more)


def reviewed(world: World, box: ImprestFloat, cash_fen: int, **more: Any) -> ImprestCount:
    return imprest.review(counted(world, box, cash_fen, **more), by=world.township_approver)


# ---------------------------------------------------------------- the worked example


def test_a_year_of_a_float_in_figures_a_bookkeeper_can_check(world: World) -> None:
    """300,000 yuan allocated; 5,000 in hand; two families helped at once, one of them in vain."""
    box = a_float(world, 500_000, 500_000)
    assert held(world) == (29_500_000, 0, 0, 500_000, 0)

    roof, stove = decided(world, 100_000), decided(world, 60_000, "case:900002")
    handed_out(world, box, roof)
    given_in_vain = handed_out(world, box, stove)
    assert held(world) == (29_340_000, 160_000, 0, 340_000, 160_000)
    assert imprest.holding(box) == imprest.Holding(500_000, 500_000, 340_000, 0, 160_000)

    assert imprest.accept("case:900001") == 100_000  # the roof's papers are accepted
    assert held(world) == (29_340_000, 60_000, 100_000, 440_000, 60_000)
    assert imprest.holding(box).on_hand_fen == 340_000  # the bank has not refilled yet

    refill = imprest.ask_refill(box, by=world.township_clerk, key=key())
    assert (refill.amount_fen, [paid.subject for paid in refill.spends.all()]) == (100_000, ["case:900001"])
    imprest.pay_refill(refill, by=world.cashier, bank_reference="HF1")
    assert imprest.holding(box).on_hand_fen == 440_000

    owed = recoveries.begin(stove, owed_fen=60_000, reason="查无灾情")
    recoveries.record(owed.pk, 45_000, key=key())
    wrote_off = recoveries.propose_write_off(
        owed, 15_000, by=world.fund_manager, key=key(), reason="人已去世", document_no="禾核 1"
    )
    proposals.confirm(wrote_off.pk, by=world.fund_checker)
    assert held(world) == (29_385_000, 0, 115_000, 500_000, 0)
    given_in_vain.refresh_from_db()
    assert (given_in_vain.back_fen, given_in_vain.settled_fen, given_in_vain.ended_on) == (45_000, 15_000, START)
    assert imprest.settled_since_refill_fen(box) == 15_000
    stove.refresh_from_db()
    assert stove.released_fen == 45_000  # once, at the end
    assert ledger.check().drift_fen == 0


def test_what_was_written_stands_in_the_chain_of_its_case_and_of_its_float(world: World) -> None:
    box = a_float(world)

    handed_out(world, box, decided(world, 1_000))

    def tables(stream: str) -> set[str]:
        return set(Entry.objects.filter(stream=stream).values_list("table", flat=True))

    assert "funds_historicalimprestspend" in tables("case:900001")
    assert tables(f"float:{box.pk}") == {"funds_historicalimprestfloat"}


# ---------------------------------------------------------------- the limit


def test_one_person_sets_no_limit(world: World) -> None:
    proposal = imprest.propose_limit(
        allocation_of(world), 100, world.township_clerk, by=world.fund_manager, key=key(), reason="x"
    )

    with pytest.raises(SamePerson):
        proposals.confirm(proposal.pk, by=world.fund_manager)

    assert not ImprestFloat.objects.exists()


def test_no_more_is_advanced_than_the_limit_and_nothing_is_left_of_the_attempt(world: World) -> None:
    box = a_float(world, 500_000, 400_000)

    with pytest.raises(ImprestShort, match="最多还能拨 1,000"):
        imprest.advance(box, 100_001, by=world.fund_manager, key=key())

    assert held(world)[3] == 400_000
    once = [imprest.advance(box, 100_000, by=world.fund_manager, key="once").pk for _press in range(2)]
    assert once[0] == once[1] and held(world)[3] == 500_000


def test_a_limit_does_not_fall_below_what_the_township_has(world: World) -> None:
    a_float(world, 500_000, 400_000)

    with pytest.raises(WrongProposal, match="请先让乡镇交回"):
        limited(world, 300_000)

    box = ImprestFloat.objects.get()
    assert box.limit_fen == 500_000
    imprest.give_up(box, 400_000, by=world.fund_manager, key=key())
    assert limited(world, 0).ended_on == START  # and then it may end
    assert held(world) == (30_000_000, 0, 0, 0, 0)


def test_only_money_of_a_township_makes_a_float(world: World) -> None:
    elsewhere = funds.allocate(
        world.fund, 1_000, programme="disaster_relief", unit=world.county, year=2026, key="county"
    )

    with pytest.raises(WrongProposal, match="乡镇"):
        imprest.propose_limit(elsewhere, 100, world.township_clerk, by=world.fund_manager, key=key(), reason="x")


def test_an_advance_by_mistake_is_reversed_by_two_persons(world: World) -> None:
    box = a_float(world, 500_000, 500_000)
    advance = Transfer.objects.get(kind="imprest_advance")

    proposal = budget.propose_reversal(advance, by=world.fund_manager, key=key(), reason="拨错")
    proposals.confirm(proposal.pk, by=world.fund_checker)

    assert imprest.holding(box).advanced_fen == 0 and held(world)[3] == 0


def test_an_advance_is_not_taken_back_past_what_is_in_hand(world: World) -> None:
    """800 were settled and the bank has not refilled them: the books say 1,000, in hand are 200."""
    box = a_float(world, 100_000, 100_000)
    handed_out(world, box, decided(world, 80_000))
    imprest.accept("case:900001")
    advance = Transfer.objects.get(kind="imprest_advance")
    proposal = budget.propose_reversal(advance, by=world.fund_manager, key=key(), reason="拨错")

    with pytest.raises(FundShort, match="等银行补充"):
        proposals.confirm(proposal.pk, by=world.fund_checker)
    assert imprest.holding(box).on_hand_fen == 20_000 and not Transfer.objects.filter(reverses=advance).exists()

    imprest.pay_refill(imprest.ask_refill(box, by=world.township_clerk, key=key()), by=world.cashier, bank_reference="")
    proposals.confirm(proposal.pk, by=world.fund_checker)
    assert imprest.holding(box).on_hand_fen == 0


# ---------------------------------------------------------------- handing out


def test_what_is_not_in_hand_is_not_handed_out(world: World) -> None:
    box = a_float(world, 100_000, 50_000)

    with pytest.raises(ImprestShort, match="手里有 500"):
        handed_out(world, box, decided(world, 50_001))

    assert not ImprestSpend.objects.exists()


def test_above_the_cap_of_the_programme_the_bank_pays(world: World) -> None:
    box = a_float(world)

    with pytest.raises(ImprestShort, match="走银行"):
        handed_out(world, box, decided(world, 100_001))


def test_settled_money_is_not_in_hand_until_the_bank_has_refilled(world: World) -> None:
    box = a_float(world, 100_000, 100_000)
    handed_out(world, box, decided(world, 100_000))
    imprest.accept("case:900001")
    next_one = decided(world, 50_000, "case:900002")

    with pytest.raises(ImprestShort, match="手里有 0"):
        handed_out(world, box, next_one)

    imprest.pay_refill(imprest.ask_refill(box, by=world.township_clerk, key=key()), by=world.cashier, bank_reference="")
    assert handed_out(world, box, next_one).amount_fen == 50_000


def test_overdue_papers_block_the_float(world: World) -> None:
    box = a_float(world)

    with pytest.raises(ImprestBlocked, match="2 件先行救助过期"):
        handed_out(world, box, decided(world, 1_000), overdue=2)


def test_a_month_without_a_count_blocks_the_float(world: World) -> None:
    box = a_float(world)
    reservation = decided(world, 1_000)
    with clock.frozen_at(MONTH_AFTER), pytest.raises(ImprestBlocked, match="上个月没有盘点"):
        handed_out(world, box, reservation)

    with clock.frozen_at(NEXT_MONTH):
        waiting = counted(world, box, 500_000)
    with clock.frozen_at(MONTH_AFTER), pytest.raises(ImprestBlocked, match="没有人复核"):
        handed_out(world, box, reservation)

    with clock.frozen_at(MONTH_AFTER):
        imprest.review(waiting, by=world.township_approver)
        assert handed_out(world, box, reservation).amount_fen == 1_000


def test_an_unexplained_difference_blocks_the_float_until_it_is_explained(world: World) -> None:
    box = a_float(world)
    count = counted(world, box, 400_000, 99_900)
    reservation = decided(world, 1_000)
    assert (count.expected_fen, count.difference_fen) == (500_000, -100)

    with pytest.raises(ImprestBlocked, match="没有写明原因"):
        handed_out(world, box, reservation)
    with pytest.raises(ImprestBlocked, match="没有写明原因"):
        imprest.review(count, by=world.township_approver)

    imprest.explain(count, "零钱找错，保管人补上", by=world.township_clerk)
    imprest.review(count, by=world.township_approver)
    assert handed_out(world, box, reservation).amount_fen == 1_000


def test_a_count_names_what_the_bank_still_owes(world: World) -> None:
    box = a_float(world, 100_000, 100_000)
    handed_out(world, box, decided(world, 30_000))
    imprest.accept("case:900001")

    count = reviewed(world, box, 70_000)

    assert (count.book_fen, count.awaited_fen, count.difference_fen) == (100_000, 30_000, 0)


def test_whoever_counts_does_not_review_and_whoever_asks_does_not_pay(world: World) -> None:
    box = a_float(world)
    count = counted(world, box, 500_000)
    with pytest.raises(SamePerson):
        imprest.review(count, by=world.township_clerk)
    with pytest.raises(SamePerson):
        imprest.count(box, cash_fen=1, bank_fen=0, by=world.township_approver, key=key())
    handed_out(world, box, decided(world, 1_000))
    imprest.accept("case:900001")
    refill = imprest.ask_refill(box, by=world.township_clerk, key=key())
    with pytest.raises(SamePerson):
        imprest.pay_refill(refill, by=world.township_clerk, bank_reference="")
    with pytest.raises(WrongPaymentState):  # nothing is left to ask for
        imprest.ask_refill(box, by=world.township_clerk, key=key())

    assert ImprestRefill.objects.get().paid_on is None


def test_money_that_is_out_is_not_released(world: World) -> None:
    box, reservation = a_float(world), decided(world, 1_000)
    handed_out(world, box, reservation)

    with pytest.raises(WrongPaymentState, match="已经从备用金发出去"):
        funds.release(reservation, reason="x")


def test_what_is_not_asked_back_is_settled_at_once(world: World) -> None:
    box, reservation = a_float(world), decided(world, 100_000)
    paid = handed_out(world, box, reservation)

    owed = recoveries.begin(reservation, owed_fen=40_000, reason="只有一半属实")
    recoveries.record(owed.pk, 40_000, key=key())

    paid.refresh_from_db()
    assert (paid.settled_fen, paid.back_fen) == (60_000, 40_000)
    assert held(world) == (29_440_000, 0, 60_000, 500_000, 0)


def test_whoever_reads_what_a_case_was_paid_reads_the_float_too(world: World) -> None:
    box, reservation = a_float(world), decided(world, 100_000)
    handed_out(world, box, reservation)

    assert funds.paid_fen(["case:900001", "case:900002"]) == {"case:900001": 100_000}
    assert funds.paid_of(reservation) == 100_000


# ---------------------------------------------------------------- the laws, in raw SQL


@contextlib.contextmanager
def refuses(law: str) -> Iterator[None]:
    """The block breaks this very constraint; nothing of it is left."""
    with pytest.raises((IntegrityError, FundsError)) as refusal, transaction.atomic():
        yield
    error = refusal.value if isinstance(refusal.value, IntegrityError) else refusal.value.__cause__
    assert error.__cause__.diag.constraint_name == law


def raw(sql: str, *values: Any) -> None:
    with owner(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def test_an_advance_above_the_limit_is_refused_at_the_commit(world: World) -> None:
    box = limited(world, 500)
    place = {"fund_id": world.fund.pk, "allocation_id": box.allocation_id, "subject": f"fund:{world.fund.pk}"}

    with refuses("imprest_within_its_limit"):
        ledger.post("imprest_advance", 501, key=key(), **place)
        raw("SELECT 1")


def test_more_than_is_in_hand_does_not_go_back(world: World) -> None:
    box = a_float(world, 1_000, 1_000)
    handed_out(world, box, decided(world, 800))
    imprest.accept("case:900001")
    ledger.settle_now()
    place = {"fund_id": world.fund.pk, "allocation_id": box.allocation_id, "subject": f"fund:{world.fund.pk}"}

    with refuses("imprest_goes_back_out_of_the_hand"):
        ledger.post("imprest_return", 201, key=key(), **place)
        raw("SELECT 1")
    ledger.post("imprest_return", 200, key=key(), **place)
    raw("SELECT 1")


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ("limit_fen = 999", "float_by_two_persons"),
        ("custodian_person_key = 'x'", "float_names_its_custodian"),
        ("opened_on = opened_on - 1", ""),
    ],
)
def test_a_float_is_what_two_persons_decided(world: World, change: str, law: str) -> None:
    limited(world, 500)

    with refuses(law) if law else pytest.raises(DatabaseError, match="stays what it was"), transaction.atomic():
        raw(f"UPDATE funds_imprestfloat SET {change}")


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ("settled_fen = 1000, ended_on = paid_on", "imprest_spend_moves_its_money"),
        ("back_fen = 1", "imprest_spend_moves_its_money"),
        ("payer_two_key = 'x'", ""),
        ("amount_fen = 2", ""),
    ],
)
def test_what_was_handed_out_is_settled_by_money_alone(world: World, change: str, law: str) -> None:
    handed_out(world, a_float(world), decided(world, 1_000))

    with refuses(law) if law else pytest.raises(DatabaseError, match="is not changed"), transaction.atomic():
        raw(f"UPDATE funds_imprestspend SET {change}")


def test_money_does_not_leave_a_float_without_its_spend(world: World) -> None:
    box = a_float(world)
    place = {"fund_id": world.fund.pk, "allocation_id": box.allocation_id, "subject": "case:900001"}

    with refuses("imprest_spend_moves_its_money"):
        ledger.post("imprest_spend", 1, key=key(), **place)
        raw("SELECT 1")


def test_a_decision_is_paid_by_one_way_only(world: World) -> None:
    reservation = decided(world, 1_000)
    handed_out(world, a_float(world), reservation)
    batch = funds.open_batch(number="PB-x", title="", by=world.fund_manager)
    payee = funds.Payee("江正一", None, "", "", "card", "", "")

    with refuses("paid_by_one_way_only"):
        funds.list_payment(reservation, batch, payee, key="again")


def test_a_float_pays_a_decision_once(world: World) -> None:
    box, reservation = a_float(world), decided(world, 1_000)
    handed_out(world, box, reservation)
    imprest.accept(reservation.subject)

    with pytest.raises(FundsError, match="已经从备用金发过"), transaction.atomic():
        handed_out(world, box, reservation)

    assert ImprestSpend.objects.count() == 1 and held(world)[2:] == (1_000, 500_000, 0)
    with refuses("handed_out_once"):
        copied("funds_imprestspend", {"settled_fen": "0", "ended_on": "NULL"})


def copied(table: str, changes: dict[str, str]) -> None:
    """Insert a copy of the table's newest row with some columns changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s AND column_name <> 'id'",
            [table],
        )
        columns = [name for (name,) in cursor.fetchall()]
    values = ", ".join(changes.get(name, f'"{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    raw(f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} ORDER BY id DESC LIMIT 1")


@pytest.mark.parametrize(
    ("changes", "law"),
    [
        ({"payer_one_key": "'x'"}, "imprest_spend_names_its_persons"),
        ({"amount_fen": "999"}, "imprest_pays_its_own_decision"),
        ({"subject": "'case:900009'"}, "imprest_pays_its_own_decision"),
        ({"payer_two_id": "payer_one_id", "payer_two_key": "payer_one_key"}, "two_persons_pay_from_imprest"),
        ({"receipt_sha256": "''"}, "imprest_has_its_receipt"),
        ({}, "one_open_spend_a_subject"),
    ],
)
def test_a_spend_that_is_not_right_is_refused(world: World, changes: dict[str, str], law: str) -> None:
    handed_out(world, a_float(world), decided(world, 1_000))

    with refuses(law):
        copied("funds_imprestspend", changes)


def test_a_spend_of_more_than_lies_there_is_refused(world: World) -> None:
    box, big = a_float(world, 1_500, 1_500), decided(world, 1_000, "case:900002")
    handed_out(world, box, decided(world, 1_000))

    with refuses("imprest_spend_within_the_float"):
        copied("funds_imprestspend", {"reservation_id": str(big.pk), "subject": "'case:900002'"})


@pytest.mark.parametrize(
    ("changes", "law"),
    [
        ({"book_fen": "1"}, "imprest_count_beside_the_books"),
        ({"counter_person_key": "'x'"}, "imprest_count_names_its_persons"),
        ({"key": "'other'"}, "one_open_count_a_float"),
        ({"cash_fen": "-1"}, "counted_money_not_negative"),
    ],
)
def test_a_count_that_is_not_right_is_refused(world: World, changes: dict[str, str], law: str) -> None:
    counted(world, a_float(world), 500_000)

    with refuses(law):
        copied("funds_imprestcount", changes)


def test_a_reviewed_count_stays(world: World) -> None:
    reviewed(world, a_float(world), 500_000)

    for change in ("explanation = 'x'", "cash_fen = 1", "reviewed_on = NULL"):
        with pytest.raises(DatabaseError, match="counted again"), transaction.atomic():
            raw(f"UPDATE funds_imprestcount SET {change}")


def test_a_refill_is_the_sum_of_what_was_settled(world: World) -> None:
    box = a_float(world)
    handed_out(world, box, decided(world, 1_000))
    imprest.accept("case:900001")
    imprest.ask_refill(box, by=world.township_clerk, key=key())

    with refuses("refill_is_the_sum_of_its_spends"):
        copied("funds_imprestrefill", {"key": "'other'"})
    with refuses("refill_names_its_persons"):
        copied("funds_imprestrefill", {"key": "'other'", "asker_person_key": "'x'"})
    with pytest.raises(DatabaseError, match="a refill is not changed"), transaction.atomic():
        raw("UPDATE funds_imprestrefill SET amount_fen = 1")


@pytest.mark.parametrize("table", ["imprestfloat", "imprestspend", "imprestcount", "imprestrefill"])
def test_nothing_of_it_is_deleted(world: World, table: str) -> None:
    box = a_float(world)
    counted(world, box, 500_000)
    handed_out(world, box, decided(world, 1_000))
    imprest.accept("case:900001")
    imprest.ask_refill(box, by=world.township_clerk, key=key())

    with pytest.raises(DatabaseError), transaction.atomic():
        raw(f"DELETE FROM funds_{table}")


def test_every_allocation_has_its_two_accounts(world: World) -> None:
    kinds = Account.objects.filter(allocation=allocation_of(world)).values_list("kind", flat=True)

    assert {"imprest", "imprest_spent"} <= set(kinds)


# ---------------------------------------------------------------- two at once


@pytest.fixture
def town(transactional_db: None) -> World:
    if OrgUnit.objects.exists():
        return load_world()
    with transaction.atomic():
        return build_world()


@pytest.mark.django_db(transaction=True)
def test_two_families_at_once_do_not_get_the_last_yuan_twice(town: World) -> None:
    world = town
    with transaction.atomic():
        box = a_float(world, 100_000, 100_000)
        waiting = [decided(world, 100_000, f"case:90000{n}") for n in (1, 2)]
        second(world)
    outcome: list[str] = []

    def pay(reservation: Any) -> None:
        try:
            with clock.frozen_at(START), transaction.atomic():
                handed_out(load_world(), box, reservation)
                ledger.settle_now()
            outcome.append("paid")
        except FundsError as refusal:
            outcome.append(type(refusal).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=pay, args=(reservation,)) for reservation in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(outcome) == ["ImprestShort", "paid"]
    assert (held(world)[3:], ledger.check().drift_fen) == ((0, 100_000), 0)
