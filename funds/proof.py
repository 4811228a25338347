"""What the auditor's verifier asks the ledger: do balances still equal the transfers, and closed months what was written?"""

from collections.abc import Iterator
from typing import Any

from django.db import connection

from audit.bundle import Selection
from audit.verify import KINDS, MOST_OF_A_KIND, Problem
from funds.models import Fund

# What the tree says in clear of each movement of money: JSON over the row `f`. Part of the format, never to be changed.
FACTS = {
    "amount_fen": "f.amount_fen",
    "credit": "f.credit_id",
    "debit": "f.debit_id",
    "kind": "to_json(f.kind)",
    "on": "to_json(to_char(f.business_date, 'YYYY-MM-DD'))",
}

_WRONG = """
SELECT a.id, a.fund_id, (a.debit_fen - coalesce(d.fen, 0))::bigint, (a.credit_fen - coalesce(c.fen, 0))::bigint
FROM funds_account a
LEFT JOIN (SELECT debit_id, sum(amount_fen) AS fen FROM funds_transfer GROUP BY 1) d ON d.debit_id = a.id
LEFT JOIN (SELECT credit_id, sum(amount_fen) AS fen FROM funds_transfer GROUP BY 1) c ON c.credit_id = a.id
WHERE a.debit_fen <> coalesce(d.fen, 0) OR a.credit_fen <> coalesce(c.fen, 0)
   OR (a.kind <> 'source' AND a.credit_fen < a.debit_fen)
ORDER BY a.id LIMIT %s
"""

# Movements against the transfers themselves, openings against the month before, the fingerprint against the totals. All
# months in one reading of the transfers; what is wrong with an account in one month is one row.
_CHANGED = """
WITH month AS (SELECT id, unit_id, digest, make_date(year, month, 1) AS first FROM funds_period),
ends AS (SELECT unit_id, min(first) AS first, max(first) AS last FROM month GROUP BY 1),
unit_of AS (SELECT a.id, f.unit_id FROM funds_account a JOIN funds_fund f ON f.id = a.fund_id),
moved AS (
  SELECT s.account, t.first, sum(s.debit) AS debit, sum(s.credit) AS credit
  FROM (SELECT debit_id, credit_id, amount_fen, date_trunc('month', business_date::timestamp)::date AS first
        FROM funds_transfer WHERE business_date < (SELECT max(last) FROM ends) + interval '1 month') t
  CROSS JOIN LATERAL (VALUES (t.debit_id, t.amount_fen, 0), (t.credit_id, 0, t.amount_fen)) AS s (account, debit, credit) GROUP BY 1, 2),
due AS (
  SELECT coalesce(m.id, (SELECT n.id FROM month n WHERE n.unit_id = e.unit_id AND n.first = e.first)) AS period, o.account, o.debit, o.credit
  FROM moved o JOIN unit_of u ON u.id = o.account JOIN ends e ON e.unit_id = u.unit_id AND o.first <= e.last
  LEFT JOIN month m ON m.unit_id = u.unit_id AND m.first = o.first),
written AS (
  SELECT m.id AS period, t.account_id AS account, t.opening_fen AS opening, t.debit_fen AS debit, t.credit_fen AS credit, t.closing_fen AS closing,
         m.unit_id, m.first, lag(m.first) OVER w AS first_before, lag(t.closing_fen) OVER w AS closing_before, lead(m.first) OVER w AS first_after
  FROM month m JOIN funds_periodtotal t ON t.period_id = m.id WINDOW w AS (PARTITION BY t.account_id ORDER BY m.first)),
wrong AS (
  SELECT coalesce(w.period, d.period) AS period, coalesce(w.account, d.account) AS account
  FROM written w FULL JOIN due d ON d.period = w.period AND d.account = w.account
  WHERE (coalesce(w.debit, 0), coalesce(w.credit, 0)) <> (coalesce(d.debit, 0), coalesce(d.credit, 0))
  UNION
  SELECT period, account FROM written
  WHERE opening <> CASE WHEN first_before = (first - interval '1 month')::date THEN closing_before ELSE 0 END
  UNION
  SELECT m.id, w.account FROM written w JOIN ends e ON e.unit_id = w.unit_id AND w.first < e.last
  JOIN month m ON m.unit_id = w.unit_id AND m.first = (w.first + interval '1 month')::date
  WHERE w.closing <> 0 AND w.first_after IS DISTINCT FROM (w.first + interval '1 month')::date
  UNION
  SELECT id, NULL FROM month WHERE digest <> funds_month_digest(id))
SELECT w.period, p.unit_id, p.year, p.month, array_remove(array_agg(w.account ORDER BY w.account), NULL)
FROM wrong w JOIN funds_period p ON p.id = w.period GROUP BY 1, 2, 3, 4 ORDER BY 1 LIMIT %s
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


def changed_months() -> list[tuple[int, int, int, int, list[int]]]:
    """[(period, unit, year, month, accounts)] of closed months that do not say any more what is written."""
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED, [MOST_OF_A_KIND])
        return cursor.fetchall()


def wrong_months() -> Iterator[Problem]:
    """Closed months whose totals are not those of their transfers, of the month before, or of their own fingerprint."""
    for period_id, _unit, year, month, accounts in changed_months():
        where = ", ".join(map(str, accounts)) or "digest"
        yield Problem(
            "period",
            "funds_period",
            period_id,
            f"period:{period_id}",
            f"{KINDS['period']} ({year}-{month:02}: {where})",
        )


_ACCOUNTS = """
WITH unsealed AS MATERIALIZED (
  SELECT t.debit_id, t.credit_id, t.amount_fen FROM audit_entry e JOIN funds_transfer t ON t.id = e.row_id
  WHERE e.tbl = 'funds_transfer' AND NOT EXISTS (SELECT FROM audit_leaf l WHERE l.entry_id = e.id))
SELECT a.id, coalesce(a.allocation_id, 0), f.code, a.kind,
       (a.debit_fen - coalesce((SELECT sum(amount_fen) FROM unsealed WHERE debit_id = a.id), 0))::bigint,
       (a.credit_fen - coalesce((SELECT sum(amount_fen) FROM unsealed WHERE credit_id = a.id), 0))::bigint
FROM funds_account a JOIN funds_fund f ON f.id = a.fund_id
WHERE %(fund)s::bigint IS NULL OR a.fund_id = %(fund)s ORDER BY a.id
"""


def sealed_balances(fund_id: int | None) -> Iterator[dict[str, Any]]:
    """What each account says, less what movements did that no seal covers yet. In fen; of one fund or of all."""
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS, {"fund": fund_id})
        for account, allocation, fund, kind, debit_fen, credit_fen in cursor.fetchall():
            yield {
                "account": account,
                "allocation": allocation,
                "credit_fen": credit_fen,
                "debit_fen": debit_fen,
                "fund": fund,
                "kind": kind,
            }


def of_fund(code: str) -> Selection | None:
    """For an audit bundle: a fund's own chain, and every movement into or out of its accounts."""
    fund = Fund.objects.filter(code=code).first()
    if fund is None:
        return None
    return Selection(
        subject=f"fund:{fund.pk}",
        described={"fund": code},
        sql="""SELECT id FROM audit_entry WHERE stream = %(stream)s OR tbl = 'funds_transfer' AND row_id IN (
                 SELECT t.id FROM funds_transfer t JOIN funds_account a ON a.id IN (t.debit_id, t.credit_id)
                 WHERE a.fund_id = %(fund)s)""",
        facts={"stream": f"fund:{fund.pk}", "fund": fund.pk},
        fund_id=fund.pk,
    )
