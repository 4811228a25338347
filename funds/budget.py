"""Where money is meant to go: dividing allocations, taking back, moving between funds and years, correcting entries.

Dividing further is one person's work with a document; whatever takes money away from a purpose, moves it to another fund,
out of the house or undoes an entry is proposed by one person and confirmed by another (funds/proposals.py).
"""

import datetime
from itertools import accumulate
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from funds import ledger, proposals
from funds.errors import Earmarked, FundShort, WrongProposal
from funds.models import Account, Allocation, Fund, Proposal, Transfer
from funds.money import yuan
from funds.refusals import refusal_of

# What a second person may undo. Payments are not reversed: the bank's answer moves them.
REVERSIBLE = frozenset({"receive", "allocate", "suballocate", "imprest_advance"})


@transaction.atomic
def divide(
    parent: Allocation,
    amount_fen: int,
    *,
    programme: str,
    unit: Any,
    key: str,
    document_no: str = "",
    plan_fen: list[int] | None = None,
) -> Allocation:
    """Set a part of an allocation aside for one programme and a unit within it. Raises FundShort, Earmarked."""
    part = allocation_for(parent.fund, programme, unit, parent.year, parent=parent, document_no=document_no)
    if part.parent_id != parent.pk:
        raise WrongProposal(_("这一项已经直接从资金里分配过，请从原来的地方增加。"))
    if plan_fen is not None:
        part.plan_fen = plan_fen
        part.save()
    ledger.post(
        "suballocate",
        amount_fen,
        key=key,
        fund_id=parent.fund_id,
        allocation_id=parent.pk,
        to_allocation_id=part.pk,
        subject=f"fund:{parent.fund_id}",
        document_no=document_no,
    )
    ledger.settle_now()
    return part


def allocation_for(
    fund: Fund,
    programme: str,
    unit: Any,
    year: int,
    *,
    parent: Allocation | None = None,
    document_no: str = "",
) -> Allocation:
    """The allocation for this purpose, made with its accounts when there is none yet. Raises WrongProposal."""
    try:
        allocation, created = Allocation.objects.get_or_create(
            fund=fund,
            programme=programme,
            unit=unit,
            year=year,
            defaults={"document_no": document_no, "parent": parent},
        )
    except IntegrityError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error
    if created:
        Account.objects.bulk_create(
            [Account(fund=fund, allocation=allocation, kind=kind) for kind in ledger.ALLOCATION_LEVEL]
        )
    return allocation


_WITHIN = """
WITH RECURSIVE part AS (
  SELECT id FROM funds_allocation WHERE id = %s
  UNION ALL SELECT a.id FROM funds_allocation a JOIN part ON a.parent_id = part.id)
SELECT id FROM part ORDER BY id
"""


def ids_within(allocation: Allocation) -> list[int]:
    """The allocation and all that was divided from it, by their keys."""
    with connection.cursor() as cursor:
        cursor.execute(_WITHIN, [allocation.pk])
        return [pk for (pk,) in cursor.fetchall()]


@transaction.atomic
def set_plan(allocation: Allocation, plan_fen: list[int] | None) -> None:
    """What is to be paid in each of the twelve months, in fen; None: evenly. Raises WrongProposal."""
    if plan_fen is not None and (len(plan_fen) != 12 or min(plan_fen) < 0):
        raise WrongProposal(_("计划要写满十二个月，每个月不能小于零。"))
    allocation.plan_fen = plan_fen
    allocation.save()


def evenly(budget_fen: int) -> list[int]:
    """The plan that nobody wrote: twelve equal months in whole fen; what does not divide falls to December."""
    month = budget_fen // 12
    return [month] * 11 + [budget_fen - 11 * month]


def planned(plan_fen: list[int] | None, budget_fen: int) -> list[int]:
    """What is to be paid by the end of each of the twelve months, in fen: as it was written, or evenly."""
    return list(accumulate(plan_fen or evenly(budget_fen)))


def planned_so_far(plan_fen: list[int] | None, budget_fen: int, year: int, today: datetime.date) -> int:
    """What is to be paid by the end of this month, in fen: a plan is written by the month, and is not spread over its days."""
    months = 12 if today.year > year else today.month if today.year == year else 0
    return planned(plan_fen, budget_fen)[months - 1] if months else 0


# --- proposed by one, confirmed by another ---------------------------------------------------------------------------


def propose_take_back(allocation: Allocation, amount_fen: int, **how: Any) -> Proposal:
    """Take free money of an allocation back to where it came from: its parent, or the fund. Never what is promised.

    `how` is what every proposal needs: by, key, reason, document_no. Raises FundShort.
    """
    _demand_free(allocation, amount_fen)
    return proposals.propose(
        "take_back",
        unit=allocation.fund.unit,
        fund=allocation.fund,
        details={"allocation": allocation.pk},
        amount_fen=amount_fen,
        **how,
    )


def _demand_positive(amount_fen: int) -> None:
    if amount_fen <= 0:
        raise WrongProposal(_("金额要大于零。"))


def _demand_free(allocation: Allocation, amount_fen: int) -> None:
    """What is promised stays. Raises FundShort, as PostgreSQL would, but with the figures."""
    _demand_positive(amount_fen)
    now = ledger.allocation_balances([allocation])[allocation.pk]
    if amount_fen > now.allocated_fen:
        raise FundShort(
            _("只能收回还没有承诺的钱，最多 %(free)s 元。已经承诺、在付和付出去的 %(held)s 元不能动。")
            % {"free": yuan(now.allocated_fen), "held": yuan(now.held_fen + now.paid_fen)}
        )


def _demand_available(fund: Fund, amount_fen: int) -> None:
    """Only what is not allocated leaves a fund. Raises FundShort."""
    _demand_positive(amount_fen)
    now = ledger.balances([fund])[fund.pk]
    if amount_fen > now.available_fen:
        raise FundShort(
            _("只能动还没有分配的钱，最多 %(free)s 元。分配了还没有用的，请先收回。")
            % {"free": yuan(now.available_fen)}
        )


@proposals.carries_out("take_back")
def _take_back(proposal: Proposal) -> dict[str, Any]:
    allocation = Allocation.objects.select_related("fund").get(pk=proposal.details["allocation"])
    _demand_free(allocation, proposal.amount_fen)
    transfer = ledger.post(
        "return_up" if allocation.parent_id else "deallocate",
        proposal.amount_fen,
        key=f"proposal:{proposal.pk}",
        fund_id=allocation.fund_id,
        allocation_id=allocation.pk,
        to_allocation_id=allocation.parent_id,
        subject=f"fund:{allocation.fund_id}",
        **_reasons(proposal),
    )
    return {"transfers": [transfer.pk]}


def propose_interfund(fund: Fund, to: Fund, amount_fen: int, **how: Any) -> Proposal:
    """Move available money to another fund, whose earmarks must be at least as narrow. Raises WrongProposal."""
    if to.pk == fund.pk:
        raise WrongProposal(_("转出和转入不能是同一项资金。"))
    _demand_available(fund, amount_fen)
    return proposals.propose(
        "interfund", unit=fund.unit, fund=fund, details={"to": to.pk}, amount_fen=amount_fen, **how
    )


@proposals.carries_out("interfund")
def _interfund(proposal: Proposal) -> dict[str, Any]:
    transfer = ledger.post(
        "interfund",
        proposal.amount_fen,
        key=f"proposal:{proposal.pk}",
        fund_id=proposal.fund_id,
        to_fund_id=proposal.details["to"],
        subject=f"fund:{proposal.fund_id}",
        **_reasons(proposal),
    )
    return {"transfers": [transfer.pk]}


def propose_carry_over(fund: Fund, year: int, **how: Any) -> Proposal:
    """Carry what is free in the year's allocations to the same purposes of the next year; amounts are fixed now.

    Raises WrongProposal when there is none, Earmarked when the fund ends with the year.
    """
    if fund.last_year is not None and year >= fund.last_year:
        raise Earmarked(_("这项资金只能用到 %(year)d 年，不能结转。没有用完的请退还。") % {"year": fund.last_year})
    allocations = list(fund.allocations.filter(year=year).order_by("pk"))
    balances = ledger.allocation_balances(allocations)
    parts = {str(a.pk): balances[a.pk].allocated_fen for a in allocations if balances[a.pk].allocated_fen}
    if not parts:
        raise WrongProposal(_("%(year)d 年没有可以结转的钱。") % {"year": year})
    return proposals.propose(
        "carry_over",
        unit=fund.unit,
        fund=fund,
        details={"year": year, "parts": parts},
        amount_fen=sum(parts.values()),
        **how,
    )


@proposals.carries_out("carry_over")
def _carry_over(proposal: Proposal) -> dict[str, Any]:
    year, made = proposal.details["year"] + 1, []
    for pk, amount_fen in sorted(proposal.details["parts"].items(), key=lambda part: int(part[0])):
        old = Allocation.objects.select_related("parent", "unit", "fund").get(pk=pk)
        new = allocation_for(old.fund, old.programme, old.unit, year, parent=_parent_in(old, year))
        transfer = ledger.post(
            "carry_over",
            amount_fen,
            key=f"proposal:{proposal.pk}:{pk}",
            fund_id=old.fund_id,
            allocation_id=old.pk,
            to_allocation_id=new.pk,
            subject=f"fund:{old.fund_id}",
            **_reasons(proposal),
        )
        made.append(transfer.pk)
    return {"transfers": made}


def _parent_in(allocation: Allocation, year: int) -> Allocation | None:
    """The same place in the next year's tree."""
    parent = allocation.parent
    if parent is None:
        return None
    return allocation_for(parent.fund, parent.programme, parent.unit, year, parent=_parent_in(parent, year))


def propose_hand_back(fund: Fund, amount_fen: int, **how: Any) -> Proposal:
    """Give available money back to whoever gave it (上缴财政, 退还捐赠人). Raises FundShort."""
    _demand_available(fund, amount_fen)
    return proposals.propose("hand_back", unit=fund.unit, fund=fund, amount_fen=amount_fen, **how)


@proposals.carries_out("hand_back")
def _hand_back(proposal: Proposal) -> dict[str, Any]:
    transfer = ledger.post(
        "hand_back",
        proposal.amount_fen,
        key=f"proposal:{proposal.pk}",
        fund_id=proposal.fund_id,
        subject=f"fund:{proposal.fund_id}",
        **_reasons(proposal),
    )
    return {"transfers": [transfer.pk]}


def propose_reversal(transfer: Transfer, **how: Any) -> Proposal:
    """Undo an entry by its mirror image. Raises WrongProposal for what cannot be undone so, or was already."""
    if transfer.kind not in REVERSIBLE or transfer.reverses_id:
        raise WrongProposal(_("这一笔不能冲正。付款由银行的答复改变，划转请反方向再划一次。"))
    if Transfer.objects.filter(reverses=transfer).exists():
        raise WrongProposal(_("这一笔已经冲正过了。"))
    fund = transfer.debit.fund
    return proposals.propose(
        "reverse",
        unit=fund.unit,
        fund=fund,
        details={"transfer": transfer.pk},
        amount_fen=transfer.amount_fen,
        **how,
    )


@proposals.carries_out("reverse")
def _reverse(proposal: Proposal) -> dict[str, Any]:
    original = Transfer.objects.get(pk=proposal.details["transfer"])
    mirror = ledger.reverse(original, key=f"proposal:{proposal.pk}", proposal_id=proposal.pk, reason=proposal.reason)
    return {"transfers": [mirror.pk]}


def _reasons(proposal: Proposal) -> dict[str, Any]:
    return {"proposal_id": proposal.pk, "reason": proposal.reason, "document_no": proposal.document_no}
