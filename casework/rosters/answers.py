"""What a bank's file says of the payments of lists, set by set."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from audit.context import acting
from casework import recusal
from casework.bank_answers import IS_CREDITED
from casework.rosters import paying
from funds import ledger
from funds import services as funds
from funds.bank_files import Said, posts_for
from funds.banking.reasons import CREDITED, RETURNED
from funds.models import Payment


@dataclass(frozen=True, slots=True)
class _Answer:
    payment_id: int
    credited: bool | None
    reason: str
    bank_reference: str
    answered_on: date


@posts_for("roster")
def post_lists(said: list[Said], *, by: Any, key: str) -> Mapping[int, str]:
    """First answers set by set, then one by one what came back after it had been credited.

    Raises what casework.rosters.paying.record refuses with, for what came back late as well. A line that came back waits under "returned" like any other.
    """
    paying.record(
        [
            _Answer(one.payment_id, IS_CREDITED[one.outcome], one.reason, one.reference, one.day)
            for one in said
            if not one.was
        ],
        by=by,
    )
    late = [one for one in said if one.was == CREDITED and one.outcome == RETURNED]
    paying.demand_who_answers({one.subject for one in late}, by)
    recusal.refuse_own_lines([one.subject for one in late], by)
    payments = Payment.objects.select_related("batch", "reservation__allocation").in_bulk(
        [one.payment_id for one in late]
    )
    with acting(by, reason="record_answers"):
        for one in late:
            funds.claw_back(
                payments[one.payment_id], bank_reference=one.reference, reason=one.reason, answered_on=one.day
            )
        ledger.settle_now()
    return {}
