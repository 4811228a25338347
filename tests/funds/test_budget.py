"""What money is meant for: divided downwards by one, taken away by two, and never below what is promised."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from access.vault import person_key
from audit import clock
from funds import budget, ledger, proposals
from funds import services as funds
from funds.errors import Earmarked, FundShort, SamePerson, WrongProposal
from funds.models import Account, Allocation, Fund, Proposal, Transfer
from tests.funds.test_ledger import confirmed
from tests.owner import owner
from tests.world import START, World, make_staff


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


def account(of: Fund | Allocation, kind: str) -> int:
    wanted = {"fund": of, "allocation": None} if isinstance(of, Fund) else {"allocation": of}
    return Account.objects.get(kind=kind, **wanted).pk


def entry_refused(
    kind: str, debit: int, credit: int, fen: int, *, match: str, proposal: Proposal | None = None
) -> None:
    refuses(
        """INSERT INTO funds_transfer (key, kind, debit_id, credit_id, amount_fen, subject, reason, document_no,
           business_date, recorded_at, proposal_id) VALUES ('bad', %s, %s, %s, %s, 'fund:1', '', '', %s, now(), %s)""",
        kind, debit, credit, fen, START, proposal.pk if proposal else None, match=match,
    )  # fmt: skip


def a_fund(world: World, code: str = "NEW", fen: int = 100_000, **earmarks: Any) -> Fund:
    fund = funds.open_fund(code, code, source="fiscal", unit=world.county, **earmarks)
    funds.receive(fund, fen, key=f"receive:{code}")
    return fund


def a_tree(world: World, year: int = 2026) -> tuple[Fund, Allocation, Allocation, Allocation]:
    """County 90,000 -> township 60,000 -> disaster relief 40,000."""
    fund = a_fund(world)
    county = funds.allocate(fund, 90_000, programme="", unit=world.county, year=year, key="a")
    town = budget.divide(county, 60_000, programme="", unit=world.township, key="b")
    relief = budget.divide(town, 40_000, programme="disaster_relief", unit=world.township, key="c")
    return fund, county, town, relief


def free(*allocations: Allocation) -> list[int]:
    balances = ledger.allocation_balances(list(allocations))
    return [balances[allocation.pk].allocated_fen for allocation in allocations]


def two_persons(world: World, make: Callable[..., Proposal], *args: Any, key: str = "p", **more: Any) -> Proposal:
    made = make(*args, by=world.fund_manager, key=key, reason="依据会议纪要", document_no="纪〔2026〕1号", **more)
    return proposals.confirm(made.pk, by=world.fund_checker)


# ---------------------------------------------------------------- dividing


def test_money_is_divided_down_and_every_level_keeps_the_rest(world: World) -> None:
    fund, county, town, relief = a_tree(world)

    assert free(county, town, relief) == [30_000, 20_000, 40_000]
    assert (town.parent, relief.parent) == (county, town)
    assert budget.ids_within(county) == [county.pk, town.pk, relief.pk]
    assert ledger.balances([fund])[fund.pk].total_fen == 100_000
    assert ledger.check().drift_fen == 0


def test_the_same_part_grows_when_it_is_divided_again(world: World) -> None:
    _fund, _county, town, relief = a_tree(world)

    again = budget.divide(town, 5_000, programme="disaster_relief", unit=world.township, key="d")

    assert again == relief and free(town, relief) == [15_000, 45_000]


def test_more_than_is_there_is_not_divided(world: World) -> None:
    _fund, _county, town, _relief = a_tree(world)
    before = (Transfer.objects.count(), Allocation.objects.count())

    with pytest.raises(FundShort), transaction.atomic():
        budget.divide(town, 20_001, programme="elderly_support", unit=world.township, key="d")

    assert (Transfer.objects.count(), Allocation.objects.count()) == before


def test_what_was_set_aside_directly_is_not_filled_from_a_parent(world: World) -> None:
    fund, county, _town, relief = a_tree(world)
    funds.allocate(fund, 100, programme="elderly_support", unit=world.township, year=2026, key="direct")

    with pytest.raises(WrongProposal, match="直接从资金里分配"), transaction.atomic():
        budget.divide(county, 100, programme="elderly_support", unit=world.township, key="d")
    with pytest.raises(WrongProposal, match="上一级"), transaction.atomic():
        funds.allocate(fund, 100, programme="disaster_relief", unit=world.township, year=2026, key="e")
    assert free(relief) == [40_000]


def test_a_part_lies_within_its_parent(world: World) -> None:
    fund, _county, town, relief = a_tree(world)
    insert = """INSERT INTO funds_allocation (fund_id, programme, unit_id, year, document_no, parent_id)
                VALUES (%s, %s, %s, %s, '', %s)"""
    outside, lies = world.county.pk, "does not lie within"

    refuses(insert, fund.pk, "elderly_support", outside, 2026, town.pk, match=lies)
    refuses(insert, fund.pk, "elderly_support", world.village.pk, 2027, town.pk, match=lies)
    refuses(insert, fund.pk, "elderly_support", world.village.pk, 2026, relief.pk, match=lies)
    refuses(insert, world.fund.pk, "elderly_support", world.village.pk, 2026, town.pk, match=lies)
    refuses("UPDATE funds_allocation SET parent_id = NULL WHERE id = %s", relief.pk, match="purpose|changed|stays")
    with pytest.raises(WrongProposal, match="上一级的地方"), transaction.atomic():
        budget.divide(town, 1, programme="elderly_support", unit=world.county, key="d")


def test_money_moves_only_between_a_part_and_its_parent(world: World) -> None:
    _fund, county, town, relief = a_tree(world)
    confirmed = two_persons(world, budget.propose_take_back, relief, 1)
    crosses = "crosses allocations"

    entry_refused("suballocate", account(county, "allocated"), account(relief, "allocated"), 1, match=crosses)
    entry_refused(
        "return_up", account(relief, "allocated"), account(county, "allocated"), 1, match=crosses, proposal=confirmed
    )
    entry_refused(
        "carry_over", account(relief, "allocated"), account(town, "allocated"), 1, match=crosses, proposal=confirmed
    )


def test_the_plan_has_twelve_months_and_none_is_negative(world: World) -> None:
    _fund, _county, _town, relief = a_tree(world)

    for wrong in ([1] * 11, [1] * 11 + [-1]):
        with pytest.raises(WrongProposal, match="十二个月"):
            budget.set_plan(relief, wrong)
    budget.set_plan(relief, [0] * 11 + [40_000])
    budget.set_plan(relief, None)

    assert relief.history.count() == 3
    refuses("UPDATE funds_allocation SET plan_fen = '{1,2}' WHERE id = %s", relief.pk, match="plan_of_twelve_months")


# ---------------------------------------------------------------- taking back


def test_free_money_goes_back_where_it_came_from(world: World) -> None:
    fund, county, town, relief = a_tree(world)

    up = two_persons(world, budget.propose_take_back, relief, 10_000)
    out = two_persons(world, budget.propose_take_back, county, 30_000, key="q")

    assert free(county, town, relief) == [0, 30_000, 30_000]
    assert ledger.balances([fund])[fund.pk].available_fen == 40_000
    assert [Transfer.objects.get(proposal=made).kind for made in (up, out)] == ["return_up", "deallocate"]
    transfer = Transfer.objects.get(proposal=up)
    assert (transfer.document_no, transfer.reason) == ("纪〔2026〕1号", "依据会议纪要")
    assert transfer.recorded_by == world.fund_checker and up.result == {"transfers": [transfer.pk]}


def test_what_is_promised_is_never_taken_back(world: World) -> None:
    allocation = world.fund.allocations.get(programme="disaster_relief")
    funds.reserve(subject="case:1", key="r", programme="disaster_relief", village=world.village, amount_fen=29_000_000)
    ledger.settle_now()

    with pytest.raises(FundShort, match=r"最多 10,000 元.*290,000 元不能动"):
        budget.propose_take_back(allocation, 1_000_001, by=world.fund_manager, key="p", reason="收回")
    assert not Proposal.objects.exists()
    two_persons(world, budget.propose_take_back, allocation, 1_000_000)
    entry_refused(
        "deallocate",
        account(allocation, "allocated"),
        account(world.fund, "available"),
        1,
        match="never_overspent",
        proposal=confirmed(world),
    )
    assert free(allocation) == [0]


def test_what_was_promised_meanwhile_stops_the_confirmation_and_nothing_is_left(world: World) -> None:
    allocation = world.fund.allocations.get(programme="disaster_relief")
    made = budget.propose_take_back(allocation, 30_000_000, by=world.fund_manager, key="p", reason="收回")
    funds.reserve(subject="case:1", key="r", programme="disaster_relief", village=world.village, amount_fen=1)
    ledger.settle_now()
    before = Transfer.objects.count()

    with pytest.raises(FundShort, match="还没有承诺"):
        proposals.confirm(made.pk, by=world.fund_checker)

    made.refresh_from_db()
    assert (made.state, made.decided_by, made.result) == ("proposed", None, {})
    assert Transfer.objects.count() == before and made.history.count() == 1


# ---------------------------------------------------------------- earmarks


@pytest.mark.parametrize(
    ("earmarks", "programme", "unit", "year", "constraint"),
    [
        ({"programmes": ["elderly_support"]}, "disaster_relief", "township", 2026, "earmark_programme"),
        ({"only_unit": "village"}, "disaster_relief", "township", 2026, "earmark_unit"),
        ({"first_year": 2027}, "disaster_relief", "township", 2026, "earmark_year"),
        ({"last_year": 2025}, "disaster_relief", "township", 2026, "earmark_year"),
    ],
)
def test_an_earmark_holds_however_the_money_comes(
    world: World, earmarks: dict[str, Any], programme: str, unit: str, year: int, constraint: str
) -> None:
    if "only_unit" in earmarks:
        earmarks = {"only_unit": getattr(world, earmarks["only_unit"])}
    fund = a_fund(world, **earmarks)

    with pytest.raises(Earmarked), transaction.atomic():
        funds.allocate(fund, 1, programme=programme, unit=getattr(world, unit), year=year, key="x")
    allocation = budget.allocation_for(fund, programme, getattr(world, unit), year)
    entry_refused(
        "allocate", account(fund, "available"), account(allocation, "allocated"), 1, match=f"{constraint}|is not for"
    )


def test_money_without_a_programme_is_divided_only_as_its_fund_allows(world: World) -> None:
    fund = a_fund(world, programmes=["elderly_support"], only_unit=world.township)
    whole = funds.allocate(fund, 100, programme="", unit=world.township, year=2026, key="a")

    budget.divide(whole, 1, programme="elderly_support", unit=world.village, key="b")
    with pytest.raises(Earmarked, match="专款专用"), transaction.atomic():
        budget.divide(whole, 1, programme="disaster_relief", unit=world.village, key="c")


def test_a_cause_of_hardship_binds_what_is_reserved(world: World) -> None:
    fund = a_fund(world, purposes=["disaster"])
    only = funds.allocate(fund, 50_000, programme="disaster_relief", unit=world.village, year=2026, key="a")
    facts = {"programme": "disaster_relief", "village": world.village, "amount_fen": 100}

    ill = funds.reserve(subject="case:1", key="r1", purpose="illness", **facts)
    flooded = funds.reserve(subject="case:2", key="r2", purpose="disaster", **facts)

    assert ill.allocation != only and flooded.allocation == only
    insert = """INSERT INTO funds_reservation (key, subject, allocation_id, village_id, programme, amount_fen, released_fen,
                reserved_on, purpose) VALUES ('bad', 'case:1', %s, %s, 'disaster_relief', 1, 0, %s, %s)"""
    refuses(insert, only.pk, world.village.pk, START, "illness", match="is not for")
    refuses(insert, only.pk, world.village.pk, START, None, match="is not for")
    refuses("UPDATE funds_reservation SET purpose = 'disaster' WHERE id = %s", ill.pk, match="not changed")


@pytest.mark.parametrize("change", ["programmes = '{}'", "purposes = NULL", "last_year = 2030", "only_unit_id = NULL"])
def test_the_earmarks_of_a_fund_never_change(world: World, change: str) -> None:
    fund = a_fund(
        world, programmes=["disaster_relief"], purposes=["disaster"], last_year=2026, only_unit=world.township
    )

    refuses(f"UPDATE funds_fund SET {change} WHERE id = %s", fund.pk, match="purpose|changed|stays")


# ---------------------------------------------------------------- between funds, between years, out of the house

NARROW = {"programmes": ["disaster_relief"], "purposes": ["disaster"], "first_year": 2026, "last_year": 2026}


def test_money_moves_to_a_fund_that_is_bound_as_narrowly(world: World) -> None:
    wide = a_fund(world, "WIDE")
    narrow = a_fund(world, "NARROW", only_unit=world.township, **NARROW)
    narrower = a_fund(world, "NARROWER", only_unit=world.village, **NARROW)

    made = two_persons(world, budget.propose_interfund, wide, narrow, 100)
    two_persons(world, budget.propose_interfund, narrow, narrower, 200, key="q")

    balances = ledger.balances([wide, narrow, narrower])
    assert [balances[fund.pk].available_fen for fund in (wide, narrow, narrower)] == [99_900, 99_900, 100_200]
    transfer = Transfer.objects.get(proposal=made)
    assert (transfer.debit.fund, transfer.credit.fund) == (wide, narrow)
    assert ledger.check().drift_fen == 0


@pytest.mark.parametrize("lost", ["programmes", "purposes", "first_year", "last_year", "only_unit"])
def test_no_earmark_is_lost_on_the_way_to_another_fund(world: World, lost: str) -> None:
    bound = NARROW | {"only_unit": world.township}
    narrow = a_fund(world, "NARROW", **bound)
    wider = a_fund(world, "WIDER", **{name: value for name, value in bound.items() if name != lost})
    made = budget.propose_interfund(narrow, wider, 100, by=world.fund_manager, key="p", reason="调剂")

    with pytest.raises(Earmarked, match="限制更松"):
        proposals.confirm(made.pk, by=world.fund_checker)

    made.refresh_from_db()
    assert made.state == "proposed" and ledger.balances([wider])[wider.pk].available_fen == 100_000


def test_only_what_is_not_allocated_leaves_a_fund(world: World) -> None:
    fund, *_tree = a_tree(world)
    other = a_fund(world, "OTHER")
    how = {"by": world.fund_manager, "key": "p", "reason": "x"}

    with pytest.raises(FundShort, match="最多 100 元"):
        budget.propose_interfund(fund, other, 10_001, **how)
    with pytest.raises(FundShort, match="请先收回"):
        budget.propose_hand_back(fund, 10_001, **how)
    with pytest.raises(WrongProposal, match="同一项"):
        budget.propose_interfund(fund, fund, 1, **how)
    two_persons(world, budget.propose_hand_back, fund, 10_000)

    assert not Proposal.objects.exclude(state="confirmed").exists()
    assert ledger.balances([fund])[fund.pk].total_fen == 90_000


def test_what_is_free_is_carried_to_the_same_places_of_the_next_year(world: World) -> None:
    fund, county, town, relief = a_tree(world)

    made = two_persons(world, budget.propose_carry_over, fund, 2026)

    assert made.amount_fen == 90_000 and len(made.result["transfers"]) == 3
    assert free(county, town, relief) == [0, 0, 0]
    next_year = {a.programme + a.unit.level: a for a in fund.allocations.filter(year=2027)}
    new_county, new_town, new_relief = (next_year[k] for k in ("county", "township", "disaster_relieftownship"))
    assert free(new_county, new_town, new_relief) == [30_000, 20_000, 40_000]
    assert (new_town.parent, new_relief.parent, new_county.parent) == (new_county, new_town, None)
    with clock.frozen_at(datetime.date(2027, 1, 4)):
        assert ledger.payable_fen("disaster_relief", world.village, clock.today()) == 40_000


def test_a_part_is_carried_over_though_its_parent_has_nothing_left(world: World) -> None:
    fund, county, town, relief = a_tree(world)
    two_persons(world, budget.propose_take_back, county, 30_000, key="q")

    two_persons(world, budget.propose_carry_over, fund, 2026)

    new_relief = fund.allocations.get(year=2027, programme="disaster_relief")
    assert free(new_relief, new_relief.parent, new_relief.parent.parent) == [40_000, 20_000, 0]


def test_what_is_promised_stays_in_its_year(world: World) -> None:
    funds.reserve(subject="case:1", key="r", programme="disaster_relief", village=world.village, amount_fen=500)
    ledger.settle_now()

    two_persons(world, budget.propose_carry_over, world.fund, 2026)

    old = world.fund.allocations.get(programme="disaster_relief", year=2026)
    assert ledger.allocation_balances([old])[old.pk].committed_fen == 500
    assert free(world.fund.allocations.get(programme="disaster_relief", year=2027)) == [29_999_500]


def test_money_of_one_year_alone_is_not_carried_over(world: World) -> None:
    fund = a_fund(world, last_year=2026)
    old = funds.allocate(fund, 100, programme="disaster_relief", unit=world.township, year=2026, key="a")

    with pytest.raises(Earmarked, match="不能结转"):
        budget.propose_carry_over(fund, 2026, by=world.fund_manager, key="p", reason="结转")
    with pytest.raises(WrongProposal, match="没有可以结转"):
        budget.propose_carry_over(fund, 2025, by=world.fund_manager, key="p", reason="结转")
    spare = a_fund(world, "SPARE")
    confirmed = two_persons(world, budget.propose_hand_back, spare, 1)
    new = budget.allocation_for(fund, "disaster_relief", world.township, 2027)
    entry_refused(
        "carry_over", account(old, "allocated"), account(new, "allocated"), 1, match="is not for", proposal=confirmed
    )


# ---------------------------------------------------------------- reversals


def test_a_mistake_is_reversed_once(world: World) -> None:
    fund = a_fund(world)
    allocation = funds.allocate(fund, 500, programme="disaster_relief", unit=world.township, year=2026, key="a")
    wrong = Transfer.objects.get(key="a")
    second = budget.propose_reversal(wrong, by=world.fund_manager, key="q", reason="又提一次")

    made = two_persons(world, budget.propose_reversal, wrong)

    mirror = Transfer.objects.get(proposal=made)
    assert (mirror.reverses, mirror.debit, mirror.credit) == (wrong, wrong.credit, wrong.debit)
    assert free(allocation) == [0]
    with pytest.raises(WrongProposal, match="已经冲正"):
        budget.propose_reversal(wrong, by=world.fund_manager, key="r", reason="再提")
    with pytest.raises(WrongProposal, match="已经冲正"):
        proposals.confirm(second.pk, by=world.fund_checker)
    with pytest.raises(WrongProposal, match="不能冲正"):
        budget.propose_reversal(mirror, by=world.fund_manager, key="s", reason="冲正的冲正")
    assert free(allocation) == [0] and Proposal.objects.get(pk=second.pk).state == "proposed"


@pytest.mark.parametrize("kind", ["reserve", "interfund"])
def test_what_moves_otherwise_is_not_reversed(world: World, kind: str) -> None:
    funds.reserve(subject="case:1", key="r", programme="disaster_relief", village=world.village, amount_fen=500)
    two_persons(world, budget.propose_interfund, world.fund, a_fund(world), 1)

    with pytest.raises(WrongProposal, match="不能冲正"):
        budget.propose_reversal(Transfer.objects.get(kind=kind), by=world.fund_manager, key="x", reason="冲正")


# ---------------------------------------------------------------- two persons


def test_two_accounts_of_one_person_are_one_person(world: World) -> None:
    fund = a_fund(world)
    twin = make_staff("twin", "同一个人", world.fund_manager.person_key)
    made = budget.propose_hand_back(fund, 100, by=world.fund_manager, key="p", reason="退")

    with pytest.raises(SamePerson, match="同一个人"):
        proposals.confirm(made.pk, by=twin)
    with pytest.raises(SamePerson, match="撤回"):
        proposals.refuse(made.pk, by=twin, answer="不行")
    proposals.withdraw(made.pk, by=twin)

    assert Proposal.objects.get().state == "withdrawn"
    assert ledger.balances([fund])[fund.pk].available_fen == 100_000


def test_pressed_twice_it_is_proposed_and_confirmed_once(world: World) -> None:
    fund = a_fund(world)
    how = {"by": world.fund_manager, "key": "p", "reason": "退"}
    first, second = (budget.propose_hand_back(fund, 100, **how) for _press in range(2))

    for _press in range(2):
        proposals.confirm(first.pk, by=world.fund_checker)

    assert first == second and Transfer.objects.filter(kind="hand_back").count() == 1
    with pytest.raises(WrongProposal, match="另一件事"):
        budget.propose_carry_over(world.fund, 2026, **how)
    with pytest.raises(WrongProposal, match="已核准"):
        proposals.refuse(first.pk, by=world.fund_checker, answer="反悔")
    with pytest.raises(WrongProposal, match="已核准"):
        proposals.withdraw(first.pk, by=world.fund_manager)


def test_a_refusal_moves_nothing_and_says_why(world: World) -> None:
    fund = a_fund(world)
    made = budget.propose_hand_back(fund, 100, by=world.fund_manager, key="p", reason="退")
    before = Transfer.objects.count()

    with pytest.raises(WrongProposal, match="为什么"):
        proposals.refuse(made.pk, by=world.fund_checker, answer=" ")
    proposals.refuse(made.pk, by=world.fund_checker, answer="没有文件")

    made.refresh_from_db()
    assert (made.state, made.answer, made.decided_by) == ("refused", "没有文件", world.fund_checker)
    assert Transfer.objects.count() == before
    with pytest.raises(WrongProposal):
        proposals.confirm(made.pk, by=world.fund_checker)
    with pytest.raises(WrongProposal, match="原因"):
        budget.propose_hand_back(fund, 1, by=world.fund_manager, key="q", reason=" ")


@pytest.mark.parametrize(
    ("kind", "gives", "receives"),
    [
        ("deallocate", "relief:allocated", "fund:available"),
        ("return_up", "relief:allocated", "town:allocated"),
        ("interfund", "fund:available", "other:available"),
        ("hand_back", "fund:available", "fund:source"),
        ("carry_over", "relief:allocated", "next:allocated"),
    ],
)
def test_without_a_second_person_postgresql_enters_nothing(world: World, kind: str, gives: str, receives: str) -> None:
    fund, _county, town, relief = a_tree(world)
    places = {"fund": fund, "town": town, "relief": relief, "other": a_fund(world, "OTHER")}
    places["next"] = budget.allocation_for(fund, "disaster_relief", world.township, 2027)
    open_one = budget.propose_hand_back(fund, 1, by=world.fund_manager, key="p", reason="退")
    debit, credit = (account(places[place], of) for place, of in (side.split(":") for side in (gives, receives)))

    for proposal in (None, open_one):
        entry_refused(kind, debit, credit, 1, match="not confirmed by a second person", proposal=proposal)


def test_a_reversal_in_raw_sql_wants_its_second_person_too(world: World) -> None:
    fund = a_fund(world)
    wrong = Transfer.objects.get(key="receive:NEW")

    refuses(
        """INSERT INTO funds_transfer (key, kind, debit_id, credit_id, amount_fen, subject, reason, document_no,
           business_date, recorded_at, reverses_id) VALUES ('bad', 'receive', %s, %s, %s, 'fund:1', 'x', '', %s, now(), %s)""",
        wrong.credit_id, wrong.debit_id, wrong.amount_fen, START, wrong.pk, match="not confirmed by a second person",
    )  # fmt: skip
    assert ledger.balances([fund])[fund.pk].available_fen == 100_000


def test_a_proposal_in_raw_sql_is_what_was_proposed_and_by_whom(world: World) -> None:
    fund = a_fund(world)
    made = budget.propose_hand_back(fund, 100, by=world.fund_manager, key="p", reason="退")
    stranger = person_key("nobody")
    checker = world.fund_checker
    decide = """UPDATE funds_proposal SET state = 'confirmed', decided_by_id = %s, decider_person_key = %s,
                decided_on = '2026-04-15' WHERE id = %s"""

    for change in (
        "amount_fen = 999",
        "reason = 'x'",
        "details = '{\"a\": 1}'",
        "document_no = 'x'",
        "kind = 'reverse'",
    ):
        refuses(f"UPDATE funds_proposal SET {change} WHERE id = %s", made.pk, match="is not changed")
    refuses(decide, checker.pk, stranger, made.pk, match="somebody else")
    refuses(decide, world.fund_manager.pk, world.fund_manager.person_key, made.pk, match="proposer_is_not_confirmer")
    refuses("UPDATE funds_proposal SET state = 'confirmed' WHERE id = %s", made.pk, match="proposal_decided|somebody")
    refuses(
        """INSERT INTO funds_proposal (key, kind, unit_id, details, amount_fen, reason, document_no, state, proposed_by_id,
           proposer_person_key, proposed_on, decided_by_id, decider_person_key, decided_on, answer, result)
           VALUES ('bad', 'hand_back', %s, '{}', 1, 'x', '', 'confirmed', %s, %s, %s, %s, %s, %s, '', '{}')""",
        world.county.pk, world.fund_manager.pk, world.fund_manager.person_key, START, checker.pk, checker.person_key,
        START, match="does not begin as one",
    )  # fmt: skip
    proposals.confirm(made.pk, by=checker)
    for change in ("state = 'refused', answer = 'x'", "answer = 'x'", "decided_on = '2026-01-01'"):
        refuses(f"UPDATE funds_proposal SET {change} WHERE id = %s", made.pk, match="is not changed")


def test_a_negative_amount_or_none_is_not_proposed(world: World) -> None:
    fund, *_county, relief = a_tree(world)
    how = {"by": world.fund_manager, "key": "p", "reason": "退"}

    for fen in (0, -5):
        with pytest.raises(WrongProposal, match="大于零"):
            budget.propose_hand_back(fund, fen, **how)
        with pytest.raises(WrongProposal, match="大于零"):
            budget.propose_take_back(relief, fen, **how)
    assert not Proposal.objects.exists()
