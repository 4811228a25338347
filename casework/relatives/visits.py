"""The county goes to see the family (入户核查) before the money of a worker's relatives is decided: all of them, not a sample."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from access.scope import posts_of
from audit import clock
from casework.errors import BadCaseData, ReasonNeeded
from casework.models import Case, HomeCheck
from casework.preparing import preparing

VISITS = ("county_reviewer",)
BEFORE_MONEY = frozenset(
    {
        *("village_review", "village_notice", "objection", "returned", "township_review", "township_decision"),
        *("county_review", "county_decision", "county_countersign", "makeup"),
    }
)


@dataclass(frozen=True)
class Seen:
    """What the two who went bring home."""

    visited_on: datetime.date
    with_whom: str
    words: str
    as_reported: bool


def record(case_id: int, seen: Seen, *, by: Any) -> HomeCheck:
    """Keep what the county's case officer saw; it is her duty 县级审核, so she decides nothing else of this case.

    The same words of the same day twice are one record. Raises NoSuchCase, WrongState, NotYourTurn, Recused, SecondDuty,
    BadCaseData for a day to come or before the case, ReasonNeeded.
    """
    with preparing(case_id, by, reason="home_check", states=BEFORE_MONEY, roles=VISITS, duty="county_review") as case:
        if not case.opened_on <= seen.visited_on <= clock.today():
            raise BadCaseData(_("入户的日子要在开案以后，不能晚于今天。"))
        if len(seen.words.strip()) < 4 or not seen.with_whom.strip():
            raise ReasonNeeded(_("请写明和谁一起去的，看到、问到了什么。"))
        known = case.home_checks.filter(
            visited_on=seen.visited_on, visitor=by, words=seen.words.strip(), as_reported=seen.as_reported
        ).first()
        return known or HomeCheck.objects.create(
            case=case,
            visited_on=seen.visited_on,
            with_whom=seen.with_whom.strip(),
            words=seen.words.strip(),
            as_reported=seen.as_reported,
            visitor=by,
            visitor_person_key=by.person_key,
        )


def may_record(case: Case, user: Any) -> bool:
    """Whether to show the button: the state and the post are right. What bars her as a person is said when she tries."""
    return case.state in BEFORE_MONEY and any(post.role in VISITS and post.reaches(case) for post in posts_of(user))
