"""Starting, killing and waiting for workers in processes of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection

from jobs.models import Outbox
from tests.owner import owner

ROOT = Path(__file__).resolve().parent.parent.parent


def environment(**more: str) -> dict[str, str]:
    """The test's own database, as a URL; no broker unless the test names one."""
    db = connection.settings_dict
    user = db["USER"] + (f":{db['PASSWORD']}" if db["PASSWORD"] else "")
    server = {"host": db["HOST"], "port": str(db["PORT"])} | db.get("OPTIONS", {})  # a host may be a socket's folder
    url = f"postgres://{user}@/{db['NAME']}?{urlencode({name: value for name, value in server.items() if value})}"
    return (
        os.environ
        | {
            "DATABASE_URL": url,
            "CASEWORK_DATABASE_ROLE": settings.DATABASE_ROLE,
            "CASEWORK_DATA_DIR": str(settings.DATA_DIR),
            "PYTHONPATH": str(ROOT),
            "CELERY_BROKER_URL": "",
            "PYTHONUNBUFFERED": "1",
        }
        | more
    )


@contextmanager
def process(*arguments: str, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen]:
    """A process group of its own, gone at the end of the block."""
    started = subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=env or environment(), start_new_session=True
    )
    try:
        yield started
    finally:
        kill(started)


@contextmanager
def worker(env: dict[str, str] | None = None) -> Iterator[subprocess.Popen]:
    with process("tests.jobs.stage", env=env) as started:
        yield started


def kill(started: subprocess.Popen) -> None:
    """kill -9, children included."""
    with suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    started.wait()


def wait_for(condition: Callable[[], object], *, seconds: float = 30, what: str = "it") -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"{what} did not happen in {seconds} s; open: {_open_rows()}"
        time.sleep(0.05)


def _open_rows() -> list[tuple]:
    rows = Outbox.objects.filter(done_at__isnull=True).order_by("id")
    return list(rows.values_list("id", "attempts", "leased_until", "not_before", "error")[:3])


def make_effects_table() -> None:
    with owner(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS stage_effect (id bigserial PRIMARY KEY, outbox_id bigint, pid int)")
        cursor.execute("TRUNCATE stage_effect")
        cursor.execute("GRANT ALL ON stage_effect, stage_effect_id_seq TO PUBLIC")


def effects() -> list[int]:
    """The outbox ids whose work was done, once for each time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT outbox_id FROM stage_effect ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


def workers_seen() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT pid) FROM stage_effect")
        return cursor.fetchone()[0]
