"""What the auditor's verifier asks of the tables that laws go by: do they say what the program says?

That no law itself was changed is casework.database.laws. The ways of money and the kinds that need a second person stand
in PostgreSQL, and here once more, written by hand: whoever changes the one has not changed the other.
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


def wrong_laws() -> Iterator[Problem]:
    """Rows of the two tables that the program does not know, or that are missing."""
    ways = {(str(kind), str(gives), str(takes)) for kind, (gives, takes) in SIDES.items()}
    yield from _odd("funds_transferrule", "kind, debit_kind, credit_kind", ways)
    yield from _odd("funds_twopersons", "kind, proposal", set(CONFIRMED.items()))


def _odd(table: str, columns: str, known: set[tuple[str, ...]]) -> Iterator[Problem]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table}")
        for row in sorted(set(cursor.fetchall()) ^ known):
            yield _problem(table, " ".join(row))


def _problem(table: str, what: str) -> Problem:
    return Problem("law", table, None, "", f"{KINDS['law']}：{what}")
