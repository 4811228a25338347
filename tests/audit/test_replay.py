"""Rows are built anew from history and laid beside the live ones: what is in order says nothing, each planted fault is named."""

import datetime
import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit.replay import Difference, Replayed, replay
from casework.models import Case, CaseEvent
from families.models import Person
from funds.models import Account, StockLot, Transfer
from tests.audit.attack import run, settle, triggers_off
from tests.funds.shelves import a_store, an_item, stocked
from tests.world import World, case_now


@pytest.fixture
def case(world: World) -> Case:
    found = world.brought_to("fund_reserved")
    settle()
    return found


def differences(**how: Any) -> list[tuple]:
    return [
        (found.kind, found.table, found.row, found.columns) for found in replay(**how) if isinstance(found, Difference)
    ]


def came_to(table: str, **how: Any) -> Replayed:
    found = [one for one in replay(only=table, **how) if isinstance(one, Replayed) and one.table == table]
    return found[0]


def test_books_and_records_in_order_replay_without_a_difference(case: Case) -> None:
    assert differences() == []
    found = came_to("casework_case")
    assert (found.rows, found.versions) == (Case.objects.count(), Case.history.count())


def test_each_changed_column_of_each_row_is_named_and_no_value(case: Case) -> None:
    person = case.household.head
    with triggers_off("casework_case", "families_person"):
        run("UPDATE casework_case SET amount_fen = 1, summary = '改过' WHERE id = %s", case.pk)
        run("UPDATE families_person SET phone = '13900000001' WHERE id = %s", person.pk)

    assert differences() == [
        ("differs", "casework_case", case.pk, ("summary", "amount_fen")),
        ("differs", "families_person", person.pk, ("phone",)),
    ]
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("audit", "replay", stdout=out)
    assert end.value.code == 1
    assert f"differs: casework_case {case.pk}: summary, amount_fen" in out.getvalue()
    assert "13900000001" not in out.getvalue() and "改过" not in out.getvalue()


def test_a_row_that_was_taken_away_and_one_that_was_slipped_in_are_named(case: Case) -> None:
    paper = case.papers.first()
    with triggers_off("casework_casedocument", "casework_measure"):
        run("DELETE FROM casework_casedocument WHERE id = %s", paper.pk)
        run(
            "INSERT INTO casework_measure (case_id, domain, title, detail, need_words, partner, state)"
            " VALUES (%s, 'health', 'x', '', '', '', 'planned')",
            case.pk,
        )
    ((slipped_in,),) = run("SELECT id FROM casework_measure WHERE title = 'x'")

    assert differences() == [
        ("gone", "casework_casedocument", paper.pk, ()),
        ("unwritten", "casework_measure", slipped_in, ()),
    ]


def test_versions_that_cannot_follow_one_another_are_named(case: Case) -> None:
    with triggers_off("casework_historicalcase"):
        run("UPDATE casework_historicalcase SET history_type = '+' WHERE history_id = (SELECT max(history_id) FROM casework_historicalcase WHERE id = %s)", case.pk)  # fmt: skip

    assert ("disorder", "casework_case", case.pk, ("history_type",)) in differences()


def test_a_row_without_versions_is_held_against_its_link(case: Case) -> None:
    signed = CaseEvent.objects.filter(case=case).last()
    with triggers_off("casework_caseevent"):
        run("UPDATE casework_caseevent SET reason = '后来改的' WHERE id = %s", signed.pk)

    assert differences() == [("chain", "casework_caseevent", signed.pk, ())]


def test_balances_are_built_anew_from_the_transfers(case: Case) -> None:
    account = Account.objects.filter(kind="committed", credit_fen__gt=0).first()
    with triggers_off("funds_account"):
        run("UPDATE funds_account SET credit_fen = credit_fen + 100 WHERE id = %s", account.pk)
    assert differences(only="funds_account") == [("derived", "funds_account", account.pk, ("credit_fen",))]

    with triggers_off("funds_account"):
        run(
            "UPDATE funds_account SET credit_fen = credit_fen - 100, debit_fen = debit_fen + 1 WHERE id = %s",
            account.pk,
        )
    assert differences() == [("derived", "funds_account", account.pk, ("debit_fen",))]


def test_where_a_case_stands_is_built_anew_from_its_acts(case: Case) -> None:
    """Whoever changes the row and its history alike is still betrayed by the acts."""
    with triggers_off("casework_case", "casework_historicalcase"):
        run("UPDATE casework_case SET state = 'paid' WHERE id = %s", case.pk)
        run("UPDATE casework_historicalcase SET state = 'paid' WHERE history_id = (SELECT max(history_id) FROM casework_historicalcase WHERE id = %s)", case.pk)  # fmt: skip

    assert differences() == [("derived", "casework_case", case.pk, ("state",))]


def test_shelves_are_built_anew_from_the_moves(world: World) -> None:
    store = a_store(world)
    stocked(world, store, an_item(world), 10)
    settle()
    assert differences() == []
    lot = StockLot.objects.get()
    with triggers_off("funds_stocklot"):
        run("UPDATE funds_stocklot SET on_hand = on_hand - 1 WHERE id = %s", lot.pk)

    assert differences() == [("derived", "funds_stocklot", lot.pk, ("on_hand",))]


# ---------------------------------------------------------------- as of a moment


def test_as_of_a_moment_only_what_has_not_changed_since_is_compared(case: Case) -> None:
    moment = timezone.now()
    world_case = case_now(case)
    world_case.summary = "后来写的"
    world_case.save()
    settle()
    with triggers_off("casework_case"):
        run("UPDATE casework_case SET amount_fen = 1 WHERE id = %s", case.pk)

    assert differences(until=moment) == []
    assert came_to("casework_case", until=moment).later == 1
    assert differences() == [("differs", "casework_case", case.pk, ("amount_fen",))]


def test_the_state_of_a_moment_keeps_its_fingerprint_whatever_comes_later(case: Case) -> None:
    moment = timezone.now()
    before = came_to("casework_case")
    case = case_now(case)
    case.summary = "后来写的"
    case.save()
    settle()

    assert came_to("casework_case", until=moment).digest == before.digest != came_to("casework_case").digest
    assert came_to("casework_case", until=moment - datetime.timedelta(days=9)).rows == 0


def test_money_that_was_not_there_yet_is_found_as_of_the_moment(case: Case) -> None:
    first = Transfer.objects.filter(kind="allocate").earliest("id")
    with triggers_off("funds_transfer"):
        run("UPDATE funds_transfer SET recorded_at = recorded_at - interval '1 year' WHERE id = %s", first.pk)

    found = differences(only="funds_account", until=timezone.now() - datetime.timedelta(days=30))

    assert found == [("derived", "funds_account", first.debit_id, ("overspent",))]


# ---------------------------------------------------------------- the command


def test_the_command_answers_with_one_object_and_its_exit_status(case: Case) -> None:
    out = StringIO()
    call_command("audit", "replay", "--json", stdout=out)
    answer = json.loads(out.getvalue())
    assert answer["differences"] == [] and answer["rows"] > 100 and answer["rows_a_second"] > 0
    staff = next(table for table in answer["tables"] if table["table"] == "access_staff")
    assert staff["unkept"] == ["password"]

    with triggers_off("casework_case"):
        run("UPDATE casework_case SET tier = 'T3', amount_fen = 7 WHERE id = %s", case.pk)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("audit", "replay", "--json", "--table", "casework_case", stdout=out)
    assert json.loads(out.getvalue())["differences"] == [
        {"kind": "differs", "table": "casework_case", "row": case.pk, "columns": ["tier", "amount_fen"]}
    ]


def test_the_command_refuses_what_it_does_not_know(case: Case) -> None:
    with pytest.raises(CommandError, match="no audited table 'nonsense'"):
        call_command("audit", "replay", "--table", "nonsense")
    with pytest.raises(CommandError, match="no moment"):
        call_command("audit", "replay", "--as-of", "yesterday")


def test_many_differences_are_told_one_by_one(world: World) -> None:
    """Each is written as soon as it is found; nothing but a line for each table is kept."""
    world.household(), world.household()
    with triggers_off("families_person"):
        run("UPDATE families_person SET education = 'x'")
    count = Person.objects.count()
    found = replay(only="families_person")

    assert isinstance(next(found), Difference)
    assert sum(isinstance(one, Difference) for one in found) == count - 1
