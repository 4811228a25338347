"""`manage.py walkthrough`: one case of each kind to its end, and what it prints."""

import csv
import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command

from access.units import import_org_units
from casework.models import Case
from casework.walkthrough import NotHere, walk
from families.importing.register_import import import_register
from funds import services as funds
from jobs.models import Outbox
from tests.world import DEMO, World


@pytest.fixture
def village(world: World, tmp_path: Path) -> World:
    """The world with the first sixty households of its village, as the register has them."""
    import_org_units(DEMO / "org-units.csv")
    with open(DEMO / "household-register.csv", encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["村编码"] == world.village.code]
    numbers = set(list(dict.fromkeys(row["户编号"] for row in rows))[:60])
    with open(tmp_path / "village.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(row for row in rows if row["户编号"] in numbers)
    import_register(tmp_path / "village.csv", by=None)
    money = {"programme": "housing_aid", "unit": world.township, "year": 2026, "key": "allocate:housing_aid"}
    funds.receive(world.fund, 30_000_000, key="receive:housing_aid")
    funds.allocate(world.fund, 30_000_000, **money)
    return world


def test_every_kind_of_case_reaches_its_end_and_the_books_agree(village: World) -> None:
    out = io.StringIO()

    call_command("walkthrough", "--json", stdout=out)

    report = json.loads(out.getvalue())
    cases = report["cases"]
    assert {case["programme"] for case in cases} == {
        "family_care",
        "disaster_relief",
        "education_grant",
        "elderly_support",
        "housing_aid",
    }
    assert [case["final"] for case in cases].count("refused") == 1
    assert all(case["final"] in ("closed", "refused") for case in cases)
    assert any("emergency_released" in case["path"] and "makeup" in case["path"] for case in cases)
    assert any("returned" in case["path"] for case in cases)
    assert any("payment_returned" in case["path"] for case in cases)
    assert any(case["path"].count("between_payments") == 2 for case in cases)
    assert all(case["paid_fen"] == case["amount_fen"] for case in cases if case["final"] == "closed")
    assert report["ledger"]["drift_fen"] == 0 and report["ledger"]["transfers"] == 27
    assert report["audit"]["problems"] == [] and report["audit"]["rows"] > 300


def test_it_can_be_walked_again_with_other_families(village: World) -> None:
    first, second = walk(), walk()

    numbers = [case["case_no"] for case in first["cases"] + second["cases"]]
    assert len(set(numbers)) == len(numbers)
    assert Case.objects.filter(case_no__in=numbers).values("household").distinct().count() > len(first["cases"])
    acts = sum(Case.objects.values_list("acts", flat=True))
    assert Outbox.objects.filter(topic="case.acted").count() == acts - len(numbers)  # opening promises nothing


def test_it_never_acts_in_everybodys_name_on_real_data(village: World, settings) -> None:
    settings.DEMO = settings.TESTING = False

    with pytest.raises(NotHere):
        walk()
    assert not Case.objects.exists()
