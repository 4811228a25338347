"""Help that is paid in parts: by term, by month, by progress; suspended, stopped by a death, billed by services; and cash,
providers, limits of a person, what the bank takes back."""

import datetime
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import translation

from access.vault import blind_index
from audit import clock
from casework import limits, payments, timers
from casework.bank_answers import post_cases
from casework.errors import ApprovalVoid, BadCaseData, OverTheLimit, ReasonNeeded, WrongState
from casework.models import Case, CaseDocument, ServiceEntry
from casework.trail import of_case
from families import services as families
from flows.errors import BadParameters
from flows.parameters import Parameters, PaymentPlan
from flows.services import draft_version, publish_version
from funds import instalments, ledger, providers
from funds import services as funds
from funds.bank_files import Said
from funds.banking.reasons import CREDITED, RETURNED
from funds.errors import FundsError, NotYours, WrongPaymentState
from funds.models import CashHandover, Instalment, Payment, Recovery, Reservation, Transfer
from tests.audit import attack
from tests.casework.placing import refused
from tests.casework.test_model_agrees import agrees
from tests.casework.test_no_dead_ends import answer
from tests.casework.test_whole_way import pay
from tests.world import DEMO, START, World, case_now

TERMS = {"parts": 2, "every_months": 5, "labels": ["第一学期", "第二学期"], "needs_check": True}
MONTHS = {"parts": 3, "every_months": 1}
PROGRESS = {
    "parts": 3,
    "percents": [30, 40, 30],
    "labels": ["开工", "主体完工", "验收"],
    "needs_check": True,
    "first_needs_check": True,
}


def rules(world: World, programme: str = "disaster_relief", **changes: Any) -> None:
    """New rules of a programme from the first day on which a case of this test is opened."""
    import json

    stored = json.loads((DEMO / "programmes.json").read_text())[programme]["parameters"] | changes
    version = draft_version(programme, stored, valid_from=START, by=world.sysadmin)
    publish_version(version.pk, by=world.sysadmin_2)


def decided(world: World, plan: dict[str, Any], amount_fen: int = 100_000, **changes: Any) -> Case:
    rules(world, payments=plan, **changes)
    return world.brought_to("fund_reserved", amount_fen=amount_fen)


def paid_once(world: World, case: Case, key: str, **more: Any) -> None:
    pay(world, case, key=f"batch-{key:a>8}")
    answer(world, case, credited=True, key=key)


def later(months: int) -> Any:
    return clock.frozen_at(START + datetime.timedelta(days=31 * months))


def parts(case: Case) -> list[tuple[str, int]]:
    return list(Instalment.objects.filter(reservation__subject=case.subject).values_list("label", "amount_fen"))


# --- laying out ------------------------------------------------------------------------------------------------------


def test_equal_parts_leave_the_rest_to_the_last() -> None:
    plan = PaymentPlan(parts=3, every_months=1)

    assert [row[2] for row in plan.laid_out(100, datetime.date(2026, 1, 31))] == [33, 33, 34]
    assert [row[1].isoformat() for row in plan.laid_out(100, datetime.date(2026, 1, 31))] == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
    ]
    assert PaymentPlan().laid_out(100, START) == []


@pytest.mark.parametrize(
    "plan",
    [
        {"parts": 0},
        {"parts": 37},
        {"parts": 2, "percents": [50, 40]},
        {"parts": 2, "percents": [100, 0]},
        {"parts": 2, "labels": ["一"]},
        {"every_months": 13},
    ],
)
def test_a_plan_that_does_not_add_up_is_refused(plan: dict[str, Any]) -> None:
    with pytest.raises(BadParameters):
        Parameters.from_json({"payments": plan})


@pytest.mark.parametrize("label", ["2", "第 2 期"])
def test_a_part_without_a_name_is_told_by_its_number_in_the_readers_language(label: str) -> None:
    part = Instalment(n=2, label=label)
    assert part.title == "第 2 期"
    with translation.override("en"):
        assert part.title == "Part 2"

    assert Instalment(n=2, label="主体完工").title == "主体完工"


# --- by term ---------------------------------------------------------------------------------------------------------


def test_a_grant_is_paid_by_term_after_a_look_whether_it_goes_on(world: World) -> None:
    case = decided(world, TERMS)
    assert parts(case) == [("第一学期", 50_000), ("第二学期", 50_000)]
    paid_once(world, case, "first")
    agrees(case)
    case = case_now(case)
    assert (case.state, case.turn_role, case.is_open) == ("between_payments", "township_clerk", True)
    with pytest.raises(FundsError, match="要到"):
        payments.build_batch([case.pk], by=world.fund_manager, key="batch-tooearly")

    with later(6):
        with pytest.raises(FundsError, match="先核查"):
            payments.build_batch([case.pk], by=world.fund_manager, key="batch-unlooked")
        world.do(case, "check_instalment", "township_clerk", reason="看了在读证明，还在上学")
        assert case_now(case).turn_role == "fund_manager"
        paid_once(world, case, "second")

    agrees(case)
    assert case_now(case).state == "paid" and ledger.check().drift_fen == 0
    assert (
        sum(Payment.objects.filter(subject=case.subject, state="credited").values_list("amount_fen", flat=True))
        == 100_000
    )
    with later(6):
        refused(world, case, "check_instalment", "township_clerk", WrongState, reason="再看")


def test_a_part_that_was_checked_is_not_checked_again(world: World) -> None:
    case = decided(world, TERMS)
    paid_once(world, case, "first")
    world.do(case, "check_instalment", "township_clerk", reason="在读")

    refused(world, case, "check_instalment", "township_clerk", BadCaseData, reason="在读")


def test_who_looked_does_not_pay(world: World) -> None:
    """A check is a duty of the township like any other."""
    case = decided(world, TERMS)
    paid_once(world, case, "first")
    world.do(case, "check_instalment", "township_clerk", reason="在读")

    assert case.duties.get(person_key=world.township_clerk.person_key).duty == "township_check"


# --- by progress -----------------------------------------------------------------------------------------------------


def test_a_house_is_paid_by_its_progress_and_less_where_less_was_done(world: World) -> None:
    case = decided(world, PROGRESS, amount_fen=200_000)
    assert parts(case) == [("开工", 60_000), ("主体完工", 80_000), ("验收", 60_000)]
    assert case_now(case).turn_role == "township_clerk"  # somebody looks before the first fen
    with pytest.raises(WrongPaymentState):
        payments.build_batch([case.pk], by=world.fund_manager, key="batch-unlooked")
    world.do(case, "check_instalment", "township_clerk", reason="地基打好了")
    agrees(case)
    paid_once(world, case, "one")
    world.do(case, "check_instalment", "township_clerk", reason="只盖了一半", data={"amount_fen": 50_000})
    paid_once(world, case, "two")
    world.do(case, "stop_payments", "township_clerk", reason="房主改主意，不盖了")
    agrees(case)

    reservation = Reservation.objects.get(subject=case.subject)
    assert reservation.released_fen == 90_000 and case_now(case).state == "paid"
    assert Instalment.objects.get(reservation=reservation, n=3).cancelled_on == START
    balance = ledger.allocation_balances([reservation.allocation])[reservation.allocation_id]
    assert (balance.paid_fen, balance.committed_fen) == (110_000, 0) and ledger.check().drift_fen == 0


def test_more_than_was_planned_is_not_checked(world: World) -> None:
    case = decided(world, PROGRESS, amount_fen=200_000)

    with pytest.raises(FundsError, match="最多 600 元"), transaction.atomic():
        world.do(case, "check_instalment", "township_clerk", reason="多盖了", data={"amount_fen": 60_001})


def served_for_less(world: World) -> Case:
    """Two parts of 1,000 yuan; the last one was checked for 600, and both were credited."""
    case = decided(world, {"parts": 2, "every_months": 1, "needs_check": True}, amount_fen=200_000)
    paid_once(world, case, "one")
    with later(1):
        world.do(case, "check_instalment", "township_clerk", reason="只做了六成", data={"amount_fen": 60_000})
        paid_once(world, case, "two")
    return case_now(case)


def money_of(case: Case) -> tuple[int, int, int]:
    """(paid, committed, in payment) of the allocation that pays this case."""
    allocation = Reservation.objects.get(subject=case.subject).allocation
    balance = ledger.allocation_balances([allocation])[allocation.pk]
    return balance.paid_fen, balance.committed_fen, balance.in_payment_fen


def test_what_the_last_part_was_checked_down_by_is_free_again_when_it_arrives(world: World) -> None:
    case = served_for_less(world)

    agrees(case)
    reservation = Reservation.objects.get(subject=case.subject)
    assert (case.state, reservation.released_fen) == ("paid", 40_000)
    assert list(reservation.transfers.filter(kind="release").values_list("amount_fen", flat=True)) == [40_000]
    assert money_of(case) == (160_000, 0, 0) and ledger.check().drift_fen == 0
    assert limits.helped({limits.key_of(case)}, 2026) == {limits.key_of(case): {case.programme: 160_000}}


def test_a_part_that_comes_back_after_the_rest_was_released_is_held_and_paid_again(world: World) -> None:
    """What was released stays released; what the bank returns is committed until it is paid anew."""
    case = served_for_less(world)
    last = Payment.objects.filter(subject=case.subject).latest("id")
    with later(1):
        world.do(case, "payment_clawed_back", "cashier", reason="账户已冻结", data={"payment_id": last.pk})
    agrees(case)
    assert money_of(case) == (100_000, 60_000, 0)

    with later(2):
        account = families.record_account(
            case.household, case.beneficiary, "9999998888888888888", kind="card", bank="x", by=world.township_clerk
        )
        world.do(case, "correct_account", "village_clerk", data={"account_id": account.pk})
    with later(3):
        paid_once(world, case, "again")

    agrees(case)
    assert (case_now(case).state, money_of(case)) == ("paid", (160_000, 0, 0))
    assert Reservation.objects.get(subject=case.subject).released_fen == 40_000 and ledger.check().drift_fen == 0


def test_the_trail_of_help_in_parts_agrees_with_what_was_signed(world: World) -> None:
    """Each payment is one part; what a part was checked down by was seen by somebody."""
    assert of_case(served_for_less(world)).disagreements == []


def test_a_part_or_a_plan_that_is_not_what_was_signed_is_named_in_the_trail(world: World) -> None:
    case = served_for_less(world)
    with attack.triggers_off("funds_payment", "casework_caseevent"):
        attack.run("UPDATE funds_payment SET amount_fen = 70000 WHERE subject = %s AND instalment = 2", case.subject)
        attack.run("UPDATE casework_caseevent SET amount_fen = 150000 WHERE case_id = %s AND digest <> ''", case.pk)

    told = of_case(case).disagreements

    assert told == [
        "第 1 步和第 3 步对不上：各期加起来 2,000 元，批准的是 1,500 元。",
        "第 1 步对不上：第 2 期付款 700 元，这一期定的是 600 元。",
    ]


# --- each month ------------------------------------------------------------------------------------------------------


def monthly(world: World) -> Case:
    case = decided(world, MONTHS, amount_fen=90_000)
    paid_once(world, case, "one")
    return case_now(case)


@transaction.atomic
def dies(case: Case) -> None:
    person = case.beneficiary
    person.died_on = START
    person.save()


def test_monthly_help_ends_with_the_person(world: World) -> None:
    case = monthly(world)
    dies(case)
    with later(1):
        with pytest.raises(ApprovalVoid, match="去世"), transaction.atomic():
            payments.build_batch([case.pk], by=world.fund_manager, key="batch-deadbody")
        assert timers.end_help_in_parts() == {"done": 1, "refused": 0}
        assert timers.end_help_in_parts() == {"done": 0, "refused": 0}

    agrees(case)
    assert case_now(case).state == "paid"
    assert Reservation.objects.get(subject=case.subject).released_fen == 60_000 and ledger.check().drift_fen == 0


def test_monthly_help_ends_when_the_person_moves_away(world: World) -> None:
    case = monthly(world)
    with transaction.atomic():
        membership = case.household.members.get(person=case.beneficiary)
        membership.valid_to = START
        membership.save()

    timers.end_help_in_parts()

    assert case_now(case).state == "paid"


def test_suspended_help_is_not_paid_until_somebody_else_resumes_it(world: World) -> None:
    case = monthly(world)
    world.do(case, "suspend", "township_clerk", reason="住院，人不在家")
    agrees(case)
    with later(1), pytest.raises(WrongState, match="暂停发放"), transaction.atomic():
        payments.build_batch([case.pk], by=world.fund_manager, key="batch-paused00")
    world.do(case, "resume", "township_approver", reason="出院了")
    with later(1):
        paid_once(world, case, "two")

    agrees(case)
    assert case_now(case).state == "between_payments"


def test_a_part_that_came_back_is_sent_again_or_stopped_but_not_decided_anew(world: World) -> None:
    case = monthly(world)
    with later(1):
        pay(world, case, key="batch-second00")
        answer(world, case, credited=False, key="no")
        refused(world, case, "send_back", "fund_manager", WrongState, reason="重新批")
        world.do(case, "stop_payments", "township_clerk", reason="人走了")

    agrees(case)
    assert case_now(case).state == "paid"
    assert Reservation.objects.get(subject=case.subject).released_fen == 60_000


def second_with_the_bank(world: World) -> tuple[Case, Payment]:
    """The first of three parts arrived, the second is with the bank."""
    case = monthly(world)
    first = Payment.objects.get(subject=case.subject)
    with later(1):
        pay(world, case, key="batch-second00")
    return case_now(case), first


def taken_back(world: World, case: Case, payment: Payment) -> None:
    """A line of the bank's file: what had arrived is returned."""
    said = Said(1, payment.pk, case.subject, RETURNED, CREDITED, "账户已冻结", "R9", clock.today())
    with transaction.atomic():
        assert post_cases([said], by=world.cashier, key=f"file-{payment.pk}") == {}


def test_an_earlier_part_that_comes_back_while_the_next_is_with_the_bank_is_paid_again(world: World) -> None:
    case, first = second_with_the_bank(world)
    with later(1):
        taken_back(world, case, first)
        agrees(case)
        assert (case_now(case).state, case_now(case).turn_role) == ("in_payment", "cashier")
        assert money_of(case) == (0, 60_000, 30_000)
        answer(world, case, credited=True, key="second")
        agrees(case)
        assert case_now(case).state == "between_payments"
        paid_once(world, case, "first again")

    again = Payment.objects.filter(subject=case.subject).latest("id")
    assert (again.instalment, again.replaces, again.state) == (1, first, "credited")
    with later(2):
        paid_once(world, case, "third")
    agrees(case)
    assert case_now(case).state == "paid" and money_of(case) == (90_000, 0, 0) and ledger.check().drift_fen == 0


def mended(world: World, case: Case, number: str = "9999998888888888888") -> None:
    account = families.record_account(
        case.household, case.beneficiary, number, kind="card", bank="x", by=world.township_clerk
    )
    world.do(case, "correct_account", "village_clerk", data={"account_id": account.pk})


def test_two_parts_that_came_back_are_paid_again_one_after_the_other(world: World) -> None:
    case, first = second_with_the_bank(world)
    second = Payment.objects.filter(subject=case.subject).latest("id")
    with later(1):
        answer(world, case, credited=False, key="no")
        taken_back(world, case, first)
        agrees(case)
        assert (case_now(case).state, money_of(case)) == ("payment_returned", (0, 90_000, 0))
        mended(world, case)
    with later(2):
        for n, came_back in ((1, first), (2, second)):
            paid_once(world, case, f"again{n}")
            again = Payment.objects.filter(subject=case.subject).latest("id")
            assert (again.instalment, again.replaces, again.state) == (n, came_back, "credited")
            agrees(case)

    assert case_now(case).state == "between_payments" and money_of(case) == (60_000, 30_000, 0)


def test_a_part_that_came_back_waits_for_its_account_when_it_is_taken_off_the_list(world: World) -> None:
    """Otherwise its account could be mended nowhere any more: help that goes on pays where the last part arrived."""
    case = monthly(world)
    first = Payment.objects.get(subject=case.subject)
    with later(1):
        payments.build_batch([case.pk], by=world.fund_manager, key="batch-second00")
        taken_back(world, case, first)
        world.do(case, "unlist_payment", "fund_manager", reason="账户有问题")
        agrees(case)
        assert (case_now(case).state, case_now(case).turn_role) == ("payment_returned", "village_clerk")
        mended(world, case)
    with later(2):
        payments.build_batch([case.pk], by=world.fund_manager, key="batch-again000")
        world.do(case, "unlist_payment", "fund_checker", reason="再核一遍")
        agrees(case)
        assert (case_now(case).state, case_now(case).turn_role) == ("payment_returned", "fund_manager")
        paid_once(world, case, "first again")

    agrees(case)
    assert case_now(case).state == "between_payments" and money_of(case) == (30_000, 60_000, 0)


def test_a_first_part_that_comes_back_after_all_arrived_is_paid_again(world: World) -> None:
    case = served_for_less(world)
    first = Payment.objects.filter(subject=case.subject).earliest("id")
    with later(2):
        refused(world, case, "payment_clawed_back", "cashier", BadCaseData, reason="账户已冻结")
        taken_back(world, case, first)
        agrees(case)
        mended(world, case)
    with later(3):
        paid_once(world, case, "again")

    agrees(case)
    assert Payment.objects.filter(subject=case.subject).latest("id").replaces == first
    assert (case_now(case).state, money_of(case)) == ("paid", (160_000, 0, 0)) and ledger.check().drift_fen == 0


def test_a_part_that_is_taken_off_its_list_waits_between_payments(world: World) -> None:
    case = monthly(world)
    with later(1):
        payments.build_batch([case.pk], by=world.fund_manager, key="batch-second00")
        world.do(case, "unlist_payment", "fund_manager", reason="再看看")

    agrees(case)
    assert case_now(case).state == "between_payments"


def test_a_later_part_does_not_go_to_another_account(world: World) -> None:
    case = monthly(world)
    with transaction.atomic():
        account = families.record_account(
            case.household, case.household.head, "9999990000000000030", kind="card", bank="x", by=world.township_clerk
        )
        case.payee_account = account
        Case.objects.filter(pk=case.pk).update(payee_account=account)
    with later(1), pytest.raises(ApprovalVoid, match="上一期不一样"), transaction.atomic():
        payments.build_batch([case.pk], by=world.fund_manager, key="batch-otheracc")


# --- services and providers ------------------------------------------------------------------------------------------


def provider(world: World, kind: str = "care_home", name: str = "禾源县夕阳红养老院") -> Any:
    return providers.record(
        name=name,
        kind=kind,
        unit=world.county,
        bank="禾丰农商银行",
        account_no="9999990000000000022",
        by=world.fund_manager,
    )


def test_a_provider_is_paid_for_what_was_signed_for_and_no_more(world: World) -> None:
    rules(
        world,
        payments={"parts": 2, "every_months": 1, "needs_check": True, "first_needs_check": True},
        pays_to=["family", "care_home"],
    )
    home = provider(world)
    case = world.open()
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    survey = world.survey(case.household)
    world.papers(case, *case.rules.documents.get("register", []))
    data = {"survey_id": survey.pk, "amount_fen": 100_000, "provider_id": home.pk, "cause": "illness"}
    refused(world, case, "register", "village_clerk", BadCaseData, data=data)  # nobody has compared its account
    with pytest.raises(FundsError, match="同一个人"):
        providers.check(home, by=world.fund_manager)
    providers.check(home, by=world.fund_checker)
    world.do(case, "register", "village_clerk", data=data)
    world.do(case, "submit", "village_clerk")
    world.deliberate(case)
    world.do(case, "endorse", "village_head")
    world._end_notice(case)
    world.do(case, "check", "township_clerk")
    world.do(case, "approve", "township_approver")
    with transaction.atomic():
        for day in (1, 2):
            ServiceEntry.objects.create(
                case=case, served_on=START + datetime.timedelta(days=day), what="上门助餐", minutes=60, amount_fen=15_000,
                signed_by="本人", recorded_by=world.village_clerk, recorder_person_key=world.village_clerk.person_key,
            )  # fmt: skip
    world.do(case, "check_instalment", "township_clerk", reason="核对了服务单")
    paid_once(world, case, "one")

    payment = Payment.objects.get(subject=case.subject)
    assert (payment.amount_fen, payment.provider, payment.payee_name) == (30_000, home, home.name)
    assert payment.account_index == blind_index("account", "9999990000000000022")
    assert set(case.services.values_list("instalment", flat=True)) == {1} and case_now(case).state == "between_payments"


# --- cash ------------------------------------------------------------------------------------------------------------


def cash_batch(world: World, case: Case) -> None:
    batch = payments.build_batch(
        [case.pk], by=world.fund_manager, key="batch-cashcash", cash_reason="老人没有银行账户，行动不便"
    )
    payments.check_batch(batch.pk, by=world.fund_checker, key="c")
    payments.release_batch(batch.pk, by=world.cashier, key="r")


@transaction.atomic
def receipt(world: World, case: Case) -> int:
    document = families.add_document(
        case.household, ContentFile(b"signed receipt", name="r.png"), kind="cash_receipt", by=world.village_clerk
    )
    CaseDocument.objects.create(case=case, document=document, kind="cash_receipt", added_on=START)
    return document.pk


def test_cash_is_given_by_two_persons_against_a_signed_receipt(world: World) -> None:
    case = world.brought_to("fund_reserved")
    cash_batch(world, case)
    with pytest.raises(BadCaseData, match="现金"), transaction.atomic():
        answer(world, case, credited=True, key="yes")
    refused(world, case, "cash_handed", "fund_manager", BadCaseData, data={"second_payer": world.township_clerk.pk})
    data = {"document_id": receipt(world, case), "received_by": "本人", "signed_how": "thumbprint", "place": "家里"}
    refused(world, case, "cash_handed", "fund_manager", BadCaseData, data=data)
    refused(world, case, "cash_handed", "fund_manager", FundsError, data=data | {"second_payer": world.fund_manager.pk})
    for one, two in (("cashier", world.township_clerk), ("fund_manager", world.cashier)):  # the cashier released it
        refused(world, case, "cash_handed", one, FundsError, data=data | {"second_payer": two.pk})
    nobody_here = data | {"second_payer": world.county_reviewer.pk}  # in office here, but hands out no cash
    refused(world, case, "cash_handed", "fund_manager", BadCaseData, data=nobody_here)
    world.do(case, "cash_handed", "fund_manager", data=data | {"second_payer": world.township_clerk.pk})

    assert case_now(case).state == "in_payment" and Payment.objects.get(subject=case.subject).state == "sent"
    refused(world, case, "confirm_cash", "cashier", NotYours)
    refused(world, case, "confirm_cash", "fund_manager", NotYours)
    world.do(case, "confirm_cash", "township_clerk")

    agrees(case)
    given = CashHandover.objects.get(payment__subject=case.subject)
    assert {given.payer_one, given.payer_two} == {world.fund_manager, world.township_clerk} and given.receipt_sha256
    payment = Payment.objects.get(subject=case.subject)
    assert (payment.state, payment.account_last4, bytes(payment.account_sealed)) == ("credited", "", b"")
    assert case_now(case).state == "paid" and ledger.check().drift_fen == 0


def test_cash_that_the_second_person_knows_nothing_of_stays_with_the_payers(world: World) -> None:
    case = world.brought_to("fund_reserved")
    cash_batch(world, case)
    data = {"document_id": receipt(world, case), "second_payer": world.township_clerk.pk}
    world.do(case, "cash_handed", "fund_manager", data=data)
    refused(world, case, "payment_bounced", "cashier", FundsError, reason="没有领取")
    refused(world, case, "object_to_cash", "township_clerk", ReasonNeeded)
    world.do(case, "object_to_cash", "township_clerk", reason="我那天没有去")

    payment = Payment.objects.get(subject=case.subject)
    assert (case_now(case).state, payment.state, payment.handover.countersign.answer) == (
        "in_payment",
        "sent",
        "objected",
    )
    agrees(case)
    refused(world, case, "confirm_cash", "township_clerk", BadCaseData)
    world.do(case, "cash_handed", "fund_manager", data=data | {"second_payer": world.village_clerk.pk})
    world.do(case, "confirm_cash", "village_clerk")
    assert case_now(case).state == "paid" and CashHandover.objects.count() == 2


def test_the_fund_desk_withdraws_cash_in_the_stead_of_who_left_office(world: World) -> None:
    case = world.brought_to("fund_reserved")
    cash_batch(world, case)
    data = {"document_id": receipt(world, case), "second_payer": world.township_clerk.pk}
    world.do(case, "cash_handed", "fund_manager", data=data)
    refused(world, case, "object_to_cash", "fund_manager", FundsError, reason="调走了")  # who named her
    refused(world, case, "object_to_cash", "village_head", FundsError, reason="调走了")
    world.do(case, "object_to_cash", "fund_checker", reason="调走了")

    assert CashHandover.objects.get().countersign.is_withdrawn and case_now(case).state == "in_payment"


def test_cash_that_nobody_took_goes_back_and_may_be_tried_again(world: World) -> None:
    case = world.brought_to("fund_reserved")
    cash_batch(world, case)
    answer(world, case, credited=False, key="no", reason="没有领取")

    assert case_now(case).turn_role == "fund_manager"
    assert Transfer.objects.filter(subject=case.subject, kind="bounce").count() == 1


# --- what comes back -------------------------------------------------------------------------------------------------


def test_the_bank_may_take_back_what_it_had_credited(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    world.do(case, "payment_clawed_back", "cashier", reason="已销户")
    agrees(case)

    payment = Payment.objects.get(subject=case.subject)
    assert (payment.state, case_now(case).state, case_now(case).turn_role) == (
        "returned",
        "payment_returned",
        "village_clerk",
    )
    balance = ledger.allocation_balances([payment.reservation.allocation])[payment.reservation.allocation_id]
    assert (balance.paid_fen, balance.committed_fen) == (0, 200_000) and ledger.check().drift_fen == 0
    world.do(case, "send_back", "fund_manager", reason="换人")
    agrees(case)


def test_money_that_should_not_have_gone_out_is_asked_back(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    world.do(case, "reclaim", "township_approver", reason="查出收入瞒报", data={"amount_fen": 150_000})
    agrees(case)

    assert Recovery.objects.get(subject=case.subject).open_fen == 150_000 and case_now(case).state == "recovery"


# --- limits of a person ----------------------------------------------------------------------------------------------


def test_one_person_gets_no_more_in_a_year_than_the_rules_say(world: World) -> None:
    rules(world, person_year_cap_fen=250_000)
    household = world.household()
    first = world.brought_to("fund_reserved", household=household)
    pay(world, first)
    answer(world, first, credited=True, key="yes")
    world.do(first, "visit", "village_clerk", data={"satisfaction": 5})
    world.do(first, "propose_exit", "village_clerk", reason="好了")
    world.do(first, "approve_exit", "township_approver")
    second = world.brought_to("township_decision", household=household, amount_fen=50_001)

    words = refused(world, second, "approve", "township_approver", OverTheLimit)
    assert "2,000" in words and "2,500" in words


def test_a_programme_may_exclude_another_of_the_same_year(world: World) -> None:
    rules(world, not_together_with=["elderly_support"])
    household = world.household()
    world.brought_to("fund_reserved", "elderly_support", household=household)
    case = world.brought_to("township_decision", household=household)

    assert "养老扶助" in refused(world, case, "approve", "township_approver", OverTheLimit)


def test_the_same_cause_is_decided_once_a_year_even_at_the_same_moment(world: World) -> None:
    """Not only looked up: the key in the database lets no second one pass."""
    how = {
        "programme": "disaster_relief",
        "village": world.village,
        "amount_fen": 100,
        "once_key": "p:disaster_relief:illness:2026",
    }
    first = funds.reserve(subject="case:1", key="a", **how)
    with pytest.raises(FundsError, match="已经批过一次"), transaction.atomic():
        funds.reserve(subject="case:2", key="b", **how)
    funds.release(first, reason="撤回")

    assert funds.reserve(subject="case:2", key="c", **how).pk


def test_parts_are_planned_for_the_whole_decision(world: World) -> None:
    made = funds.reserve(subject="case:1", key="a", programme="disaster_relief", village=world.village, amount_fen=100)

    with pytest.raises(FundsError, match="正好等于"):
        instalments.plan(made, [instalments.Part("一", START, 60)])
