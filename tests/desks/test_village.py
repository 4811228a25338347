"""The village desk: what waits, finding a family, opening a case, surveying it."""

from typing import Any

import pytest
from django.test import Client

from access import services as access
from casework.models import Case, SurveyDraft
from families.folding import search_text
from families.models import BankAccount, Household, Survey
from tests.desks.test_case_page import at_desk, photo
from tests.world import World, case_now


def named(world: World, name: str, village: Any = None) -> Household:
    household = world.household(village)
    household.head_name = household.head.name = name
    household.search = household.head.name_search = search_text(name)
    household.head.save()
    household.save()
    return household


# ---------------------------------------------------------------- what waits


def test_the_home_says_what_was_sent_back_and_what_waits(world: World) -> None:
    returned = world.brought_to("township_review")
    world.do(returned, "return", "township_clerk", reason="照片看不清")
    world.brought_to("registered")
    world.brought_to("township_review")

    page = at_desk(world.village_clerk).get("/village/")

    assert "退回给我" in page.text and "轮到我办" in page.text
    assert page.context["total"] == 2 and page.context["others"] == 1
    assert page.text.count("hero") == 1


def test_a_quiet_day_says_so(world: World) -> None:
    page = at_desk(world.other_clerk).get("/village/")

    assert "今天没有要办的事" in page.text and "还没有办过" in page.text


def test_another_villages_work_is_in_no_list_and_no_count(world: World) -> None:
    case = world.brought_to("registered")

    client = at_desk(world.other_clerk)

    for path in ("/village/", "/village/todo/", "/village/waiting/", f"/village/find/?q={case.household_no[-4:]}"):
        page = client.get(path)
        assert case.head_name not in page.text
        assert 'class="count"' not in page.text


def test_visits_far_ahead_do_not_count_as_work(world: World) -> None:
    case = world.brought_to("registered", "family_care")
    world.do(case, "submit", "village_clerk")
    world.do(case, "approve_plan", "township_clerk")

    assert at_desk(world.village_clerk).get("/village/").context["total"] == 0


def test_the_head_waits_for_the_minutes_that_the_clerk_is_asked_for(world: World) -> None:
    case = world.brought_to("village_review")
    clerk, head = at_desk(world.village_clerk), at_desk(world.village_head)

    assert "记评议" in clerk.get(f"/cases/{case.pk}/").text
    assert clerk.get("/village/").context["total"] == 1 and head.get("/village/").context["total"] == 0

    world.deliberate(case)

    assert clerk.get("/village/").context["total"] == 0 and head.get("/village/").context["total"] == 1
    assert f"/cases/{case.pk}/act/endorse/" in head.get(f"/cases/{case.pk}/").text


def test_no_case_is_both_mine_and_with_others(world: World) -> None:
    case = world.brought_to("village_review")
    clerk, head = at_desk(world.village_clerk), at_desk(world.village_head)

    assert case.head_name in clerk.get("/village/todo/").text
    assert case.head_name not in clerk.get("/village/waiting/").text
    assert case.head_name not in head.get("/village/todo/").text
    assert case.head_name in head.get("/village/waiting/").text

    world.deliberate(case)

    assert case.head_name not in clerk.get("/village/todo/").text
    assert case.head_name in clerk.get("/village/waiting/").text
    assert case.head_name in head.get("/village/todo/").text
    assert case.head_name not in head.get("/village/waiting/").text


def test_who_has_no_post_in_a_village_is_told_so(world: World) -> None:
    response = at_desk(world.cashier).get("/village/")

    assert response.status_code == 403 and "村里的工作台" in response.text


@pytest.mark.parametrize(
    ("path", "most"),
    [("/village/", 16), ("/village/todo/", 12), ("/village/waiting/", 12), ("/village/find/?q=江", 14)],
)
def test_lists_cost_the_same_with_many_rows(
    world: World, path: str, most: int, django_assert_max_num_queries: Any
) -> None:
    for _n in range(5):
        world.brought_to("registered")
    for _n in range(3):
        world.brought_to("township_review")
    client = at_desk(world.village_clerk)
    client.get(path)

    with django_assert_max_num_queries(most):
        client.get(path)


# ---------------------------------------------------------------- finding


@pytest.mark.parametrize("asked", ["曾红明", "曾紅明", "zhm", "zenghong", "红明"])
def test_a_family_is_found_however_the_name_is_typed(world: World, asked: str) -> None:
    household = named(world, "曾红明")

    page = at_desk(world.village_clerk).get("/village/find/", {"q": asked})

    assert f"/families/{household.pk}/" in page.text


def test_a_family_is_found_by_the_tails_of_its_numbers_and_by_a_member(world: World) -> None:
    household = named(world, "曾红明")
    spouse = household.members.exclude(person=household.head).get().person
    spouse.name_search = search_text("欧阳春")
    spouse.save()
    client = at_desk(world.village_clerk)

    for asked in (household.household_no[-4:], household.head.id_last4, spouse.id_last4, "oyc"):
        assert f"/families/{household.pk}/" in client.get("/village/find/", {"q": asked}).text, asked


def test_two_heads_of_one_name_are_warned_about(world: World) -> None:
    named(world, "曾红明"), named(world, "曾红明")

    page = at_desk(world.village_clerk).get("/village/find/", {"q": "曾红明"})

    assert "有同名的户主" in page.text and "户号尾" in page.text


def test_nothing_found_says_what_to_try(world: World) -> None:
    assert "换个写法试试" in at_desk(world.village_clerk).get("/village/find/?q=%25%27--").text


# ---------------------------------------------------------------- opening


def _opening(client: Client, household: Household, **more: Any) -> tuple[str, dict[str, Any]]:
    url = f"/village/families/{household.pk}/open/"
    key = client.get(url).context["form"]["key"].value()
    data = {"programme": "disaster_relief", "beneficiary": household.head_id, "words": "屋顶漏雨", "source": "villager"}
    return url, data | {"key": key} | more


def test_opening_a_case_twice_with_one_pressing_opens_one(world: World) -> None:
    household = world.household()
    client = at_desk(world.village_clerk)
    url, data = _opening(client, household)

    answers = [client.post(url, data).status_code for _n in range(2)]

    case = Case.objects.get(household=household)
    assert answers == [302, 302] and case.lead.words == "屋顶漏雨" and case.state == "lead"


def test_a_second_case_of_one_kind_is_refused_and_names_the_first(world: World) -> None:
    first = world.open()
    client = at_desk(world.village_clerk)
    url, data = _opening(client, first.household, words="又漏了")

    response = client.post(url, data)

    assert response.status_code == 422 and first.case_no in response.text and "又漏了" in response.text
    assert first.household.cases.count() == 1


def test_a_head_without_the_post_opens_nothing(world: World) -> None:
    household = world.household()

    assert at_desk(world.village_head).get(f"/village/families/{household.pk}/open/").status_code == 403


# ---------------------------------------------------------------- surveying

PAGES: dict[str, dict[str, Any]] = {
    "members": {"household_size": "2", "lives_at": "registered"},
    "causes": {"causes": ["illness", "disaster"], "main_cause": "disaster"},
    "income": {"wage_fen": "8,000", "farming_fen": "0.4万"},
    "spending": {"medical_fen": "14900"},
    "support": {"supporters": "没有"},
    "living": {"food": "short", "mood": "low"},
    "needs": {"need_domains": ["environment"], "needs_words": "屋顶漏雨，想修一修"},
}


def _visit(world: World, **more: Any) -> dict[str, Any]:
    return {
        "surveyed_on_year": 2026,
        "surveyed_on_month": 4,
        "surveyed_on_day": 15,
        "second": world.resident_cadre.pk,
        "consent_given": "on",
        "consent_how": "fingerprint",
        "is_cadre_relative": "no",
    } | more


def _fill(client: Client, household: Household, visit: dict[str, Any]) -> None:
    for code, answers in (PAGES | {"visit": visit}).items():
        response = client.post(f"/village/families/{household.pk}/survey/{code}/", answers)
        assert response.status_code == 302, (code, response.context["form"].errors)


def test_a_survey_is_filled_page_by_page_and_recorded_once(world: World) -> None:
    case = world.brought_to("draft")
    household = case.household
    client = at_desk(world.village_clerk)
    start = client.get(f"/village/families/{household.pk}/survey/?case={case.pk}")
    assert start["Location"].endswith("/survey/members/")
    _fill(client, household, _visit(world, house_photo=photo()))

    check = client.get(f"/village/families/{household.pk}/survey/check/")
    assert (
        "更改" in check.text and "14,900 元" in check.text and not Survey.objects.filter(household=household).exists()
    )
    first = client.post(f"/village/families/{household.pk}/survey/check/")
    second = client.post(f"/village/families/{household.pk}/survey/check/")

    survey = Survey.objects.get(household=household)
    assert first["Location"] == f"/cases/{case.pk}/" and second.status_code == 302
    assert survey.facts["income_fen_yearly"] == 1_200_000 and survey.facts["main_cause"] == "disaster"
    assert survey.needs_words == "屋顶漏雨，想修一修" and survey.second_surveyor == world.resident_cadre
    assert [member["person"] for member in survey.facts["members"]] == [m.person_id for m in household.members.all()]
    assert not SurveyDraft.objects.exists() and household.documents.filter(kind="house_photo").count() == 1


def test_members_lie_folded_unless_there_is_something_to_ask(world: World) -> None:
    household = world.household()
    head, spouse = (row.person for row in household.members.select_related("person").order_by("pk"))
    head.health, spouse.health = "serious", "healthy"
    head.save()
    spouse.save()
    client, url = at_desk(world.village_clerk), f"/village/families/{household.pk}/survey/members/"

    ill, well = client.get(url).context["form"].groups()
    assert ill["is_open"] and not well["is_open"]
    assert well["known"] == "健康"

    wrong = client.post(url, PAGES["members"] | {f"p{spouse.pk}_income_fen": "很多"})
    assert wrong.status_code == 422 and wrong.context["form"].groups()[1]["is_open"]

    client.post(url, PAGES["members"] | {f"p{head.pk}_health": "serious", f"p{head.pk}_labour": "none"})
    asked = client.get(url).context["form"].groups()[0]
    assert not asked["is_open"] and asked["known"].endswith("不能干活")


def test_the_second_surveyor_is_offered_by_village_the_familys_own_first(world: World) -> None:
    household = world.household()
    client, url = at_desk(world.village_clerk), f"/village/families/{household.pk}/survey/visit/"

    _nobody, own, *others = client.get(url).context["form"].fields["second"].choices

    assert own[0] == world.village.name and [pk for pk, _words in own[1]] == [str(world.resident_cadre.pk)]
    assert [village for village, _people in others] == [world.other_village.name]


def test_a_relative_is_not_offered_as_second_surveyor(world: World) -> None:
    household = world.household()
    cadre = world.resident_cadre
    access.recuse(cadre.person_key, household.household_no, relation="侄子", by=cadre)
    client, url = at_desk(world.village_clerk), f"/village/families/{household.pk}/survey/visit/"

    page = client.get(url)
    refused = client.post(url, _visit(world))

    assert f'value="{world.resident_cadre.pk}"' not in page.text
    assert refused.status_code == 422 and "second" in refused.context["form"].errors


def test_a_draft_waits_until_somebody_comes_back(world: World) -> None:
    household = world.household()
    client = at_desk(world.village_clerk)
    client.post(f"/village/families/{household.pk}/survey/members/", PAGES["members"])

    later = at_desk(world.village_clerk)

    assert "接着填" in later.get("/village/").text
    assert later.get(f"/village/families/{household.pk}/survey/")["Location"].endswith("/survey/causes/")


def test_a_later_version_begins_with_the_last_answers_and_says_why(world: World) -> None:
    household = world.household()
    world.survey(household, facts={"medical_fen": 1_490_000, "main_cause": "illness"})
    client = at_desk(world.village_clerk)

    page = client.get(f"/village/families/{household.pk}/survey/spending/")
    assert "14900" in page.text and "第 1 版" in page.text

    response = client.post(f"/village/families/{household.pk}/survey/visit/", _visit(world))
    assert response.status_code == 422 and "change_reason" in response.context["form"].errors
    _fill(client, household, _visit(world, change_reason="屋顶又塌了一块"))
    client.post(f"/village/families/{household.pk}/survey/check/")

    second = household.surveys.get(version=2)
    assert second.change_reason == "屋顶又塌了一块"


def test_a_mistake_on_a_page_keeps_what_was_typed(world: World) -> None:
    household = world.household()
    client = at_desk(world.village_clerk)

    wrong_money = client.post(
        f"/village/families/{household.pk}/survey/spending/", {"medical_fen": "一万多", "debt_fen": "300"}
    )
    wrong_main = client.post(
        f"/village/families/{household.pk}/survey/causes/", {"causes": ["illness"], "main_cause": "housing"}
    )

    assert wrong_money.status_code == wrong_main.status_code == 422
    assert "一万多" in wrong_money.text and 'value="300"' in wrong_money.text
    assert "要在选过的原因里选" in wrong_main.text


def test_nobody_surveys_ones_own_family(world: World) -> None:
    household = world.household()
    household.head.person_key = world.village_clerk.person_key
    household.head.save()

    response = at_desk(world.village_clerk).get(f"/village/families/{household.pk}/survey/members/")

    assert response.status_code == 403 and "回避" in response.text


def test_without_consent_nothing_is_kept(world: World) -> None:
    household = world.household()
    visit = _visit(world)
    del visit["consent_given"]

    response = at_desk(world.village_clerk).post(f"/village/families/{household.pk}/survey/visit/", visit)

    assert response.status_code == 422 and "consent_given" in response.context["form"].errors


# ---------------------------------------------------------------- accounts


def _account(household: Household, **more: Any) -> dict[str, Any]:
    data = {"holder_id": household.head_id, "kind": "card", "bank": "禾丰农商银行"}
    return data | {"number": "9999990000000014", "again": "9999990000000014"} | more


def test_an_account_that_another_family_uses_must_be_explained(world: World) -> None:
    first, second = world.household(), world.household()
    client = at_desk(world.village_clerk)
    client.post(f"/village/families/{first.pk}/account/", _account(first))

    refused = client.post(f"/village/families/{second.pk}/account/", _account(second))
    explained = client.post(f"/village/families/{second.pk}/account/", _account(second, shared_because="兄弟同住"))

    assert refused.status_code == 422 and first.head_name in refused.text
    assert explained.status_code == 302
    assert BankAccount.objects.get(household=second, is_active=True).shared_because == "兄弟同住"


def test_a_card_number_that_fails_its_check_is_questioned_not_forbidden(world: World) -> None:
    household = world.household()
    client = at_desk(world.village_clerk)
    wrong = {"number": "9999990000000015", "again": "9999990000000015"}

    questioned = client.post(f"/village/families/{household.pk}/account/", _account(household, **wrong))
    confirmed = client.post(f"/village/families/{household.pk}/account/", _account(household, **wrong, sure="on"))

    assert questioned.status_code == 422 and "校验位不对" in questioned.text
    assert confirmed.status_code == 302


def test_a_returned_case_opens_at_the_remark(world: World) -> None:
    case = world.brought_to("township_review")
    world.do(case, "return", "township_clerk", reason="屋顶照片看不清裂口")
    client = at_desk(world.village_clerk)

    page = client.get(f"/cases/{case.pk}/act/resubmit/")
    data = {"key": page.context["form"]["key"].value(), "cause": "illness", "amount_fen": "2000", "summary": ""}
    unchanged = client.post(f"/cases/{case.pk}/act/resubmit/", data)

    assert unchanged.status_code == 422 and "退回以后什么也没改。" in unchanged.text
    assert case_now(case).state == "returned" and case.events.filter(action="resubmit").count() == 0
    response = client.post(f"/cases/{case.pk}/act/resubmit/", data | {"as_it_was": "on"})
    assert "屋顶照片看不清裂口" in page.text and 'value="2000"' in page.text
    assert response.status_code == 302 and case_now(case).state == "township_review"


def test_a_returned_case_that_was_mended_is_asked_nothing(world: World) -> None:
    case = world.brought_to("township_review")
    client, url = at_desk(world.village_clerk), f"/cases/{case.pk}/act/resubmit/"
    world.do(case, "return", "township_clerk", reason="金额写错了")
    sent = {"key": client.get(url).context["form"]["key"].value(), "cause": "illness", "summary": ""}

    assert client.post(url, sent | {"amount_fen": "1500"}).status_code == 302
    assert case_now(case).amount_fen == 150_000

    world.do(case, "return", "township_clerk", reason="照片看不清")
    client.post(f"/cases/{case.pk}/papers/", {"house_photo": photo()})
    assert "as_it_was" not in client.get(url).context["form"].fields


def test_a_survey_that_was_only_looked_at_is_no_draft_to_take_up(world: World) -> None:
    household = world.household()
    client = at_desk(world.village_clerk)
    client.get(f"/village/families/{household.pk}/survey/", follow=True)

    assert "有一份没填完的调查表" not in client.get("/village/").text
    assert "有一份没填完的调查表" not in client.get(f"/families/{household.pk}/").text

    client.post(f"/village/families/{household.pk}/survey/members/", PAGES["members"])
    assert "有一份没填完的调查表" in client.get("/village/").text
