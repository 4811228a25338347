"""How long things have been open: a bar for each band of age, its parts in proportion to their sums.

The bars are per cent of the page's width and their words are text, so nothing shrinks on a phone.
"""

from collections.abc import Iterable
from dataclasses import dataclass

_LEAST = 1.5  # per cent; a small sum is still there to be pressed
_GAP = 0.3


@dataclass(frozen=True)
class Part:
    """What is open in one way; `look` is its class in charts.css."""

    fen: int
    count: int
    url: str
    title: str
    label: str
    look: str = ""


@dataclass(frozen=True)
class Segment:
    part: Part
    x: float
    width: float


@dataclass(frozen=True)
class Band:
    """Things of one age."""

    label: str
    parts: tuple[Part, ...]
    tone: str = ""

    @property
    def fen(self) -> int:
        return sum(part.fen for part in self.parts)

    @property
    def count(self) -> int:
        return sum(part.count for part in self.parts)


@dataclass(frozen=True)
class Row:
    band: Band
    segments: tuple[Segment, ...]


def lay_out(bands: Iterable[Band]) -> tuple[Row, ...]:
    """The bands with their segments in per cent, all on one scale: the longest bar is as wide as the picture."""
    bands = list(bands)
    whole = max((band.fen for band in bands), default=0)
    return tuple(Row(band, _segments(band, whole)) for band in bands)


def _segments(band: Band, whole: int) -> tuple[Segment, ...]:
    parts = [part for part in band.parts if part.fen > 0]
    room = 100 - _GAP * (len(parts) - 1)
    widths = [max(room * part.fen / whole, _LEAST) for part in parts]
    if widths:  # what the smallest were given is taken from the largest
        widths[widths.index(max(widths))] -= max(sum(widths) - room, 0)
    x, found = 0.0, []
    for part, width in zip(parts, widths, strict=True):
        found.append(Segment(part, round(x, 2), round(width, 2)))
        x += width + _GAP
    return tuple(found)
