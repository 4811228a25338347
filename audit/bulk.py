"""Writing many rows with their history: COPY, and INSERT … SELECT into the history table. Inside a transaction.

The same trail as save() leaves, at a fraction of the cost: history names the actor, the reason and the business date of
audit.context, and the triggers chain it set by set.
"""

import csv
import io
import secrets
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

from django.db import connection, models, transaction

from audit.history import write_history

__all__ = ["copy_lines", "copy_rows", "csv_lines", "have_counted", "next_ids", "write_history"]


def copy_rows(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY `rows` (tuples in the order of `columns`) into the model's table. None is NULL; bytes are bytea."""
    copy_lines(model, columns, csv_lines(rows))


def copy_lines(model: type[models.Model], columns: Sequence[str], lines: Iterable[str]) -> None:
    """The same for rows that csv_lines made; a number and a comma may have been put before a line.

    PostgreSQL takes no COPY into a table whose row-level security holds this login: there the rows take a detour.
    """
    table, listed = model._meta.db_table, ", ".join(columns)
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.execute("SELECT row_security_active(%s)", [table])
        is_secured = cursor.fetchone()[0]
        target = f"copied_{table}" if is_secured else table
        if is_secured:
            cursor.execute(f"CREATE TEMP TABLE {target} ON COMMIT DROP AS SELECT {listed} FROM {table} WITH NO DATA")
        cursor.copy_expert(
            f"COPY {target} ({listed}) FROM STDIN (FORMAT csv, NULL '{_NULL}')", io.StringIO("".join(lines))
        )
        if is_secured:
            cursor.execute(f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {target}; DROP TABLE {target}")


def csv_lines(rows: Iterable[Sequence[Any]]) -> list[str]:
    """Each row as COPY reads it; needs no database. The line ends are CR LF, for then either is quoted in a text."""
    lines: list[str] = []
    csv.writer(SimpleNamespace(write=lines.append)).writerows(
        [_NULL if value is None else rf"\x{value.hex()}" if type(value) is bytes else value for value in row]
        for row in rows
    )
    return lines


_NULL = f"null-{secrets.token_hex(16)}"  # what no text can be by chance or by intent


def next_ids(model: type[models.Model], count: int) -> list[int]:
    """`count` fresh primary keys."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH s AS MATERIALIZED (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS name)"
            " SELECT nextval(s.name) FROM s, generate_series(1, %s)",
            [model._meta.db_table, count],
        )
        return [row[0] for row in cursor.fetchall()]


def have_counted(*filled: type[models.Model]) -> None:
    """Once this transaction is committed, have PostgreSQL count what these tables hold.

    Else, until it comes round to that by itself, it plans what comes next as if a table that was filled just now were empty,
    and reads all of it once per row. Not within the transaction: nobody else could count meanwhile.
    """
    tables = [model._meta.db_table for model in filled]
    transaction.on_commit(lambda: _have_counted(tables), robust=True)


def _have_counted(tables: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_count_rows(%s)", [tables])
