"""What tests rest on: the quick way to a migrated database leads to the same one, and what a test commits is gone after it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from django.db import connection

from access.models import OrgUnit
from jobs.models import Job
from tests import databases
from tests.owner import owner, owning_everything

# Every column, constraint, index, trigger and function, in words.
SCHEMA = """
SELECT format('%s.%s %s %s %s', table_name, column_name, udt_name, is_nullable, coalesce(column_default, identity_generation))
  FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT tgenabled::text || ' ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT pg_get_functiondef(p.oid) FROM pg_proc p
  WHERE pronamespace = 'public'::regnamespace AND prokind = 'f' AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1"""


@contextmanager
def migrated(way: Callable[[], Any]) -> Iterator[None]:
    """Django works on a database of its own, migrated within `way`."""
    there, test = connection.settings_dict, connection.settings_dict["TEST"]
    real, usual = there["NAME"], dict(test)
    test.update(NAME=f"{real}_schema", TEMPLATE=None, MIGRATE=True)
    try:
        with way():
            connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        yield
    finally:
        connection.creation.destroy_test_db(real, verbosity=0)
        test.update(usual)


@pytest.mark.torture
def test_the_quick_way_leads_to_the_same_schema(django_db_setup: None, django_db_blocker: Any) -> None:
    found = []
    with django_db_blocker.unblock(), owning_everything():
        for way in (databases.quick_migrations, nullcontext):
            with migrated(way), connection.cursor() as cursor:
                cursor.execute(SCHEMA)
                found.append([text for (text,) in cursor.fetchall()])

    assert len(found[0]) > 3_000
    assert found[0] == found[1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", ["first", "second"])
def test_what_a_test_commits_is_gone_after_it(turn: str) -> None:
    """Whichever of the two comes second finds what the first one found."""
    assert not Job.objects.exists() and OrgUnit.objects.filter(code="990101201201", name="青栗村").count() == 1

    Job.objects.create(kind="x", title="x")
    with owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE access_orgunit DISABLE TRIGGER USER")
        cursor.execute("UPDATE access_orgunit SET name = 'x'")
