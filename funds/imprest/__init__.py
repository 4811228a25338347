"""Money in a township's hands, to help at once (备用金): a float with a limit, handed out before the papers, made whole after.

    advance          allocated -> imprest           up to the limit that two persons set
    spend            imprest -> imprest_spent       by two persons; the decision keeps its own money meanwhile
    settle           committed -> paid, and imprest_spent -> imprest: the papers are accepted, the bank refills
    give_back        imprest_spent -> imprest       the papers were not accepted, the family gives it back
    give_up          imprest -> allocated

The books make the float whole when the papers are accepted; the bank does it with the next refill. In between the township
has less in hand than the books say: that is `awaited_fen`, and a count stands beside the books without it.
"""

from funds.imprest.counts import count, explain, latest_counts, review
from funds.imprest.floats import Holding, advance, give_up, holding, holdings, open_float, propose_limit
from funds.imprest.handing_out import (
    accept,
    blocked_because,
    float_for,
    give_back,
    objected_of,
    open_spend,
    settle,
    spend,
)
from funds.imprest.refills import ask_refill, pay_refill, settled_since_refill_fen

__all__ = [
    "Holding",
    "accept",
    "advance",
    "ask_refill",
    "blocked_because",
    "count",
    "explain",
    "float_for",
    "give_back",
    "give_up",
    "holding",
    "holdings",
    "latest_counts",
    "objected_of",
    "open_float",
    "open_spend",
    "pay_refill",
    "propose_limit",
    "review",
    "settle",
    "settled_since_refill_fen",
    "spend",
]
