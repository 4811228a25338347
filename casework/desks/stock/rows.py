"""Slips and moves as the lists show them: in words, with the case that they belong to."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from casework.desks.funds.figures import case_id_of
from casework.models import Case
from casework.queries import cases_in_reach
from funds.models import StockMove, StockSlip

SLIP_TONES = {
    "receipt": "ok",
    "issue": "wait",
    "back": "query",
    "transfer": "soon",
    "acceptance": "ok",
    "count": "none",
    "loss": "act",
    "reversal": "query",
}


def cases_by_subject(subjects: Iterable[str], user: Any) -> dict[str, Case]:
    """{subject: case} of the cases that she may see, one query."""
    ids = {case_id_of(subject) for subject in subjects} - {None}
    return {case.subject: case for case in cases_in_reach(user).filter(pk__in=ids)} if ids else {}


@dataclass(frozen=True)
class MoveRow:
    """`quantity` and `value_fen` are signed as the shelf sees them."""

    move: StockMove
    case: Case | None

    @property
    def quantity(self) -> int:
        return self.move.change

    @property
    def value_fen(self) -> int:
        return self.move.change * self.move.lot.unit_value_fen


def move_rows(moves: Any, user: Any) -> list[MoveRow]:
    """The moves of one page with slips, lots and cases. Two queries."""
    found = list(moves.select_related("slip__store", "slip__village", "slip__maker", "lot__item"))
    cases = cases_by_subject((move.subject for move in found), user)
    return [MoveRow(move, cases.get(move.subject)) for move in found]


@dataclass(frozen=True)
class SlipRow:
    slip: StockSlip
    value_fen: int
    words: list[str]
    case: Case | None
    tone: str


def slip_lines(slips: list[StockSlip]) -> dict[int, list[StockMove]]:
    """{slip id: its moves}, one query."""
    lines: dict[int, list[StockMove]] = {slip.pk: [] for slip in slips}
    for move in StockMove.objects.filter(slip__in=slips).select_related("lot__item").order_by("id"):
        lines[move.slip_id].append(move)
    return lines


def value_of(moves: Iterable[StockMove]) -> int:
    """The value of what stands on a slip, in fen."""
    return sum(move.value_fen for move in moves)


def words_of(moves: Iterable[StockMove]) -> list[str]:
    """["棉被 2 床", …]: lots of one item together."""
    pieces: dict[Any, int] = {}
    for move in moves:
        pieces[move.lot.item] = pieces.get(move.lot.item, 0) + move.quantity
    return [f"{item.name} {n} {item.unit}" for item, n in pieces.items()]
