"""Budget against plan, month by month: what is paid, what is promised beyond that, and how far both were meant to be.

A staircase of cumulated columns, paid below and promised above, under the line of the plan and the line of the budget.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from casework.charts import Unbalanced
from casework.charts.words import width_of

WIDE, NARROW = 1040, 340
FONT = 14
_TOP, _BOTTOM, _EDGE, _PAD = 44, 30, 6, 6  # above: a line for today, a line for the budget
_TICKS = 5
_LEAST = 3.0  # how high the smallest sum is drawn, so that it can be seen and pressed


@dataclass(frozen=True)
class Month:
    """One month and what had come together by its end. `used_fen` is all that is promised or paid; paid is part of it."""

    label: str
    plan_fen: int
    used_fen: int
    paid_fen: int
    used_url: str = ""
    used_title: str = ""
    paid_url: str = ""
    paid_title: str = ""
    has_begun: bool = True


@dataclass(frozen=True)
class Column:
    url: str
    title: str
    look: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Tick:
    at: float
    words: str


@dataclass(frozen=True)
class Drawing:
    """`plan` is an SVG path; `budget_y`, `today_x` where the lines stand; the plot lies between left, right and floor."""

    width: int
    height: int
    left: float
    right: float
    floor: float
    columns: tuple[Column, ...]
    plan: str
    budget_y: float
    budget_words: str
    today_x: float | None
    today_words: str
    today_anchor: str
    months: tuple[Tick, ...]
    amounts: tuple[Tick, ...]


def lay_out(
    months: Sequence[Month],
    *,
    budget_fen: int,
    words: Callable[[int], str],
    budget_words: str,
    today: float | None = None,
    today_words: str = "",
    width: int = WIDE,
) -> Drawing:
    """The drawing. `words` says an amount on the axis; `today` is how many months have gone by, 3.5 in mid-April.

    Raises Unbalanced when more is paid than promised or an amount is negative.
    """
    if any(not 0 <= month.paid_fen <= month.used_fen for month in months):
        raise Unbalanced("what is paid is part of what is promised")
    height = 340 if width >= WIDE else 260
    steps = _steps(max(budget_fen, *(max(month.used_fen, month.plan_fen) for month in months), 1))
    left = max(width_of(words(step), FONT) for step in steps) + _PAD + _EDGE
    right, floor = width - _EDGE, height - _BOTTOM
    one = (right - left) / len(months)

    def y_of(fen: int) -> float:
        return floor - (floor - _TOP) * fen / steps[-1]

    every = max(1, math.ceil((max(width_of(month.label, FONT) for month in months) + 4) / one))
    today_x = None if today is None else left + one * today
    return Drawing(
        width,
        height,
        round(left, 1),
        right,
        floor,
        tuple(_columns(months, left, one, y_of)),
        f"M{left:.1f} {floor}"
        + "".join(f"L{left + one * (n + 1):.1f} {y_of(m.plan_fen):.1f}" for n, m in enumerate(months)),
        round(y_of(budget_fen), 1),
        budget_words,
        None if today_x is None else round(today_x, 1),
        today_words,
        _anchor(today_x, width_of(today_words, FONT) / 2, width),
        tuple(Tick(round(left + one * (n + 0.5), 1), month.label) for n, month in enumerate(months) if n % every == 0),
        tuple(Tick(round(y_of(step), 1), words(step)) for step in steps),
    )


def _anchor(x: float | None, half: float, width: int) -> str:
    """Where words that stand at `x` begin, so that they stay inside the picture."""
    if x is None or half <= x <= width - half:
        return "middle"
    return "start" if x < half else "end"


def _columns(months: Sequence[Month], left: float, one: float, y_of: Callable[[int], float]) -> Iterable[Column]:
    floor = y_of(0)
    for n, month in enumerate(months):
        if not month.has_begun:
            continue
        x, held_fen = left + one * n, month.used_fen - month.paid_fen
        paid = max(floor - y_of(month.paid_fen), _LEAST) if month.paid_fen else 0.0
        held = max(floor - y_of(held_fen), _LEAST) if held_fen else 0.0
        if paid:
            yield _column(month.paid_url, month.paid_title, "paid", x, floor - paid, one, paid)
        if held:
            yield _column(month.used_url, month.used_title, "held", x, floor - paid - held, one, held)


def _column(url: str, title: str, look: str, x: float, y: float, width: float, height: float) -> Column:
    return Column(url, title, look, round(x, 2), round(y, 2), round(width, 2), round(height, 2))


def _steps(most: int) -> list[int]:
    """Round amounts from nothing to at least `most`, for the axis."""
    rough = max(most / _TICKS, 1)
    power = 10 ** math.floor(math.log10(rough))
    step = next(int(unit * power) for unit in (1, 2, 5, 10) if unit * power >= rough)
    return [step * n for n in range(math.ceil(most / step) + 1)]
