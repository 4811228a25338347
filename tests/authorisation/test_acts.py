"""Who takes which step of a case in which state (domain §4.2, §4.3), and that a step is taken in no other state."""

from typing import Any

import pytest

from tests.authorisation.asking import Matrix
from tests.authorisation.oracle import Act, oracle
from tests.authorisation.test_matrix import hold

pytestmark = pytest.mark.django_db
ACTS = oracle().acts
TELLING = ("here", "sibling_village", "sibling_township", "other_county", "recused", "delegate")


@pytest.mark.parametrize("act", ACTS, ids=lambda act: f"{act.state}-{act.action}")
def test_a_step_is_taken_by_whose_turn_it_is(matrix: Matrix, act: Act, record_property: Any) -> None:
    people = [
        person
        for person in matrix.people
        if person.role in act.roles
        and person.relation in TELLING
        or person.relation in ("here", "no_post", "granted", "anonymous")
    ]

    hold([matrix.act_cell(act, person, quick=True) for person in people], record_property)
