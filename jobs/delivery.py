"""How the outbox is emptied.

A worker claims some rows (one short transaction: attempts are counted before anything can go wrong), then delivers each in
one transaction together with its mark "done". Killed in between, the row is due again when its lease has run out; killed
within, PostgreSQL rolls the effects back. A row is locked while it is delivered, so no other worker does the same work.
"""

import logging

from django.db import connection, transaction
from django.utils import timezone

from jobs.errors import describe, place_of
from jobs.models import Outbox
from jobs.outbox import handler_of

logger = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 3600
_MOST_ATTEMPTS = 30_000  # the column is a smallint; the work itself is never given up

_CLAIM = """
UPDATE jobs_outbox o
SET attempts = least(attempts + 1, %(most)s),
    leased_until = now() + least(%(lease)s * power(2, least(attempts, 10)), %(longest)s) * interval '1 second'
FROM (SELECT id FROM jobs_outbox
      WHERE done_at IS NULL AND (not_before IS NULL OR not_before <= now())
        AND (leased_until IS NULL OR leased_until <= now() OR leased_until > now() + %(longest)s * interval '1 second')
      ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED) due
WHERE o.id = due.id RETURNING o.id
"""  # A lease longer than the longest was written before the machine's clock was set back.


def claim(*, limit: int, lease_seconds: float) -> list[int]:
    """Ids of rows that nobody else works on for the time of the lease (doubled with each attempt), oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {"limit": limit, "lease": lease_seconds, "longest": LONGEST_WAIT_SECONDS, "most": _MOST_ATTEMPTS},
        )
        return sorted(row[0] for row in cursor.fetchall())


@transaction.atomic
def deliver(outbox_id: int) -> bool:
    """Keep one promise and mark it done, in one transaction. False: it is done already, or another worker is at it."""
    row = Outbox.objects.select_for_update(skip_locked=True).filter(pk=outbox_id, done_at__isnull=True).first()
    if row is None:
        return False
    handler_of(row.topic)(row.payload, row.pk)
    row.done_at, row.leased_until, row.error = timezone.now(), None, ""
    row.save(update_fields=["done_at", "leased_until", "error"])
    return True


def failed(outbox_id: int, error: BaseException) -> None:
    """Write down why it failed and wait 2, 4, 8 … seconds, an hour at most. It is tried again for ever."""
    logger.error("outbox %s failed: %s at %s", outbox_id, type(error).__name__, place_of(error))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE jobs_outbox SET error = %s, leased_until = NULL,
                   not_before = now() + least(power(2, least(attempts, 12)), %s) * interval '1 second'
            WHERE id = %s AND done_at IS NULL
            """,
            [describe(error), LONGEST_WAIT_SECONDS, outbox_id],
        )


def give_back(outbox_ids: list[int]) -> None:
    """Return claimed rows that were not begun, so that the next worker need not wait for the lease."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE jobs_outbox SET leased_until = NULL, attempts = greatest(attempts - 1, 0) "
            "WHERE id = ANY (%s) AND done_at IS NULL",
            [outbox_ids],
        )
