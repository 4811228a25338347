"""The queue of an office: what it is filtered by, how urgent each case is, and which one comes next."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, Count, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import Http404, QueryDict
from django.utils.translation import gettext as _

from access.models import OrgUnit
from access.roles import ROLES
from access.scope import posts_of
from audit import clock
from casework.desks.township.office import Office, places_of
from casework.desks.township.rows import BARRED, Row
from casework.due import LEVELS, SEVERE_WORKING_DAYS, SOON_WORKING_DAYS, Due, deadline, level_title
from casework.models import Case
from casework.parts import CHECKED_IN
from casework.queries import COUNT_LIMIT, queue
from flows import calendar
from flows.errors import CalendarMissing
from flows.programmes import PROGRAMMES
from flows.states import STATES
from funds.money import yuan

LEVEL_TONE = {"severe": "act", "overdue": "act", "today": "soon", "soon": "soon", "later": "wait", "none": "end"}
DUE_TONE = {"act": "bad", "soon": "soon", "wait": "muted", "end": "muted"}


def office_queue(user: Any, office: Office) -> QuerySet[Case]:
    """What waits for her roles at this office; a second post at another desk has its own queue."""
    roles = {post.role for post in posts_of(user) if ROLES[post.role].desk == office.desk}
    return queue(user).filter(turn_role__in=roles)


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to. Read from the address, so that a link keeps it and nothing persists silently."""

    place: OrgUnit | None = None
    programme: str = ""
    overdue: bool = False
    mine: bool = False

    @classmethod
    def read(cls, query: QueryDict, user: Any, office: Office) -> "Filters":
        """Raises Http404 for a place or programme that is not among her choices: out of reach is like absent."""
        place, programme = query.get("place", ""), query.get("programme", "")
        units = {unit.code: unit for unit in places_of(user, office)} if place else {}
        if (place and place not in units) or (programme and programme not in PROGRAMMES):
            raise Http404
        return cls(units.get(place), programme, query.get("overdue") == "1", query.get("mine") == "1")

    @property
    def query(self) -> str:
        """For links: "?place=…&mine=1", or nothing."""
        return self._without("")

    def _without(self, name: str, **more: str) -> str:
        query = QueryDict(mutable=True)
        values = {
            "place": self.place.code if self.place else "",
            "programme": self.programme,
            "overdue": "1" if self.overdue else "",
            "mine": "1" if self.mine else "",
        } | more
        query.update({key: value for key, value in values.items() if value and key != name})
        return f"?{query.urlencode()}" if query else ""

    def narrow(self, cases: QuerySet[Case], user: Any, office: Office) -> QuerySet[Case]:
        if self.place:
            cases = cases.filter(**{f"{office.places}_id": self.place.pk})
        if self.programme:
            cases = cases.filter(programme=self.programme)
        if self.overdue:
            cases = cases.filter(due_on__lt=clock.today())
        return cases.exclude(barred(user)) if self.mine else cases

    def chips(self, page: str) -> list[dict[str, Any]]:
        """The two switches, then each narrowing that can be taken off."""
        chips = [
            {
                "label": _("只看我能办的"),
                "on": self.mine,
                "url": page + self._without("mine", mine="" if self.mine else "1"),
            },
            {
                "label": _("只看超期"),
                "on": self.overdue,
                "url": page + self._without("", overdue="" if self.overdue else "1"),
            },
        ]
        for chip in chips:
            chip["removes"] = chip["on"]
        if self.place:
            chips.append({"label": self.place.name, "on": True, "removes": True, "url": page + self._without("place")})
        if self.programme:
            label = PROGRAMMES[self.programme].title
            chips.append({"label": label, "on": True, "removes": True, "url": page + self._without("programme")})
        return chips


def barred(user: Any) -> RawSQL:
    """Cases of her queue in which she may not act: another duty in them, or a family that she is close to.

    The same reasons as casework.acting, as one condition for lists; the review page asks acting itself.
    """
    return RawSQL(BARRED, [user.person_key] * 2, output_field=BooleanField())


class DueWords:
    """Deadlines in words and in borders, counted in working days; in calendar days while a year is not loaded."""

    def __init__(self, today: datetime.date | None = None) -> None:
        self.today = today or clock.today()

    def of(self, date: datetime.date | None) -> Due:
        return deadline(date, self.today)

    def levels(self) -> dict[str, Q]:
        """{level: condition on due_on}, the same borders as `due_of`."""
        severe_before = self._working_day(-SEVERE_WORKING_DAYS)
        later_from = max(self._working_day(SOON_WORKING_DAYS + 1), self.today + datetime.timedelta(days=2))
        return {
            "severe": Q(due_on__lt=severe_before),
            "overdue": Q(due_on__gte=severe_before, due_on__lt=self.today),
            "today": Q(due_on=self.today),
            "soon": Q(due_on__gt=self.today, due_on__lt=later_from),
            "later": Q(due_on__gte=later_from),
            "none": Q(due_on__isnull=True),
        }

    def _working_day(self, n: int) -> datetime.date:
        """The n-th working day after today, or the n-th last one up to today when n is negative."""
        step = datetime.timedelta(days=1 if n > 0 else -1)
        day = self.today if n > 0 else self.today + datetime.timedelta(days=1)
        left = abs(n)
        while left:
            day += step
            left -= self._is_working(day)
        return day

    def _is_working(self, day: datetime.date) -> bool:
        try:
            return calendar.is_working_day(day)
        except CalendarMissing:
            return True


@dataclass(frozen=True)
class Counts:
    """How many wait, all together and by level; counting stops at COUNT_LIMIT, which is shown as "1000+"."""

    total: int
    by_level: dict[str, int]


def count(cases: QuerySet[Case], words: DueWords) -> Counts:
    """One query: the most urgent COUNT_LIMIT + 1 rows, counted by level."""
    first = cases[: COUNT_LIMIT + 1]
    found = Case.objects.filter(pk__in=first.values("pk")).aggregate(
        **{level: Count("pk", filter=condition) for level, condition in words.levels().items()}
    )
    return Counts(sum(found.values()), found)


def groups(
    rows: list[Row], counts: Counts | None, words: DueWords, link: Any, current: int | None = None
) -> list[dict]:
    """The rows of one page by urgency, as parts/_queue_item.html wants them. `link(case)` is the address of a row."""
    found: dict[str, list[dict]] = {level: [] for level in LEVELS}
    for case in rows:
        due = words.of(case.due_on)
        found[due.level].append(
            {
                "url": link(case),
                "case": case,
                "title": case.head_name,
                "place": case.place,
                "figure": yuan(case.amount_fen).removesuffix(".00") if case.amount_fen else "",
                "text": about(case),
                "due": due.words,
                "due_tone": DUE_TONE[due.tone],
                "current": case.pk == current,
            }
        )
    return [
        {
            "title": level_title(level),
            "tone": LEVEL_TONE[level],
            "bad": level == "severe",
            "count": counts.by_level[level] if counts else len(items),
            "items": items,
        }
        for level, items in found.items()
        if items
    ]


def about(case: Row) -> str:
    """The second line of a row: the programme, where it stands, and what is out of the ordinary."""
    words = [str(case.spec.title)]
    if case.state in CHECKED_IN:
        words.append(_("等核查期次"))
    elif case.state in ("objection", "appeal", "exit_review", "county_countersign", "suspended"):
        words.append(str(STATES[case.state].title))
    elif case.return_to:
        words.append(_("退回后重报"))
    if case.tier == "T0":
        words.append(_("先行救助补办"))
    if case.is_barred:
        words.append(_("不能由你办"))
    return _("，").join(words)


def next_case(cases: QuerySet[Case], user: Any, after: tuple[datetime.date | None, int]) -> Case | None:
    """The case that follows (due_on, id) in the queue, else its first: decide and next never stops before the end."""
    cases = cases.exclude(barred(user)).exclude(pk=after[1])
    due_on, pk = after
    later = Q(due_on__isnull=True, pk__gt=pk)
    if due_on is not None:
        later = Q(due_on__gt=due_on) | Q(due_on=due_on, pk__gt=pk) | Q(due_on__isnull=True)
    return cases.filter(later).first() or cases.first()
