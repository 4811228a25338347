"""Taking in a household register: file, checks, sealing, search keys, history and chain, against COPY of the same rows.

Ours runs in a process of its own, so that its peak memory is its own.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction
from simple_history.utils import bulk_create_with_history

from access.models import OrgUnit
from audit import clock
from audit.history import HISTORY_COLUMNS
from benchmarks import register_file
from benchmarks.scratch import PREFIX, must_be_scratch
from benchmarks.timing import Times, result
from casework.demo import township
from families.importing.register_import import import_register
from families.models import Household, HouseholdMember, Person

HOUSEHOLDS = 100_000
SAMPLE = 2_000  # households for the plain stack, whose time is then scaled up
ROUNDS = 3
TABLES: tuple[type[models.Model], ...] = (Person, Household, HouseholdMember)


def measure(scale: int = HOUSEHOLDS, *, rounds: int = ROUNDS) -> dict[str, Any]:
    """`scale` invented households: import_register, the floor, the plain stack; medians of `rounds`, turn by turn."""

    must_be_scratch()
    groups = (
        OrgUnit.objects.filter(level="group", valid_to__isnull=True).order_by("code").values_list("code", flat=True)
    )
    taken: dict[str, list[float]] = {"ours": [], "floor": [], "plain": []}
    runs = []
    with TemporaryDirectory() as folder:
        register = Path(folder) / "register.csv"
        persons = register_file.write(register, list(groups), scale)
        for _ in range(rounds):
            _empty()
            runs.append(_import_in_a_process(register))
            taken["ours"].append(runs[-1]["seconds"] * 1000)
            prepared = _dump(Path(folder))
            taken["floor"].append(_floor(prepared) * 1000)
            taken["plain"].append(_plain(min(SAMPLE, scale)) * 1000 * scale / min(SAMPLE, scale))
    rows = runs[0]["rows"]
    times = {name: Times(tuple(sorted(samples))) for name, samples in taken.items()}
    return result(
        "import",
        scale,
        times,
        queries=runs[0]["queries"],
        persons=persons,
        rows=rows,
        rows_per_second=round(rows / times["ours"].median * 1000),
        memory_mb=max(run["memory_mb"] for run in runs),
        plain_is_scaled_from=min(SAMPLE, scale),
    )


def _import_in_a_process(register: Path) -> dict[str, Any]:
    program = "import django; django.setup(); from benchmarks import importing; importing.import_once()"
    done = subprocess.run(
        [sys.executable, "-c", program, str(register), str(connection.settings_dict["NAME"])],
        cwd=settings.BASE_DIR,
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(done.stdout)


def import_once() -> None:
    """The import alone, in a process of its own: arguments are the file and the scratch database; prints figures."""
    register, database = Path(sys.argv[1]), sys.argv[2]
    if not database.startswith(PREFIX):
        raise RuntimeError(f"{database} is no scratch database")
    connection.settings_dict["NAME"] = database
    statements = 0

    def count(execute: Any, *args: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*args)

    with clock.frozen_at(township.FIRST_DAY), connection.execute_wrapper(count):
        began = time.perf_counter()
        report = import_register(register, by=None)
        seconds = time.perf_counter() - began
    if report.errors:
        raise RuntimeError(f"the register was refused: {report.errors}")
    figures = {"seconds": seconds, "queries": statements, "rows": report.created, "memory_mb": _peak_memory_mb()}
    print(json.dumps(figures))


def _peak_memory_mb() -> int:
    try:
        with open("/proc/self/status") as status:  # of this program alone; maxrss begins with its parent's
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024
    except FileNotFoundError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak // (1024 * 1024 if sys.platform == "darwin" else 1024)


def _empty() -> None:
    """No households, persons, history or chain; the triggers that forbid it are off meanwhile. Scratch databases only."""
    names = [table for model in TABLES for table in _live_and_past(model)]
    with transaction.atomic():
        tracked = _tracked()
        _triggers("DISABLE", tracked)
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join([*names, 'families_importbatch', 'audit_entry'])} CASCADE")
        _triggers("ENABLE", tracked)


def _live_and_past(model: type[models.Model]) -> list[str]:
    return [model._meta.db_table, model.history.model._meta.db_table]


def _tracked() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT live FROM audit_tracked UNION SELECT past FROM audit_tracked")
        return [*(row[0] for row in cursor.fetchall()), "audit_entry"]


def _triggers(verb: str, tables: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} {verb} TRIGGER USER")


def _dump(folder: Path) -> list[tuple[type[models.Model], Path]]:
    """What the import has stored, ready for COPY."""
    files = []
    for model in TABLES:
        path = folder / f"{model._meta.db_table}.copy"
        with open(path, "wb") as file, connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {model._meta.db_table} TO STDOUT", file)
        files.append((model, path))
    return files


def _floor(prepared: Sequence[tuple[type[models.Model], Path]]) -> float:
    """Seconds for COPY of the prepared rows and INSERT … SELECT of their history.

    The tables are equal, with the same indexes, checks and foreign keys; they have no triggers.
    """
    tables = [table for model, _path in prepared for table in _live_and_past(model)]
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {', '.join(f'floor_{table}' for table in tables)}")
        for table in tables:
            cursor.execute(f"CREATE TABLE floor_{table} (LIKE {table} INCLUDING ALL)")
        cursor.execute(
            "SELECT conrelid::regclass::text, replace(pg_get_constraintdef(oid), 'REFERENCES families_', 'REFERENCES floor_families_')"
            " FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY (%s::regclass[]) ORDER BY oid",
            [tables],
        )
        for table, constraint in cursor.fetchall():
            cursor.execute(f"ALTER TABLE floor_{table} ADD {constraint}")
    began = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        for model, path in prepared:
            live, past = model._meta.db_table, model.history.model._meta
            kept = ", ".join(f.column for f in past.concrete_fields if f.column not in HISTORY_COLUMNS)
            with open(path, "rb") as file:
                cursor.copy_expert(f"COPY floor_{live} FROM STDIN", file)
            cursor.execute(
                f"INSERT INTO floor_{past.db_table} ({kept}, history_date, history_type, history_change_reason)"
                f" SELECT {kept}, now(), '+', 'register import' FROM floor_{live} ORDER BY id"
            )
    return time.perf_counter() - began


def _plain(households: int) -> float:
    """Seconds for simple-history's bulk_create_with_history of a part of the rows, without this product's triggers."""
    sample = _sample(households)
    _empty()
    names = [table for model in TABLES for table in _live_and_past(model)]
    _triggers("DISABLE", names)
    began = time.perf_counter()
    with transaction.atomic():
        for model, rows in sample:
            bulk_create_with_history(rows, model, batch_size=2_000)
    seconds = time.perf_counter() - began
    _triggers("ENABLE", names)
    return seconds


def _sample(households: int) -> list[tuple[type[models.Model], list[models.Model]]]:
    homes = list(Household.objects.order_by("pk")[:households])
    members = list(HouseholdMember.objects.filter(household__in=homes))
    people = list(Person.objects.filter(pk__in=[row.person_id for row in members]))
    return [(Person, people), (Household, homes), (HouseholdMember, members)]
