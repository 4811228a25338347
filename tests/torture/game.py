"""The same moves made on the real ledger and on the model; after each of them the two must say the same.

A move is a name and three numbers, so a game is a list that can be written down, kept and played again. The numbers choose
among what is there, so that any part of a game is a game as well; that is what makes it shrink. What moves there are says
`moves`.
"""

import contextlib
import functools
import itertools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

from django.db import DatabaseError, connection, transaction

from audit import clock
from audit.context import acting
from funds import imprest, ledger
from funds.errors import FundsError
from funds.models import (
    Allocation,
    Fund,
    ImprestCount,
    ImprestFloat,
    ImprestRefill,
    Payment,
    PaymentBatch,
    Recovery,
    Reservation,
    Transfer,
)
from tests.torture import people
from tests.torture.model import Model, Refused, words
from tests.torture.tampering import TAMPERINGS, NotRefused
from tests.world import World, load_world

Step = tuple[str, int, int, int]
LARGEST = 1_000  # of each number of a step
PURPOSES = ("", "illness", "disaster")  # causes of hardship
LAWS = ("23", "42501", "P0001")  # how PostgreSQL's codes begin when it refuses, and not when the statement is wrong
# A fund for anything, with money of the village, the township and the county and a float that two persons have set; and a
# fund for one programme, one cause of hardship, one township and this year alone.
OPENING = (
    ("open_fund", 0, 0, 0),
    *(step for place in (4, 1, 2) for step in (("receive", 0, 0, LARGEST), ("allocate", 0, place, 0))),
    ("receive", 0, 0, LARGEST), ("allocate", 3, 4, 0), ("receive", 0, 0, LARGEST),
    ("imprest_limit", 1, 0, 0), ("confirm", 1, 9, 0), ("advance", 1, 0, LARGEST),
    ("open_fund", 2, 0, 15), ("receive", 0, 0, LARGEST), ("allocate", 0, 1, 0), ("receive", 0, 0, LARGEST),
)  # fmt: skip
_games = itertools.count(1)
_prepared: WeakSet = WeakSet()  # connections that know the statement below


class Pass(Exception):
    """There is nothing yet with which this move could be made."""


class Disagreement(AssertionError):
    """The ledger and the model do not say the same, after these steps."""

    steps: list[Step] = []


@dataclass
class Counts:
    done: int = 0
    refused: int = 0
    by_move: dict[str, int] = field(default_factory=dict)

    @property
    def all(self) -> int:
        return self.done + self.refused


@dataclass(frozen=True)
class Move:
    make: Callable[["Game", int, int, int], None]
    weight: int


MOVES: dict[str, Move] = {}  # filled by the modules of `moves`


def move(weight: int) -> Callable[[Callable], Callable]:
    """A kind of move; `weight` says how often it is made beside the others. A new kind is one of these and its verb."""

    def register(make: Callable[["Game", int, int, int], None]) -> Callable:
        MOVES[make.__name__] = Move(make, weight)
        return make

    return register


class Game:
    """One game with funds and programmes of its own, in the database that Django is connected to."""

    def __init__(self, world: World | None = None, counts: Counts | None = None) -> None:
        self.world = world or load_world()
        self.counts = counts or Counts()
        self.name = f"{os.getpid():x}.{next(_games):x}"
        self.people = people.of(self.world)
        self.places = {
            "village": self.world.village,
            "township": self.world.township,
            "county": self.world.county,
            "elsewhere": self.world.other_village,
        }
        self.programmes = [f"{self.name}:{letter}" for letter in "ab"]
        self.model = Model()
        self.funds: list[Fund] = []
        self.allocations: list[int] = []
        self.reservations: list[int] = []
        self.batches: list[int] = []
        self.payments: list[int] = []
        self.proposals: list[int] = []
        self.floats: list[int] = []
        self.spends: list[int] = []
        self.refills: list[int] = []
        self.counts_of_cash: list[int] = []
        self.keys = itertools.count(1)
        self.steps: list[Step] = []
        for opening in OPENING:
            self.step(*opening)
        self.steps.clear()

    def step(self, name: str, a: int, b: int, c: int) -> None:
        """Make one move. Raises Disagreement."""
        self.steps.append((name, a, b, c))
        with contextlib.suppress(Pass):
            MOVES[name].make(self, a, b, c)

    def play(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self.step(*step)
        self.check_everything()

    def key(self) -> str:
        return f"{self.name}:{next(self.keys)}"

    def both(
        self,
        on_model: Callable[[Model], Any],
        for_real: Callable[[], Any],
        *,
        into: list[Any] | None = None,
        then: Callable[[], None] | None = None,
        counts: bool = True,
    ) -> None:
        """Make a move on both sides; the key of what the real one made goes `into` that list. Raises Disagreement.

        `then` is called when it was done, before the two sides are compared.
        """
        expected = "done"
        try:
            on_model(self.model)
        except Refused as refusal:
            expected = refusal.why
        try:
            with transaction.atomic(), acting(self.people[0], reason="torture"):
                made = for_real()
                ledger.settle_now()
            happened = "done"
            if into is not None:
                into += [row for row in (made if isinstance(made, list) else [made]) if row not in into]
            if then:
                then()
        except NotRefused as found:
            raise self.disagreement(str(found)) from found
        except FundsError as refusal:
            happened = words.LAW if type(refusal) is FundsError else type(refusal).__name__
        except DatabaseError as refusal:
            code = getattr(refusal.__cause__, "pgcode", None) or ""
            if not code.startswith(LAWS):
                raise
            happened = words.LAW
        if counts:
            self.counts.done += happened == "done"
            self.counts.refused += happened != "done"
            name = self.steps[-1][0]
            self.counts.by_move[name] = self.counts.by_move.get(name, 0) + 1
        if happened != expected:
            raise self.disagreement(f"{self.steps[-1][0]}: the ledger said {happened}, the model {expected}")
        if happened == "done":  # what a refusal left behind is seen by the next look
            self.compare()

    # Comparing

    def compare(self) -> None:
        """Every account, reservation, payment and batch of this game as the model has it. Raises Disagreement."""
        real, expected = self._as_it_is(), self._as_it_should_be()
        if real != expected:
            odd = sorted(set(real) ^ set(expected), key=str)
            raise self.disagreement(f"{self.steps[-1][0]}: rows on one side alone: {odd[:6]}")

    def _as_it_is(self) -> list[tuple]:
        with connection.cursor() as cursor:
            if connection.connection not in _prepared:  # planning it anew for each move would take most of the time
                cursor.execute(_SNAPSHOT)
                _prepared.add(connection.connection)
            cursor.execute("EXECUTE torture_snapshot (%s, %s)", [[fund.pk for fund in self.funds], self.batches])
            return sorted(cursor.fetchall())

    def _as_it_should_be(self) -> list[tuple]:
        m, funds, batches, allocations = self.model, self.funds, self.batches, self.allocations
        rows: list[tuple] = [
            ("account", kind, funds[fund].pk, 0 if n is None else allocations[n], given, received, 0, 0)
            for (kind, fund, n), (given, received) in m.turnover.items()
        ]
        rows += [
            ("reservation", "", pk, r.amount, r.released, r.held, r.flying, r.paid)
            for pk, r in zip(self.reservations, m.reservations, strict=True)
        ]
        rows += [
            ("payment", p.state, pk, self.reservations[p.reservation], batches[p.batch], p.amount,
             0 if p.replaces is None else self.payments[p.replaces], p.part)
            for pk, p in zip(self.payments, m.payments, strict=True)
        ]  # fmt: skip
        rows += [
            ("batch", b.state, pk, *(0 if who is None else self.people[who].pk for who in (b.maker, b.checker, b.releaser)), 0, 0)
            for pk, b in zip(batches, m.batches, strict=True)
        ]  # fmt: skip
        rows += [
            ("proposal", p.state, pk, p.amount, self.people[p.by].pk,
             0 if p.decided_by is None else self.people[p.decided_by].pk, 0, 0)
            for pk, p in zip(self.proposals, m.proposals, strict=True)
        ]  # fmt: skip
        for pk, r in zip(self.reservations, m.reservations, strict=True):
            rows += [
                ("part", "", pk, n, part.amount, int(part.checked), int(part.cancelled), 0)
                for n, part in enumerate(r.parts, start=1)
            ]
            if r.owed is not None:
                rows.append(("recovery", "", pk, r.owed, r.recovered, r.written_off, int(r.still_owed == 0), 0))
        rows += [
            ("float", "", pk, allocations[f.allocation], f.limit, self.people[f.custodian].pk, int(f.has_ended), 0)
            for pk, f in zip(self.floats, m.floats, strict=True)
        ]
        rows += [
            ("spend", "", pk, self.reservations[s.reservation], s.amount, s.settled, s.back,
             0 if s.refill is None else self.refills[s.refill])
            for pk, s in zip(self.spends, m.spends, strict=True)
        ]  # fmt: skip
        rows += [
            ("refill", "", pk, self.floats[r.float], r.amount, self.people[r.asker].pk,
             0 if r.payer is None else self.people[r.payer].pk, 0)
            for pk, r in zip(self.refills, m.refills, strict=True)
        ]  # fmt: skip
        rows += [
            ("count", "", pk, self.floats[c.float], c.cash, c.book, c.awaited,
             0 if c.reviewer is None else self.people[c.reviewer].pk)
            for pk, c in zip(self.counts_of_cash, m.counts, strict=True)
        ]  # fmt: skip
        rows.append(("transfers", "", len(m.transfers), sum(t.amount for t in m.transfers), 0, 0, 0, 0))
        return sorted(rows)

    def check_everything(self) -> None:
        """What takes longer and is asked now and then: the ledger's own words for its balances, and its own check."""
        self.compare()
        m = self.model
        for n, (pk, balance) in enumerate(ledger.allocation_balances(list(self._rows(Allocation))).items()):
            fund = m.allocations[n].fund
            want = [m.balance(kind, fund, n) for kind in words.OF_AN_ALLOCATION]
            got = [getattr(balance, f"{kind}_fen") for kind in words.OF_AN_ALLOCATION]
            if want != got or pk != self.allocations[n]:
                raise self.disagreement(f"allocation {n} is told as {got}, not {want}")
        for n, balance in enumerate(ledger.balances(self.funds).values()):
            want = sum(m.balance(k, f, a) for (k, f, a) in m.turnover if f == n and k != "source")
            free = sum(m.balance(k, f, a) for (k, f, a) in m.turnover if f == n and k in ("available", "allocated"))
            if (balance.total_fen, balance.free_fen) != (want, free):
                raise self.disagreement(f"fund {n} is told as {balance}, not {want} of which {free} free")
        for programme, purpose in itertools.product(self.programmes, PURPOSES):
            told = ledger.payable_fen(programme, self.world.village, clock.today(), purpose)
            if told != m.payable(programme, purpose):
                raise self.disagreement(f"{told} fen are told to be free for {programme}")
        held = imprest.holdings([self.float(n) for n, _pk in enumerate(self.floats)])
        for n, now in enumerate(held[pk] for pk in self.floats):
            box = m.floats[n]
            told = (now.limit_fen, now.advanced_fen, now.book_fen, now.awaited_fen)
            want = (box.limit, m.advanced(box.allocation), m.book(box), m.awaited(n))
            if told != want:
                raise self.disagreement(f"float {n} is told as {told}, not {want}")
        for tampering in TAMPERINGS:
            self.steps.append(("tamper", 0, 0, 0))
            attempt = functools.partial(tampering.attempt, [fund.pk for fund in self.funds])
            self.both(Model.tamper, attempt, counts=False)
        checked = ledger.check()
        if checked.drift_fen or checked.negative_accounts:
            raise self.disagreement(str(checked))

    def _rows(self, kind: Any) -> Iterable[Any]:
        return kind.objects.filter(fund__in=self.funds).order_by("id")

    # Rows of the real ledger by their place in the model

    def reservation(self, n: int) -> Reservation:
        return Reservation.objects.select_related("allocation").get(pk=self.reservations[n])

    def recovery(self, n: int) -> Recovery:
        return Recovery.objects.select_related("reservation__allocation__fund__unit").get(
            reservation=self.reservations[n]
        )

    def allocation(self, n: int) -> Allocation:
        return Allocation.objects.select_related("fund__unit", "unit").get(pk=self.allocations[n])

    def float(self, n: int) -> ImprestFloat:
        return ImprestFloat.objects.get(pk=self.floats[n])

    def refill(self, n: int) -> ImprestRefill:
        return ImprestRefill.objects.get(pk=self.refills[n])

    def count(self, n: int) -> ImprestCount:
        return ImprestCount.objects.get(pk=self.counts_of_cash[n])

    def batch(self, n: int) -> PaymentBatch:
        return PaymentBatch.objects.get(pk=self.batches[n])

    def payment(self, n: int) -> Payment:
        return Payment.objects.select_related("reservation__allocation", "batch").get(pk=self.payments[n])

    def transfer(self, n: int) -> Transfer:
        """In the order in which they were made; the model has them in the same."""
        return Transfer.objects.filter(debit__fund__in=self.funds).order_by("id")[n]

    def disagreement(self, what: str) -> Disagreement:
        return Disagreement(f"{what}\nafter {len(self.steps)} steps, the last {self.steps[-1:]}\n{self.steps}")

    # Choosing

    def pick(self, things: list[Any], n: int, likely: Callable[[Any], bool] | None = None) -> int:
        """A place in the list, in four of five cases of one that is `likely` to do it. Raises Pass when there is none."""
        places = [place for place, thing in enumerate(things) if not likely or n % 5 == 0 or likely(thing)]
        if not places:
            raise Pass
        return places[-1 - n // 5 % len(places)]

    def adopt(self) -> None:
        """What came into being when a proposal was confirmed: the places of next year, and floats."""
        places = Allocation.objects.filter(fund__in=self.funds).exclude(pk__in=self.allocations)
        self.allocations += places.order_by("id").values_list("pk", flat=True)
        floats = ImprestFloat.objects.filter(allocation__fund__in=self.funds).exclude(pk__in=self.floats)
        self.floats += floats.order_by("id").values_list("pk", flat=True)

    def some(self, things: list[Any], n: int, likely: Callable[[Any], bool]) -> list[int]:
        """One to three places, seldom the same twice. Raises Pass when there is none."""
        first = self.pick(things, n, likely)
        others = [place for place, thing in enumerate(things) if likely(thing) and place != first]
        many = others[: n % 3] if n % 7 else [first] * (n % 3)
        return [first, *many]

    def may_be_listed(self, reservation: words.Reservation) -> bool:
        """Something is held, and it is neither listed nor handed out."""
        n = next(n for n, known in enumerate(self.model.reservations) if known is reservation)
        return reservation.held > 0 and not self.model.is_listed(n) and not self.model.is_handed_out(n)

    def person(self, n: int, *others: int | None) -> int:
        """Somebody, seldom one of the others."""
        free = [who for who in range(len(self.people)) if who not in others]
        return free[n // 8 % len(free)] if n % 8 else n // 8 % len(self.people)

    def amount(self, n: int, there: int) -> int:
        """All that is there, one fen too much, nothing at all: where mistakes like to sit. Mostly a part of it."""
        edges = (there, there + 1, 0, LARGEST * 100)
        return edges[n % 16] if n % 16 < len(edges) else 1 + n // 16 * 7 % max(1, there // 2)


_SNAPSHOT = """
PREPARE torture_snapshot (bigint[], bigint[]) AS
SELECT 'account', kind, fund_id, coalesce(allocation_id, 0), debit_fen, credit_fen, 0::bigint, 0::bigint
  FROM funds_account WHERE fund_id = ANY ($1)
UNION ALL
SELECT 'reservation', '', r.id, r.amount_fen, r.released_fen, coalesce(s.held, 0), coalesce(s.flying, 0), coalesce(s.paid, 0)
  FROM funds_allocation l JOIN funds_reservation r ON r.allocation_id = l.id
  LEFT JOIN (SELECT t.reservation_id,
      sum(((c.kind = 'committed')::int - (d.kind = 'committed')::int) * t.amount_fen)::bigint AS held,
      sum(((c.kind = 'in_payment')::int - (d.kind = 'in_payment')::int) * t.amount_fen)::bigint AS flying,
      sum(((c.kind = 'paid')::int - (d.kind = 'paid')::int) * t.amount_fen)::bigint AS paid
    FROM funds_account d JOIN funds_transfer t ON t.debit_id = d.id JOIN funds_account c ON c.id = t.credit_id
    WHERE d.fund_id = ANY ($1) GROUP BY 1) s ON s.reservation_id = r.id
  WHERE l.fund_id = ANY ($1)
UNION ALL
SELECT 'payment', p.state, p.id, p.reservation_id, p.batch_id, p.amount_fen, coalesce(p.replaces_id, 0), p.instalment
  FROM funds_allocation l JOIN funds_reservation r ON r.allocation_id = l.id JOIN funds_payment p ON p.reservation_id = r.id
  WHERE l.fund_id = ANY ($1)
UNION ALL
SELECT 'batch', state, id, maker_id, coalesce(checker_id, 0), coalesce(releaser_id, 0), 0, 0
  FROM funds_paymentbatch WHERE id = ANY ($2)
UNION ALL
SELECT 'proposal', state, id, amount_fen, proposed_by_id, coalesce(decided_by_id, 0), 0, 0
  FROM funds_proposal WHERE fund_id = ANY ($1)
UNION ALL
SELECT 'part', '', r.id, i.n, i.amount_fen, (i.checked_on IS NOT NULL)::int, (i.cancelled_on IS NOT NULL)::int, 0
  FROM funds_allocation l JOIN funds_reservation r ON r.allocation_id = l.id JOIN funds_instalment i ON i.reservation_id = r.id
  WHERE l.fund_id = ANY ($1)
UNION ALL
SELECT 'recovery', '', r.id, y.owed_fen, y.recovered_fen, y.written_off_fen, (y.ended_on IS NOT NULL)::int, 0
  FROM funds_allocation l JOIN funds_reservation r ON r.allocation_id = l.id JOIN funds_recovery y ON y.reservation_id = r.id
  WHERE l.fund_id = ANY ($1)
UNION ALL
SELECT 'float', '', b.id, b.allocation_id, b.limit_fen, b.custodian_id, (b.ended_on IS NOT NULL)::int, 0
  FROM funds_allocation l JOIN funds_imprestfloat b ON b.allocation_id = l.id WHERE l.fund_id = ANY ($1)
UNION ALL
SELECT 'spend', '', s.id, s.reservation_id, s.amount_fen, s.settled_fen, s.back_fen, coalesce(s.refill_id, 0)
  FROM funds_allocation l JOIN funds_imprestfloat b ON b.allocation_id = l.id JOIN funds_imprestspend s ON s.float_id = b.id
  WHERE l.fund_id = ANY ($1)
UNION ALL
SELECT 'refill', '', x.id, x.float_id, x.amount_fen, x.asked_by_id, coalesce(x.paid_by_id, 0), 0
  FROM funds_allocation l JOIN funds_imprestfloat b ON b.allocation_id = l.id JOIN funds_imprestrefill x ON x.float_id = b.id
  WHERE l.fund_id = ANY ($1)
UNION ALL
SELECT 'count', '', c.id, c.float_id, c.cash_fen + c.bank_fen, c.book_fen, c.awaited_fen, coalesce(c.reviewer_id, 0)
  FROM funds_allocation l JOIN funds_imprestfloat b ON b.allocation_id = l.id JOIN funds_imprestcount c ON c.float_id = b.id
  WHERE l.fund_id = ANY ($1)
UNION ALL
SELECT 'transfers', '', count(*), coalesce(sum(t.amount_fen), 0)::bigint, 0, 0, 0, 0
  FROM funds_account d JOIN funds_transfer t ON t.debit_id = d.id WHERE d.fund_id = ANY ($1)
"""
