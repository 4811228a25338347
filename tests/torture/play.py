"""The same moves made on the real ledger and on the model; after each of them the two must say the same.

A move is a name and three numbers, so a game is a list that can be written down, kept and played again. The numbers choose
among what is there, so that any part of a game is a game as well; that is what makes it shrink.
"""

import contextlib
import datetime
import functools
import itertools
import os
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

from django.db import DatabaseError, connection, transaction

from access import services as access
from access.scope import forget_posts, posts_of
from audit import clock
from audit.context import acting
from funds import budget, instalments, ledger, proposals, recoveries, services
from funds import imprest as imprest_services
from funds.errors import FundsError
from funds.models import Allocation, Fund, Instalment, Payment, PaymentBatch, Recovery, Reservation, Transfer
from tests.torture import model as plain
from tests.torture.model import Model, Refused
from tests.torture.tampering import TAMPERINGS, RefusedByAnother
from tests.world import START, World, load_world

Step = tuple[str, int, int, int]
LARGEST = 1_000  # of each number of a step
PEOPLE = ("fund_manager", "fund_checker", "cashier", "county_reviewer", "county_approver")
LAWS = ("23", "42501", "P0001")  # how PostgreSQL's codes begin when it refuses, and not when the statement is wrong
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


class Game:
    """One game with funds and programmes of its own, in the database that Django is connected to."""

    def __init__(self, world: World | None = None, counts: Counts | None = None) -> None:
        self.world = world or load_world()
        self.counts = counts or Counts()
        self.name = f"{os.getpid():x}.{next(_games):x}"
        self.people = [self.world.staff[name] for name in PEOPLE]
        for person in self.people:  # each may be the second person of any proposal
            if not any(post.role in proposals.DECIDERS for post in posts_of(person)):
                access.appoint(person, "fund_checker", self.world.county, by=None, valid_from=START)
                forget_posts(person)
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
        self.keys = itertools.count(1)
        self.steps: list[Step] = []
        for opening in (("open_fund", 0, 0, 0), ("receive", 0, 0, LARGEST), ("allocate", 0, 0, 0)):
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
        counts: bool = True,
    ) -> None:
        """Make a move on both sides; the key of what the real one made goes `into` that list. Raises Disagreement."""
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
        except RefusedByAnother as found:
            raise self.disagreement(str(found)) from found
        except FundsError as refusal:
            happened = plain.LAW if type(refusal) is FundsError else type(refusal).__name__
        except DatabaseError as refusal:
            code = getattr(refusal.__cause__, "pgcode", None) or ""
            if not code.startswith(LAWS):
                raise
            happened = plain.LAW
        if counts:
            self.counts.done += happened == "done"
            self.counts.refused += happened != "done"
            name = self.steps[-1][0]
            self.counts.by_move[name] = self.counts.by_move.get(name, 0) + 1
        if happened != expected:
            raise self.disagreement(f"the ledger said {happened}, the model {expected}")
        if happened == "done":  # what a refusal left behind is seen by the next look
            self.compare()

    # Comparing

    def compare(self) -> None:
        """Every account, reservation, payment and batch of this game as the model has it. Raises Disagreement."""
        real, expected = self._as_it_is(), self._as_it_should_be()
        if real != expected:
            odd = sorted(set(real) ^ set(expected), key=str)
            raise self.disagreement(f"rows on one side alone: {odd[:6]}")

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
        rows.append(("transfers", "", len(m.transfers), sum(t.amount for t in m.transfers), 0, 0, 0, 0))
        return sorted(rows)

    def check_everything(self) -> None:
        """What takes longer and is asked now and then: the ledger's own words for its balances, and its own check."""
        self.compare()
        m = self.model
        for n, (pk, balance) in enumerate(ledger.allocation_balances(list(self._rows(Allocation))).items()):
            fund = m.allocations[n].fund
            want = [m.balance(kind, fund, n) for kind in plain.OF_AN_ALLOCATION]
            got = [getattr(balance, f"{kind}_fen") for kind in plain.OF_AN_ALLOCATION]
            if want != got or pk != self.allocations[n]:
                raise self.disagreement(f"allocation {n} is told as {got}, not {want}")
        for n, balance in enumerate(ledger.balances(self.funds).values()):
            want = sum(m.balance(k, f, a) for (k, f, a) in m.turnover if f == n and k != "source")
            free = sum(m.balance(k, f, a) for (k, f, a) in m.turnover if f == n and k in ("available", "allocated"))
            if (balance.total_fen, balance.free_fen) != (want, free):
                raise self.disagreement(f"fund {n} is told as {balance}, not {want} of which {free} free")
        for programme in self.programmes:
            able = [n for n, a in enumerate(m.allocations)
                    if (a.programme, a.year) == (programme, 2026) and a.place in plain.NEAR]  # fmt: skip
            told = ledger.payable_fen(programme, self.world.village, clock.today())
            if told != sum(m.free(n) for n in able):
                raise self.disagreement(f"{told} fen are told to be free for {programme}")
        for tampering in TAMPERINGS:
            self.steps.append(("tamper", 0, 0, 0))
            attempt = functools.partial(tampering.attempt, [fund.pk for fund in self.funds])
            self.both(Model.tamper, attempt, counts=False)
        checked = ledger.check()
        if checked.drift_fen or checked.negative_accounts:
            raise self.disagreement(str(checked))

    def _rows(self, kind: Any) -> Iterable[Any]:
        return kind.objects.filter(fund__in=self.funds).order_by("id")

    def disagreement(self, what: str) -> Disagreement:
        return Disagreement(f"{what}\nafter {len(self.steps)} steps, the last {self.steps[-1:]}\n{self.steps}")

    # Choosing

    def pick(self, things: list[Any], n: int, likely: Callable[[Any], bool] | None = None) -> int:
        """A place in the list, in four of five cases of one that is `likely` to do it. Raises Pass when there is none."""
        places = [place for place, thing in enumerate(things) if not likely or n % 5 == 0 or likely(thing)]
        if not places:
            raise Pass
        return places[-1 - n // 5 % len(places)]

    def new_allocations(self) -> list[int]:
        """Those that came into being unasked: the places of next year."""
        found = Allocation.objects.filter(fund__in=self.funds).exclude(pk__in=self.allocations)
        return list(found.order_by("id").values_list("pk", flat=True))

    def may_be_listed(self, reservation: plain.Reservation) -> bool:
        """Something is held, and no more is planned or listed than that."""
        return reservation.held > 0 and not self.model.is_listed(self.model.reservations.index(reservation))

    def person(self, n: int, *others: int | None) -> int:
        """Somebody, seldom one of the others."""
        free = [who for who in range(len(PEOPLE)) if who not in others]
        return free[n // 8 % len(free)] if n % 8 else n // 8 % len(PEOPLE)

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
SELECT 'transfers', '', count(*), coalesce(sum(t.amount_fen), 0)::bigint, 0, 0, 0, 0
  FROM funds_account d JOIN funds_transfer t ON t.debit_id = d.id WHERE d.fund_id = ANY ($1)
"""


@dataclass(frozen=True)
class Move:
    make: Callable[[Game, int, int, int], None]
    weight: int


MOVES: dict[str, Move] = {}


def move(weight: int) -> Callable[[Callable], Callable]:
    """A kind of move; `weight` says how often it is made beside the others. A new kind is one of these and its verb."""

    def register(make: Callable[[Game, int, int, int], None]) -> Callable:
        MOVES[make.__name__] = Move(make, weight)
        return make

    return register


# Funds


@move(1)
def open_fund(game: Game, a: int, b: int, c: int) -> None:
    if len(game.funds) == 3:
        raise Pass
    earmark = game.programmes[: c % 2]  # for one programme, or for anything
    code = f"{game.name}:{len(game.funds)}"
    game.both(
        lambda m: m.open_fund(tuple(earmark)),
        lambda: services.open_fund(code, "torture", source="fiscal", unit=game.world.county, programmes=earmark),
        into=game.funds,
    )


@move(2)
def receive(game: Game, a: int, b: int, c: int) -> None:
    fund, amount = game.pick(game.funds, a), c * 10
    game.both(lambda m: m.receive(fund, amount), lambda: services.receive(game.funds[fund], amount, key=game.key()))


@move(4)
def allocate(game: Game, a: int, b: int, c: int) -> None:
    fund, programme = game.pick(game.funds, a), (*game.programmes, "")[a // 3 % 3]
    place = list(game.places)[b % len(game.places)]
    amount = game.amount(c, game.model.balance("available", fund))
    game.both(
        lambda m: m.allocate(fund, amount, programme, place),
        lambda: (
            services.allocate(
                game.funds[fund], amount, programme=programme, unit=game.places[place], year=2026, key=game.key()
            ).pk
        ),
        into=game.allocations,
    )


@move(3)
def divide(game: Game, a: int, b: int, c: int) -> None:
    whole = game.pick(game.model.allocations, a, lambda x: x.place in ("county", "township"))
    programme, place = game.programmes[b // 4 % 2], list(game.places)[b % len(game.places)]
    amount = game.amount(c, game.model.free(whole))
    game.both(
        lambda m: m.divide(whole, amount, programme, place),
        lambda: budget.divide(
            Allocation.objects.select_related("fund").get(pk=game.allocations[whole]),
            amount, programme=programme, unit=game.places[place], key=game.key(),
        ).pk,
        into=game.allocations,
    )  # fmt: skip


@move(3)
def imprest(game: Game, a: int, b: int, c: int) -> None:
    """The township's float, straight in the books."""
    kind, gives = [(kind, ways[0]) for kind, ways in plain.WAYS.items() if kind in _IMPREST][b % len(_IMPREST)]
    allocation = game.pick(game.model.allocations, a)
    fund = game.model.allocations[allocation].fund
    amount = game.amount(c, game.model.balance(gives, fund, allocation))
    game.both(
        lambda m: m.imprest(kind, allocation, amount),
        lambda: _of_the_books(game, kind, amount, allocation),
    )


# What a family gets out of a float names its two persons and its receipt: tests/funds/test_imprest.py holds that.
_IMPREST = ("imprest_advance", "imprest_return")


@move(2)
def imprest_limit(game: Game, a: int, b: int, c: int) -> None:
    allocation = game.pick(game.model.allocations, a, lambda x: x.place == "township")
    by = b % len(PEOPLE)
    other, limit_fen = game.person(c, by), 10**9
    game.both(
        lambda m: m.imprest_limit(allocation, limit_fen, by, other),
        lambda: _limited(game, allocation, limit_fen, by, other),
        into=game.proposals,
    )


def _limited(game: Game, allocation: int, limit_fen: int, by: int, other: int) -> int:
    place = Allocation.objects.select_related("fund__unit", "unit").get(pk=game.allocations[allocation])
    made = imprest_services.propose_limit(
        place, limit_fen, game.people[0], by=game.people[by], key=game.key(), reason="torture"
    )
    proposals.confirm(made.pk, by=game.people[other])
    return made.pk


def _of_the_books(game: Game, kind: str, amount: int, allocation: int) -> None:
    fund = game.funds[game.model.allocations[allocation].fund].pk
    ledger.post(
        kind, amount, key=game.key(), fund_id=fund, allocation_id=game.allocations[allocation], subject=f"fund:{fund}"
    )


# Proposed by one, confirmed by another


def _propose(
    game: Game, n: int, on_model: Callable[[Model, int], None], for_real: Callable[..., Any], **how: Any
) -> None:
    by = n % len(PEOPLE)
    how |= {"by": game.people[by], "key": game.key(), "reason": "torture"}
    game.both(lambda m: on_model(m, by), lambda: for_real(**how).pk, into=game.proposals)


@move(2)
def take_back(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.allocations, a)
    amount = game.amount(c, game.model.free(n))
    _propose(
        game, b, lambda m, by: m.take_back(n, amount, by),
        lambda **how: budget.propose_take_back(
            Allocation.objects.select_related("fund__unit").get(pk=game.allocations[n]), amount, **how
        ),
    )  # fmt: skip


@move(1)
def interfund(game: Game, a: int, b: int, c: int) -> None:
    one, two = game.pick(game.funds, a), game.pick(game.funds, b)
    amount = game.amount(c, game.model.balance("available", one))
    _propose(
        game, c, lambda m, by: m.interfund(one, two, amount, by),
        lambda **how: budget.propose_interfund(game.funds[one], game.funds[two], amount, **how),
    )  # fmt: skip


@move(1)
def hand_back(game: Game, a: int, b: int, c: int) -> None:
    fund = game.pick(game.funds, a)
    amount = game.amount(c, game.model.balance("available", fund))
    _propose(
        game, b, lambda m, by: m.hand_back(fund, amount, by),
        lambda **how: budget.propose_hand_back(game.funds[fund], amount, **how),
    )  # fmt: skip


@move(1)
def carry_over(game: Game, a: int, b: int, c: int) -> None:
    fund = game.pick(game.funds, a)
    _propose(
        game, b, lambda m, by: m.carry_over(fund, by),
        lambda **how: budget.propose_carry_over(game.funds[fund], 2026, **how),
    )  # fmt: skip


@move(2)
def reverse(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.transfers, a, lambda t: t.kind in plain.REVERSIBLE)
    _propose(
        game, b, lambda m, by: m.propose_reversal(n, by),
        lambda **how: budget.propose_reversal(_transfer(game, n), **how),
    )  # fmt: skip


@move(1)
def write_off(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.reservations, a, lambda r: r.still_owed > 0)
    if game.model.reservations[n].owed is None:
        raise Pass
    amount = game.amount(c, game.model.reservations[n].still_owed)
    _propose(
        game, b, lambda m, by: m.propose_write_off(n, amount, by),
        lambda **how: recoveries.propose_write_off(_recovery(game, n), amount, document_no="1", **how),
    )  # fmt: skip


def _decide(verb: str, for_real: Callable[..., Any]) -> Callable[[Game, int, int, int], None]:
    def make(game: Game, a: int, b: int, c: int) -> None:
        n = game.pick(game.model.proposals, a, lambda p: p.state == "proposed")
        proposer = game.model.proposals[n].by
        by = proposer if verb == "withdraw" and b % 4 else game.person(b, proposer)
        game.both(
            lambda m: getattr(m, verb)(n, by),
            lambda: (for_real(game.proposals[n], by=game.people[by]), game.new_allocations())[1],
            into=game.allocations,
        )

    make.__name__ = verb
    return make


move(5)(_decide("confirm", proposals.confirm))
move(1)(_decide("refuse", lambda pk, by: proposals.refuse(pk, by=by, answer="不同意")))
move(1)(_decide("withdraw", proposals.withdraw))


# Reservations


def _reserve(game: Game, programme: str, amount: int) -> int:
    key = game.key()
    return services.reserve(
        subject=f"case:{key}", key=key, programme=programme, village=game.world.village, amount_fen=amount
    ).pk


def _wanted(game: Game, programme: str, c: int) -> int:
    free = [game.model.free(n) for n, a in enumerate(game.model.allocations) if a.programme == programme]
    return game.amount(c, max(free, default=0) // (1 if c % 3 == 0 else 4))


@move(8)
def reserve(game: Game, a: int, b: int, c: int) -> None:
    programme = game.programmes[a % 5 % 2]
    amount = _wanted(game, programme, c)
    game.both(lambda m: m.reserve(programme, amount), lambda: _reserve(game, programme, amount), into=game.reservations)


@move(2)
def reserve_two(game: Game, a: int, b: int, c: int) -> None:
    programme = game.programmes[a % 5 % 2]
    amount = _wanted(game, programme, c)
    game.both(
        lambda m: m.reserve_two(programme, amount),
        lambda: [_reserve(game, programme, amount), _reserve(game, programme, amount)],
        into=game.reservations,
    )


def _reservation(game: Game, n: int) -> Reservation:
    return Reservation.objects.select_related("allocation").get(pk=game.reservations[n])


@move(4)
def release(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.reservations, a, lambda r: r.held > 0)
    game.both(lambda m: m.release(n), lambda: services.release(_reservation(game, n), reason="torture"))


@move(3)
def plan(game: Game, a: int, b: int, c: int) -> None:
    """In two or three parts; one may not be due yet, one may want a look first."""
    n = game.pick(game.model.reservations, a, lambda r: not r.parts and r.held == r.amount > 2)
    percents = [40, 60] if b % 2 else [50, 30, 20]
    shares = plain.shares(game.model.reservations[n].amount, percents)
    if instalments.shared_out(sum(shares), percents) != shares:
        raise game.disagreement(f"{sum(shares)} fen are not shared out as {shares}")
    parts = [plain.Part(fen + (c % 9 == 0), k + c % 4 < 4, (b // 2 + k) % 3 == 0) for k, fen in enumerate(shares)]
    game.both(
        lambda m: m.plan(n, parts),
        lambda: instalments.plan(
            _reservation(game, n),
            [
                instalments.Part(f"{k}", clock.today() + (not p.is_due) * _LATER, p.amount, p.needs_check)
                for k, p in enumerate(parts)
            ],
        ),
    )


_LATER = datetime.timedelta(days=30)


@move(2)
def check_part(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.reservations, a, lambda r: any(p.needs_check and not p.checked for p in r.parts))
    if not game.model.reservations[n].parts:
        raise Pass
    parts = game.model.reservations[n].parts
    k = next((k for k, p in enumerate(parts) if p.needs_check and not p.checked and b % 4), b % len(parts))
    amount = None if c % 2 else game.amount(c // 2, parts[k].amount)
    game.both(
        lambda m: m.check_part(n, k, amount),
        lambda: instalments.check(
            Instalment.objects.get(reservation=game.reservations[n], n=k + 1),
            by=game.people[0], note="在读", amount_fen=amount,
        ),
    )  # fmt: skip


@move(1)
def begin_recovery(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.reservations, a, lambda r: r.paid > 0 and r.owed is None)
    owed = game.amount(c, game.model.reservations[n].paid)
    game.both(
        lambda m: m.begin_recovery(n, owed),
        lambda: recoveries.begin(_reservation(game, n), owed_fen=owed, reason="torture"),
    )


def _recovery(game: Game, n: int) -> Recovery:
    return Recovery.objects.select_related("reservation__allocation__fund__unit").get(reservation=game.reservations[n])


@move(2)
def recover(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.reservations, a, lambda r: r.still_owed > 0)
    if game.model.reservations[n].owed is None:
        raise Pass
    amount = game.amount(c, game.model.reservations[n].still_owed)
    game.both(lambda m: m.recover(n, amount), lambda: recoveries.record(_recovery(game, n).pk, amount, key=game.key()))


# Batches and payments


@move(4)
def open_batch(game: Game, a: int, b: int, c: int) -> None:
    maker, number, is_cash = a % len(PEOPLE), game.key(), b % 6 == 0
    reason = "没有账户" if is_cash else None
    game.both(
        lambda m: m.open_batch(maker, is_cash),
        lambda: services.open_batch(number=number, title="", by=game.people[maker], cash_reason=reason).pk,
        into=game.batches,
    )


def _list(game: Game, reservation: int, batch: int, recorder: int, replaces: int | None = None) -> None:
    account = "" if game.model.batches[batch].is_cash else "9999990000000000001"
    payee = services.Payee(
        name="江正", person_key=None, account_no=account, account_index="x", account_kind="card",
        bank="禾丰农商银行", recorded_by_key=game.people[recorder].person_key,
    )  # fmt: skip
    game.both(
        lambda m: m.list_payment(reservation, batch, recorder, replaces),
        lambda: (
            services.list_payment(
                _reservation(game, reservation),
                _batch(game, batch),
                payee,
                key=game.key(),
                replaces=None if replaces is None else _payment(game, replaces),
            ).pk
        ),
        into=game.payments,
    )


def _batch(game: Game, n: int) -> PaymentBatch:
    return PaymentBatch.objects.get(pk=game.batches[n])


def _draft(game: Game, n: int) -> int | None:
    return game.pick(game.model.batches, n, lambda b: b.state == "draft")


def _payment(game: Game, n: int) -> Payment:
    return Payment.objects.select_related("reservation__allocation", "batch").get(pk=game.payments[n])


@move(16)
def list_payment(game: Game, a: int, b: int, c: int) -> None:
    reservation, batch = game.pick(game.model.reservations, a, game.may_be_listed), _draft(game, b)
    _list(game, reservation, batch, c % len(PEOPLE))


@move(3)
def reissue(game: Game, a: int, b: int, c: int) -> None:
    payment, batch = game.pick(game.model.payments, a, lambda p: p.state == "returned"), _draft(game, b)
    _list(game, game.model.payments[payment].reservation, batch, c % len(PEOPLE), replaces=payment)


@move(2)
def unlist(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.payments, a, lambda p: p.state == "listed")
    game.both(lambda m: m.unlist(n), lambda: services.unlist_payment(_payment(game, n)))


@move(8)
def check_batch(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.batches, a, lambda b: b.state == "draft" and b.lines)
    by = game.person(b, game.model.batches[n].maker)
    game.both(lambda m: m.check_batch(n, by), lambda: services.check_batch(_batch(game, n), by=game.people[by]))


@move(3)
def release_batch(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.batches, a, lambda b: b.state == "checked")
    by = game.person(b, game.model.batches[n].maker, game.model.batches[n].checker)
    game.both(lambda m: m.release_batch(n, by), lambda: services.release_batch(_batch(game, n), by=game.people[by]))


@move(9)
def hand_over(game: Game, a: int, b: int, c: int) -> None:
    """As the desk does it: the batch is released and every payment of it sent, in one transaction."""
    n = game.pick(game.model.batches, a, lambda b: b.state == "checked")
    by = game.person(b, game.model.batches[n].maker, game.model.batches[n].checker)
    game.both(lambda m: m.hand_over(n, by), lambda: _hand_over(_batch(game, n), game.people[by]))


def _hand_over(batch: PaymentBatch, by: Any) -> None:
    listed = list(batch.payments.filter(state="listed").order_by("id").select_related("reservation__allocation"))
    services.release_batch(batch, by=by)
    for payment in listed:
        payment.batch = batch
        services.send(payment)


def _of_payment(verb: str, for_real: Callable[[Payment], Any]) -> Callable[[Game, int, int, int], None]:
    usual = {"send": ("listed",), "claw_back": ("credited",)}.get(verb, ("sent", "unknown"))

    def make(game: Game, a: int, b: int, c: int) -> None:
        n = game.pick(game.model.payments, a, lambda p: p.state in usual)
        game.both(lambda m: getattr(m, verb)(n), lambda: for_real(_payment(game, n)))

    make.__name__ = verb
    return make


move(2)(_of_payment("send", services.send))
move(9)(_of_payment("credit", lambda p: services.credit(p, bank_reference="B1", answered_on=clock.today())))
move(3)(
    _of_payment("bounce", lambda p: services.bounce(p, bank_reference="B1", reason="已销户", answered_on=clock.today()))
)
move(1)(_of_payment("lose", services.lose))
move(4)(
    _of_payment(
        "claw_back", lambda p: services.claw_back(p, bank_reference="B2", reason="退票", answered_on=clock.today())
    )
)


@move(2)
def hand_cash(game: Game, a: int, b: int, c: int) -> None:
    is_cash = {n for n, batch in enumerate(game.model.batches) if batch.is_cash}
    n = game.pick(game.model.payments, a, lambda p: p.state == "sent" and p.batch in is_cash)
    one, two = b % len(PEOPLE), game.person(c, b % len(PEOPLE))
    handover = services.Handover(
        (game.people[one], game.people[two]), clock.today(), "村委会", "signature", "江正", "0" * 64
    )
    game.both(lambda m: m.hand_cash(n, one, two), lambda: services.hand_over(_payment(game, n), handover))


# Mistakes and mischief


def _transfer(game: Game, n: int) -> Transfer:
    """In the order in which they were made; the model has them in the same."""
    return Transfer.objects.filter(debit__fund__in=game.funds).order_by("id")[n]


@move(1)
def again(game: Game, a: int, b: int, c: int) -> None:
    """The same key once more, for money that is there."""
    n = game.pick(game.model.transfers, a)
    fund = game.funds[0]
    game.both(
        lambda m: m.again(n),
        lambda: services.receive(fund, 1, key=_transfer(game, n).key),
    )


@move(2)
def tamper(game: Game, a: int, b: int, c: int) -> None:
    """What somebody with a database client might try; each is refused by a law of its own, by name."""
    tampering = TAMPERINGS[a % len(TAMPERINGS)]
    game.both(lambda m: m.tamper(), lambda: tampering.attempt([fund.pk for fund in game.funds]))


# Games


def random_steps(seed: int, count: int) -> list[Step]:
    """The same steps for the same seed, on every machine."""
    dice = random.Random(seed)
    names, weights = list(MOVES), [m.weight for m in MOVES.values()]
    return [
        (name, dice.randrange(LARGEST + 1), dice.randrange(LARGEST + 1), dice.randrange(LARGEST + 1))
        for name in dice.choices(names, weights, k=count)
    ]
