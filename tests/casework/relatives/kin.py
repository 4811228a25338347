"""Persons with ID numbers that can be declared, and declarations."""

import datetime
import itertools
from typing import Any

from access.models import Staff
from casework.relatives import register, visits
from casework.relatives.visits import Seen
from families.models import Cadre, ConflictDeclaration, Household, HouseholdMember, Person
from families.relatives.declaring import Relative
from tests.world import START, World, id_number

_serial = itertools.count(300)
BORN = datetime.date(1961, 6, 7)


def a_number(serial: int | None = None) -> str:
    return id_number(BORN, serial or next(_serial))


def member(household: Household, number: str, name: str = "江远亲") -> HouseholdMember:
    """Somebody with this number joins the household."""
    person = Person(name=name, sex="m", birth_date=BORN)
    person.set_id_number(number)
    person.save()
    return HouseholdMember.objects.create(
        household=household, person=person, relation="兄弟", valid_from=datetime.date(2020, 1, 1)
    )


def declared(by: Staff, number: str, relation: str = "sibling", name: str = "江远亲") -> ConflictDeclaration:
    return register.declare_own(Relative(name, number, relation), by=by)


def related(world: World, by: Staff, household: Household | None = None) -> Household:
    """A household whose member `by` has declared as her brother."""
    household = household or world.household()
    number = a_number()
    member(household, number)
    declared(by, number)
    return household


def a_cadre(world: World, **more: Any) -> Cadre:
    return register.register_cadre(
        more.pop("name", "肖会计"),
        more.pop("number", None) or a_number(),
        unit=world.village,
        post="村委会委员",
        by=world.township_clerk,
    )


def visited(world: World, case: Any, by: Any = None, **more: Any) -> Any:
    seen = {"visited_on": START, "with_whom": "乡里的赵明", "words": "房顶确实塌了一角", "as_reported": True} | more
    return visits.record(case.pk, Seen(**seen), by=by or world.county_reviewer)
