"""What the auditor's verifier asks of the laws themselves: is any rewritten, taken away or switched off?

The ways of money and the kinds that need a second person stand in PostgreSQL, and here once more, written by hand: whoever
changes the one has not changed the other.
"""

from collections.abc import Iterator

from django.db import connection

from audit.verify import KINDS, Problem
from funds.ledger import SIDES

# {kind of transfer: kind of the proposal that another person has confirmed}
CONFIRMED = {
    "deallocate": "take_back",
    "return_up": "take_back",
    "carry_over": "carry_over",
    "interfund": "interfund",
    "hand_back": "hand_back",
}
# Triggers without which a restore would be followed by payments; (table, trigger)
STANDING = {
    ("funds_payment", "funds_frozen"),
    ("funds_paymentbatch", "funds_frozen"),
    ("funds_paymentfreeze", "funds_lifted_once"),
}
_OFF = """
SELECT c.relname, g.tgname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
WHERE NOT g.tgisinternal AND g.tgenabled <> 'A' AND c.relname LIKE 'funds\\_%' AND g.tgname NOT LIKE 'audit\\_%' ORDER BY 1, 2
"""


def wrong_laws() -> Iterator[Problem]:
    """Rows of the two tables that the program does not know, or that are missing; triggers that do not fire always, or are gone."""
    ways = {(str(kind), str(gives), str(takes)) for kind, (gives, takes) in SIDES.items()}
    yield from _odd("funds_transferrule", "kind, debit_kind, credit_kind", ways)
    yield from _odd("funds_twopersons", "kind, proposal", set(CONFIRMED.items()))
    with connection.cursor() as cursor:
        cursor.execute(_OFF)
        for table, trigger in cursor.fetchall():
            yield _problem(table, trigger)
        cursor.execute("SELECT c.relname, g.tgname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid")
        for table, trigger in sorted(STANDING - set(cursor.fetchall())):
            yield _problem(table, trigger)


def _odd(table: str, columns: str, known: set[tuple[str, ...]]) -> Iterator[Problem]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table}")
        for row in sorted(set(cursor.fetchall()) ^ known):
            yield _problem(table, " ".join(row))


def _problem(table: str, what: str) -> Problem:
    return Problem("law", table, None, "", f"{KINDS['law']}：{what}")
