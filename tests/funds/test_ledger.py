"""What may not happen to money is refused by PostgreSQL itself, whoever asks."""

import datetime
import threading
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from access.models import OrgUnit
from audit import clock
from audit.context import acting
from casework.models import Case
from funds import ledger
from funds import services as funds
from funds.errors import Earmarked, FundShort, NoFund, WrongPaymentState
from funds.models import Account, Allocation, Payment, Proposal, Reservation, Transfer
from tests.casework.test_no_dead_ends import answer
from tests.casework.test_whole_way import pay
from tests.owner import owner
from tests.world import START, World, build_world, load_world


def sql(statement: str, *params: Any) -> None:
    with transaction.atomic(), owner(), connection.cursor() as cursor:
        cursor.execute(statement, params)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def refuses(statement: str, *params: Any, match: str) -> None:
    sql("SELECT 1")  # what earlier statements left for the commit is settled first
    with owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    with pytest.raises(DatabaseError, match=match):
        sql(statement, *params)
    with owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


# Made under the last confirmed proposal, if there is one.
INSERT = """INSERT INTO funds_transfer (key, kind, debit_id, credit_id, amount_fen, subject, reservation_id, reverses_id,
            reason, document_no, business_date, recorded_at, proposal_id)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, '', '2026-04-15', now(),
                    (SELECT max(id) FROM funds_proposal WHERE state = 'confirmed'))"""


def transfer_refused(
    kind: str, debit: Account, credit: Account, fen: int, *, match: str, reservation: Any = None, reverses: Any = None
) -> None:
    subject = reservation.subject if reservation else "fund:1"
    refuses(
        INSERT,
        "bad",
        kind,
        debit.pk,
        credit.pk,
        fen,
        subject,
        reservation.pk if reservation else None,
        reverses.pk if reverses else None,
        "冲正" if reverses else "",
        match=match,
    )


def account(kind: str, programme: str = "disaster_relief") -> Account:
    at_fund = kind in ("source", "available")
    return Account.objects.get(fund__code="CARE", kind=kind, allocation=None if at_fund else allocation(programme))


def allocation(programme: str = "disaster_relief") -> Allocation:
    return Allocation.objects.get(programme=programme)


def reserve(world: World, fen: int, key: str = "r1", subject: str = "case:1") -> Reservation:
    made = funds.reserve(subject=subject, key=key, programme="disaster_relief", village=world.village, amount_fen=fen)
    ledger.settle_now()
    return made


def confirmed(world: World, *, reverses: Transfer | None = None) -> Proposal:
    """What a second person has confirmed without its entry: for entries that need one in raw SQL. Without `reverses` it
    takes back all that the relief allocation holds, and more."""
    with transaction.atomic(), acting(world.fund_manager):
        made = Proposal.objects.create(
            key=f"raw:{Proposal.objects.count()}",
            kind="reverse" if reverses else "take_back",
            unit=world.county,
            fund=world.fund,
            details={"transfer": reverses.pk} if reverses else {"allocation": allocation().pk},
            amount_fen=reverses.amount_fen if reverses else 10**12,
            reason="试",
            proposed_by=world.fund_manager,
            proposer_person_key=world.fund_manager.person_key,
            proposed_on=START,
        )
        made.state, made.decided_by, made.decided_on = "confirmed", world.fund_checker, START
        made.decider_person_key = world.fund_checker.person_key
        made.save()
    return made


def test_more_than_there_is_cannot_be_allocated_or_reserved(world: World) -> None:
    with pytest.raises(FundShort), transaction.atomic():
        funds.allocate(
            world.fund, 10_000_001, programme="disaster_relief", unit=world.township, year=2026, key="too much"
        )
    funds.allocate(world.fund, 10_000_000, programme="disaster_relief", unit=world.township, year=2026, key="all")
    with pytest.raises(FundShort, match="400,000.01"), transaction.atomic():
        reserve(world, 40_000_001)
    reserve(world, 40_000_000)
    with pytest.raises(FundShort):
        reserve(world, 1, key="r2")
    assert ledger.check() == ledger.LedgerCheck(0, 0, Transfer.objects.count())


def test_an_overspend_is_refused_in_raw_sql(world: World) -> None:
    """The balances move at commit; then the account's own law speaks."""
    confirmed(world)
    made = reserve(world, 100)
    before = ledger.check()
    transfer_refused("deallocate", account("allocated"), account("available"), 30_000_000, match="never_overspent")
    transfer_refused(
        "settle", account("in_payment"), account("paid"), 1, reservation=made, match="never_overspent|never_overdrawn"
    )
    assert ledger.check() == before


def test_a_reservation_never_pays_more_than_was_decided(world: World) -> None:
    """Another case's money lies in the same account, so the account alone would let it pass."""
    reserve(world, 1_000, key="r2", subject="case:2")
    made = reserve(world, 100)

    transfer_refused(
        "send",
        account("committed"),
        account("in_payment"),
        101,
        reservation=made,
        match="reservation_never_overdrawn|overdrawn",
    )
    transfer_refused(
        "reserve", account("allocated"), account("committed"), 1, reservation=made, match="more than was decided"
    )


@pytest.mark.parametrize(
    ("kind", "debit", "credit"),
    [
        ("receive", "available", "source"),
        ("allocate", "source", "allocated"),
        ("settle", "committed", "paid"),
        ("send", "allocated", "in_payment"),
        ("recover", "paid", "committed"),
        ("gift", "available", "allocated"),
    ],
)
def test_money_moves_only_along_its_ways(world: World, kind: str, debit: str, credit: str) -> None:
    made = reserve(world, 100)

    transfer_refused(kind, account(debit), account(credit), 1, reservation=made, match="no .* from")


def test_money_of_one_purpose_does_not_pay_for_another(world: World) -> None:
    made = reserve(world, 100)
    transfer_refused(
        "send",
        account("committed"),
        account("in_payment", "elderly_support"),
        100,
        reservation=made,
        match="crosses allocations",
    )
    insert = """INSERT INTO funds_reservation (key, subject, allocation_id, village_id, programme, amount_fen, released_fen,
                reserved_on) VALUES ('bad', 'case:1', %s, %s, %s, 1, 0, %s)"""
    relief = allocation().pk
    refuses(insert, relief, world.village.pk, "elderly_support", START, match="this money is for disaster_relief")
    refuses(insert, relief, world.county.pk, "disaster_relief", START, match="not for unit")
    refuses(insert, relief, world.village.pk, "disaster_relief", datetime.date(2027, 1, 1), match="for 2026")


def test_a_fund_for_one_programme_is_not_allocated_to_another(world: World) -> None:
    fund = funds.open_fund("FLOOD", "水灾专款", source="fiscal", unit=world.county, programmes=["disaster_relief"])
    funds.receive(fund, 1_000, key="in")
    with pytest.raises(Earmarked, match="专款专用"), transaction.atomic():
        funds.allocate(fund, 1, programme="elderly_support", unit=world.township, year=2026, key="wrong")

    funds.allocate(fund, 1_000, programme="disaster_relief", unit=world.township, year=2026, key="right")


def test_money_does_not_cross_funds(world: World) -> None:
    fund = funds.open_fund("OTHER", "另一笔", source="raised", unit=world.county)
    funds.receive(fund, 1_000, key="in")

    transfer_refused(
        "allocate", Account.objects.get(fund=fund, kind="available"), account("allocated"), 1, match="crosses funds"
    )


def test_next_years_case_is_not_paid_from_this_years_money(world: World) -> None:
    with clock.frozen_at(datetime.date(2027, 1, 4)), pytest.raises(NoFund, match="2027"):
        reserve(world, 100)


def test_a_transfer_names_the_reservation_it_serves(world: World) -> None:
    made = reserve(world, 100)
    committed, in_payment = account("committed"), account("in_payment")

    transfer_refused("send", committed, in_payment, 100, match="names no reservation")
    refuses(
        INSERT,
        "bad",
        "send",
        committed.pk,
        in_payment.pk,
        100,
        "case:2",
        made.pk,
        None,
        "",
        match="names no reservation",
    )


def test_a_reversal_is_the_mirror_of_its_original_and_says_why(world: World) -> None:
    original = Transfer.objects.get(key="receive:1")
    confirmed(world, reverses=original)
    source, available = original.debit, original.credit
    transfer_refused("receive", available, source, 1, reverses=original, match="does not mirror")
    transfer_refused("receive", source, available, original.amount_fen, reverses=original, match="does not mirror")
    refuses(
        INSERT, "bad", "receive", available.pk, source.pk, original.amount_fen, "fund:1", None, original.pk, "",
        match="reversal_says_why",
    )  # fmt: skip


def test_a_reversal_is_made_once(world: World) -> None:
    original = funds.receive(world.fund, 500, key="twice")
    confirmed(world, reverses=original)
    row = ("receive", original.credit_id, original.debit_id, 500, "fund:1", None, original.pk, "记错了")
    sql(INSERT, "mirror-1", *row)

    refuses(INSERT, "mirror-2", *row, match="reverses_id")
    assert ledger.check().drift_fen == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE funds_transfer SET amount_fen = amount_fen + 1",
        "DELETE FROM funds_transfer",
        "TRUNCATE funds_transfer CASCADE",
        "UPDATE funds_account SET credit_fen = credit_fen + 1",
        "UPDATE funds_account SET kind = 'paid'",
        "DELETE FROM funds_account",
        "TRUNCATE funds_account CASCADE",
        "UPDATE funds_reservation SET amount_fen = 1000000",
        "UPDATE funds_reservation SET subject = 'case:99'",
    ],
)
def test_what_was_written_in_the_books_is_not_changed(world: World, statement: str) -> None:
    reserve(world, 100)
    before = ledger.check()

    refuses(statement, match="append-only|transfers alone|never deleted|not changed")

    assert ledger.check() == before


def test_an_account_begins_empty(world: World) -> None:
    refuses(
        "INSERT INTO funds_account (fund_id, allocation_id, kind, debit_fen, credit_fen) VALUES (%s, NULL, 'paid', 0, 5)",
        world.fund.pk,
        match="begins empty",
    )


@pytest.mark.parametrize("column", ["amount_fen = 1", "payee_name = 'x'", "account_index = 'x'", "batch_id = 0"])
def test_a_listed_payment_is_not_changed(world: World, column: str) -> None:
    from casework import payments

    case = world.brought_to("fund_reserved")
    payments.build_batch([case.pk], by=world.fund_manager, key="batch-aaaaaaaa")

    refuses(f"UPDATE funds_payment SET {column}", match="not changed")


def test_a_batch_goes_forward(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)

    refuses("UPDATE funds_paymentbatch SET state = 'checked', releaser_person_key = NULL", match="does not go from")


def test_a_transfer_is_posted_once(world: World) -> None:
    with pytest.raises(DatabaseError, match="key"), transaction.atomic():
        funds.receive(world.fund, 1, key="receive:1")


def test_a_reservation_is_released_once(world: World) -> None:
    made = reserve(world, 100)
    funds.release(made, reason="撤回")
    ledger.settle_now()
    before = Transfer.objects.count()
    funds.release(made, reason="撤回")

    assert Transfer.objects.count() == before and funds.held_reservation("case:1") is None
    assert ledger.payable_fen("disaster_relief", world.village, START) == 30_000_000


def test_money_under_way_is_not_released(world: World) -> None:
    case: Case = world.brought_to("fund_reserved")
    pay(world, case)

    with pytest.raises(WrongPaymentState):
        funds.release(funds.held_reservation(case.subject), reason="撤回")


def test_a_payment_that_went_to_the_bank_is_not_taken_off_its_list(world: World) -> None:
    case: Case = world.brought_to("fund_reserved")
    pay(world, case)
    payment = Payment.objects.get(subject=case.subject)

    with pytest.raises(WrongPaymentState, match="等回单"):
        funds.unlist_payment(payment)

    assert Payment.objects.get(pk=payment.pk).state == "sent" and ledger.check().drift_fen == 0


def test_the_nearest_allocation_pays(world: World) -> None:
    funds.allocate(world.fund, 500, programme="disaster_relief", unit=world.village, year=2026, key="village")

    assert reserve(world, 500).allocation.unit == world.village
    assert reserve(world, 500, key="r2").allocation.unit == world.township


def test_the_books_of_a_year_can_be_added_up(world: World) -> None:
    """Two families, 2,000 and 2,500 yuan; one payment returned and sent again; figures a bookkeeper can check."""
    first, second = world.brought_to("fund_reserved"), world.brought_to("fund_reserved", amount_fen=250_000)
    pay(world, first)
    answer(world, first, credited=True, key="a")
    pay(world, second, key="batch-bbbbbbbb")
    answer(world, second, credited=False, key="b")

    balance = ledger.balances([world.fund])[world.fund.pk]

    assert balance.total_fen == 100_000_000
    assert (balance.paid_fen, balance.committed_fen, balance.in_payment_fen) == (200_000, 250_000, 0)
    assert balance.allocated_fen == 90_000_000 - 450_000 and balance.available_fen == 10_000_000
    assert ledger.check().drift_fen == 0


# ---------------------------------------------------------------- many at once


@pytest.fixture
def town(transactional_db: None) -> World:
    if OrgUnit.objects.exists():
        return load_world()
    with transaction.atomic():
        return build_world()


@pytest.mark.django_db(transaction=True)
def test_two_who_name_two_allocations_in_opposite_order_do_not_wait_for_each_other(town: World) -> None:
    funds.allocate(town.fund, 1_000, programme="school_aid", unit=town.township, year=2026, key="school")
    programmes, together, failed = ["disaster_relief", "school_aid"], threading.Barrier(2), []

    def promise(who: int, order: list[str]) -> None:
        try:
            for n in range(4):
                with clock.frozen_at(START), transaction.atomic():
                    for programme, m in ((programme, m) for programme in order for m in range(20)):
                        one = f"case:{who}:{n}:{programme}:{m}"
                        funds.reserve(subject=one, key=one, programme=programme, village=town.village, amount_fen=1)
                    together.wait(60)
                    ledger.settle_now()
        except (DatabaseError, threading.BrokenBarrierError) as error:
            failed.append(error)
            together.abort()
        finally:
            connection.close()

    threads = [threading.Thread(target=promise, args=(n, programmes[:: 1 - 2 * n])) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert failed == []
    assert Reservation.objects.filter(subject__startswith="case:").count() >= 320
    assert ledger.check().drift_fen == 0
