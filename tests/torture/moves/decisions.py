"""Money kept for a decision, its parts, giving it back and asking it back."""

import datetime

from audit import clock
from funds import instalments, recoveries, services
from funds.models import Instalment
from tests.torture.game import Game, Pass, move
from tests.torture.model import words


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


@move(4)
def release(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.reservations, a, lambda r: r.held > 0)
    game.both(lambda m: m.release(n), lambda: services.release(game.reservation(n), reason="torture"))


@move(3)
def plan(game: Game, a: int, b: int, c: int) -> None:
    """In two or three parts; one may not be due yet, one may want a look first."""
    n = game.pick(game.model.reservations, a, lambda r: not r.parts and r.held == r.amount > 2)
    percents = [40, 60] if b % 2 else [50, 30, 20]
    shares = words.shares(game.model.reservations[n].amount, percents)
    if instalments.shared_out(sum(shares), percents) != shares:
        raise game.disagreement(f"{sum(shares)} fen are not shared out as {shares}")
    parts = [words.Part(fen + (c % 9 == 0), k + c % 4 < 4, (b // 2 + k) % 3 == 0) for k, fen in enumerate(shares)]
    game.both(
        lambda m: m.plan(n, parts),
        lambda: instalments.plan(
            game.reservation(n),
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
        lambda: recoveries.begin(game.reservation(n), owed_fen=owed, reason="torture"),
    )


@move(2)
def recover(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.reservations, a, lambda r: r.still_owed > 0)
    if game.model.reservations[n].owed is None:
        raise Pass
    amount = game.amount(c, game.model.reservations[n].still_owed)
    game.both(lambda m: m.recover(n, amount), lambda: recoveries.record(game.recovery(n).pk, amount, key=game.key()))
