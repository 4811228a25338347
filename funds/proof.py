"""What the auditor's verifier asks the ledger: do balances still equal the transfers?"""

from collections.abc import Iterator

from django.db import connection

from audit.verify import KINDS, MOST_OF_A_KIND, Problem

_WRONG = """
SELECT a.id, a.fund_id, (a.debit_fen - coalesce(d.fen, 0))::bigint, (a.credit_fen - coalesce(c.fen, 0))::bigint
FROM funds_account a
LEFT JOIN (SELECT debit_id, sum(amount_fen) AS fen FROM funds_transfer GROUP BY 1) d ON d.debit_id = a.id
LEFT JOIN (SELECT credit_id, sum(amount_fen) AS fen FROM funds_transfer GROUP BY 1) c ON c.credit_id = a.id
WHERE a.debit_fen <> coalesce(d.fen, 0) OR a.credit_fen <> coalesce(c.fen, 0)
   OR (a.kind <> 'source' AND a.credit_fen < a.debit_fen)
ORDER BY a.id LIMIT %s
"""


def wrong_balances() -> Iterator[Problem]:
    """Accounts whose turnover is not that of their transfers, or that are overspent; the drift in fen on each side."""
    with connection.cursor() as cursor:
        cursor.execute(_WRONG, [MOST_OF_A_KIND])
        for account_id, fund_id, debit_fen, credit_fen in cursor.fetchall():
            yield Problem(
                "balance",
                "funds_account",
                account_id,
                f"fund:{fund_id}",
                f"{KINDS['balance']} (debit {debit_fen:+d} fen, credit {credit_fen:+d} fen)",
            )
