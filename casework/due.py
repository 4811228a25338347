"""How near a deadline is, in words. `deadline` asks the calendar; `due_of` is pure and is told the days that are left."""

import datetime
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from flows import calendar
from flows.errors import CalendarMissing
from flows.parameters import Period

SEVERE_WORKING_DAYS = 5
SOON_WORKING_DAYS = 2


@dataclass(frozen=True)
class Due:
    """`level` groups a queue (severe, overdue, today, soon, later, none); `tone` colours a pill; `words` say it."""

    level: str
    tone: str
    words: str


def still_in_time_from(today: datetime.date, within: Period) -> datetime.date:
    """What waits since this day or a later one is not overdue today; calendar days where no calendar is loaded."""
    day, left = today, within.days
    try:
        while left > 0:
            left -= calendar.is_working_day(day)
            day -= datetime.timedelta(days=1)
    except CalendarMissing:
        return today - datetime.timedelta(days=within.days)
    return day


LEVELS = ("severe", "overdue", "today", "soon", "later", "none")


def level_title(level: str) -> str:
    """The heading of a group in a queue."""
    return {
        "severe": _("严重超期"),
        "overdue": _("超期"),
        "today": _("今天到期"),
        "soon": _("快到期"),
        "later": _("未到期"),
        "none": _("没有期限"),
    }[level]


def deadline(date: datetime.date | None, today: datetime.date) -> Due:
    """What to say about a deadline, in working days; in calendar days while that year's calendar is not loaded."""
    return due_of(date, today, None if date is None else calendar.known_working_days_left(today, date))


def due_of(date: datetime.date | None, today: datetime.date, working_days_left: int | None = None) -> Due:
    """What to say about a deadline on `date`. Without `working_days_left` calendar days are counted, and said so."""
    if date is None:
        return Due("none", "end", _("没有期限"))
    if date == today:
        return Due("today", "soon", _("今天到期"))
    left = (date - today).days if working_days_left is None else working_days_left
    if date < today:
        return _overdue(abs(left), counted_in_working_days=working_days_left is not None)
    if (date - today).days == 1:
        return Due("soon", "soon", _("明天到期"))
    if working_days_left is None:
        words = ngettext("还剩 %(days)d 天", "还剩 %(days)d 天", left) % {"days": left}
    else:
        words = ngettext("还剩 %(days)d 个工作日", "还剩 %(days)d 个工作日", left) % {"days": left}
    return Due("soon", "soon", words) if left <= SOON_WORKING_DAYS else Due("later", "wait", words)


def notice_words(starts_on: datetime.date, ends_on: datetime.date, today: datetime.date) -> str:
    """Which day of a notice today is. The day it was put up does not count; the last one counts to its end."""
    length, day = (ends_on - starts_on).days, (today - starts_on).days
    if day < 1:
        return _("今天贴出，从明天起公示 %(all)d 天") % {"all": length}
    return _("公示第 %(n)d 天，共 %(all)d 天") % {"n": min(day, length), "all": length}


def _overdue(days: int, counted_in_working_days: bool) -> Due:
    if not days:
        return Due("overdue", "act", _("已超期"))
    if counted_in_working_days:
        words = ngettext("超期 %(days)d 个工作日", "超期 %(days)d 个工作日", days) % {"days": days}
    else:
        words = ngettext("超期 %(days)d 天", "超期 %(days)d 天", days) % {"days": days}
    return Due("severe" if days >= SEVERE_WORKING_DAYS else "overdue", "act", words)
