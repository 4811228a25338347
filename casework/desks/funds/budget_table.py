"""The budget as a tree: county, township, programme. A row's figures are its own and those of all that lies beneath it.

One query reads the figures of every allocation of the year, as small numbers; what a page shows is fetched for that page.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, Q, QuerySet, Sum

from audit import clock
from casework.desks.funds.earmarks import earmark_words, programme_title
from casework.desks.funds.figures import HELD
from funds.budget import planned_so_far
from funds.models import Account, Allocation

K = Account.Kind


@dataclass
class Sums:
    """One line of the budget, in fen. budget = committed + paid + available."""

    budget_fen: int = 0
    plan_fen: int = 0  # what should be paid by the end of this month
    committed_fen: int = 0
    paid_fen: int = 0
    available_fen: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    @property
    def behind_fen(self) -> int:
        """How much less than planned has been paid; nothing when it is ahead."""
        return max(0, self.plan_fen - self.paid_fen)


@dataclass
class Row:
    """One allocation in the tree."""

    pk: int
    parent_id: int | None
    own: Sums
    parts: list["Row"] = field(default_factory=list)
    whole: Sums = field(default_factory=Sums)
    allocation: Allocation | None = None

    @property
    def title(self) -> Any:
        return programme_title(self.allocation.programme)

    @property
    def earmark(self) -> str:
        return earmark_words(self.allocation.fund)


@dataclass(frozen=True)
class Line:
    """What the table prints: an allocation with its parts summed up, or, under it, what was not divided further."""

    row: Row
    depth: int
    sums: Sums
    is_rest: bool = False


def _balance(*kinds: str) -> Sum:
    return Sum(F("accounts__credit_fen") - F("accounts__debit_fen"), filter=Q(accounts__kind__in=kinds), default=0)


def forest(rows: QuerySet[Allocation]) -> list[Row]:
    """The trees of these allocations, in the order of `rows`; a part whose parent is not among them is a root. One query."""
    today = clock.today()
    found: dict[int, Row] = {}
    figures = rows.annotate(held=_balance(*HELD), paid=_balance(K.PAID), free=_balance(K.ALLOCATED)).values_list(
        "pk", "parent_id", "year", "plan_fen", "held", "paid", "free"
    )
    for pk, parent_id, year, plan, held, paid, free in figures:
        budget_fen = held + paid + free
        own = Sums(budget_fen, planned_so_far(plan, budget_fen, year, today), held, paid, free)
        found[pk] = Row(pk, parent_id, own)
    roots = []
    for row in found.values():
        parent = found.get(row.parent_id)
        (parent.parts if parent else roots).append(row)
    for root in roots:
        _sum_up(root)
    return roots


def _sum_up(row: Row) -> Sums:
    row.whole = row.own
    for part in row.parts:
        row.whole = row.whole + _sum_up(part)
    return row.whole


def total(rows: list[Row]) -> Sums:
    whole = Sums()
    for row in rows:
        whole = whole + row.whole
    return whole


def fetch(roots: list[Row]) -> None:
    """Give every row of these trees its allocation, with fund and places. One query."""
    rows = {row.pk: row for root in roots for row in _walk(root)}
    for allocation in Allocation.objects.filter(pk__in=rows).select_related("fund__only_unit", "unit"):
        rows[allocation.pk].allocation = allocation


def _walk(row: Row) -> Iterator[Row]:
    yield row
    for part in row.parts:
        yield from _walk(part)


def lines(roots: list[Row], depth: int = 0) -> Iterator[Line]:
    """The trees from the top: each row with the sum of what lies beneath it, then its parts, then its undivided rest."""
    for row in roots:
        yield Line(row, depth, row.whole)
        if row.parts:
            yield from lines(row.parts, depth + 1)
            yield Line(row, depth + 1, row.own, is_rest=True)
