"""What lies in the stores, and what needs looking after: figures of the lots, which are the sums of their moves."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, Case, F, IntegerField, Min, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from audit import clock
from funds.models import StockItem, StockLot, StockMove, StockStore

SOON = datetime.timedelta(days=60)  # said to expire soon from here on
VALUE = Sum(F("on_hand") * F("unit_value_fen"), output_field=BigIntegerField())


@dataclass(frozen=True)
class Shelf:
    """One item in one store."""

    store_id: int
    item: StockItem
    on_hand: int
    lent: int
    value_fen: int
    next_expiry: datetime.date | None

    @property
    def is_low(self) -> bool:
        return self.item.low_at > 0 and self.on_hand <= self.item.low_at

    @property
    def is_expired(self) -> bool:
        return self.next_expiry is not None and self.next_expiry < clock.today()

    @property
    def expires_soon(self) -> bool:
        return self.next_expiry is not None and not self.is_expired and self.next_expiry <= clock.today() + SOON


def shelves(stores: list[StockStore]) -> list[Shelf]:
    """What each store has of each item, in the order of the catalogue. Two queries."""
    rows = (
        StockLot.objects.filter(store__in=stores)
        .order_by()
        .values("store_id", "item_id")
        .annotate(n=Sum("on_hand"), lent=Sum("lent"), fen=VALUE, expiry=Min("expires_on", filter=Q(on_hand__gt=0)))
    )
    rows = list(rows)
    items = StockItem.objects.in_bulk({row["item_id"] for row in rows})
    found = [
        Shelf(row["store_id"], items[row["item_id"]], row["n"], row["lent"], row["fen"], row["expiry"]) for row in rows
    ]
    order = StockItem.Category.values
    return sorted(found, key=lambda shelf: (order.index(shelf.item.category), shelf.item.name))


@dataclass
class Whole:
    """All shelves of a store together."""

    store: StockStore
    kinds: int = 0
    value_fen: int = 0
    low: int = 0
    expiring: int = 0
    lent: int = 0


def wholes(stores: list[StockStore], found: list[Shelf]) -> list[Whole]:
    rows = {store.pk: Whole(store) for store in stores}
    for shelf in found:
        whole = rows[shelf.store_id]
        whole.kinds += shelf.on_hand > 0
        whole.value_fen += shelf.value_fen
        whole.low += shelf.is_low
        whole.expiring += shelf.expires_soon or shelf.is_expired
        whole.lent += shelf.lent
    return list(rows.values())


def still_out(moves: QuerySet[StockMove]) -> QuerySet[StockMove]:
    """What was lent and is neither back nor lost, with `back`, the pieces that are."""
    sign = Case(When(answered_by__reverses__isnull=True, then=Value(1)), default=Value(-1), output_field=IntegerField())
    back: Any = Coalesce(Sum(sign * F("answered_by__quantity")), 0)
    return (
        moves.filter(kind="lend", reverses__isnull=True, reversed_by__isnull=True)
        .annotate(back=back)
        .filter(quantity__gt=F("back"))
    )
