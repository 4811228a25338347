"""The queries behind audit.verify. Each returns (kind, table, row, stream, detail) of what is wrong.

They repeat in plain SQL what the triggers do in functions (audit/operations.py, audit_link), on purpose: whoever could
change a function must not thereby change its proof.
"""

from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from audit.erasure import IS_ERASED
from audit.history import HISTORY_COLUMNS
from audit.leaves import facts_joins, leaf_sql
from audit.operations import COMPLETENESS_TRIGGERS

DIGEST = "sha256(convert_to(rtrim(r::text, ',)'), 'UTF8'))"
LINK = (
    "sha256(convert_to(concat_ws('|', length(e.stream), e.stream, e.n, e.tbl, e.row_id, encode(e.digest, 'hex'), "
    "coalesce(encode(e.prev, 'hex'), '')), 'UTF8'))"
)


SET_DIGEST = "sha256(convert_to(e.keys::text || e.digests::text, 'UTF8'))"


@dataclass(frozen=True)
class Query:
    sql: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tracked:
    """A table under audit. An append-only table is its own past. `shared` are the columns that history keeps.

    `subject` is "person" when the stream of row 17 is person:17; first versions of many such rows share a link.
    """

    live: str
    past: str
    key: str
    shared: tuple[str, ...]
    subject: str | None

    @property
    def has_history(self) -> bool:
        return self.live != self.past


def tracked_tables() -> list[Tracked]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT t.live, t.past, t.key, t.subject, coalesce(
              (SELECT array_agg(l.attname::text ORDER BY l.attnum)
               FROM pg_attribute l JOIN pg_attribute p ON p.attname = l.attname AND p.attrelid = t.past::regclass
               WHERE l.attrelid = t.live::regclass AND l.attnum > 0 AND NOT l.attisdropped
                 AND p.attnum > 0 AND NOT p.attisdropped AND l.attname <> ALL (%s)), '{}')
            FROM audit_tracked t ORDER BY t.past
            """,
            [list(HISTORY_COLUMNS)],
        )
        return [
            Tracked(live, past, key, tuple(shared), subject) for live, past, key, subject, shared in cursor.fetchall()
        ]


def links(stream: str | None = None) -> Query:
    """Entries whose fingerprint is wrong, or that do not follow the one before."""
    where = "e.stream = %(stream)s AND " if stream else ""
    return Query(
        f"""
        SELECT CASE WHEN e.n > 1 AND p.id IS NULL THEN 'gap' WHEN e.prev IS DISTINCT FROM p.hash THEN 'link' ELSE 'entry' END,
               e.tbl, e.row_id, e.stream, '#' || e.n
        FROM audit_entry e LEFT JOIN audit_entry p ON p.stream = e.stream AND p.n = e.n - 1
        WHERE {where} (e.prev IS DISTINCT FROM p.hash OR (e.n > 1 AND p.id IS NULL) OR e.hash <> {LINK}
                       OR e.digest <> {SET_DIGEST})
        """,
        {"stream": stream} if stream else {},
    )


def rows(table: Tracked) -> list[Query]:
    """Rows of one table against their entries and, where there is history, live rows against their newest history."""
    queries = [_rows(table)] + ([_live(table), _lost_live(table)] if table.has_history else [])
    return [Query(sql) for sql in queries]


def rows_of_stream(table: Tracked, stream: str) -> list[Query]:
    """The same for one subject."""
    queries = [_rows_of_stream(table)] + ([_live_of_stream(table)] if table.has_history else [])
    facts: dict[str, Any] = {"stream": stream}
    if (subject := subject_id(table, stream)) is not None:
        queries += [_rows_of_subject(table), _live_of_subject(table)]
        facts["subject"] = subject
    return [Query(sql, facts) for sql in queries]


def subject_id(table: Tracked, stream: str) -> int | None:
    """The number of the row of `table` that the stream is about: 17 for person:17."""
    kind, _, number = stream.partition(":")
    return int(number) if table.subject == kind and number.isdecimal() else None


def _recorded(table: Tracked) -> str:
    """Every row of the table that the chain knows, whether it has a link of its own or shares one."""
    single = f"SELECT row_id, digest, stream FROM audit_entry WHERE tbl = '{table.past}' AND keys IS NULL"
    if table.subject is None:
        return f"({single})"
    return f"""({single} UNION ALL
        SELECT k.row_id, k.digest, s.stream FROM audit_entry s CROSS JOIN unnest(s.keys, s.digests) AS k (row_id, digest)
        WHERE s.tbl = '{table.past}' AND s.keys IS NOT NULL)"""


def of_set(table: Tracked) -> str:
    """For one row `r`, the link that it shares with others; for JOIN LATERAL."""
    return f"""(SELECT s.id, s.n, s.hash, s.xid, s.recorded_at, k.digest
        FROM audit_entry s CROSS JOIN unnest(s.keys, s.digests) AS k (row_id, digest)
        WHERE s.tbl = '{table.past}' AND s.keys IS NOT NULL AND s.row_id <= r.{table.key} AND s.last_row_id >= r.{table.key}
          AND k.row_id = r.{table.key} LIMIT 1)"""


def _rows(table: Tracked) -> str:
    """Each row is hashed where it is read, so that the join carries a digest instead of the row."""
    return f"""
        SELECT CASE WHEN r.key IS NULL THEN 'missing' WHEN e.digest IS NULL THEN 'unrecorded' ELSE 'edited' END,
               '{table.past}', coalesce(r.key, e.row_id)::bigint, e.stream, ''
        FROM (SELECT r.{table.key} AS key, {DIGEST} AS digest FROM "{table.past}" r) r
        FULL JOIN {_recorded(table)} e ON e.row_id = r.key
        WHERE r.key IS NULL OR e.digest IS NULL
           OR e.digest <> r.digest AND NOT {IS_ERASED.format(table=table.past, row="r.key", digest="r.digest")}"""


def _is_erased(table: Tracked) -> str:
    return IS_ERASED.format(table=table.past, row=f"r.{table.key}", digest=DIGEST)


def _rows_of_stream(table: Tracked) -> str:
    return f"""
        SELECT CASE WHEN r.{table.key} IS NULL THEN 'missing' ELSE 'edited' END, e.tbl, e.row_id, e.stream, ''
        FROM audit_entry e LEFT JOIN "{table.past}" r ON r.{table.key} = e.row_id
        WHERE e.stream = %(stream)s AND e.tbl = '{table.past}' AND (r.{table.key} IS NULL OR e.digest <> {DIGEST} AND NOT {_is_erased(table)})"""


def _rows_of_subject(table: Tracked) -> str:
    """Versions of the subject itself that have no link of their own; and a first one that is none, for it is gone then."""
    return f"""
        SELECT CASE WHEN s.id IS NULL THEN 'unrecorded' WHEN s.digest <> {DIGEST} THEN 'edited' ELSE 'missing' END,
               '{table.past}', r.{table.key}::bigint, %(stream)s, ''
        FROM "{table.past}" r LEFT JOIN LATERAL {of_set(table)} s ON true
        WHERE r.id = %(subject)s
          AND NOT EXISTS (SELECT 1 FROM audit_entry e WHERE e.tbl = '{table.past}' AND e.row_id = r.{table.key} AND e.keys IS NULL)
          AND (s.id IS NULL OR s.digest <> {DIGEST} AND NOT {_is_erased(table)})
        UNION ALL
        SELECT 'missing', '{table.past}', NULL::bigint, %(stream)s, ''
        WHERE (SELECT r.history_type <> '+' FROM "{table.past}" r WHERE r.id = %(subject)s ORDER BY r.history_id LIMIT 1)"""


def _live(table: Tracked) -> str:
    stream, join = _stream_of_newest(table, "l")
    return f"""
        SELECT CASE WHEN h.id IS NULL OR h.history_type = '-' THEN 'live_unrecorded' ELSE 'live_edited' END,
               '{table.live}', l.id::bigint, {stream}, {_differing(table)}
        FROM "{table.live}" l
        LEFT JOIN LATERAL
          (SELECT * FROM "{table.past}" x WHERE x.id = l.id ORDER BY x.history_id DESC LIMIT 1) h ON true {join}
        WHERE h.id IS NULL OR h.history_type = '-' OR {_differ(table)}"""


def _lost_live(table: Tracked) -> str:
    stream, join = _stream_of_newest(table, "h")
    return f"""
        SELECT 'live_missing', '{table.live}', h.id::bigint, {stream}, ''
        FROM ({_newest(table)}) h {join}
        WHERE h.history_type <> '-' AND NOT EXISTS (SELECT 1 FROM "{table.live}" l WHERE l.id = h.id)"""


def _stream_of_newest(table: Tracked, row: str) -> tuple[str, str]:
    """(expression, join) for the stream that a live row `row` with the newest version `h` belongs to."""
    if table.subject:
        return f"'{table.subject}:' || {row}.id", ""
    return "e.stream", f"LEFT JOIN audit_entry e ON e.tbl = '{table.past}' AND e.row_id = h.history_id"


def _live_of_stream(table: Tracked) -> str:
    ids = f"""SELECT DISTINCT r.id FROM audit_entry e JOIN "{table.past}" r ON r.history_id = e.row_id
              WHERE e.stream = %(stream)s AND e.tbl = '{table.past}'"""
    return _live_of(table, ids)


def _live_of_subject(table: Tracked) -> str:
    """A subject whose every version shares its link with others; the rest is _live_of_stream's."""
    return _live_of(
        table,
        f"""SELECT %(subject)s::bigint AS id
            WHERE NOT EXISTS (SELECT 1 FROM audit_entry e WHERE e.stream = %(stream)s AND e.tbl = '{table.past}')""",
    )


def _live_of(table: Tracked, ids: str) -> str:
    return f"""
        SELECT CASE WHEN l.id IS NULL THEN 'live_missing' WHEN h.id IS NULL OR h.history_type = '-' THEN 'live_unrecorded'
                    ELSE 'live_edited' END,
               '{table.live}', s.id::bigint, %(stream)s, CASE WHEN l.id IS NOT NULL THEN {_differing(table)} END
        FROM ({ids}) s
        LEFT JOIN LATERAL
          (SELECT * FROM "{table.past}" x WHERE x.id = s.id ORDER BY x.history_id DESC LIMIT 1) h ON true
        LEFT JOIN "{table.live}" l ON l.id = s.id
        WHERE (l.id IS NULL) <> (h.id IS NULL OR h.history_type = '-') OR (l.id IS NOT NULL AND {_differ(table)})"""


def _newest(table: Tracked) -> str:
    return f"""SELECT x.* FROM "{table.past}" x
               JOIN (SELECT max(history_id) AS history_id FROM "{table.past}" GROUP BY id) m USING (history_id)"""


def _differ(table: Tracked) -> str:
    ours, theirs = ", ".join(f'l."{name}"' for name in table.shared), ", ".join(f'h."{name}"' for name in table.shared)
    return f"ROW({ours}) IS DISTINCT FROM ROW({theirs})"


def _differing(table: Tracked) -> str:
    """The names of the columns that differ; never their values, which may be personal."""
    names = ", ".join(f"""CASE WHEN l."{c}" IS DISTINCT FROM h."{c}" THEN '{c}' END""" for c in table.shared)
    return f"CASE WHEN h.id IS NOT NULL THEN array_to_string(ARRAY[{names}], ', ') END"


def strangers(tables: list[Tracked]) -> Query:
    """Entries that claim a table which is not under audit (any more)."""
    return Query(
        "SELECT 'untracked', e.tbl, e.row_id, e.stream, '' FROM audit_entry e WHERE e.tbl <> ALL (%(known)s)",
        {"known": [table.past for table in tables]},
    )


def leaves(lag_seconds: float) -> list[Query]:
    """Leaves that are not their entry's, leaves without an entry, and entries that have waited too long for a leaf."""
    return [
        Query(
            f"""
            SELECT CASE WHEN e.id IS NULL THEN 'leaf_orphan' ELSE 'leaf' END, coalesce(e.tbl, 'audit_leaf'),
                   coalesce(e.row_id, l.position), coalesce(e.stream, ''), '@' || l.position
            FROM audit_leaf l LEFT JOIN audit_entry e ON e.id = l.entry_id {facts_joins()}
            WHERE e.id IS NULL OR l.hash <> {leaf_sql()}"""
        ),
        Query(
            """
            SELECT 'unsealed', e.tbl, e.row_id, e.stream, to_char(e.recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            FROM audit_entry e WHERE NOT EXISTS (SELECT FROM audit_leaf l WHERE l.entry_id = e.id)
              AND e.recorded_at < statement_timestamp() - %(lag)s * interval '1 second'
            """,
            {"lag": lag_seconds},
        ),
    ]


def guards(tables: list[Tracked]) -> Query:
    """Triggers that should be there and fire always, even for a replica's session, and do not."""
    append_only = ("audit_append_only", "audit_no_truncate")
    wanted = {
        (name, trigger)
        for name in ("audit_entry", "audit_leaf", "audit_tile", "audit_checkpoint", "audit_erasable")
        for trigger in append_only
    }
    wanted |= {
        ("audit_due", "audit_settle"),
        ("audit_leaf", "audit_leaf_in_order"),
        ("audit_tile", "audit_tile_of_leaves"),
        ("audit_checkpoint", "audit_checkpoint_of_tree"),
        ("audit_handover", "audit_handover_in_order"),
        ("audit_erasure", "audit_erasure_is_ordered"),
        ("audit_erasureorder", "audit_guard"),
    }
    for table in tables:
        wanted |= {(table.past, trigger) for trigger in ("audit_chain", *append_only)}
        if table.has_history:
            wanted |= {(table.live, trigger) for trigger in (*COMPLETENESS_TRIGGERS, "audit_no_truncate")}
    names, triggers = zip(*sorted(wanted), strict=True)
    return Query(
        """
        SELECT 'guard', w.tbl, NULL::bigint, '', w.trigger
        FROM unnest(%(tables)s, %(triggers)s) AS w (tbl, trigger)
        LEFT JOIN pg_trigger g ON g.tgrelid = w.tbl::regclass AND g.tgname = w.trigger
        WHERE g.tgenabled IS DISTINCT FROM 'A'
        """,
        {"tables": list(names), "triggers": list(triggers)},
    )
