"""Administrators who press twice, or both at the same moment: one account, one post, and the other is told."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from access import services as access
from access.errors import AccessError
from access.models import Appointment, OrgUnit, Staff
from access.vault import person_key
from tests.casework.test_core_at_once import all_at_once
from tests.world import START, World, build_world, load_world, make_staff

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def town(transactional_db: None) -> World:
    if OrgUnit.objects.exists():
        return load_world()
    with transaction.atomic():
        return build_world()


def told(job: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        try:
            return job()
        except AccessError as refusal:
            return refusal

    return run


def test_a_post_given_four_times_at_once_is_one_post(town: World) -> None:
    newcomer = make_staff("newcomer", "新来的")

    given = all_at_once(*[told(lambda: access.appoint(newcomer, "village_clerk", town.village, by=town.sysadmin))] * 4)

    assert sorted(type(one).__name__ for one in given) == ["Appointment", *["BadAppointment"] * 3]
    assert Appointment.objects.filter(staff=newcomer).count() == Appointment.history.filter(staff=newcomer).count() == 1


def test_an_account_opened_four_times_at_once_is_one_account(town: World) -> None:
    key = person_key("newcomer")

    made = all_at_once(*[told(lambda: access.create_staff("newcomer", "新来的", key, by=town.sysadmin))] * 4)

    assert sorted(type(one).__name__ for one in made) == ["BadStaff", "BadStaff", "BadStaff", "NewStaff"]
    assert Staff.objects.filter(person_key=key).count() == 1


def test_a_second_account_of_a_person_opened_at_once_must_be_meant(town: World) -> None:
    key = person_key("newcomer")

    made = all_at_once(
        *(told(lambda n=n: access.create_staff(f"newcomer{n}", "新来的", key, by=town.sysadmin)) for n in range(3))
    )

    assert sorted(type(one).__name__ for one in made) == ["BadStaff", "BadStaff", "NewStaff"]


def test_two_who_stand_in_for_each_other_lose_their_posts_at_once(town: World) -> None:
    one, two = (
        access.appoint(make_staff(f"mutual{n}", "互相代班"), "village_clerk", town.village, by=None) for n in (1, 2)
    )
    for post, other in ((one, two.staff), (two, one.staff)):
        access.delegate(
            post, other, valid_from=START, valid_to=START, reason="休假", approved_by=town.township_approver
        )

    ended = all_at_once(
        *(
            told(lambda p=post: access.end_appointment(p, on=START, by=town.sysadmin, reason="换届") or "done")
            for post in (one, two)
        )
    )

    assert ended == ["done", "done"], "neither waits for the other for ever"
    assert not Appointment.objects.filter(pk__in=[one.pk, two.pk], valid_to__isnull=True).exists()
