"""What COPY writes is what was handed over, whatever characters it has."""

import datetime

import pytest

from access.models import OrgUnit
from audit import bulk

pytestmark = pytest.mark.django_db


def test_texts_with_tabs_breaks_and_backslashes_arrive_as_they_are() -> None:
    names = ["村", "一\t二", "一\n二\r三", r"\N", r"C:\n", "", '"引号"']
    ids = bulk.next_ids(OrgUnit, len(names))

    bulk.copy_rows(
        OrgUnit,
        ("id", "code", "name", "level", "valid_from", "valid_to"),
        [
            (pk, f"93{pk}", name, "province", datetime.date(2026, 1, 1), None)
            for pk, name in zip(ids, names, strict=True)
        ],
    )

    rows = OrgUnit.objects.filter(pk__in=ids).order_by("pk")
    assert [row.name for row in rows] == names
    assert {(row.valid_from, row.valid_to) for row in rows} == {(datetime.date(2026, 1, 1), None)}
    assert len(set(ids)) == len(names)
