"""A database of its own for a measurement, beside the real one on the same server, dropped afterwards."""

import contextlib
import os
import tempfile
from collections.abc import Iterator

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from audit import clock
from casework.demo import township
from flows import calendar
from flows import services as flow_services

PREFIX = "scratch_"


@contextlib.contextmanager
def database() -> Iterator[str]:
    """Within the block Django works on a fresh, migrated database with the demo township in it; yields its name."""
    real, test = connection.settings_dict["NAME"], connection.settings_dict["TEST"]
    usual_name, test["NAME"] = test.get("NAME"), f"{PREFIX}{real}_{os.getpid()}"
    files = settings.MEDIA_ROOT
    with tempfile.TemporaryDirectory() as folder, clock.frozen_at(township.FIRST_DAY):
        try:
            settings.MEDIA_ROOT = folder
            name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
            _forget()
            township.set_up()
            yield name
        finally:
            if is_scratch():
                connection.creation.destroy_test_db(real, verbosity=0)
            test["NAME"], settings.MEDIA_ROOT = usual_name, files
            _forget()


def is_scratch() -> bool:
    return str(connection.settings_dict["NAME"]).startswith(PREFIX)


def must_be_scratch() -> None:
    """Every measurement asks this first: what it prepares must never reach real data."""
    if not is_scratch():
        raise RuntimeError(f"{connection.settings_dict['NAME']} is no scratch database")


def _forget() -> None:
    """What processes keep in memory of a database belongs to the other one."""
    calendar.forget()
    flow_services.forget()
    ContentType.objects.clear_cache()


def server() -> str:
    """The conditions of a run, for the record: PostgreSQL version and what decides about commits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT split_part(version(), ' ', 2), current_setting('fsync'), current_setting('synchronous_commit')"
        )
        version, fsync, commit = cursor.fetchone()
    return f"PostgreSQL {version}, fsync {fsync}, synchronous_commit {commit}, {os.cpu_count()} cores"
