"""A sample of the trail computed again in this process, so that the database's own functions are not believed blindly.

Whoever could make PostgreSQL's sha256() or text forms lie (a superuser, a changed server) would have to lie alike here.
"""

import hashlib
import secrets
from collections.abc import Iterator

from django.db import connection

from audit.leaves import LINK_COLUMNS, facts_joins, line
from audit.proofs import Tracked

SAMPLE = 300  # entries, of each kind of check; a lie about one row in a hundred is seen with 95 %


def disagreements(tables: list[Tracked]) -> Iterator[tuple[str, int, str]]:
    """(table, row, stream) of sampled entries whose link, leaf or row has another fingerprint than is stored."""
    known = {table.past: table for table in tables}
    by_table: dict[str, dict[int, tuple[bytes, str]]] = {}
    for entry in _entries():
        table, row, stream, digest, is_set = entry[2], entry[3], entry[0], bytes(entry[4]), entry[7]
        if not _is_own(entry):
            yield table, row, stream
        elif not is_set and table in known:
            by_table.setdefault(table, {})[row] = (digest, stream)
    for name, rows in by_table.items():
        for row, text in _texts(known[name], list(rows)):
            digest, stream = rows[row]
            if hashlib.sha256(text.rstrip(",)").encode()).digest() != digest:
                yield name, row, stream


def _is_own(entry: tuple) -> bool:
    stream, n, table, row, digest, before, hash_, is_set, text_of_set, leaf, text = entry
    facts = (len(stream), stream, n, table, row, bytes(digest).hex(), bytes(before or b"").hex())
    return (
        hashlib.sha256("|".join(map(str, facts)).encode()).digest() == bytes(hash_)
        and (not is_set or hashlib.sha256(text_of_set.encode()).digest() == bytes(digest))
        and (leaf is None or hashlib.sha256(b"\0" + text.encode()).digest() == bytes(leaf))
    )


def _entries() -> list[tuple]:
    """Random entries, by their numbers, with the line of their leaf."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id), max(id) FROM audit_entry")
        first, last = cursor.fetchone()
        if first is None:
            return []
        wanted = {first + secrets.randbelow(last - first + 1) for _n in range(SAMPLE)}
        cursor.execute(
            f"""SELECT e.stream, e.n, e.tbl, e.row_id, e.digest, e.prev, e.hash, e.is_set, e.text_of_set, e.leaf,
                       CASE WHEN e.leaf IS NOT NULL THEN {line()} END
                FROM (SELECT {LINK_COLUMNS}, e.digest, e.prev, e.keys IS NOT NULL AS is_set,
                             e.keys::text || e.digests::text AS text_of_set, l.hash AS leaf, l.salt
                      FROM audit_entry e LEFT JOIN audit_leaf l ON l.entry_id = e.id WHERE e.id = ANY (%s)) e
                {facts_joins()}""",
            [sorted(wanted)],
        )
        return cursor.fetchall()


def _texts(table: Tracked, rows: list[int]) -> list[tuple[int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT r.{table.key}::bigint, r::text FROM "{table.past}" r WHERE r.{table.key} = ANY (%s)', [rows]
        )
        return cursor.fetchall()
