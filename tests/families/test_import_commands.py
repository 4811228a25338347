"""The commands that scripts call: one JSON object on standard output, and an exit status that tells."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from access.models import OrgUnit
from families.models import Household
from flows.models import WorkingDay
from tests.families.test_register_import import register, rows_of_village, whole_township, write
from tests.world import DEMO, World

__all__ = ["register", "whole_township"]
REPORT = {"households", "persons", "errors", "warnings", "seconds"}


def asked(*command: str) -> dict:
    out = StringIO()
    call_command(*command, "--json", stdout=out)
    return json.loads(out.getvalue())


def refused(*command: str) -> dict:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command(*command, "--json", stdout=out)
    assert ended.value.code == 1
    return json.loads(out.getvalue())


def with_a_mistake(tmp_path: Path) -> Path:
    rows = rows_of_village()
    rows[0]["户编号"] = "12"
    return write(tmp_path / "bad.csv", rows)


def test_a_register_is_judged_then_taken_and_the_second_time_nothing_changes(
    whole_township: World, register: Path
) -> None:
    before = Household.objects.count()

    judged = asked("import_register", str(register), "--dry-run")
    assert judged.keys() >= REPORT and judged["households"] > 0 and Household.objects.count() == before
    taken, again = asked("import_register", str(register)), asked("import_register", str(register))

    assert taken["households"] == judged["households"] == Household.objects.count() - before
    assert again["created"] == again["updated"] == 0 and again["already_imported"]


def test_a_register_with_a_mistake_ends_with_1_and_changes_nothing(whole_township: World, tmp_path: Path) -> None:
    before = Household.objects.count()

    report = refused("import_register", str(with_a_mistake(tmp_path)))

    assert {"sheet", "cell", "kind", "message"} <= report["errors"][0].keys()
    assert Household.objects.count() == before


def test_the_good_rows_of_it_are_taken_when_that_is_meant(whole_township: World, tmp_path: Path) -> None:
    before = Household.objects.count()

    report = asked("import_register", str(with_a_mistake(tmp_path)), "--good-rows")

    assert report["errors"] and Household.objects.count() - before == report["households"] > 0


def test_the_ledger_with_its_planted_errors_ends_with_1(whole_township: World) -> None:
    report = refused("import_ledger", str(DEMO / "hardship-ledger.xlsx"))

    assert report.keys() >= REPORT and len(report["errors"]) >= 24
    assert not Household.objects.filter(is_hardship=True, household_no__startswith="9901012012").exists()


@pytest.mark.parametrize("command", ["import_register", "import_ledger", "import_units", "import_calendar"])
def test_a_file_that_is_not_there_is_refused(db: None, command: str) -> None:
    with pytest.raises(CommandError):
        asked(command, "nowhere.csv")


def test_units_and_calendar_say_what_they_did(world: World) -> None:
    first, again = (asked("import_units", str(DEMO / "org-units.csv")) for _n in range(2))

    assert first["created"] > 0 and OrgUnit.objects.count() == sum(first.values())
    assert again == {"created": 0, "changed": 0, "unchanged": sum(first.values())}
    assert asked("import_calendar", str(DEMO / "working-days.csv")) == {"days": WorkingDay.objects.count()}
