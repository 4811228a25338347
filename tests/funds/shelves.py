"""Stores with goods, for tests: what is in them is stated by the test."""

import itertools
from typing import Any

from funds import stock, stocktake
from funds.models import StockCount, StockItem, StockSlip, StockStore
from tests.world import World

_serial = itertools.count(1)


def key() -> str:
    return f"stock:{next(_serial)}"


def a_store(world: World, code: str = "QH", **more: Any) -> StockStore:
    more = {"unit": world.township, "custodian": world.township_clerk, "needs_witness": False} | more
    return stock.open_store(code, f"{code} 仓库", by=world.fund_manager, **more)


def an_item(world: World, name: str = "棉被", unit: str = "床", **more: Any) -> StockItem:
    return stock.name_item(name, unit=unit, category=more.pop("category", "bedding"), by=world.fund_manager, **more)


def stocked(
    world: World,
    store: StockStore,
    item: StockItem,
    quantity: int,
    fen: int = 12_000,
    expires_on: Any = None,
    **more: Any,
) -> StockSlip:
    """A receipt of one lot."""
    given = {
        "source": "donated",
        "source_name": "禾丰商会",
        "document_no": "捐字 0001",
        "by": world.township_clerk if store.unit_id == world.township.pk else world.fund_manager,
        "key": key(),
    }
    return stock.receive(store, [stock.Incoming(item, quantity, fen, expires_on)], **given | more)


def handout(world: World, subject: str = "") -> stock.Handout:
    return stock.Handout("9901012012010010001", "江正一", world.village, "江正一", subject)


def issued(
    world: World, store: StockStore, item: StockItem, quantity: int, subject: str = "", **more: Any
) -> StockSlip:
    given = {"to": handout(world, subject), "by": world.township_clerk, "key": key()}
    return stock.issue(store, [(item, quantity)], **given | more)


def counted(world: World, store: StockStore, figures: dict[StockItem, int]) -> StockCount:
    """A stock-take that waits for the second person."""
    count = stocktake.open_count(store, by=world.township_clerk, key=key())
    stocktake.enter(count, {item.pk: n for item, n in figures.items()}, by=world.township_clerk)
    stocktake.hand_on(count, by=world.township_clerk)
    return StockCount.objects.get(pk=count.pk)


def on_hand(store: StockStore, item: StockItem) -> int:
    return sum(lot.on_hand for lot in item.lots.filter(store=store))
