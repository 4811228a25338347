"""The stretches of the way: deliberation, notice, objection, correction, signature, appeal, returned payments, recovery."""

import datetime

import pytest
from django.db import IntegrityError, connection, transaction

from audit import clock
from casework import payments
from casework.errors import (
    ApprovalVoid,
    BadCaseData,
    MissingDocuments,
    OverTheLimit,
    TooEarly,
    WrongState,
)
from casework.models import Case, Objection
from families import services as families
from families.models import Household
from flows import calendar
from flows.projection import FLOWS
from flows.services import draft_version, publish_version
from funds import ledger, proposals, recoveries
from funds import services as funds
from funds.errors import NotThatMuch, SamePerson, WrongProposal
from funds.models import Payment, Recovery, Reservation, Transfer
from tests.casework.placing import refused, traces
from tests.casework.test_no_dead_ends import answer, emergency, release
from tests.casework.test_whole_way import pay
from tests.world import START, World, case_now


def days(n: int) -> datetime.date:
    return START + datetime.timedelta(days=n)


# --- the village -----------------------------------------------------------------------------------------------------


def test_without_a_deliberation_the_village_signs_nothing(world: World) -> None:
    refused(world, world.brought_to("village_review"), "endorse", "village_head", MissingDocuments)


@pytest.mark.parametrize(
    ("votes", "passes"),
    [
        ({"due": 10, "present": 5, "for_": 5}, True),  # half of those due, five people: just a quorum
        ({"due": 10, "present": 4, "for_": 4}, False),  # too few people
        ({"due": 11, "present": 5, "for_": 5}, False),  # less than half of those due
        ({"due": 12, "present": 10, "for_": 5, "against": 5, "abstain": 0}, False),  # a tie is no majority
        ({"due": 12, "present": 11, "for_": 6, "against": 5, "abstain": 0}, True),
        ({"due": 12, "present": 11, "for_": 1, "against": 0, "abstain": 10}, True),  # of the votes cast
        ({"due": 12, "present": 11, "for_": 0, "against": 0, "abstain": 11}, False),  # nobody was for it
    ],
)
def test_quorum_and_majority(world: World, votes: dict, passes: bool) -> None:
    case = world.brought_to("village_review")
    world.deliberate(case, **({"abstain": 0} | votes))

    if passes:
        assert world.do(case, "endorse", "village_head").to_state == "village_notice"
    else:
        refused(world, case, "endorse", "village_head", MissingDocuments)


def test_a_notice_cannot_be_shortened(world: World) -> None:
    """Seven calendar days from the day after; the last ends at midnight. PostgreSQL says so too."""
    case = world.brought_to("village_notice")
    notice = case.notices.get()
    assert notice.ends_on == days(7)

    for day in (0, 1, 7):
        with clock.frozen_at(days(day)):
            assert "24 点" in refused(world, case, "end_notice", None, TooEarly)
    for statement in (
        "UPDATE casework_publicnotice SET outcome = 'clear', ended_on = ends_on WHERE id = %s",
        "UPDATE casework_publicnotice SET ends_on = starts_on WHERE id = %s",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [notice.pk])

    with clock.frozen_at(days(8)):
        assert world.do(case, "end_notice", None).to_state == "township_review"


def test_nobody_ends_a_notice_by_hand(world: World) -> None:
    from casework.errors import NotYourTurn

    case = world.brought_to("village_notice")
    with clock.frozen_at(days(30)):
        for role in ("village_head", "township_clerk", "county_approver"):
            refused(world, case, "end_notice", role, NotYourTurn)


def test_a_notice_says_only_what_may_be_said(world: World) -> None:
    case = world.brought_to("village_notice")

    assert set(case.notices.get().facts) == {"village", "name", "people", "programme", "cause"}
    assert case.notices.get().facts["name"] == f"江*{case.beneficiary.name[-1]}"


def test_a_childs_given_name_is_never_published(world: World) -> None:
    household = world.household(birth=datetime.date(2012, 1, 1))
    case = world.brought_to("village_notice", "education_grant", household=household)

    assert case.notices.get().facts["name"] == "江**"


def test_an_objection_that_fails_starts_the_whole_notice_again(world: World) -> None:
    case = world.brought_to("village_notice")
    with clock.frozen_at(days(3)):
        world.do(case, "object", None, reason="他家有车")
    with clock.frozen_at(days(5)):
        world.do(case, "dismiss_objection", "township_clerk", reason="车是他哥的")
    first, second = case.notices.order_by("round")

    assert (first.outcome, first.ended_on) == ("objected", days(3))
    assert (second.round, second.starts_on, second.ends_on) == (2, days(5), days(12))
    assert Objection.objects.get().upheld is False and Objection.objects.get().answer == "车是他哥的"
    with clock.frozen_at(days(8)):
        refused(world, case, "end_notice", None, TooEarly)
    with clock.frozen_at(days(13)):
        assert world.do(case, "end_notice", None).to_state == "township_review"


def test_an_objection_needs_no_name_but_says_what_is_wrong(world: World) -> None:
    from casework.errors import ReasonNeeded

    case = world.brought_to("village_notice")
    refused(world, case, "object", None, ReasonNeeded)

    world.do(case, "object", None, reason="不是本村人")

    assert (Objection.objects.get().raised_by, Objection.objects.get().contact) == ("", "")


def test_an_objection_upheld_sends_the_file_back_to_the_village_and_it_is_published_again(world: World) -> None:
    case = world.brought_to("village_notice")
    world.do(case, "object", None, reason="他家有车")
    world.do(case, "uphold_objection", "township_clerk", reason="确实有车，重新调查")
    assert (case_now(case).state, case_now(case).return_to) == ("returned", "village_review")
    world.do(case, "resubmit", "village_clerk")
    world.deliberate(case)
    world.do(case, "endorse", "village_head")

    assert [n.round for n in case.notices.order_by("round")] == [1, 2]


# --- correction ------------------------------------------------------------------------------------------------------


def test_a_correction_goes_back_to_whoever_asked_for_it(world: World) -> None:
    case = world.brought_to("township_review")
    world.do(case, "return", "township_clerk", reason="补一张照片")
    world.papers(case, "house_photo")

    assert world.do(case, "resubmit", "village_clerk").to_state == "township_review"
    assert case.notices.count() == 1


def test_when_what_was_published_has_changed_it_is_published_again(world: World) -> None:
    case = world.brought_to("township_review")
    world.do(case, "return", "township_clerk", reason="原因写错了")

    assert world.do(case, "resubmit", "village_clerk", data={"cause": "disaster"}).to_state == "village_review"


def test_a_corrected_amount_takes_the_rungs_of_the_new_amount(world: World) -> None:
    case = world.brought_to("township_review", amount_fen=2_000_001)
    assert case.tier == "T3"
    world.do(case, "return", "township_clerk", reason="金额高了")

    world.do(case, "resubmit", "village_clerk", data={"amount_fen": 300_000})

    assert case_now(case).tier == "T1"


def test_the_tier_is_frozen_between_reports(world: World) -> None:
    """Somebody changes the amount behind act()'s back: the signature that was given no longer covers it."""
    case = world.brought_to("county_review", amount_fen=300_001)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE casework_case SET amount_fen = 100 WHERE id = %s", [case.pk])

    refused(world, case, "review", "county_reviewer", ApprovalVoid)
    assert case_now(case).tier == "T2"


@pytest.mark.parametrize("what", ["paper", "account", "survey"])
def test_a_change_after_the_signature_voids_it(world: World, what: str) -> None:
    case = world.brought_to("fund_reserved")
    if what == "paper":
        world.papers(case, "house_photo")
    elif what == "account":
        account = families.record_account(
            case.household, case.household.head, "9999990000000099", kind="card", bank="", by=world.township_clerk
        )
        Case.objects.filter(pk=case.pk).update(payee_account=account)
    else:
        Case.objects.filter(pk=case.pk).update(survey=world.survey(case.household, facts={"income_fen_yearly": 9}))

    with pytest.raises(ApprovalVoid), transaction.atomic():
        payments.build_batch([case.pk], by=world.fund_manager, key="batch-aaaaaaaa")
    world.do(case, "send_back", "fund_manager", reason="签字失效")

    assert case_now(case).state == "township_review" and funds.held_reservation(case.subject) is None


def test_everything_that_is_missing_is_told_at_once(world: World) -> None:
    case = world.open()
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    survey = world.survey(case.household)

    with pytest.raises(MissingDocuments) as refusal:
        world.do(case, "register", "village_clerk", data={"survey_id": survey.pk, "amount_fen": 1})

    assert refusal.value.missing == ["申请书", "受灾照片"]


def test_a_survey_grows_old(world: World) -> None:
    case = world.brought_to("registered")
    with clock.frozen_at(datetime.date(2026, 4, 15)):
        world.do(case, "submit", "village_clerk")
        world.do(case, "village_return", "village_head", reason="补")
    with clock.frozen_at(datetime.date(2027, 4, 16)):
        assert "过期" in refused(world, case, "resubmit", "village_clerk", MissingDocuments)


def test_a_survey_or_account_of_another_family_is_refused(world: World) -> None:
    case, stranger = world.open(), world.household()
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    theirs = world.survey(stranger)

    refused(world, case, "register", "village_clerk", BadCaseData, data={"survey_id": theirs.pk})
    account = stranger.accounts.get()
    refused(world, case, "register", "village_clerk", BadCaseData, data={"account_id": account.pk})


def test_an_age_below_the_rule_is_refused(world: World) -> None:
    household = world.household(birth=datetime.date(1970, 1, 1))
    case = world.open("elderly_support", household)
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    survey = world.survey(household)
    world.papers(case, "application")

    assert "60" in refused(world, case, "register", "village_clerk", BadCaseData, data={"survey_id": survey.pk})


# --- tiers in a real case --------------------------------------------------------------------------------------------


def test_a_conflict_of_interest_takes_every_rung(world: World) -> None:
    case = world.open()
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    survey = world.survey(case.household, is_cadre_relative=True, cadre_relative_of="村书记")
    world.papers(case, "application", "damage_photo")
    account = case.household.accounts.get()
    data = {"survey_id": survey.pk, "amount_fen": 100, "account_id": account.pk}
    world.do(case, "register", "village_clerk", data=data)
    world.do(case, "submit", "village_clerk")

    assert case_now(case).tier == "T3"


def test_a_large_share_of_the_money_left_takes_every_rung(world: World) -> None:
    """1 % of 300,000 yuan: 3,000 yuan are T1, one fen more is T3."""
    new_rules(world, large_share_percent=1)
    at_limit = world.brought_to("village_review", amount_fen=300_000)
    above = world.brought_to("village_review", amount_fen=300_001)

    assert (at_limit.tier, above.tier) == ("T1", "T3")


def new_rules(world: World, **changes: object) -> None:
    from flows.models import ProgrammeVersion

    parameters = ProgrammeVersion.objects.get(programme="disaster_relief", number=1).parameters | changes
    version = draft_version("disaster_relief", parameters, valid_from=START, by=world.sysadmin)
    publish_version(version.pk, by=world.sysadmin_2)


def test_a_case_keeps_the_rules_it_was_opened_under(world: World) -> None:
    old = world.open()
    new_rules(world, t1_limit_fen=150_000)
    new = world.open()

    assert (old.rules.t1_limit_fen, new.rules.t1_limit_fen) == (300_000, 150_000)
    assert case_now(old).version.number == 1 and case_now(new).version.number == 2


# --- refusal, appeal, withdrawal ------------------------------------------------------------------------------------


def test_a_refusal_is_appealed_overturned_and_confirmed_by_the_county(world: World) -> None:
    case = world.brought_to("township_decision")
    world.do(case, "refuse", "township_approver", reason="收入超了", reason_code="income")
    assert not case_now(case).is_open
    world.do(case, "appeal", "village_clerk", reason="算错了")
    world.do(case, "overturn_refusal", "county_reviewer", reason="算错了")
    world.do(case, "review", "county_reviewer")
    world.do(case, "confirm", "county_approver")

    assert case_now(case).state == "fund_reserved" and case_now(case).is_open
    assert Reservation.objects.filter(subject=case.subject).count() == 1


def test_an_appeal_comes_within_its_days(world: World) -> None:
    case = world.brought_to("township_decision")
    world.do(case, "refuse", "township_approver", reason="收入超了", reason_code="income")

    with clock.frozen_at(days(61)):
        refused(world, case, "appeal", "village_clerk", TooEarly, reason="不服")
    with clock.frozen_at(days(60)):
        world.do(case, "appeal", "village_clerk", reason="不服")
        world.do(case, "uphold_refusal", "county_reviewer", reason="没有算错")
    assert case_now(case).state == "refused" and case_now(case).closed_on == days(60)


@pytest.mark.parametrize("state", ["registered", "village_notice", "township_decision", "fund_reserved"])
def test_taking_back_an_application_frees_its_money(world: World, state: str) -> None:
    case = world.brought_to(state)
    world.do(case, "withdraw", "village_clerk", reason="孩子寄钱回来了")

    assert case_now(case).state == "withdrawn"
    free = ledger.payable_fen("disaster_relief", case.village, START)
    assert free == 30_000_000 and funds.held_reservation(case.subject) is None
    refused(world, case, "submit", "village_clerk", WrongState)


def test_money_that_is_being_paid_is_not_freed(world: World) -> None:
    case = world.brought_to("fund_reserved")
    payments.build_batch([case.pk], by=world.fund_manager, key="batch-aaaaaaaa")

    refused(world, case, "withdraw", "village_clerk", WrongState, reason="不要了")
    refused(world, case, "send_back", "fund_manager", WrongState, reason="不要了")


def test_a_payment_taken_off_its_list_can_be_listed_again(world: World) -> None:
    case = world.brought_to("fund_reserved")
    payments.build_batch([case.pk], by=world.fund_manager, key="batch-aaaaaaaa")
    world.do(case, "unlist_payment", "fund_manager", reason="下批再付")
    pay(world, case, key="batch-bbbbbbbb")
    answer(world, case, credited=True, key="yes")

    assert case_now(case).state == "paid"
    assert [p.state for p in Payment.objects.filter(subject=case.subject).order_by("id")] == ["cancelled", "credited"]
    assert ledger.check().drift_fen == 0


# --- returned payments -----------------------------------------------------------------------------------------------


def test_a_returned_payment_waits_a_working_day_for_the_new_account(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=False, key="no")
    same = case.household.accounts.get(is_active=True)
    refused(world, case, "correct_account", "village_clerk", BadCaseData, data={"account_id": same.pk})
    account = families.record_account(
        case.household, case.household.head, "9999990000000055", kind="card", bank="", by=world.township_clerk
    )
    world.do(case, "correct_account", "village_clerk", data={"account_id": account.pk})

    with pytest.raises(TooEarly), transaction.atomic():
        payments.build_batch([case.pk], by=world.fund_manager, key="batch-bbbbbbbb")
    with clock.frozen_at(days(1)):
        pay(world, case, key="batch-cccccccc")
        answer(world, case, credited=True, key="yes")

    first, second = Payment.objects.filter(subject=case.subject).order_by("id")
    assert (first.state, second.state, second.replaces) == ("returned", "credited", first)
    assert case_now(case).state == "paid"
    assert ledger.check().drift_fen == 0
    assert Reservation.objects.filter(subject=case.subject).count() == 1


def test_the_banks_answer_is_recorded_once(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    before = traces()
    answer(world, case, credited=True, key="yes")
    assert traces() == before

    with pytest.raises(WrongState):
        answer(world, case, credited=True, key="again")
    assert traces() == before


def test_an_answer_about_the_first_payment_does_not_settle_the_second(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    first = Payment.objects.get(subject=case.subject)
    answer(world, case, credited=False, key="no")
    account = families.record_account(
        case.household, case.household.head, "9999990000000055", kind="card", bank="", by=world.township_clerk
    )
    world.do(case, "correct_account", "village_clerk", data={"account_id": account.pk})
    with clock.frozen_at(days(1)):
        pay(world, case, key="batch-cccccccc")
    before = traces()

    with pytest.raises(BadCaseData):
        payments.record_answers([payments.Answer(first.pk, True)], by=world.cashier, key="late")

    assert traces() == before
    assert Payment.objects.filter(subject=case.subject).latest("id").state == "sent"


# --- emergencies -----------------------------------------------------------------------------------------------------


def test_an_emergency_stays_within_its_cap(world: World) -> None:
    case = world.open()
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    before = traces()
    with pytest.raises(OverTheLimit), transaction.atomic():
        release(world, case, 100_001)
    assert traces() == before

    release(world, case, 100_000)
    assert case_now(case).tier == "T0"


def test_a_programme_whose_cap_is_nothing_releases_nothing(world: World) -> None:
    new_rules(world, emergency_cap_fen=0)
    case = world.open()
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")

    with pytest.raises(OverTheLimit):
        release(world, case, 1)


def test_an_overdue_makeup_blocks_the_townships_next_emergency(world: World) -> None:
    """Ten working days to 29 April: on the 29th the next one is still released, on the 30th it is not."""
    case = emergency(world)
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    assert case_now(case).makeup_due_on == datetime.date(2026, 4, 29)

    with clock.frozen_at(datetime.date(2026, 4, 29)):
        emergency(world)
    with clock.frozen_at(datetime.date(2026, 4, 30)), pytest.raises(OverTheLimit, match="1 件"):
        emergency(world)


def recovering(world: World) -> Case:
    """An emergency of 1,000 yuan whose papers were not accepted."""
    case = emergency(world)
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    world.do(case, "refuse", "township_approver_2", reason="不符合", reason_code="other")
    return case


@pytest.mark.parametrize("back_fen", [100_001, -1])
def test_no_more_is_recovered_than_was_paid(world: World, back_fen: int) -> None:
    case = recovering(world)

    for action in ("record_recovery", "finish_recovery"):
        refused(world, case, action, "fund_manager", NotThatMuch, reason="退", data={"amount_fen": back_fen})


def test_what_comes_back_in_parts_is_free_for_the_same_purpose(world: World) -> None:
    case = recovering(world)
    refused(world, case, "record_recovery", "fund_manager", NotThatMuch, reason="退", data={"amount_fen": 0})
    world.do(case, "record_recovery", "fund_manager", reason="第一笔", data={"amount_fen": 40_000})
    refused(world, case, "finish_recovery", "fund_manager", BadCaseData, reason="就这样")
    world.do(case, "finish_recovery", "fund_manager", reason="退清", data={"amount_fen": 60_000})

    allocation = Reservation.objects.get(subject=case.subject).allocation
    balance = ledger.allocation_balances([allocation])[allocation.pk]
    assert balance.paid_fen == 0 and balance.allocated_fen == 30_000_000 and ledger.check().drift_fen == 0
    recovery = Recovery.objects.get(subject=case.subject)
    assert (recovery.open_fen, recovery.ended_on) == (0, START) and case_now(case).state == "closed"


def test_what_cannot_come_back_is_written_off_by_two_persons_with_a_document(world: World) -> None:
    case = recovering(world)
    world.do(case, "record_recovery", "fund_manager", reason="退", data={"amount_fen": 40_000})
    recovery = Recovery.objects.get(subject=case.subject)
    with pytest.raises(WrongProposal, match="文号"):
        recoveries.propose_write_off(recovery, 60_000, by=world.fund_manager, key="w", reason="人已去世")
    with pytest.raises(NotThatMuch):
        recoveries.propose_write_off(
            recovery, 60_001, by=world.fund_manager, key="w", reason="人已去世", document_no="县〔2026〕1号"
        )
    made = recoveries.propose_write_off(
        recovery, 60_000, by=world.fund_manager, key="w", reason="人已去世", document_no="县〔2026〕1号"
    )
    with pytest.raises(SamePerson):
        proposals.confirm(made.pk, by=world.fund_manager)
    before = Transfer.objects.count()
    proposals.confirm(made.pk, by=world.fund_checker)
    world.do(case, "finish_recovery", "fund_manager", reason="核销", data={})

    assert Transfer.objects.count() == before  # what was paid stays paid
    assert case_now(case).state == "closed" and Recovery.objects.get(pk=recovery.pk).written_off_fen == 60_000


def test_an_exit_needs_a_visit_and_is_published_where_the_programme_says_so(world: World) -> None:
    case = world.brought_to("fund_reserved", "elderly_support")
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    world.do(case, "begin_follow_up", None)
    refused(world, case, "propose_exit", "village_clerk", MissingDocuments, reason="好了")
    world.do(case, "visit", "village_clerk", data={"satisfaction": 5})
    world.do(case, "propose_exit", "village_clerk", reason="好了")
    world.do(case, "approve_exit", "township_approver")
    refused(world, case, "end_exit_notice", None, TooEarly)

    with clock.frozen_at(days(8)):
        world.do(case, "end_exit_notice", None)
    assert case_now(case).state == "closed" and case_now(case).closed_on == days(8)


def test_what_was_paid_is_not_given_back(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    reservation = Reservation.objects.get(subject=case.subject)
    before = traces()

    funds.release(reservation, reason="没有了")
    ledger.settle_now()

    reservation.refresh_from_db()
    assert reservation.released_fen == 0 and traces() == before


def test_after_the_last_visit_the_exit_is_due_and_no_visit_that_was_made(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    visits = list(case.visits.order_by("due_on"))
    for n, visit in enumerate(visits, 1):
        with clock.frozen_at(visit.due_on):
            world.do(case, "visit", "village_clerk", data={"satisfaction": 5})
            left = visits[n:]
            due_on = left[0].due_on if left else calendar.add(visit.due_on, case.rules.deadline("follow_up"))
            assert case_now(case).due_on == due_on

    assert len(visits) > 1 and case_now(case).due_on > visits[-1].due_on


# --- Viewflow's rows -------------------------------------------------------------------------------------------------


def test_viewflow_reads_the_same_way(world: World) -> None:
    """Its own classes find the open task at the node of the state, and the chain of tasks behind it."""
    from flows.models import CaseProcess

    case = world.brought_to("township_decision")
    process = CaseProcess.objects.get(case_id=case.pk)
    assert process.flow_class is FLOWS["disaster_relief"] and process.status == "NEW"
    (task,) = process.task_set.filter(finished__isnull=True)
    assert task.flow_task.name == "township_decision" and task.status == "NEW"

    walked = [task.flow_task.name]
    while task.previous.exists():
        task = task.previous.get()
        walked.append(task.flow_task.name)
    told = [event.to_state for event in case.events.order_by("n")]
    assert walked == [*reversed(told), "start"]
    assert all(
        t.owner_id
        for t in process.task_set.filter(flow_task_type="HUMAN", status="DONE")
        if "notice" not in t.flow_task.name
    )


def test_a_finished_case_is_a_finished_process(world: World) -> None:
    from flows.models import CaseProcess

    case = world.open()
    world.do(case, "dismiss", "village_clerk", reason="重复")
    process = CaseProcess.objects.get(case_id=case.pk)

    assert (process.status, process.finished is not None) == ("DONE", True)
    assert not process.task_set.filter(finished__isnull=True).exists()
    last = process.task_set.latest("id")
    assert (last.flow_task.name, last.flow_task_type, last.status) == ("cancelled", "END", "DONE")


def test_an_act_that_stays_in_its_state_opens_no_task(world: World) -> None:
    from flows.models import CaseProcess

    case = world.brought_to("fund_reserved")
    payments.check_batch(
        payments.build_batch([case.pk], by=world.fund_manager, key="batch-aaaaaaaa").pk, by=world.fund_checker, key="c"
    )
    process = CaseProcess.objects.get(case_id=case.pk)

    assert process.task_set.filter(finished__isnull=True).count() == 1


def test_one_family_has_one_open_case_of_a_programme(world: World) -> None:
    household: Household = world.household()
    world.open("disaster_relief", household)

    with pytest.raises(BadCaseData, match="接着办"):
        world.open("disaster_relief", household)
    world.open("elderly_support", household)
