"""Tests log in as the owner of the tables and work as the program, which owns nothing. An attacker becomes the owner again:

with owner():
    cursor.execute("ALTER TABLE ... DISABLE TRIGGER ...")
"""

import contextlib
from collections.abc import Iterator

import psycopg2.extensions
from django.conf import settings
from django.db import connection

from casework.database.logins import APPLICATION


@contextlib.contextmanager
def giving_up_the_owners_rights() -> Iterator[None]:
    """For every connection of this process that is made within the block."""
    settings.DATABASE_ROLE = APPLICATION
    connection.close()
    try:
        yield
    finally:
        settings.DATABASE_ROLE = ""
        connection.close()


@contextlib.contextmanager
def owner(name: str = "none") -> Iterator[None]:
    """Within the block this connection has the rights of the tables' owner, or of the role `name`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('role')")
        before = cursor.fetchone()[0]
    _become(name)
    try:
        yield
    finally:
        if connection.connection.info.transaction_status != psycopg2.extensions.TRANSACTION_STATUS_INERROR:
            _become(before)  # else the rollback does it


@contextlib.contextmanager
def owning_everything() -> Iterator[None]:
    """Within the block this process is the owner again, in every connection that it makes: whoever makes databases must be."""
    usual, settings.DATABASE_ROLE = settings.DATABASE_ROLE, ""
    connection.close()
    try:
        yield
    finally:
        settings.DATABASE_ROLE = usual
        connection.close()


def take_off(table: str, *laws: str) -> None:
    """As the owner, for the rest of this test; its rollback puts them on again."""
    with owner(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'D'", [table])
        if cursor.fetchone()[0]:
            return
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")  # else some are still to speak
        for law in laws:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {law}")


def put_back(table: str, *laws: str) -> None:
    """On again before the rollback: for a world that others work in after it was prepared past these laws."""
    with owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        for law in laws:
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {law}")


def _become(role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('role', %s, false)", [role])
