"""Can it work, and is it being looked after?

`look()` asks everything; each answer has a code. What is BROKEN makes pages useless: a balancer takes such a machine out.
What is LATE harms nobody at once, and somebody has to see to it: a dead worker is no reason to close the pages.
"""

import shutil
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from casework.after_restore import is_marked
from casework.embedded_postgres import archiving
from casework.embedded_postgres.errors import EmbeddedPostgresError
from casework.embedded_postgres.place import place_of
from jobs.health import troubles

WORKER_SILENT = 180.0  # seconds; it runs a timer every minute
SEAL_OLD = 900.0  # it seals every five minutes
CLOCK_OFF = 5.0
BROKER_PATIENCE = 2.0
BROKEN = ("database", "migrations", "disk", "restored")


@dataclass(frozen=True)
class Finding:
    """`code` is what was asked, `details` are for whoever runs the machine; they name no person."""

    code: str
    is_well: bool
    details: dict[str, Any]


def look() -> list[Finding]:
    """All findings; after a database that does not answer only what can be known without it."""
    try:
        found = [ask() for ask in (_database, _migrations, _worker, _seal, _clock, _troubles)]
    except DatabaseError as error:
        found = [Finding("database", False, {"error": type(error).__name__})]
        connection.close()
    return found + [ask() for ask in (_disk, _restored, _broker, _archive)]


def code_of(findings: list[Finding]) -> tuple[str, bool]:
    """(code, is ready): the worst of them, "ok" without any."""
    ill = sorted((one.code for one in findings if not one.is_well), key=lambda code: code not in BROKEN)
    return (ill[0] if ill else "ok"), not any(code in BROKEN for code in ill)


def _database() -> Finding:
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return Finding("database", True, {"ms": round((time.perf_counter() - began) * 1000, 1)})


def _migrations() -> Finding:
    return Finding("migrations", bool(_SEEN) or _look_at_migrations(), {})


_SEEN: list[bool] = []


def _look_at_migrations() -> bool:
    """Applied once, they stay applied while this process lives."""
    executor = MigrationExecutor(connection)
    is_applied = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    if is_applied:
        _SEEN.append(True)
    return is_applied


def _worker() -> Finding:
    age = _age("SELECT extract(epoch FROM now() - max(last_run_at))::float8 FROM jobs_timerrun")
    return Finding("worker", age is not None and age <= WORKER_SILENT, {"silent_seconds": age})


def _seal() -> Finding:
    age = _age(
        "SELECT extract(epoch FROM now() - max(last_run_at))::float8 FROM jobs_timerrun WHERE name = 'checkpoint' AND error = ''"
    )
    return Finding("seal", age is not None and age <= SEAL_OLD, {"age_seconds": age})


def _age(statement: str) -> float | None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        age = cursor.fetchone()[0]
    return None if age is None else round(age, 1)


def _clock() -> Finding:
    """This machine's clock against the database's; an answer takes a moment, which is no difference."""
    before = time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        there = cursor.fetchone()[0]
    off = max(before - there, there - time.time(), 0.0)
    return Finding("clock", off <= CLOCK_OFF, {"off_seconds": round(off, 3)})


def _troubles() -> Finding:
    found = troubles()
    return Finding("work", not found, {"troubles": [{"kind": one.kind, "name": one.name} for one in found]})


def _disk() -> Finding:
    usage = shutil.disk_usage(settings.DATA_DIR)
    free_mb = usage.free // 1_000_000
    return Finding("disk", free_mb >= settings.DISK_FREE_MB, {"free_mb": free_mb, "total_mb": usage.total // 1_000_000})


def _restored() -> Finding:
    return Finding("restored", not is_marked(), {})


def _broker() -> Finding:
    if not settings.CELERY_BROKER_URL:
        return Finding("broker", True, {"used": False})
    from kombu import Connection  # noqa: PLC0415

    try:
        with Connection(settings.CELERY_BROKER_URL, connect_timeout=BROKER_PATIENCE) as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_PATIENCE)
    except (OSError, *_broker_errors()) as error:
        return Finding("broker", False, {"used": True, "error": type(error).__name__})
    return Finding("broker", True, {"used": True})


@cache
def _broker_errors() -> tuple[type[Exception], ...]:
    from kombu.exceptions import KombuError, OperationalError  # noqa: PLC0415

    return (KombuError, OperationalError)


def _archive() -> Finding:
    """Whether the log arrives in the archive; nothing is asked of a server that is not ours, or not archived."""
    known = archiving.chosen(settings.DATA_DIR)
    if known is None or connection.settings_dict["HOST"] != str(place_of(settings.DATA_DIR).socket_dir):
        return Finding("archive", True, {"used": False})
    try:
        seen = _seen_archive()
    except (DatabaseError, EmbeddedPostgresError, OSError) as error:
        return Finding("archive", False, {"error": type(error).__name__})
    return Finding("archive", seen["failed"] is None, seen)


def _seen_archive() -> dict[str, Any]:
    connection.ensure_connection()
    return archiving.look(place_of(settings.DATA_DIR), connection.connection)
