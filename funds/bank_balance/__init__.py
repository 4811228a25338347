"""Bringing the bank's balance together with the books (银行存款余额调节表).

In the books lies what was received and not yet paid out; until the bank has credited a payment its money is in the bank. Where the
two differ, each difference is named: most are derived from the entries, the rest a person writes down. One person prepares,
another reviews, and only when both sides come to the same figure. Payments go on meanwhile.
"""

from funds.bank_balance.deposits import books_fen, funds_in, place, record_account, state_balance
from funds.bank_balance.open_items import MOST_ENTRIES, Item, ageing, derived, unlisted
from funds.bank_balance.sheets import latest_of, prepare, review, send_back, why_not_review

__all__ = [
    "MOST_ENTRIES",
    "Item",
    "ageing",
    "books_fen",
    "derived",
    "funds_in",
    "latest_of",
    "place",
    "prepare",
    "record_account",
    "review",
    "why_not_review",
    "send_back",
    "state_balance",
    "unlisted",
]
