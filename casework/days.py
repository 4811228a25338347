"""Days and hours in the words of the page's language. On a page the business year is left out; on paper it never is."""

import datetime

from django.conf import settings
from django.utils import dateformat, timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from audit import clock


def speaks_chinese() -> bool:
    return (get_language() or settings.LANGUAGE_CODE).startswith("zh")


_FORMATS = {  # (within the business year, in any other year)
    "zh": {
        "day": ("n月j日 l", "Y年n月j日 l"),
        "day_short": ("n月j日", "Y年n月j日"),
        "moment": ("n月j日 H:i", "Y年n月j日 H:i"),
    },
    "en": {"day": ("D j M", "D j M Y"), "day_short": ("j M", "j M Y"), "moment": ("j M H:i", "j M Y H:i")},
}


def _shown(value: datetime.date | None, name: str, *, on_paper: bool = False) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime.datetime) and timezone.is_aware(value):
        value = timezone.localtime(value)
    near, far = _FORMATS["zh" if speaks_chinese() else "en"][name]
    is_near = value.year == clock.today().year and not on_paper
    return dateformat.format(value, near if is_near else far)


def day(value: datetime.date | None) -> str:
    """4月15日 星期三, Wed 15 Apr; with the year when it is not the business year."""
    return _shown(value, "day")


def day_short(value: datetime.date | None) -> str:
    """4月15日, 15 Apr."""
    return _shown(value, "day_short")


def moment(value: datetime.datetime | None) -> str:
    """4月15日 09:12, 15 Apr 09:12, in the county's time zone."""
    return _shown(value, "moment")


def full_day(value: datetime.date | None) -> str:
    """2026年4月15日, 15 Apr 2026: for papers, which are read in other years."""
    return _shown(value, "day_short", on_paper=True)


def full_moment(value: datetime.datetime | None) -> str:
    """2026年4月15日 09:12, 15 Apr 2026 09:12: for papers."""
    return _shown(value, "moment", on_paper=True)


def saved(value: datetime.datetime | None) -> str:
    """When something was kept, as the person who kept it would say: 今天 15:34; the real day, not the business day."""
    if value is None:
        return ""
    at, now = timezone.localtime(value), timezone.localtime()
    days = (now.date() - at.date()).days
    if days > 1:
        return moment(value)
    return (_("昨天 %(time)s") if days else _("今天 %(time)s")) % {"time": f"{at:%H:%M}"}
