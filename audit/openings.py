"""What leaves are bound to, in clear: for exports that reveal, with a reason in the access log."""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.db import connection

from audit.proofs import Tracked, tracked_tables

_AT_ONCE = 1000


def opened(rows: Iterable[tuple], *, with_sets: bool) -> Iterator[dict[str, Any]]:
    """An opening for each (position, salt, digest, previous, table, row, keys, digests), in the same order.

    The link that many subjects share is opened `with_sets` alone: who asks for one of them is not shown the others. A row
    that is gone has no text; such a trail is broken, and its bundle does not hold either. Of an erased row the text is what is
    left; the record of its erasure, an event of its own, has that text's digest.
    """
    tables, rows = {table.past: table for table in tracked_tables()}, iter(rows)
    while some := list(islice(rows, _AT_ONCE)):
        wanted: dict[str, set[int]] = {}
        for _position, _salt, _digest, _previous, table, row, keys, _digests in some:
            wanted.setdefault(table, set()).update(
                ([row] if keys is None else keys) if keys is None or with_sets else ()
            )
        texts = {table: _texts(tables[table], ids) for table, ids in wanted.items() if table in tables and ids}
        for position, salt, digest, previous, table, row, keys, digests in some:
            opening = {
                "digest": bytes(digest).hex(),
                "position": position,
                "previous": bytes(previous or b"").hex(),
                "salt": bytes(salt).hex(),
            }
            known = texts.get(table, {})
            if keys is None:
                opening["text"] = known.get(row, "")
                if _differs(opening["text"], digest):
                    opening["is_erased"] = True
            elif with_sets:
                opening["keys"] = keys
                opening["digests"] = [bytes(one).hex() for one in digests]
                opening["texts"] = [known.get(key, "") for key in keys]
            yield opening


def _differs(text: str, digest: bytes) -> bool:
    """An erased row; or one that was tampered with, and then no record of an erasure fits it."""
    return bool(text) and hashlib.sha256(text.rstrip(",)").encode()).digest() != bytes(digest)


def _texts(table: Tracked, rows: set[int]) -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT r.{table.key}::bigint, r::text FROM "{table.past}" r WHERE r.{table.key} = ANY (%s)', [list(rows)]
        )
        return dict(cursor.fetchall())
