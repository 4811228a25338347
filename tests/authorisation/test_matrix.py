"""Every address × method × role × relation, held against the oracle; on each push its most telling method, else all."""

from typing import Any

import pytest

from tests.authorisation.asking import Cell, Matrix
from tests.authorisation.oracle import Rule, oracle

pytestmark = pytest.mark.django_db  # so that pytest-django makes the database, and these run before what empties it
TRIED = [rule for rule in oracle().rules.values() if rule.kind != "acts" and rule.methods]


@pytest.mark.parametrize("rule", TRIED, ids=lambda rule: rule.url)
def test_everybody_gets_what_the_oracle_says(matrix: Matrix, rule: Rule, record_property: Any) -> None:
    method = rule.methods[-1]

    found = [matrix.cell(rule, person, method, quick=True) for person in matrix.sample(rule, method)]

    hold(found, record_property)


def hold(found: list[Cell], record_property: Any) -> None:
    """Count the cells for the summary, and fail with every one that is wrong."""
    wrong = [cell for cell in found if cell.fault]
    record_property("cells", (len(found), sum(cell.is_leak for cell in wrong), sum(not cell.is_leak for cell in wrong)))
    if wrong:
        pytest.fail(told(wrong), pytrace=False)


def told(wrong: list[Cell]) -> str:
    """One line for each fault, with everybody whom it concerns."""
    lines: dict[str, list[str]] = {}
    for cell in wrong:
        kind = "LEAK" if cell.is_leak else "FALSE DENIAL"
        lines.setdefault(f"{kind} {cell.method} {cell.url}: {cell.expected} expected, {cell.fault}", []).append(
            str(cell.person)
        )
    return "\n".join(f"{line} ({len(people)}: {'; '.join(people)})" for line, people in lines.items())
