"""What an intruder with the owner's rights can do. For tests alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from tests.owner import owner


def run(sql: str, *facts: Any) -> list[tuple]:
    with owner(), connection.cursor() as cursor:
        cursor.execute(sql, facts or None)
        return cursor.fetchall() if cursor.description else []


def settle() -> None:
    """Let the deferred triggers speak now, as they would at commit."""
    run("SET CONSTRAINTS ALL IMMEDIATE")
    run("SET CONSTRAINTS ALL DEFERRED")


@contextmanager
def triggers_off(*tables: str) -> Iterator[None]:
    """Switch the guards of some tables off, and afterwards back on as if nothing had been."""
    settle()
    for table in tables:
        run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield
    settle()
    for table in tables:
        for (name,) in run("SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", table):
            run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
