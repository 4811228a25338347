"""The county's page of expired files: what is due, two persons, what is held, what auditors read."""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import clock
from audit.models import Erasure, ErasureOrder
from casework.auditing import questions
from casework.models import Case
from casework.retention import periods
from families.models import Household
from tests.casework.placing import put
from tests.desks.test_township import login
from tests.promises import keep
from tests.world import START, World

LATER = datetime.date(2040, 1, 10)


def gone(world: World) -> Household:
    case = put(world.brought_to("registered"), "withdrawn")
    household = case.household
    household.is_hardship, household.severity = False, ""
    household.save()
    return household


@pytest.fixture
def expired(world: World) -> Iterator[Household]:
    household = gone(world)
    periods.enter("refused_file", 5, valid_from=START, basis="县档案局〔2026〕1号")
    with clock.frozen_at(LATER):
        clock.move_to(LATER)
        yield household


def page(person: Any, url: str = "/retention/") -> Any:
    return login(Client(), person).get(url)


def test_without_a_period_the_page_says_what_is_missing(world: World) -> None:
    answer = page(world.county_reviewer)
    assert answer.status_code == 200
    assert "还没有规定保管几年" in answer.content.decode() and "没有到期的档案" in answer.content.decode()
    assert "manage.py" not in answer.content.decode()


def test_one_proposes_and_another_erases(expired: Household, world: World) -> None:
    clerk, boss = login(Client(), world.county_reviewer), login(Client(), world.county_approver)
    assert expired.head_name in clerk.get("/retention/").content.decode()

    clerk.post("/retention/propose/", {"household": expired.pk}, follow=True)
    order = ErasureOrder.objects.get()
    answer = boss.get(f"/retention/{order.pk}/").content.decode()
    assert expired.household_no in answer and "清掉什么，留下什么" in answer
    done = boss.post(f"/retention/{order.pk}/", {"verb": "confirm"}, follow=True).content.decode()

    assert "核准了，一会儿就清除" in done and not Erasure.objects.exists(), "a page erases nothing"
    assert "核准了，一会儿就清除" in clerk.get("/retention/").content.decode()
    assert keep("retention.erase") == 1 and Erasure.objects.filter(order=order).exists()
    assert Household.objects.get(pk=expired.pk).head_name == "已清除"
    assert "已经清除" in boss.get(f"/retention/{order.pk}/").content.decode()
    case = Case.objects.get(household=expired)
    trail = login(Client(), world.auditor).get(f"/audit/cases/{case.pk}/")
    assert trail.status_code == 200 and "这一户的档案到期，已经清除" in trail.content.decode()
    assert boss.get(f"/cases/{case.pk}/").status_code == 200, "the case page shows what is left"


def test_what_the_worker_did_not_erase_says_why(expired: Household, world: World) -> None:
    clerk, boss = login(Client(), world.county_reviewer), login(Client(), world.county_approver)
    clerk.post("/retention/propose/", {"household": expired.pk})
    order = ErasureOrder.objects.get()
    boss.post(f"/retention/{order.pk}/", {"verb": "confirm"})
    periods.enter("refused_file", 50, valid_from=LATER, basis="县档案局〔2040〕2号")

    keep("retention.erase")

    shown = boss.get(f"/retention/{order.pk}/").content.decode()
    assert "核准了，但没有清除" in shown and "没有到期" in shown and 'name="verb"' not in shown
    assert "核准以后没有清除的" in clerk.get("/retention/").content.decode() and not Erasure.objects.exists()


def test_who_proposed_it_is_told_that_another_must_confirm(expired: Household, world: World) -> None:
    boss = login(Client(), world.county_approver)
    boss.post("/retention/propose/", {"household": expired.pk})
    order = ErasureOrder.objects.get()

    answer = boss.post(f"/retention/{order.pk}/", {"verb": "confirm"})

    assert answer.status_code == 422 and "要由另一个人核准" in answer.content.decode()
    assert not Erasure.objects.exists()
    boss.post(f"/retention/{order.pk}/", {"verb": "drop"})
    assert ErasureOrder.objects.get().dropped_at and expired.head_name in boss.get("/retention/").content.decode()


def test_what_is_held_cannot_be_ticked_and_says_why(expired: Household, world: World) -> None:
    case = Case.objects.get(household=expired)
    questions.ask(
        world.township,
        "township_approver",
        "为什么",
        "请说明",
        due_on=LATER,
        by=world.auditor,
        key="q",
        subjects=[case.subject],
    )
    shown = page(world.county_reviewer).content.decode()
    assert "先留着" in shown and f'value="{expired.pk}"' not in shown


def test_the_menu_counts_what_waits_for_her(expired: Household, world: World) -> None:
    login(Client(), world.county_reviewer).post("/retention/propose/", {"household": expired.pk})
    from casework.desks.retention.menu import waiting

    assert waiting(world.county_approver) == 1 and waiting(world.county_reviewer) == waiting(world.auditor) == 0


def test_auditors_read_and_others_are_refused(expired: Household, world: World) -> None:
    assert page(world.auditor).status_code == 200
    for person in (world.township_approver, world.village_head, world.cashier, world.sysadmin):
        assert page(person).status_code == 403
    assert login(Client(), world.auditor).post("/retention/propose/", {"household": expired.pk}).status_code == 403


def test_the_list_takes_as_many_queries_for_many_as_for_one(expired: Household, world: World) -> None:
    client = login(Client(), world.county_reviewer)
    client.get("/retention/")
    with CaptureQueriesContext(
        connection,
    ) as one:
        client.get("/retention/")
    with clock.frozen_at(START):
        for _n in range(4):
            gone(world)
    with CaptureQueriesContext(connection) as five:
        client.get("/retention/")
    assert len(five) <= len(one) + 1
