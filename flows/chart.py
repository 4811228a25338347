"""The flow chart of a programme: the main way from top to bottom, what may happen beside it, every arrow in words.

    chart_of(spec, now="township_review", been={"lead", ...})      a drawing to be put into an SVG by a template

Made for a phone: 360 units wide, no crossing lines. A side state is drawn where a case first meets it; later mentions are
small references with a dashed border. Jumps along the main way also run as lines in the left margin. Pure and
deterministic: the same spec gives the same drawing in the same language.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from access.roles import title_of
from flows.spec import NEVER, TIERS, Choice, Edge, Spec
from flows.states import ACTIONS, ROLE_ANYONE, STATES

WIDTH = 360
FONT, SMALL = 14, 12
_LANE, _LANES = 8, 6
_LEFT = 6 + _LANE * _LANES  # the main column begins here; jumps run in the margin
_BOX = 116
_TRUNK = _LEFT + _BOX + 10
_GAP = 40
_LINE = 17


@dataclass(frozen=True)
class Box:
    """A state. `kind`: main, side, end or ref (drawn elsewhere); `is_now` and `is_past` say where the case stands."""

    state: str
    x: float
    y: float
    w: float
    h: float
    kind: str
    words: tuple["Words", ...]
    is_now: bool = False
    is_past: bool = False


@dataclass(frozen=True)
class Words:
    text: str
    x: float
    y: float
    look: str = ""  # title, small


@dataclass(frozen=True)
class Line:
    """`d` is an SVG path; `head` the triangle at its end, "" for none."""

    d: str
    head: str = ""
    is_jump: bool = False


@dataclass(frozen=True)
class Row:
    """One arrow as the table beside the chart tells it."""

    source: str
    action: str
    who: str
    target: str
    is_now: bool


@dataclass
class Chart:
    code: str
    title: str
    desc: str
    width: int = WIDTH
    height: float = 0
    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


def tier_title(tier: str) -> str:
    """What a tier is called in the active language."""
    return {
        "T0": pgettext("tier", "先行救助"),
        "T1": pgettext("tier", "小额"),
        "T2": pgettext("tier", "一般"),
        "T3": pgettext("tier", "大额"),
    }[tier]


def chart_of(spec: Spec, *, now: str = "", been: Collection[str] = ()) -> Chart:
    """Draw a programme's way in the active language, with the present state and those behind the case marked."""
    return _Drawing(spec, now, been).draw()


def main_way(spec: Spec) -> tuple[str, ...]:
    """The states from the first to the end when all goes well and the sum is large: every rung is on it."""
    way = [spec.initial]
    order = list(STATES)
    while way[-1] not in spec.ends:
        here = way[-1]
        edges = sorted(spec.actions(here), key=lambda edge: not edge.is_main)
        nexts = [_usual_target(edge) for edge in edges]
        ahead = [s for s in nexts if s and s not in way and order.index(s) > order.index(here)]
        if not ahead:
            break
        way.append(ahead[0])
    return tuple(way)


def _usual_target(edge: Edge) -> str:
    """Where an edge leads in the ordinary case of a large sum."""
    if isinstance(edge.target, str):
        return edge.target
    if edge.target.fact != "tier":
        return next(iter(edge.target.targets.values()))
    return next((edge.target.targets[t] for t in reversed(TIERS) if edge.target.targets.get(t, NEVER)), "")


def _ways(edge: Edge) -> list[tuple[str, str]]:
    """[(note, target)]: an edge's targets, with the tiers that lead there where they differ."""
    if not isinstance(edge.target, Choice):
        return [("", edge.target)]
    grouped: dict[str, list[str]] = {}
    for fact, target in edge.target.targets.items():
        if target != NEVER:
            grouped.setdefault(target, []).append(fact)
    return [("" if edge.target.fact != "tier" else _note(tiers), target) for target, tiers in grouped.items()]


def _note(tiers: list[str]) -> str:
    """The tiers by name; nothing for those of the ordinary way together."""
    return "" if set(tiers) >= set(TIERS[1:]) else _("、").join(tier_title(tier) for tier in tiers)


class _Drawing:
    def __init__(self, spec: Spec, now: str, been: Collection[str]) -> None:
        self.spec, self.now, self.been = spec, now, frozenset(been)
        self.way = main_way(spec)
        self.placed = set(self.way)
        self.chart = Chart(spec.code, _("%(programme)s的流程图") % {"programme": spec.title}, self._sentence())
        self.tops: dict[str, tuple[float, float]] = {}  # {state of the main way: (top, height)}
        self.jumps: list[tuple[str, str]] = []

    def _sentence(self) -> str:
        way = " → ".join(str(STATES[state].title) for state in self.way)
        words = _("主线：%(way)s。旁边的情形和每一步由谁办，见下面的表。") % {"way": way}
        if self.now:
            words += _("现在在「%(state)s」。") % {"state": STATES[self.now].title}
        return words

    def draw(self) -> Chart:
        y = 8.0
        for here, following in zip(self.way, (*self.way[1:], ""), strict=True):
            y = self._main_row(here, following, y)
        self._margin_lines()
        self.chart.height = y + 8
        self.chart.rows = self._rows()
        return self.chart

    # --- the main column

    def _main_row(self, here: str, following: str, y: float) -> float:
        box = self._main_box(here, y)
        self.tops[here] = (y, box.h)
        bottom, arrow_words = y + box.h, ""
        branches = []
        for edge in self.spec.actions(here):
            for note, target in _ways(edge):
                if target == following and not arrow_words:
                    arrow_words = _labelled(edge, note)
                else:
                    branches.append((_labelled(edge, note), target))
                    if target in self.way and target != here:
                        self.jumps.append((here, target))
        if branches:
            self._line(f"M{_num(box.x + box.w)} {_num(y + 14)}H{_TRUNK}")
            bottom = max(bottom, self._branches(branches, here, _TRUNK, y + 14, first=True))
        if not following:
            return bottom
        x = _LEFT + _BOX / 2
        end = bottom + _GAP
        self._arrow(f"M{_num(x)} {_num(y + box.h)}V{_num(end - 3)}", x, end, "down")
        for n, text in enumerate(wrap(arrow_words, WIDTH - x - 16, FONT)):
            self.chart.words.append(Words(text, x + 9, bottom + 17 + n * _LINE, "do"))
        return end

    def _main_box(self, state: str, y: float) -> Box:
        kind = "end" if state in self.spec.ends else "main"
        titles = wrap(str(STATES[state].title), _BOX - 12, FONT)
        who = self._who(self.spec.turn(state)) if kind == "main" else ""
        smalls = wrap(who, _BOX - 12, SMALL) if who else []
        words, line = [], y + 19
        for text in titles:
            words.append(Words(text, _LEFT + _BOX / 2, line, "title"))
            line += _LINE
        for text in smalls:
            words.append(Words(text, _LEFT + _BOX / 2, line - 1, "small"))
            line += 15
        box = Box(state, _LEFT, y, _BOX, line - y - 8, kind, tuple(words), state == self.now, state in self.been)
        self.chart.boxes.append(box)
        return box

    @staticmethod
    def _who(role: str) -> str:
        return title_of(role) if role else ""

    # --- what may happen beside it

    def _branches(self, branches: list[tuple[str, str]], here: str, trunk: float, y: float, first: bool) -> float:
        """Draw branches from a vertical trunk at `trunk`, downwards from y; returns the lowest point."""
        x = trunk + 12
        top, last = y, y
        if not first:
            y += 8
        for label, target in branches:
            text = f"{label} ↺" if target == here else label
            drawn_here = target not in self.placed
            pill = _pill_width(self._pill_text(target, drawn_here))
            lines = wrap(text, WIDTH - x - 4, FONT)
            one_line = len(lines) == 1 and x + 4 + width_of(text, FONT) + 24 + pill <= WIDTH - 2
            last = y
            self._line(f"M{_num(trunk)} {_num(last)}H{_num(x)}")
            if target == here:
                for n, line in enumerate(lines):
                    self.chart.words.append(Words(line, x + 4, y + 5 + n * _LINE, "do"))
                y += len(lines) * _LINE + 9
                continue
            for n, line in enumerate(lines):
                self.chart.words.append(Words(line, x + 4, y + 5 + n * _LINE, "do"))
            if one_line:
                start = x + 8 + width_of(text, FONT)
                self._arrow(f"M{_num(start)} {_num(y)}H{_num(start + 13)}", start + 16, y, "right")
                y = self._pill(target, start + 16, y - 12, drawn_here)
            else:
                row = y + len(lines) * _LINE + 4
                self._arrow(f"M{_num(x + 6)} {_num(row - 10)}V{_num(row)}H{_num(x + 15)}", x + 18, row, "right")
                y = self._pill(target, x + 18, row - 12, drawn_here)
            y += 18
        if last > top:
            self._line(f"M{_num(trunk)} {_num(top)}V{_num(last)}")
        return y - 12

    def _pill(self, target: str, x: float, y: float, drawn_here: bool) -> float:
        """A state beside the main way; where it is drawn for good, its own branches follow. Returns its bottom."""
        here_now = drawn_here and target == self.now
        lines = wrap(self._pill_text(target, drawn_here), WIDTH - 2 - x - 16, FONT)
        w = max(_pill_width(line) for line in lines)
        h = 24 + (len(lines) - 1) * _LINE
        kind = "ref" if not drawn_here else "end" if target in self.spec.ends else "side"
        words = tuple(Words(line, x + w / 2, y + 17 + n * _LINE, "title") for n, line in enumerate(lines))
        self.chart.boxes.append(Box(target, x, y, w, h, kind, words, here_now, drawn_here and target in self.been))
        bottom = y + h
        if not drawn_here:
            return bottom
        self.placed.add(target)
        own = [(_labelled(e, note), to) for e in self.spec.actions(target) for note, to in _ways(e)]
        if not own:
            return bottom
        trunk = min(x + 10, WIDTH - 114)
        self._line(f"M{_num(trunk)} {_num(bottom)}V{_num(bottom + 14)}")
        return self._branches(own, target, trunk, bottom + 14, first=True)

    def _pill_text(self, state: str, drawn_here: bool) -> str:
        title = str(STATES[state].title)
        return _("现在：%(state)s") % {"state": title} if drawn_here and state == self.now else title

    # --- the margin

    def _margin_lines(self) -> None:
        """One lane for each jump along the main way, the short ones nearest to it."""
        where = {state: n for n, state in enumerate(self.way)}
        wanted = sorted(set(self.jumps), key=lambda j: (abs(where[j[0]] - where[j[1]]), where[j[0]], where[j[1]]))
        lanes: list[list[tuple[int, int]]] = []
        for source, target in wanted:
            low, high = sorted((where[source], where[target]))
            lane = next((i for i, used in enumerate(lanes) if all(high <= a or low >= b for a, b in used)), len(lanes))
            if lane == len(lanes):
                lanes.append([])
            lanes[lane].append((low, high))
            x = _LEFT - 9 - min(lane, _LANES - 1) * _LANE
            up = where[target] < where[source]
            (y1, h1), (y2, h2) = self.tops[source], self.tops[target]
            leave, arrive = (y1 + 8, y2 + h2 - 8) if up else (y1 + h1 - 8, y2 + 8)
            self._arrow(
                f"M{_LEFT} {_num(leave)}H{_num(x)}V{_num(arrive)}H{_LEFT - 3}", _LEFT, arrive, "right", is_jump=True
            )

    # --- strokes

    def _line(self, d: str) -> None:
        self.chart.lines.append(Line(d))

    def _arrow(self, d: str, x: float, y: float, towards: str, is_jump: bool = False) -> None:
        head = f"M{_num(x)} {_num(y)}l-6-4v8z" if towards == "right" else f"M{_num(x)} {_num(y)}l-4-6h8z"
        self.chart.lines.append(Line(d, head, is_jump))

    # --- the table

    def _rows(self) -> list[Row]:
        return [
            Row(
                source=str(STATES[state].title),
                action=_labelled(edge, note),
                who=_("或").join(_("任何人") if role == ROLE_ANYONE else title_of(role) for role in edge.roles),
                target=str(STATES[target].title),
                is_now=state == self.now,
            )
            for state in self.spec.states
            for edge in self.spec.actions(state)
            for note, target in _ways(edge)
        ]


def _labelled(edge: Edge, note: str) -> str:
    verb = str(ACTIONS[edge.action].verb)
    return _("%(verb)s（%(tiers)s）") % {"verb": verb, "tiers": note} if note else verb


def width_of(text: str, size: float) -> float:
    """About how wide a text will be, without the font: a Chinese character is square, a Latin letter about half."""
    return sum(size if ord(char) > 0x2E7F else size * 0.53 for char in text)


def wrap(text: str, width: float, size: float) -> list[str]:
    """Break a text into lines: between words, and between any two Chinese characters."""
    lines, line = [], ""
    for piece in _pieces(text):
        if line and width_of((line + piece).rstrip(), size) > width:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> Iterable[str]:
    """Words with the space after them; Chinese characters one by one, closing punctuation with the one before."""
    piece = ""
    for char in text:
        if ord(char) > 0x2E7F:
            if piece and char in "，。、）」":
                piece += char
                continue
            if piece:
                yield piece
            piece = char
        elif piece and (ord(piece[-1]) > 0x2E7F or piece[-1] == " ") and char != " ":
            yield piece
            piece = char
        else:
            piece += char
    if piece:
        yield piece


def _pill_width(text: str) -> float:
    return width_of(text, FONT) + 16


def _num(value: Any) -> str:
    """A coordinate without a float's tail."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
