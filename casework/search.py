"""Cases by what somebody typed, a name or its pinyin or a number; and cases with their newest payments.

Payments by what stands on their papers, and what auditors search, all kinds at once, are in casework.auditing.search.
"""

import re
from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from access.roles import Ability
from access.scope import scope
from casework.models import Case
from families.folding import fold
from families.models import HouseholdMember
from flows.states import STATES
from funds.models import Payment

CASE_NO = re.compile(r"\d{4}-\d{6}")
HOUSEHOLD_NO = re.compile(r"\d{15,19}")


@dataclass(frozen=True)
class Found:
    case: Case
    payment: Payment | None

    @property
    def state_title(self) -> Any:
        return STATES[self.case.state].title


def audited_cases(user: Any) -> QuerySet[Case]:
    """Every case that `user` may audit."""
    return scope(user, Ability.AUDIT_READ).filter(Case.objects.all())


def _payments_of_the_case() -> QuerySet[Payment]:
    return Payment.objects.filter(subject=Concat(Value("case:"), Cast(OuterRef("pk"), CharField())))


def words(q: str) -> Q:
    """The cases that `q` names. A number is looked for exactly, a name anywhere in it or at the start of its pinyin."""
    if CASE_NO.fullmatch(q):
        return Q(case_no=q)
    if HOUSEHOLD_NO.fullmatch(q):
        return Q(household_no=q)
    if any(character.isdigit() for character in q):
        return Q(household_no__startswith=q) | Q(case_no__endswith=q)
    folded = fold(q)
    needle = f" {folded}" if folded.isascii() else folded
    member = HouseholdMember.objects.filter(household_id=OuterRef("household_id")).filter(
        Q(person__name_search__contains=needle) | Q(person__name__contains=q)
    )
    return Q(head_name__contains=q) | Q(household__search__contains=needle) | Exists(member)


def with_payments(cases: list[Case]) -> list[Found]:
    """The cases with the newest payment of each, one query."""
    newest = {
        payment.subject: payment
        for payment in Payment.objects.filter(subject__in=[case.subject for case in cases])
        .select_related("batch")
        .order_by("id")
    }
    return [Found(case, newest.get(case.subject)) for case in cases]


def latest_paid(user: Any, count: int = 10) -> list[Found]:
    """What was paid last, for a first page that is not empty."""
    rows = audited_cases(user).filter(Exists(_payments_of_the_case().exclude(state="cancelled")))
    return with_payments(list(rows.select_related("village").order_by("-id")[:count]))
