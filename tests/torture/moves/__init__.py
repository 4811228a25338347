"""All moves of the games, by subject; a new kind is one function with `@move(weight)` and a verb of the model."""

import random

from tests.torture.game import LARGEST, MOVES, Step
from tests.torture.moves import budget, decisions, floats, mischief, payments, proposals

__all__ = ["MOVES", "budget", "decisions", "floats", "mischief", "payments", "proposals", "random_steps"]


def random_steps(seed: int, count: int) -> list[Step]:
    """The same steps for the same seed, on every machine."""
    dice = random.Random(seed)
    names, weights = list(MOVES), [m.weight for m in MOVES.values()]
    return [
        (name, dice.randrange(LARGEST + 1), dice.randrange(LARGEST + 1), dice.randrange(LARGEST + 1))
        for name in dice.choices(names, weights, k=count)
    ]
