"""What the ledger's figures must be by its own movements, for `audit replay`: balances by transfers, shelves by moves."""

import datetime

from audit.proofs import Query

# Turnover of each account from nothing. Asked for a moment: which accounts were overspent then, for the balances of then
# stand nowhere to be compared with.
_NOW = """
SELECT a.id::bigint, array_remove(ARRAY[CASE WHEN a.debit_fen <> coalesce(d.fen, 0) THEN 'debit_fen' END,
                                        CASE WHEN a.credit_fen <> coalesce(c.fen, 0) THEN 'credit_fen' END]::text[], NULL)
FROM funds_account a
LEFT JOIN (SELECT debit_id, sum(amount_fen) AS fen FROM funds_transfer GROUP BY 1) d ON d.debit_id = a.id
LEFT JOIN (SELECT credit_id, sum(amount_fen) AS fen FROM funds_transfer GROUP BY 1) c ON c.credit_id = a.id
WHERE a.debit_fen <> coalesce(d.fen, 0) OR a.credit_fen <> coalesce(c.fen, 0) ORDER BY 1
"""
_THEN = """
SELECT a.id::bigint, ARRAY['overspent']
FROM funds_account a
JOIN (SELECT s.account, sum(s.fen) AS fen FROM funds_transfer t
      CROSS JOIN LATERAL (VALUES (t.debit_id, -t.amount_fen), (t.credit_id, t.amount_fen)) AS s (account, fen)
      WHERE t.recorded_at <= %(until)s GROUP BY 1) b ON b.account = a.id
WHERE a.kind <> 'source' AND b.fen < 0 ORDER BY 1
"""


def balances(until: datetime.datetime | None) -> Query:
    """Accounts whose turnover is not that of their transfers; of a moment: accounts that had given more than they had."""
    return Query(_NOW) if until is None else Query(_THEN, {"until": until})


_SHELVES = """
SELECT l.id::bigint, array_remove(ARRAY[CASE WHEN l.on_hand <> coalesce(m.hand, 0) THEN 'on_hand' END,
                                        CASE WHEN l.lent <> coalesce(m.lent, 0) THEN 'lent' END]::text[], NULL)
FROM funds_stocklot l
LEFT JOIN (SELECT lot_id, sum(change) AS hand, sum(lent_change) AS lent FROM funds_stockmove GROUP BY 1) m ON m.lot_id = l.id
WHERE (l.on_hand, l.lent) <> (coalesce(m.hand, 0), coalesce(m.lent, 0)) ORDER BY 1
"""
_SHELVES_THEN = """
SELECT m.lot_id::bigint, ARRAY['below_nothing']
FROM funds_stockmove m JOIN audit_entry e ON e.tbl = 'funds_stockmove' AND e.row_id = m.id AND e.recorded_at <= %(until)s
GROUP BY 1 HAVING sum(m.change) < 0 OR sum(m.lent_change) < 0 ORDER BY 1
"""


def shelves(until: datetime.datetime | None) -> Query:
    """Lots whose pieces are not those of their moves; of a moment: lots of which more had gone than came."""
    return Query(_SHELVES) if until is None else Query(_SHELVES_THEN, {"until": until})
