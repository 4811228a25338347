"""Many rows from one that was made properly, in one statement a table, so that a measurement starts within seconds."""

import contextlib
from collections.abc import Iterator, Sequence

from django.db import connection, models

from audit import bulk

_BIRTH = ("casework_birth_guard", "casework_birth_told")


@contextlib.contextmanager
def midway() -> Iterator[None]:
    """Within the block copies of a case may stand where their source stands, and not where its programme begins."""
    _birth("DISABLE")
    yield
    _birth("ENABLE ALWAYS")


def _birth(verb: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for law in _BIRTH:
            cursor.execute(f"ALTER TABLE casework_case {verb} TRIGGER {law}")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def clone(model: type[models.Model], source_id: int, count: int, **expressions: str) -> list[int]:
    """Copy one row `count` times and return the new keys, in order.

    `expressions` are SQL over the source row `s`, the new key `c.id` and the number of the copy `c.n` (from 1), by column.
    """
    ids = bulk.next_ids(model, count)
    columns = [field.column for field in model._meta.local_concrete_fields]
    values = {column: f's."{column}"' for column in columns} | {model._meta.pk.column: "c.id"} | expressions
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({', '.join(columns)})"
            f" SELECT {', '.join(values[column] for column in columns)}"
            f" FROM {model._meta.db_table} s, unnest(%s) WITH ORDINALITY AS c (id, n)"
            f" WHERE s.{model._meta.pk.column} = %s ORDER BY c.n",
            [ids, source_id],
        )
    return ids


def element(ids: Sequence[int]) -> str:
    """The SQL expression for the n-th of `ids` in a copy."""
    return f"('{{{','.join(map(str, ids))}}}'::bigint[])[c.n]"
