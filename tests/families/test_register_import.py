"""The register on its way into the database: complete, with history, and only once."""

import csv
import datetime
from pathlib import Path

import pytest

from access import vault
from access.units import import_org_units
from audit import clock
from audit.models import Entry
from families.importing import register_import
from families.importing.register_import import import_register, may_import
from families.models import Household, HouseholdMember, ImportBatch, Person
from tests.world import DEMO, World

VILLAGE = "990101201202"


@pytest.fixture
def whole_township(world: World) -> World:
    import_org_units(DEMO / "org-units.csv")
    return world


@pytest.fixture
def register(tmp_path: Path) -> Path:
    """The first twenty households of one village of the demo register."""
    return write(tmp_path / "register.csv", rows_of_village()[: 20 * 3])


def rows_of_village() -> list[dict[str, str]]:
    with open(DEMO / "household-register.csv", encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["村编码"] == VILLAGE]
    numbers = list(dict.fromkeys(row["户编号"] for row in rows))[:20]
    return [row for row in rows if row["户编号"] in numbers]


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    numbers = {row["户编号"] for row in rows}
    whole = [row for row in rows_of_village() if row["户编号"] in numbers] if len(rows) == 60 else rows
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(whole)
    return path


def test_an_administrator_imports_only_into_an_empty_register(whole_township: World, register: Path) -> None:
    assert may_import(whole_township.sysadmin)
    import_register(register, by=whole_township.sysadmin)
    assert not may_import(whole_township.sysadmin) and may_import(whole_township.county_reviewer)

    again = import_register(register, by=whole_township.sysadmin)

    assert again.errors and not again.changed


def test_households_and_people_come_in_with_history_and_a_chain(whole_township: World, register: Path) -> None:
    report = import_register(register, by=whole_township.sysadmin)

    assert report.errors == [] and report.changed
    assert Household.objects.count() == report.households > 10
    assert HouseholdMember.objects.filter(valid_to__isnull=True).count() == report.persons
    person = Person.objects.filter(person_key__isnull=False).first()
    past = person.history.get()
    assert past.history_type == "+" and past.history_user_id == whole_township.sysadmin.pk
    assert Entry.objects.filter(table="families_historicalperson", row_id=past.history_id).exists()


def test_id_numbers_are_sealed_and_open_only_for_their_own_row(whole_township: World, register: Path) -> None:
    import_register(register, by=None)

    one, other = Person.objects.filter(person_key__isnull=False)[:2]
    number = vault.unseal(one.id_number_sealed, row=one.id_number_row)
    assert vault.person_key(number) == one.person_key and number.encode() not in bytes(one.id_number_sealed)
    with pytest.raises(vault.DecryptionFailed):
        vault.unseal(one.id_number_sealed, row=other.id_number_row)


def test_importing_the_same_file_twice_changes_nothing(whole_township: World, register: Path) -> None:
    import_register(register, by=None)
    rows = Entry.objects.count()

    again = import_register(register, by=None)

    assert again.already_imported and not again.changed and (again.created, again.updated) == (0, 0)
    assert Entry.objects.count() == rows and ImportBatch.objects.count() == 1


def test_a_changed_fact_is_updated_and_the_old_one_stays_in_history(whole_township: World, tmp_path: Path) -> None:
    rows = rows_of_village()
    import_register(write(tmp_path / "a.csv", rows), by=None)
    rows[0]["健康状况"] = "大病" if rows[0]["健康状况"] != "大病" else "慢性病"
    name = rows[0]["姓名"]

    report = import_register(write(tmp_path / "b.csv", rows), by=None)

    assert (report.created, report.updated) == (0, 1)
    person = Household.objects.get(household_no=rows[0]["户编号"]).head
    assert person.name == name and person.history.count() == 2
    assert person.history.first().health != person.history.last().health


def test_who_moves_to_another_household_leaves_the_first_one_that_day(whole_township: World, tmp_path: Path) -> None:
    rows = rows_of_village()
    moving = next(row for row in rows if row["与户主关系"] != "户主" and row["公民身份号码"])
    import_register(write(tmp_path / "a.csv", rows), by=None)
    target = next(row["户编号"] for row in rows if row["户编号"] != moving["户编号"])
    old = moving["户编号"]
    rows.remove(moving)
    place = max(n for n, row in enumerate(rows) if row["户编号"] == target) + 1
    group = rows[place - 1]["村民小组"]
    rows.insert(place, moving | {"户编号": target, "与户主关系": "亲属", "村民小组": group})

    with clock.frozen_at(datetime.date(2026, 5, 4)):
        import_register(write(tmp_path / "b.csv", rows), by=None)

    memberships = HouseholdMember.objects.filter(person__name=moving["姓名"], household__household_no__in=[old, target])
    assert memberships.get(household__household_no=old).valid_to == datetime.date(2026, 5, 4)
    assert memberships.get(household__household_no=target).valid_to is None


def test_a_file_with_errors_changes_nothing_unless_the_good_rows_are_wanted(
    whole_township: World, tmp_path: Path
) -> None:
    rows = rows_of_village()
    rows[0]["公民身份号码"] = rows[0]["公民身份号码"][:-1] + ("1" if rows[0]["公民身份号码"][-1] != "1" else "2")
    path = write(tmp_path / "bad.csv", rows)

    refused = import_register(path, by=None)
    assert [finding.kind for finding in refused.errors] == ["id_checksum"]
    assert not refused.changed and not Household.objects.exists() and not ImportBatch.objects.exists()

    taken = import_register(path, by=None, good_rows=True)
    assert taken.changed and not Household.objects.filter(household_no=rows[0]["户编号"]).exists()
    assert Household.objects.count() == taken.households == refused.households


def test_an_error_at_the_end_takes_back_what_was_taken_before_and_all_errors_are_told(
    whole_township: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register_import, "CHUNK", 3)
    rows = rows_of_village()
    numbers = list(dict.fromkeys(row["户编号"] for row in rows))
    for row in rows:
        if row["户编号"] in (numbers[10], numbers[-1]):
            row["性别"] = "不详"
    links = Entry.objects.count()

    refused = import_register(write(tmp_path / "bad.csv", rows), by=None)

    assert {finding.household_no for finding in refused.errors} == {numbers[10], numbers[-1]}
    assert (refused.created, refused.updated, refused.unchanged, refused.changed) == (0, 0, 0, False)
    assert not Person.objects.exists() and not Person.history.exists() and Entry.objects.count() == links


def test_a_cancelled_import_leaves_nothing(whole_township: World, register: Path) -> None:
    class Cancelled(Exception):
        """The user's button."""

    def cancel(done: int, step: str) -> None:
        if step == "take":
            raise Cancelled

    with pytest.raises(Cancelled):
        import_register(register, by=None, progress=cancel)
    assert not Household.objects.exists() and not Person.objects.exists()
