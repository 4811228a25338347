"""Are the rows of today what history tells? Every audited table is built anew from its versions and laid beside the live one.

    for found in replay():                 Difference, as each is found; and a Replayed after each table
    for found in replay(until=moment):     as of a moment: what has not changed since is compared, the rest only counted

Verifying (audit.verify) asks whether history itself is as it was written; replaying asks whether history and the present
agree, column by column, and whether what is computed (balances, the state of a case) follows from what was written down.
Run both. All of it is done by the server in one snapshot, table by table; this process holds a row of the answer at a time.

A table that is itself append-only has no versions: its link in the chain is its history, so its rows are compared with
their fingerprints there, and a difference names the row but no column.
"""

import datetime
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import connection

from audit import proofs
from audit.errors import NotAudited
from audit.history import HISTORY_COLUMNS
from audit.proofs import Query, Tracked
from audit.verify import one_snapshot


@dataclass(frozen=True)
class Difference:
    """One row that is not what its history makes of it. Values are never told: they may be personal.

    differs: `columns` have another value than the newest version. gone: history has the row, the table does not.
    unwritten: the table has the row, history says nothing of it or that it was deleted. disorder: versions that cannot
    follow one another. chain: an append-only row that does not have the fingerprint of its link. derived: `columns`
    are not what the records that they are computed from make of them.
    """

    kind: str
    table: str
    row: int
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Replayed:
    """What one table came to. `versions` were read, `rows` came out of them, `later` of these have changed since the moment.

    `digest` stands for all rebuilt rows together: two databases with the same one had the same rows. `unkept` are the
    columns of the live table that history does not keep and that nothing here says anything about.
    """

    table: str
    versions: int
    rows: int
    later: int
    differences: int
    digest: str
    unkept: tuple[str, ...]


Derived = Callable[[datetime.datetime | None], Query]
_derived: dict[str, Derived] = {}


def register_derived(table: str, query: Derived) -> None:
    """Let an app above say what columns of `table` must be by its own records: SQL that returns (row, columns) of those that
    are not. Called from AppConfig.ready. Asked with a moment, it answers for what was written until then."""
    _derived[table] = query


def replay(*, only: str = "", until: datetime.datetime | None = None) -> Iterator[Difference | Replayed]:
    """Differences as they are found, and after those of a table what it came to. Raises NotAudited for an unknown `only`."""
    with one_snapshot():
        tables = [table for table in proofs.tracked_tables() if only in ("", table.live, table.past)]
        derived = [name for name in _derived if only in ("", name)]
        if not tables and not derived:
            raise NotAudited(only)
        for table in tables:
            yield from _versions(table, until) if table.has_history else _links(table, until)
        for name in derived:
            yield from _computed(name, until)


def rate(rows: int, began: float) -> tuple[float, int]:
    """(seconds since `began`, rows a second)."""
    seconds = time.monotonic() - began
    return round(seconds, 3), round(rows / max(seconds, 0.001))


# ---------------------------------------------------------------- tables with history


def _versions(table: Tracked, until: datetime.datetime | None) -> Iterator[Difference | Replayed]:
    facts = {"until": until}
    found = 0
    for query in (_disorder(table), _against_live(table)):
        for kind, row, columns in _stream(Query(query, facts)):
            found += 1
            yield Difference(kind, table.live, row, tuple(columns))
    with connection.cursor() as cursor:
        cursor.execute(_came_to(table), facts)
        yield Replayed(table.live, *cursor.fetchone()[:3], found, *_state(table, facts), _unkept(table))


# Without a moment everything is before it.
_BEFORE = "(%(until)s::timestamptz IS NULL OR x.history_date <= %(until)s)"


def _rebuilt(table: Tracked, columns: str) -> str:
    """The rows that the versions until the moment make: of each the newest, unless it says deleted."""
    return f"""(SELECT {columns} FROM (
        SELECT DISTINCT ON (x.id) x.* FROM "{table.past}" x WHERE {_BEFORE} ORDER BY x.id, x.history_id DESC) h
        WHERE h.history_type <> '-')"""


def _against_live(table: Tracked) -> str:
    """Rows with a version after the moment are left out: the live table tells of those."""
    listed = ", ".join(f'h."{name}"' for name in table.shared)
    names = ", ".join(f"""CASE WHEN l."{c}" IS DISTINCT FROM h."{c}" THEN '{c}' END""" for c in table.shared)
    live = ", ".join(f'l."{name}"' for name in table.shared)
    return f"""
        SELECT CASE WHEN l.id IS NULL THEN 'gone' WHEN h.id IS NULL THEN 'unwritten' ELSE 'differs' END,
               coalesce(h.id, l.id)::bigint,
               CASE WHEN l.id IS NULL OR h.id IS NULL THEN '{{}}'::text[] ELSE array_remove(ARRAY[{names}]::text[], NULL) END
        FROM {_rebuilt(table, listed)} h FULL JOIN "{table.live}" l ON l.id = h.id
        WHERE (l.id IS NULL OR h.id IS NULL OR ROW({live}) IS DISTINCT FROM ROW({listed}))
          AND (%(until)s::timestamptz IS NULL OR NOT EXISTS (
            SELECT FROM "{table.past}" x WHERE x.id = coalesce(h.id, l.id) AND x.history_date > %(until)s))
        ORDER BY 2"""


def _disorder(table: Tracked) -> str:
    """A row begins with "+", goes on with "~" or "-", and after "-" begins again."""
    return f"""
        SELECT 'disorder', v.id::bigint, ARRAY['history_type']
        FROM (SELECT x.id, x.history_type, lead(x.history_type) OVER (PARTITION BY x.id ORDER BY x.history_id DESC) AS before
              FROM "{table.past}" x WHERE {_BEFORE}) v
        WHERE (v.before IS NULL OR v.before = '-') <> (v.history_type = '+') GROUP BY v.id ORDER BY v.id"""


def _came_to(table: Tracked) -> str:
    return f"""
        SELECT count(*), count(DISTINCT x.id),
               (SELECT count(DISTINCT y.id) FROM "{table.past}" y WHERE y.history_date > %(until)s::timestamptz)
        FROM "{table.past}" x WHERE {_BEFORE}"""


_BLOCK = 4096  # rows whose fingerprints are strung together at a time


def _state(table: Tracked, facts: dict) -> tuple[str]:
    """The fingerprint of all rebuilt rows, in order: of blocks of fingerprints, so that no string grows with the table."""
    listed = ", ".join(f'h."{name}"' for name in table.shared)
    text = f"sha256(convert_to(rtrim(ROW({listed})::text, ',)'), 'UTF8'))"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT encode(sha256(coalesce(string_agg(block.digest, '' ORDER BY block.n), '')), 'hex')
                FROM (SELECT r.id / {_BLOCK} AS n, sha256(string_agg(r.digest, '' ORDER BY r.id)) AS digest
                      FROM {_rebuilt(table, f"h.id, {text} AS digest")} r GROUP BY 1) block""",
            facts,
        )
        return cursor.fetchone()


def _unkept(table: Tracked) -> tuple[str, ...]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attname <> ALL (%s) ORDER BY attnum",
            [table.live, [*table.shared, *HISTORY_COLUMNS]],
        )
        return tuple(name for (name,) in cursor.fetchall())


# ---------------------------------------------------------------- tables that are their own history, and computed columns


def _links(table: Tracked, until: datetime.datetime | None) -> Iterator[Difference | Replayed]:
    """Their rows cannot have changed, so they are compared whatever the moment; only their number is that of the moment."""
    found = 0
    for query in proofs.rows(table):
        for _kind, _table, row, _stream_name, _detail in _stream(query):
            found += 1
            yield Difference("chain", table.live, row)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(sum(size) FILTER (WHERE is_before), 0)::bigint, coalesce(sum(size) FILTER (WHERE NOT is_before), 0)::bigint,
                      encode(sha256(coalesce(string_agg(hash, '' ORDER BY n) FILTER (WHERE is_before), '')), 'hex')
               FROM (SELECT b.n, b.is_before, sum(b.size) AS size, sha256(string_agg(b.digest, '' ORDER BY b.id)) AS hash
                     FROM (SELECT e.id, e.digest, coalesce(cardinality(e.keys), 1) AS size, e.id / %(block)s AS n,
                                  %(until)s::timestamptz IS NULL OR e.recorded_at <= %(until)s AS is_before
                           FROM audit_entry e WHERE e.tbl = %(table)s) b GROUP BY 1, 2) block""",
            {"table": table.past, "until": until, "block": _BLOCK},
        )
        rows, later, digest = cursor.fetchone()
    yield Replayed(table.live, rows, rows, later, found, digest, ())


def _computed(name: str, until: datetime.datetime | None) -> Iterator[Difference | Replayed]:
    found = 0
    for row, columns in _stream(_derived[name](until)):
        found += 1
        yield Difference("derived", name, row, tuple(columns))
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM "{name}"')
        yield Replayed(f"{name} (derived)", 0, cursor.fetchone()[0], 0, found, "", ())


def _stream(query: Query) -> Iterator[tuple]:
    """The rows of an answer as the server finds them, a few at a time."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query.sql, query.facts)
        yield from cursor
