"""Questions of auditors and samples that anybody can draw again."""

import datetime
import hashlib
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from access.models import Staff
from audit import clock
from casework.auditing import questions, sampling
from casework.auditing.models import Question, QuestionEntry, Sample
from casework.errors import BadCaseData, NotYourTurn, WrongState
from tests.world import START, World

SOON = START + datetime.timedelta(days=10)


def asked(world: World, **more: Any) -> Question:
    given = {"due_on": SOON, "by": world.auditor, "key": "q:1", "subjects": ["case:1"]} | more
    return questions.ask(world.township, "township_approver", "为什么付了两次", "请说明", **given)


def kinds(question: Question) -> list[str]:
    return list(question.entries.values_list("kind", flat=True))


def test_a_question_is_answered_asked_again_and_closed(world: World) -> None:
    question = asked(world)
    questions.reply(question, "第一次退回了", by=world.township_approver)
    questions.ask_again(question, "退回的单子呢", due_on=SOON, by=world.auditor)
    questions.reply(question, "附在档案里", by=world.township_approver_2)
    questions.close(question, "属实，没有问题", upheld=False, by=world.auditor)

    assert kinds(question) == ["ask", "answer", "ask", "answer", "close"]
    assert question.number == "S2026-00001"


def test_the_same_button_twice_asks_once(world: World) -> None:
    assert asked(world).pk == asked(world).pk and Question.objects.count() == 1


@pytest.mark.parametrize("who", ["township_clerk", "county_approver", "cashier"])
def test_only_the_post_that_was_asked_answers(world: World, who: str) -> None:
    question = asked(world)
    with pytest.raises(NotYourTurn, match="青禾乡的乡镇审批"):
        questions.reply(question, "我来答", by=world.staff[who])
    assert kinds(question) == ["ask"]


def test_nobody_but_an_auditor_of_the_place_asks_and_closes(world: World) -> None:
    with pytest.raises(NotYourTurn):
        asked(world, by=world.township_approver)
    question = asked(world)
    with pytest.raises(NotYourTurn):
        questions.close(question, "没事", upheld=False, by=world.township_approver)
    assert kinds(question) == ["ask"]


def test_what_is_closed_stays_closed(world: World) -> None:
    question = asked(world)
    questions.close(question, "问错了", upheld=False, by=world.auditor)
    for step in (
        lambda: questions.reply(question, "晚了", by=world.township_approver),
        lambda: questions.ask_again(question, "再问", due_on=SOON, by=world.auditor),
        lambda: questions.close(question, "再了结", upheld=True, by=world.auditor),
    ):
        with pytest.raises(WrongState):
            step()
    assert kinds(question) == ["ask", "close"]


def test_an_answer_that_nobody_waits_for_is_refused(world: World) -> None:
    question = asked(world)
    questions.reply(question, "答了", by=world.township_approver)
    with pytest.raises(WrongState, match="等审计看"):
        questions.reply(question, "又答", by=world.township_approver)


@pytest.mark.parametrize(
    "more",
    [{"due_on": START - datetime.timedelta(days=1)}, {"key": "q:2", "due_on": START - datetime.timedelta(days=9)}],
)
def test_no_answer_is_wanted_for_yesterday(world: World, more: dict[str, Any]) -> None:
    with pytest.raises(BadCaseData), transaction.atomic():
        asked(world, **more)
    assert not Question.objects.exists()


def waiting(staff: Any) -> int:
    """As the next request counts it."""
    return questions.waiting_for(Staff.objects.get(pk=staff.pk))


def test_each_side_sees_what_waits_for_it(world: World) -> None:
    question = asked(world)
    assert waiting(world.township_approver) == 1
    assert waiting(world.auditor) == waiting(world.village_clerk) == 0
    questions.reply(question, "答了", by=world.township_approver)

    assert waiting(world.township_approver) == 0 and waiting(world.auditor) == 1


def entry(question: Question, n: int, kind: str, by: Any, **more: Any) -> QuestionEntry:
    given = {"by_person_key": by.person_key, "words": "x", "entered_on": clock.today()} | more
    return QuestionEntry.objects.create(question=question, n=n, kind=kind, by=by, **given)


def test_the_database_lets_no_question_go_astray(world: World) -> None:
    question = asked(world)
    approver, auditor = world.township_approver, world.auditor
    wrong = (
        ("question_goes_its_way", 3, "answer", approver, {}),
        ("asker_does_not_answer", 2, "answer", auditor, {}),
        ("entry_names_its_person", 2, "answer", approver, {"by_person_key": auditor.person_key}),
        ("the_end_says_what_was_found", 2, "close", auditor, {}),
        ("an_entry_says_something", 2, "answer", approver, {"words": ""}),
    )
    for law, n, kind, by, more in wrong:
        with pytest.raises(IntegrityError) as refusal, transaction.atomic():
            entry(question, n, kind, by, **more)
        assert refusal.value.__cause__.diag.constraint_name == law
    assert kinds(question) == ["ask"]


# --- samples


def frame(world: World, of: str = "cases", **more: Any) -> sampling.Frame:
    return sampling.Frame(world.county, of, START - datetime.timedelta(days=30), START, **more)


def drawn(world: World, *, size: int = 3, **more: Any) -> Sample:
    given = {"seed": "2026048", "seed_source": "双色球第 2026048 期，4 月 14 日", "by": world.auditor} | more
    return sampling.draw(frame(world), size=size, **given)


def test_anybody_can_draw_a_sample_again_by_its_description(world: World) -> None:
    ids = sorted(world.open().pk for _n in range(8))
    sample = drawn(world)

    by_hand = sorted(ids, key=lambda n: hashlib.sha256(f"2026048:{n}".encode()).digest())[:3]
    assert sample.drawn == by_hand and sample.population == 8
    assert sample.population_sha256 == hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()
    assert sampling.draws_again(sample)


def test_a_sample_does_not_draw_again_when_a_record_was_slipped_in(world: World) -> None:
    for _n in range(4):
        world.open()
    sample = drawn(world)
    world.open()

    assert not sampling.draws_again(sample)


@pytest.mark.parametrize("more", [{"seed": " "}, {"seed_source": ""}, {"size": 0}, {"size": 501}])
def test_a_sample_without_a_published_seed_or_of_an_odd_size_is_refused(world: World, more: dict[str, Any]) -> None:
    world.open()
    with pytest.raises(BadCaseData):
        drawn(world, **more)
    assert not Sample.objects.exists()


def test_nothing_is_drawn_of_nothing(world: World) -> None:
    with pytest.raises(BadCaseData, match="一个也没有"):
        drawn(world)


def test_only_auditors_draw(world: World) -> None:
    world.open()
    with pytest.raises(NotYourTurn):
        drawn(world, by=world.county_approver)
