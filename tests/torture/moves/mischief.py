"""Mistakes, and what somebody with a database client might try."""

from funds import services
from tests.torture.game import Game, move
from tests.torture.tampering import TAMPERINGS


@move(1)
def again(game: Game, a: int, b: int, c: int) -> None:
    """The same key once more, for money that is there."""
    n = game.pick(game.model.transfers, a)
    fund = game.funds[0]
    game.both(
        lambda m: m.again(n),
        lambda: services.receive(fund, 1, key=game.transfer(n).key),
    )


@move(2)
def tamper(game: Game, a: int, b: int, c: int) -> None:
    """What somebody with a database client might try; each is refused by a law of its own, by name."""
    tampering = TAMPERINGS[a % len(TAMPERINGS)]
    game.both(lambda m: m.tamper(), lambda: tampering.attempt([fund.pk for fund in game.funds]))
