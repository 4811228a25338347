"""What is still out of a slip, and whether every lot has what its moves say."""

from dataclasses import dataclass

from django.db import connection

from funds.models import StockMove, StockSlip


@dataclass(frozen=True)
class Out:
    """One move of an issue slip with what came back of it, was lost, and is still out."""

    move: StockMove
    answered: int

    @property
    def rest(self) -> int:
        return self.move.quantity - self.answered


def out_of(slip: StockSlip) -> list[Out]:
    """What an issue slip handed out, less what came back or was lost. Two queries."""
    moves = list(slip.moves.filter(reverses__isnull=True).select_related("lot__item").order_by("id"))
    answered = dict.fromkeys((move.pk for move in moves), 0)
    for move in StockMove.objects.filter(answers__in=moves):
        answered[move.answers_id] += move.quantity if move.reverses_id is None else -move.quantity
    return [Out(move, answered[move.pk]) for move in moves]


@dataclass(frozen=True)
class StockCheck:
    """Sound books give 0, 0 and the number of moves."""

    drift: int
    negative_lots: int
    moves: int


def check() -> StockCheck:
    """Recompute every lot's figures from its moves."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(abs(l.on_hand - coalesce(m.on_hand, 0)) + abs(l.lent - coalesce(m.lent, 0))), 0)::bigint,
                   count(*) FILTER (WHERE l.on_hand < 0 OR l.lent < 0), (SELECT count(*) FROM funds_stockmove)
            FROM funds_stocklot l
            LEFT JOIN (SELECT lot_id, sum(change) on_hand, sum(lent_change) lent FROM funds_stockmove GROUP BY 1) m
                   ON m.lot_id = l.id
            """
        )
        return StockCheck(*cursor.fetchone())
