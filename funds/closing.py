"""What to look at before a month is closed. It informs; only the laws of the books stop anybody.

@before_closing
def imprest_without_papers(unit, end) -> Finding | None: ...      # in the module of its subject
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from funds import countersigning, periods
from funds.models import Account, DepositAccount, Period, PeriodTotal, Reconciliation, Transfer


@dataclass(frozen=True)
class Finding:
    """One thing that is open at a month's end. `code` says to the page where its rows are."""

    code: str
    words: str
    count: int
    amount_fen: int | None = None


Check = Callable[[Any, datetime.date], Finding]
_checks: list[Check] = []


def before_closing(check: Check) -> Check:
    """Register something to look at; a count of 0 is shown as in order."""
    _checks.append(check)
    return check


def findings(unit: Any, year: int, month: int) -> list[Finding]:
    """All of them, in the order of their registration. A bounded number of queries."""
    end = periods.month_ends(year, month)
    return [check(unit, end) for check in _checks]


@before_closing
def unanswered_payments(unit: Any, end: datetime.date) -> Finding:
    found = periods.unanswered(unit, end).aggregate(n=Count("id"), fen=Sum("amount_fen"))
    return Finding("unanswered", _("交了银行、没有答复的付款"), found["n"], found["fen"] or 0)


@before_closing
def imprest_without_papers(unit: Any, end: datetime.date) -> Finding:
    """What townships handed out of their float and whose papers had not come, by allocation."""
    moved = {
        side: dict(
            Transfer.objects.filter(
                **{f"{side}__kind": Account.Kind.IMPREST_SPENT, f"{side}__fund__unit": unit}, business_date__lte=end
            )
            .order_by()
            .values_list(side)
            .annotate(fen=Sum("amount_fen"))
        )
        for side in ("credit", "debit")
    }
    left = [fen - moved["debit"].get(account, 0) for account, fen in moved["credit"].items()]
    return Finding("imprest", _("发出去、手续没有补齐的备用金"), sum(1 for fen in left if fen), sum(left))


@before_closing
def goods_objected_to(unit: Any, end: datetime.date) -> Finding:
    """Slips whose witness says that it was not so: each is reversed by an entry before the month ends."""
    rows = countersigning.open_objections().filter(slip__made_on__lte=end)
    return Finding(
        "goods_objected", _("见证的人说不是这样、还没有冲正的实物单子"), _in(rows, "slip__store__unit", unit).count()
    )


@before_closing
def second_persons_to_answer(unit: Any, end: datetime.date) -> Finding:
    """What two persons did until then and the second has not confirmed: cash, money of floats, goods."""
    rows = countersigning.unanswered().filter(asked_on__lte=end)
    count = sum(
        _in(rows, place, unit).count()
        for place in ("handover__payment__reservation__village", "spend__reservation__village", "slip__store__unit")
    )
    return Finding("unconfirmed", _("另一个经手人还没有确认的"), count)


def _in(rows: QuerySet[Any], place: str, unit: Any) -> QuerySet[Any]:
    """Rows whose place is the unit or lies within it."""
    return rows.filter(**{f"{place}__{unit.level}": unit})


@before_closing
def accounts_not_reconciled(unit: Any, end: datetime.date) -> Finding:
    """Bank accounts whose balance on the last day nobody has brought together with the books and reviewed."""
    open_then = DepositAccount.objects.filter(unit=unit, opened_on__lte=end).filter(
        Q(ended_on__isnull=True) | Q(ended_on__gt=end)
    )
    if not open_then.exists():
        return Finding("bank", _("还没有登记银行账户，月末余额没法和银行对"), 1)
    done = Reconciliation.objects.filter(on=end, state="reviewed").values("account")
    return Finding("bank", _("月末余额没有和银行对平的账户"), open_then.exclude(pk__in=done).count())


@before_closing
def strange_balances(unit: Any, end: datetime.date) -> Finding:
    """Accounts that stood below nothing on the last day: today's balance, less what moved since.

    The books refuse to go below nothing as they are written; by their dates an entry may still stand before the one
    that gave it the money. One query.
    """

    def later(side: str) -> Coalesce:
        moved = Transfer.objects.filter(**{side: OuterRef("pk")}, business_date__gt=end).order_by().values(side)
        return Coalesce(
            Subquery(moved.annotate(fen=Sum("amount_fen")).values("fen")), 0, output_field=BigIntegerField()
        )

    below = (
        Account.objects.filter(fund__unit=unit)
        .exclude(kind=Account.Kind.SOURCE)
        .annotate(stood_fen=F("credit_fen") - F("debit_fen") - later("credit") + later("debit"))
        .filter(stood_fen__lt=0)
        .aggregate(n=Count("id"), fen=Sum("stood_fen"))
    )
    return Finding("strange", _("余额小于零的账户"), below["n"], below["fen"])


@dataclass(frozen=True)
class MonthLine:
    """One stage of one fund in a month; opening + credit - debit = closing, in fen."""

    fund_id: int
    fund_name: str
    kind: str
    opening_fen: int
    debit_fen: int
    credit_fen: int
    closing_fen: int


def written(period: Period) -> list[MonthLine]:
    """The totals of a closed month, fund by fund and stage by stage. One query."""
    rows = (
        PeriodTotal.objects.filter(period=period)
        .order_by()
        .values_list("account__fund", "account__fund__name", "account__kind")
        .annotate(o=Sum("opening_fen"), d=Sum("debit_fen"), c=Sum("credit_fen"), e=Sum("closing_fen"))
    )
    order = Account.Kind.values
    return sorted(
        (MonthLine(*row) for row in rows), key=lambda line: (line.fund_name, line.fund_id, order.index(line.kind))
    )
