"""The fixed world of the matrix: built once for the package, in a transaction that is never committed."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from access.models import OrgUnit
from audit import clock
from flows import calendar
from flows import services as flow_services
from tests.authorisation.asking import Matrix
from tests.authorisation.records import NOW
from tests.world import START, build_world, load_world


@pytest.fixture(scope="package")
def matrix(django_db_setup: None, django_db_blocker: Any, files_go_to_a_scratch_folder: None) -> Iterator[Matrix]:
    with django_db_blocker.unblock(), transaction.atomic():
        calendar.forget()
        flow_services.forget()
        with clock.frozen_at(START):
            world = load_world() if OrgUnit.objects.exists() else build_world()
            made = Matrix.of(world)
        with clock.frozen_at(NOW):
            clock.move_to(NOW)  # PostgreSQL has a clock of its own
            yield made
        transaction.set_rollback(True)


@pytest.fixture(autouse=True, scope="package")
def refusals_are_no_news() -> Iterator[None]:
    """Thousands of them are what these tests ask for."""
    logger = logging.getLogger("django")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two groups, so that each of two workers builds the world once and not for every test that comes its way."""
    for item in items:
        if "tests/authorisation/" in item.nodeid:
            item.add_marker(pytest.mark.xdist_group(f"authorisation-{sum(map(ord, item.nodeid)) % 2}"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many cells were tried, over all workers."""
    told = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "cells" and getattr(report, "when", "") == "call"
    ]
    if told:
        cells, leaks, denials = (sum(each) for each in zip(*told, strict=True))
        terminalreporter.write_line(f"authorisation: {cells} cells, {leaks} leaks, {denials} false denials")


@pytest.fixture(autouse=True)
def business_day() -> Iterator[None]:
    """Three weeks after the day on which everything was prepared."""
    with clock.frozen_at(NOW):
        yield
