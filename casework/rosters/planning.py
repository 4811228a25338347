"""How PostgreSQL is to look things up in lists that became long a moment ago."""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

_OFF = ("enable_seqscan", "jit")  # what a forbidden plan is taken to cost would set off the compiler
_ONE_BY_ONE = ("enable_hashjoin", "enable_mergejoin", "enable_bitmapscan")


@contextlib.contextmanager
def by_index(*, one_by_one: bool = False) -> Iterator[Any]:
    """A cursor whose look-ups go by index. Nothing has counted the rows of a list that was filled just now: taken for an
    empty table, all of it would be read for each of its lines. `one_by_one` leaves the planner no other way at all."""
    off = _OFF + _ONE_BY_ONE if one_by_one else _OFF
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET LOCAL {name} = off" for name in off))
        yield cursor
        cursor.execute("; ".join(f"SET LOCAL {name} TO DEFAULT" for name in off))
