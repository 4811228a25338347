"""Money, and goods beside it. One file a subject; migrations/0002_ledger.py and later ones keep its laws in PostgreSQL."""

from funds.models.ledger import Account, Allocation, Fund, Reservation, Transfer
from funds.models.payments import Payment, PaymentBatch
from funds.models.stock import (
    StockCount,
    StockCountLine,
    StockItem,
    StockLot,
    StockMove,
    StockSignature,
    StockSlip,
    StockStore,
)

__all__ = [
    "Account",
    "Allocation",
    "Fund",
    "Payment",
    "PaymentBatch",
    "Reservation",
    "StockCount",
    "StockCountLine",
    "StockItem",
    "StockLot",
    "StockMove",
    "StockSignature",
    "StockSlip",
    "StockStore",
    "Transfer",
]
