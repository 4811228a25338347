"""Working days and deadlines. Holidays and make-up working weekends are data that somebody loads each year."""

import csv
import datetime
import time
from calendar import isleap
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from audit.context import acting
from audit.history import write_history
from flows.errors import BadCalendar, CalendarMissing
from flows.models import WorkingDay
from flows.parameters import Period


def add(start: datetime.date, period: Period) -> datetime.date:
    """The last day of `period` that begins the day after `start`.

    Raises CalendarMissing when working days are counted into a year that has not been loaded.
    """
    if period.unit == "calendar":
        return start + datetime.timedelta(days=period.days)
    day, left = start, period.days
    while left:
        day += datetime.timedelta(days=1)
        left -= is_working_day(day)
    return day


def is_working_day(day: datetime.date) -> bool:
    """Raises CalendarMissing for a year that has not been loaded."""
    return day in _working_days(day.year, int(time.monotonic() // _TRUST_SECONDS))


def working_days_left(today: datetime.date, due: datetime.date) -> int:
    """Working days from tomorrow to `due` included; negative when overdue. Raises CalendarMissing."""
    if due >= today:
        return sum(is_working_day(today + datetime.timedelta(days=n)) for n in range(1, (due - today).days + 1))
    return -sum(is_working_day(due + datetime.timedelta(days=n)) for n in range(1, (today - due).days + 1))


def known_working_days_left(today: datetime.date, due: datetime.date) -> int | None:
    """The same for a page: None while a year is not loaded, and calendar days are told instead."""
    try:
        return working_days_left(today, due)
    except CalendarMissing:
        return None


_TRUST_SECONDS = 60  # how long a process may count with a calendar that another has just replaced


@lru_cache(maxsize=16)
def _working_days(year: int, minute: int) -> frozenset[datetime.date]:
    days = WorkingDay.objects.filter(date__year=year)
    if not days.exists():
        raise CalendarMissing(year)
    return frozenset(days.filter(is_working=True).values_list("date", flat=True))


@transaction.atomic
def load(path: Path) -> int:
    """Load a CSV with date, is_working_day (1/0), name. Returns the days named.

    Loading again changes what differs and nothing else; history says who changed a day.

    Raises BadCalendar, naming the line, and changes nothing then.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            days = [_day_of(row, line) for line, row in enumerate(csv.DictReader(file), start=2)]
    except UnicodeDecodeError as error:
        raise BadCalendar(_("这个文件不是 UTF-8 编码。请另存为 CSV UTF-8 再导入。")) from error
    except csv.Error as error:
        raise BadCalendar(_("这个文件读不下去，多半是少了一个引号。请用表格软件另存为 CSV UTF-8 再导入。")) from error
    if not days:
        raise BadCalendar(_("文件里一天也没有。"))
    if len({day.date for day in days}) != len(days):
        raise BadCalendar(_("同一天写了两行，请只留一行。"))
    _write(days)
    forget()
    return len(days)


def _write(days: list[WorkingDay]) -> None:
    known = {day.date: day for day in WorkingDay.objects.filter(date__in=[day.date for day in days])}
    changed = []
    for day in days:
        old = known.get(day.date)
        if old is not None and (old.is_working, old.name) != (day.is_working, day.name):
            old.is_working, old.name = day.is_working, day.name
            changed.append(old)
    created = WorkingDay.objects.bulk_create([day for day in days if day.date not in known])
    WorkingDay.objects.bulk_update(changed, ["is_working", "name"])
    with acting(reason="import_calendar"):
        write_history(WorkingDay, [day.pk for day in created], "+")
        write_history(WorkingDay, [day.pk for day in changed], "~")


def _day_of(row: dict[str, str], line: int) -> WorkingDay:
    if not {"date", "is_working_day", "name"} <= set(row):
        raise BadCalendar(_("缺少列：需要 date、is_working_day、name。"))
    try:
        date = datetime.date.fromisoformat(row["date"] or "")
    except ValueError as error:
        raise BadCalendar(
            _("第 %(line)d 行：日期要写成 2026-04-15 这样，不能是「%(text)s」。") % {"line": line, "text": row["date"]}
        ) from error
    if row["is_working_day"] not in ("0", "1"):
        raise BadCalendar(_("第 %(line)d 行：is_working_day 只能是 1 或 0。") % {"line": line})
    if "\0" in (row["name"] or ""):
        raise BadCalendar(_("第 %(line)d 行：名称里有认不得的字符。") % {"line": line})
    return WorkingDay(date=date, is_working=row["is_working_day"] == "1", name=(row["name"] or "")[:30])


@dataclass(frozen=True)
class LoadedYear:
    """What is known of one year."""

    year: int
    days: int
    working: int

    @property
    def is_whole(self) -> bool:
        return self.days == (366 if isleap(self.year) else 365)


def loaded_years() -> list[LoadedYear]:
    """The years that deadlines can be counted in, newest first."""
    rows = (
        WorkingDay.objects.values("date__year")
        .annotate(days=Count("pk"), working=Count("pk", filter=Q(is_working=True)))
        .order_by("-date__year")
    )
    return [LoadedYear(row["date__year"], row["days"], row["working"]) for row in rows]


def forget() -> None:
    """Read the calendar again at the next question."""
    _working_days.cache_clear()
