"""The township's desk: what waits, what it rests on, deciding, and what stays out of reach."""

import datetime
from typing import Any

import pytest
from django.test import Client

from access import services as access
from access.models import Recusal
from audit import clock
from casework import redflags
from casework.models import Alert, Case, CaseEvent
from families import services as families
from funds import ledger
from funds import services as funds
from tests.owner import owner
from tests.world import START, World, case_now, make_staff


def login(client: Client, staff: Any) -> Client:
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def approver(client: Client, world: World) -> Client:
    return login(client, world.township_approver)


def outsider(world: World) -> Any:
    """An approver of another township in the same county."""
    from access.models import OrgUnit

    there = OrgUnit(
        code="990101202",
        name="别的乡",
        level="township",
        parent=world.county,
        province_id=world.township.province_id,
        prefecture_id=world.township.prefecture_id,
        county_id=world.county.pk,
        valid_from=datetime.date(2020, 1, 1),
    )
    there.save()
    there.township = there
    there.save()
    staff = make_staff("outsider", "outsider")
    access.appoint(staff, "township_approver", there, by=None, valid_from=datetime.date(2026, 1, 1))
    return staff


def decide(client: Client, case: Case, action: str, desk: str = "township", **more: str) -> Any:
    """Open the review and press a button on it, as a browser without scripts does."""
    page = client.get(f"/{desk}/review/{case.pk}/")
    initial = page.context["form"].initial
    return client.post(
        f"/{desk}/review/{case.pk}/",
        {"key": initial["key"], "seen": initial["seen"], "decision": action} | more,
    )


def test_the_queue_shows_what_waits_for_her_and_nothing_else(approver: Client, world: World) -> None:
    mine = world.brought_to("township_decision")
    clerks = world.brought_to("township_review")

    page = approver.get("/township/").content.decode()

    assert mine.case_no in page
    assert clerks.case_no not in page


def test_another_townships_case_is_absent_from_page_act_count_and_filter(client: Client, world: World) -> None:
    case = world.brought_to("township_decision")
    other = login(client, outsider(world))

    assert other.get(f"/township/review/{case.pk}/").status_code == 404
    assert other.post(f"/township/review/{case.pk}/", {"decision": "approve"}).status_code == 404
    assert other.get(f"/township/releases/{case.pk}/").status_code == 404
    queue = other.get("/township/")
    assert queue.context["counts"].total == 0
    assert case.case_no not in queue.content.decode()
    assert other.get("/township/", {"place": world.village.code}).status_code == 404
    assert not other.get("/township/find/", {"q": case.case_no}).context["rows"]
    assert case_now(case).state == "township_decision"


def test_the_village_has_no_business_at_the_township_desk(client: Client, world: World) -> None:
    assert login(client, world.village_clerk).get("/township/").status_code == 403


def test_the_queue_groups_by_urgency_and_counts_each_group(approver: Client, world: World) -> None:
    for days in (-20, -2, 0, 1, 30):
        case = world.brought_to("township_decision")
        Case.objects.filter(pk=case.pk).update(due_on=START + datetime.timedelta(days=days))

    page = approver.get("/township/")

    assert page.context["counts"].by_level == {
        "severe": 1,
        "overdue": 1,
        "today": 1,
        "soon": 1,
        "later": 1,
        "none": 0,
    }
    assert [len(group["items"]) for group in page.context["groups"]] == [1, 1, 1, 1, 1]


def test_the_borders_of_the_groups_are_those_of_the_words(world: World) -> None:
    from casework.desks.township.lists import DueWords

    words = DueWords(START)
    conditions = {level: q for level, q in words.levels().items() if level != "none"}
    case = world.brought_to("township_decision")
    for days in range(-20, 15):
        Case.objects.filter(pk=case.pk).update(due_on=START + datetime.timedelta(days=days))
        found = [level for level, q in conditions.items() if Case.objects.filter(q, pk=case.pk).exists()]
        assert found == [words.of(START + datetime.timedelta(days=days)).level], days


def test_filters_narrow_the_queue(approver: Client, world: World) -> None:
    relief = world.brought_to("township_decision")
    elderly = world.brought_to("township_decision", "elderly_support")
    Case.objects.filter(pk=relief.pk).update(due_on=START - datetime.timedelta(days=3))

    def shown(**query: str) -> set[int]:
        return {case.pk for case in approver.get("/township/", query).context["page"]}

    assert shown(programme="elderly_support") == {elderly.pk}
    assert shown(overdue="1") == {relief.pk}
    assert shown(place=world.other_village.code) == set()
    assert shown(place=world.village.code) == {relief.pk, elderly.pk}
    assert approver.get("/township/", {"programme": "nonsense"}).status_code == 404


def test_only_mine_leaves_out_where_she_may_not_act(approver: Client, world: World) -> None:
    case = world.brought_to("township_decision")
    access.recuse(world.township_approver.person_key, case.household_no, relation="叔侄", by=world.township_approver)

    assert case.pk in {row.pk for row in approver.get("/township/").context["page"]}
    assert approver.get("/township/", {"mine": "1"}).context["counts"].total == 0


def test_the_queue_costs_the_same_for_two_cases_and_for_twelve(
    approver: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    for _ in range(2):
        world.brought_to("township_decision")
    approver.get("/township/")
    with django_assert_max_num_queries(40) as few:
        approver.get("/township/")
    for _ in range(10):
        world.brought_to("township_decision")
    with django_assert_max_num_queries(len(few)):
        page = approver.get("/township/")

    assert page.context["counts"].total == 12
    assert len(few) <= 21  # two of them ask for emergency access to her place, and for relatives nobody has looked into


def test_approving_leads_to_the_next_case_of_the_queue(approver: Client, world: World) -> None:
    first, second = world.brought_to("township_decision"), world.brought_to("township_decision")

    answer = decide(approver, first, "approve")

    assert answer.status_code == 302 and answer.url == f"/township/review/{second.pk}/"
    assert case_now(first).state == "fund_reserved"
    event = CaseEvent.objects.get(case=first, action="approve")
    assert event.by == world.township_approver


def test_after_the_last_case_she_is_back_at_the_empty_queue(approver: Client, world: World) -> None:
    case = world.brought_to("township_decision")

    assert decide(approver, case, "approve").url == "/township/"
    assert "都办完了" in approver.get("/township/").content.decode()


def test_decide_and_next_stays_inside_the_filter(approver: Client, world: World) -> None:
    first = world.brought_to("township_decision", "elderly_support")
    world.brought_to("township_decision")
    third = world.brought_to("township_decision", "elderly_support")
    page = approver.get(f"/township/review/{first.pk}/?programme=elderly_support")
    initial = page.context["form"].initial

    answer = approver.post(
        f"/township/review/{first.pk}/?programme=elderly_support",
        {"key": initial["key"], "seen": initial["seen"], "decision": "approve"},
    )

    assert answer.url == f"/township/review/{third.pk}/?programme=elderly_support"


def test_pressing_twice_is_one_decision(approver: Client, world: World) -> None:
    case = world.brought_to("township_decision")
    form = approver.get(f"/township/review/{case.pk}/").context["form"].initial
    sent = {"key": form["key"], "seen": form["seen"], "decision": "approve"}

    approver.post(f"/township/review/{case.pk}/", sent)
    approver.post(f"/township/review/{case.pk}/", sent)

    assert CaseEvent.objects.filter(case=case, action="approve").count() == 1


@pytest.mark.parametrize(
    ("action", "given", "missing"),
    [
        ("refuse", {"note": "收入高于线"}, "reason_code"),
        ("refuse", {"reason_code": "not_hardship"}, "note"),
        ("return", {"note": "结算单看不清"}, "reason_code"),
        ("return", {"reason_code": "not_hardship", "note": "结算单看不清"}, "reason_code"),
    ],
)
def test_without_a_reason_nothing_happens_and_what_she_wrote_stays(
    approver: Client, world: World, action: str, given: dict[str, str], missing: str
) -> None:
    case = world.brought_to("township_decision")

    answer = decide(approver, case, action, **given)

    assert answer.status_code == 200
    assert missing in answer.context["form"].errors
    if "note" in given:
        assert given["note"] in answer.content.decode()
    assert case_now(case).state == "township_decision"


def test_a_refusal_keeps_its_code_and_its_words(approver: Client, world: World) -> None:
    case = world.brought_to("township_decision")

    decide(approver, case, "refuse", reason_code="not_true", note="房子没有受灾")

    event = CaseEvent.objects.get(case=case, action="refuse")
    assert (event.reason_code, event.reason) == ("not_true", "房子没有受灾")
    assert case_now(case).state == "refused"


def test_nobody_signs_what_changed_under_her_eyes(approver: Client, world: World) -> None:
    case = world.brought_to("township_decision")
    form = approver.get(f"/township/review/{case.pk}/").context["form"].initial
    world.papers(case, "other")

    answer = approver.post(
        f"/township/review/{case.pk}/", {"key": form["key"], "seen": form["seen"], "decision": "approve"}
    )

    assert "有变动" in answer.content.decode()
    assert case_now(case).state == "township_decision"


def test_a_refused_act_is_told_beside_the_form(approver: Client, world: World) -> None:
    """No money: the act is refused by the ledger, and the page says so."""
    case = world.brought_to("township_decision")
    funds.reserve(
        subject="case:0", key="all", programme="disaster_relief", village=world.village, amount_fen=30_000_000
    )
    ledger.settle_now()

    answer = decide(approver, case, "approve", note="已核实")

    assert answer.status_code == 200
    assert "资金不够" in answer.content.decode()
    assert case_now(case).state == "township_decision"


def test_where_she_is_barred_the_page_says_why_and_shows_no_form(approver: Client, world: World) -> None:
    case = world.brought_to("township_decision")
    access.recuse(world.township_approver.person_key, case.household_no, relation="叔侄", by=world.township_approver)

    page = approver.get(f"/township/review/{case.pk}/")

    assert page.context["form"] is None
    assert "近亲属" in page.context["choice"].why_not
    assert page.context["choice"].why_not in page.content.decode()


def test_after_a_return_the_page_shows_what_changed(approver: Client, world: World) -> None:
    case = world.brought_to("township_decision")
    decide(approver, case, "return", reason_code="facts_disagree", note="人口对不上")
    survey = world.survey(case.household, facts={"household_size": 3})
    world.do(case, "resubmit", "village_clerk", data={"survey_id": survey.pk, "amount_fen": 150_000})
    if case_now(case).state == "township_review":
        world.do(case, "check", "township_clerk")

    page = approver.get(f"/township/review/{case.pk}/")

    rows = {str(row["label"]): (row["before"], row["after"]) for row in page.context["changes"]["rows"]}
    assert rows["帮扶金额"] == ("2,000 元", "1,500 元")
    assert any("人" in (after or "") for _before, after in rows.values())
    assert "人口对不上" in page.content.decode()


def test_the_review_costs_a_bounded_number_of_queries(
    approver: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    case = world.brought_to("township_decision")
    for _ in range(5):
        world.brought_to("township_decision")
    approver.get(f"/township/review/{case.pk}/")

    with django_assert_max_num_queries(55):
        approver.get(f"/township/review/{case.pk}/")


def test_red_flags_cost_the_same_for_one_case_and_for_many(world: World, django_assert_max_num_queries: Any) -> None:
    for _ in range(6):
        world.brought_to("township_decision")
    cases = list(
        Case.objects.filter(state="township_decision").select_related("survey", "payee_account", "beneficiary")
    )
    for case in cases:
        assert case.rules  # kept in memory by flows

    with django_assert_max_num_queries(10):
        found = redflags.weigh(cases, user=world.township_approver)

    assert set(found) == {case.pk for case in cases}
    assert not any(redflags.warnings(checks) for checks in found.values())


def flags_of(case: Case, user: Any) -> dict[str, redflags.Check]:
    case = Case.objects.select_related("survey", "payee_account", "beneficiary").get(pk=case.pk)
    return {check.code: check for check in redflags.warnings(redflags.weigh([case], user=user)[case.pk])}


def test_an_account_of_two_households_is_flagged_with_the_other_family(world: World) -> None:
    case = world.brought_to("township_decision")
    other = world.household()
    number = families.reveal_account(case.payee_account, by=world.township_clerk, reason="核对账户")
    families.record_account(other, other.head, number, kind="card", bank="禾丰农商银行", by=world.township_clerk)

    flag = flags_of(case, world.township_approver)["account"]

    assert other.head_name in flag.text


def test_a_family_out_of_reach_is_counted_but_not_named(world: World) -> None:
    case = world.brought_to("township_decision")
    other = world.household()
    number = families.reveal_account(case.payee_account, by=world.township_clerk, reason="核对账户")
    families.record_account(other, other.head, number, kind="card", bank="禾丰农商银行", by=world.township_clerk)

    flag = flags_of(case, make_staff("nobody", "nobody"))["account"]

    assert other.head_name not in flag.text and "1" in flag.text


@pytest.mark.parametrize(("amount_fen", "is_flagged"), [(284_999, False), (285_000, True), (300_000, True)])
def test_an_amount_just_below_a_tier_is_flagged(world: World, amount_fen: int, is_flagged: bool) -> None:
    case = world.brought_to("township_decision", amount_fen=amount_fen)

    assert ("amount" in flags_of(case, world.township_approver)) is is_flagged


def test_help_for_the_same_cause_this_year_and_a_second_open_case_are_flagged(world: World) -> None:
    first = world.brought_to("fund_reserved")
    second = world.brought_to("township_decision", "elderly_support", household=first.household)

    flags = flags_of(second, world.township_approver)

    assert flags["same_cause"].case_id == first.pk
    assert flags["person"].case_id == first.pk


def test_missing_papers_a_relative_and_an_old_survey_are_flagged(world: World) -> None:
    case = world.brought_to("township_decision")
    with owner():
        case.papers.filter(kind="damage_photo").delete()
    access.recuse(world.resident_cadre.person_key, case.household_no, relation="舅舅", by=world.resident_cadre)

    flags = flags_of(case, world.township_approver)
    with clock.frozen_at(START + datetime.timedelta(days=200)):
        later = flags_of(case, world.township_approver)

    assert "受灾照片" in flags["papers"].text
    assert "relatives" in flags
    assert "survey" not in flags and "survey" in later


def test_a_notice_that_still_runs_is_flagged(world: World) -> None:
    case = world.brought_to("village_notice")

    assert flags_of(case, world.township_approver)["notice"].anchor == "village"


def test_with_something_to_verify_agreeing_needs_words(approver: Client, world: World) -> None:
    case = world.brought_to("township_decision", amount_fen=299_900)

    silent = decide(approver, case, "approve")
    assert "note" in silent.context["form"].errors
    assert case_now(case).state == "township_decision"

    decide(approver, case, "approve", note="按损失清单算，已核对")
    assert case_now(case).state == "fund_reserved"


def test_an_emergency_is_paid_before_the_papers(approver: Client, world: World) -> None:
    case = world.open("disaster_relief")
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    assert case.head_name in approver.get("/township/releases/").content.decode()
    form = approver.get(f"/township/releases/{case.pk}/").context["form"].initial

    answer = approver.post(
        f"/township/releases/{case.pk}/", {"key": form["key"], "amount_fen": "800", "reason": "房子塌了"}
    )

    assert answer.url == "/township/releases/"
    assert case_now(case).state == "emergency_released" and case_now(case).amount_fen == 80_000
    assert "房子塌了" in approver.get("/township/releases/").content.decode()


def test_an_emergency_above_the_cap_is_refused_and_keeps_what_was_written(approver: Client, world: World) -> None:
    case = world.open("disaster_relief")
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    form = approver.get(f"/township/releases/{case.pk}/").context["form"].initial

    answer = approver.post(
        f"/township/releases/{case.pk}/", {"key": form["key"], "amount_fen": "1000.01", "reason": "房子塌了"}
    )

    assert "amount_fen" in answer.context["form"].errors and "房子塌了" in answer.content.decode()
    assert case_now(case).state == "draft"


def test_the_clerk_sees_the_drafts_but_cannot_release(client: Client, world: World) -> None:
    case = world.open("disaster_relief")
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    clerk = login(client, world.township_clerk)

    page = clerk.get(f"/township/releases/{case.pk}/")
    clerk.post(f"/township/releases/{case.pk}/", {"key": "k", "amount_fen": "800", "reason": "x"})

    assert page.context["form"] is None and page.context["why_not"]
    assert case_now(case).state == "draft"


def test_the_clerk_answers_an_objection(client: Client, world: World) -> None:
    case = world.brought_to("village_notice")
    world.do(case, "object", None, reason="他家有新房")
    clerk = login(client, world.township_clerk)
    assert "他家有新房" in clerk.get("/township/objections/").content.decode()

    decide(clerk, case, "dismiss_objection", note="看过了，新房是他弟弟家的")

    assert case_now(case).state == "village_notice"
    assert case.notices.count() == 2
    assert "他家有新房" not in clerk.get("/township/objections/").content.decode()


def test_overdue_cases_say_whose_turn_it_is_and_who_was_told(approver: Client, world: World) -> None:
    case = world.brought_to("village_review")
    Case.objects.filter(pk=case.pk).update(due_on=START - datetime.timedelta(days=8))
    Alert.objects.create(case=case, act=case.acts, level=2, role="township_clerk", due_on=START, raised_on=START)

    page = approver.get("/township/overdue/").content.decode()
    only = approver.get("/township/overdue/", {"escalated": "1"}).context["rows"]

    assert case.head_name in page and "村书记" in page and "乡镇经办" in page
    assert [row["case"].pk for row in only] == [case.pk]


def test_a_declared_relation_bars_her_from_then_on(approver: Client, world: World) -> None:
    case = world.brought_to("township_decision")

    approver.post(f"/township/recusals/?case={case.pk}", {"household_no": case.household_no, "relation": "叔侄"})

    assert Recusal.objects.get(household_no=case.household_no).person_key == world.township_approver.person_key
    assert Recusal.history.filter(household_no=case.household_no).count() == 1
    assert approver.get(f"/township/review/{case.pk}/").context["form"] is None
    assert "叔侄" in approver.get("/township/recusals/").content.decode()


def test_a_household_out_of_reach_cannot_be_found_by_declaring(client: Client, world: World) -> None:
    household = world.household()
    other = login(client, outsider(world))

    answer = other.post("/township/recusals/", {"household_no": household.household_no, "relation": "叔侄"})

    assert "household_no" in answer.context["form"].errors
    assert not Recusal.objects.exists()


def test_small_cases_are_decided_together_only_with_their_number(approver: Client, world: World) -> None:
    cases = [world.brought_to("township_decision") for _ in range(3)]
    flagged = world.brought_to("township_decision", amount_fen=299_900)
    page = approver.get("/township/batch/", {"programme": "disaster_relief"})
    assert [case.pk for case in page.context["cases"]] == [case.pk for case in cases]
    sent = page.context["form"].initial | {"case": [case.pk for case in cases]}

    wrong = approver.post("/township/batch/?programme=disaster_relief", sent | {"count": "4"})
    assert "count" in wrong.context["form"].errors
    assert {case_now(case).state for case in cases} == {"township_decision"}

    approver.post("/township/batch/?programme=disaster_relief", sent | {"count": "3"})
    assert {case_now(case).state for case in cases} == {"fund_reserved"}
    assert case_now(flagged).state == "township_decision"


def test_every_form_is_protected_against_forgery(world: World) -> None:
    strict = Client(enforce_csrf_checks=True)
    login(strict, world.township_approver)
    case = world.brought_to("township_decision")

    assert strict.post(f"/township/review/{case.pk}/", {"decision": "approve"}).status_code == 403
    assert strict.post("/township/recusals/", {}).status_code == 403
    assert case_now(case).state == "township_decision"
    page = strict.get(f"/township/review/{case.pk}/").content.decode()
    assert "csrfmiddlewaretoken" in page and 'method="post"' in page


def test_the_page_hints_only_at_keys_that_choose_something_and_names_each_reason_once(world: World) -> None:
    checking, deciding = world.brought_to("township_review"), world.brought_to("township_decision")

    clerks = login(Client(), world.township_clerk).get(f"/township/review/{checking.pk}/").content.decode()
    page = login(Client(), world.township_approver).get(f"/township/review/{deciding.pk}/")

    assert "<kbd>A</kbd>" in clerks and "<kbd>R</kbd>" in clerks and "<kbd>X</kbd>" not in clerks
    assert [key for key, _verb in page.context["choice"].keys] == ["A", "R", "X"]
    groups = page.context["form"].fields["reason_code"].choices[1:]
    titles = [str(title) for _group, reasons in groups for _code, title in reasons]
    assert len(groups) == 2 and len(titles) == len(set(titles))


def test_a_relation_is_declared_with_the_number_of_the_case_too(approver: Client, world: World) -> None:
    case = world.brought_to("township_review")

    approver.post("/township/recusals/", {"household_no": f" {case.case_no} ", "relation": "叔侄"})

    assert Recusal.objects.get().household_no == case.household_no
