"""Files that nobody should send, to everything that reads files: refused in words, nothing written, little memory."""

import json
import subprocess
import sys
import time
from random import Random
from typing import Any

import pytest
from django.db import connection

from tests.fuzz import importers
from tests.jobs import processes
from tests.world import World

PUSH, NEW = "push", f"{time.time():.0f}"  # a push fails for what was pushed; the long run spoils in new ways
MOST_MB = 512


@pytest.mark.torture  # minutes: every importer reads every file
def test_every_file_is_refused_or_read_and_none_half_imported(world: World) -> None:
    hold(PUSH, rounds=1)


@pytest.mark.torture
def test_two_hundred_rounds_of_spoilt_files(world: World) -> None:
    hold(NEW, rounds=200)


def hold(seed: str, *, rounds: int) -> None:
    """In a process of its own, on what is committed: the small world."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.importers", seed, str(rounds)],
        cwd=processes.ROOT, env=processes.environment(), capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-2_000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["faults"] == [], said["seed"]
    assert said["peak_mb"] <= MOST_MB


def test_a_planted_crash_and_a_half_import_are_seen(world: World) -> None:
    from access.errors import BadOrgUnits
    from jobs.models import Job

    def half(path: Any, content: bytes) -> None:
        Job.objects.create(kind="x", title="x")
        raise BadOrgUnits("x")

    found = importers.faults("1", {"crash": lambda path, content: 1 / 0, "half": half})

    assert any("crash, nul.csv: ZeroDivisionError" in fault for fault in found)
    assert any("half, nul.csv: was refused and has written" in fault for fault in found)
    assert not connection.needs_rollback


def test_the_same_seed_spoils_alike() -> None:
    assert importers.spoilt(b"a,b\n1,2\n" * 50, Random(7)) == importers.spoilt(b"a,b\n1,2\n" * 50, Random(7))
