"""How PostgreSQL is to look things up in lists that became long a moment ago."""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction


@contextlib.contextmanager
def by_index() -> Iterator[Any]:
    """A cursor whose look-ups go by index. Nothing has counted the rows of a list that was filled just now: taken for an
    empty table, all of it would be read for each of its lines."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        yield cursor
        cursor.execute("SET LOCAL enable_seqscan = on")
