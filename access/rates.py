"""How often somebody may do something, or try to. Counted in the database, so that it holds for all processes."""

import datetime

from django.db import connection

from access.vault import blind_index

_COUNT = """
INSERT INTO access_rate AS r (key, since, count) VALUES (%(key)s, now(), 1)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN r.since <= now() - %(within)s THEN 1 ELSE r.count + 1 END,
    since = CASE WHEN r.since <= now() - %(within)s THEN now() ELSE r.since END
RETURNING count
"""
_FORGET = "DELETE FROM access_rate WHERE since < now() - interval '1 day'"


def count(what: str, who: str, *, within: datetime.timedelta) -> int:
    """Count one more `what` by `who` (an address, say); how many there are now within the time from the first one.

    Of `who` a keyed fingerprint is kept, for a day. `within` is a day at most.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FORGET)
        cursor.execute(_COUNT, {"key": blind_index(f"rate:{what}", who), "within": within})
        return cursor.fetchone()[0]


def is_too_often(what: str, who: str, *, most: int, within: datetime.timedelta) -> bool:
    """Count one more, as `count` does; True when it is beyond `most`."""
    return count(what, who, within=within) > most


_LATELY = "SELECT count FROM access_rate WHERE key = %(key)s AND since > now() - %(within)s"


def was_too_often(what: str, who: str, *, most: int, within: datetime.timedelta) -> bool:
    """Whether `most` were counted already; this one is not counted. Before something that is counted only when it fails."""
    with connection.cursor() as cursor:
        cursor.execute(_LATELY, {"key": blind_index(f"rate:{what}", who), "within": within})
        row = cursor.fetchone()
        return row is not None and row[0] >= most
