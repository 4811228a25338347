"""What a proposal will enter, before anybody confirms it: from where, to where, how much.

    @shows("interfund")
    def _interfund(proposal) -> list[Entry]: ...

    @tells("imprest_limit")
    def _limit(proposal) -> list[tuple[str, str]]: ...     # what it sets that is no entry: label, words

A kind without a function is told by its amount and reason alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from access.models import Staff
from casework.desks.funds.earmarks import title_of
from casework.desks.funds.figures import ACCOUNT_WORDS
from funds.models import Account, Allocation, Fund, Proposal, Transfer
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


_FACTS: dict[str, Callable[[Proposal], list[tuple[str, str]]]] = {}


def tells(kind: str) -> Callable[[Any], Any]:
    """Register what a proposal of this kind sets besides entries."""

    def register(tell: Callable[[Proposal], list[tuple[str, str]]]) -> Callable[[Proposal], list[tuple[str, str]]]:
        _FACTS[Proposal.Kind(kind)] = tell
        return tell

    return register


def facts_of(proposal: Proposal) -> list[tuple[str, str]]:
    """[(label, words)] of what a proposal sets besides entries."""
    tell = _FACTS.get(proposal.kind)
    return tell(proposal) if tell else []


@tells("imprest_limit")
def _limit(proposal: Proposal) -> list[tuple[str, str]]:
    keeper = Staff.objects.get(pk=proposal.details["custodian"])
    return [
        (_("哪里的备用金"), title_of(_allocation(proposal.details["allocation"]))),
        (_("谁保管"), keeper.name),
        (_("定额（元）"), yuan(proposal.amount_fen)),
    ]


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
