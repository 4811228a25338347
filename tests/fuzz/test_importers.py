"""Files that nobody should send, to everything that reads files: refused in words, nothing written, little memory.

On each push every reader reads every nasty file and a few spoilt ones; the large files and many more spoilt ones with
-m torture.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.db import connection

from tests.fuzz import importers, nasty
from tests.fuzz.memory import MOST_MB, forget_the_peak, peak_mb
from tests.fuzz.readers import UPLOADED, Reader
from tests.fuzz.spoiling import spoilt
from tests.fuzz.traces import Traces
from tests.jobs import processes
from tests.world import World

PUSH, NEW = "push", f"{time.time():.0f}"  # a push fails for what was pushed; the long run spoils in new ways
SPOILT, MANY, ROUNDS = 8, 200, 5


def test_every_file_is_refused_or_read_and_none_half_imported(world: World, record_property: Any) -> None:
    hold(PUSH, 1, SPOILT, record_property=record_property)


@pytest.mark.torture
def test_large_files_and_many_spoilt_ones(world: World, record_property: Any) -> None:
    hold(NEW, ROUNDS, MANY, "large", record_property=record_property)


def hold(seed: str, *how: Any, record_property: Any) -> None:
    """In a process of its own, on what is committed: the small world."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.fuzz.importers", seed, *map(str, how)],
        cwd=processes.ROOT, env=processes.environment(), capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-2_000:]
    said = json.loads(done.stdout.splitlines()[-1])
    for name in ("peak_mb", "seconds"):
        record_property(name, said[name])
    wanted = {name for names in UPLOADED.values() for name in names}
    assert {name for name in wanted if not any(one.startswith(name) for one in said["readers"])} == set()
    assert said["faults"] == [], said["seed"]
    assert said["peak_mb"] <= MOST_MB


def test_whatever_takes_files_has_its_reader() -> None:
    """That there is one of each name is seen where all of them read."""
    taking = {
        str(path.relative_to(processes.ROOT))
        for path in (processes.ROOT / "casework").rglob("*.py")
        if "request.FILES" in path.read_text(encoding="utf-8")
    }

    assert taking == set(UPLOADED)


def test_a_planted_crash_and_a_half_import_are_seen(world: World) -> None:
    from access.errors import BadOrgUnits
    from jobs.models import Job

    def half(path: Path, content: bytes) -> None:
        Job.objects.create(kind="x", title="x")
        raise BadOrgUnits("x")

    found = list(importers.faults("1", {"crash": Reader(lambda path, content: 1 / 0), "half": Reader(half)}, Traces()))

    assert any("crash, nul.csv: ZeroDivisionError" in fault for fault in found)
    assert any("half, nul.csv: was refused and has written into jobs_job" in fault for fault in found)
    assert len(found) == 2 * len(nasty.files())
    assert not connection.needs_rollback


def test_what_memory_was_taken_and_given_back_is_seen() -> None:
    before = forget_the_peak()

    eaten = bytearray(b"x") * (200 << 20)
    del eaten

    assert peak_mb() >= before + 150


def test_the_same_seed_spoils_alike() -> None:
    for real in (b"a,b\n1,2\n" * 50, b'{"a": [1, 2]}', nasty.files()["real.xlsx"], nasty.files()["real.jpg"]):
        assert [spoilt(real, Random(n)) for n in range(20)] == [spoilt(real, Random(n)) for n in range(20)]
