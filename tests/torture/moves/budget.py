"""Money comes in, is set aside and divided; a township gets some of it into its hands."""

from funds import budget, ledger, proposals, services
from funds import imprest as imprest_services
from funds.models import Allocation
from tests.torture.game import PEOPLE, Game, Pass, move
from tests.torture.model import words


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
    kind, gives = [(kind, ways[0]) for kind, ways in words.WAYS.items() if kind in _IMPREST][b % len(_IMPREST)]
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
