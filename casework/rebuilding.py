"""What a case must be by its acts: where the last act led, and how many there were. For `audit replay` and `audit verify`."""

import datetime
from collections.abc import Iterator

from django.db import connection

from audit.proofs import Query
from audit.verify import KINDS, Problem

_BY_ACTS = """
SELECT c.id::bigint, array_remove(ARRAY[CASE WHEN c.state <> e.to_state THEN 'state' END,
                                        CASE WHEN c.acts <> e.n THEN 'acts' END]::text[], NULL)
FROM ({cases}) c
JOIN LATERAL (SELECT e.to_state, e.n FROM casework_caseevent e WHERE e.case_id = c.id {until} ORDER BY e.n DESC LIMIT 1) e ON true
WHERE (c.state, c.acts) <> (e.to_state, e.n) ORDER BY 1
"""
_NOW = _BY_ACTS.format(cases="SELECT id, state, acts FROM casework_case", until="")
_THEN = _BY_ACTS.format(
    cases="""SELECT DISTINCT ON (h.id) h.id, h.state, h.acts FROM casework_historicalcase h
             WHERE h.history_date <= %(until)s ORDER BY h.id, h.history_id DESC""",
    until="AND e.recorded_at <= %(until)s",
)


def states(until: datetime.datetime | None) -> Query:
    """Cases that do not stand where their last act led, or that count other acts than there are; of a moment: their versions."""
    return Query(_NOW) if until is None else Query(_THEN, {"until": until})


_STRAY = """
SELECT c.id::bigint FROM casework_case c
WHERE NOT EXISTS (SELECT FROM casework_caseevent e JOIN flows_way w ON w.programme = c.programme
                    AND (w.from_state, w.action, w.to_state) = (e.from_state, e.action, e.to_state)
                  WHERE e.case_id = c.id AND e.n = 1 AND e.from_state = '')
   OR EXISTS (SELECT FROM casework_caseevent e LEFT JOIN casework_caseevent b ON b.case_id = e.case_id AND b.n = e.n - 1
              WHERE e.case_id = c.id AND e.n > 1 AND e.from_state IS DISTINCT FROM b.to_state) ORDER BY 1
"""


def wrong_states() -> Iterator[Problem]:
    """An act that was taken away with its link, before any seal covered it, is missed by its case; so is the opening of a case
    that began elsewhere than its programme, and a step between two acts."""
    with connection.cursor() as cursor:
        for query, columns_of in ((_NOW, lambda row: row[1]), (_STRAY, lambda row: ["state"])):
            cursor.execute(query)
            for row in cursor.fetchall():
                words = f"{KINDS['live_edited']}：{', '.join(columns_of(row))}"
                yield Problem("live_edited", "casework_case", row[0], f"case:{row[0]}", words)
