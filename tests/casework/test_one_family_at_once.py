"""Two people who work on one family at the same moment both get done; neither waits for the other for ever."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from access.models import OrgUnit
from audit.verify import verify
from casework import papers
from casework.models import Case
from casework.opening import open_case
from families import services as families
from tests.casework.test_core_at_once import all_at_once
from tests.casework.test_damaged_photos import photo
from tests.world import World, build_world, load_world

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 5  # one in two of them ended in a deadlock while a family was locked against whatever refers to it


@pytest.fixture
def town(transactional_db: None) -> World:
    if OrgUnit.objects.exists():
        return load_world()
    with transaction.atomic():
        return build_world()


def opens(town: World, case: Case) -> Any:
    return open_case(case.household, "education_grant", by=town.village_clerk, key=f"open:{case.pk}", words="上学")


def writes_an_account_down(town: World, case: Case) -> Any:
    number = f"99999922{case.pk:011d}"
    return families.record_account(
        case.household, case.household.head, number, kind="card", bank="", by=town.township_clerk
    )


def surveys(town: World, case: Case) -> Any:
    return town.survey(case.household)


@pytest.mark.parametrize("other", [opens, writes_an_account_down, surveys])
def test_a_paper_and_something_else_of_the_family(town: World, other: Callable[[World, Case], Any]) -> None:
    for _round in range(ROUNDS):
        with transaction.atomic():
            case = town.brought_to("draft")

        picture = SimpleUploadedFile("a.jpg", photo(), "image/jpeg")
        done = all_at_once(
            lambda case=case, picture=picture: papers.add_paper(case.pk, picture, kind="other", by=town.village_clerk),
            lambda case=case: other(town, case),
        )

        assert all(hasattr(one, "pk") for one in done), done
    assert verify().problems == []
