"""The rows of an office's queue: one statement, written by hand, because no page is opened more often.

It says the same as `lists.office_queue`, `lists.Filters.narrow` and `lists.barred` say together; a test compares them.
"""

import datetime
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from access.roles import ROLES
from access.scope import posts_of
from audit import clock
from casework.desks.township.office import Office
from flows.programmes import PROGRAMMES
from flows.spec import Spec

# Which duty the turn's main act is, by state: whoever holds another one in the case may not take it.
DUTY_OF_TURN = {
    "objection": "township_check",
    "township_review": "township_check",
    "township_decision": "approve",
    "exit_review": "approve",
    "fund_reserved": "township_check",
    "between_payments": "township_check",
    "suspended": "approve",
    "county_review": "county_review",
    "county_decision": "confirm",
    "county_countersign": "countersign",
    "appeal": "county_review",
}
_DUTIES = " ".join(f"WHEN '{state}' THEN '{duty}'" for state, duty in DUTY_OF_TURN.items())

# The person of a key (given twice) may not act: a family that she is close to, another duty in the case.
BARRED = f"""(casework_case.household_id IN (SELECT casework_close_households(ARRAY[%s::text]))
 OR EXISTS (SELECT 1 FROM casework_caseduty d
   WHERE d.case_id = casework_case.id AND d.person_key = %s AND d.duty <> CASE casework_case.state {_DUTIES} END))"""


@dataclass(frozen=True, slots=True)
class Row:
    """A case as the queue shows it. `place` is the village's name; `is_barred`: it waits for her role, not for her."""

    pk: int
    case_no: str
    head_name: str
    place: str
    programme: str
    state: str
    tier: str
    return_to: str
    amount_fen: int
    due_on: datetime.date | None
    is_barred: bool

    @property
    def spec(self) -> Spec:
        return PROGRAMMES[self.programme]


_SELECT = f"""
SELECT casework_case.id, case_no, head_name, v.name, programme, state, tier, return_to, amount_fen, due_on, {BARRED}
FROM casework_case JOIN access_orgunit v ON v.id = casework_case.village_id
"""


@dataclass
class Rows:
    """The queue of one person at one office, narrowed; a slice of it is one statement. Most urgent first."""

    user: Any
    office: Office
    filters: Any  # lists.Filters
    _conditions: list[str] = field(default_factory=list)
    _facts: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        posts = [
            post
            for post in posts_of(self.user)
            if ROLES[post.role].desk == self.office.desk and post.level in ("village", "township", "county")
        ]
        hers = " OR ".join(f"(casework_case.{post.level}_id = %s AND turn_role = %s)" for post in posts) or "false"
        self._where(f"is_open AND ({hers})", *(fact for post in posts for fact in (post.unit_id, post.role)))
        if self.filters.place:
            self._where(f"casework_case.{self.office.places}_id = %s", self.filters.place.pk)
        if self.filters.programme:
            self._where("programme = %s", self.filters.programme)
        if self.filters.overdue:
            self._where("due_on < %s", clock.today())
        if self.filters.mine:
            self._where(f"NOT {BARRED}", *[self.user.person_key] * 2)

    def _where(self, condition: str, *facts: Any) -> None:
        self._conditions.append(condition)
        self._facts += facts

    def __getitem__(self, part: slice) -> list[Row]:
        first = part.start or 0
        with connection.cursor() as cursor:
            cursor.execute(
                f"{_SELECT} WHERE {' AND '.join(self._conditions)} ORDER BY due_on, casework_case.id LIMIT %s OFFSET %s",
                [*[self.user.person_key] * 2, *self._facts, part.stop - first, first],
            )
            return [Row(*row) for row in cursor.fetchall()]
