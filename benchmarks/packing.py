"""An inspection pack of many cases: read, set, written down and proved, against setting and writing the same alone.

Ours runs in a process of its own, so that its peak memory is its own. Each case is a copy of one that was taken to the
township with its papers, acts and money. The floor is what the typesetter itself took for these pages, and hashing what
came out and putting it into a ZIP file once more.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.db import connection, transaction

from access.models import Staff
from audit import checkpoints, clock
from audit.context import acting
from benchmarks import act
from benchmarks.cloning import clone, element
from benchmarks.importing import _peak_memory_mb
from benchmarks.scratch import PREFIX, must_be_scratch
from casework.demo import township
from casework.inspection.choosing import PLACE, Chosen
from casework.inspection.making import _Making
from casework.models import Case, CaseDocument
from casework.typeset import Document, Made, Typesetter

CASES = 500


def measure(scale: int = CASES) -> dict[str, Any]:
    """A pack of `scale` cases of the township, made for the county."""
    must_be_scratch()
    _prepare(scale)
    ours = _in_a_process()
    volumes = [Path(settings.MEDIA_ROOT) / name for name in ours["volumes"]]
    floor = ours["setting"] + _floor(volumes)
    return {
        "name": "pack",
        "scale": scale,
        "ours_ms": round(ours["seconds"] * 1000, 1),
        "floor_ms": round(floor * 1000, 1),
        "ratio_to_floor": round(ours["seconds"] / floor, 2),
        "plain_ms": None,
        "queries": ours["queries"],
        "samples": 1,
        "cases": ours["cases"],
        "pages": ours["pages"],
        "files": ours["files"],
        "size_mb": round(sum(volume.stat().st_size for volume in volumes) / 2**20, 1),
        "ms_a_case": round(ours["seconds"] / ours["cases"] * 1000, 1),
        "memory_mb": ours["memory_mb"],
    }


def _prepare(count: int) -> None:
    desk = act.prepare(max(count - 1, 1))  # beside the one that is copied
    source = Case.objects.order_by("pk").first()
    with transaction.atomic(), acting(reason="copied"):
        for paper in source.papers.order_by("pk"):
            clone(CaseDocument, paper.pk, len(desk.cases), case_id=element(desk.cases))
    checkpoints.seal_all(everything=True)


def _in_a_process() -> dict[str, Any]:
    program = "import django; django.setup(); from benchmarks import packing; packing.run_once()"
    done = subprocess.run(
        [sys.executable, "-c", program, str(connection.settings_dict["NAME"]), str(settings.MEDIA_ROOT)],
        cwd=settings.BASE_DIR,
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(done.stdout)


def run_once() -> None:
    """The pack in a process of its own; prints figures."""
    database, settings.MEDIA_ROOT = sys.argv[1:3]
    if not database.startswith(PREFIX):
        raise RuntimeError(f"{database} is no scratch database")
    connection.settings_dict["NAME"] = database
    statements, setting, usual = 0, 0.0, Typesetter.set

    def count(execute: Any, *args: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*args)

    def timed(self: Typesetter, document: Document) -> Made:
        nonlocal setting
        began = time.perf_counter()
        made = usual(self, document)
        setting += time.perf_counter() - began
        return made

    with (
        clock.frozen_at(township.FIRST_DAY),
        connection.execute_wrapper(count),
        patch.object(Typesetter, "set", timed),
    ):
        by = Staff.objects.filter(appointments__role="county_approver").order_by("pk").first()
        chosen = Chosen(by=PLACE, unit=by.appointments.get(role="county_approver").unit)
        began = time.perf_counter()
        with transaction.atomic(), acting(by):
            pack = _Making(chosen, "benchmark", by, "benchmark").make(lambda *args, **more: None)
        seconds = time.perf_counter() - began
    figures = {
        "seconds": seconds,
        "setting": setting,
        "queries": statements,
        "memory_mb": _peak_memory_mb(),
        "cases": pack.case_count,
        "pages": pack.page_count,
        "files": pack.file_count,
        "volumes": [volume.file.name for volume in pack.volumes.order_by("n")],
    }
    print(json.dumps(figures))


def _floor(volumes: list[Path]) -> float:
    """Seconds for hashing every member and writing it into another ZIP file."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as made, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for n, volume in enumerate(volumes):
            with zipfile.ZipFile(volume) as source:
                for name in source.namelist():
                    content = source.read(name)
                    hashlib.sha256(content)
                    target.writestr(f"{n}/{name}", content, source.getinfo(name).compress_type)
    return time.perf_counter() - began
