"""Databases of its own for what commits in earnest, breaks laws on purpose, or kills.

with scratch.town():            a fresh database with the world of tests/world.py; made once
    with scratch.copy():        a copy of it, a fraction of a second each
"""

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections

from audit import clock
from casework.embedded_postgres.place import ROOT_HOMES
from flows import calendar
from flows import services as flow_services
from tests.owner import owning_everything
from tests.torture import people
from tests.world import START, build_world

PREFIX = "torture_"
_numbers = itertools.count(1)


@contextlib.contextmanager
def town() -> Iterator[str]:
    """Within the block Django works on a fresh database, migrated, with the small township in it; yields its name.

    As the owner of its tables: faults are planted there, and databases made and dropped.
    """
    with owning_everything():
        yield from _town()


def _town() -> Iterator[str]:
    real, test, files = connection.settings_dict["NAME"], connection.settings_dict["TEST"], settings.MEDIA_ROOT
    usual, test["NAME"] = test.get("NAME"), f"{PREFIX}{os.getpid()}_{real}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            settings.MEDIA_ROOT = folder
            connection.close()
            name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
            forget()
            with clock.frozen_at(START):
                people.settle_in(build_world())
            yield name
        finally:
            if is_scratch():
                connections.close_all()
                connection.creation.destroy_test_db(real, verbosity=0)
            test["NAME"], settings.MEDIA_ROOT = usual, files
            forget()


def is_scratch() -> bool:
    return str(connection.settings_dict["NAME"]).startswith(PREFIX)


@contextlib.contextmanager
def copy() -> Iterator[str]:
    """Within the block Django works on a copy of the scratch database that it is connected to; yields its name."""
    original = connection.settings_dict["NAME"]
    if not is_scratch():
        raise RuntimeError(f"{original} is no scratch database")
    name = f"{original}_{next(_numbers)}"
    _use(original)
    _elsewhere(f'CREATE DATABASE "{name}" TEMPLATE "{original}" STRATEGY FILE_COPY')
    try:
        _use(name)
        yield name
    finally:
        _use(original)
        _elsewhere(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _use(name: str) -> None:
    connections.close_all()
    connection.settings_dict["NAME"] = name
    forget()


def forget() -> None:
    """What is kept in memory of one database does not belong to another."""
    calendar.forget()
    flow_services.forget()
    ContentType.objects.clear_cache()


def remove(home: Path) -> None:
    """Delete the files of a server of our own, wherever they lie; nothing else."""
    if home.name != "postgres" and home.parent != ROOT_HOMES:
        raise RuntimeError(f"{home} is not the home of an embedded server")
    shutil.rmtree(home, ignore_errors=True)


def _elsewhere(statement: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)
