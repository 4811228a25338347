"""The county of the authorisation matrix, in which every family carries canaries. Built once, never committed."""

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
from tests.privacy import canaries
from tests.world import START, build_world, load_world


@pytest.fixture(scope="module")
def county(django_db_setup: None, django_db_blocker: Any, files_go_to_a_scratch_folder: None) -> Iterator[Matrix]:
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        canaries.plant(patch)
        calendar.forget()
        flow_services.forget()
        with clock.frozen_at(START):
            made = Matrix.of(load_world() if OrgUnit.objects.exists() else build_world())
        logger = logging.getLogger("django")
        before = logger.level
        logger.setLevel(logging.CRITICAL)
        with clock.frozen_at(NOW):
            clock.move_to(NOW)
            yield made
        logger.setLevel(before)
        transaction.set_rollback(True)
