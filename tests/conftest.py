"""Fixtures for everybody. The database is a real PostgreSQL, made by migrations, with all its triggers."""

import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase

from access.models import OrgUnit
from audit import clock
from flows import calendar
from flows import services as flow_services
from tests.owner import giving_up_the_owners_rights, owner
from tests.world import START, World, build_world, load_world


@pytest.fixture(autouse=True)
def business_day(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test happens on Wednesday 2026-04-15 unless it moves the clock."""
    monkeypatch.setattr(calendar, "_TRUST_SECONDS", 3600)  # else a count of queries may meet the turn of a minute
    calendar.forget()
    flow_services.forget()
    with clock.frozen_at(START):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The world is built once and stays; each test works in a transaction that is rolled back.

    Its owner made the database; from here on tests have the rights of the program, which owns nothing. Who attacks as the
    owner says so: tests.owner.
    """
    with django_db_blocker.unblock(), clock.frozen_at(START), transaction.atomic():
        if not OrgUnit.objects.exists():
            build_world()
    with giving_up_the_owners_rights():
        yield


@pytest.fixture
def world(db: None) -> World:
    """The small township, as the database has it; built anew after a test that emptied the database."""
    return load_world() if OrgUnit.objects.exists() else build_world()


@pytest.fixture
def as_the_owner(db: None) -> Iterator[None]:
    """For tests of what holds even against the owner of the tables: laws, guards, and what finds a tamperer."""
    with owner():
        yield


@pytest.fixture(autouse=True, scope="session")
def files_go_to_a_scratch_folder() -> Iterator[None]:
    from django.conf import settings

    with tempfile.TemporaryDirectory() as folder:
        settings.MEDIA_ROOT = folder
        yield


def _empty_the_database(self: TransactionTestCase) -> None:
    """What was written in earnest cannot be truncated, so the owner takes the triggers off first. For tests alone."""
    with owner(), connection.cursor() as cursor:
        cursor.execute(
            """
            DO $$ DECLARE t record; BEGIN
              SET LOCAL client_min_messages = warning;
              FOR t IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                       AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission',
                                           'audit_tracked', 'funds_transferrule', 'funds_twopersons') LOOP
                EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', t.relname);
              END LOOP;
              EXECUTE (SELECT 'TRUNCATE ' || string_agg(format('%I', relname), ', ') || ' RESTART IDENTITY CASCADE'
                       FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                       AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission',
                                           'audit_tracked', 'funds_transferrule', 'funds_twopersons'));
              FOR t IN SELECT c.relname, g.tgname, g.tgenabled FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
                       WHERE NOT g.tgisinternal AND c.relnamespace = 'public'::regnamespace LOOP
                EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', t.relname, t.tgname);
              END LOOP;
            END $$"""
        )


TransactionTestCase._fixture_teardown = _empty_the_database
