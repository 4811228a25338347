"""A set of rows and a single row of one of its subjects, written at the same moment: both stand, one behind the other."""

import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection, transaction

from access.models import OrgUnit
from audit import clock
from audit.context import acting
from audit.history import write_history
from audit.models import Entry
from audit.operations import _chain
from audit.verify import verify
from families import services as families
from families.models import Document, Household
from tests.world import START, World, build_world, load_world

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 101  # the fewest that are chained as a set


@pytest.fixture
def town(transactional_db: None) -> World:
    if OrgUnit.objects.exists():
        return load_world()
    with transaction.atomic():
        return build_world()


def one_while_the_other_is_not_committed(first: Callable[[], Any], second: Callable[[], Any]) -> list[Any]:
    """[result or error]: the second is written after the first was, and before that has committed."""
    written, begun, results = threading.Event(), threading.Event(), [None, None]

    def run(n: int, job: Callable[[], Any]) -> None:
        with clock.frozen_at(START):
            try:
                if n:
                    written.wait(20)
                    begun.set()
                with transaction.atomic():
                    results[n] = job() or "done"
                    if not n:
                        written.set()
                        begun.wait(20)
                        threading.Event().wait(0.5)  # for the second to come to its place in the chain
            except Exception as error:  # noqa: BLE001 - whatever it is, the test names it
                results[n] = error
                written.set()
            finally:
                connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate((first, second))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.mark.parametrize("set_first", [True, False])
def test_a_set_and_a_paper_of_one_of_its_families(town: World, set_first: bool) -> None:
    with transaction.atomic():
        homes = [town.household() for _n in range(MANY)]

    def a_set() -> None:
        with acting(town.township_clerk, reason="import"):
            Household.objects.filter(pk__in=[home.pk for home in homes]).update(remark="核对过")
            write_history(Household, [home.pk for home in homes], "~")

    def a_paper() -> None:
        families.add_document(homes[5], ContentFile(b"x", name="a.txt"), kind="other", by=town.village_clerk)

    jobs = (a_set, a_paper) if set_first else (a_paper, a_set)
    assert one_while_the_other_is_not_committed(*jobs) == ["done", "done"]

    assert (
        Household.objects.filter(remark="核对过").count() == MANY and Document.objects.get().household_id == homes[5].pk
    )
    places = list(Entry.objects.filter(stream=f"household:{homes[5].pk}").order_by("id").values_list("n", flat=True))
    assert places == list(range(1, len(places) + 1))
    assert verify().problems == []


def test_an_older_installation_comes_to_the_same_words(town: World) -> None:
    migration = import_module("audit.migrations.0011_sets_and_single_rows_at_once")
    now = _chain("t", key="history_id", stream="'household:' || r.id", are_subjects=True)[0]
    before = now
    for old, new in (
        migration.DECLARED,
        migration.SET,
        [part.format(table="t", key="history_id") for part in migration.SKIPS],
    ):
        before = before.replace(new, old)
    begin, end = before.index(migration.LOOP), before.index(migration.TAKEN)
    inner = before[begin + len(migration.LOOP) + 2 : end].replace("\n      ", "\n    ")
    before = before[:begin] + inner + migration.END + before[end + len(migration.TAKEN) :]

    assert before != now and "audit_entry_one_place" not in before
    assert migration.waiting(before, "t", "history_id") == now
