"""Help in parts, for reading: what became of each part of a case, and the next part of many cases in one query."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef
from django.utils.translation import gettext as _

from casework.days import day_short
from casework.models import Case
from funds.models import LIVING, Instalment, Payment, Reservation

# Where a case is while parts of its help are still to come.
GOING_ON = ("between_payments", "suspended")
# Where a part may wait for somebody to look; the first one before anything was paid.
CHECKED_IN = ("fund_reserved", "between_payments")


@dataclass(frozen=True)
class Part:
    """One part of a decision and the last payment that was made of it. `state`: waiting, under_way, paid, returned,
    cancelled."""

    row: Instalment
    payment: Payment | None

    @property
    def state(self) -> str:
        if self.row.cancelled_on:
            return "cancelled"
        if self.payment is None:
            return "waiting"
        return {"credited": "paid", "returned": "returned"}.get(self.payment.state, "under_way")

    @property
    def is_open(self) -> bool:
        """Neither paid nor on its way nor given up."""
        return self.state in ("waiting", "returned")

    @property
    def waits_for_check(self) -> bool:
        return waits_for_check(self.row)


def waits_for_check(part: Instalment) -> bool:
    return part.needs_check and part.checked_on is None


def parts_of(reservation: Reservation | None, payments: Iterable[Payment]) -> list[Part]:
    """Every part of a reservation in its order; [] when it is paid at once. One query."""
    if reservation is None:
        return []
    last = {
        payment.instalment: payment
        for payment in payments
        if payment.reservation_id == reservation.pk and payment.state != Payment.State.CANCELLED
    }
    return [Part(row, last.get(row.n)) for row in reservation.instalments.select_related("checked_by").order_by("n")]


def next_of(parts: Iterable[Part]) -> Part | None:
    return next((part for part in parts if part.is_open), None)


def next_parts(cases: Iterable[Case]) -> dict[int, Instalment]:
    """{case: the part that is paid next} of the cases that have one. One query."""
    subjects = {case.subject: case.pk for case in cases}
    spoken_for = Payment.objects.filter(reservation=OuterRef("reservation"), instalment=OuterRef("n"), state__in=LIVING)
    rows = (
        Instalment.objects.filter(
            ~Exists(spoken_for),
            reservation__subject__in=subjects,
            reservation__released_fen__lt=F("reservation__amount_fen"),
            cancelled_on__isnull=True,
        )
        .select_related("reservation")
        .order_by("reservation_id", "n")
        .distinct("reservation_id")
    )
    return {subjects[row.reservation.subject]: row for row in rows}


def what_it_waits_for(part: Instalment, today: datetime.date) -> str:
    """What is still wanting before this part may be paid, in a few words."""
    if waits_for_check(part) and part.due_on > today:
        return _("要先核查，最早 %(day)s付") % {"day": day_short(part.due_on)}
    if waits_for_check(part):
        return _("要先核查")
    if part.due_on > today:
        return _("到 %(day)s才能付") % {"day": day_short(part.due_on)}
    return _("可以付了")
