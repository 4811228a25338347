"""Statements: what some money was at the beginning of a time, what came and went, what it was at the end.

    of_funds([3]).between(first, last)            the money that funds hold: received and not yet paid out
    of_allocations(rows).between(first, last)     the same of some purposes, of one programme say
    of_places("village", [7]).between(…)          what families there were promised and have not yet been paid

Every figure is a sum over transfers, and `rows` gives the very transfers of a line, by the same conditions.
"""

import datetime
from dataclasses import dataclass, field
from typing import Any

from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    CharField,
    Count,
    F,
    Max,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)

from funds.models import Account, Period, PeriodTotal, Transfer

K = Account.Kind
# What a fund holds. Outside are its source and what was paid.
INSIDE = (K.AVAILABLE, K.ALLOCATED, K.COMMITTED, K.IN_PAYMENT, K.IMPREST, K.IMPREST_SPENT)
PROMISED = (K.COMMITTED, K.IN_PAYMENT)
IN, OUT, WITHIN = "in", "out", "within"
DIRECTIONS = (IN, OUT, WITHIN)


@dataclass(frozen=True)
class Line:
    """Transfers of one kind that go one way; a reversal stands on a line of its own."""

    kind: str
    direction: str  # "in", "out", or "within": from one stage to another, which leaves the sum as it is
    is_reversal: bool
    count: int
    amount_fen: int


@dataclass(frozen=True)
class Stage:
    """One stage of the money (available, allocated, …) in the time; opening + in - out = closing."""

    kind: str
    opening_fen: int = 0
    in_fen: int = 0
    out_fen: int = 0

    @property
    def closing_fen(self) -> int:
        return self.opening_fen + self.in_fen - self.out_fen


@dataclass(frozen=True)
class Statement:
    """`held_fen` is the closing asked a second way: what is held today less what moved since. Both must agree."""

    first: datetime.date
    last: datetime.date
    opening_fen: int
    lines: list[Line]
    stages: list[Stage]
    held_fen: int

    @property
    def in_fen(self) -> int:
        return sum(line.amount_fen for line in self.lines if line.direction == IN)

    @property
    def out_fen(self) -> int:
        return sum(line.amount_fen for line in self.lines if line.direction == OUT)

    @property
    def closing_fen(self) -> int:
        return self.opening_fen + self.in_fen - self.out_fen

    @property
    def ties(self) -> bool:
        """Whether lines, stages and today's balances come to one figure."""
        return self.closing_fen == self.held_fen == sum(stage.closing_fen for stage in self.stages)


@dataclass(frozen=True)
class Scope:
    """Some money: the accounts of `kinds` with these conditions, or the parts of them that these transfers moved."""

    kinds: tuple[str, ...]
    accounts: dict[str, Any] = field(default_factory=dict)  # conditions on an account
    transfers: dict[str, Any] = field(default_factory=dict)  # conditions on a transfer; then balances are no help

    def between(self, first: datetime.date, last: datetime.date) -> Statement:
        """The statement of these days, both included. A dozen queries at most, however many transfers."""
        opening = self._standing_before(first)
        lines = [
            Line(row["kind"], row["direction"], row["is_reversal"], row["n"], row["fen"])
            for row in self.rows(first, last)
            .order_by()
            .values("kind", "direction", "is_reversal")
            .annotate(n=Count("id"), fen=Sum("amount_fen"))
        ]
        moved = self._moved(business_date__range=(first, last))
        stages = [Stage(kind, opening.get(kind, 0), *moved.get(kind, (0, 0))) for kind in self.kinds]
        return Statement(first, last, sum(opening.values()), sorted(lines, key=_in_order), stages, self._held_at(last))

    def rows(
        self,
        first: datetime.date | None,
        last: datetime.date | None,
        *,
        kind: str = "",
        direction: str = "",
        is_reversal: bool | None = None,
        stage: str = "",
    ) -> QuerySet[Transfer]:
        """The transfers that move this money, with `direction`, `is_reversal` and `effect_fen` (what each adds to it).

        Without `first` from the beginning. With `stage` direction and effect are those of that stage alone; what moves
        between two accounts of it (given on from one allocation to another) is in what came and in what went, as the
        figures of the stage count it.
        """
        gives, receives = self._side("debit", stage), self._side("credit", stage)
        found = Transfer.objects.filter(gives | receives).annotate(
            direction=Case(
                When(gives & receives, then=Value(WITHIN)),
                When(receives, then=Value(IN)),
                default=Value(OUT),
                output_field=CharField(),
            ),
            is_reversal=Case(
                When(reverses__isnull=True, then=Value(False)), default=Value(True), output_field=BooleanField()
            ),
            effect_fen=Case(
                When(gives & receives, then=Value(0)),
                When(receives, then=F("amount_fen")),
                default=-F("amount_fen"),
                output_field=BigIntegerField(),
            ),
        )
        if first:
            found = found.filter(business_date__gte=first)
        if last:
            found = found.filter(business_date__lte=last)
        if kind:
            found = found.filter(kind=kind)
        if direction:
            found = found.filter(direction__in=(direction, WITHIN) if stage else (direction,))
        if is_reversal is not None:
            found = found.filter(is_reversal=is_reversal)
        return found.order_by("business_date", "id")

    def _side(self, side: str, stage: str = "") -> Q:
        kinds = (stage,) if stage else self.kinds
        conditions = {f"{side}__{name}": value for name, value in self.accounts.items()} | self.transfers
        return Q(**{f"{side}__kind__in": kinds}, **conditions)

    def _moved(self, **days: Any) -> dict[str, tuple[int, int]]:
        """{stage: (in, out)} of the transfers of these days."""
        into = self._by_stage("credit", **days)
        out = self._by_stage("debit", **days)
        return {kind: (into.get(kind, 0), out.get(kind, 0)) for kind in into | out}

    def _by_stage(self, side: str, **days: Any) -> dict[str, int]:
        found = Transfer.objects.filter(self._side(side), **days).order_by().values_list(f"{side}__kind")
        return dict(found.annotate(fen=Sum("amount_fen")))

    def _standing_before(self, first: datetime.date) -> dict[str, int]:
        """{stage: fen} at the beginning of a day: what the last closed month ended with, and what moved since."""
        closed = self._closed_before(first)
        standing = self._closings(closed) if closed else {}
        days = {"business_date__lt": first} | ({"business_date__gt": closed} if closed else {})
        for kind, (into, out) in self._moved(**days).items():
            standing[kind] = standing.get(kind, 0) + into - out
        return standing

    def _closed_before(self, first: datetime.date) -> datetime.date | None:
        """The end of the last month before `first` that is closed in the books of all these accounts; None: there is none."""
        if self.transfers:
            return None
        units = Account.objects.filter(kind__in=self.kinds, **self.accounts).order_by().values("fund__unit").distinct()
        ends = list(
            Period.objects.filter(unit__in=units)
            .filter(Q(year__lt=first.year) | Q(year=first.year, month__lt=first.month))
            .order_by()
            .values("unit")
            .annotate(last=Max(F("year") * 12 + F("month") - 1))
            .values_list("last", flat=True)
        )
        if not ends or len(ends) < units.count():
            return None
        year, month = divmod(min(ends) + 1, 12)
        return datetime.date(year, month + 1, 1) - datetime.timedelta(days=1)

    def _closings(self, closed: datetime.date) -> dict[str, int]:
        conditions = {f"account__{name}": value for name, value in self.accounts.items()}
        totals = PeriodTotal.objects.filter(
            period__year=closed.year, period__month=closed.month, account__kind__in=self.kinds, **conditions
        )
        return dict(totals.order_by().values_list("account__kind").annotate(fen=Sum("closing_fen")))

    def _held_at(self, last: datetime.date) -> int:
        if self.transfers:
            return sum(into - out for into, out in self._moved(business_date__lte=last).values())
        sums = Account.objects.filter(kind__in=self.kinds, **self.accounts).aggregate(
            fen=Sum(F("credit_fen") - F("debit_fen"))
        )
        later = self._moved(business_date__gt=last).values()
        return (sums["fen"] or 0) - sum(into - out for into, out in later)


def of_funds(fund_ids: Any) -> Scope:
    """Money of these funds, from its receipt until it is paid. Those of one donor are given by their ids."""
    return Scope(INSIDE, accounts={"fund_id__in": fund_ids})


def of_allocations(allocation_ids: Any) -> Scope:
    """Money set aside for some purposes: the allocations of one programme, say."""
    return Scope(INSIDE, accounts={"allocation_id__in": allocation_ids})


def of_places(level: str, unit_ids: Any) -> Scope:
    """What families in these places were promised, until it is paid or given back; out of whatever fund."""
    return Scope(PROMISED, transfers={f"reservation__village__{level}_id__in": unit_ids})


def _in_order(line: Line) -> tuple[int, int, bool]:
    return DIRECTIONS.index(line.direction), Transfer.Kind.values.index(line.kind), line.is_reversal
