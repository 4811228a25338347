"""Several people at one list at once, in real transactions."""

from typing import Any

import pytest
from django.db import transaction

from audit import clock
from casework.errors import BadCaseData, WrongState
from casework.rosters import building, deciding
from casework.rosters.models import Roster
from families.models import Document
from funds import ledger
from funds.models import CashHandover, Reservation
from tests.casework.test_core_at_once import all_at_once, town  # noqa: F401 - a fixture
from tests.casework.test_rosters import AFTER_NOTICE, LATER, drafted, handed, money, plan, rules, with_the_bank
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_cash_is_handed_over_once_however_often_it_is_pressed(town: World) -> None:  # noqa: F811
    _roster, batch = with_the_bank(town, 1, channel="cash", cash_reason="老人不会用卡")
    payment = batch.payments.get()

    def press(**more: Any) -> Any:
        with clock.frozen_at(LATER):
            return handed(town, payment, **more)

    results = all_at_once(*[press] * 3, lambda: press(by=town.township_clerk))

    assert CashHandover.objects.count() == 1, results
    given = CashHandover.objects.get()
    assert {result for result in results if not isinstance(result, WrongState)} == {given}, results
    assert Document.objects.filter(kind="receipt").count() == 1
    assert ledger.check().drift_fen == 0


def test_of_two_lists_that_pass_the_years_limit_together_one_is_approved(town: World) -> None:  # noqa: F811
    with transaction.atomic():
        rules(town, person_year_cap_fen=500_00, notice={"days": 0, "unit": "calendar"})
        money(town)
        first = drafted(town, 2)
        second = building.create(plan(town, event="mid_autumn"), by=town.township_clerk, key="k2")
        building.fill_by_rule(second.pk, by=town.township_clerk)

    def approve(roster: Roster) -> Any:
        with clock.frozen_at(AFTER_NOTICE):
            return deciding.approve(roster.pk, by=town.township_approver)

    results = all_at_once(lambda: approve(first), lambda: approve(second))

    assert {type(result) for result in results} == {Roster, BadCaseData}, results
    assert Reservation.objects.filter(programme="visit_condolence").count() == 2
    assert sorted(Roster.objects.values_list("state", flat=True)) == ["approved", "draft"]
