"""Cases that could have got stuck: nobody to pay, an emergency that changed its mind, papers that never come."""

import pytest

from access.models import Staff
from casework import payments
from casework.errors import BadCaseData, SecondDuty, WrongState
from casework.models import Case
from families import services as families
from funds import ledger
from funds import services as funds
from funds.errors import WrongPaymentState
from funds.models import Payment
from tests.casework.test_whole_way import pay
from tests.world import World, case_now


def emergency(world: World, amount_fen: int = 100_000) -> Case:
    case = world.open("disaster_relief")
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    release(world, case, amount_fen)
    return case_now(case)


def release(world: World, case: Case, amount_fen: int = 100_000, by: str = "township_approver") -> None:
    account = case.household.accounts.get(is_active=True)
    data = {"amount_fen": amount_fen, "account_id": account.pk}
    world.do(case, "emergency_release", by, reason="房子塌了", data=data)


def answer(world: World, case: Case, credited: bool, key: str, reason: str = "户名不符") -> None:
    payment = Payment.objects.filter(subject=case.subject).latest("id")
    payments.record_answers(
        [payments.Answer(payment.pk, credited, reason="" if credited else reason)], by=world.cashier, key=key
    )


def test_when_somebody_else_must_be_paid_it_is_decided_again(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=False, key="no")
    spouse = case.household.members.get(relation="配偶").person
    account = families.record_account(
        case.household, spouse, "9999990000000088", kind="card", bank="", by=world.township_clerk
    )
    with pytest.raises(BadCaseData):
        world.do(case, "correct_account", "village_clerk", data={"account_id": account.pk})

    world.do(case, "send_back", "fund_manager", reason="户主去世，由配偶领取")

    assert case_now(case).state == "township_review"
    assert funds.held_reservation(case.subject) is None
    world.do(case, "return", "township_clerk", reason="改收款人")
    world.do(case, "resubmit", "village_clerk", data={"account_id": account.pk})
    world.do(case, "check", "township_clerk")
    world.do(case, "approve", "township_approver")
    pay(world, case, key="batch-bbbbbbbb")
    answer(world, case, credited=True, key="yes")
    assert case_now(case).state == "paid"
    assert ledger.check().drift_fen == 0
    assert sum(p.amount_fen for p in Payment.objects.filter(subject=case.subject, state="credited")) == 200_000


def test_an_emergency_that_was_not_paid_becomes_an_ordinary_application_again(world: World) -> None:
    """A photo was added after the release, so the signature is void: it is sent back and released anew."""
    case = emergency(world)
    world.papers(case, "damage_photo")

    world.do(case, "send_back", "fund_manager", reason="签字以后加了照片")

    case = case_now(case)
    assert (case.state, case.tier, case.approved_digest) == ("draft", "", "")
    assert funds.held_reservation(case.subject) is None
    release(world, case)
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    assert case_now(case).state == "makeup" and ledger.check().drift_fen == 0


def test_an_emergency_payment_that_came_back_can_be_given_up(world: World) -> None:
    case = emergency(world)
    pay(world, case)
    answer(world, case, credited=False, key="no")

    world.do(case, "send_back", "fund_manager", reason="这家不要了")
    world.do(case, "withdraw", "village_clerk", reason="这家不要了")

    assert case_now(case).state == "withdrawn"
    assert ledger.check().drift_fen == 0 and funds.held_reservation(case.subject) is None


def test_papers_that_never_come_lead_to_recovery_by_a_second_approver(world: World) -> None:
    case = emergency(world)
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    with pytest.raises(SecondDuty):
        world.do(case, "refuse", "township_approver", reason="没有补手续", reason_code="no_papers")

    world.do(case, "refuse", "township_approver_2", reason="没有补手续", reason_code="no_papers")

    assert case_now(case).state == "recovery"
    world.do(case, "finish_recovery", "fund_manager", reason="退回现金", data={"amount_fen": 100_000})
    assert case_now(case).state == "closed" and ledger.check().drift_fen == 0


def test_when_the_villagers_say_no_to_an_emergency_the_money_is_recovered(world: World) -> None:
    case = emergency(world)
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    survey = world.survey(case.household)
    world.papers(case, "application", "damage_photo")
    world.do(case, "submit_makeup", "village_clerk", data={"survey_id": survey.pk, "cause": "disaster"})
    world.do(case, "village_return", "village_head", reason="评议没有通过")

    world.do(case, "refuse", "township_approver_2", reason="评议没有通过", reason_code="voted_down")

    assert case_now(case).state == "recovery"


def test_an_ordinary_correction_is_not_refused_behind_the_village(world: World) -> None:
    case = world.brought_to("village_review")
    world.do(case, "village_return", "village_head", reason="补材料")

    with pytest.raises(WrongState):
        world.do(case, "refuse", "township_approver", reason="不办了", reason_code="other")


def test_money_leaves_only_with_the_whole_released_batch(world: World) -> None:
    """One case alone cannot be released past the batch: whoever wrote down an account of it would slip through."""
    case = world.brought_to("fund_reserved")
    batch = payments.build_batch([case.pk], by=world.fund_manager, key="batch-cccccccc")
    payments.check_batch(batch.pk, by=world.fund_checker, key="check")
    cashier: Staff = world.cashier

    with pytest.raises(BadCaseData):
        world.do(case, "release_payment", cashier)
    with pytest.raises(WrongPaymentState):  # and funds refuses it by itself
        funds.send(Payment.objects.get(subject=case.subject))

    assert Payment.objects.get(subject=case.subject).state == "listed"


def test_an_appeal_waits_while_the_family_has_a_new_application(world: World) -> None:
    case = world.brought_to("township_decision")
    world.do(case, "refuse", "township_approver", reason="材料不实", reason_code="untrue")
    newer = world.open("disaster_relief", case.household)

    with pytest.raises(BadCaseData, match=newer.case_no):
        world.do(case, "appeal", "village_clerk", reason="不服")

    assert case_now(case).state == "refused"
