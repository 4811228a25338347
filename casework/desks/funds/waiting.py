"""Cases whose money is next: approved, released in an emergency, or returned by the bank and mended.

Each comes with "" or the sentence why it cannot go on a list today, so that nobody learns it from a failed batch.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from access.models import Recusal
from casework.desks.funds.reach import cases_in_reach, posts_for
from casework.digests import approval_digest
from casework.models import Case, CaseDuty
from casework.reissuing import why_not_again
from casework.steps.payment import CHANGED_SINCE_IT_CAME_BACK, unpayable
from families.models import BankAccount, HouseholdMember
from flows.programmes import PROGRAMMES
from flows.states import DUTIES, STATES
from funds.models import Payment, Reservation

WAITING = ("fund_reserved", "emergency_released", "payment_returned")
MOST_AT_ONCE = 500


@dataclass
class Waiting:
    """One case that waits for payment; `because` is "" when it can be listed now."""

    case: Case
    amount_fen: int
    because: str = ""
    returned: Payment | None = None
    fund_name: str = ""

    @property
    def state_title(self) -> Any:
        return STATES[self.case.state].title

    @property
    def programme_title(self) -> Any:
        return PROGRAMMES[self.case.programme].title


def waiting_cases(user: Any, *, programme: str = "", village_id: int | None = None) -> QuerySet[Case]:
    """What waits for payment within reach, the longest waiting first."""
    rows = cases_in_reach(user).filter(state__in=WAITING, is_open=True)
    if programme:
        rows = rows.filter(programme=programme)
    if village_id:
        rows = rows.filter(village_id=village_id)
    return rows.order_by("due_on", "id")


def look_at(cases: Iterable[Case], user: Any) -> list[Waiting]:
    """The cases with their amounts and obstacles.

    A fixed number of queries however many they are, and two more for each that came off a list after the bank had
    returned it, which is rare.
    """
    cases = list(cases)
    subjects = [case.subject for case in cases]
    reserved = {
        row.subject: row
        for row in Reservation.objects.filter(subject__in=subjects).select_related("allocation__fund").order_by("id")
    }
    returned = {
        payment.subject: payment
        for payment in Payment.objects.filter(subject__in=subjects).order_by("id")
        if payment.state == Payment.State.RETURNED
    }
    barred = _barred(cases, user)
    accounts: dict[int, list[BankAccount]] = {}
    for account in BankAccount.objects.filter(household__in=[case.household_id for case in cases], is_active=True):
        accounts.setdefault(account.household_id, []).append(account)
    found = []
    for case in cases:
        reservation = reserved.get(case.subject)
        came_back = returned.get(case.subject)
        back = came_back if case.state == "payment_returned" else None
        found.append(
            Waiting(
                case,
                reservation.amount_fen - reservation.released_fen if reservation else case.amount_fen,
                (why_not_again(case, back) if back else "")
                or (_unsigned(case) if came_back and not back else "")
                or unpayable(case.payee_account, accounts.get(case.household_id, []))
                or barred.get(case.pk, ""),
                back,
                reservation.allocation.fund.name if reservation else "",
            )
        )
    return found


def _unsigned(case: Case) -> str:
    """Taken off a list again after the bank had returned it: the mended account is not what was signed for."""
    if approval_digest(case) == case.approved_digest:
        return ""
    return str(CHANGED_SINCE_IT_CAME_BACK)


def _barred(cases: list[Case], user: Any) -> dict[int, str]:
    """{case id: why this person may not list it}: the rules that act() enforces, for a whole page at once."""
    posts = posts_for(user, "make")
    if not posts:
        return {}
    persons = {user.person_key} | {post.principal_person_key for post in posts if post.principal_id}
    held = {
        duty.case_id: duty.duty
        for duty in CaseDuty.objects.filter(case__in=cases, person_key__in=persons).exclude(duty="list_payment")
    }
    numbers = [case.household_no for case in cases]
    recused = set(
        Recusal.objects.filter(household_no__in=numbers, person_key__in=persons, ended_on__isnull=True).values_list(
            "household_no", flat=True
        )
    )
    related = set(
        HouseholdMember.objects.filter(
            Q(household_id__in=[case.household_id for case in cases]),
            valid_to__isnull=True,
            person__person_key__in=persons,
        ).values_list("household_id", flat=True)
    )
    reasons = {}
    for case in cases:
        if not any(post.reaches(case) for post in posts):
            reasons[case.pk] = _("由这个地方的资金管理列入。")
        elif case.household_no in recused or case.household_id in related:
            reasons[case.pk] = _("你是这家的近亲属，要回避，由别人办。")
        elif case.pk in held:
            reasons[case.pk] = _("这一件里你办过「%(duty)s」，要由别人列入。") % {"duty": DUTIES[held[case.pk]]}
    return reasons
