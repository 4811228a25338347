"""The queries behind audit.verify. Each returns (kind, table, row, stream, detail) of what is wrong.

They repeat in plain SQL what the triggers do in functions (audit/operations.py, audit_link), on purpose: whoever could
change a function must not thereby change its proof.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from audit.history import HISTORY_COLUMNS
from audit.operations import COMPLETENESS_TRIGGERS

_DIGEST = "sha256(convert_to(jsonb_strip_nulls(to_jsonb(r))::text, 'UTF8'))"
_LINK = (
    "sha256(convert_to(concat_ws('|', length(e.stream), e.stream, e.n, e.tbl, e.row_id, encode(e.digest, 'hex'), "
    "coalesce(encode(e.prev, 'hex'), '')), 'UTF8'))"
)


@dataclass(frozen=True)
class Query:
    sql: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tracked:
    """A table under audit. An append-only table is its own past. `shared` are the columns that history keeps.

    `columns` are {name: type} of the past.
    """

    live: str
    past: str
    key: str
    shared: tuple[str, ...]
    columns: dict[str, str]

    @property
    def has_history(self) -> bool:
        return self.live != self.past


def tracked_tables() -> list[Tracked]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT t.live, t.past, t.key, coalesce(
              (SELECT array_agg(l.attname::text ORDER BY l.attnum)
               FROM pg_attribute l JOIN pg_attribute p ON p.attname = l.attname AND p.attrelid = t.past::regclass
               WHERE l.attrelid = t.live::regclass AND l.attnum > 0 AND NOT l.attisdropped
                 AND p.attnum > 0 AND NOT p.attisdropped AND l.attname <> ALL (%s)), '{}'),
              (SELECT jsonb_object_agg(attname, atttypid::regtype) FROM pg_attribute
               WHERE attrelid = t.past::regclass AND attnum > 0 AND NOT attisdropped)::text
            FROM audit_tracked t ORDER BY t.past
            """,
            [list(HISTORY_COLUMNS)],
        )
        return [
            Tracked(live, past, key, tuple(shared), json.loads(columns))
            for live, past, key, shared, columns in cursor.fetchall()
        ]


def links(stream: str | None = None) -> Query:
    """Entries whose fingerprint is wrong, or that do not follow the one before."""
    where = "e.stream = %(stream)s AND " if stream else ""
    return Query(
        f"""
        SELECT CASE WHEN e.n > 1 AND p.id IS NULL THEN 'gap' WHEN e.prev IS DISTINCT FROM p.hash THEN 'link' ELSE 'entry' END,
               e.tbl, e.row_id, e.stream, '#' || e.n
        FROM audit_entry e LEFT JOIN audit_entry p ON p.stream = e.stream AND p.n = e.n - 1
        WHERE {where} (e.prev IS DISTINCT FROM p.hash OR (e.n > 1 AND p.id IS NULL) OR e.hash <> {_LINK})
        """,
        {"stream": stream} if stream else {},
    )


def rows(table: Tracked, stream: str | None = None) -> list[Query]:
    """Rows of one table against their entries and, where there is history, live rows against their newest history."""
    if stream:
        queries = [_rows_of_stream(table)] + ([_live_of_stream(table)] if table.has_history else [])
    else:
        queries = [_rows(table), _lost_rows(table)] + ([_live(table), _lost_live(table)] if table.has_history else [])
    return [Query(sql, {"stream": stream} if stream else {}) for sql in queries]


def _rows(table: Tracked) -> str:
    return f"""
        SELECT CASE WHEN e.id IS NULL THEN 'unrecorded' ELSE 'edited' END, '{table.past}', r.{table.key}::bigint, e.stream, ''
        FROM "{table.past}" r LEFT JOIN audit_entry e ON e.tbl = '{table.past}' AND e.row_id = r.{table.key}
        WHERE e.id IS NULL OR (e.digest <> {_quick_digest(table)} AND e.digest <> {_DIGEST})"""


def _quick_digest(table: Tracked) -> str:
    """The same digest from text that is put together column by column, in less time than to_jsonb on a wide row.

    It may differ from the canonical one (a line break in a text, say); then that one decides. It never agrees with a digest
    that the canonical one does not agree with: quotes and backslashes are escaped, so no two rows give one text.
    """
    names = sorted(table.columns, key=lambda name: (len(name.encode()), name.encode()))  # the order of jsonb
    parts = ", ".join(f"""'"{name}": ' || {_as_json(name, table.columns[name])}""" for name in names)
    return f"sha256(convert_to('{{' || concat_ws(', ', {parts}) || '}}', 'UTF8'))"


def _as_json(name: str, kind: str) -> str:
    """A column as jsonb writes it; NULL for NULL, which leaves it out."""
    column = f'r."{name}"'
    if kind in ("smallint", "integer", "bigint"):
        return column
    if kind == "boolean":
        return f"CASE WHEN {column} THEN 'true' WHEN NOT {column} THEN 'false' END"
    if kind in ("character varying", "text"):
        return rf"""'"' || replace(replace({column}, E'\\', E'\\\\'), '"', E'\\"') || '"'"""
    if kind in ("date", "uuid"):
        return f"""'"' || {column} || '"'"""
    if kind == "timestamp with time zone":
        return f"""'"' || replace({column}::text, ' ', 'T') || ':00"'"""  # the session speaks UTC
    if kind == "bytea":
        return rf"""E'"\\\\x' || encode({column}, 'hex') || '"'"""
    return f"jsonb_strip_nulls(to_jsonb({column}))::text"


def _lost_rows(table: Tracked) -> str:
    return f"""
        SELECT 'missing', e.tbl, e.row_id, e.stream, ''
        FROM audit_entry e
        WHERE e.tbl = '{table.past}' AND NOT EXISTS (SELECT 1 FROM "{table.past}" r WHERE r.{table.key} = e.row_id)"""


def _rows_of_stream(table: Tracked) -> str:
    return f"""
        SELECT CASE WHEN r.{table.key} IS NULL THEN 'missing' ELSE 'edited' END, e.tbl, e.row_id, e.stream, ''
        FROM audit_entry e LEFT JOIN "{table.past}" r ON r.{table.key} = e.row_id
        WHERE e.stream = %(stream)s AND e.tbl = '{table.past}' AND (r.{table.key} IS NULL OR e.digest <> {_DIGEST})"""


def _live(table: Tracked) -> str:
    return f"""
        SELECT CASE WHEN h.id IS NULL OR h.history_type = '-' THEN 'live_unrecorded' ELSE 'live_edited' END,
               '{table.live}', l.id::bigint, e.stream, {_differing(table)}
        FROM "{table.live}" l
        LEFT JOIN ({_newest(table)}) h ON h.id = l.id
        LEFT JOIN audit_entry e ON e.tbl = '{table.past}' AND e.row_id = h.history_id
        WHERE h.id IS NULL OR h.history_type = '-' OR {_differ(table)}"""


def _lost_live(table: Tracked) -> str:
    return f"""
        SELECT 'live_missing', '{table.live}', h.id::bigint, e.stream, ''
        FROM ({_newest(table)}) h LEFT JOIN audit_entry e ON e.tbl = '{table.past}' AND e.row_id = h.history_id
        WHERE h.history_type <> '-' AND NOT EXISTS (SELECT 1 FROM "{table.live}" l WHERE l.id = h.id)"""


def _live_of_stream(table: Tracked) -> str:
    return f"""
        SELECT CASE WHEN l.id IS NULL THEN 'live_missing' WHEN h.history_type = '-' THEN 'live_unrecorded' ELSE 'live_edited' END,
               '{table.live}', h.id::bigint, %(stream)s, CASE WHEN l.id IS NOT NULL THEN {_differing(table)} END
        FROM (SELECT DISTINCT r.id FROM audit_entry e JOIN "{table.past}" r ON r.history_id = e.row_id
              WHERE e.stream = %(stream)s AND e.tbl = '{table.past}') s
        CROSS JOIN LATERAL (SELECT * FROM "{table.past}" x WHERE x.id = s.id ORDER BY x.history_id DESC LIMIT 1) h
        LEFT JOIN "{table.live}" l ON l.id = h.id
        WHERE (l.id IS NULL) <> (h.history_type = '-') OR (l.id IS NOT NULL AND {_differ(table)})"""


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


def guards(tables: list[Tracked]) -> Query:
    """Triggers that should be there and fire always, even for a replica's session, and do not."""
    append_only = ("audit_append_only", "audit_no_truncate")
    wanted = {(name, trigger) for name in ("audit_entry", "audit_checkpoint") for trigger in append_only}
    wanted.add(("audit_due", "audit_settle"))
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
