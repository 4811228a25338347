"""The steps in which a subject became what it is: one for each transaction that wrote to its streams.

A step is named by the moment of its last entry, so that what stands at that moment is whole. A first version that came with
thousands of others (an import) has no entry in the stream of its subject and is no step.
"""

import datetime
from collections.abc import Sequence

from django.db import connection

_MINE = "stream = ANY (%(streams)s)"
_BEFORE = f"""
SELECT max(recorded_at) FROM audit_entry WHERE {_MINE} AND recorded_at < (
  SELECT min(b.recorded_at) FROM audit_entry b WHERE b.{_MINE} AND b.xid = (
    SELECT xid FROM audit_entry WHERE {_MINE} AND recorded_at <= %(at)s ORDER BY recorded_at DESC, id DESC LIMIT 1))
"""
_AFTER = f"""
WITH next AS (SELECT xid, recorded_at FROM audit_entry WHERE {_MINE} AND (%(at)s::timestamptz IS NULL OR recorded_at > %(at)s)
              ORDER BY recorded_at, id LIMIT 1)
SELECT max(b.recorded_at) FROM audit_entry b JOIN next USING (xid) WHERE b.{_MINE} AND b.recorded_at >= next.recorded_at
"""
_OF_ENTRY = f"""
SELECT b.tbl, b.row_id FROM audit_entry b
WHERE b.{_MINE} AND b.xid = (SELECT xid FROM audit_entry WHERE id = %(entry)s AND {_MINE})
"""


def before(streams: Sequence[str], at: datetime.datetime | None) -> datetime.datetime | None:
    """The end of the step before the one that `at` lies in or after; None: there is none."""
    return None if at is None else _one(_BEFORE, streams, at=at)


def after(streams: Sequence[str], at: datetime.datetime | None) -> datetime.datetime | None:
    """The end of the first step after `at`; None: there is none."""
    return _one(_AFTER, streams, at=at)


def of_entry(streams: Sequence[str], entry: int) -> set[tuple[str, int]]:
    """(table, row) of everything written to these streams in the transaction of that entry; empty: it is none of theirs."""
    with connection.cursor() as cursor:
        cursor.execute(_OF_ENTRY, {"streams": list(streams), "entry": entry})
        return set(cursor.fetchall())


def _one(sql: str, streams: Sequence[str], *, at: datetime.datetime | None) -> datetime.datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"streams": list(streams), "at": at})
        return cursor.fetchone()[0]
