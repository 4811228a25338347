"""Money. One file a subject; migrations/0002_ledger.py and later ones keep its laws in PostgreSQL."""

from funds.models.banking import BankFile, BankFormat, BankLine, BankTask, HeadingMapping
from funds.models.instalments import Instalment
from funds.models.ledger import Account, Allocation, Fund, Reservation, Transfer
from funds.models.payments import CashHandover, Payment, PaymentBatch
from funds.models.periods import Period, PeriodTotal
from funds.models.proposals import Proposal
from funds.models.providers import Provider
from funds.models.recoveries import Recovery

__all__ = [
    "Account",
    "Allocation",
    "BankFile",
    "BankFormat",
    "BankLine",
    "BankTask",
    "CashHandover",
    "Fund",
    "HeadingMapping",
    "Instalment",
    "Payment",
    "PaymentBatch",
    "Period",
    "PeriodTotal",
    "Proposal",
    "Provider",
    "Recovery",
    "Reservation",
    "Transfer",
]
