"""A close relative of somebody who works here applies: she is kept out, the case goes up, the county visits."""

import datetime

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client

from access import services as access
from access.models import Recusal
from access.vault import person_key
from casework.acting import possible_actions
from casework.errors import BadCaseData, MissingDocuments, NotYourTurn, Recused, WaitsForReview
from casework.models import CaseDuty, RelativeFlag
from casework.opening import open_case
from casework.relatives import flags, register, reviewing, takers
from families.models import HouseholdMember
from families.relatives.declaring import Relative
from tests.casework.placing import refused
from tests.casework.relatives.kin import BORN, a_cadre, a_number, declared, member, related, visited
from tests.desks.test_township import login
from tests.owner import owner, take_off
from tests.world import START, World, case_now, make_person


def test_whoever_declared_a_member_opens_no_case_of_the_family(world: World) -> None:
    household = related(world, world.village_clerk)

    with pytest.raises(Recused):
        open_case(household, "disaster_relief", by=world.village_clerk, key="open:kin", words="房子塌了")


def test_a_case_of_a_declared_relative_is_flagged_when_it_is_opened(world: World) -> None:
    household = related(world, world.township_approver)

    case = world.open(household=household)

    flag = case.relative_flags.get()
    assert (flag.source, flag.is_declared, flag.is_late, flag.acts_before) == ("declared", True, False, 0)
    assert flag.person_key == world.township_approver.person_key and flag.history.count() == 1


def test_the_relative_is_barred_from_every_act_and_the_page_says_so(world: World) -> None:
    case = world.brought_to("township_decision", household=related(world, world.township_approver))

    assert "近亲属" in refused(world, case, "approve", "township_approver", Recused)
    assert "近亲属" in refused(world, case, "return", "township_approver", Recused, reason="看看")
    told = {edge.action: why for edge, why in possible_actions(case, world.township_approver)}
    assert "近亲属" in told["approve"]


def test_the_database_refuses_a_relatives_duty(world: World) -> None:
    case = world.brought_to("township_decision", household=related(world, world.township_approver))

    with pytest.raises(IntegrityError, match="own family"), transaction.atomic():
        CaseDuty.objects.create(
            case=case,
            person_key=world.township_approver.person_key,
            duty="approve",
            staff=world.township_approver,
            since=START,
        )


def test_a_small_case_goes_to_the_top_and_waits_for_the_county_at_the_door(world: World) -> None:
    case = world.brought_to("township_decision", household=related(world, world.township_approver))
    assert (case.has_conflict, case.tier) == (True, "T3")
    world.do(case, "approve", "township_approver_2")
    world.do(case, "review", "county_reviewer")

    assert "入户" in refused(world, case, "confirm", "county_approver", MissingDocuments)
    visited(world, case)
    world.do(case, "confirm", "county_approver")
    world.do(case, "countersign", "county_approver_2")

    assert case_now(case).state == "fund_reserved"


def test_one_tier_up_is_as_far_as_the_rules_say(world: World) -> None:
    publish = {"disaster_relief": {"relatives_go": "up"}}
    from flows.models import ProgrammeVersion
    from flows.services import draft_version, publish_version

    rules = ProgrammeVersion.objects.get(programme="disaster_relief").parameters | publish["disaster_relief"]
    publish_version(
        draft_version("disaster_relief", rules, valid_from=START, by=world.sysadmin).pk, by=world.sysadmin_2
    )

    case = world.brought_to("township_decision", household=related(world, world.township_approver))

    assert case.tier == "T2"
    world.do(case, "approve", "township_approver_2")
    visited(world, case)
    world.do(case, "review", "county_reviewer")
    world.do(case, "confirm", "county_approver")
    assert case_now(case).state == "fund_reserved"


def test_no_visit_where_the_rules_do_not_ask_for_one(world: World) -> None:
    from flows.models import ProgrammeVersion
    from flows.services import draft_version, publish_version

    rules = ProgrammeVersion.objects.get(programme="disaster_relief").parameters | {"relatives_visited": False}
    publish_version(
        draft_version("disaster_relief", rules, valid_from=START, by=world.sysadmin).pk, by=world.sysadmin_2
    )
    case = world.brought_to("county_countersign", household=related(world, world.cashier))

    world.do(case, "countersign", "county_approver_2")

    assert case_now(case).state == "fund_reserved"


def test_the_database_decides_no_money_before_the_visit(world: World) -> None:
    case = world.brought_to("county_decision", household=related(world, world.cashier), amount_fen=500_000)
    take_off("casework_caseevent", "casework_act_guard")  # which would be the first to refuse

    with (
        pytest.raises(IntegrityError, match="before its money"),
        transaction.atomic(),
        owner(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO casework_caseevent (case_id, n, action, from_state, to_state, by_role, person_key, reason, reason_code,"
            " amount_fen, digest, data, key, business_date, recorded_at) VALUES (%s, 99, 'countersign', 'county_countersign',"
            " 'fund_reserved', 'county_approver', 'x', '', '', 1, '', '{}', 'raw', '2026-04-15', now())",
            [case.pk],
        )


def test_a_village_heads_relative_is_endorsed_by_nobody_and_the_page_says_what_to_do(world: World) -> None:
    case = world.brought_to("village_review", household=related(world, world.village_head))
    world.deliberate(case)

    refused(world, case, "endorse", "village_head", Recused)
    found = takers.takers(case_now(case))

    assert found.names == () and "乡镇" in found.words and "任命" in found.words
    access.appoint(world.other_clerk, "village_head", world.village, by=None, valid_from=START)
    assert takers.takers(case_now(case)).names == (world.other_clerk.name,)


def test_who_else_may_is_named(world: World) -> None:
    case = world.brought_to("township_decision", household=related(world, world.township_approver))

    assert takers.takers(case).names == (world.township_approver_2.name,)


def test_a_cadre_without_an_account_flags_too(world: World) -> None:
    cadre, number = a_cadre(world), a_number()
    household = world.household()
    member(household, number)
    case = world.open(household=household)
    assert not case.relative_flags.exists()

    register.declare_for(cadre, Relative("江远亲", number, "parent"), by=world.township_clerk)

    assert case.relative_flags.get().person_name == cadre.name


def test_a_staff_members_own_household_is_detected(world: World) -> None:
    household = world.household()
    person = make_person("专干本人", BORN, 77)
    person.person_key = world.fund_manager.person_key
    person.save()
    HouseholdMember.objects.create(
        household=household, person=person, relation="女儿", valid_from=datetime.date(2020, 1, 1)
    )

    flag = world.open(household=household).relative_flags.get()

    assert (flag.source, flag.is_declared) == ("household", False)


def test_a_member_who_comes_by_an_import_is_found_within_the_hour_and_barred_at_once(world: World) -> None:
    number = a_number()
    declared(world.village_clerk, number)
    case = world.brought_to("registered")

    member(case.household, number)

    refused(world, case, "submit", "village_clerk", Recused)
    from casework.timers import find_relatives

    assert find_relatives() == {"flagged": 1} and find_relatives() == {"flagged": 0}


def test_knowledge_before_the_next_decision_raises_the_case_and_keeps_earlier_signatures(world: World) -> None:
    case = world.brought_to("county_decision", amount_fen=500_000)
    assert case.tier == "T2"
    number = a_number()
    member(case.household, number)
    declared(world.cashier, number)
    visited(world, case)

    world.do(case, "confirm", "county_approver")

    now = case_now(case)
    assert (now.state, now.tier, now.has_conflict) == ("county_countersign", "T3", True)
    assert CaseDuty.objects.filter(case=case, duty="approve").exists(), "what was signed stays signed"


def test_a_relative_known_too_late_is_looked_at_one_tier_up(world: World) -> None:
    case = world.brought_to("township_decision")
    number = a_number()
    member(case.household, number)

    declared(world.village_head, number)

    flag = case.relative_flags.get()
    assert flag.is_late and flag.acts_before == 1
    assert world.village_head.name in refused(world, case, "approve", "township_approver", WaitsForReview)
    with pytest.raises(NotYourTurn):
        reviewing.review(flag.pk, stands=True, words="她自己说没事", by=world.village_clerk)
    reviewing.review(flag.pk, stands=True, words="评议到会人数够，签字没有问题", by=world.township_approver)
    world.do(case, "approve", "township_approver")
    assert case_now(case).state == "county_review"


def test_what_must_be_redone_is_redone_before_it_goes_on(world: World) -> None:
    case = world.brought_to("township_review")
    number = a_number()
    member(case.household, number)
    declared(world.village_head, number)
    flag = case.relative_flags.get()
    reviewing.review(flag.pk, stands=False, words="换人重新评议", by=world.township_approver)

    assert "换人重新评议" in refused(world, case, "check", "township_clerk", WaitsForReview)
    world.do(case, "return", "township_clerk", reason="换人重新评议")
    world.do(case, "resubmit", "village_clerk")


def test_a_surveyor_known_too_late_does_not_count(world: World) -> None:
    case = world.brought_to("township_review")
    number = a_number()
    member(case.household, number)
    declared(world.resident_cadre, number)

    flag = case.relative_flags.get()
    reviewing.review(flag.pk, stands=False, words="重新入户调查", by=world.county_reviewer)
    world.do(case, "return", "township_clerk", reason="重新入户调查")

    assert "重新入户" in refused(world, case, "resubmit", "village_clerk", Recused)


def test_her_own_review_and_a_relatives_review_are_refused(world: World) -> None:
    case = world.brought_to("township_decision")
    number = a_number()
    member(case.household, number)
    declared(world.township_clerk, number)
    declared(world.county_reviewer, number)
    flag = case.relative_flags.get(person_key=world.township_clerk.person_key)

    with pytest.raises(NotYourTurn):
        reviewing.review(flag.pk, stands=True, words="没有问题的", by=world.township_approver)
    with pytest.raises(Recused):
        reviewing.review(flag.pk, stands=True, words="没有问题的", by=world.county_reviewer)
    assert reviewing.review(flag.pk, stands=True, words="没有问题的", by=world.county_approver).verdict == "stands"


def test_money_that_is_approved_already_waits_for_the_look(world: World) -> None:
    from casework import payments

    case = world.brought_to("fund_reserved")
    number = a_number()
    member(case.household, number)
    declared(world.township_approver, number)

    with pytest.raises(WaitsForReview), transaction.atomic():
        payments.build_batch([case.pk], by=world.fund_manager, key="batch:late")
    flag = case.relative_flags.get()
    reviewing.review(flag.pk, stands=True, words="去看过，该帮", by=world.county_approver)
    payments.build_batch([case.pk], by=world.fund_manager, key="batch:late")
    assert case_now(case).state == "in_payment"


def test_the_applicants_word_is_followed_up(world: World) -> None:
    case = world.brought_to("draft")
    survey = world.survey(case.household, is_cadre_relative=True, cadre_relative_of="村里会计的侄子")
    world.papers(case, *case.rules.documents.get("register", []))
    account = case.household.accounts.get(is_active=True)

    world.do(
        case,
        "register",
        "village_clerk",
        data={"survey_id": survey.pk, "amount_fen": 200_000, "account_id": account.pk},
    )

    flag = case.relative_flags.get()
    assert (flag.source, flag.person_key, flag.is_declared) == ("applicant", "", False)
    reviewing.identify(flag.pk, person=world.cashier, relation="叔侄", by=world.township_clerk)
    assert Recusal.objects.get(household_no=case.household_no).source == "detected"
    assert case.relative_flags.get().person_name == world.cashier.name
    with pytest.raises(BadCaseData):
        reviewing.identify(flag.pk, person=world.fund_manager, relation="叔侄", by=world.township_clerk)


def test_the_applicant_meant_somebody_who_is_no_relative(world: World) -> None:
    case = world.brought_to("draft")
    survey = world.survey(case.household, is_cadre_relative=True, cadre_relative_of="老王")
    case.survey = survey
    flags.raise_for_applicant(case, by=world.village_clerk)
    flag = case.relative_flags.get()

    reviewing.end(flag.pk, words="同姓不同宗，问过两边", by=world.township_clerk)

    flags.raise_for_applicant(case, by=world.village_clerk)
    assert case.relative_flags.get().ended_on == START, "what was looked into is not asked again"


def test_once_it_is_known_whom_the_family_meant_no_clerk_ends_the_flag(world: World) -> None:
    """The county's visit and the look from above hang on it."""
    case = world.brought_to("township_decision")
    case.survey = world.survey(case.household, is_cadre_relative=True, cadre_relative_of="村书记")
    flags.raise_for_applicant(case, by=world.village_clerk)
    flag = case.relative_flags.get()
    client = login(Client(), world.township_clerk)
    assert "不用再查" in client.get(f"/relatives/cases/{flag.pk}/").content.decode()
    reviewing.identify(flag.pk, person=world.village_head, relation="叔侄", by=world.township_clerk)
    assert case.relative_flags.get().is_late

    with pytest.raises(BadCaseData, match="已经查清楚"):
        reviewing.end(flag.pk, words="问过了，不是亲戚", by=world.township_clerk)

    assert "不用再查" not in client.get(f"/relatives/cases/{flag.pk}/").content.decode()
    assert client.post(f"/relatives/cases/{flag.pk}/end/", {"reason": "问过了，不是亲戚"}).status_code == 403
    assert case.relative_flags.get().ended_on is None
    refused(world, case, "approve", "township_approver", WaitsForReview)


@pytest.mark.parametrize("is_known", [True, False])
def test_the_flag_of_a_known_person_does_not_end_in_sql(world: World, is_known: bool) -> None:
    case = world.brought_to("draft")
    case.survey = world.survey(case.household, is_cadre_relative=True, cadre_relative_of="老王")
    flags.raise_for_applicant(case, by=world.village_clerk)
    flag = case.relative_flags.get()
    if is_known:
        reviewing.identify(flag.pk, person=world.cashier, relation="叔侄", by=world.township_clerk)
    also = "" if is_known else ", person_key = 'x'"

    with pytest.raises(DatabaseError) as caught, transaction.atomic(), owner(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE casework_relativeflag f SET ended_on = '2026-04-15', ended_by_id = s.id, ender_person_key = s.person_key,"
            f" end_words = '不是亲戚'{also} FROM access_staff s WHERE f.id = %s AND s.username = 'township_clerk'",
            [flag.pk],
        )
    assert caught.value.__cause__.diag.constraint_name == "a_flag_stays"


def test_a_recusal_from_the_page_flags_the_open_case(world: World) -> None:
    case = world.brought_to("township_decision")

    register.recuse(case.household, relation="表弟", by=world.township_approver)

    assert case.relative_flags.get().source == "recusal"
    world.do(case, "approve", "township_approver_2")
    assert case_now(case).state == "county_review"


def test_only_the_countys_officer_records_the_visit_and_no_relative(world: World) -> None:
    case = world.brought_to("township_decision", household=related(world, world.county_reviewer))

    with pytest.raises(NotYourTurn):
        visited(world, case, by=world.township_clerk)
    with pytest.raises(Recused):
        visited(world, case, by=world.county_reviewer)
    assert not case.home_checks.exists()


def test_a_home_check_stays_in_sql(world: World) -> None:
    case = world.brought_to("county_decision", amount_fen=500_000)
    check = visited(world, case)
    assert visited(world, case) == check, "pressed twice it is one"

    for statement in ("UPDATE casework_homecheck SET words = 'x'", "DELETE FROM casework_homecheck"):
        with pytest.raises(DatabaseError), transaction.atomic(), owner(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.parametrize(
    "column", ["person_key = 'x'", "source = 'applicant'", "found_on = '2020-01-01'", "is_late = false"]
)
def test_a_flag_stays_in_sql(world: World, column: str) -> None:
    case = world.brought_to("township_decision")
    number = a_number()
    member(case.household, number)
    declared(world.village_head, number)

    for statement in (f"UPDATE casework_relativeflag SET {column}", "DELETE FROM casework_relativeflag"):
        with (
            pytest.raises(DatabaseError, match="a flag stays"),
            transaction.atomic(),
            owner(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert RelativeFlag.objects.count() == 1


def test_an_ordinary_act_asks_once_more_and_no_further(world: World, django_assert_num_queries: object) -> None:
    case = case_now(world.brought_to("township_decision"))

    with django_assert_num_queries(1):
        assert flags.look_again(case, by=world.township_approver) == []
    with django_assert_num_queries(0):
        flags.look_again(case, by=world.township_approver)


def test_a_number_of_a_person_is_compared_by_fingerprint_alone(world: World) -> None:
    number = a_number()

    assert declared(world.village_clerk, number).relative_key == person_key(number)
