"""A worker in a process of its own, on the test's database, with handlers that leave a mark and take their time.

python -m tests.jobs.stage                                       manage.py worker
celery -A tests.jobs.stage worker                                a Celery worker
"""

import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "casework.settings")

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from casework.celery import app  # noqa: E402, F401
from jobs import outbox, runner, timers, worker  # noqa: E402

worker.OWN_LEASE_SECONDS = 1
worker.IDLE_SECONDS = 0.05
runner.LEASE_SECONDS = 2


@outbox.handles("stage.effect")
def leave_an_effect(payload: dict[str, Any], outbox_id: int) -> None:
    """One row for each time the work was done; in the middle it tells the test and lingers."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO stage_effect (outbox_id, pid) VALUES (%s, %s)", [outbox_id, os.getpid()])
    linger(payload)


@runner.runs("stage.job")
def work(job: Any, progress: runner.Progress) -> dict[str, Any]:
    for step in range(job.params.get("steps", 3)):
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO stage_effect (outbox_id, pid) VALUES (%s, %s)", [-step, os.getpid()])
        progress(step + 1, total=job.params.get("steps", 3), step=f"第 {step + 1} 步")
        linger(job.params)
    return {"steps": job.params.get("steps", 3)}


def linger(payload: dict[str, Any]) -> None:
    """Touch `mark`, then wait until `go` exists, or for `seconds`."""
    if mark := payload.get("mark"):
        Path(mark).touch()
        until = time.monotonic() + 30
        while not Path(payload["go"]).exists() and time.monotonic() < until:
            time.sleep(0.02)
    time.sleep(payload.get("seconds", 0))


@timers.every(3600, "stage.timer")
def count() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO stage_effect (outbox_id, pid) VALUES (0, %s)", [os.getpid()])
    return {"ran": True}


if __name__ == "__main__":
    call_command("worker")
