"""Payments that are not reconciled: with the bank, lost at the bank, or returned and not sent again; and for how long."""

import datetime
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case as Switch
from django.db.models import CharField, F, IntegerField, Q, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from flows import calendar
from flows.errors import CalendarMissing
from funds.models import Payment

S = Payment.State
RETURNED = "returned_open"  # a choice of the payment list that is no state of a payment by itself
# Money given back for a new decision waits for nobody: it is free, and another payment will follow another approval.
STILL_BOUND = Q(reservation__released_fen__lt=F("reservation__amount_fen"))
CONDITIONS: dict[str, Q] = {
    "sent": Q(state=S.SENT),
    "unknown": Q(state=S.UNKNOWN),
    "returned": Q(state=S.RETURNED, replaced_by__isnull=True) & STILL_BOUND,
}
WAYS: dict[str, Any] = {
    "sent": gettext_lazy("已交银行"),
    "unknown": gettext_lazy("银行没有答复"),
    "returned": gettext_lazy("退回，还没有重发"),
}
OPEN = CONDITIONS["sent"] | CONDITIONS["unknown"] | CONDITIONS["returned"]
WAY = Switch(*(When(condition, then=Value(way)) for way, condition in CONDITIONS.items()), output_field=CharField())
LIMITS = (3, 7, 30)  # working days


@dataclass(frozen=True)
class Band:
    """Sent from `first` to `last`, both included; None is open. The oldest band has no first day, the newest no last."""

    title: str
    first: datetime.date | None
    last: datetime.date | None
    in_working_days: bool

    def query(self, way: str) -> str:
        """Of the payment list, for what is open in this way and of this age."""
        asked = {"state": RETURNED if way == "returned" else way, "from": self.first, "to": self.last}
        return urlencode({name: value for name, value in asked.items() if value})


def bands(today: datetime.date) -> list[Band]:
    """At most 3, 7 and 30 working days since the bank got it, and older; calendar days where no calendar is loaded."""
    try:
        starts, exact = [_working_days_ago(today, limit) for limit in LIMITS], True
    except CalendarMissing:
        starts, exact = [today - datetime.timedelta(days=limit) for limit in LIMITS], False
    before = [None, *(start - datetime.timedelta(days=1) for start in starts)]
    titles = [
        _("3 天以内") if not exact else _("3 个工作日以内"),
        _("4 到 7 天") if not exact else _("4 到 7 个工作日"),
        _("8 到 30 天") if not exact else _("8 到 30 个工作日"),
        _("超过 30 天") if not exact else _("超过 30 个工作日"),
    ]
    return [Band(*row, exact) for row in zip(titles, [*starts, None], before, strict=True)]


def _working_days_ago(today: datetime.date, limit: int) -> datetime.date:
    """The earliest day from which no more than `limit` working days have gone by."""
    day, passed = today, 0
    while True:
        passed += calendar.is_working_day(day)
        if passed > limit:
            return day
        day -= datetime.timedelta(days=1)


def band_of(found: list[Band]) -> Switch:
    """The number of a payment's band. One without a day was never sent and has none."""
    whens = [When(sent_on__gte=band.first, then=Value(number)) for number, band in enumerate(found) if band.first]
    return Switch(*whens, default=Value(len(found) - 1), output_field=IntegerField())
