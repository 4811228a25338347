"""Posting transfers and reading balances. All amounts are whole fen.

Balances move in a deferred trigger at commit, so that a hot allocation is locked for the commit alone; `settle_now()` as
the last statement of a transaction makes an overspend a typed refusal instead of an error at commit.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from audit import clock
from audit.context import current
from funds import proof
from funds.errors import Earmarked, FundsError, FundShort, MonthClosed, NoFund, SamePerson, WrongProposal
from funds.models import Account, Allocation, Fund, Payment, Reservation, Transfer

FUND_LEVEL = (Account.Kind.SOURCE, Account.Kind.AVAILABLE)
ALLOCATION_LEVEL = (
    Account.Kind.ALLOCATED,
    Account.Kind.COMMITTED,
    Account.Kind.IN_PAYMENT,
    Account.Kind.PAID,
    Account.Kind.IMPREST,
    Account.Kind.IMPREST_SPENT,
)

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
    Transfer.Kind.SUBALLOCATE: (Account.Kind.ALLOCATED, Account.Kind.ALLOCATED),
    Transfer.Kind.RETURN_UP: (Account.Kind.ALLOCATED, Account.Kind.ALLOCATED),
    Transfer.Kind.CARRY_OVER: (Account.Kind.ALLOCATED, Account.Kind.ALLOCATED),
    Transfer.Kind.INTERFUND: (Account.Kind.AVAILABLE, Account.Kind.AVAILABLE),
    Transfer.Kind.HAND_BACK: (Account.Kind.AVAILABLE, Account.Kind.SOURCE),
    Transfer.Kind.IMPREST_ADVANCE: (Account.Kind.ALLOCATED, Account.Kind.IMPREST),
    Transfer.Kind.IMPREST_SPEND: (Account.Kind.IMPREST, Account.Kind.IMPREST_SPENT),
    Transfer.Kind.IMPREST_SETTLE: (Account.Kind.COMMITTED, Account.Kind.PAID),
    Transfer.Kind.IMPREST_REPLENISH: (Account.Kind.IMPREST_SPENT, Account.Kind.IMPREST),
    Transfer.Kind.IMPREST_RETURN: (Account.Kind.IMPREST, Account.Kind.ALLOCATED),
}


def post(
    kind: str,
    amount_fen: int,
    *,
    key: str,
    fund_id: int,
    subject: str,
    allocation_id: int | None = None,
    to_fund_id: int | None = None,
    to_allocation_id: int | None = None,
    reservation: Reservation | None = None,
    payment: Payment | None = None,
    proposal_id: int | None = None,
    reason: str = "",
    document_no: str = "",
) -> Transfer:
    """Write one transfer. `key` is unique: posting it a second time raises IntegrityError, never pays twice.

    `to_fund_id` and `to_allocation_id` name the receiving side where it is another fund or allocation.
    """
    gives, receives = SIDES[Transfer.Kind(kind)]
    debit_id, credit_id = _accounts(
        (fund_id, allocation_id, gives), (to_fund_id or fund_id, to_allocation_id or allocation_id, receives)
    )
    return _write(
        key=key,
        kind=kind,
        debit_id=debit_id,
        credit_id=credit_id,
        amount_fen=amount_fen,
        subject=subject,
        reservation=reservation,
        payment=payment,
        proposal_id=proposal_id,
        reason=reason,
        document_no=document_no,
    )


def reverse(transfer: Transfer, *, key: str, proposal_id: int, reason: str) -> Transfer:
    """Write the mirror image of a transfer. The database wants the second person's confirmation, and one mirror at most."""
    return _write(
        key=key,
        kind=transfer.kind,
        debit_id=transfer.credit_id,
        credit_id=transfer.debit_id,
        amount_fen=transfer.amount_fen,
        subject=transfer.subject,
        reverses=transfer,
        proposal_id=proposal_id,
        reason=reason,
    )


def _write(**facts: Any) -> Transfer:
    try:
        return Transfer.objects.create(business_date=clock.today(), recorded_by_id=current().by_id, **facts)
    except IntegrityError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def _accounts(*places: tuple[int, int | None, str]) -> list[int]:
    """The accounts at (fund, allocation, kind), in one query."""
    wanted = [(fund_id, None if kind in FUND_LEVEL else allocation_id, kind) for fund_id, allocation_id, kind in places]
    condition = Q()
    for fund_id, allocation_id, kind in wanted:
        condition |= Q(fund_id=fund_id, allocation_id=allocation_id, kind=kind)
    found = {
        row[1:]: row[0]
        for row in Account.objects.filter(condition).values_list("pk", "fund_id", "allocation_id", "kind")
    }
    return [found[place] for place in wanted]


def settle_now() -> None:
    """Move the balances of this transaction's transfers now.

    Raises FundShort when an account would be overspent, FundsError when a reservation would be.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS funds_moves IMMEDIATE")
            cursor.execute("SET CONSTRAINTS funds_moves DEFERRED")
    except IntegrityError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def lock_allocations(ids: Iterable[int]) -> None:
    """Lock the accounts of several allocations in the order of their numbers.

    A transaction that settles one allocation after the other would else meet another one in the opposite order, and
    PostgreSQL would end one of the two. Call it before the first settlement.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM funds_account WHERE allocation_id = ANY (%s) ORDER BY id FOR NO KEY UPDATE",
            [sorted(set(ids))],
        )


_REFUSALS: dict[str, tuple[type[FundsError], Any]] = {
    "never_overspent": (FundShort, _l("余额不够：这笔钱会超过可用的数。请改用别的资金，或等拨款到位。")),
    "reservation_never_overdrawn": (FundsError, _l("这笔钱超过了批准时锁定的数，没有记账。")),
    "reservation_never_exceeded": (FundsError, _l("这笔钱超过了批准时锁定的数，没有记账。")),
    "earmark_programme": (Earmarked, _l("这项资金专款专用，不能用在这一项帮扶上。请换一项资金。")),
    "earmark_unit": (Earmarked, _l("这项资金只能用在指定的地方。请换一项资金，或换一个单位。")),
    "earmark_year": (Earmarked, _l("这项资金不能用在这一年。请换一项资金，或换一个年度。")),
    "earmark_purpose": (Earmarked, _l("这项资金只能用于指定的困难原因。请换一项资金。")),
    "earmark_follows_the_money": (
        Earmarked,
        _l("专款不能划到限制更松的资金里。请划到用途一样或更窄的资金。"),
    ),
    "months_close_in_order": (WrongProposal, _l("要按顺序结账，前面还有没有结的月份。")),
    "closed_months_stay_closed": (MonthClosed, _l("这个月已经结账，不能再记。请记在没有结账的月份，写明原因。")),
    "confirmed_by_a_second_person": (SamePerson, _l("这一笔要由第二个人核准以后才能记账。")),
    "allocation_lies_within_its_parent": (
        WrongProposal,
        _l("下拨的要在上一级的地方、帮扶和年度以内，没有记账。请另选。"),
    ),
    "funds_transfer_reverses_id_key": (WrongProposal, _l("这一笔已经冲正过了。")),
    "imprest_within_its_limit": (FundsError, _l("乡镇手里的备用金会超过定额，没有记账。")),
    "imprest_spend_within_the_float": (FundShort, _l("备用金不够。请先让县里补充，或走银行付款。")),
    "paid_by_one_way_only": (FundsError, _l("这一笔已经从另一条路付了，不能再付一次。")),
    "handed_out_once": (FundsError, _l("这一笔已经从备用金发过了，不能再发一次。")),
    "decided_only_once": (FundsError, _l("同一个人、同一个原因，今年已经批过一次，按规定不能再批。")),
}


def refusal_of(error: IntegrityError) -> FundsError | None:
    """What a law of the ledger that PostgreSQL has just enforced says to the person; None for any other error."""
    name = error.__cause__.diag.constraint_name if error.__cause__ else ""
    if name not in _REFUSALS:
        return None
    kind, words = _REFUSALS[name]
    return kind(str(words))


@dataclass(frozen=True)
class Balance:
    """Money of a fund or allocation, in fen. Together the parts are all that was received."""

    available_fen: int = 0  # received, not allocated
    allocated_fen: int = 0  # allocated, free
    committed_fen: int = 0
    in_payment_fen: int = 0
    paid_fen: int = 0
    imprest_fen: int = 0  # in the townships' hands
    imprest_spent_fen: int = 0  # handed out of it, papers to come

    @property
    def total_fen(self) -> int:
        return self.free_fen + self.held_fen + self.paid_fen

    @property
    def free_fen(self) -> int:
        return self.available_fen + self.allocated_fen

    @property
    def held_fen(self) -> int:
        """Promised but not yet paid, and what townships hold to help at once."""
        return self.committed_fen + self.in_payment_fen + self.imprest_fen + self.imprest_spent_fen


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
JOIN access_orgunit u ON u.id = l.unit_id JOIN funds_fund f ON f.id = l.fund_id
WHERE l.programme = %(programme)s AND l.year = %(year)s AND l.unit_id = ANY (%(units)s)
  AND (coalesce(cardinality(f.purposes), 0) = 0 OR %(purpose)s = ANY (f.purposes))
ORDER BY length(u.code) DESC, coalesce(cardinality(f.purposes), 0) = 0, l.id
"""


def payable_allocations(programme: str, village: Any, year: int, purpose: str = "") -> list[tuple[int, int, int]]:
    """(allocation id, fund id, free fen) of all that may pay for this programme, place, year and cause of hardship.

    The nearest unit first, and of one unit the money that is good for least else.
    """
    units = [village.pk, village.township_id, village.county_id, village.prefecture_id, village.province_id]
    with connection.cursor() as cursor:
        cursor.execute(_PAYABLE, {"programme": programme, "year": year, "units": units, "purpose": purpose})
        return cursor.fetchall()


def payable_fen(programme: str, village: Any, on: datetime.date, purpose: str = "") -> int:
    """The free money that could pay for a case of this programme here, in fen."""
    return sum(free for _id, _fund, free in payable_allocations(programme, village, on.year, purpose))


def choose_allocation(
    programme: str, village: Any, amount_fen: int, on: datetime.date, purpose: str = ""
) -> tuple[int, int]:
    """(allocation id, fund id) that can pay the whole amount. Raises NoFund, FundShort."""
    return pick(payable_allocations(programme, village, on.year, purpose), amount_fen, on.year)


def pick(allocations: list[tuple[int, int, int]], amount_fen: int, year: int) -> tuple[int, int]:
    """The first of (allocation id, fund id, free fen) that can pay the whole amount. Raises NoFund, FundShort."""
    if not allocations:
        raise NoFund(_("%(year)d 年没有资金安排给这一项帮扶，请资金管理先分配。") % {"year": year})
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
    changed_periods: int = 0

    @property
    def is_sound(self) -> bool:
        return not (self.drift_fen or self.negative_accounts or self.changed_periods)


def check() -> LedgerCheck:
    """Recompute every balance and every closed month from the transfers. Sound books give 0, 0, their number and 0."""
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
        found = cursor.fetchone()
    return LedgerCheck(*found, len(proof.changed_months()))
