"""Money comes in, is set aside and divided."""

from funds import budget, services
from tests.torture.game import PURPOSES, Game, Pass, move
from tests.torture.model import words


@move(2)
def open_fund(game: Game, a: int, b: int, c: int) -> None:
    """For one programme, one cause of hardship, one place or a year, or for anything; some for several of these."""
    if len(game.funds) == 4:
        raise Pass
    bound = words.Fund(
        programmes=tuple(game.programmes[: c % 2]),
        purposes=PURPOSES[1 : 1 + (0, 1, 2)[c // 2 % 3]],
        place=(None, None, "township", "village")[c // 6 % 4],
        first_year=(None, None, 2026, 2027)[b % 4],
        last_year=(None, None, 2026, 2027)[a % 4],
    )
    if bound.last_year and bound.first_year and bound.first_year > bound.last_year:
        raise Pass
    code = f"{game.name}:{len(game.funds)}"
    game.both(
        lambda m: m.open_fund(bound),
        lambda: services.open_fund(
            code, "torture", source="fiscal", unit=game.world.county, programmes=list(bound.programmes),
            purposes=list(bound.purposes), only_unit=game.places[bound.place] if bound.place else None,
            first_year=bound.first_year, last_year=bound.last_year,
        ),
        into=game.funds,
    )  # fmt: skip


@move(2)
def receive(game: Game, a: int, b: int, c: int) -> None:
    fund, amount = game.pick(game.funds, a), c * 10
    game.both(lambda m: m.receive(fund, amount), lambda: services.receive(game.funds[fund], amount, key=game.key()))


@move(4)
def allocate(game: Game, a: int, b: int, c: int) -> None:
    fund, programme = game.pick(game.funds, a), (*game.programmes, "")[a // 3 % 3]
    place = list(game.places)[b % len(game.places)]
    year = words.THIS_YEAR + (b % 8 == 0)
    amount = game.amount(c, game.model.balance("available", fund))
    game.both(
        lambda m: m.allocate(fund, amount, programme, place, year),
        lambda: (
            services.allocate(
                game.funds[fund], amount, programme=programme, unit=game.places[place], year=year, key=game.key()
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
            game.allocation(whole), amount, programme=programme, unit=game.places[place], key=game.key()
        ).pk,
        into=game.allocations,
    )  # fmt: skip
