"""Money kept for a decision, its parts, giving it back and asking it back."""

from audit import clock
from flows.parameters import PaymentPlan
from funds import bulk, instalments, recoveries, services
from funds.models import Instalment
from tests.torture.game import PURPOSES, Game, Pass, move
from tests.torture.model import words


def _reserve(game: Game, programme: str, amount: int, purpose: str) -> int:
    key = game.key()
    return services.reserve(
        subject=f"case:{key}", key=key, programme=programme, village=game.world.village, amount_fen=amount,
        purpose=purpose,
    ).pk  # fmt: skip


def _purses(game: Game, programme: str) -> list[int]:
    """What is free in the allocations that pay for a programme, the most first; nothing beyond the last."""
    able = [n for n, _a in enumerate(game.model.allocations) if game.model.pays(n, programme, "")]
    return [*sorted(map(game.model.free, able), reverse=True), 0, 0]


def _wanted(game: Game, programme: str, c: int) -> int:
    return game.amount(c, _purses(game, programme)[0] // (1 if c % 3 == 0 else 4))


@move(8)
def reserve(game: Game, a: int, b: int, c: int) -> None:
    programme, purpose = game.programmes[a % 5 % 2], PURPOSES[b % 3]
    amount = _wanted(game, programme, c)
    game.both(
        lambda m: m.reserve(programme, amount, purpose),
        lambda: _reserve(game, programme, amount, purpose),
        into=game.reservations,
    )


@move(2)
def reserve_two(game: Game, a: int, b: int, c: int) -> None:
    programme, purpose = game.programmes[a % 5 % 2], PURPOSES[b % 3]
    amount = _wanted(game, programme, c)
    game.both(
        lambda m: m.reserve_two(programme, amount, purpose),
        lambda: [_reserve(game, programme, amount, purpose), _reserve(game, programme, amount, purpose)],
        into=game.reservations,
    )


@move(3)
def reserve_many(game: Game, a: int, b: int, c: int) -> None:
    """A list of one to three, as a roster is approved."""
    programme = game.programmes[a % 5 % 2]
    amounts = [_wanted(game, programme, c + k * b) for k in range(1 + b % 3)]
    if c % 4 == 0:  # each line empties a purse, so the next one needs another
        amounts = [_purses(game, programme)[1]] * len(amounts)
    wanted = [(amount, PURPOSES[(b + k) % 3]) for k, amount in enumerate(amounts)]
    game.both(
        lambda m: m.reserve_many(programme, wanted),
        lambda: bulk.reserve_many(
            [bulk.Wanted(game.key(), game.world.village, amount, purpose) for amount, purpose in wanted],
            programme=programme,
        ),
        into=game.reservations,
    )


@move(4)
def release(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.reservations, a, lambda r: r.held > 0)
    game.both(lambda m: m.release(n), lambda: services.release(game.reservation(n), reason="torture"))


@move(2)
def release_many(game: Game, a: int, b: int, c: int) -> None:
    ns = game.some(game.model.reservations, a, lambda r: r.held > 0)
    game.both(
        lambda m: m.release_many(ns),
        lambda: bulk.release_many([game.reservations[n] for n in ns], reason="torture"),
    )


@move(3)
def plan(game: Game, a: int, b: int, c: int) -> None:
    """In two to four parts as a programme's rules lay them out; some are due later, some want a look first."""
    n = game.pick(game.model.reservations, a, lambda r: not r.parts and r.held == r.amount > 3)
    percents = ([], [40, 60], [50, 30, 20], [], [33, 33, 34])[b % 5]
    rules = PaymentPlan(
        parts=len(percents) or 2 + b // 5 % 3, percents=percents, every_months=int(c % 4 == 0),
        needs_check=c % 3 == 0, first_needs_check=c % 5 == 0,
    )  # fmt: skip
    amount = game.model.reservations[n].amount + (c % 9 == 0)
    parts = [
        words.Part(fen, k == 0 or not rules.every_months, rules.needs_check if k else rules.first_needs_check)
        for k, fen in enumerate(words.shares(amount, percents or [1] * rules.parts))
    ]
    game.both(
        lambda m: m.plan(n, parts),
        lambda: instalments.plan(
            game.reservation(n), [instalments.Part(*part) for part in rules.laid_out(amount, clock.today())]
        ),
    )


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


def _reached(game: Game, reservation: words.Reservation) -> int:
    """What somebody has got of it, by the bank or out of a float."""
    n = next(n for n, known in enumerate(game.model.reservations) if known is reservation)
    return reservation.paid + sum(s.open for s in game.model.spends if s.reservation == n)


@move(3)
def begin_recovery(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.reservations, a, lambda r: _reached(game, r) and r.owed is None)
    owed = game.amount(c, _reached(game, game.model.reservations[n]))
    game.both(
        lambda m: m.begin_recovery(n, owed),
        lambda: recoveries.begin(game.reservation(n), owed_fen=owed, reason="torture"),
    )


@move(3)
def recover(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.reservations, a, lambda r: r.still_owed > 0)
    if game.model.reservations[n].owed is None:
        raise Pass
    amount = game.amount(c, game.model.reservations[n].still_owed)
    game.both(lambda m: m.recover(n, amount), lambda: recoveries.record(game.recovery(n).pk, amount, key=game.key()))
