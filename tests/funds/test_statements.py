"""A statement is the sum of its rows, line by line, and comes to what the ledger holds."""

import datetime
import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import Sum

from funds import ledger, periods, statements
from funds.models import Allocation, Transfer
from funds.statements import IN, OUT, WITHIN, Scope, Statement
from tests.funds import quarter
from tests.funds.books import another_fund, close, on
from tests.world import World

APRIL = (datetime.date(2026, 4, 1), datetime.date(2026, 4, 30))
MAY = (datetime.date(2026, 5, 1), datetime.date(2026, 5, 31))
JUNE = (datetime.date(2026, 6, 1), datetime.date(2026, 6, 30))
QUARTER = (APRIL[0], JUNE[1])


def shown(found: Statement) -> dict[tuple[str, str], tuple[int, int]]:
    return {
        (line.direction, f"-{line.kind}" if line.is_reversal else line.kind): (line.count, line.amount_fen)
        for line in found.lines
    }


def test_a_quarter_of_a_fund_as_its_bookkeeper_writes_it_down(world: World) -> None:
    quarter.run(world)
    fund = statements.of_funds([world.fund.pk])

    whole = fund.between(*QUARTER)

    assert whole.opening_fen == 0
    assert shown(whole) == {
        (IN, "receive"): (3, 1_200_099_00),
        (IN, "clawback"): (1, 5_000_00),
        (OUT, "-receive"): (1, 99_00),
        (OUT, "settle"): (3, 13_000_00),
        (OUT, "hand_back"): (1, 10_000_00),
        (WITHIN, "allocate"): (3, 900_000_00),
        (WITHIN, "deallocate"): (1, 50_000_00),
        (WITHIN, "reserve"): (3, 9_000_00),
        (WITHIN, "release"): (1, 1_000_00),
        (WITHIN, "send"): (4, 16_000_00),
        (WITHIN, "bounce"): (1, 3_000_00),
        (WITHIN, "imprest_advance"): (1, 2_000_00),
    }
    assert (whole.in_fen, whole.out_fen, whole.closing_fen) == (1_205_099_00, 23_099_00, 1_182_000_00)
    assert {stage.kind: stage.closing_fen for stage in whole.stages if stage.closing_fen} == {
        "available": 340_000_00,  # 1,000,000 - 900,000 + 200,000 + 50,000 - 10,000
        "allocated": 840_000_00,  # 900,000 - 50,000 - 8,000 - 2,000
        "imprest": 2_000_00,
    }
    assert whole.ties and [line.direction for line in whole.lines] == sorted(
        (line.direction for line in whole.lines), key=statements.DIRECTIONS.index
    )


def test_one_month_begins_with_what_the_month_before_ended_with(world: World) -> None:
    quarter.run(world)
    fund = statements.of_funds([world.fund.pk])

    april, may, june = (fund.between(*month) for month in (APRIL, MAY, JUNE))

    assert (april.opening_fen, april.closing_fen) == (0, 995_000_00)
    assert (may.opening_fen, may.in_fen, may.out_fen, may.closing_fen) == (
        995_000_00,
        205_000_00,
        3_000_00,
        1_197_000_00,
    )
    assert (june.opening_fen, june.closing_fen) == (1_197_000_00, 1_182_000_00)
    assert april.ties and may.ties and june.ties
    stages = {stage.kind: stage for stage in may.stages}
    assert (stages["in_payment"].opening_fen, stages["in_payment"].closing_fen) == (3_000_00, 0)
    assert stages["committed"].closing_fen == 5_000_00  # case 1 waits for another account


def every_scope(world: World) -> dict[str, Scope]:
    found = {
        f"programme {allocation.programme}": statements.of_allocations([allocation.pk])
        for allocation in Allocation.objects.all()
    }
    return found | {
        "fund": statements.of_funds([world.fund.pk]),
        "township": statements.of_places("township", [world.township.pk]),
        "village": statements.of_places("village", [world.village.pk]),
        "other village": statements.of_places("village", [world.other_village.pk]),
    }


def test_every_line_is_the_sum_of_its_rows_and_every_statement_of_its_lines(world: World) -> None:
    quarter.run(world)
    ranges = [APRIL, MAY, JUNE, QUARTER, (datetime.date(2026, 5, 8), datetime.date(2026, 6, 9))]

    for name, scope in every_scope(world).items():
        for first, last in ranges:
            found = scope.between(first, last)
            assert found.ties, (name, first)
            for line in found.lines:
                rows = scope.rows(first, last, kind=line.kind, direction=line.direction, is_reversal=line.is_reversal)
                assert sums(rows) == (line.count, line.amount_fen), (name, line)
            before = scope.rows(None, first - datetime.timedelta(days=1))
            assert effect(before) == found.opening_fen, (name, first)
            assert effect(scope.rows(None, last)) == found.closing_fen, (name, last)
            for stage in found.stages:
                assert effect(scope.rows(None, last, stage=stage.kind)) == stage.closing_fen
                assert sums(scope.rows(first, last, stage=stage.kind, direction=IN))[1] == stage.in_fen
                assert sums(scope.rows(first, last, stage=stage.kind, direction=OUT))[1] == stage.out_fen


def sums(rows: Any) -> tuple[int, int]:
    return rows.count(), rows.aggregate(fen=Sum("amount_fen"))["fen"] or 0


def effect(rows: Any) -> int:
    return rows.aggregate(fen=Sum("effect_fen"))["fen"] or 0


def test_statements_come_to_the_ledgers_own_balances(world: World) -> None:
    quarter.run(world)

    today = datetime.date(2026, 6, 30)
    with on(6, 30):
        balance = ledger.balances([world.fund])[world.fund.pk]
        held = statements.of_funds([world.fund.pk]).between(today, today).closing_fen
        parts = ledger.allocation_balances(list(Allocation.objects.all()))
        for allocation in Allocation.objects.all():
            part = parts[allocation.pk]
            found = statements.of_allocations([allocation.pk]).between(*QUARTER)
            assert found.closing_fen == part.free_fen + part.held_fen
    assert held == balance.total_fen - balance.paid_fen == 1_182_000_00


def test_places_are_told_by_whom_the_money_was_promised_to(world: World) -> None:
    quarter.run(world)

    village = statements.of_places("village", [world.village.pk]).between(*QUARTER)
    other = statements.of_places("village", [world.other_village.pk]).between(*APRIL)
    township = statements.of_places("township", [world.township.pk]).between(*APRIL)

    assert shown(village) == {
        (IN, "reserve"): (2, 6_000_00),
        (IN, "clawback"): (1, 5_000_00),
        (OUT, "settle"): (2, 10_000_00),
        (OUT, "release"): (1, 1_000_00),
        (WITHIN, "send"): (2, 10_000_00),
    }
    assert village.closing_fen == 0
    assert (other.closing_fen, township.closing_fen) == (3_000_00, 3_000_00)


def test_closed_months_give_the_same_opening_as_the_transfers(world: World) -> None:
    """The one is read from a table of totals, the other summed up; a fund of another unit with open books joins in."""
    quarter.run(world)
    other = another_fund(world.township, "TOWN")
    scope = statements.of_funds([world.fund.pk, other.pk])
    assert scope._closed_before(JUNE[0]) is None  # the township has closed nothing
    open_books = scope.between(*JUNE)
    fund = statements.of_funds([world.fund.pk])
    assert fund._closed_before(JUNE[0]) == MAY[1] and fund._closed_before(MAY[0]) == APRIL[1]
    assert fund._closed_before(APRIL[0]) is None

    assert fund.between(*JUNE).opening_fen == open_books.opening_fen == 1_197_000_00
    assert open_books.ties


def test_a_balance_that_no_transfer_moved_does_not_tie(world: World) -> None:
    quarter.run(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scope, "_held_at", lambda self, last: 1)
        assert not statements.of_funds([world.fund.pk]).between(*JUNE).ties


def test_a_statement_takes_the_same_queries_however_many_transfers(
    world: World, django_assert_max_num_queries: Any
) -> None:
    quarter.run(world)
    with django_assert_max_num_queries(12):
        statements.of_funds([world.fund.pk]).between(*JUNE)
    with django_assert_max_num_queries(12):
        statements.of_places("township", [world.township.pk]).between(*JUNE)


# ---------------------------------------------------------------- the command


def told(*args: Any) -> tuple[dict[str, Any], str]:
    out = io.StringIO()
    try:
        call_command("ledger", "statement", *args, "--json", stdout=out)
    except CommandError as refusal:
        return json.loads(out.getvalue()), str(refusal)
    return json.loads(out.getvalue()), ""


def test_the_command_gives_the_statement_as_one_object(world: World) -> None:
    quarter.run(world)

    answer, refusal = told("CARE", "--from", "2026-05-01", "--to", "2026-05-31")

    assert refusal == "" and answer["ties"] is True
    assert (answer["fund"], answer["from"], answer["to"]) == ("CARE", "2026-05-01", "2026-05-31")
    assert (answer["opening_fen"], answer["closing_fen"], answer["held_fen"]) == (
        995_000_00,
        1_197_000_00,
        1_197_000_00,
    )
    receipt = next(line for line in answer["lines"] if line["kind"] == "receive")
    assert receipt == {"kind": "receive", "direction": "in", "is_reversal": False, "count": 1, "amount_fen": 200_000_00}
    assert sum(stage["closing_fen"] for stage in answer["stages"]) == answer["closing_fen"]


def test_the_command_prints_a_table(world: World) -> None:
    quarter.run(world)
    out = io.StringIO()

    with on(6, 30):
        call_command("ledger", "statement", "CARE", stdout=out)  # this year, up to today

    lines = out.getvalue().splitlines()
    assert lines[0] == "CARE 2026-01-01 to 2026-06-30, yuan"
    assert lines[1].split() == ["opening", "0.00"] and lines[-2].split() == ["closing", "1,182,000.00"]
    assert any(line.split() == ["settle", "3", "-", "13,000.00"] for line in lines)
    assert any(line.startswith("receive (reversal)") for line in lines)
    assert lines[-1] == "agrees with the balances"
    assert len({len(line) for line in lines[1:-1]}) == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("NONE",), "no fund with the code 'NONE'"),
        ((), "Say which fund"),
        (("CARE", "--from", "2026-02-30"), "--from '2026-02-30' is no day"),
        (("CARE", "--to", "tomorrow"), "--to 'tomorrow' is no day"),
        (("CARE", "--from", "2026-05-01", "--to", "2026-04-01"), "is after"),
    ],
)
def test_the_command_refuses_what_it_cannot_answer(world: World, args: tuple[str, ...], words: str) -> None:
    answer, refusal = told(*args)

    assert words in refusal
    assert answer["ok"] is False and answer["error"] in ("CommandError", "ValueError") and answer["message"] == refusal


def test_the_check_counts_changed_months(world: World) -> None:
    with on(5, 1):
        close(world, 2026, 4)
    out = io.StringIO()
    call_command("ledger", "check", "--json", stdout=out)

    assert json.loads(out.getvalue()) == {
        "drift_fen": 0,
        "negative_accounts": 0,
        "transfers": Transfer.objects.count(),
        "changed_periods": 0,
    }
    with pytest.raises(CommandError, match="whole of the books"):
        call_command("ledger", "check", "CARE")
    assert periods.last_closed(world.county).month == 4
