"""One subject's trail, for the pages that show it. A stream is a subject such as "case:17"."""

import datetime
from dataclasses import dataclass
from functools import cache

from django.db import connection

from audit import checkpoints, erasure, proofs
from audit.models import Checkpoint
from audit.verify import Problem, of_stream


@dataclass(frozen=True)
class Link:
    """One entry of a stream. `recorded_at` is the real time of entry; `is_sealed`: it is in the tree, which a checkpoint covers.

    A first version that came with thousands of others has `n` 0 and the hash of the link that it shares with them.
    """

    n: int
    table: str
    row_id: int
    recorded_at: datetime.datetime
    hash: str
    is_sealed: bool


_LINKS = """
SELECT n, tbl, row_id, recorded_at, encode(hash, 'hex'), EXISTS (SELECT FROM audit_leaf l WHERE l.entry_id = e.id)
FROM ({entries}) e
ORDER BY n LIMIT %(limit)s
"""


def entries(stream: str, *, after: int = 0, limit: int = 500) -> list[Link]:
    """The links of a stream from the first (or after number `after`) on, one query."""
    facts = {"stream": stream, "after": after, "limit": limit}
    found = [
        "SELECT n, tbl, row_id, recorded_at, hash, id FROM audit_entry WHERE stream = %(stream)s AND n > %(after)s"
    ]
    table = _subjects().get(stream.partition(":")[0])
    if not after and table and (subject := proofs.subject_id(table, stream)) is not None:
        facts["subject"] = subject
        found.append(
            f"SELECT 0, '{table.past}', r.{table.key}, s.recorded_at, s.hash, s.id"
            f' FROM "{table.past}" r JOIN LATERAL {proofs.of_set(table)} s ON true WHERE r.id = %(subject)s'
        )
    with connection.cursor() as cursor:
        cursor.execute(_LINKS.format(entries=" UNION ALL ".join(found)), facts)
        return [Link(*row) for row in cursor.fetchall()]


@cache
def _subjects() -> dict[str, proofs.Tracked]:
    """The table of each kind of subject; it changes with a migration alone."""
    return {table.subject: table for table in proofs.tracked_tables() if table.subject}


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
    erased: list[erasure.Told]

    @property
    def is_intact(self) -> bool:
        return not self.problems


def badge(stream: str) -> Badge:
    """How long a trail is, how much of it is sealed, and whether it is intact. A handful of queries."""
    links = entries(stream, limit=10_000)
    return Badge(
        len(links),
        sum(link.is_sealed for link in links),
        of_stream(stream),
        checkpoints.latest(),
        erasure.of_stream(stream),
    )
