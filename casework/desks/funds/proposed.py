"""What a proposal will enter, before anybody confirms it: from where, to where, how much.

@shows("interfund")
def _interfund(proposal) -> list[Entry]: ...

@tells("write_off")
def _write_off(proposal, user) -> list[Fact]: ...     # what it is about besides entries, as far as she may see it
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from access.models import Staff
from casework.days import day_short
from casework.desks.funds.earmarks import title_of
from casework.desks.funds.figures import ACCOUNT_WORDS, KIND_WORDS, case_id_of
from casework.desks.funds.reach import cases_in_reach
from funds import closing, imprest, ledger
from funds.models import Account, Allocation, Fund, PaymentFreeze, Proposal, Recovery, Transfer
from funds.money import yuan


@dataclass(frozen=True)
class Entry:
    """One transfer in words; `transfer` once it has been made."""

    gives: str
    receives: str
    amount_fen: int
    transfer: Transfer | None = None


def side_words(account: Account) -> str:
    """An account with its fund or allocation; load those with it."""
    return _side(account.kind, account.fund, account.allocation)


def _side(kind: str, fund: Fund, allocation: Allocation | None = None) -> str:
    whose = f"{fund.name} · {title_of(allocation)}" if allocation else fund.name
    return _("%(whose)s（%(account)s）") % {"whose": whose, "account": ACCOUNT_WORDS[Account.Kind(kind)]}


_ENTRIES: dict[str, Callable[[Proposal], list[Entry]]] = {}


def shows(kind: str) -> Callable[[Callable[[Proposal], list[Entry]]], Callable[[Proposal], list[Entry]]]:
    """Register what a proposal of this kind will enter."""

    def register(tell: Callable[[Proposal], list[Entry]]) -> Callable[[Proposal], list[Entry]]:
        _ENTRIES[Proposal.Kind(kind)] = tell
        return tell

    return register


def entries_of(proposal: Proposal) -> list[Entry]:
    """What was entered when it was confirmed; else what will be, or would have been."""
    if proposal.state == Proposal.State.CONFIRMED:
        sides = ("debit__fund", "debit__allocation__unit", "credit__fund", "credit__allocation__unit")
        return [
            Entry(side_words(made.debit), side_words(made.credit), made.amount_fen, made)
            for made in proposal.transfers.select_related(*sides).order_by("pk")
        ]
    tell = _ENTRIES.get(proposal.kind)
    return tell(proposal) if tell else []


@dataclass(frozen=True)
class Fact:
    """One thing that the second person has to know; `url` where it can be looked up."""

    label: str
    words: str
    url: str = ""


Tell = Callable[[Proposal, Any], list[Fact]]
_FACTS: dict[str, Tell] = {}


def tells(kind: str) -> Callable[[Tell], Tell]:
    """Register what a proposal of this kind is about."""

    def register(tell: Tell) -> Tell:
        _FACTS[Proposal.Kind(kind)] = tell
        return tell

    return register


def facts_of(proposal: Proposal, user: Any) -> list[Fact]:
    """What a proposal is about besides its entries. What would come of it is told as long as nobody has decided."""
    tell = _FACTS.get(proposal.kind)
    return tell(proposal, user) if tell else []


def _is_open(proposal: Proposal) -> bool:
    return proposal.state == Proposal.State.PROPOSED


@tells("imprest_limit")
def _limit(proposal: Proposal, user: Any) -> list[Fact]:
    keeper = Staff.objects.get(pk=proposal.details["custodian"])
    allocation = _allocation(proposal.details["allocation"])
    box = imprest.open_float(allocation)
    here = reverse("funds:float", args=[box.pk]) if box else ""
    facts = [Fact(_("哪里的备用金"), title_of(allocation), here)]
    if _is_open(proposal):
        before = [box.custodian.name, yuan(box.limit_fen)] if box else [_("还没有备用金")] * 2
        facts += [Fact(_("现在谁保管"), before[0]), Fact(_("现在的定额（元）"), before[1])]
        facts.append(Fact(_("改成谁保管"), keeper.name))
        facts.append(
            Fact(_("改成定额（元）"), yuan(proposal.amount_fen) if proposal.amount_fen else _("0，停用备用金"))
        )
    else:
        facts += [Fact(_("谁保管"), keeper.name), Fact(_("定额（元）"), yuan(proposal.amount_fen))]
    return facts


@tells("lift_freeze")
def _freezes(proposal: Proposal, user: Any) -> list[Fact]:
    here = reverse("funds:freeze")
    return [
        Fact(_("哪一次恢复"), _("%(day)s，备份 %(source)s") % {"day": one.frozen_on, "source": one.source}, here)
        for one in PaymentFreeze.objects.filter(pk__in=proposal.details["freezes"])
    ]


@tells("write_off")
def _write_off(proposal: Proposal, user: Any) -> list[Fact]:
    recovery = Recovery.objects.get(pk=proposal.details["recovery"])
    case = cases_in_reach(user).filter(pk=case_id_of(recovery.subject)).select_related("village").first()
    if case is None:
        facts = [Fact(_("谁家欠的"), _("不在你的范围"))]
    else:
        facts = [
            Fact(_("谁家欠的"), f"{case.head_name} · {case.village.name}", reverse("funds:recover", args=[case.pk])),
            Fact(_("哪一件"), f"{case.case_no} · {case.spec.title}", reverse("cases:detail", args=[case.pk])),
        ]
    facts += [
        Fact(_("要追回（元）"), yuan(recovery.owed_fen)),
        Fact(_("已追回（元）"), yuan(recovery.recovered_fen)),
        Fact(_("已核销（元）"), yuan(recovery.written_off_fen)),
        Fact(_("还欠（元）"), yuan(recovery.open_fen)),
    ]
    if _is_open(proposal):
        facts.append(Fact(_("核准以后还欠（元）"), yuan(recovery.open_fen - proposal.amount_fen)))
    return facts


def _before_and_after(free_fen: int, amount_fen: int, url: str) -> list[Fact]:
    return [
        Fact(_("那里现在可用（元）"), yuan(free_fen), url),
        Fact(_("核准以后还剩（元）"), yuan(free_fen - amount_fen)),
    ]


@tells("take_back")
def _left_at_the_allocation(proposal: Proposal, user: Any) -> list[Fact]:
    if not _is_open(proposal):
        return []
    part = _allocation(proposal.details["allocation"])
    free_fen = ledger.allocation_balances([part])[part.pk].allocated_fen
    return _before_and_after(free_fen, proposal.amount_fen, reverse("funds:allocation", args=[part.pk]))


@tells("interfund")
@tells("hand_back")
def _left_at_the_fund(proposal: Proposal, user: Any) -> list[Fact]:
    if not _is_open(proposal):
        return []
    free_fen = ledger.balances([proposal.fund])[proposal.fund_id].available_fen
    return _before_and_after(free_fen, proposal.amount_fen, reverse("funds:fund", args=[proposal.fund_id]))


@tells("carry_over")
def _year_that_ends(proposal: Proposal, user: Any) -> list[Fact]:
    return [Fact(_("哪一年剩下的"), _("%(year)d 年") % {"year": proposal.details["year"]})]


@tells("reverse")
def _original(proposal: Proposal, user: Any) -> list[Fact]:
    original = Transfer.objects.get(pk=proposal.details["transfer"])
    words = " · ".join(
        filter(None, (str(KIND_WORDS[original.kind]), day_short(original.business_date), original.document_no))
    )
    return [Fact(_("冲正哪一笔"), words, reverse("funds:entry", args=[original.pk]))]


@tells("close_period")
def _month(proposal: Proposal, user: Any) -> list[Fact]:
    year, month = proposal.details["year"], proposal.details["month"]
    here = reverse("funds:month", args=[proposal.unit_id, year, month])
    facts = [Fact(_("哪个月"), _("%(year)d 年 %(month)d 月") % {"year": year, "month": month}, here)]
    found = closing.findings(proposal.unit, year, month) if _is_open(proposal) else []
    return facts + [Fact(finding.words, _finding(finding)) for finding in found]


def _finding(finding: closing.Finding) -> str:
    if not finding.count:
        return _("没有")
    words = ngettext("%(n)d 项", "%(n)d 项", finding.count) % {"n": finding.count}
    if not finding.amount_fen:
        return words
    return _("%(items)s，%(fen)s 元") % {"items": words, "fen": yuan(finding.amount_fen)}


def _allocation(pk: Any) -> Allocation:
    return Allocation.objects.select_related("fund", "unit", "parent__unit").get(pk=pk)


@shows("take_back")
def _take_back(proposal: Proposal) -> list[Entry]:
    part = _allocation(proposal.details["allocation"])
    back_to = _side("allocated", part.fund, part.parent) if part.parent_id else _side("available", part.fund)
    return [Entry(_side("allocated", part.fund, part), back_to, proposal.amount_fen)]


@shows("interfund")
def _interfund(proposal: Proposal) -> list[Entry]:
    to = Fund.objects.get(pk=proposal.details["to"])
    return [Entry(_side("available", proposal.fund), _side("available", to), proposal.amount_fen)]


@shows("hand_back")
def _hand_back(proposal: Proposal) -> list[Entry]:
    fund = proposal.fund
    return [Entry(_side("available", fund), _side("source", fund), proposal.amount_fen)]


@shows("carry_over")
def _carry_over(proposal: Proposal) -> list[Entry]:
    parts = {int(pk): fen for pk, fen in proposal.details["parts"].items()}
    entries = []
    for old in Allocation.objects.filter(pk__in=parts).select_related("fund", "unit").order_by("pk"):
        next_year = Allocation(fund=old.fund, programme=old.programme, unit=old.unit, year=old.year + 1)
        entries.append(Entry(_side("allocated", old.fund, old), _side("allocated", old.fund, next_year), parts[old.pk]))
    return entries


@shows("reverse")
def _reverse(proposal: Proposal) -> list[Entry]:
    sides = ("debit__fund", "debit__allocation__unit", "credit__fund", "credit__allocation__unit")
    original = Transfer.objects.select_related(*sides).get(pk=proposal.details["transfer"])
    return [Entry(side_words(original.credit), side_words(original.debit), original.amount_fen)]
