"""What is proposed by one and confirmed by another."""

from collections.abc import Callable
from typing import Any

from funds import budget, imprest, proposals, recoveries
from tests.torture.game import Game, Pass, move
from tests.torture.model import Model, words


def _propose(
    game: Game, n: int, on_model: Callable[[Model, int], None], for_real: Callable[..., Any], **how: Any
) -> None:
    by = n % len(game.people)
    how |= {"by": game.people[by], "key": game.key(), "reason": "torture"}
    game.both(lambda m: on_model(m, by), lambda: for_real(**how).pk, into=game.proposals)


@move(2)
def take_back(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.allocations, a)
    amount = game.amount(c, game.model.free(n))
    _propose(
        game, b, lambda m, by: m.take_back(n, amount, by),
        lambda **how: budget.propose_take_back(
            game.allocation(n), amount, **how
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
    n = game.pick(game.model.transfers, a, lambda t: t.kind in words.REVERSIBLE)
    _propose(
        game, b, lambda m, by: m.propose_reversal(n, by),
        lambda **how: budget.propose_reversal(game.transfer(n), **how),
    )  # fmt: skip


@move(4)
def imprest_limit(game: Game, a: int, b: int, c: int) -> None:
    """What a township may hold: enough, less than it has, or nothing any more."""
    allocation = game.pick(game.model.allocations, a, lambda x: x.place == "township" and x.programme)
    limit, custodian = (10**6, 2_000, 0, 10**6)[c % 4], c // 4 % len(game.people)
    _propose(
        game, b, lambda m, by: m.imprest_limit(allocation, limit, custodian, by),
        lambda **how: imprest.propose_limit(game.allocation(allocation), limit, game.people[custodian], **how),
    )  # fmt: skip


@move(3)
def write_off(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.reservations, a, lambda r: r.still_owed > 0)
    if game.model.reservations[n].owed is None:
        raise Pass
    amount = game.amount(c, game.model.reservations[n].still_owed)
    _propose(
        game, b, lambda m, by: m.propose_write_off(n, amount, by),
        lambda **how: recoveries.propose_write_off(game.recovery(n), amount, document_no="1", **how),
    )  # fmt: skip


def _decide(verb: str, for_real: Callable[..., Any]) -> Callable[[Game, int, int, int], None]:
    def make(game: Game, a: int, b: int, c: int) -> None:
        n = game.pick(game.model.proposals, a, lambda p: p.state == "proposed")
        proposal = game.model.proposals[n]
        proposer = proposal.by
        by = proposer if verb == "withdraw" and b % 4 else game.person(b, proposer)
        game.both(
            lambda m: getattr(m, verb)(n, by),
            lambda: for_real(game.proposals[n], by=game.people[by]),
            then=game.adopt,
        )

    make.__name__ = verb
    return make


move(5)(_decide("confirm", proposals.confirm))
move(1)(_decide("refuse", lambda pk, by: proposals.refuse(pk, by=by, answer="不同意")))
move(1)(_decide("withdraw", proposals.withdraw))
