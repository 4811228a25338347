"""A closed month takes no entry and keeps its totals, whoever asks and however."""

import datetime
import threading
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from access.models import OrgUnit
from audit import clock
from audit.verify import verify
from funds import budget, ledger, periods, proof, proposals
from funds import services as funds
from funds.errors import MonthClosed, SamePerson, WrongProposal
from funds.models import Account, Period, PeriodTotal, Proposal, Transfer
from tests.funds.books import another_fund, answer, close, on, payment, reserve, sql
from tests.owner import owner
from tests.world import START, World, build_world, load_world

MAY = datetime.date(2026, 5, 10)

CLOSE = """INSERT INTO funds_period (unit_id, year, month, proposal_id, closed_on, transfers, digest)
           SELECT unit_id, %s, %s, id, %s, %s, %s FROM funds_proposal WHERE kind = 'close_period' ORDER BY id DESC LIMIT 1"""
ENTER = """INSERT INTO funds_transfer (key, kind, debit_id, credit_id, amount_fen, subject, reason, document_no, business_date, recorded_at)
           SELECT %s, 'receive', d.id, c.id, 1, 'fund:1', '', '', %s, now() FROM funds_account d JOIN funds_account c ON c.fund_id = d.fund_id
           JOIN funds_fund f ON f.id = d.fund_id AND f.code = 'CARE' WHERE d.kind = 'source' AND c.kind = 'available'"""


@pytest.fixture(autouse=True)
def the_months_are_over(db: None) -> None:
    """PostgreSQL has a clock of its own."""
    clock.move_to(datetime.date(2027, 1, 31))


def refuses(statement: str, *params: Any, match: str) -> None:
    with pytest.raises(DatabaseError, match=match) as refusal:
        sql(statement, *params)
    assert not isinstance(refusal.value.__cause__, SyntaxError)


def test_a_month_is_closed_by_two_persons_once_it_has_ended(world: World) -> None:
    with on(5, 1):
        made = periods.propose_closing(world.county, 2026, 4, by=world.fund_manager, key="k", reason="月末结账")
        with pytest.raises(SamePerson):
            proposals.confirm(made.pk, by=world.fund_manager)
        assert not Period.objects.exists()
        proposals.confirm(made.pk, by=world.fund_checker)

    period = Period.objects.get()
    assert str(period) == "2026-04" and period.closed_on == datetime.date(2026, 5, 1)
    assert period.transfers == Transfer.objects.count() == 4
    assert period.history.get().history_user_id == world.fund_checker.pk
    totals = {
        total.account.kind: total for total in period.totals.filter(account__allocation=None).select_related("account")
    }
    assert (totals["source"].debit_fen, totals["source"].closing_fen) == (100_000_000, -100_000_000)
    assert (totals["available"].credit_fen, totals["available"].debit_fen) == (100_000_000, 90_000_000)
    assert totals["available"].closing_fen == 10_000_000
    assert period.totals.count() == 5  # the two of the fund and one of each allocation; the rest stand still at nothing
    assert ledger.check() == ledger.LedgerCheck(0, 0, 4, 0) and periods.changed_periods() == []


def test_a_month_that_has_not_ended_is_not_closed(world: World) -> None:
    with on(4, 30), pytest.raises(WrongProposal, match="还没有过完"):
        close(world, 2026, 4)
    with on(5, 1):
        close(world, 2026, 4)
        with pytest.raises(WrongProposal, match="还没有过完"):
            close(world, 2026, 5)


def test_months_close_in_order(world: World) -> None:
    with clock.frozen_at(datetime.date(2026, 9, 1)):
        with pytest.raises(WrongProposal, match="下一个是 2026 年 4 月"):
            close(world, 2026, 5)
        close(world, 2026, 4)
        with pytest.raises(WrongProposal, match="下一个是 2026 年 5 月"):
            close(world, 2026, 4)
        assert periods.next_to_close(world.county) == (2026, 5)
    assert periods.next_to_close(world.township) is None


def test_a_closing_is_proposed_once(world: World) -> None:
    with on(5, 1):
        made = periods.propose_closing(world.county, 2026, 4, by=world.fund_manager, key="k", reason="月末")
        again = periods.propose_closing(world.county, 2026, 4, by=world.fund_manager, key="k", reason="月末")
        with pytest.raises(WrongProposal, match="已经提出"):
            periods.propose_closing(world.county, 2026, 4, by=world.fund_checker, key="other", reason="月末")
        proposals.confirm(made.pk, by=world.fund_checker)
        proposals.confirm(made.pk, by=world.fund_checker)

    assert made == again and Period.objects.count() == 1


def test_a_closed_month_takes_no_entry(world: World) -> None:
    with on(5, 10):
        close(world, 2026, 4)
        funds.receive(world.fund, 700, key="may")
    with on(4, 30), pytest.raises(MonthClosed), transaction.atomic():
        funds.receive(world.fund, 500, key="late")

    assert not Transfer.objects.filter(key="late").exists()
    for day in ("2026-04-01", "2026-04-30", "2026-03-31", "2020-01-01"):  # before the first closed month too
        refuses(ENTER, "raw", day, match="is closed")
    sql(ENTER, "raw", "2026-05-01")


def test_the_closed_month_of_the_receiving_unit_counts_as_well(world: World) -> None:
    """Money between funds of two units changes the totals of both."""
    theirs = another_fund(world.township, "TOWN")
    funds.receive(theirs, 100, key="town")
    with on(5, 10):
        close(world, 2026, 4, unit=world.township)
    moved = budget.propose_interfund(world.fund, theirs, 500, by=world.fund_manager, key="i", reason="划转")

    with pytest.raises(MonthClosed):  # April is still open in the county, not in the township
        proposals.confirm(moved.pk, by=world.fund_checker)
    with on(5, 10):
        proposals.confirm(moved.pk, by=world.fund_checker)
    assert ledger.balances([theirs])[theirs.pk].available_fen == 600


def test_what_was_closed_is_not_changed_in_raw_sql(world: World) -> None:
    with on(5, 10):
        period = close(world, 2026, 4)
    before = list(PeriodTotal.objects.values())
    sql("SELECT 1")  # what the closing left for the commit is settled first

    refuses("UPDATE funds_period SET transfers = 0", match="closed month is not changed")
    refuses("UPDATE funds_period SET digest = digest", match="closed month is not changed")
    refuses("DELETE FROM funds_period", match="closed month is not changed|violates foreign key")
    refuses("UPDATE funds_periodtotal SET closing_fen = closing_fen", match="append-only")
    refuses("DELETE FROM funds_periodtotal", match="append-only")
    refuses("TRUNCATE funds_periodtotal", match="append-only")
    refuses(
        "INSERT INTO funds_periodtotal (period_id, account_id, opening_fen, debit_fen, credit_fen, closing_fen)"
        " SELECT %s, max(id), 0, 0, 0, 0 FROM funds_account",
        period.pk,
        match="when their month is closed",
    )
    assert list(PeriodTotal.objects.values()) == before


def test_no_month_is_closed_in_raw_sql_out_of_order_too_early_alone_or_with_other_figures(world: World) -> None:
    with on(5, 10):
        made = periods.propose_closing(world.county, 2026, 4, by=world.fund_manager, key="k", reason="x")
    digest = periods.digest_of(periods.totals_of(world.county.pk, 2026, 4))

    refuses(CLOSE, 2026, 4, MAY, 4, digest, match="not confirmed by a second person")
    Proposal.objects.filter(pk=made.pk).update(
        state="confirmed",
        decided_by=world.fund_checker,
        decider_person_key=world.fund_checker.person_key,
        decided_on=MAY,
    )
    refuses(CLOSE, 2026, 5, "2026-06-01", 0, digest, match="another month comes before")  # there are entries of April
    refuses(CLOSE, 2026, 4, "2026-04-30", 4, digest, match="has not ended")
    refuses(CLOSE, 2026, 4, MAY, 3, digest, match="does not say what is written")
    refuses(CLOSE, 2026, 4, MAY, 4, "0" * 64, match="does not say what is written")
    assert not Period.objects.exists()
    refuses(CLOSE, 2026, 4, "2199-01-01", 4, digest, match="on a day that has not come")
    sql(CLOSE, 2026, 4, MAY, 4, digest)
    refuses(CLOSE, 2026, 6, "2026-09-01", 0, digest, match="another month comes before")


def test_a_late_return_goes_into_the_open_month_and_names_its_payment(world: World) -> None:
    with on(4, 20):
        paid = payment(world, reserve(world, 50_000, "case:1"), "credited")
        flying = payment(world, reserve(world, 30_000, "case:2"))
    with on(5, 1):
        april = close(world, 2026, 4)
    written = list(april.totals.order_by("account").values())
    with on(5, 6):
        answer(paid, "clawed back", datetime.date(2026, 4, 30))
        answer(flying, "returned", datetime.date(2026, 4, 29))

    late = list(Transfer.objects.filter(business_date=datetime.date(2026, 5, 6)).order_by("id"))
    assert [row.kind for row in late] == ["clawback", "bounce"]
    assert periods.belongs_to(Transfer.objects.all()) == dict.fromkeys(
        (row.pk for row in late), datetime.date(2026, 4, 20)
    )
    assert list(april.totals.order_by("account").values()) == written and periods.changed_periods() == []
    with on(6, 1):
        may = close(world, 2026, 5)
    committed = may.totals.get(account__kind="committed")
    assert (committed.opening_fen, committed.credit_fen, committed.closing_fen) == (0, 80_000, 80_000)


def test_the_payments_open_at_a_months_end_are_those_that_stood_in_payment(world: World) -> None:
    with on(4, 20):
        payment(world, reserve(world, 50_000, "case:1"), "credited")
        first = payment(world, reserve(world, 30_000, "case:2"))
        second = payment(world, reserve(world, 1_000, "case:3"))
    with on(5, 6):
        answer(first, "credited")
    with on(6, 1):
        april, may = close(world, 2026, 4), close(world, 2026, 5)

    for period, expected in ((april, {first, second}), (may, {second})):
        end = periods.month_ends(period.year, period.month)
        open_then = periods.unanswered(world.county, end)
        assert set(open_then) == expected
        assert sum(row.amount_fen for row in open_then) == period.totals.get(account__kind="in_payment").closing_fen


def test_a_year_is_closed_with_its_twelfth_month(world: World) -> None:
    with on(1, 20, 2027):
        for month in range(4, 13):
            assert not periods.is_year_closed(world.county, 2026)
            close(world, 2026, month)
        assert periods.is_year_closed(world.county, 2026)
        assert periods.next_to_close(world.county) == (2027, 1)

    for month in Period.objects.order_by("year", "month"):
        assert month.totals.get(account__kind="available").closing_fen == 10_000_000
    assert periods.changed_periods() == []


# ---------------------------------------------------------------- the auditor's question


def tamper(statement: str, *params: Any) -> None:
    """As the owner of the database who takes the triggers off. The chain sees it too; here the sums are asked."""
    with owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("funds_period", "funds_periodtotal", "funds_transfer"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, params)
        for table in ("funds_period", "funds_periodtotal", "funds_transfer"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        (
            "a total is raised",
            "UPDATE funds_periodtotal SET credit_fen = credit_fen + 1, closing_fen = closing_fen + 1 WHERE id = {total}",
        ),
        (
            "an opening is moved",
            "UPDATE funds_periodtotal SET opening_fen = opening_fen + 1, closing_fen = closing_fen + 1 WHERE id = {total}",
        ),
        ("a total is gone", "DELETE FROM funds_periodtotal WHERE id = {total}"),
        ("the fingerprint is another", "UPDATE funds_period SET digest = repeat('0', 64) WHERE id = {period}"),
        ("an entry is changed", "UPDATE funds_transfer SET amount_fen = amount_fen + 1 WHERE key = 'receive:1'"),
        (
            "an entry is brought forward",
            "UPDATE funds_transfer SET business_date = '2026-05-02' WHERE key = 'receive:1'",
        ),
        (
            "an entry is put before the first month",
            "UPDATE funds_transfer SET business_date = '2026-01-02' WHERE key = 'receive:1'",
        ),
    ],
)
def test_the_verifier_names_a_month_that_was_changed(world: World, name: str, statement: str) -> None:
    with on(6, 1):
        april = close(world, 2026, 4)
        close(world, 2026, 5)
    total = april.totals.get(account__kind="available")
    assert list(proof.wrong_months()) == []

    tamper(statement.format(total=total.pk, period=april.pk))

    assert april in periods.changed_periods(), name
    assert ledger.check().changed_periods >= 1 and not ledger.check().is_sound
    problem = next(iter(proof.wrong_months()))
    assert (problem.kind, problem.table, problem.row, problem.stream) == (
        "period",
        "funds_period",
        april.pk,
        f"period:{april.pk}",
    )
    assert "period" in {found.kind for found in verify().problems}


def test_sound_months_are_no_problem_of_the_verifier(world: World) -> None:
    with on(6, 1):
        close(world, 2026, 4)
        close(world, 2026, 5)
    with on(6, 2):
        funds.receive(world.fund, 5, key="june")

    assert [problem for problem in verify().problems if problem.kind in ("period", "balance")] == []


# ---------------------------------------------------------------- at once


@pytest.fixture
def town(transactional_db: None) -> World:
    if OrgUnit.objects.exists():
        return load_world()
    with transaction.atomic():
        return build_world()


def elsewhere(job: Any, day: datetime.date, results: list[Any]) -> threading.Thread:
    def run() -> None:
        with clock.frozen_at(day):
            try:
                results.append(job())
            except (MonthClosed, WrongProposal) as refusal:
                results.append(refusal)
            finally:
                connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_closing_waits_for_an_entry_under_way_and_counts_it(town: World) -> None:
    """The entry was begun in April and is committed after the closing began."""
    results: list[Any] = []
    with transaction.atomic():
        funds.receive(town.fund, 333, key="last minute")
        thread = elsewhere(lambda: close(town, 2026, 4), MAY, results)
        thread.join(1)
        assert thread.is_alive() and results == []
    thread.join(20)

    period = results[0]
    assert period.transfers == 5 and period.totals.get(account__kind="available").closing_fen == 10_000_333
    assert periods.changed_periods() == []


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_begins_while_the_month_is_being_closed_is_refused(town: World) -> None:
    results: list[Any] = []
    with clock.frozen_at(MAY), transaction.atomic():
        close(town, 2026, 4)
        thread = elsewhere(lambda: funds.receive(town.fund, 333, key="too late"), START, results)
        thread.join(1)
        assert thread.is_alive()
    thread.join(20)

    assert isinstance(results[0], MonthClosed) and not Transfer.objects.filter(key="too late").exists()
    assert periods.changed_periods() == []


@pytest.mark.django_db(transaction=True)
def test_two_who_propose_one_month_at_once_leave_one_proposal(town: World) -> None:
    results: list[Any] = []
    with clock.frozen_at(MAY), transaction.atomic():
        periods.propose_closing(town.county, 2026, 4, by=town.fund_manager, key="one", reason="四月")
        thread = elsewhere(
            lambda: periods.propose_closing(town.county, 2026, 4, by=town.fund_checker, key="two", reason="四月"),
            MAY,
            results,
        )
        thread.join(1)
        assert thread.is_alive() and results == []
    thread.join(20)

    assert isinstance(results[0], WrongProposal) and "已经提出" in str(results[0])
    assert Proposal.objects.get().key == "one"


@pytest.mark.django_db(transaction=True)
def test_two_proposals_for_one_month_close_it_once(town: World) -> None:
    with clock.frozen_at(MAY):
        made = [
            proposals.propose(
                "close_period",
                unit=town.county,
                details={"year": 2026, "month": 4},
                by=town.fund_manager,
                key=str(n),
                reason="x",
            )
            for n in range(2)
        ]
    results: list[Any] = []
    threads = [elsewhere(lambda p=p: proposals.confirm(p.pk, by=town.fund_checker), MAY, results) for p in made]
    for thread in threads:
        thread.join(20)

    assert sorted(type(result).__name__ for result in results) == ["Proposal", "WrongProposal"]
    assert Period.objects.count() == 1 and Account.objects.exists()
