"""One migrated database for a whole run. Migrating takes longer than any test, so it is done once and then copied: for each
worker, for the scratch databases of tests/torture and for those of benchmarks/.

Whoever asks Django for a test database within migrated_once() gets a copy of the template, by Django's own settings.
"""

import fcntl
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.db import connection
from django.db.migrations.operations import AlterField, RunPython
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models.signals import class_prepared

SHARED = "database-template"  # the file by which workers know whether it is there, and who still needs it


@contextmanager
def migrated_once(folder: Path) -> Iterator[str]:
    """Within the block new test databases are copies of one that was migrated; yields its name.

    `folder` is shared by the workers of a run: the first one migrates while the others wait, the last one cleans up.
    """
    test = connection.settings_dict["TEST"]
    usual = {key: test.get(key) for key in ("TEMPLATE", "MIGRATE")}
    name = f"test_{connection.settings_dict['NAME']}_template"
    with _users(folder) as users:
        if not users:
            _make(name)
        users.append(str(os.getpid()))
    test.update(TEMPLATE=name, MIGRATE=False)
    try:
        yield name
    finally:
        test.update(usual)
        with _users(folder) as users:
            users.remove(str(os.getpid()))
            if not users:
                _elsewhere(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def is_there() -> bool:
    """Whether the database that tests would use was kept from another run."""
    with connection._nodb_cursor() as cursor:
        return connection.creation._database_exists(cursor, connection.creation._get_test_db_name())


@contextmanager
def _users(folder: Path) -> Iterator[list[str]]:
    """The process ids that use the template; nobody else reads or changes them meanwhile."""
    path = folder / SHARED
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        users = file.read().split()
        yield users
        file.truncate(0)
        file.write(" ".join(users))


def _make(name: str) -> None:
    """A fresh database of this name, migrated and otherwise empty."""
    there, test = connection.settings_dict, connection.settings_dict["TEST"]
    real, own = there["NAME"], test["NAME"]
    test["NAME"] = name
    try:
        with quick_migrations():
            connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    finally:
        connection.close()
        there["NAME"], test["NAME"] = real, own


@contextmanager
def quick_migrations() -> Iterator[None]:
    """Within the block `migrate` spares itself nearly all of its work, which is drawing historical models anew.

    After each operation Django draws anew whatever hangs together with the changed model over any number of others: here
    that is everything, through OrgUnit and Staff. SQL is written from the changed model and the names of its neighbours;
    where it takes more, all is drawn anew. test_databases.py compares what comes out.
    """
    receivers, often = class_prepared.receivers, gc.get_threshold()
    class_prepared.receivers = []  # simple-history asks each of its models about each that is drawn
    class_prepared.sender_receivers_cache.clear()
    gc.set_threshold(100_000, 50, 100)
    try:
        with (
            patch.object(ProjectState, "_find_reload_model", _itself_and_its_children),
            _redrawing(RunPython),
            _redrawing(AlterField),
        ):
            yield
    finally:
        class_prepared.receivers = receivers
        class_prepared.sender_receivers_cache.clear()
        gc.set_threshold(*often)


def _itself_and_its_children(state: ProjectState, app: str, name: str, delay: bool = False) -> set[tuple[str, str]]:
    found = {(app, name)}
    label = f"{app}.{name}"
    for (other_app, other_name), other in state.models.items():
        if label in [base.lower() for base in other.bases if isinstance(base, str)]:
            found |= _itself_and_its_children(state, other_app, other_name)
    return found


def _redrawing(operation: type[Operation]) -> Any:
    """A patch of an operation that needs what Django draws: it gets both states whole."""
    usual = operation.database_forwards

    def database_forwards(self: Any, app: str, editor: Any, before: ProjectState, after: ProjectState) -> None:
        if operation is RunPython or self.field.primary_key:  # what points to a key takes its type
            for state in (before, after):
                state.__dict__.pop("apps", None)
        usual(self, app, editor, before, after)

    return patch.object(operation, "database_forwards", database_forwards)


def _elsewhere(statement: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)


KEPT = (
    "'django_migrations', 'django_content_type', 'auth_permission',"
    " 'audit_tracked', 'funds_transferrule', 'funds_twopersons', 'flows_way'"
)


def remember() -> None:
    """Keep a copy of what is in the database now, to which as_it_was() goes back. The first copy stays."""
    with connection.cursor() as cursor:
        cursor.execute(_REMEMBER)


def as_it_was() -> None:
    """Take away whatever was committed since remember(). What was written in earnest is not deleted, so the owner takes the
    triggers off first, of the tables that have rows: emptying all of them takes a second. For tests alone.
    """
    _clear("true")


def empty() -> None:
    """Take away everything but what migrations have put in. For tests that count what there is."""
    _clear("false")


def _clear(and_fill: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CLEAR.replace("AND_FILL", and_fill))


_REMEMBER = f"""
DO $$ DECLARE t record; is_there bool; BEGIN
  IF to_regnamespace('remembered') IS NOT NULL THEN RETURN; END IF;
  CREATE SCHEMA remembered;
  CREATE TABLE remembered."sequences" AS
    SELECT schemaname, sequencename, last_value FROM pg_sequences WHERE schemaname = 'public';
  FOR t IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
           AND relname NOT IN ({KEPT}) LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', t.relname) INTO is_there;
    IF is_there THEN EXECUTE format('CREATE TABLE remembered.%I AS TABLE public.%I', t.relname, t.relname); END IF;
  END LOOP;
END $$"""

# Nobody looks at foreign keys meanwhile: the whole is what it was, and that held together.
_CLEAR = f"""
DO $$ DECLARE t record; is_there bool; was_there bool; names text; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR t IN SELECT oid, relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
           AND relname NOT IN ({KEPT}) LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', t.relname) INTO is_there;
    was_there := AND_FILL AND to_regclass(format('remembered.%I', t.relname)) IS NOT NULL;
    CONTINUE WHEN NOT is_there AND NOT was_there;
    EXECUTE format('ALTER TABLE public.%I DISABLE TRIGGER USER', t.relname);
    EXECUTE format('DELETE FROM public.%I', t.relname);
    CONTINUE WHEN NOT was_there;
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO names FROM pg_attribute
      WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
    EXECUTE format('INSERT INTO public.%I (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM remembered.%I',
                   t.relname, names, names, t.relname);
  END LOOP;
  PERFORM setval(format('%I.%I', now.schemaname, now.sequencename), coalesce(was.last_value, now.start_value), was.last_value IS NOT NULL)
    FROM pg_sequences now LEFT JOIN remembered."sequences" was
      ON AND_FILL AND (was.schemaname, was.sequencename) = (now.schemaname, now.sequencename)
    WHERE now.schemaname = 'public' AND now.last_value IS DISTINCT FROM was.last_value;
  FOR t IN SELECT c.relname, g.tgname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
           WHERE NOT g.tgisinternal AND g.tgenabled <> 'A' AND c.relnamespace = 'public'::regnamespace LOOP
    EXECUTE format('ALTER TABLE public.%I ENABLE ALWAYS TRIGGER %I', t.relname, t.tgname);
  END LOOP;
END $$"""
