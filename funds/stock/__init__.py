"""What happens to goods: in, out, back, over to another store. The only place that writes slips and moves.

Every service locks its store, so that the slips of one store follow one another; PostgreSQL keeps the laws whoever writes
(migrations/0011_stock_laws.py). A key that was used before gives back the slip that it made.
"""

from funds.stock.answers import REVERSIBLE, accept, give_back, lose, reverse
from funds.stock.reading import Out, check, out_of
from funds.stock.slips import Handout, Incoming, hand_over, issue, name_item, open_store, receive, sign, transfer_out

__all__ = [
    "REVERSIBLE",
    "Handout",
    "Incoming",
    "Out",
    "accept",
    "check",
    "give_back",
    "hand_over",
    "issue",
    "lose",
    "name_item",
    "open_store",
    "out_of",
    "receive",
    "reverse",
    "sign",
    "transfer_out",
]
