"""The board that anybody reads: what was published, and nothing else."""

import datetime
from typing import Any

import pytest
from django.test import Client

from access import vault
from audit import clock
from casework import timers
from casework.models import CaseEvent, Objection
from tests.world import START, World, case_now, make_person


def on_the_board(world: World, **more: Any) -> tuple[Any, Any, str]:
    case = world.brought_to("village_notice", **more)
    notice = case.notices.get()
    return case, notice, f"/notices/{world.village.code}/{notice.pk}/"


def test_the_board_of_a_village_shows_its_notices_without_logging_in(world: World) -> None:
    case, _notice, url = on_the_board(world)
    masked = case.notices.get().facts["name"]

    villages = Client().get("/notices/")
    board = Client().get(f"/notices/{world.village.code}/")
    notice = Client().get(url)

    assert world.village.name in villages.text and world.other_village.name not in villages.text
    assert masked in board.text and masked in notice.text
    assert case.beneficiary.name not in board.text + notice.text
    assert "救灾救济" in notice.text and "因病" in notice.text


def test_a_notice_says_which_day_it_is_and_when_it_ends(world: World) -> None:
    _case, notice, url = on_the_board(world)

    assert "今天贴出，从明天起公示 7 天" in Client().get(url).text
    with clock.frozen_at(notice.ends_on - datetime.timedelta(6)):
        text = Client().get(url).text
        assert "公示第 1 天，共 7 天" in text and "还剩 6 天" in text
    with clock.frozen_at(notice.ends_on):
        assert "今天 24 点期满" in Client().get(url).text


def test_no_public_page_shows_what_must_stay_private(world: World) -> None:
    case, _notice, url = on_the_board(world)
    person, account = case.beneficiary, case.payee_account
    person.phone, person.health = "10000000077", "serious"
    person.save()
    canaries = [
        vault.unseal(person.id_number_sealed, row=person.id_number_row),
        person.id_last4,
        vault.unseal(account.number_sealed, row=account.number_row),
        f"尾号 {account.number_last4}",
        person.phone,
        "大病",
        person.name,
        case.case_no,
        case.household_no,
        "屋顶漏雨",
        "房子塌了一角",
        "2,000",
        "听取情况",
        world.village_clerk.username,
    ]

    pages = [Client().get(path).text for path in ("/notices/", f"/notices/{world.village.code}/", url, f"{url}object/")]

    for page in pages:
        assert not [canary for canary in canaries if canary in page]


def test_a_child_is_named_by_the_family_name_alone(world: World) -> None:
    household = world.household()
    child = make_person("江小禾", datetime.date(2015, 1, 1), 7777)
    household.members.create(person=child, relation="子", valid_from=START)
    case = world.brought_to("village_notice", "education_grant", household=household, beneficiary=child)

    page = Client().get(f"/notices/{world.village.code}/{case.notices.get().pk}/")

    assert "江**" in page.text and "小禾" not in page.text


@pytest.mark.parametrize("ending", ["withdrawn", "over"])
def test_what_has_ended_is_taken_off_the_board(world: World, ending: str) -> None:
    case, notice, url = on_the_board(world)
    if ending == "withdrawn":
        world.do(case, "withdraw", "village_clerk", reason="不想办了")
        day = START
    else:
        day = notice.ends_on + datetime.timedelta(days=1)

    with clock.frozen_at(day):
        assert Client().get(url).status_code == 404
        assert notice.facts["name"] not in Client().get(f"/notices/{world.village.code}/").text


def test_a_notice_is_found_in_its_own_village_alone(world: World) -> None:
    _case, notice, _url = on_the_board(world)

    assert Client().get(f"/notices/{world.other_village.code}/{notice.pk}/").status_code == 404


def _send(url: str, **more: Any) -> Any:
    client = Client()
    key = client.get(f"{url}object/").context["form"]["key"].value()
    return client.post(f"{url}object/", {"key": key, "words": "他家去年盖了新楼"} | more)


def test_anybody_may_object_without_a_name(world: World) -> None:
    case, _notice, url = on_the_board(world)

    response = _send(url)

    assert response.status_code == 302
    assert case_now(case).state == "objection"
    objection = Objection.objects.get()
    assert (objection.words, objection.raised_by) == ("他家去年盖了新楼", "")
    assert CaseEvent.objects.get(case=case, action="object").by is None
    assert "收到了" in Client().get(response["Location"]).text
    assert "正在核实" in Client().get(url).text
    assert "他家去年盖了新楼" not in Client().get(url).text


def test_objecting_twice_with_one_pressing_is_one_objection(world: World) -> None:
    _case, _notice, url = on_the_board(world)
    client = Client()
    data = {"key": client.get(f"{url}object/").context["form"]["key"].value(), "words": "他家去年盖了新楼"}

    answers = [client.post(f"{url}object/", data).status_code for _n in range(2)]

    assert answers == [302, 302]
    assert Objection.objects.count() == 1


def test_nobody_takes_the_key_of_a_timer_before_the_timer_does(world: World) -> None:
    """The worker's keys can be foretold; an objection that carried another notice's would keep that notice up for ever."""
    other = world.brought_to("village_notice")
    last = other.notices.get().ends_on
    case, _notice, url = on_the_board(world)

    response = _send(url, key=f"timer:notice:{other.notices.get().pk}:end_notice")

    assert response.status_code == 422
    assert case_now(case).state == "village_notice" and not Objection.objects.exists()
    with clock.frozen_at(last + datetime.timedelta(days=1)):
        timers.end_notices()
    assert case_now(other).state == "township_review"


def test_an_empty_objection_is_sent_back_with_what_was_typed(world: World) -> None:
    case, _notice, url = on_the_board(world)

    response = _send(url, words="", contact="村口小店")

    assert response.status_code == 422 and "村口小店" in response.text
    assert case_now(case).state == "village_notice"


def test_one_address_cannot_flood_the_board(world: World) -> None:
    cases = [on_the_board(world) for _n in range(2)]
    from casework.desks.public import notices

    for _n in range(notices.OBJECTIONS_AN_HOUR):
        notices.too_many("127.0.0.1")
    response = _send(cases[0][2])

    assert response.status_code == 422 and "过一会儿再提" in response.text
    assert case_now(cases[0][0]).state == "village_notice"


def test_an_exit_notice_hangs_too_and_takes_no_objection_here(world: World) -> None:
    case = world.brought_to("registered", "family_care")
    world.do(case, "submit", "village_clerk")
    world.do(case, "approve_plan", "township_clerk")
    world.do(case, "visit", "village_clerk", data={"satisfaction": 5, "words": "好多了"})
    world.do(case, "propose_exit", "village_clerk", reason="都办到了")
    world.do(case, "approve_exit", "township_approver")
    url = f"/notices/{world.village.code}/{case.notices.get().pk}/"

    page = Client().get(url)

    assert page.status_code == 200 and "帮扶退出公示" in page.text
    assert Client().get(f"{url}object/").status_code == 404


def test_the_board_costs_the_same_with_many_notices(world: World, django_assert_max_num_queries: Any) -> None:
    for _n in range(4):
        on_the_board(world)

    with django_assert_max_num_queries(4):
        Client().get(f"/notices/{world.village.code}/")
    with django_assert_max_num_queries(4):
        Client().get("/notices/")
