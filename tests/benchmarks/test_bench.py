"""The benchmarks run, and the numbers of queries that were promised hold. Times depend on the machine and are not tested."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from benchmarks import act, importing, packing, payments, queue, register_file, scratch, verifying
from casework.typeset import has_chinese_font
from tests.owner import owning_everything

pytestmark = pytest.mark.slow
PROMISED = {"name", "scale", "ours_ms", "floor_ms", "ratio_to_floor", "plain_ms", "queries", "samples"}


@pytest.fixture(scope="module")
def scratch_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    with django_db_blocker.unblock(), owning_everything(), scratch.database() as name:
        yield name


def test_no_measurement_touches_a_database_that_is_not_its_own() -> None:
    """Asked first, before the scratch database of the other tests is there."""
    assert not scratch.is_scratch()
    for benchmark in (act, importing, packing, payments, queue, verifying):
        with pytest.raises(RuntimeError, match="is no scratch database"):
            benchmark.measure(1)


def test_an_act_stays_within_its_queries(scratch_database: str) -> None:
    desk = act.prepare(1)

    assert act.count_queries(desk, desk.cases[0]) <= act.MOST_QUERIES


def test_an_act_is_measured_against_the_floor_that_leaves_the_same_rows(scratch_database: str) -> None:
    figures = act.measure(2)

    assert figures.keys() >= PROMISED
    assert figures["queries"] <= act.MOST_QUERIES
    assert min(figures["ours_ms"], figures["floor_ms"], figures["plain_ms"]) > 0


def test_verifying_is_measured_over_a_sound_trail(scratch_database: str) -> None:
    figures = verifying.measure(50, rounds=1)

    assert figures.keys() >= PROMISED | {"rows_per_second"}
    assert figures["rows"] >= 50


@pytest.mark.skipif(not has_chinese_font(), reason="no Chinese font here")
def test_a_pack_is_measured_with_its_memory(scratch_database: str) -> None:
    figures = packing.measure(3)

    assert figures.keys() >= PROMISED | {"memory_mb", "pages", "ms_a_case"}
    assert figures["cases"] >= 3 and 0 < figures["memory_mb"] <= 512


def test_a_list_of_payees_is_measured_with_its_memory(scratch_database: str) -> None:
    figures = payments.measure(130)

    assert figures.keys() >= PROMISED | {"memory_mb", "ratios", "ours_s", "floor_s"}
    assert figures["drift_fen"] == 0
    assert 0 < figures["memory_mb"] <= 400
    assert min(figures["ours_s"].values()) >= 0


# From here on the scratch database has lost its trail: an import is measured on empty tables, a queue on cases without history.


def test_an_import_is_measured_with_its_memory(scratch_database: str) -> None:
    figures = importing.measure(40, rounds=1)

    assert figures.keys() >= PROMISED | {"memory_mb", "rows_per_second", "persons", "rows"}
    assert figures["rows"] == figures["scale"] + 2 * figures["persons"]
    assert 0 < figures["memory_mb"] <= 300


def test_the_queue_shows_what_the_floor_shows_in_two_queries_at_every_size(scratch_database: str) -> None:
    figures = queue.measure(4_500, base=1_000, rounds=2)

    assert figures.keys() >= PROMISED | {"flatness", "base_ratio_to_floor"}
    assert figures["queries"] <= 2


def test_an_invented_register_is_accepted_whole(tmp_path: Any) -> None:
    path = tmp_path / "register.csv"

    persons = register_file.write(path, ["990101201201001"], 20)

    lines = path.read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == persons + 1
    assert len({line.split(",")[4] for line in lines}) == len(lines)


@pytest.mark.torture  # migrates a database the plain way: two minutes
def test_the_command_answers_in_one_line_of_json_and_leaves_no_database_behind() -> None:
    """In a process of its own, as an operator runs it."""
    done = subprocess.run(
        [sys.executable, "manage.py", "bench", "act", "--scale", "1", "--json"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=True,
    )

    figures = json.loads(done.stdout)
    assert figures.keys() >= PROMISED | {"conditions"}
    assert figures["scale"] == 1
