"""One subject's trail, for the pages that show it. A stream is a subject such as "case:17"."""

import datetime
from dataclasses import dataclass

from django.db import connection

from audit import checkpoints
from audit.models import Checkpoint
from audit.verify import Problem, of_stream


@dataclass(frozen=True)
class Link:
    """One entry of a stream. `recorded_at` is the real time of entry; `is_sealed`: a checkpoint covers it."""

    n: int
    table: str
    row_id: int
    recorded_at: datetime.datetime
    hash: str
    is_sealed: bool


_LINKS = """
SELECT n, tbl, row_id, recorded_at, encode(hash, 'hex'), coalesce(id <= c.after_id OR (id <= c.through_id AND xid < c.horizon_xid), false)
FROM audit_entry LEFT JOIN (SELECT CASE WHEN is_takeover THEN through_id ELSE after_id END AS after_id, through_id, horizon_xid
                            FROM audit_checkpoint ORDER BY id DESC LIMIT 1) c ON true
WHERE stream = %s AND n > %s ORDER BY n LIMIT %s
"""


def entries(stream: str, *, after: int = 0, limit: int = 500) -> list[Link]:
    """The links of a stream from the first (or after number `after`) on, one query."""
    with connection.cursor() as cursor:
        cursor.execute(_LINKS, [stream, after, limit])
        return [Link(*row) for row in cursor.fetchall()]


def stream_is_intact(stream: str) -> list[Problem]:
    """The problems of one subject, empty when its chain, its rows and its live rows agree. For the badge on its page."""
    return of_stream(stream)


@dataclass(frozen=True)
class Badge:
    """What a page says about a subject's trail. `sealed_by`: the newest seal when it covers all of it."""

    links: int
    sealed: int
    problems: list[Problem]
    checkpoint: Checkpoint | None

    @property
    def is_intact(self) -> bool:
        return not self.problems


def badge(stream: str) -> Badge:
    """How long a trail is, how much of it is sealed, and whether it is intact. A handful of queries."""
    links = entries(stream, limit=10_000)
    return Badge(len(links), sum(link.is_sealed for link in links), of_stream(stream), checkpoints.latest())
