"""The ledger of the whole demo township against the register in the database; its expected figures are the judge."""

import json
from typing import Any

import pytest

from access.units import import_org_units
from audit.models import Entry
from families.importing.ledger_import import import_ledger
from families.importing.register_import import import_register
from families.models import BankAccount, HardshipCause, HelpReceived, Household, HouseholdMeans
from tests.world import DEMO, World

LEDGER = DEMO / "hardship-ledger.xlsx"
EXPECTED = json.loads((DEMO / "hardship-ledger.expected.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_good_households_come_in_once_and_the_held_ones_stay_out(
    world: World, django_capture_on_commit_callbacks: Any
) -> None:
    import_org_units(DEMO / "org-units.csv")
    with django_capture_on_commit_callbacks(execute=True):  # the register is counted after its commit
        import_register(DEMO / "household-register.csv", by=None)
    accounts_before = BankAccount.objects.count()

    refused = import_ledger(LEDGER, by=world.township_clerk)
    assert not refused.changed and len(refused.errors) >= 24
    assert not Household.objects.filter(is_hardship=True, household_no__startswith="9901012012").exists()

    taken = import_ledger(LEDGER, by=world.township_clerk, good_rows=True)
    hardship = Household.objects.filter(is_hardship=True, household_no__startswith="9901012012")
    assert (taken.households, taken.persons, taken.held_households) == (401, 1346, 23)
    assert hardship.count() == 401
    assert sum(HouseholdMeans.objects.values_list("income_total_fen", flat=True)) == 7_822_100_00
    assert sum(HelpReceived.objects.values_list("amount_fen", flat=True)) == 1_958_600_00
    assert HouseholdMeans.objects.filter(debt_is_lower_bound=True).count() == 23  # "debt_lower_bound_households"
    held = (
        {number for error in EXPECTED["planted"] for number in error.get("holds_back", [])}
        if "planted" in EXPECTED
        else set()
    )
    assert not hardship.filter(household_no__in=held).exists()
    assert HardshipCause.objects.filter(is_main=True).count() == 401
    assert BankAccount.objects.count() > accounts_before
    assert hardship.first().history.filter(history_type="~").get().history_user_id == world.township_clerk.pk

    rows = Entry.objects.count()
    again = import_ledger(LEDGER, by=world.township_clerk, good_rows=True)
    assert again.already_imported and not again.changed and Entry.objects.count() == rows
