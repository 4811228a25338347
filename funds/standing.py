"""What a fund's accounts held at a moment, summed from the transfers alone: neither balances nor closed months are asked."""

import datetime

from django.db import connection

_THEN = """
SELECT a.allocation_id, a.kind, sum(s.fen)::bigint
FROM funds_account a
CROSS JOIN LATERAL (SELECT -t.amount_fen AS fen FROM funds_transfer t WHERE t.debit_id = a.id AND {by_then}
                    UNION ALL SELECT t.amount_fen FROM funds_transfer t WHERE t.credit_id = a.id AND {by_then}) s
WHERE a.fund_id = %(fund)s GROUP BY 1, 2
"""
_INSTANT, _DAY = "t.recorded_at <= %(until)s", "t.business_date <= %(until)s"


def held_at(fund_id: int, until: datetime.date | datetime.datetime) -> dict[int | None, dict[str, int]]:
    """{allocation, or None for the fund itself: {kind of account: fen}}. Of a day: at its end, by the business date."""
    by_then = _INSTANT if isinstance(until, datetime.datetime) else _DAY
    found: dict[int | None, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_THEN.format(by_then=by_then), {"fund": fund_id, "until": until})
        for allocation, kind, fen in cursor.fetchall():
            found.setdefault(allocation, {})[kind] = fen
    return found
