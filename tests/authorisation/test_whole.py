"""The whole matrix: everybody, every method, through Django's client; a case's pages in every state; steps out of turn."""

from dataclasses import replace
from typing import Any

import pytest

from tests.authorisation.asking import Cell, Matrix
from tests.authorisation.oracle import FORBIDDEN, Act, oracle
from tests.authorisation.test_acts import ACTS
from tests.authorisation.test_matrix import TRIED, hold

pytestmark = [pytest.mark.django_db, pytest.mark.torture]
ASKED = [(rule, method) for rule in TRIED for method in rule.methods]
STATES = [name for name in oracle().records if name.startswith("case_")]
IN_EVERY_STATE = ("cases:detail", "case_process_svg", "cases:survey", "audit:trail", "cases:papers")


@pytest.mark.parametrize(("rule", "method"), ASKED, ids=lambda part: getattr(part, "url", part))
def test_everybody_asks_everything(matrix: Matrix, rule: Any, method: str, record_property: Any) -> None:
    hold([matrix.cell(rule, person, method) for person in matrix.asked_about(rule)], record_property)


@pytest.mark.parametrize(
    "rule", [rule for rule, method in ASKED if method == "POST" and not rule.lies], ids=lambda rule: rule.url
)
def test_what_is_chosen_elsewhere_is_refused(matrix: Matrix, rule: Any, record_property: Any) -> None:
    """She may, but of her own places: another county's unit, sent in her name, is written nowhere."""
    hold([cell for person in matrix.asked_about(rule) for cell in matrix.foreign_cells(rule, person)], record_property)


@pytest.mark.parametrize("record", STATES)
@pytest.mark.parametrize("url", IN_EVERY_STATE)
def test_the_pages_of_a_case_in_every_state(matrix: Matrix, url: str, record: str, record_property: Any) -> None:
    rule = replace(oracle().rules[url], record=record, extra={})
    if rule.kind == "form" and record in oracle().ended:
        rule = replace(rule, yes=frozenset(), see=rule.yes | rule.see)

    hold(
        [matrix.cell(rule, person, "GET") for person in matrix.people if person.relation != "granted"], record_property
    )


@pytest.mark.parametrize("act", ACTS, ids=lambda act: f"{act.state}-{act.action}")
def test_everybody_takes_every_step(matrix: Matrix, act: Act, record_property: Any) -> None:
    hold([matrix.act_cell(act, person) for person in matrix.people], record_property)


@pytest.mark.parametrize("state", sorted({act.state for act in ACTS}))
def test_no_step_is_taken_in_a_state_that_is_not_its_own(matrix: Matrix, state: str, record_property: Any) -> None:
    found: list[Cell] = []
    own = {act.action for act in ACTS if act.state == state}
    for act in {act.action: act for act in ACTS if act.action not in own}.values():
        person = matrix.first_who_may(matrix.rule_of(act), "POST")
        data = matrix.sent.get((matrix.act_path(act), "POST"), {"key": "out-of-turn", "reason": "x"})
        outcome = matrix.ask(person, matrix.act_path(act, state), "POST", data)
        cell = Cell(f"cases:act {state} {act.action}", "POST", person, FORBIDDEN, outcome)
        cell.fault, cell.is_leak = (
            (f"it was done ({outcome.status})", True) if outcome.wrote or outcome.status >= 500 else ("", False)
        )
        found.append(cell)
    hold(found, record_property)
