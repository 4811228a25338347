"""Where money comes from and where it goes: three columns of nodes, and ribbons as thick as the sums they stand for.

Both sides add up to the fen: what is promised and what is still free are nodes of the right column like any place. Small
sums are drawn at least a hair thick, so that nobody's money is invisible; all others are in proportion.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from casework.charts import Unbalanced
from casework.charts.words import shortened, width_of

WIDE, NARROW = 960, 340  # a desk or a sheet of paper; a phone held upright
COLUMNS = 3
FONT, SMALL, LINE = 14, 12, 18  # amounts are small where it is narrow
_BODY = 300  # how high all the money together is drawn
_BAR = 12
_GAP = 10
_WIDEST_GAP = 40
_HAIR, _LEAST = 1.0, 2.0
_PAD = 8  # between a bar and its words
_EDGE = 4  # for the outline of a mark that has the focus
_SWEEPS = 4


@dataclass(frozen=True)
class Node:
    """A sum that stands somewhere. `look` is its class in charts.css; among its column higher `last` comes lower down."""

    key: Hashable
    column: int
    label: str
    amount: str
    fen: int
    url: str
    title: str
    look: str = ""
    last: int = 0


@dataclass(frozen=True)
class Flow:
    """A part of one node that is a part of another, in the next column."""

    source: Hashable
    target: Hashable
    fen: int
    url: str
    title: str


@dataclass(frozen=True)
class Words:
    x: float
    y: float
    anchor: str
    name: str
    amount: str
    amount_x: float | None  # None: on the same line, after the name
    amount_y: float


@dataclass(frozen=True)
class Box:
    """A node's bar (two of them, left and right of its words, in the middle column), in proportion to its sum."""

    node: Node
    bars: tuple[tuple[float, float, float, float], ...]  # x, y, width, height
    plate: tuple[float, float, float, float] | None
    words: Words


@dataclass(frozen=True)
class Ribbon:
    flow: Flow
    source: Node
    target: Node
    d: str
    look: str
    thickness: float


@dataclass(frozen=True)
class Drawing:
    width: int
    height: float
    boxes: tuple[Box, ...]
    ribbons: tuple[Ribbon, ...]

    @property
    def total_fen(self) -> int:
        return sum(box.node.fen for box in self.boxes if box.node.column == 0)

    @property
    def painted(self) -> list[Ribbon]:
        """The ribbons from the lowest layer up: what is free beneath what is promised beneath what is paid."""
        return sorted(self.ribbons, key=lambda ribbon: -ribbon.target.last)


def largest(sums: dict[Any, int], most: int) -> tuple[list[Any], list[Any]]:
    """(keys worth a node of their own, keys to be merged into one), biggest first. One alone is never merged."""
    keys = sorted(sums, key=lambda key: (-sums[key], str(key)))
    return (keys, []) if len(keys) <= most else (keys[: most - 1], keys[most - 1 :])


def lay_out(nodes: Iterable[Node], flows: Iterable[Flow], *, width: int = WIDE) -> Drawing | None:
    """The drawing, or None of no money at all. Raises Unbalanced unless every node is the sum of its flows, on each side."""
    nodes, flows = list(nodes), list(flows)
    _demand_balance(nodes, flows)
    return _Layout(nodes, flows, width).drawing() if flows else None


def _demand_balance(nodes: list[Node], flows: list[Flow]) -> None:
    known = {node.key: node for node in nodes}
    if len(known) < len(nodes):
        raise Unbalanced("two nodes have one key")
    came, went = dict.fromkeys(known, 0), dict.fromkeys(known, 0)
    for flow in flows:
        if flow.fen <= 0:
            raise Unbalanced(f"{flow.source} to {flow.target} is {flow.fen} fen")
        if flow.source not in known or flow.target not in known:
            raise Unbalanced(f"{flow.source} to {flow.target} begins or ends nowhere")
        if known[flow.target].column != known[flow.source].column + 1:
            raise Unbalanced(f"{flow.source} to {flow.target} does not lead to the next column")
        went[flow.source] += flow.fen
        came[flow.target] += flow.fen
    for node in nodes:
        if node.column > 0 and came[node.key] != node.fen:
            raise Unbalanced(f"{node.key} is {node.fen} fen and gets {came[node.key]}")
        if node.column < COLUMNS - 1 and went[node.key] != node.fen:
            raise Unbalanced(f"{node.key} is {node.fen} fen and gives {went[node.key]}")


class _Layout:
    def __init__(self, nodes: list[Node], flows: list[Flow], width: int) -> None:
        self.width, self.narrow, self.flows = width, width < WIDE, flows
        self.per_fen = _BODY / sum(node.fen for node in nodes if node.column == 0)
        self.into: dict[Hashable, list[Flow]] = {node.key: [] for node in nodes}
        self.out_of: dict[Hashable, list[Flow]] = {node.key: [] for node in nodes}
        for flow in flows:
            self.into[flow.target].append(flow)
            self.out_of[flow.source].append(flow)
        self.columns = [
            sorted((node for node in nodes if node.column == number), key=lambda node: (node.last, -node.fen))
            for number in range(COLUMNS)
        ]
        self.middle: dict[Hashable, float] = {}  # {node: the height of its middle}
        self._order()
        self._measure()

    # ------------------------------------------------------------ heights and order

    def thickness(self, flow: Flow) -> float:
        return max(flow.fen * self.per_fen, _HAIR)

    def height_of(self, node: Node) -> float:
        sides = [sum(map(self.thickness, side[node.key])) for side in (self.into, self.out_of)]
        return max(node.fen * self.per_fen, *sides, _LEAST)

    def _slot(self, node: Node) -> float:
        """The height that a node needs with its words."""
        if self.narrow and node.column != 1:
            return 2 * LINE + 4 + self.height_of(node)
        lines = 1 if node.column == COLUMNS - 1 else 2
        return max(self.height_of(node), lines * LINE + 4)

    def _place(self) -> float:
        """Spread each column over the height of the tallest; returns that height."""
        heights = [sum(map(self._slot, column)) + _GAP * (len(column) - 1) for column in self.columns]
        tallest = max(heights)
        for column, height in zip(self.columns, heights, strict=True):
            gap = _GAP
            if len(column) > 1:
                gap = min(_GAP + (tallest - height) / (len(column) - 1), _WIDEST_GAP)
            y = _EDGE + (tallest - height - (gap - _GAP) * (len(column) - 1)) / 2
            for node in column:
                slot = self._slot(node)
                above = slot - self.height_of(node) if self.narrow and node.column != 1 else 0
                self.middle[node.key] = y + above + (slot - above) / 2
                y += slot + gap
        return tallest + 2 * _EDGE

    def _order(self) -> None:
        """Sweep to and fro, each node to the weighted middle of its neighbours; keep the order with the fewest crossings."""
        self._place()
        best, fewest = [list(column) for column in self.columns], self._crossings()
        for sweep in range(_SWEEPS):
            forth = sweep % 2 == 0
            for number in (1, 2) if forth else (1, 0):
                side = self.into if forth else self.out_of
                self.columns[number].sort(
                    key=lambda node, side=side, forth=forth: (node.last, self._pull(node, side, forth))
                )
                self._place()
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(column) for column in self.columns], crossings
        self.columns = best
        self.height = self._place()

    def _pull(self, node: Node, side: dict[Hashable, list[Flow]], forth: bool) -> float:
        ends = [(flow.source if forth else flow.target, flow.fen) for flow in side[node.key]]
        whole = sum(fen for _key, fen in ends)
        return sum(self.middle[key] * fen for key, fen in ends) / whole if whole else self.middle[node.key]

    def _crossings(self) -> int:
        """How much money crosses other money."""
        place = {node.key: at for column in self.columns for at, node in enumerate(column)}
        crossed = 0
        for number in range(COLUMNS - 1):
            ends = [
                (place[flow.source], place[flow.target], flow.fen)
                for node in self.columns[number]
                for flow in self.out_of[node.key]
            ]
            ends.sort()
            for at, (source, target, fen) in enumerate(ends):
                crossed += sum(min(fen, b) for s, t, b in ends[at + 1 :] if s > source and t < target)
        return crossed

    # ------------------------------------------------------------ across

    def _measure(self) -> None:
        """Margins and the plates of the middle column as wide as their words, within limits."""
        if self.narrow:
            self.left = self.right = _EDGE
            words = [max(width_of(n.label, FONT), width_of(n.amount, SMALL)) for n in self.columns[1]]
            self.plate = min(max(104.0, max(words) + 12), 136.0)
            beside = (self.width - self.plate) / 2 - _BAR - _EDGE - 2
            self.room = [beside, self.plate - 12, beside]
        else:
            self.room = [190.0, 170.0, 240.0]
            words = [
                [max(width_of(node.label, FONT), width_of(node.amount, FONT)) for node in self.columns[0]],
                [max(width_of(node.label, FONT), width_of(node.amount, FONT)) for node in self.columns[1]],
                [width_of(node.label, FONT) + _PAD + width_of(node.amount, FONT) for node in self.columns[2]],
            ]
            needed = [min(max(column), room) for column, room in zip(words, self.room, strict=True)]
            self.left, self.right = needed[0] + _PAD + _EDGE, needed[2] + _PAD + _EDGE
            self.plate = needed[1] + 2 * _PAD + 4
        across = (self.width - self.left - self.right - self.plate - 4 * _BAR) / 2
        plate_x = self.left + _BAR + across
        # where the bars stand: of sources, of the two sides of the middle, of the goals
        self.bars = (self.left, plate_x, plate_x + _BAR + self.plate, self.width - self.right - _BAR)

    # ------------------------------------------------------------ the drawing

    def drawing(self) -> Drawing:
        boxes = tuple(self._box(node) for column in self.columns for node in column)
        return Drawing(self.width, round(self.height, 1), boxes, tuple(self._ribbons()))

    def _top(self, key: Hashable, height: float) -> float:
        return self.middle[key] - height / 2

    def _box(self, node: Node) -> Box:
        height = self.height_of(node)
        y = self._top(node.key, height)
        stands = {0: self.bars[:1], 1: self.bars[1:3], 2: self.bars[3:]}[node.column]
        bars = tuple((round(x, 1), round(y, 2), float(_BAR), round(height, 2)) for x in stands)
        plate = None
        if node.column == 1:
            slot = self._slot(node)
            plate = (
                round(stands[0] + _BAR, 1),
                round(self._top(node.key, slot), 1),
                round(self.plate, 1),
                round(slot, 1),
            )
        return Box(node, bars, plate, self._words(node, y))

    def _words(self, node: Node, top: float) -> Words:
        middle, room = self.middle[node.key], self.room[node.column]
        if self.narrow and node.column != 1:
            x, anchor = (self.left, "start") if node.column == 0 else (self.width - self.right, "end")
            name_y = top - LINE - 6
            name, amount_x = shortened(node.label, room, FONT), x
        elif node.column == COLUMNS - 1:
            x, anchor = self.width - self.right + _PAD, "start"
            name_y, amount_x = middle + FONT * 0.36, None
            name = shortened(node.label, room - _PAD - width_of(node.amount, FONT), FONT)
        else:
            x, anchor = (self.left - _PAD, "end") if node.column == 0 else (self.width_middle, "middle")
            name_y = middle - LINE / 2 + FONT * 0.36
            name, amount_x = shortened(node.label, room, FONT), x
        amount_y = name_y if amount_x is None else name_y + LINE
        return Words(
            round(x, 1),
            round(name_y, 1),
            anchor,
            name,
            node.amount,
            None if amount_x is None else round(amount_x, 1),
            round(amount_y, 1),
        )

    @property
    def width_middle(self) -> float:
        return self.bars[1] + _BAR + self.plate / 2

    def _ribbons(self) -> Iterable[Ribbon]:
        """Each begins and ends within its bars, in the order of the other ends, so that those of one bar never cross."""
        starts, ends = {}, {}
        node_of = {node.key: node for column in self.columns for node in column}
        for key, flows in self.out_of.items():
            starts |= self._stacked(key, sorted(flows, key=lambda flow: self.middle[flow.target]))
        for key, flows in self.into.items():
            ends |= self._stacked(key, sorted(flows, key=lambda flow: self.middle[flow.source]))
        order = {key: at for at, key in enumerate(node_of)}
        for flow in sorted(self.flows, key=lambda flow: (order[flow.source], order[flow.target])):
            source, target = node_of[flow.source], node_of[flow.target]
            x0, x1 = (self.bars[0], self.bars[1]) if source.column == 0 else (self.bars[2], self.bars[3])
            yield Ribbon(
                flow,
                source,
                target,
                _curve(x0 + _BAR, starts[id(flow)], x1, ends[id(flow)], self.thickness(flow)),
                f"from-{source.look} to-{target.look}",
                self.thickness(flow),
            )

    def _stacked(self, key: Hashable, flows: list[Flow]) -> dict[int, float]:
        thick = [self.thickness(flow) for flow in flows]
        y = self._top(key, sum(thick))
        places = {}
        for flow, height in zip(flows, thick, strict=True):
            places[id(flow)] = y
            y += height
        return places


def _curve(x0: float, y0: float, x1: float, y1: float, thickness: float) -> str:
    half = (x0 + x1) / 2
    return (
        f"M{x0:.1f} {y0:.2f}C{half:.1f} {y0:.2f} {half:.1f} {y1:.2f} {x1:.1f} {y1:.2f}"
        f"V{y1 + thickness:.2f}C{half:.1f} {y1 + thickness:.2f} {half:.1f} {y0 + thickness:.2f} {x0:.1f} {y0 + thickness:.2f}Z"
    )
