"""What a transaction that stays open has written: whether a refusal left anything, and whether what was done could be committed."""

from functools import cached_property

import psycopg2.extensions
from django.db import DatabaseError, connection

from tests.owner import owner

_WRITTEN = """
SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0
"""


class Traces:
    """Begins with the rows that are there. To be made where the savepoint is set to which everything goes back."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:  # what is put off already; else each look would wait for it
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        self._written = _written()
        _ = self._untouched

    def changed(self) -> list[str]:
        """The tables into which something was written since the last look, taken back or not."""
        before, self._written = self._written, _written()
        return [table for table, rows in self._written.items() if rows != before.get(table, 0)]

    def left(self, changed: list[str]) -> list[str]:
        """Those that have other rows than at the beginning. A row that was changed has left an entry of the chain."""
        return sorted(table for table in changed if _count(table) != self._untouched[table])

    @cached_property
    def _untouched(self) -> dict[str, int]:
        with connection.cursor() as cursor:
            names = [info.name for info in connection.introspection.get_table_list(cursor) if info.type in ("t", "p")]
        return {name: _count(name) for name in names}


def is_broken() -> bool:
    """Whether nothing more can be asked in this transaction but to go back."""
    status = connection.connection.info.transaction_status
    return connection.needs_rollback or status == psycopg2.extensions.TRANSACTION_STATUS_INERROR


def why_not_committed() -> str:
    """What is checked at the end of a transaction is checked now, for here none ends; "" when it holds."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except DatabaseError as refused:
        return str(refused)[:200]
    return ""


def _written() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(_WRITTEN)
        return dict(cursor.fetchall())


def _count(table: str) -> int:
    with owner(), connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM "{table}"')
        return cursor.fetchone()[0]
