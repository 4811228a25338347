"""Closing a month: two persons, in order, after it has ended. A closed month takes no entry, and its totals stay.

What comes late is entered in the month that is open and names what it belongs to.
"""

import calendar
import datetime
import hashlib
import json
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from access.models import OrgUnit
from audit import clock
from funds import proposals
from funds.errors import WrongProposal
from funds.models import Payment, Period, PeriodTotal, Proposal


def last_closed(unit: Any) -> Period | None:
    return Period.objects.filter(unit=unit).order_by("-year", "-month").first()


def next_to_close(unit: Any) -> tuple[int, int] | None:
    """(year, month) that may be closed next: the one after the last, or the first with entries; None without any."""
    last = last_closed(unit)
    if last:
        return (last.year + last.month // 12, last.month % 12 + 1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(t.business_date) FROM funds_transfer t JOIN funds_account d ON d.id = t.debit_id"
            " JOIN funds_fund f ON f.id = d.fund_id WHERE f.unit_id = %s",
            [unit.pk],
        )
        first = cursor.fetchone()[0]
    return (first.year, first.month) if first else None


def month_ends(year: int, month: int) -> datetime.date:
    return datetime.date(year, month, calendar.monthrange(year, month)[1])


def propose_closing(unit: OrgUnit, year: int, month: int, **how: Any) -> Proposal:
    """Propose to close a month. Raises WrongProposal when it has not ended or another comes first."""
    _may_close(unit, year, month)
    return proposals.propose("close_period", unit=unit, details={"year": year, "month": month}, **how)


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


def unanswered(unit: Any, until: datetime.date) -> int:
    """Payments that left before the month's end and that no bank has answered; the closing names them, it does not wait."""
    return Payment.objects.filter(
        state__in=("sent", "unknown"), sent_on__lte=until, reservation__allocation__fund__unit=unit
    ).count()


_TOTALS = """
SELECT a.id, coalesce(b.opening, 0)::bigint, coalesce(x.debit, 0)::bigint, coalesce(x.credit, 0)::bigint
FROM funds_account a JOIN funds_fund f ON f.id = a.fund_id
LEFT JOIN (SELECT account, sum(fen) AS opening FROM (
    SELECT credit_id AS account, amount_fen AS fen FROM funds_transfer WHERE business_date < %(first)s
    UNION ALL SELECT debit_id, -amount_fen FROM funds_transfer WHERE business_date < %(first)s) m GROUP BY 1) b ON b.account = a.id
LEFT JOIN (SELECT account, sum(d) AS debit, sum(c) AS credit FROM (
    SELECT credit_id AS account, 0 AS d, amount_fen AS c FROM funds_transfer WHERE business_date BETWEEN %(first)s AND %(last)s
    UNION ALL SELECT debit_id, amount_fen, 0 FROM funds_transfer WHERE business_date BETWEEN %(first)s AND %(last)s) m GROUP BY 1) x ON x.account = a.id
WHERE f.unit_id = %(unit)s ORDER BY a.id
"""


def totals_of(unit_id: int, year: int, month: int) -> list[tuple[int, int, int, int]]:
    """[(account id, opening, debit, credit)] of a month, from the transfers, in fen."""
    with connection.cursor() as cursor:
        cursor.execute(
            _TOTALS,
            {"unit": unit_id, "first": datetime.date(year, month, 1), "last": month_ends(year, month)},
        )
        return cursor.fetchall()


@proposals.carries_out("close_period")
def _close(proposal: Proposal) -> dict[str, Any]:
    year, month = proposal.details["year"], proposal.details["month"]
    _may_close(proposal.unit, year, month)
    with connection.cursor() as cursor:
        # Entries of this unit that are under way are finished first, and later ones find the month closed.
        cursor.execute("SELECT pg_advisory_xact_lock(20260615, %s)", [proposal.unit_id])
        cursor.execute(
            "SELECT count(*) FROM funds_transfer t JOIN funds_account d ON d.id = t.debit_id JOIN funds_fund f ON f.id = d.fund_id"
            " WHERE f.unit_id = %s AND t.business_date BETWEEN %s AND %s",
            [proposal.unit_id, datetime.date(year, month, 1), month_ends(year, month)],
        )
        count = cursor.fetchone()[0]
    totals = totals_of(proposal.unit_id, year, month)
    period = Period.objects.create(
        unit=proposal.unit,
        year=year,
        month=month,
        proposal=proposal,
        closed_on=clock.today(),
        transfers=count,
        digest=digest_of(totals),
    )
    PeriodTotal.objects.bulk_create(
        [
            PeriodTotal(
                period=period,
                account_id=account,
                opening_fen=opening,
                debit_fen=debit,
                credit_fen=credit,
                closing_fen=opening + credit - debit,
            )
            for account, opening, debit, credit in totals
        ]
    )
    return {"period": period.pk, "transfers": count}


def digest_of(totals: list[tuple[int, int, int, int]]) -> str:
    """The fingerprint of a month: SHA-256 over its totals in the order of the accounts."""
    return hashlib.sha256(json.dumps([list(row) for row in totals]).encode()).hexdigest()


def changed_periods() -> list[Period]:
    """Closed months whose totals are not those of their transfers any more; sound books have none."""
    changed = []
    for period in Period.objects.order_by("pk"):
        written = list(
            period.totals.order_by("account").values_list("account", "opening_fen", "debit_fen", "credit_fen")
        )
        accounts = {row[0] for row in written}
        now = [row for row in totals_of(period.unit_id, period.year, period.month) if row[0] in accounts]
        if digest_of(written) != period.digest or now != written:
            changed.append(period)
    return changed
