"""A sample of the trail computed again in this process, so that the database's own functions are not believed blindly.

What is compared is what the server computes now with what Python computes from the same facts; whether either is what was
written is asked by audit.proofs. Whoever could make PostgreSQL's sha256() or text forms lie (a superuser, a changed
server) would have to lie alike here.
"""

import hashlib
import secrets
from collections.abc import Iterator

from django.db import connection

from audit import proofs
from audit.leaves import LINK_COLUMNS, facts_joins, leaf_sql, line
from audit.proofs import Tracked

SAMPLE = 300  # entries; a lie about one in a hundred is seen with 95 %


def disagreements(tables: list[Tracked]) -> Iterator[tuple[str, int, str]]:
    """(table, row, stream) of sampled entries and rows whose fingerprint the server computes otherwise."""
    known = {table.past: table for table in tables}
    streams: dict[str, dict[int, str]] = {}
    for stream, n, table, row, digest, before, text_of_set, text_of_leaf, *computed in _entries():
        link = "|".join(map(str, (len(stream), stream, n, table, row, bytes(digest).hex(), bytes(before or b"").hex())))
        expected = [link, text_of_set, text_of_leaf and "\0" + text_of_leaf]
        if [text and hashlib.sha256(text.encode()).digest() for text in expected] != [
            one and bytes(one) for one in computed
        ]:
            yield table, row, stream
        if table in known:
            streams.setdefault(table, {})[row] = stream
    for name, rows in streams.items():
        for row, text, computed in _texts(known[name], list(rows)):
            if hashlib.sha256(text.rstrip(",)").encode()).digest() != bytes(computed):
                yield name, row, rows[row]


def _entries() -> list[tuple]:
    """Random entries, by their numbers: their facts, the texts of their set and leaf, and what the server makes of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id), max(id) FROM audit_entry")
        first, last = cursor.fetchone()
        if first is None:
            return []
        wanted = {first + secrets.randbelow(last - first + 1) for _n in range(SAMPLE)}
        cursor.execute(
            f"""SELECT e.stream, e.n, e.tbl, e.row_id, e.digest, e.prev, e.keys::text || e.digests::text,
                       CASE WHEN salt IS NOT NULL THEN {line()} END,
                       {proofs.LINK}, {proofs.SET_DIGEST}, CASE WHEN salt IS NOT NULL THEN {leaf_sql()} END
                FROM (SELECT {LINK_COLUMNS}, e.digest, e.prev, e.keys, e.digests, l.salt
                      FROM audit_entry e LEFT JOIN audit_leaf l ON l.entry_id = e.id WHERE e.id = ANY (%s)) e
                {facts_joins()}""",
            [sorted(wanted)],
        )
        return cursor.fetchall()


def _texts(table: Tracked, rows: list[int]) -> list[tuple[int, str, bytes]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT r.{table.key}::bigint, r::text, {proofs.DIGEST} FROM "{table.past}" r WHERE r.{table.key} = ANY (%s)',
            [rows],
        )
        return cursor.fetchall()
