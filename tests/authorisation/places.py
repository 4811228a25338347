"""Two counties of two townships of two villages, and one person for each role and each way of standing to the first village.

The first village (`V1`), its township (`T1`) and its county (`A`) are *here*: whatever an address names lies there. What
somebody's post is to that place is her relation; the oracle (tests/authorisation.yaml) says what each relation gives.
"""

import datetime
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.test import Client

from access import services as access
from access.models import Appointment, OrgUnit, Recusal, Staff
from access.roles import ROLES
from tests.grants import granted
from tests.world import ROLES_AT, START, World, make_staff

SINCE = datetime.date(2026, 1, 1)
UNTIL = datetime.date(2026, 12, 31)

# name: (code, name, level, parent). V1, V2, T1 and A are those of tests.world.
NEW_UNITS = {
    "T2": ("990101202", "松岭乡", "township", "990101"),
    "V3": ("990101202201", "松前村", "village", "990101202"),
    "V4": ("990101202202", "松后村", "village", "990101202"),
    "B": ("990102", "邻源县", "county", "990100"),
    "T3": ("990102201", "白石镇", "township", "990102"),
    "V5": ("990102201201", "白石村", "village", "990102201"),
    "V6": ("990102201202", "白水村", "village", "990102201"),
    "T4": ("990102202", "黑石镇", "township", "990102"),
    "V7": ("990102202201", "黑石村", "village", "990102202"),
    "V8": ("990102202202", "黑水村", "village", "990102202"),
}
VILLAGES = tuple(f"V{n}" for n in range(1, 9))

# relation of a post to the first village, by the level at which the role is held
RELATIONS = {
    "village": {"here": "V1", "sibling_village": "V2", "sibling_township": "V3", "other_county": "V5"},
    "township": {"here": "T1", "sibling_township": "T2", "other_county": "T3"},
    "county": {"here": "A", "other_county": "B"},
}
# Roles that may be held at any level are tried at several.
ANY_LEVEL = {
    "storekeeper": {"here": "T1", "above": "A", "below": "V1", "sibling_village": "V2", "sibling_township": "T2", "other_county": "B"},
    "sysadmin": {"here": "A", "above": "prefecture", "below": "T1", "other_county": "B"},
}  # fmt: skip
AT_A_DESK = (*ROLES_AT, "storekeeper", "sysadmin")
WITHOUT_A_DESK = tuple(role for role in ROLES if role not in AT_A_DESK)
CIRCUMSTANCES = ("delegate", "recused", "deactivated")  # besides the four relations; all of them of somebody here
NOBODY = ("no_post", "granted", "anonymous")


@dataclass
class Person:
    """`role` is what she holds (or, as a delegate, what was lent to her); "" for who holds nothing."""

    role: str
    relation: str
    staff: Staff | None = None
    unit: OrgUnit | None = None

    def __str__(self) -> str:
        return f"{self.role} · {self.relation}" if self.role else self.relation

    @property
    def is_let_in(self) -> bool:
        """Whether she is signed in and her account is open."""
        return self.relation not in ("anonymous", "deactivated")

    @cached_property
    def client(self) -> Client:
        client = Client(raise_request_exception=False)
        if self.staff is not None:
            client.force_login(self.staff, backend="django.contrib.auth.backends.ModelBackend")
        return client


@dataclass
class Places:
    units: dict[str, OrgUnit] = field(default_factory=dict)
    people: list[Person] = field(default_factory=list)
    crews: dict[str, World] = field(default_factory=dict)  # by village; who prepares what the cells then ask for

    def person(self, role: str, relation: str = "here") -> Person:
        return next(one for one in self.people if (one.role, one.relation) == (role, relation))


def all_units() -> dict[str, OrgUnit]:
    """The eleven places of tests.world and the ten new ones, by their short names."""
    for code, name, level, parent in NEW_UNITS.values():
        above = OrgUnit.objects.get(code=parent)
        unit = OrgUnit(code=code, name=name, level=level, parent=above, valid_from=SINCE)
        for column in ("province", "prefecture", "county", "township", "village"):
            setattr(unit, f"{column}_id", getattr(above, f"{column}_id"))
        unit.save()
        setattr(unit, f"{level}_id", unit.pk)
        unit.save()
        if level == "village":
            group = OrgUnit(code=f"{code}001", name="一组", level="group", parent=unit, valid_from=SINCE)
            for column in ("province", "prefecture", "county", "township", "village"):
                setattr(group, f"{column}_id", getattr(unit, f"{column}_id"))
            group.save()
    named = {"prefecture": "990100", "A": "990101", "T1": "990101201", "V1": "990101201201", "V2": "990101201202"}
    codes = named | {short: row[0] for short, row in NEW_UNITS.items()}
    found = {unit.code: unit for unit in OrgUnit.objects.all()}
    return {short: found[code] for short, code in codes.items()}


def crew(world: World, units: dict[str, OrgUnit], village: str) -> World:
    """Those who work for a village, as a world of their own: the posts of the first village's world, held there."""
    if village == "V1":
        return world
    place = units[village]
    staff = dict(world.staff)
    for role, level in ROLES_AT.items():
        unit = place if level == "village" else getattr(place, level)
        for name in (role, f"{role}_2") if role in ("township_approver", "county_approver") else (role,):
            if unit == getattr(world, level, None) and level != "village":
                continue  # the first village's own
            staff[name] = appointed(f"{name}@{unit.code}", role, unit)
    groups = {village.pk: village.children.first() for village in OrgUnit.objects.filter(level="village")}
    return World(place.county, place.township, place, place, staff, world.fund, groups)


def appointed(username: str, role: str, unit: OrgUnit) -> Staff:
    """An account with one post since January; the same one when it is there already."""
    known = Staff.objects.filter(username=username).first()
    if known is None:
        known = make_staff(username, username)
        access.appoint(known, role, unit, by=None, valid_from=SINCE)
    return known


def everybody(units: dict[str, OrgUnit], world: World) -> list[Person]:
    """One person for each role and relation, and those who hold nothing."""
    people = []
    for role in AT_A_DESK:
        at = ANY_LEVEL.get(role) or RELATIONS[ROLES_AT[role]]
        for relation, short in at.items():
            unit = units[short]
            people.append(Person(role, relation, appointed(f"{role}.{relation}", role, unit), unit))
        here = units[at["here"]]
        people += [
            Person(role, "delegate", delegate_of(role, here, world), here),
            Person(role, "recused", appointed(f"{role}.recused", role, here), here),
            Person(role, "deactivated", appointed(f"{role}.deactivated", role, here), here),
        ]
    for role in WITHOUT_A_DESK:
        level = ROLES[role].level
        unit = {"group": units["V1"].children.first(), "township": units["T1"]}.get(level and level.value, units["V1"])
        people.append(Person(role, "here", appointed(f"{role}.here", role, unit), unit))
    people += [
        Person("", "no_post", make_staff("no_post", "没有岗位")),
        Person("", "granted", make_staff("granted", "受权看一件")),
        Person("", "anonymous"),
    ]
    return people


def delegate_of(role: str, unit: OrgUnit, world: World) -> Staff:
    """Somebody who has nothing but the post that another person here, who has done nothing, has lent her."""
    principal, deputy = appointed(f"{role}.principal", role, unit), make_staff(f"{role}.delegate", f"{role} 代班")
    access.delegate(
        Appointment.objects.get(staff=principal),
        deputy,
        valid_from=START,
        valid_to=START + datetime.timedelta(days=120),
        reason="休假",
        approved_by=world.sysadmin,
    )
    return deputy


def turned_away(people: list[Person], world: World, household_nos: list[str]) -> None:
    """The recused are relatives of these households; the deactivated are signed in while their accounts are closed."""
    for person in people:
        if person.relation == "recused":
            Recusal.objects.bulk_create(
                Recusal(
                    person_key=person.staff.person_key,
                    household_no=number,
                    relation="弟弟",
                    source=Recusal.Source.DECLARED,
                    declared_by=person.staff,
                    declared_on=START,
                )
                for number in household_nos
            )
        elif person.relation == "deactivated":
            _ = person.client  # signed in before
            access.deactivate_staff(person.staff, by=world.sysadmin, reason="离职")


def grant_sight(people: list[Person], world: World, *records: Any) -> None:
    who = next(person for person in people if person.relation == "granted")
    for record in records:
        granted(
            who.staff,
            f"view_{record._meta.model_name}",
            record,
            until=START + datetime.timedelta(days=120),
            reason="抽查",
            approved_by=world.county_approver,
            by=world.sysadmin,
        )
