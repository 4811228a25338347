"""A form of the books sent twice at the very same moment is entered once, and nobody is shown an error."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from access.models import OrgUnit
from funds import budget, receipts
from funds.bank_balance import deposits, sheets
from funds.models import Donor, FundStanding, Proposal, Reconciliation
from tests.casework.test_core_at_once import all_at_once
from tests.world import START, World, build_world, load_world

pytestmark = pytest.mark.django_db(transaction=True)
YESTERDAY = START - datetime.timedelta(days=1)


@pytest.fixture
def town(transactional_db: None) -> World:
    if OrgUnit.objects.exists():
        return load_world()
    with transaction.atomic():
        return build_world()


def an_account(town: World) -> Any:
    with transaction.atomic():
        return deposits.record_account(
            unit=town.county,
            name="专户",
            bank="禾丰农商银行",
            account_no="9999990000000000099",
            opened_on=YESTERDAY,
            by=town.fund_manager,
        )


def pressed(job: Callable[[], Any], times: int = 4) -> set[int]:
    """The rows that came of it. A refusal or an error is none of them, and fails."""
    return {row.pk for row in all_at_once(*[job] * times)}


def test_a_proposal_pressed_four_times_is_one(town: World) -> None:
    how = {"by": town.fund_manager, "key": "pressed", "reason": "退回", "document_no": "财〔2026〕9号"}

    made = pressed(lambda: budget.propose_hand_back(town.fund, 100_000, **how))

    assert made == {Proposal.objects.get().pk} and Proposal.history.count() == 1


def test_a_donor_pressed_four_times_is_one(town: World) -> None:
    made = pressed(lambda: receipts.add_donor(town.county, "company", "爱心企业甲", key="pressed"))

    assert made == {Donor.objects.get().pk}


def test_a_fund_placed_four_times_lies_there_once(town: World) -> None:
    account = an_account(town)

    made = pressed(lambda: deposits.place(town.fund, account, since=START, by=town.fund_manager))

    assert made == {FundStanding.objects.get().pk}


def test_a_reconciliation_pressed_four_times_is_one(town: World) -> None:
    account = an_account(town)
    with transaction.atomic():
        stated = deposits.state_balance(account, on=START, balance_fen=0, reference="4", by=town.fund_manager)

    made = pressed(lambda: sheets.prepare(stated, [], by=town.fund_manager, key="pressed"))

    assert made == {Reconciliation.objects.get().pk}
