"""What is kept of a family, and what is read of it: by two people, with consent, with a reason."""

import dataclasses
import datetime

import pytest

from audit.models import AccessLog
from casework.steps.file import public_facts
from families import services as families
from families.errors import BadSurvey, ReasonNeeded
from families.models import Survey
from tests.world import START, World

FINDINGS = families.Findings(
    surveyed_on=START,
    facts={"household_size": 2, "income_fen_yearly": 1_200_000, "causes": ["illness"]},
    needs_words="屋顶漏雨，想修一修",
    consent_given=True,
    consent_how="signature",
)


def test_a_survey_takes_two_people_and_two_accounts_of_one_are_one(world: World) -> None:
    household = world.household()
    clerk = world.village_clerk
    twin = type(clerk)(pk=clerk.pk + 1_000_000, username="another", person_key=clerk.person_key)

    for second in (clerk, twin):
        with pytest.raises(BadSurvey, match="两个人"):
            families.record_survey(household, FINDINGS, by=clerk, second=second)

    assert not Survey.objects.filter(household=household).exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"consent_given": False}, "没有同意"),
        ({"needs_words": "  "}, "自己的话"),
        ({"surveyed_on": START + datetime.timedelta(days=1)}, "不能晚于今天"),
    ],
)
def test_a_survey_without_what_it_needs_is_not_kept(world: World, change: dict, words: str) -> None:
    household = world.household()

    with pytest.raises(BadSurvey, match=words):
        families.record_survey(
            household, dataclasses.replace(FINDINGS, **change), by=world.village_clerk, second=world.resident_cadre
        )

    assert not Survey.history.filter(household_id=household.pk).exists()


def test_three_characters_are_no_reason_and_nothing_is_logged_or_shown(world: World) -> None:
    account = world.brought_to("registered").payee_account
    before = AccessLog.objects.count()

    with pytest.raises(ReasonNeeded):
        families.reveal_account(account, by=world.fund_manager, reason=" 看一下 ")
    assert AccessLog.objects.count() == before

    assert families.reveal_account(account, by=world.fund_manager, reason="核对账户").endswith(account.number_last4)
    assert AccessLog.objects.count() == before + 1


@pytest.mark.parametrize(("age", "shown"), [(17, "{0}**"), (18, "{0}*{2}")])
def test_a_child_is_published_by_its_family_name_alone(world: World, age: int, shown: str) -> None:
    case = world.open("disaster_relief")
    person = case.beneficiary
    person.name = "曾红明"
    person.birth_date = case.opened_on.replace(year=case.opened_on.year - age)

    assert public_facts(case)["name"] == shown.format(*person.name)
