"""An emergency paid at once out of the township's float: who may, what it asks for, and how it ends."""

import datetime
from typing import Any

import pytest
from django.db import transaction

from access import services as access
from access.models import Staff
from audit import clock
from casework import imprest_payers, second_person, trail, walkthrough
from casework.errors import (
    ApprovalVoid,
    BadCaseData,
    CaseworkError,
    MissingDocuments,
    NotYourTurn,
    Recused,
    SecondDuty,
)
from casework.models import Case, CaseDocument
from funds import imprest, ledger, proposals, recoveries
from funds import services as funds
from funds.errors import ImprestBlocked, ImprestShort, SamePerson, SecondPerson
from funds.models import ImprestSpend, Recovery, Transfer
from tests.casework.test_model_agrees import agrees, retraced
from tests.casework.test_no_dead_ends import emergency
from tests.countersigns import confirmed as confirmed_by_the_second
from tests.funds.floats import a_float, key, second, second_clerk
from tests.funds.test_imprest import held
from tests.world import START, World, case_now, make_staff

AFTER_THE_NOTICE = START + datetime.timedelta(days=8)


def paid_at_once(world: World, case: Case, *, by: str = "township_clerk", confirmed: bool = True, **data: Any) -> None:
    """The clerk and the association's secretary hand it out, and photograph the receipt; the secretary confirms it."""
    world.papers(case, "cash_receipt")
    receipt = CaseDocument.objects.filter(case=case, kind="cash_receipt").latest("pk")
    given = {"second_payer": second(world).pk, "document_id": receipt.document_id, "place": "家里"}
    world.do(case, "pay_from_imprest", by, data=given | data)
    if confirmed:
        confirmed_by_the_second()


def papers_made_up(world: World, case: Case) -> None:
    survey = world.survey(case.household)
    world.papers(case, "application", "damage_photo")
    world.do(case, "submit_makeup", "village_clerk", data={"survey_id": survey.pk, "cause": "disaster"})
    world.deliberate(case)
    world.do(case, "endorse", "village_head")
    with clock.frozen_at(AFTER_THE_NOTICE):
        world.do(case, "end_notice", None)
        world.do(case, "check", second_clerk(world))


def accepted(world: World, case: Case) -> None:
    papers_made_up(world, case)
    with clock.frozen_at(AFTER_THE_NOTICE):
        world.do(case, "approve", "township_approver_2")


def test_money_in_the_morning_papers_in_ten_days(world: World) -> None:
    box, case = a_float(world, 500_000, 500_000), emergency(world, 100_000)

    paid_at_once(world, case)

    case = case_now(case)
    paid = ImprestSpend.objects.get()
    assert (case.state, case.turn_role, case.due_on) == ("makeup", "village_clerk", paid.due_on)
    assert paid.due_on == case.makeup_due_on == datetime.date(2026, 4, 29)
    assert (paid.amount_fen, paid.received_by, paid.payer_one_id) == (
        100_000,
        case.payee_account.holder.name,
        world.township_clerk.pk,
    )
    assert set(case.duties.filter(duty="pay_imprest").values_list("staff", flat=True)) == {
        world.township_clerk.pk,
        second(world).pk,
    }
    assert held(world) == (29_400_000, 100_000, 0, 400_000, 100_000)
    assert paid.history.count() == 1

    accepted(world, case)

    assert case_now(case).state == "paid" and case_now(case).visits.exists()
    assert held(world) == (29_400_000, 0, 100_000, 500_000, 0)
    assert imprest.holding(box).on_hand_fen == 400_000  # until the bank refills
    paid.refresh_from_db()
    assert (paid.settled_fen, paid.ended_on) == (100_000, AFTER_THE_NOTICE)
    assert ledger.check().drift_fen == 0


def test_what_the_case_was_paid_is_told_everywhere(world: World) -> None:
    a_float(world)
    case = emergency(world, 100_000)
    paid_at_once(world, case)
    accepted(world, case)

    told = walkthrough._told(case_now(case))
    found = trail.of_case(case_now(case))

    assert told["paid_fen"] == 100_000
    assert found.cards[0].title == "1,000 元，手续已认可" and found.cards[0].hash
    assert found.is_intact and found.disagreements == []


def test_the_releaser_does_not_pay(world: World) -> None:
    a_float(world)
    case = emergency(world)
    with pytest.raises(NotYourTurn):
        paid_at_once(world, case, by="township_approver")

    with pytest.raises(SecondDuty):  # nor does she go along
        paid_at_once(world, case, second_payer=world.township_approver.pk)

    assert not ImprestSpend.objects.exists() and case_now(case).state == "emergency_released"


def refused_to_pay(world: World, case: Case, refusal: type[Exception], match: str, **data: Any) -> None:
    with pytest.raises(refusal, match=match):
        paid_at_once(world, case, **data)
    assert not ImprestSpend.objects.exists() and not case.duties.filter(duty="pay_imprest").exists()
    assert case_now(case).state == "emergency_released"


def test_nobody_of_the_village_goes_along(world: World) -> None:
    """The only village head would be missing when the villagers' opinion is signed."""
    a_float(world)
    case = emergency(world)

    refused_to_pay(world, case, BadCaseData, "不在乡里任职", second_payer=world.village_head.pk)
    refused_to_pay(world, case, BadCaseData, "不在乡里任职", second_payer=world.cashier.pk)


def test_whoever_a_later_step_cannot_do_without_does_not_pay(world: World) -> None:
    """One approver released the money: the other one is needed for the papers, and of two clerks one checks them."""
    a_float(world)
    case = emergency(world)

    refused_to_pay(world, case, SecondDuty, "「审批」（乡镇审批）", second_payer=world.township_approver_2.pk)
    refused_to_pay(world, case, SecondDuty, "「乡镇审核」（乡镇经办）", second_payer=second_clerk(world).pk)


def test_a_township_with_one_clerk_pays_through_the_bank(world: World) -> None:
    a_float(world)
    case = emergency(world)
    post = second_clerk(world).appointments.get()
    access.end_appointment(post, on=START - datetime.timedelta(days=1), by=None, reason="调走")

    refused_to_pay(world, case, SecondDuty, "township_clerk 发了这笔钱")


def test_somebody_who_stands_in_for_a_payer_is_not_counted_as_left(world: World) -> None:
    """A delegate takes the duty for both, so she could not check the papers of the clerk who paid."""
    a_float(world)
    case = emergency(world)
    post = second_clerk(world).appointments.get()
    access.end_appointment(post, on=START - datetime.timedelta(days=1), by=None, reason="调走")
    access.delegate(
        world.township_clerk.appointments.get(),
        world.other_clerk,
        valid_from=START,
        valid_to=START,
        reason="出差",
        approved_by=world.township_approver,
    )

    refused_to_pay(world, case, SecondDuty, "township_clerk 发了这笔钱")


def test_the_list_offers_whom_the_step_accepts(world: World) -> None:
    a_float(world)
    case = emergency(world)
    second(world)
    near = Staff.objects.filter(appointments__isnull=False).exclude(pk=world.township_clerk.pk).distinct()
    accepted_by_the_step = set()
    for staff in near:
        try:
            with transaction.atomic():
                paid_at_once(world, case, second_payer=staff.pk)
                accepted_by_the_step.add(staff.name)
                transaction.set_rollback(True)
        except CaseworkError:
            continue

    offered = imprest_payers.second_payers(case, world.township_clerk)

    assert {staff.name for staff, _posts in offered} == accepted_by_the_step == {"沈清和"}
    assert [posts for _staff, posts in offered] == ["协会秘书"]


def test_the_papers_are_not_accepted_before_whoever_went_along_has_confirmed_it(world: World) -> None:
    a_float(world)
    case = emergency(world)
    paid_at_once(world, case, confirmed=False)
    (told,) = second_person.waiting_for(second(world))
    assert (told.subject, told.first.name, told.spend.amount_fen) == (case.subject, "township_clerk", 100_000)
    assert not second_person.mine(world.township_clerk)

    papers_made_up(world, case)
    with clock.frozen_at(AFTER_THE_NOTICE), pytest.raises(SecondPerson, match="沈清和还没有确认"), transaction.atomic():
        world.do(case, "approve", "township_approver_2")
    assert case_now(case).state == "township_decision" and not Transfer.objects.filter(kind="imprest_settle").exists()

    confirmed_by_the_second()
    with clock.frozen_at(AFTER_THE_NOTICE):
        world.do(case, "approve", "township_approver_2")
    assert case_now(case).state == "paid" and not second_person.mine(second(world))


def test_whoever_paid_does_not_check_the_papers(world: World) -> None:
    a_float(world)
    case = emergency(world)
    paid_at_once(world, case)
    survey = world.survey(case.household)
    world.papers(case, "application", "damage_photo")
    world.do(case, "submit_makeup", "village_clerk", data={"survey_id": survey.pk, "cause": "disaster"})
    world.deliberate(case)
    world.do(case, "endorse", "village_head")
    with clock.frozen_at(AFTER_THE_NOTICE):
        world.do(case, "end_notice", None)

        with pytest.raises(SecondDuty, match="备用金付款"):
            world.do(case, "check", "township_clerk")


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        ({"second_payer": None}, BadCaseData),
        ({"document_id": None}, MissingDocuments),
        ({"handed_on": "2026-04-16"}, BadCaseData),
    ],
)
def test_without_two_payers_receipt_and_day_nothing_is_paid(world: World, data: dict, refusal: type) -> None:
    a_float(world)
    case = emergency(world)

    with pytest.raises(refusal):
        paid_at_once(world, case, **data)

    assert not ImprestSpend.objects.exists() and not Transfer.objects.filter(kind="imprest_spend").exists()


def test_one_person_with_two_accounts_is_one_payer(world: World) -> None:
    a_float(world)
    case = emergency(world)
    twin = make_staff("clerk_twin", "x", world.township_clerk.person_key)
    access.appoint(twin, "association_officer", world.township, by=None, valid_from=START)

    with pytest.raises(SamePerson):
        paid_at_once(world, case, second_payer=twin.pk)


def test_a_relative_does_not_go_along(world: World) -> None:
    a_float(world)
    case = emergency(world)
    access.recuse(second(world).person_key, case.household_no, relation="侄女", by=world.sysadmin)

    with pytest.raises(Recused, match="请换一个人"):
        paid_at_once(world, case)


def test_what_changed_since_the_release_is_not_paid(world: World) -> None:
    a_float(world)
    case = emergency(world)
    world.papers(case, "damage_photo")

    with pytest.raises(ApprovalVoid):
        paid_at_once(world, case)


def test_without_a_float_or_with_too_little_in_it_the_bank_pays(world: World) -> None:
    case = emergency(world)
    with pytest.raises(BadCaseData, match="请走银行"):
        paid_at_once(world, case)
    a_float(world, 50_000, 50_000)

    with pytest.raises(ImprestShort, match="走银行付款"):
        paid_at_once(world, case)

    assert case_now(case).state == "emergency_released"


def test_overdue_papers_of_another_case_block_the_float(world: World) -> None:
    a_float(world)
    late = emergency(world)
    paid_at_once(world, late)
    case = emergency(world)

    the_day_after = case_now(late).makeup_due_on + datetime.timedelta(days=1)
    with clock.frozen_at(the_day_after), pytest.raises(ImprestBlocked, match="1 件先行救助过期"):
        paid_at_once(world, case)

    assert ImprestSpend.objects.count() == 1


def refused(world: World, case: Case) -> Recovery:
    world.do(case, "refuse", "township_approver_2", reason="查无灾情", reason_code="other")
    assert case_now(case).state == "recovery"
    return Recovery.objects.get(subject=case.subject)


def test_what_the_family_gives_back_lies_in_the_box_again_and_the_decision_is_free(world: World) -> None:
    a_float(world, 500_000, 500_000)
    case = emergency(world, 100_000)
    paid_at_once(world, case)
    assert refused(world, case).owed_fen == 100_000

    world.do(case, "record_recovery", "fund_manager", reason="先还一半", data={"amount_fen": 40_000})
    assert held(world) == (29_400_000, 100_000, 0, 440_000, 60_000)
    world.do(case, "finish_recovery", "fund_manager", reason="还清", data={"amount_fen": 60_000})

    assert case_now(case).state == "closed"
    assert held(world) == (29_500_000, 0, 0, 500_000, 0)
    assert Transfer.objects.filter(kind="release", subject=case.subject).count() == 1
    assert funds.paid_fen([case.subject]) == {case.subject: 0}
    assert ledger.check().drift_fen == 0


def test_what_nobody_can_give_back_is_settled_by_two_persons(world: World) -> None:
    box = a_float(world, 500_000, 500_000)
    case = emergency(world, 100_000)
    paid_at_once(world, case)
    owed = refused(world, case)
    world.do(case, "record_recovery", "fund_manager", reason="还一部分", data={"amount_fen": 70_000})
    with pytest.raises(BadCaseData, match="还有 300"):
        world.do(case, "finish_recovery", "fund_manager", reason="追不回", data={})

    proposal = recoveries.propose_write_off(
        Recovery.objects.get(pk=owed.pk),
        30_000,
        by=world.fund_manager,
        key=key(),
        reason="人已去世",
        document_no="禾核 1",
    )
    proposals.confirm(proposal.pk, by=world.fund_checker)
    world.do(case, "finish_recovery", "fund_manager", reason="已核销", data={})

    assert case_now(case).state == "closed"
    assert held(world) == (29_470_000, 0, 30_000, 500_000, 0)
    assert imprest.settled_since_refill_fen(box) == 30_000


def test_money_of_accepted_papers_that_should_not_have_gone_out_is_asked_back(world: World) -> None:
    a_float(world, 500_000, 500_000)
    case = emergency(world, 100_000)
    paid_at_once(world, case)
    accepted(world, case)
    with clock.frozen_at(AFTER_THE_NOTICE):
        world.do(case, "reclaim", "township_approver_2", reason="材料不实")
        world.do(case, "finish_recovery", "fund_manager", reason="还清", data={"amount_fen": 100_000})

    assert case_now(case).state == "closed"
    assert held(world) == (29_500_000, 0, 0, 500_000, 0)


def test_the_model_walks_beside_it(world: World) -> None:
    a_float(world)
    case = emergency(world)
    paid_at_once(world, case)
    agrees(case)
    accepted(world, case)
    agrees(case)
    assert {here.ratified for here in retraced(case_now(case))} == {True}

    in_vain = emergency(world)
    paid_at_once(world, in_vain)
    refused(world, in_vain)
    agrees(in_vain)
    world.do(in_vain, "finish_recovery", "fund_manager", reason="还清", data={"amount_fen": 100_000})
    assert {here.recovered for here in retraced(case_now(in_vain))} == {True}
