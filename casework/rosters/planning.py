"""How PostgreSQL is to look things up in lists that became long a moment ago."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection, transaction

_OFF = {"enable_seqscan": "off", "jit": "off"}  # what a forbidden plan is taken to cost would set off the compiler
_ONE_BY_ONE = _OFF | {
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "cursor_tuple_fraction": "1",
}


@contextlib.contextmanager
def by_index(*, one_by_one: bool = False) -> Iterator[Any]:
    """A cursor whose look-ups go by index. Nothing has counted the rows of a list that was filled just now: taken for an
    empty table, all of it would be read for each of its lines. `one_by_one` leaves the planner no other way at all.

    What held before holds again afterwards; a cursor of the server keeps the plan with which it was opened.
    """
    wanted = _ONE_BY_ONE if one_by_one else _OFF
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT name, current_setting(name) FROM unnest(%s) name", [list(wanted)])
        before = cursor.fetchall()
        _set(cursor, wanted.items())
        yield cursor
        _set(cursor, before)


def _set(cursor: Any, values: Iterable[tuple[str, str]]) -> None:
    names, settings = zip(*values, strict=True)
    cursor.execute(
        "SELECT set_config(name, value, true) FROM unnest(%s, %s) x (name, value)", [list(names), list(settings)]
    )
