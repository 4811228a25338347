"""What the county's money is held to on each push. `make torture` does the same for hours; README.md says what each part does.

Every run is a new one: its seed stands in the message of a failure, and TORTURE_SEED plays it again.
"""

import os
import time
from pathlib import Path

import pytest
from django.conf import settings

from audit import clock
from tests.torture import broker, cable, crashes, drill, kills, last_yuan, machine
from tests.torture.tampering import MET, TAMPERINGS
from tests.world import START

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("torture")]
SEED = int(os.environ.get("TORTURE_SEED") or time.time())


@pytest.mark.parametrize("path", machine.kept(), ids=lambda path: path.stem)
def test_a_game_that_was_lost_once_is_won_now(path: Path, town: None) -> None:
    machine.replay(path)


def test_twenty_thousand_moves_end_as_the_model_says(town: None) -> None:
    counts = machine.play(seed=SEED, moves=20_000)

    assert counts.all >= 20_000
    assert set(counts.by_move) == set(machine.MOVES), "a kind of move was never made"
    assert [t.law for t in TAMPERINGS if t.statement not in MET] == [], "there was never a row to try it with"


def test_the_last_yuan_of_a_fund_is_spent_once(town: None) -> None:
    outcome = last_yuan.spend(attempts=2_000, seed=SEED)

    assert outcome.wrong() == [], SEED
    assert outcome.attempts >= 2_000 and outcome.refused


def test_two_ways_between_the_same_accounts_do_not_block_each_other(town: None) -> None:
    assert last_yuan.cross(attempts=320, seed=SEED).wrong() == [], SEED


def test_one_approver_in_twelve_windows_meets_no_error_page(town: None) -> None:
    outcome = last_yuan.approve(cases=12, seed=SEED)

    assert outcome.wrong() == [], SEED
    assert outcome.refused == 12 - outcome.cap


def test_killed_workers_lose_and_double_nothing(town: None) -> None:
    fallen = kills.kill_workers(kills=260, seed=SEED)

    assert fallen.wrong == [], SEED
    assert fallen.in_hand > 130, "most of them died over nothing"


@pytest.mark.services
def test_killed_relays_lose_and_double_nothing(town: None) -> None:
    fallen = broker.kill(url=settings.CELERY_BROKER_URL, kills=12, seed=SEED)

    assert fallen.wrong == [], SEED
    assert fallen.in_hand, "all of them died over nothing"


def test_a_killed_web_server_loses_and_doubles_nothing(town: None) -> None:
    fallen = kills.kill_web(kills=40, seed=SEED)

    assert fallen.wrong == [], SEED
    assert fallen.acknowledged


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_was_committed_and_not_answered_is_found_again_by_its_key(moment: str, town: None) -> None:
    run = crashes.Run(crashes.Crashed())
    with clock.frozen_at(START):
        (case,) = crashes.prepare(run.world, cases=1)
        with cable.laid() as line:
            line.cut(moment)
            crashes.Client(1, run).insist("crash:cut", run.pay)
            line.cut(moment)
            approver = crashes.Approver([case], run)
            approver.insist(f"approve:{case}", lambda key: approver.approve(case, key))

    assert line.cuts == run.crashed.unknown == 2, "both were asked twice"
    assert run.crashed.found == (2 if moment == "after" else 0)
    assert crashes.wrong(run.done) == []


def test_a_killed_postgresql_keeps_what_it_acknowledged(town: None) -> None:
    crashed = crashes.crash(crashes=5, seed=SEED)

    assert crashed.wrong == [], SEED
    assert crashed.acknowledged > 50 and crashed.unknown


@pytest.mark.torture
def test_the_archive_alone_brings_back_what_was_acknowledged(town: None) -> None:
    drilled = drill.drill(seconds=6.0, seed=SEED)

    assert drilled.wrong == [], SEED
    assert drilled.acknowledged > 20 and drilled.restored > 10
    print(
        f"lost {drilled.lost_seconds:.1f} s of work with the disk, restored within {drilled.seconds_to_restore:.1f} s"
    )
