"""Beside cases: lists, the bank's answers, cash, goods and debts of a close relative's family."""

import uuid

import pytest
from django.db import IntegrityError, connection, transaction

from audit import clock
from casework import goods, payments
from casework.errors import BadCaseData, Recused
from casework.models import Case
from casework.rosters import building, deciding, paying
from families.models import Household
from funds import proposals, recoveries
from funds.errors import NotYours
from funds.models import Payment, Proposal, Recovery
from tests.casework.relatives.kin import a_number, declared, member
from tests.casework.test_rosters import AFTER_NOTICE, drafted, listed, money
from tests.casework.test_whole_way import pay
from tests.owner import owner
from tests.world import START, World


def kin_of(world: World, by: object, household: object) -> None:
    number = a_number()
    member(household, number)
    declared(by, number)


def test_a_list_with_a_declared_relative_is_signed_by_somebody_else(world: World) -> None:
    money(world)
    roster = drafted(world)
    deciding.put_up(roster.pk, place="村委会公告栏", by=world.township_clerk)
    kin_of(world, world.township_approver, roster.lines.get(n=2).household)

    with clock.frozen_at(AFTER_NOTICE):
        with pytest.raises(Recused, match="第 2 行.*单独编一份"), transaction.atomic():
            deciding.approve(roster.pk, by=world.township_approver)
        with pytest.raises(BadCaseData, match="近亲属"), transaction.atomic():
            deciding.approve(roster.pk, by=world.township_approver_2)
        why = {"words": "", "accepted_because": "关系核对过，确属困难"}
        building.change_line(roster.lines.get(n=2), amount_fen=300_00, **why, by=world.township_clerk)
        assert deciding.approve(roster.pk, by=world.township_approver_2).state == "approved"


def test_the_banks_answer_for_ones_own_line_is_recorded_by_somebody_else(world: World) -> None:
    roster, batch = listed(world)
    with clock.frozen_at(AFTER_NOTICE):
        payments.check_batch(batch.pk, by=world.fund_checker, key="c", looked_over="看过")
        payments.release_batch(batch.pk, by=world.cashier, key="r")
        kin_of(world, world.fund_manager, roster.lines.get(n=1).household)
        own, other = (Payment.objects.get(subject=f"roster:{roster.pk}:{n}") for n in (1, 2))
        with pytest.raises(Recused, match="第 1 行"), transaction.atomic():
            paying.record([payments.Answer(own.pk, True), payments.Answer(other.pk, True)], by=world.fund_manager)
        assert paying.record([payments.Answer(other.pk, True)], by=world.fund_manager) == 1
        assert paying.record([payments.Answer(own.pk, True)], by=world.cashier) == 1


def test_goods_are_not_handed_out_by_a_relative(world: World) -> None:
    household = world.household()
    kin_of(world, world.village_clerk, household)

    with pytest.raises(Recused, match=world.village_clerk.name):
        goods.handout_to(household, receiver="", hands=[world.township_clerk, world.village_clerk])
    assert goods.handout_to(household, receiver="", hands=[world.township_clerk])


def owed(world: World) -> Recovery:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    from tests.casework.test_no_dead_ends import answer

    answer(world, case, credited=True, key="yes")
    world.do(case, "reclaim", "township_approver", reason="查出收入瞒报", data={"amount_fen": 50_000})
    return Recovery.objects.get(subject=case.subject)


def family_of(recovery: Recovery) -> Household:
    return Case.objects.get(pk=int(recovery.subject.removeprefix("case:"))).household


def proposed(world: World, recovery: Recovery) -> Proposal:
    return recoveries.propose_write_off(
        recovery,
        10_000,
        by=world.fund_manager,
        key=f"off:{uuid.uuid4().hex}",
        reason="家里没有能力还",
        document_no="文 1 号",
    )


def test_nobody_writes_off_what_her_own_family_owes_by_any_door(world: World) -> None:
    recovery = owed(world)
    proposal = proposed(world, recovery)
    kin_of(world, world.fund_checker, family_of(recovery))

    with pytest.raises(Recused), transaction.atomic():
        proposals.confirm(proposal.pk, by=world.fund_checker)
    assert Proposal.objects.get(pk=proposal.pk).state == "proposed"
    with (
        pytest.raises(IntegrityError, match="own family"),
        transaction.atomic(),
        owner(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE funds_proposal SET state = 'confirmed', decided_by_id = %s, decider_person_key = %s, decided_on = '2026-04-15'"
            " WHERE id = %s",
            [world.fund_checker.pk, world.fund_checker.person_key, proposal.pk],
        )


def test_nobody_proposes_it_either(world: World) -> None:
    recovery = owed(world)
    kin_of(world, world.fund_manager, family_of(recovery))

    with pytest.raises(Recused), transaction.atomic():
        proposed(world, recovery)
    assert not Proposal.objects.exists()


def test_nobody_agrees_by_any_door_when_her_own_family_pays_back(world: World) -> None:
    recovery = owed(world)
    parts = [(START, 25_000), (START, 25_000)]
    with pytest.raises(NotYours), transaction.atomic():
        recoveries.agree(recovery.pk, parts, by=world.fund_checker, reason="商定")
    kin_of(world, world.fund_manager, family_of(recovery))

    with pytest.raises(Recused), transaction.atomic():
        recoveries.agree(recovery.pk, parts, by=world.fund_manager, reason="商定")

    assert Recovery.objects.get(pk=recovery.pk).agreed == [] and recovery.history.count() == 1


def test_somebody_else_agrees_and_the_history_says_who(world: World) -> None:
    recovery = owed(world)

    recoveries.agree(recovery.pk, [(START, 50_000)], by=world.fund_manager, reason=" 商定 ")

    told = recovery.history.latest("history_id")
    assert (told.history_user_id, told.history_change_reason) == (world.fund_manager.pk, "agree_recovery: 商定")
