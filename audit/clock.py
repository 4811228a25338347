"""One business clock. Dates of events come from here; history keeps the real time of entry beside them.

The demo and the tests may move it (`move_to`), for all processes at once, because it is a row in the database.
In production the row cannot be written, and today is today.
"""

import contextlib
import datetime
import time
from collections.abc import Iterator
from contextvars import ContextVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.utils import timezone

from audit.errors import ClockIsReal

_frozen: ContextVar[datetime.date | None] = ContextVar("business_date", default=None)
_seen: tuple[float, datetime.date | None] = (0.0, None)
_TRUST_SECONDS = 1.0  # how long one process may go on with a date that another has just moved


def today() -> datetime.date:
    """The business date in the county's time zone."""
    frozen = _frozen.get()
    if frozen is not None:
        return frozen
    if may_move():
        moved = _moved_date()
        if moved is not None:
            return moved
    return real_today()


def real_today() -> datetime.date:
    """The date on the wall, whatever the demo pretends."""
    return timezone.now().astimezone(ZoneInfo(settings.TIME_ZONE)).date()


def move_to(date: datetime.date | None) -> None:
    """Set the business date for every process of this installation; None returns to the real date.

    Raises ClockIsReal outside demo and test installations.
    """
    if not may_move():
        raise ClockIsReal("The business clock can only be moved in demo mode (CASEWORK_DEMO=1).")
    global _seen
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_businessclock (id, date) VALUES (1, %s) ON CONFLICT (id) DO UPDATE SET date = excluded.date",
            [date],
        )
    _seen = (0.0, None)


@contextlib.contextmanager
def frozen_at(date: datetime.date) -> Iterator[None]:
    """Within the block this thread's business date is `date`. For commands and tests."""
    token = _frozen.set(date)
    try:
        yield
    finally:
        _frozen.reset(token)


def may_move() -> bool:
    """Whether this is an installation for the demo or for tests: in any other the row cannot be written (casework.database.rights)."""
    return settings.DEMO or settings.TESTING


def _moved_date() -> datetime.date | None:
    global _seen
    read_at, date = _seen
    if time.monotonic() - read_at > _TRUST_SECONDS:
        with connection.cursor() as cursor:
            cursor.execute("SELECT date FROM audit_businessclock WHERE id = 1")
            row = cursor.fetchone()
        date = row[0] if row else None
        _seen = (time.monotonic(), date)
    return date
