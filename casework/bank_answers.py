"""What a bank's file says of the payments of cases, through act() like everything else that happens to a case."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from casework import payments
from casework.acting import act
from casework.models import Case
from flows.errors import NoSuchEdge
from flows.states import STATES
from funds.bank_files import Said, posts_for
from funds.banking.reasons import CREDITED, FAILED, RETURNED, UNCLEAR

TAKE_BACK = "payment_clawed_back"
# What never was credited and is called returned (退票) was simply not paid.
IS_CREDITED = {CREDITED: True, FAILED: False, RETURNED: False, UNCLEAR: None}


@posts_for("case")
def post_cases(said: list[Said], *, by: Any, key: str) -> Mapping[int, str]:
    """First answers first, then what came back after it had been credited.

    Raises what act() refuses with. A case that has ended cannot take its money back; that line is left to a person.
    """
    first = [one for one in said if not one.was]
    payments.record_answers(
        [
            payments.Answer(
                one.payment_id,
                IS_CREDITED[one.outcome],
                one.reason,
                one.reference,
                one.day,
            )
            for one in first
        ],
        by=by,
        key=key,
    )
    late: dict[int, str] = {}
    for one in sorted((one for one in said if one.was == CREDITED and one.outcome == RETURNED), key=_case_id):
        case = Case.objects.select_for_update(no_key=True).get(pk=_case_id(one))
        if not _can_take_back(case):
            late[one.line] = _(
                "个案 %(no)s 已到「%(state)s」，入账后又退票的钱不能自己记回。请资金管理决定怎么办。"
            ) % {
                "no": case.case_no,
                "state": STATES[case.state].title,
            }
            continue
        act(
            case.pk,
            TAKE_BACK,
            by=by,
            key=f"{key}:{one.payment_id}:back",
            reason=one.reason,
            data={
                "payment_id": one.payment_id,
                "bank_reference": one.reference,
                "answered_on": one.day.isoformat(),
            },
        )
    return late


def _can_take_back(case: Case) -> bool:
    try:
        return bool(case.spec.target(case.state, TAKE_BACK, tier=case.tier, return_to=case.return_to))
    except NoSuchEdge:
        return False


def _case_id(one: Said) -> int:
    return int(one.subject.removeprefix("case:"))
