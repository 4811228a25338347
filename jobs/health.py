"""Is the work being done? For readiness, and for the administrator's page."""

from dataclasses import dataclass

from django.db import connection

STUCK_ATTEMPTS = 5
_PATIENCE = 3  # a timer is late after this many intervals
_GRACE_SECONDS = 120


@dataclass(frozen=True)
class Trouble:
    """`kind` is stuck, late or failing; `name` is an outbox topic or a timer; `message` names no person."""

    kind: str
    name: str
    message: str


_TROUBLE = """
SELECT 'stuck', topic, count(*) || ' tried ' || max(attempts) || ' times; last: ' || max(error)
FROM jobs_outbox WHERE done_at IS NULL AND attempts >= %(attempts)s GROUP BY topic
UNION ALL
SELECT 'failing', name, error FROM jobs_timerrun WHERE error <> ''
UNION ALL
SELECT 'late', name, 'last run ' || to_char(last_run_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"')
FROM jobs_timerrun WHERE last_run_at + (every_seconds * %(patience)s + %(grace)s) * interval '1 second' < now()
ORDER BY 1, 2
"""


def troubles() -> list[Trouble]:
    """Outbox topics that keep failing, timers whose last run failed, and timers that no worker runs."""
    with connection.cursor() as cursor:
        cursor.execute(_TROUBLE, {"attempts": STUCK_ATTEMPTS, "patience": _PATIENCE, "grace": _GRACE_SECONDS})
        return [Trouble(*row) for row in cursor.fetchall()]
