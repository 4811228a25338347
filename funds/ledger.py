"""Posting transfers and reading balances. All amounts are whole fen.

Balances move in a deferred trigger at commit, so that a hot allocation is locked for the commit alone; `settle_now()` as
the last statement of a transaction makes an overspend a typed refusal instead of an error at commit.
"""

import datetime
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection
from django.db.models import Q
from django.utils.translation import gettext as _

from audit import clock
from audit.context import current
from funds.errors import FundsError, FundShort, NoFund
from funds.models import Account, Allocation, Fund, Payment, Reservation, Transfer

FUND_LEVEL = (Account.Kind.SOURCE, Account.Kind.AVAILABLE)
ALLOCATION_LEVEL = (Account.Kind.ALLOCATED, Account.Kind.COMMITTED, Account.Kind.IN_PAYMENT, Account.Kind.PAID)

# {kind of transfer: (account that gives, account that receives)}; the same table stands in funds_transferrule
SIDES = {
    Transfer.Kind.RECEIVE: (Account.Kind.SOURCE, Account.Kind.AVAILABLE),
    Transfer.Kind.ALLOCATE: (Account.Kind.AVAILABLE, Account.Kind.ALLOCATED),
    Transfer.Kind.DEALLOCATE: (Account.Kind.ALLOCATED, Account.Kind.AVAILABLE),
    Transfer.Kind.RESERVE: (Account.Kind.ALLOCATED, Account.Kind.COMMITTED),
    Transfer.Kind.RELEASE: (Account.Kind.COMMITTED, Account.Kind.ALLOCATED),
    Transfer.Kind.SEND: (Account.Kind.COMMITTED, Account.Kind.IN_PAYMENT),
    Transfer.Kind.SETTLE: (Account.Kind.IN_PAYMENT, Account.Kind.PAID),
    Transfer.Kind.BOUNCE: (Account.Kind.IN_PAYMENT, Account.Kind.COMMITTED),
    Transfer.Kind.CLAWBACK: (Account.Kind.PAID, Account.Kind.COMMITTED),
    Transfer.Kind.RECOVER: (Account.Kind.PAID, Account.Kind.ALLOCATED),
}


def post(
    kind: str,
    amount_fen: int,
    *,
    key: str,
    fund_id: int,
    subject: str,
    allocation_id: int | None = None,
    reservation: Reservation | None = None,
    payment: Payment | None = None,
    reason: str = "",
    document_no: str = "",
) -> Transfer:
    """Write one transfer. `key` is unique: posting it a second time raises IntegrityError, never pays twice."""
    gives, receives = SIDES[Transfer.Kind(kind)]
    accounts = dict(
        Account.objects.filter(
            Q(allocation__isnull=True) | Q(allocation_id=allocation_id), fund_id=fund_id, kind__in=(gives, receives)
        ).values_list("kind", "id")
    )
    return Transfer.objects.create(
        key=key,
        kind=kind,
        debit_id=accounts[gives],
        credit_id=accounts[receives],
        amount_fen=amount_fen,
        subject=subject,
        reservation=reservation,
        payment=payment,
        reason=reason,
        document_no=document_no,
        business_date=clock.today(),
        recorded_by_id=current().by_id,
    )


def settle_now() -> None:
    """Move the balances of this transaction's transfers now.

    Raises FundShort when an account would be overspent, FundsError when a reservation would be.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS funds_moves IMMEDIATE")
            cursor.execute("SET CONSTRAINTS funds_moves DEFERRED")
    except IntegrityError as error:
        name = error.__cause__.diag.constraint_name if error.__cause__ else ""
        if name == "never_overspent":
            raise FundShort(_("余额不够：这笔钱会超过可用的数。请改用别的资金，或等拨款到位。")) from error
        if name in ("reservation_never_overdrawn", "reservation_never_exceeded"):
            raise FundsError(_("这笔钱超过了批准时锁定的数，没有记账。")) from error
        raise


@dataclass(frozen=True)
class Balance:
    """Money of a fund or allocation, in fen. total = available + allocated + committed + in_payment + paid."""

    available_fen: int = 0  # received, not allocated
    allocated_fen: int = 0  # allocated, free
    committed_fen: int = 0
    in_payment_fen: int = 0
    paid_fen: int = 0

    @property
    def total_fen(self) -> int:
        return self.available_fen + self.allocated_fen + self.committed_fen + self.in_payment_fen + self.paid_fen

    @property
    def free_fen(self) -> int:
        return self.available_fen + self.allocated_fen

    @property
    def held_fen(self) -> int:
        """Promised but not yet with the family."""
        return self.committed_fen + self.in_payment_fen


def balances(funds: list[Fund]) -> dict[int, Balance]:
    """{fund id: Balance}, one query for all."""
    sums: dict[int, dict[str, int]] = {fund.pk: {} for fund in funds}
    for account in Account.objects.filter(fund__in=funds).exclude(kind=Account.Kind.SOURCE):
        kinds = sums[account.fund_id]
        kinds[account.kind] = kinds.get(account.kind, 0) + account.balance_fen
    return {key: Balance(**{f"{kind}_fen": fen for kind, fen in kinds.items()}) for key, kinds in sums.items()}


def allocation_balances(allocations: list[Allocation]) -> dict[int, Balance]:
    """{allocation id: Balance}, one query for all."""
    sums: dict[int, dict[str, int]] = {allocation.pk: {} for allocation in allocations}
    for account in Account.objects.filter(allocation__in=allocations):
        sums[account.allocation_id][f"{account.kind}_fen"] = account.balance_fen
    return {key: Balance(**kinds) for key, kinds in sums.items()}


_PAYABLE = """
SELECT l.id, l.fund_id, a.credit_fen - a.debit_fen
FROM funds_allocation l JOIN funds_account a ON a.allocation_id = l.id AND a.kind = 'allocated'
JOIN access_orgunit u ON u.id = l.unit_id
WHERE l.programme = %(programme)s AND l.year = %(year)s AND l.unit_id = ANY (%(units)s)
ORDER BY length(u.code) DESC, l.id
"""


def payable_allocations(programme: str, village: Any, year: int) -> list[tuple[int, int, int]]:
    """(allocation id, fund id, free fen) of all that may pay for this programme, place and year, nearest unit first."""
    units = [village.pk, village.township_id, village.county_id, village.prefecture_id, village.province_id]
    with connection.cursor() as cursor:
        cursor.execute(_PAYABLE, {"programme": programme, "year": year, "units": units})
        return cursor.fetchall()


def payable_fen(programme: str, village: Any, on: datetime.date) -> int:
    """The free money that could pay for a case of this programme here, in fen."""
    return sum(free for _id, _fund, free in payable_allocations(programme, village, on.year))


def choose_allocation(programme: str, village: Any, amount_fen: int, on: datetime.date) -> tuple[int, int]:
    """(allocation id, fund id) that can pay the whole amount. Raises NoFund, FundShort."""
    allocations = payable_allocations(programme, village, on.year)
    if not allocations:
        raise NoFund(_("%(year)d 年没有资金安排给这一项帮扶，请资金管理先分配。") % {"year": on.year})
    for allocation_id, fund_id, free in allocations:
        if free >= amount_fen:
            return allocation_id, fund_id
    raise FundShort(
        _("资金不够：要 %(want)s 元，最多只有 %(free)s 元。请资金管理先分配，或退回改金额。")
        % {"want": f"{amount_fen / 100:,.2f}", "free": f"{max(row[2] for row in allocations) / 100:,.2f}"}
    )


@dataclass(frozen=True)
class LedgerCheck:
    drift_fen: int
    negative_accounts: int
    transfers: int


def check() -> LedgerCheck:
    """Recompute every balance from the transfers. Sound books give 0, 0 and the number of transfers."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(abs(a.debit_fen - coalesce(d.fen, 0)) + abs(a.credit_fen - coalesce(c.fen, 0))), 0)::bigint,
                   count(*) FILTER (WHERE a.kind <> 'source' AND a.credit_fen < a.debit_fen),
                   (SELECT count(*) FROM funds_transfer)
            FROM funds_account a
            LEFT JOIN (SELECT debit_id, sum(amount_fen) fen FROM funds_transfer GROUP BY 1) d ON d.debit_id = a.id
            LEFT JOIN (SELECT credit_id, sum(amount_fen) fen FROM funds_transfer GROUP BY 1) c ON c.credit_id = a.id
            """
        )
        return LedgerCheck(*cursor.fetchone())
