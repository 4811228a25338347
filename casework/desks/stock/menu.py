"""The number in the menu: what waits for this very person. Two capped queries."""

from typing import Any

from django.db.models import Q, QuerySet

from access.roles import Ability
from casework.desks.stock.reach import keeping_posts, stores_in_reach
from casework.reach import units_in
from funds.models import StockCount, StockSlip

MOST = 100


def under_way(slips: QuerySet[StockSlip]) -> QuerySet[StockSlip]:
    """Transfers that were neither accepted nor taken back."""
    return slips.filter(kind="transfer").exclude(answered_by__isnull=False)


def count_waiting(user: Any) -> int:
    """Goods on their way to her store, and stock-takes that wait for a second person."""
    if not keeping_posts(user):
        return 0
    me = user.person_key
    there = units_in(user, Ability.STOCK_WORK, "to_store__unit__")
    coming = under_way(StockSlip.objects.filter(there or Q(pk__in=()))).exclude(maker_person_key=me)
    counts = StockCount.objects.filter(store__in=stores_in_reach(user), state="counted").exclude(counter_person_key=me)
    return coming.order_by()[:MOST].count() + counts.order_by()[:MOST].count()
