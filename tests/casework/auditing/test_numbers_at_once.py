"""Auditors who ask or draw at the same moment, in real transactions: each gets a number of her own."""

import datetime
import threading
from typing import Any

import pytest
from django.db import transaction

from access import services as access
from access.models import OrgUnit
from casework.auditing import questions, sampling
from casework.auditing.models import Question, Sample
from casework.errors import KeyReused
from tests.casework.test_core_at_once import all_at_once
from tests.world import START, World, build_world, load_world, make_staff

pytestmark = pytest.mark.django_db(transaction=True)
SOON = START + datetime.timedelta(days=10)


@pytest.fixture
def town(transactional_db: None) -> World:
    if OrgUnit.objects.exists():
        return load_world()
    with transaction.atomic():
        return build_world()


def ask(town: World, key: str, by: Any = None) -> Question:
    return questions.ask(
        town.township, "township_approver", "为什么", "请说明", due_on=SOON, by=by or town.auditor, key=key
    )


def draw(town: World, seed: str) -> Sample:
    frame = sampling.Frame(town.county, Sample.Of.CASES, START, START)
    return sampling.draw(frame, size=1, seed=seed, seed_source="福彩 4 月 14 日", by=town.auditor)


def test_six_questions_at_once_are_the_first_six_of_the_year(town: World) -> None:
    made = all_at_once(*(lambda n=n: ask(town, f"q:{n}") for n in range(6)))

    assert sorted(one.number for one in made) == [f"S2026-{n:05d}" for n in range(1, 7)]


def test_six_samples_at_once_follow_the_last_one(town: World) -> None:
    town.open()
    draw(town, "7")

    made = all_at_once(*(lambda n=n: draw(town, str(n)) for n in range(6)))

    assert sorted(one.number for one in made) == [f"C2026-{n:05d}" for n in range(2, 8)]


def test_one_button_pressed_six_times_at_once_asks_once(town: World) -> None:
    made = all_at_once(*[lambda: ask(town, "the same")] * 6)

    assert {one.pk for one in made} == {Question.objects.get().pk}


def test_a_second_question_waits_until_it_is_known_whether_the_first_one_stands(town: World) -> None:
    """It has waited for one that was given up; it gets that one's number, and no error."""
    result: list[Any] = []

    def second() -> None:
        result.extend(all_at_once(lambda: ask(town, "second")))

    with transaction.atomic():
        ask(town, "first")
        waiter = threading.Thread(target=second)
        waiter.start()
        waiter.join(0.3)
        assert waiter.is_alive()
        transaction.set_rollback(True)
    waiter.join(20)

    assert [one.number for one in result] == ["S2026-00001"] and Question.objects.count() == 1


def test_the_key_of_somebody_elses_question_is_refused(town: World) -> None:
    ask(town, "the same")
    other = make_staff("auditor2", "另一位审计")
    access.appoint(other, "auditor", town.county, by=None)

    with pytest.raises(KeyReused):
        ask(town, "the same", by=other)
