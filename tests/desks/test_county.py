"""The county's desk: confirmation, countersignature, appeals, filing, and what it must be told of."""

from typing import Any

import pytest
from django.test import Client

from casework.models import CaseEvent
from tests.desks.test_township import decide, login
from tests.world import World, case_now


@pytest.fixture
def confirming(client: Client, world: World) -> Client:
    return login(client, world.county_approver)


def test_a_middling_amount_is_reviewed_and_confirmed(client: Client, world: World) -> None:
    case = world.brought_to("county_review", amount_fen=900_000)

    decide(login(client, world.county_reviewer), case, "review", desk="county")
    answer = decide(login(Client(), world.county_approver), case, "confirm", desk="county")

    assert answer.url == "/county/"
    assert case_now(case).state == "fund_reserved"


def test_whoever_confirmed_may_not_countersign(confirming: Client, world: World) -> None:
    case = world.brought_to("county_decision", amount_fen=2_500_000)
    decide(confirming, case, "confirm", desk="county")

    page = confirming.get(f"/county/review/{case.pk}/")
    assert page.context["form"] is None and "县级确认" in page.context["choice"].why_not
    decide(login(Client(), world.county_approver_2), case, "countersign", desk="county")

    assert case_now(case).state == "fund_reserved"
    assert CaseEvent.objects.get(case=case, action="countersign").by == world.county_approver_2


def test_only_mine_leaves_out_the_countersignature_of_ones_own(confirming: Client, world: World) -> None:
    case = world.brought_to("county_decision", amount_fen=2_500_000)
    decide(confirming, case, "confirm", desk="county")

    assert confirming.get("/county/").context["counts"].total == 1
    assert confirming.get("/county/", {"mine": "1"}).context["counts"].total == 0


def test_an_appeal_shows_both_sides_and_can_be_granted(client: Client, world: World) -> None:
    case = world.brought_to("township_decision", amount_fen=900_000)
    world.do(case, "refuse", "township_approver", reason="房子没有受灾", reason_code="not_true")
    world.do(case, "appeal", "village_clerk", reason="后院倒了，没有拍到")
    reviewer = login(client, world.county_reviewer)

    page = reviewer.get("/county/appeals/").content.decode()
    assert "房子没有受灾" in page and "后院倒了，没有拍到" in page
    decide(reviewer, case, "overturn_refusal", desk="county", note="去看过，后院确实倒了")

    assert case_now(case).state == "county_review"
    assert not reviewer.get("/county/appeals/").context["rows"]


def test_small_amounts_are_filed_with_their_sum_month_by_month(confirming: Client, world: World) -> None:
    world.brought_to("fund_reserved", amount_fen=150_000)
    world.brought_to("fund_reserved", amount_fen=100_000)
    world.brought_to("fund_reserved", amount_fen=900_000)

    page = confirming.get("/county/filed/")

    assert page.context["total_fen"] == 250_000 and len(page.context["rows"]) == 2
    assert not confirming.get("/county/filed/", {"month": "2026-03"}).context["rows"]
    assert confirming.get("/county/filed/", {"month": "nonsense"}).status_code == 404


def test_the_county_is_told_of_emergency_releases(confirming: Client, world: World) -> None:
    case = world.open("disaster_relief")
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    account = case.household.accounts.get(is_active=True)
    world.do(
        case,
        "emergency_release",
        "township_approver",
        reason="房子塌了，没有地方住",
        data={"amount_fen": 80_000, "account_id": account.pk},
    )

    page = confirming.get("/county/releases/").content.decode()

    assert case.head_name in page and "房子塌了，没有地方住" in page
    assert confirming.get(f"/township/releases/{case.pk}/").status_code == 403


def test_the_county_queue_costs_the_same_for_one_case_and_for_eight(
    confirming: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    world.brought_to("county_decision", amount_fen=900_000)
    confirming.get("/county/")
    with django_assert_max_num_queries(20) as few:
        confirming.get("/county/")
    for _ in range(7):
        world.brought_to("county_decision", amount_fen=900_000)

    with django_assert_max_num_queries(len(few)):
        assert confirming.get("/county/").context["counts"].total == 8


@pytest.mark.parametrize("page", ["overdue", "appeals", "filed", "releases", "recusals", "find"])
def test_every_list_of_the_county_costs_the_same_for_few_and_for_many(
    confirming: Client, world: World, django_assert_max_num_queries: Any, page: str
) -> None:
    def refused() -> None:
        case = world.brought_to("township_decision", amount_fen=150_000)
        world.do(case, "refuse", "township_approver", reason="不符合", reason_code="not_hardship")
        world.do(case, "appeal", "village_clerk", reason="不服")

    world.brought_to("fund_reserved", amount_fen=150_000)
    refused()
    confirming.get(f"/county/{page}/")
    with django_assert_max_num_queries(25) as few:
        confirming.get(f"/county/{page}/")
    for _ in range(4):
        world.brought_to("fund_reserved", amount_fen=150_000)
        refused()

    with django_assert_max_num_queries(len(few)):
        confirming.get(f"/county/{page}/")
