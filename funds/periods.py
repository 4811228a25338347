"""Closing a month: two persons, in order, after it has ended. A closed month takes no entry, and its totals stay.

What comes late is entered in the month that is open and names what it belongs to. A year is closed with its December. The
laws and the totals themselves are PostgreSQL's (migrations/0013); the fingerprint is computed here and there, and must agree.
"""

import calendar
import datetime
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from access.models import OrgUnit
from audit import clock
from funds import proof, proposals
from funds.errors import WrongProposal
from funds.models import Payment, Period, Proposal, Transfer


def last_closed(unit: Any) -> Period | None:
    return Period.objects.filter(unit=unit).order_by("-year", "-month").first()


def next_to_close(unit: Any) -> tuple[int, int] | None:
    """(year, month) that may be closed next: the one after the last, or the first with entries; None without any."""
    last = last_closed(unit)
    if last:
        return month_after(last.year, last.month)
    first = first_entry(unit)
    return (first.year, first.month) if first else None


def first_entry(unit: Any) -> datetime.date | None:
    """The day of the first entry in this unit's books."""
    theirs = Q(debit__fund__unit=unit) | Q(credit__fund__unit=unit)
    return Transfer.objects.filter(theirs).order_by("business_date").values_list("business_date", flat=True).first()


def month_after(year: int, month: int) -> tuple[int, int]:
    return year + month // 12, month % 12 + 1


def month_ends(year: int, month: int) -> datetime.date:
    return datetime.date(year, month, calendar.monthrange(year, month)[1])


def is_year_closed(unit: Any, year: int) -> bool:
    """Months are closed in order, so a year is closed with its last month."""
    return Period.objects.filter(unit=unit, year=year, month=12).exists()


@transaction.atomic
def propose_closing(unit: OrgUnit, year: int, month: int, **how: Any) -> Proposal:
    """Propose to close a month. Raises WrongProposal when it has not ended, another comes first, or it is proposed already.

    Of two who propose it at once the second waits for the first, and finds it proposed.
    """
    _lock_books(unit.pk)
    known = Proposal.objects.filter(key=how["key"]).exists()
    if not known:
        _may_close(unit, year, month)
        if waiting_closing(unit):
            raise WrongProposal(_("这个月的结账已经提出，正等第二个人核准。"))
    return proposals.propose("close_period", unit=unit, details={"year": year, "month": month}, **how)


def _lock_books(unit_id: int) -> None:
    """Entries of this unit that are under way are finished first; later ones, and other closings, wait for this one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(20260615, %s)", [unit_id])


def waiting_closing(unit: Any) -> Proposal | None:
    """The closing that waits for its second person."""
    return (
        Proposal.objects.filter(unit=unit, kind="close_period", state="proposed")
        .select_related("proposed_by", "unit")
        .first()
    )


def _may_close(unit: Any, year: int, month: int) -> None:
    turn = next_to_close(unit)
    if turn is None:
        raise WrongProposal(_("还没有记过账，没有可以结的月份。"))
    if (year, month) != turn:
        raise WrongProposal(
            _("要按顺序结账，下一个是 %(year)d 年 %(month)d 月。") % {"year": turn[0], "month": turn[1]}
        )
    if month_ends(year, month) >= clock.today():
        raise WrongProposal(_("%(year)d 年 %(month)d 月还没有过完，过完再结。") % {"year": year, "month": month})


def unanswered(unit: Any, until: datetime.date) -> QuerySet[Payment]:
    """Payments that had left by that day's end and that no bank had answered; the closing names them, it does not wait.

    Told by the entries: the sum is what stood in payment.
    """
    answered = Transfer.objects.filter(
        payment__isnull=False, kind__in=("settle", "bounce"), business_date__lte=until
    ).values("payment")
    sent = Transfer.objects.filter(
        kind="send", business_date__lte=until, debit__fund__unit=unit, reverses__isnull=True
    ).values("payment")
    return Payment.objects.filter(pk__in=sent).exclude(pk__in=answered)


def totals_of(unit_id: int, year: int, month: int) -> list[tuple[int, int, int, int]]:
    """[(account id, opening, debit, credit)] of a month, in fen; accounts that stand still at nothing are left out.

    The opening is what the month before was closed with, so this reads the entries of one month alone.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM funds_month_totals(%s, %s)", [unit_id, datetime.date(year, month, 1)])
        return cursor.fetchall()


@proposals.carries_out("close_period")
def _close(proposal: Proposal) -> dict[str, Any]:
    year, month = proposal.details["year"], proposal.details["month"]
    first = datetime.date(year, month, 1)
    _lock_books(proposal.unit_id)
    _may_close(proposal.unit, year, month)
    with connection.cursor() as cursor:
        cursor.execute("SELECT funds_month_transfers(%s, %s)", [proposal.unit_id, first])
        count = cursor.fetchone()[0]
    period = Period.objects.create(
        unit=proposal.unit,
        year=year,
        month=month,
        proposal=proposal,
        closed_on=clock.today(),
        transfers=count,
        digest=digest_of(totals_of(proposal.unit_id, year, month)),
    )
    return {"period": period.pk, "transfers": count}


def digest_of(totals: Iterable[tuple[int, int, int, int]]) -> str:
    """The fingerprint of a month: SHA-256 over its totals in the order of the accounts."""
    return hashlib.sha256(json.dumps([list(row) for row in totals]).encode()).hexdigest()


def changed_periods() -> list[Period]:
    """Closed months whose totals are not those of their transfers any more; sound books have none."""
    return list(Period.objects.filter(pk__in=[row[0] for row in proof.changed_months()]).order_by("pk"))


def belongs_to(transfers: Iterable[Transfer]) -> dict[int, datetime.date]:
    """{transfer id: the day its payment was sent} for entries that came in a later month than their payment. One query."""
    late = {transfer.pk: transfer for transfer in transfers if transfer.payment_id and transfer.kind != "send"}
    sent = dict(
        Transfer.objects.filter(payment__in={row.payment_id for row in late.values()}, kind="send").values_list(
            "payment_id", "business_date"
        )
    )
    return {
        pk: sent[row.payment_id]
        for pk, row in late.items()
        if row.payment_id in sent and _month(sent[row.payment_id]) < _month(row.business_date)
    }


def _month(day: datetime.date) -> tuple[int, int]:
    return day.year, day.month
