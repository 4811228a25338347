"""Whom the money goes to: nobody who died, no account that the family gave up, nobody who was not approved."""

import datetime

import pytest

from audit import clock
from casework import payments
from casework.desks.funds.waiting import look_at
from casework.desks.village.work import work_of
from casework.errors import ApprovalVoid, BadCaseData, CaseworkError
from casework.models import Case
from families import services as families
from families.models import BankAccount, Person
from funds import ledger
from funds.models import Payment, Transfer
from tests.casework.test_whole_way import pay
from tests.world import START, World, case_now

YESTERDAY = START - datetime.timedelta(days=1)


def dies(case: Case) -> None:
    holder = case_now(case).payee_account.holder
    holder.died_on = YESTERDAY
    holder.save()


def changes_account(world: World, case: Case, holder: Person | None = None, number: str = "9999990000000077") -> None:
    families.record_account(
        case.household, holder or case.household.head, number, kind="card", bank="", by=world.township_clerk
    )


def listed(world: World, case: Case, key: str = "batch-aaaaaaaa") -> int:
    return payments.build_batch([case.pk], by=world.fund_manager, key=key).pk


def comes_back(world: World, case: Case, reason: str = "账户异常") -> None:
    payment = Payment.objects.get(subject=case.subject)
    payments.record_answers([payments.Answer(payment.pk, False, reason=reason)], by=world.cashier, key="back")


def test_nobody_who_died_is_put_on_a_list(world: World) -> None:
    case = world.brought_to("fund_reserved")
    dies(case)

    with pytest.raises(ApprovalVoid, match="去世"):
        listed(world, case)

    assert not Payment.objects.exists() and case_now(case).state == "fund_reserved"
    assert "去世" in look_at([case_now(case)], world.fund_manager)[0].because


def test_nobody_who_died_after_listing_is_paid(world: World) -> None:
    case = world.brought_to("fund_reserved")
    batch = listed(world, case)
    payments.check_batch(batch, by=world.fund_checker, key="check")
    dies(case)

    with pytest.raises(ApprovalVoid, match="移出"):
        payments.release_batch(batch, by=world.cashier, key="release")

    assert not Transfer.objects.filter(kind="send").exists()
    world.do(case, "unlist_payment", "fund_manager", reason="户主去世")
    world.do(case, "send_back", "fund_manager", reason="换收款人")
    assert case_now(case).state == "township_review" and ledger.check().drift_fen == 0


def test_an_account_that_the_family_gave_up_is_not_paid(world: World) -> None:
    """The way on: back to the township, back to the village, and the new account is what is signed."""
    case = world.brought_to("fund_reserved")
    changes_account(world, case)

    assert "账户" in look_at([case_now(case)], world.fund_manager)[0].because
    with pytest.raises(ApprovalVoid, match="换了收款账户"):
        listed(world, case)

    world.do(case, "send_back", "fund_manager", reason="这家换了账户")
    world.do(case, "return", "township_clerk", reason="按新账户上报")
    current = BankAccount.objects.get(household=case.household, is_active=True)
    world.do(case, "resubmit", "village_clerk", data={"account_id": current.pk})
    world.do(case, "check", "township_clerk")
    world.do(case, "approve", "township_approver")
    pay(world, case)
    assert Payment.objects.get(subject=case.subject).account_index == current.number_index


def test_an_account_given_up_after_listing_is_not_paid_either(world: World) -> None:
    case = world.brought_to("fund_reserved")
    batch = listed(world, case)
    payments.check_batch(batch, by=world.fund_checker, key="check")
    changes_account(world, case)

    with pytest.raises(ApprovalVoid, match="移出"):
        payments.release_batch(batch, by=world.cashier, key="release")


def test_the_same_account_written_down_anew_is_still_the_approved_one(world: World) -> None:
    case = world.brought_to("fund_reserved")
    account = case_now(case).payee_account
    number = families.reveal_account(account, by=world.fund_manager, reason="核对账户")
    changes_account(world, case, number=number)

    pay(world, case)

    assert Payment.objects.get(subject=case.subject).state == "sent"


def test_a_person_without_an_id_number_is_not_swapped_for_another_one(world: World) -> None:
    """Neither has a person key, and nothing equals nothing."""
    case = world.brought_to("fund_reserved")
    spouse = case.household.members.get(relation="配偶").person
    for person in (case.household.head, spouse):
        person.id_number_sealed, person.person_key, person.no_id_reason = None, None, "待补办"
        person.save()
    pay(world, case)
    comes_back(world, case)
    changes_account(world, case, spouse)
    current = BankAccount.objects.get(household=case.household, is_active=True)

    with pytest.raises(BadCaseData, match="换了收款人"):
        world.do(case, "correct_account", "village_clerk", data={"account_id": current.pk})


def test_a_mended_account_passes_the_turn_from_the_village_to_the_fund_manager(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    comes_back(world, case)
    sent_back = case_now(case)
    to_do = list(work_of(world.village_clerk))
    changes_account(world, case)
    current = BankAccount.objects.get(household=case.household, is_active=True)

    with clock.frozen_at(START + datetime.timedelta(days=2)):
        world.do(case, "correct_account", "village_clerk", data={"account_id": current.pk})

        mended = case_now(case)
        assert (sent_back.turn_role, mended.turn_role) == ("village_clerk", "fund_manager")
        assert mended.state == sent_back.state == "payment_returned" and mended.due_on > sent_back.due_on
        assert to_do == [case] and list(work_of(world.village_clerk)) == []
        assert mended.history.latest("history_id").turn_role == "fund_manager"


def test_an_account_that_the_bank_calls_right_never_waits_for_the_village(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)

    comes_back(world, case, reason="超过限额")

    assert case_now(case).turn_role == "fund_manager" and list(work_of(world.village_clerk)) == []


def test_a_refusal_in_a_batch_names_the_case(world: World) -> None:
    one, two = world.brought_to("fund_reserved"), world.brought_to("fund_reserved")
    dies(two)

    with pytest.raises(CaseworkError, match=two.case_no):
        payments.build_batch([one.pk, two.pk], by=world.fund_manager, key="batch-aaaaaaaa")

    assert case_now(one).state == "fund_reserved"


def test_a_mended_payment_taken_off_the_list_is_decided_again_and_paid_once(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    comes_back(world, case)
    changes_account(world, case)
    current = BankAccount.objects.get(household=case.household, is_active=True)
    world.do(case, "correct_account", "village_clerk", data={"account_id": current.pk})
    with clock.frozen_at(START + datetime.timedelta(days=5)):
        listed(world, case, "batch-bbbbbbbb")
        world.do(case, "unlist_payment", "fund_checker", reason="再核一遍")
        assert "退回审批" in look_at([case_now(case)], world.fund_manager)[0].because
        with pytest.raises(ApprovalVoid, match="银行退回以后.*退回审批"):
            listed(world, case, "batch-cccccccc")
        world.do(case, "send_back", "fund_manager", reason="账户改过")
        world.do(case, "check", "township_clerk")
        world.do(case, "approve", "township_approver")
        pay(world, case, key="batch-dddddddd")
    payment = Payment.objects.get(subject=case.subject, state="sent")
    assert payment.account_index == current.number_index
    assert ledger.check().drift_fen == 0
