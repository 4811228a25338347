"""Until when one looks back: to the end of a business day, or to an instant of the real clock."""

import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from casework.days import full_day, full_moment
from casework.http import YEARS, day_of

# A date is a business day, to its end; a datetime is an instant at which something was written down. The two differ where
# somebody entered late what had happened before, and in the demo, whose business clock is moved.
Until = datetime.date | datetime.datetime


def is_instant(until: Until | None) -> bool:
    return isinstance(until, datetime.datetime)


def read(on: str, at: str = "") -> Until | None:
    """The day or the instant that a request names; None for what is neither."""
    try:
        instant = parse_datetime(at) if at else None
    except ValueError:
        instant = None
    if instant is not None and instant.year in YEARS:
        return instant if timezone.is_aware(instant) else timezone.make_aware(instant)
    return day_of(on)


def condition(until: Until) -> Q:
    """The versions that were written by then. What bypassed the application knows no business day but the real one."""
    if is_instant(until):
        return Q(history_date__lte=until)
    unknown = Q(history_business_date__isnull=True, history_date__date__lte=until)
    return Q(history_business_date__lte=until) | unknown


def words(until: Until | None) -> str:
    if until is None:
        return _("现在")
    return full_moment(until) if is_instant(until) else full_day(until)


def either(text: str) -> Until | None:
    """A day or an instant in one parameter."""
    return read("", text) if "T" in text else read(text)


def local_day(until: Until) -> datetime.date:
    return timezone.localtime(until).date() if isinstance(until, datetime.datetime) else until


def written(row: Any) -> datetime.date:
    """The business day of a version."""
    return row.history_business_date or timezone.localtime(row.history_date).date()
