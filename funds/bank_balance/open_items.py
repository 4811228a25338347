"""What stands on one side alone, read from the entries; a person adds what the books do not know. And for how long."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext

from funds.bank_balance.deposits import funds_in
from funds.models import DepositAccount, OpenItem, Reconciliation, Transfer

Side = OpenItem.Side


@dataclass(frozen=True)
class Item:
    """Something that stands on one side alone. `is_sure`: the entries prove it; otherwise a person looks at the bank's paper."""

    side: str
    name: str
    amount_fen: int
    since: datetime.date
    reason: str
    settled_by: str
    ref: str | None = None
    is_sure: bool = False


# Payments that had been sent by that day and that the books did not know the end of, batch by batch. What the bank
# credited by that day, as it said later, it had surely paid; cash was surely drawn; what it returned never left.
_FLYING = """
SELECT b.id, b.number, b.cash_reason IS NOT NULL,
       b.cash_reason IS NOT NULL OR p.state = 'credited' AND p.answered_on <= %(day)s AS sure,
       count(*), sum(p.amount_fen)::bigint, min(s.business_date)
FROM funds_transfer s JOIN funds_account a ON a.id = s.debit_id JOIN funds_payment p ON p.id = s.payment_id
JOIN funds_paymentbatch b ON b.id = p.batch_id
WHERE s.kind = 'send' AND s.business_date <= %(day)s AND a.fund_id = ANY (%(funds)s)
  AND NOT EXISTS (SELECT 1 FROM funds_transfer e WHERE e.payment_id = p.id AND e.kind IN ('settle', 'bounce') AND e.business_date <= %(day)s)
  AND NOT (p.state = 'returned' AND p.answered_on <= %(day)s)
GROUP BY 1, 2, 3, 4 ORDER BY 7, 1, 4
"""
# What was settled has left the books; it leaves the bank when the township's float is made up, which is later.
_IMPREST = """
SELECT coalesce(sum(fen), 0)::bigint, max(day) FROM (
  SELECT CASE WHEN t.reverses_id IS NULL THEN t.amount_fen ELSE -t.amount_fen END AS fen, t.business_date AS day
  FROM funds_transfer t JOIN funds_account a ON a.id = t.debit_id
  WHERE t.kind = 'imprest_settle' AND t.business_date <= %(day)s AND a.fund_id = ANY (%(funds)s)
  UNION ALL
  SELECT -r.amount_fen, r.paid_on
  FROM funds_imprestrefill r JOIN funds_imprestfloat f ON f.id = r.float_id JOIN funds_allocation a ON a.id = f.allocation_id
  WHERE r.paid_on <= %(day)s AND a.fund_id = ANY (%(funds)s)
) AS met
"""
# What goes in and out of the bank besides payments: whether the money comes (+) or goes (-) when it is no reversal, and its name.
_CASH_KINDS: dict[str, tuple[int, Any]] = {
    "receive": (1, _l("收款")),
    "recover": (1, _l("追回")),
    "imprest_return": (1, _l("交回备用金")),
    "clawback": (1, _l("到账后退回")),
    "bounce": (1, _l("银行退回")),
    "hand_back": (-1, _l("上缴或退还")),
    "imprest_advance": (-1, _l("拨备用金")),
    "interfund": (-1, _l("资金间划转")),
}
_RETURNS = ("clawback", "bounce")  # one entry a payment: a festival's list would hide the month's receipts
MOST_ENTRIES = 300  # more than a person compares by hand


def derived(account: DepositAccount, on: datetime.date) -> list[Item]:
    """What may stand on one side alone on that day, the proven first; of the entries the newest, see `unlisted`.

    A bounded number of queries.
    """
    funds = list(funds_in(account, on).values_list("pk", flat=True))
    since = _looked_through_until(account, on)
    found = [*_flying(funds, on), *_returned_unknown(funds, on), *_imprest(funds, on)]
    found += [*_returns(funds, since, on), *_entries(funds, since, on)]
    known = {item.ref for item in found}
    found += [item for item in _carried(account, on) if item.ref is None or item.ref not in known]
    return sorted(found, key=lambda item: (not item.is_sure, item.since))


def unlisted(account: DepositAccount, on: datetime.date) -> int:
    """How many entries `derived` leaves out, the oldest ones; a reconciliation of a day before makes the list shorter."""
    funds = list(funds_in(account, on).values_list("pk", flat=True))
    return max(0, _cash_entries(funds, _looked_through_until(account, on), on).count() - MOST_ENTRIES)


def _flying(funds: list[int], on: datetime.date) -> list[Item]:
    with connection.cursor() as cursor:
        cursor.execute(_FLYING, {"day": on, "funds": funds})
        rows = cursor.fetchall()
    return [
        Item(
            Side.BANK_PAID,
            _("批次 %(number)s") % {"number": number},
            fen,
            sent,
            _flying_words(is_cash, sure, count),
            _("出纳"),
            f"batch:{batch_id}:{'sure' if sure else 'sent'}",
            sure,
        )
        for batch_id, number, is_cash, sure, count, fen, sent in rows
    ]


def _flying_words(is_cash: bool, sure: bool, count: int) -> str:
    if is_cash:
        return ngettext("现金已取出，%(n)d 笔还没有发到手", "现金已取出，%(n)d 笔还没有发到手", count) % {"n": count}
    if sure:
        return ngettext("银行已付 %(n)d 笔，回单后来才记账", "银行已付 %(n)d 笔，回单后来才记账", count) % {"n": count}
    return ngettext("已交银行 %(n)d 笔，还没有答复", "已交银行 %(n)d 笔，还没有答复", count) % {"n": count}


def _returned_unknown(funds: list[int], on: datetime.date) -> list[Item]:
    """What the bank had taken back by that day and the books learnt of later."""
    rows = Transfer.objects.filter(
        kind="clawback", business_date__gt=on, payment__answered_on__lte=on, credit__fund__in=funds
    ).select_related("payment")
    settled = Transfer.objects.filter(kind="settle", business_date__lte=on, payment__in=rows.values("payment"))
    known = set(settled.values_list("payment_id", flat=True))
    return [
        Item(
            Side.BANK_RECEIVED,
            row.payment.payee_name,
            row.amount_fen,
            row.payment.answered_on,
            _("银行已退回，账上后来才记"),
            _("资金管理"),
            f"transfer:{row.pk}",
            True,
        )
        for row in rows
        if row.payment_id in known
    ]


def _imprest(funds: list[int], on: datetime.date) -> list[Item]:
    with connection.cursor() as cursor:
        cursor.execute(_IMPREST, {"day": on, "funds": funds})
        fen, last = cursor.fetchone()
    if not fen:
        return []
    side, words = (
        (Side.BOOKS_PAID, _("已经补办手续，还没有拨款补足"))
        if fen > 0
        else (Side.BANK_PAID, _("已经拨款补足，手续还没有补办"))
    )
    return [Item(side, _("乡镇备用金"), abs(fen), last, words, _("出纳"), "imprest", True)]


def _cash_entries(funds: list[int], since: datetime.date | None, on: datetime.date) -> QuerySet[Transfer]:
    """Entries by which money comes or goes one by one, in the days that no reviewed reconciliation has looked through."""
    rows = Transfer.objects.filter(business_date__lte=on).filter(
        Q(kind__in=_CASH_KINDS.keys() - {"interfund", *_RETURNS})
        & (Q(debit__fund__in=funds) | Q(credit__fund__in=funds))
        | Q(kind="interfund") & (Q(debit__fund__in=funds) ^ Q(credit__fund__in=funds))
    )
    return rows.filter(business_date__gt=since) if since else rows


def _entries(funds: list[int], since: datetime.date | None, on: datetime.date) -> list[Item]:
    """Entries by which money comes or goes; a person ticks what the bank's paper does not show yet. The newest of them."""
    rows = _cash_entries(funds, since, on).annotate(to_fund=F("credit__fund_id")).order_by("-business_date", "-id")
    return [_entry(row, funds) for row in rows.select_related("payment")[:MOST_ENTRIES]]


def _returns(funds: list[int], since: datetime.date | None, on: datetime.date) -> list[Item]:
    """What the bank returned, batch by batch and day by day, as its paper has it."""
    rows = Transfer.objects.filter(kind__in=_RETURNS, credit__fund__in=funds, business_date__lte=on)
    if since:
        rows = rows.filter(business_date__gt=since)
    of_a_batch = rows.order_by().values("kind", "business_date", "payment__batch", "payment__batch__number")
    return [
        Item(
            Side.BOOKS_RECEIVED,
            _("%(what)s 批次 %(number)s")
            % {"what": _CASH_KINDS[row["kind"]][1], "number": row["payment__batch__number"]},
            row["fen"],
            row["business_date"],
            ngettext("账上已记退回 %(n)d 笔，银行单上还没有", "账上已记退回 %(n)d 笔，银行单上还没有", row["n"])
            % {"n": row["n"]},
            _("出纳"),
            f"batch:{row['payment__batch']}:{row['kind']}:{row['business_date']}",
        )
        for row in of_a_batch.annotate(n=Count("id"), fen=Sum("amount_fen"))
    ]


def _entry(row: Transfer, funds: list[int]) -> Item:
    way, words = _CASH_KINDS[row.kind]
    if row.kind == "interfund" and row.to_fund in funds:
        way = 1
    about = row.payment.payee_name if row.payment else row.document_no or row.reason
    comes = (way > 0) == (row.reverses_id is None)
    return Item(
        Side.BOOKS_RECEIVED if comes else Side.BOOKS_PAID,
        f"{words} {about}".strip(),
        row.amount_fen,
        row.business_date,
        _("账上已记收，银行单上还没有") if comes else _("账上已记付，银行单上还没有"),
        _("出纳"),
        f"transfer:{row.pk}",
    )


def _carried(account: DepositAccount, on: datetime.date) -> list[Item]:
    """What was open at the last reviewed reconciliation and is not derived anew: it may be open still."""
    last = last_reviewed(account, on)
    if last is None:
        return []
    return [
        Item(item.side, item.name, item.amount_fen, item.since, item.reason, item.settled_by, item.ref)
        for item in last.items.all()
        if item.ref is None or item.ref != "imprest" and item.side in (Side.BOOKS_RECEIVED, Side.BOOKS_PAID)
    ]


def last_reviewed(account: DepositAccount, before: datetime.date) -> Reconciliation | None:
    return account.reconciliations.filter(state="reviewed", on__lt=before).order_by("-on").first()


def _looked_through_until(account: DepositAccount, on: datetime.date) -> datetime.date | None:
    last = last_reviewed(account, on)
    return last.on if last else None


AGES = (30, 90, 180)  # calendar days; the oldest band is without end


@dataclass(frozen=True)
class Band:
    """Open items of one age: from `days_from` to `days_to` days (None: and older)."""

    days_from: int
    days_to: int | None
    count: int
    amount_fen: int


def ageing(reconciliations: Iterable[Reconciliation], today: datetime.date) -> list[Band]:
    """How many items, and fen, have been open for how long: up to 30, 90, 180 days and longer. One query."""
    items = list(OpenItem.objects.filter(reconciliation__in=list(reconciliations)).values_list("since", "amount_fen"))
    ends = [*AGES, None]
    bands = []
    for start, end in zip([0, *(age + 1 for age in AGES)], ends, strict=True):
        fens = [
            fen
            for since, fen in items
            if (today - since).days >= start and (end is None or (today - since).days <= end)
        ]
        bands.append(Band(start, end, len(fens), sum(fens)))
    return bands
