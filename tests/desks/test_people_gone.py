"""The pages on which a death or a move away is written down and taken back."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.casework.test_damaged_photos import photo
from tests.casework.test_help_in_parts import monthly
from tests.desks.test_township import login
from tests.world import START, World


def at_desk(staff: Any) -> Client:
    return login(Client(), staff)


def day(name: str) -> dict[str, int]:
    return {f"{name}_year": START.year, f"{name}_month": START.month, f"{name}_day": START.day}


def test_the_village_writes_down_a_death_after_reading_what_stops(world: World) -> None:
    case = monthly(world)
    family = reverse("cases:family", args=[case.household_id])
    page = reverse("cases:death", args=[case.household_id, case.beneficiary_id])
    clerk, township = at_desk(world.village_clerk), at_desk(world.township_clerk)
    assert page in clerk.get(family).text and "系统自己停" in clerk.get(page).text

    empty = clerk.post(page, {"known_by": "paper"})
    assert empty.status_code == 422 and case.beneficiary.died_on is None
    given = day("died_on") | {"known_by": "paper", "paper": SimpleUploadedFile("paper.jpg", photo())}
    assert clerk.post(page, given).status_code == 302

    told = clerk.get(family).text
    correct = reverse("cases:correct_death", args=[case.household_id, case.beneficiary_id])
    assert "4月15日 去世，看过死亡证明" in told and page not in told and correct not in told
    assert correct in township.get(family).text


def test_the_township_takes_a_mistaken_death_and_a_mistaken_move_back(world: World) -> None:
    household = world.household()
    spouse = household.members.get(relation="配偶").person
    township = at_desk(world.township_clerk)
    for write, correct, given in (
        ("death", "correct_death", day("died_on") | {"known_by": "village"}),
        ("departure", "correct_departure", day("left_on") | {"reason": "全家迁到外县"}),
    ):
        assert township.post(reverse(f"cases:{write}", args=[household.pk, spouse.pk]), given).status_code == 302
        url = reverse(f"cases:{correct}", args=[household.pk, spouse.pk])
        assert url in township.get(reverse("cases:family", args=[household.pk])).text
        barred = at_desk(world.village_clerk).post(url, {"reason": "同名的人弄错了"})
        assert barred.status_code == 422 and "这一步由乡镇经办办" in barred.text

        assert township.post(url, {"reason": "同名的人弄错了"}).status_code == 302
        assert url not in township.get(reverse("cases:family", args=[household.pk])).text

    spouse.refresh_from_db()
    assert spouse.died_on is None and household.members.filter(valid_to__isnull=True).count() == 2


@pytest.mark.parametrize("name", ["death", "departure", "correct_death", "correct_departure"])
def test_out_of_reach_is_absent(world: World, name: str) -> None:
    household, elsewhere = world.household(), world.household(world.other_village)
    clerk = at_desk(world.village_clerk)

    assert clerk.get(reverse(f"cases:{name}", args=[elsewhere.pk, elsewhere.head_id])).status_code == 404
    assert clerk.get(reverse(f"cases:{name}", args=[household.pk, elsewhere.head_id])).status_code == 404
    assert clerk.get(reverse(f"cases:{name}", args=[household.pk, 10**12])).status_code == 404


def test_who_only_reads_is_told_who_writes(world: World) -> None:
    household = world.household()
    page = at_desk(world.village_head).get(reverse("cases:death", args=[household.pk, household.head_id])).text

    assert "你在这里只能看" in page and 'name="died_on_year"' not in page
