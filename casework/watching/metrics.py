"""Numbers for Prometheus: requests as they are answered, and what waits in the database when somebody asks.

Several processes answer requests. Each adds to a file of its own in one folder (prometheus-client's multi-process mode), and
whichever is asked adds them up; the folder belongs to one gunicorn and goes with it. What waits is the database's to tell
and the same for all of them, so it is asked for at that moment and kept in no file.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds
FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def share_between_processes(data_dir: Path) -> None:
    """Let the web processes of this gunicorn add up. Before anything else of this module; for wsgi.py."""
    if FOLDER in os.environ:
        return
    folder = data_dir / "metrics" / str(os.getppid())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for other in folder.parent.iterdir():
        if other.name.isdigit() and not Path("/proc", other.name).exists() and Path("/proc/self").exists():
            shutil.rmtree(other, ignore_errors=True)
    os.environ[FOLDER] = str(folder)


def count_request(route: str, method: str | None, status: int, seconds: float) -> None:
    """`route` is the name of a page, `seconds` how long it took. A method that nobody knows is counted as "other"."""
    from casework.watching import counters  # noqa: PLC0415  (prometheus_client reads the environment when it is imported)

    counters.REQUESTS.labels(route, method if method in METHODS else "other", status).inc()
    counters.SECONDS.labels(route).observe(seconds)


def exposition() -> tuple[bytes, str]:
    """(text, content type) of all numbers. Raises django.db.DatabaseError."""
    from prometheus_client import CollectorRegistry, generate_latest, multiprocess  # noqa: PLC0415
    from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4  # noqa: PLC0415

    from casework.watching import counters  # noqa: PLC0415

    registry = CollectorRegistry()
    if FOLDER in os.environ:
        multiprocess.MultiProcessCollector(registry)
    else:
        registry.register(counters.REQUESTS)
        registry.register(counters.SECONDS)
    registry.register(Waiting())
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


_WAITING = """
SELECT 'casework_outbox_open', count(*)::float8 FROM jobs_outbox WHERE done_at IS NULL
UNION ALL SELECT 'casework_outbox_oldest_seconds',
  coalesce(extract(epoch FROM now() - min(greatest(created_at, not_before))), 0)::float8
  FROM jobs_outbox WHERE done_at IS NULL AND (not_before IS NULL OR not_before <= now())
UNION ALL SELECT 'casework_jobs_queued', count(*)::float8 FROM jobs_job WHERE state = 'queued'
UNION ALL SELECT 'casework_jobs_running', count(*)::float8 FROM jobs_job WHERE state = 'running'
UNION ALL SELECT 'casework_worker_silent_seconds', extract(epoch FROM now() - max(last_run_at))::float8 FROM jobs_timerrun
UNION ALL SELECT 'casework_seal_age_seconds', extract(epoch FROM now() - max(last_run_at))::float8
  FROM jobs_timerrun WHERE name = 'checkpoint' AND error = ''
UNION ALL SELECT 'casework_payments_unknown', count(*)::float8 FROM funds_payment WHERE state = 'unknown'
UNION ALL SELECT 'casework_payments_frozen', count(*)::float8 FROM funds_paymentfreeze WHERE proposal_id IS NULL
UNION ALL SELECT 'casework_database_connections', count(*)::float8 FROM pg_stat_activity WHERE datname = current_database()
"""
_HELP = {
    "casework_outbox_open": "promises not yet kept",
    "casework_outbox_oldest_seconds": "how long the oldest of them has been due",
    "casework_jobs_queued": "long work that waits for a worker",
    "casework_jobs_running": "long work under way",
    "casework_worker_silent_seconds": "since a worker last ran a timer; it runs one every minute",
    "casework_seal_age_seconds": "since the trail was last sealed, or found to have nothing new",
    "casework_payments_unknown": "payments of which the bank cannot say what became",
    "casework_payments_frozen": "restores after which payments still stand still",
    "casework_database_connections": "connections to the database, of all processes",
}


class Waiting:
    """Asked in one query. What nobody knows yet, such as the age of a first seal, is left out."""

    def collect(self) -> Iterator[object]:
        from django.db import connection  # noqa: PLC0415
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

        with connection.cursor() as cursor:
            cursor.execute(_WAITING)
            for name, value in cursor.fetchall():
                if value is not None:
                    yield GaugeMetricFamily(name, _HELP[name], value=value)

    def describe(self) -> list[object]:
        """Nothing: registering asks no database."""
        return []
