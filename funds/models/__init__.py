"""Money, and goods beside it. One file a subject; migrations/0002_ledger.py and later ones keep its laws in PostgreSQL."""

from funds.models.bank_balance import DepositAccount, FundStanding, OpenItem, Reconciliation, StatedBalance
from funds.models.banking import BankFile, BankFormat, BankLine, BankTask, HeadingMapping
from funds.models.countersigns import Countersign
from funds.models.freezes import PaymentFreeze
from funds.models.imprest import ImprestCount, ImprestFloat, ImprestRefill, ImprestSpend
from funds.models.instalments import Instalment
from funds.models.ledger import Account, Allocation, Fund, Reservation, Transfer
from funds.models.payments import LIVING, CashHandover, Payment, PaymentBatch
from funds.models.periods import Period, PeriodTotal
from funds.models.proposals import Proposal
from funds.models.providers import Provider
from funds.models.recoveries import Recovery
from funds.models.sources import Campaign, Donor, Receipt
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
    "LIVING",
    "Account",
    "Allocation",
    "BankFile",
    "BankFormat",
    "BankLine",
    "BankTask",
    "Campaign",
    "CashHandover",
    "Countersign",
    "DepositAccount",
    "Donor",
    "Fund",
    "FundStanding",
    "HeadingMapping",
    "ImprestCount",
    "ImprestFloat",
    "ImprestRefill",
    "ImprestSpend",
    "Instalment",
    "OpenItem",
    "Payment",
    "PaymentBatch",
    "PaymentFreeze",
    "Period",
    "PeriodTotal",
    "Proposal",
    "Provider",
    "Receipt",
    "Reconciliation",
    "Recovery",
    "Reservation",
    "StatedBalance",
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
