"""Whatever way a row is written, history tells of it once the transaction is committed."""

import datetime
import json
from collections.abc import Callable, Iterator

import pytest
from django.core import serializers
from django.db import connection, transaction
from django.test import override_settings

from access.models import OrgUnit
from audit.history import write_history
from audit.verify import verify
from tests.owner import owner

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_database")]
NEW = {"level": "province", "valid_from": datetime.date(2026, 1, 1)}


@pytest.fixture(autouse=True)
def as_the_owner(transactional_db: None) -> Iterator[None]:
    """Some of these ways are open to him alone."""
    with owner():
        yield


def sql(statement: str, *facts: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, facts)


def by_update(unit: OrgUnit) -> None:
    OrgUnit.objects.filter(pk=unit.pk).update(name="新名")


def by_bulk_update(unit: OrgUnit) -> None:
    unit.name = "新名"
    OrgUnit.objects.bulk_update([unit], ["name"])


def by_bulk_create(unit: OrgUnit) -> None:
    OrgUnit.objects.bulk_create([OrgUnit(code="980000", name="新名", **NEW)])


def by_upsert(unit: OrgUnit) -> None:
    OrgUnit.objects.bulk_create(
        [OrgUnit(code=unit.code, name="新名", **NEW)],
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["name"],
    )


def by_raw_update(unit: OrgUnit) -> None:
    sql("UPDATE access_orgunit SET name = '新名' WHERE id = %s", unit.pk)


def by_raw_delete(unit: OrgUnit) -> None:
    sql("DELETE FROM access_orgunit WHERE id = %s", unit.pk)


def by_inner_raw_delete(unit: OrgUnit) -> None:
    OrgUnit.objects.filter(pk=unit.pk)._raw_delete("default")


def by_fixture(unit: OrgUnit) -> None:
    fields = json.loads(serializers.serialize("json", [unit]))
    fields[0]["fields"]["name"] = "新名"
    for loaded in serializers.deserialize("json", json.dumps(fields)):
        loaded.save()


def by_skipping_history(unit: OrgUnit) -> None:
    unit.skip_history_when_saving = True
    unit.name = "新名"
    unit.save()


def by_switching_history_off(unit: OrgUnit) -> None:
    with override_settings(SIMPLE_HISTORY_ENABLED=False):
        unit.name = "新名"
        unit.save()


ROUTES = {
    by_update: "~",
    by_bulk_update: "~",
    by_bulk_create: "+",
    by_upsert: "~",
    by_raw_update: "~",
    by_raw_delete: "-",
    by_inner_raw_delete: "-",
    by_fixture: "~",
    by_skipping_history: "~",
    by_switching_history_off: "~",
}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.__name__)
def test_every_way_around_the_application_leaves_history(route: Callable[[OrgUnit], None]) -> None:
    with transaction.atomic():
        unit = OrgUnit.objects.create(code="970000", name="旧名", **NEW)
    before = OrgUnit.history.count()

    with transaction.atomic():
        route(unit)

    newest = OrgUnit.history.order_by("-history_id").first()
    assert OrgUnit.history.count() == before + 1
    assert newest.history_type == ROUTES[route]
    assert newest.name == ("旧名" if newest.history_type == "-" else "新名")
    assert newest.history_change_reason.startswith("bypassed the application")
    assert verify().problems == []


def test_the_ordinary_way_leaves_exactly_one_row_that_names_no_bypass() -> None:
    with transaction.atomic():
        unit = OrgUnit.objects.create(code="970000", name="旧名", **NEW)
        unit.name = "新名"
        unit.save()
    with transaction.atomic():
        OrgUnit.objects.get(pk=unit.pk).delete()

    rows = OrgUnit.history.filter(id=unit.pk).order_by("history_id")
    assert [row.history_type for row in rows] == ["+", "~", "-"]
    assert not any((row.history_change_reason or "").startswith("bypassed") for row in rows)
    assert verify().problems == []


def test_a_row_that_would_be_committed_before_its_history_is_refused_aloud() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        OrgUnit.objects.create(code="970000", name="旧名", **NEW)


def test_what_is_rolled_back_leaves_neither_history_nor_entry() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        OrgUnit.objects.create(code="970000", name="旧名", **NEW)
        raise ZeroDivisionError

    assert not OrgUnit.history.filter(code="970000").exists()
    assert verify().problems == []


def test_three_thousand_rows_at_once_are_chained_one_by_one() -> None:
    with transaction.atomic():
        OrgUnit.objects.bulk_create(
            [OrgUnit(code=f"96{n:04d}", name=f"第{n}村", **NEW) for n in range(3000)], batch_size=1000
        )

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT stream), max(n) FROM audit_entry "
            "WHERE row_id IN (SELECT history_id FROM access_historicalorgunit WHERE code LIKE '96%%')",
            [],
        )
        assert cursor.fetchone() == (3000, 3000, 1)
    assert verify().problems == []


def test_three_thousand_history_rows_in_one_statement_are_chained_in_order() -> None:
    """What an import does: COPY, then INSERT ... SELECT into history; here with two versions of each row at once."""
    with transaction.atomic():
        OrgUnit.objects.bulk_create([OrgUnit(code=f"95{n:04d}", name="村", **NEW) for n in range(1500)])
        columns = (
            "id, code, name, level, valid_from, valid_to, parent_id, province_id, prefecture_id, county_id, "
            "township_id, village_id, history_date, history_type"
        )
        own = columns.replace(", history_date, history_type", "")
        sql(
            f"INSERT INTO access_historicalorgunit ({columns}) SELECT {own}, now(), kind "
            "FROM access_orgunit, (VALUES ('+'), ('~')) AS k (kind) WHERE code LIKE '95%%' ORDER BY id, kind"
        )

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT stream), max(n) FROM audit_entry WHERE tbl = 'access_historicalorgunit' AND row_id IN (SELECT history_id FROM access_historicalorgunit WHERE code LIKE '95%%')",
            [],
        )
        assert cursor.fetchone() == (3000, 1500, 2)
    assert verify().problems == []


def test_of_many_rows_in_one_statement_only_those_without_history_are_marked() -> None:
    with transaction.atomic():
        OrgUnit.objects.bulk_create([OrgUnit(code=f"94{n:04d}", name="村", **NEW) for n in range(300)])
        ids = list(OrgUnit.objects.filter(code__startswith="94").order_by("code").values_list("pk", flat=True))
        write_history(OrgUnit, ids[1:], "+")
    with transaction.atomic():
        OrgUnit.objects.filter(pk__in=ids).update(name="新名")
        write_history(OrgUnit, ids[:-2], "~")

    marked = OrgUnit.history.filter(id__in=ids, history_change_reason__startswith="bypassed")
    assert list(marked.order_by("history_id").values_list("id", "history_type")) == [
        (ids[0], "+"),
        (ids[-2], "~"),
        (ids[-1], "~"),
    ]
    with transaction.atomic():
        OrgUnit.objects.filter(pk__in=ids)._raw_delete("default")
    assert OrgUnit.history.filter(id__in=ids, history_type="-").count() == 300
    assert verify().problems == []
