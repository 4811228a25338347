"""Fixtures for everybody. The database is a real PostgreSQL, made by migrations, with all its triggers."""

import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import TransactionTestCase

from access.models import OrgUnit
from audit import clock
from flows import calendar
from flows import services as flow_services
from tests import databases
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
def django_db_modify_db_settings(
    django_db_modify_db_settings: None,
    django_db_blocker: Any,
    django_db_keepdb: bool,
    django_db_createdb: bool,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Databases are copies of one that was migrated, unless --reuse-db finds one of the last time."""
    folder = tmp_path_factory.getbasetemp()
    is_one_of_many = hasattr(request.config, "workerinput")
    with django_db_blocker.unblock():
        if django_db_keepdb and not django_db_createdb and databases.is_there():
            yield
            return
        with databases.migrated_once(folder.parent if is_one_of_many else folder):
            yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The world is built once and stays; each test works in a transaction that is rolled back.

    Its owner made the database; from here on tests have the rights of the program, which owns nothing. Who attacks as the
    owner says so: tests.owner.
    """
    with django_db_blocker.unblock(), clock.frozen_at(START):
        with transaction.atomic():
            if not OrgUnit.objects.exists():
                build_world()
        databases.remember()
    with giving_up_the_owners_rights():
        yield


@pytest.fixture
def world(db: None) -> World:
    """The small township, as the database has it."""
    return load_world()


@pytest.fixture
def as_the_owner(db: None) -> Iterator[None]:
    """For tests of what holds even against the owner of the tables: laws, guards, and what finds a tamperer."""
    with owner():
        yield


@pytest.fixture
def empty_database(transactional_db: None) -> None:
    """Not even the world is there."""
    with owner():
        databases.empty()


@pytest.fixture(autouse=True, scope="session")
def files_go_to_a_scratch_folder() -> Iterator[None]:
    from django.conf import settings

    with tempfile.TemporaryDirectory() as folder:
        settings.MEDIA_ROOT = folder
        yield


def _back_to_the_world(self: TransactionTestCase) -> None:
    with owner():
        databases.as_it_was()


TransactionTestCase._fixture_teardown = _back_to_the_world
