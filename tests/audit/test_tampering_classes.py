"""Each of the twenty-four ways of tampering is found, and where a row can be named, it is; nothing is found where nothing was
done. A few targets each on a push, always the same; fifty random ones each with -m torture. TAMPERING_SEED plays a run again.
"""

import os
import time
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from django.db import transaction

from audit import clock, leaves
from audit.context import Acting, request_of
from audit.services import record_access
from audit.verify import Problem, verify
from tests.audit.attack import settle
from tests.audit.tampering import TAMPERINGS, Stage, Tampering, _sealed
from tests.world import START, World, load_world

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("as_the_owner"), pytest.mark.xdist_group("tampering")]
PUSH, NEW = os.environ.get("TAMPERING_SEED") or "push", str(time.time())
EACH_PUSH, ON_DEMAND = 2, 50
CLEAN_EACH_PUSH, CLEAN_ON_DEMAND = 5, 200
ids = {"ids": lambda one: one.what.replace(" ", "_")}


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: Any, files_go_to_a_scratch_folder: None) -> Iterator[Stage]:
    """Cases on their way in a trail sealed step by step, and links that no seal covers yet; never committed."""
    patch = pytest.MonkeyPatch()
    patch.setattr(leaves, "_own_transaction", lambda: 0)
    with django_db_blocker.unblock(), transaction.atomic(), clock.frozen_at(START):
        world = load_world()
        for state in ("fund_reserved", "village_notice", "draft"):
            world.brought_to(state)
            _read(world)
            _sealed()
        world.brought_to("village_review")
        settle()
        yield Stage(lambda: _work(world))
        transaction.set_rollback(True)
    patch.undo()


def _read(world: World) -> None:
    with request_of(lambda: Acting(by_id=world.auditor.pk, by_name="auditor", address="192.0.2.1")):
        record_access(kind="unmask", subject="person:1", fields="id_number", reason="核对")


def _work(world: World) -> None:
    """What an honest person does meanwhile."""
    world.do(world.open(), "triage", "village_clerk")
    _read(world)
    settle()


def tried(stage: Stage, tampering: Tampering, dice: Random) -> tuple[list[Problem], bool]:
    """(what is found, whether a place of it is named). Afterwards all is as it was."""
    point = transaction.savepoint()
    stage.put_back = lambda: None
    try:
        trace = tampering.do(dice, stage)
        settle()
        problems = verify(anchors=trace.anchors).problems
    finally:
        stage.put_back()
        transaction.savepoint_rollback(point)
    return problems, any((problem.table, problem.row) in trace.places for problem in problems)


def hold(stage: Stage, tampering: Tampering, times: int, start: str = PUSH) -> None:
    for n in range(times):
        seed = f"{start}:{tampering.what}:{n}"
        problems, is_located = tried(stage, tampering, Random(seed))
        assert problems, f"nothing was found: TAMPERING_SEED={seed}"
        assert is_located or tampering.nowhere, f"not located: {problems[:5]}, {seed}"


def test_there_are_twenty_four() -> None:
    assert len({tampering.what for tampering in TAMPERINGS}) == 24
    named = [tampering for tampering in TAMPERINGS if not tampering.nowhere]
    assert len(named) == 21, "three cannot be located to a row, for the reasons that stand beside them"


@pytest.mark.parametrize("tampering", TAMPERINGS, **ids)
def test_it_is_found_and_located(stage: Stage, tampering: Tampering) -> None:
    hold(stage, tampering, EACH_PUSH)


@pytest.mark.torture
@pytest.mark.parametrize("tampering", TAMPERINGS, **ids)
def test_it_is_found_and_located_fifty_times(stage: Stage, tampering: Tampering) -> None:
    hold(stage, tampering, ON_DEMAND, NEW)


def no_false_alarm(stage: Stage, times: int) -> None:
    point = transaction.savepoint()
    for n in range(times):
        stage.work()
        anchors = [_sealed()] if n % 3 == 0 else []
        assert verify(anchors=anchors).problems == []
    transaction.savepoint_rollback(point)


def test_honest_work_gives_no_alarm(stage: Stage) -> None:
    no_false_alarm(stage, CLEAN_EACH_PUSH)


@pytest.mark.torture
def test_two_hundred_times_honest_work_gives_no_alarm(stage: Stage) -> None:
    no_false_alarm(stage, CLEAN_ON_DEMAND)


def test_the_test_itself_sees_what_is_not_found(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verifier that looks at no rows misses an edited one, and this test does not."""
    monkeypatch.setattr("audit.proofs.rows", lambda table: [])

    with pytest.raises(AssertionError, match="nothing was found"):
        hold(stage, next(one for one in TAMPERINGS if one.what == "edit an address"), 1)
