"""One natural person, one duty in a case; relatives keep out. Accounts, posts and delegations change nothing."""

import datetime

import pytest
from django.db import IntegrityError, connection, transaction

from access import services as access
from access.models import Staff
from access.vault import person_key
from audit import clock
from casework import payments, plans
from casework.acting import possible_actions
from casework.errors import NotYourTurn, Recused, SecondDuty
from casework.models import Case, CaseDuty
from families.models import HouseholdMember
from funds import services as funds
from funds.errors import SamePerson
from tests.casework.placing import refused
from tests.world import START, World, case_now, make_person, make_staff

DECEMBER = datetime.date(2026, 12, 31)


def account_of(person: Staff, role: str, unit: object, name: str = "second_account") -> Staff:
    """A second account of the same natural person, with a post."""
    account = make_staff(name, person.name, key=person.person_key)
    access.appoint(account, role, unit, by=None)
    return account


def test_a_second_account_takes_no_second_duty(world: World) -> None:
    case = world.brought_to("township_decision")
    twin = account_of(world.township_clerk, "township_approver", world.township)

    why = refused(world, case, "approve", twin)

    assert "乡镇审核" in why and "审批" in why


def test_a_second_post_takes_no_second_duty(world: World) -> None:
    case = world.brought_to("village_review")
    access.appoint(world.village_clerk, "village_head", world.village, by=None)
    world.deliberate(case)

    refused(world, case, "endorse", world.village_clerk)

    (edge, why), *_ = [x for x in possible_actions(case_now(case), world.village_clerk) if x[0].action == "endorse"]
    assert "经办" in why


def test_both_surveyors_hold_the_files_duty(world: World) -> None:
    """The second surveyor signed the survey, so she does not sign for the village, whoever pressed the button."""
    case = world.brought_to("village_review")
    access.appoint(world.resident_cadre, "village_head", world.village, by=None)
    world.deliberate(case)

    refused(world, case, "endorse", world.resident_cadre)
    assert CaseDuty.objects.get(case=case, person_key=world.resident_cadre.person_key).duty == "prepare"


def test_a_surveyor_who_already_decided_cannot_be_written_in(world: World) -> None:
    """The other way round: the one who returned it as clerk of the township may not survey it afterwards."""
    case = world.brought_to("township_review")
    world.do(case, "return", "township_clerk", reason="补材料")
    access.appoint(world.township_clerk, "resident_cadre", world.village, by=None)
    from families import services as families

    survey = families.record_survey(
        case.household,
        families.Findings(START, {}, "修屋顶", True, "signature"),
        by=world.village_clerk,
        second=world.township_clerk,
        change_reason="补正",
    )

    refused(world, case, "resubmit", world.village_clerk, data={"survey_id": survey.pk})


def test_a_delegate_brings_the_principals_exclusions(world: World) -> None:
    """The approver has no duty here, but the clerk whose post he exercises has one, and so has he after it."""
    case = world.brought_to("township_decision")
    helper = make_staff("helper", "助理")
    access.appoint(world.township_clerk, "township_approver", world.township, by=None)
    post = world.township_clerk.appointments.get(role="township_approver")
    access.delegate(post, helper, valid_from=START, valid_to=DECEMBER, reason="出差", approved_by=world.sysadmin)

    refused(world, case, "approve", helper)
    refused(world, case, "approve", helper, on_behalf_of=world.township_clerk)
    told = {edge.action: why for edge, why in possible_actions(case_now(case), helper)}
    assert "乡镇审核" in told["approve"], "the page says why before anybody presses"


def test_delegation_does_not_launder_ones_own_duty(world: World) -> None:
    case = world.brought_to("township_decision")
    access.delegate(
        world.township_approver.appointments.get(),
        world.township_clerk,
        valid_from=START,
        valid_to=DECEMBER,
        reason="休假",
        approved_by=world.sysadmin,
    )

    refused(world, case, "approve", world.township_clerk)


def test_a_delegated_act_names_both_and_binds_both(world: World) -> None:
    case = world.brought_to("township_decision")
    helper = make_staff("helper", "助理")
    access.delegate(
        world.township_approver.appointments.get(),
        helper,
        valid_from=START,
        valid_to=DECEMBER,
        reason="休假",
        approved_by=world.sysadmin,
    )

    event = world.do(case, "approve", helper)

    assert (event.by, event.on_behalf_of) == (helper, world.township_approver)
    holders = set(CaseDuty.objects.filter(case=case, duty="approve").values_list("person_key", flat=True))
    assert holders == {helper.person_key, world.township_approver.person_key}
    newest = Case.history.filter(id=case.pk).latest("history_id")
    assert (newest.history_user_id, newest.history_behalf_id) == (helper.pk, world.township_approver.pk)


def test_a_paper_kept_for_somebody_else_names_both(world: World) -> None:
    case = world.brought_to("village_review")
    helper = make_staff("helper", "助理")
    post = world.village_clerk.appointments.get()
    access.delegate(post, helper, valid_from=START, valid_to=DECEMBER, reason="休假", approved_by=world.sysadmin)

    measure = plans.add_measure(case.pk, by=helper, domain="livelihood", title="修圈舍", need_words="圈舍塌了")

    row = measure.history.get()
    assert (row.history_user_id, row.history_behalf_id) == (helper.pk, world.village_clerk.pk)
    holders = set(CaseDuty.objects.filter(case=case, duty="prepare").values_list("person_key", flat=True))
    assert {helper.person_key, world.village_clerk.person_key} <= holders


def test_a_delegation_that_is_over_or_not_begun_has_no_turn(world: World) -> None:
    case = world.brought_to("township_decision")
    helper = make_staff("helper", "助理")
    access.delegate(
        world.township_approver.appointments.get(),
        helper,
        valid_from=START + datetime.timedelta(days=1),
        valid_to=START + datetime.timedelta(days=2),
        reason="休假",
        approved_by=world.sysadmin,
    )
    refused(world, case, "approve", helper, NotYourTurn)

    with clock.frozen_at(START + datetime.timedelta(days=3)):
        refused(world, case, "approve", Staff.objects.get(pk=helper.pk), NotYourTurn)


def test_the_delegate_of_a_relative_is_barred_too(world: World) -> None:
    case = world.brought_to("township_decision")
    helper = make_staff("helper", "助理")
    access.delegate(
        world.township_approver.appointments.get(),
        helper,
        valid_from=START,
        valid_to=DECEMBER,
        reason="休假",
        approved_by=world.sysadmin,
    )
    access.recuse(world.township_approver.person_key, case.household_no, relation="表弟", by=world.township_approver)

    refused(world, case, "approve", helper, Recused)


@pytest.mark.usefixtures("as_the_owner")
def test_postgresql_itself_lets_nobody_hold_two_duties(world: World) -> None:
    case = world.brought_to("township_decision")
    insert = """INSERT INTO casework_caseduty (case_id, person_key, duty, staff_id, since)
                VALUES (%s, %s, 'approve', %s, '2026-04-15')"""
    with (
        pytest.raises(IntegrityError, match="one_person_one_duty"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(insert, [case.pk, world.township_clerk.person_key, world.township_clerk.pk])
    for statement in ("UPDATE casework_caseduty SET duty = 'approve'", "DELETE FROM casework_caseduty"):
        with pytest.raises(Exception, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.parametrize("source", ["declared", "detected", "ordered"])
def test_a_recused_person_acts_in_no_state(world: World, source: str) -> None:
    case = world.brought_to("township_review")
    access.recuse(world.township_clerk.person_key, case.household_no, relation="外甥", by=world.sysadmin, source=source)

    why = refused(world, case, "check", world.township_clerk, Recused)
    refused(world, case, "return", world.township_clerk, Recused, reason="补")

    assert "回避" in why
    assert all(told for _edge, told in possible_actions(case_now(case), world.township_clerk))


def test_a_recusal_names_the_person_and_not_the_account(world: World) -> None:
    case = world.brought_to("township_review")
    twin = account_of(world.township_clerk, "township_clerk", world.township)
    access.recuse(world.township_clerk.person_key, case.household_no, relation="外甥", by=world.sysadmin)

    refused(world, case, "check", twin, Recused)


def test_a_member_of_the_household_acts_in_no_account(world: World) -> None:
    """The clerk's ID number gives the same person_key as the register's: she is a neighbour's wife."""
    case = world.brought_to("township_review")
    person = make_person("江某某", datetime.date(1980, 1, 1), 450)
    HouseholdMember.objects.create(
        household=case.household, person=person, relation="女", valid_from=datetime.date(2020, 1, 1)
    )
    clerk = make_staff("kin", "江某某", key=person.person_key)
    access.appoint(clerk, "township_clerk", world.township, by=None)

    refused(world, case, "check", clerk, Recused)


def test_whoever_moved_out_is_no_longer_a_member(world: World) -> None:
    case = world.brought_to("township_review")
    person = make_person("江某某", datetime.date(1980, 1, 1), 451)
    HouseholdMember.objects.create(
        household=case.household,
        person=person,
        relation="女",
        valid_from=datetime.date(2020, 1, 1),
        valid_to=datetime.date(2025, 1, 1),
    )
    clerk = make_staff("kin", "江某某", key=person.person_key)
    access.appoint(clerk, "township_clerk", world.township, by=None)

    world.do(case, "check", clerk)

    assert case_now(case).state == "township_decision"


def test_nobody_opens_a_case_for_her_own_household(world: World) -> None:
    household = world.household()
    clerk = make_staff("head_clerk", "x", key=household.head.person_key)
    access.appoint(clerk, "village_clerk", world.village, by=None)
    from casework.opening import open_case

    with pytest.raises(Recused):
        open_case(household, "disaster_relief", by=clerk, key="own")


def test_a_recused_clerk_opens_no_case(world: World) -> None:
    from casework.opening import open_case

    household = world.household()
    access.recuse(world.village_clerk.person_key, household.household_no, relation="侄女", by=world.village_clerk)

    with pytest.raises(Recused):
        open_case(household, "disaster_relief", by=world.village_clerk, key="kin")


def test_maker_checker_and_releaser_are_three_people(world: World) -> None:
    """Each in a second account of the one before."""
    case = world.brought_to("fund_reserved")
    batch = payments.build_batch([case.pk], by=world.fund_manager, key="batch-aaaaaaaa")
    maker_as_checker = account_of(world.fund_manager, "fund_checker", world.county, "m2")
    with pytest.raises((SecondDuty, SamePerson)), transaction.atomic():
        payments.check_batch(batch.pk, by=maker_as_checker, key="c")
    payments.check_batch(batch.pk, by=world.fund_checker, key="c")
    for n, person in enumerate((world.fund_manager, world.fund_checker)):
        twin = account_of(person, "cashier", world.county, f"t{n}")
        with pytest.raises((SecondDuty, SamePerson)), transaction.atomic():
            payments.release_batch(batch.pk, by=twin, key="r")

    assert payments.release_batch(batch.pk, by=world.cashier, key="r").state == "released"


def test_the_books_themselves_want_three_people(world: World) -> None:
    """Not only the duties of a case: whoever calls the funds directly is refused in words, and nothing is left."""
    case = world.brought_to("fund_reserved")
    batch = payments.build_batch([case.pk], by=world.fund_manager, key="batch-aaaaaaaa")
    maker = account_of(world.fund_manager, "fund_checker", world.county, "m3")

    with pytest.raises(SamePerson, match="制单和复核"):
        funds.check_batch(batch, by=maker)
    funds.check_batch(batch, by=world.fund_checker)
    for person in (world.fund_manager, world.fund_checker):
        with pytest.raises(SamePerson, match="三个人"):
            funds.release_batch(batch, by=person)

    batch.refresh_from_db()
    assert (batch.state, batch.checker, batch.releaser) == ("checked", world.fund_checker, None)


def test_the_approver_pays_nothing(world: World) -> None:
    case = world.brought_to("fund_reserved")
    twin = account_of(world.township_approver, "fund_manager", world.county)

    with pytest.raises(SecondDuty), transaction.atomic():
        payments.build_batch([case.pk], by=twin, key="batch-aaaaaaaa")


def test_whoever_wrote_down_an_account_does_not_release_the_money(world: World) -> None:
    """The township clerk recorded it; as a cashier he is the third person by duty, but not for this batch."""
    case = world.brought_to("fund_reserved")
    recorder = make_staff("recorder", "x", key=person_key("recorder"))
    access.appoint(recorder, "cashier", world.county, by=None)
    from families import services as families

    world.do(case, "send_back", "fund_manager", reason="换账户")
    world.do(case, "return", "township_clerk", reason="换账户")
    account = families.record_account(
        case.household, case.household.head, "9999990000000077", kind="card", bank="", by=recorder
    )
    world.do(case, "resubmit", "village_clerk", data={"account_id": account.pk})
    world.do(case, "check", "township_clerk")
    world.do(case, "approve", "township_approver")
    batch = payments.build_batch([case.pk], by=world.fund_manager, key="batch-aaaaaaaa")
    payments.check_batch(batch.pk, by=world.fund_checker, key="c")

    with pytest.raises(SamePerson, match="账户"), transaction.atomic():
        payments.release_batch(batch.pk, by=recorder, key="r")
    with (
        pytest.raises(IntegrityError, match="wrote down an account"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            """UPDATE funds_paymentbatch SET state = 'released', releaser_id = %s, releaser_person_key = %s
               WHERE id = %s""",
            [recorder.pk, recorder.person_key, batch.pk],
        )


def test_the_emergency_is_accepted_by_a_second_approver(world: World) -> None:
    from tests.casework.test_no_dead_ends import answer, emergency
    from tests.casework.test_whole_way import pay

    case = emergency(world)
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    survey = world.survey(case.household)
    world.papers(case, "application", "damage_photo")
    world.do(case, "submit_makeup", "village_clerk", data={"survey_id": survey.pk})
    world.deliberate(case)
    world.do(case, "endorse", "village_head")
    world._end_notice(case)
    world.do(case, "check", "township_clerk")

    refused(world, case, "approve", world.township_approver)
    world.do(case, "approve", "township_approver_2")
    assert case_now(case).state == "paid"


def test_a_large_sum_is_signed_by_two_people_of_the_county(world: World) -> None:
    case = world.brought_to("county_countersign", amount_fen=2_000_001)

    refused(world, case, "countersign", world.county_approver)
    world.do(case, "countersign", "county_approver_2")
    assert case_now(case).state == "fund_reserved"
