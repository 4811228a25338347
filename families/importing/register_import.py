"""Taking a household register into the database: new households and people, changes, moves between households.

One pass and one transaction, chunk by chunk with constant memory: while a thread reads and judges the next chunk, what
this one names is looked up, what is new is COPYed, what changed is updated, everything leaves history. The first error
ends the writing and the transaction is rolled back at the end; the rest is read on, so that all errors are reported.
Importing the same file again changes nothing.
"""

import datetime
import hashlib
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from django.db import connection, transaction
from django.db.models import QuerySet

from access import reach, vault
from access.models import OrgUnit
from access.roles import Ability
from access.scope import can, scope
from audit import bulk, clock
from audit.context import acting
from families.folding import search_text
from families.importing.ahead import ahead
from families.importing.register_file import RegisterHousehold, RegisterPerson, read_register
from families.importing.report import ImportReport
from families.models import Household, HouseholdMember, ImportBatch, Person

CHUNK = 2_000  # households
Progress = Callable[[int, str], None]

_PERSON_COLUMNS = (
    "id", "uid", "name", "name_search", "id_number_sealed", "id_last4", "person_key", "no_id_reason", "sex", "birth_date",
    "ethnicity", "education", "health", "disability_class", "disability_grade", "work_status", "lives_away", "phone",
)  # fmt: skip
_FACTS = (
    "name", "no_id_reason", "sex", "birth_date", "ethnicity", "education", "health", "disability_class",
    "disability_grade", "work_status", "lives_away",
)  # fmt: skip
_HOUSEHOLD_COLUMNS = (
    "id", "province_id", "prefecture_id", "county_id", "township_id", "village_id", "group_id", "household_no",
    "head_id", "head_name", "search", "address", "is_hardship", "severity", "remark", "shelf_no",
)  # fmt: skip


def import_register(
    path: Path,
    *,
    by: Any,
    filename: str = "",
    dry_run: bool = False,
    good_rows: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import the register file at `path`.

    A file with errors changes nothing unless `good_rows`: then the households without errors are taken and the others are
    held back. `dry_run` reads and judges only. `progress(done_households, step)` may raise to cancel; nothing is left then.
    Raises a FileRefused when the file cannot be read at all.
    """
    begun = time.monotonic()
    digest = _sha256(path)
    report = ImportReport()
    report.already_imported = ImportBatch.objects.filter(kind="register", sha256=digest).exists()
    with open(path, "rb") as source, transaction.atomic(), acting(by, reason=f"register import {digest[:12]}"):
        if dry_run:
            _judge_all(source, by, report, progress or _ignore)
        else:
            _take_all(source, by, report, progress or _ignore, despite_errors=good_rows)
        if report.changed:
            ImportBatch.objects.create(
                kind="register",
                sha256=digest,
                filename=filename or path.name,
                imported_on=clock.today(),
                counts={"created": report.created, "updated": report.updated},
            )
    report.seconds = time.monotonic() - begun
    return report


def _ignore(done: int, step: str) -> None:
    """Nobody is watching."""


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def units_in_reach(by: Any) -> QuerySet[OrgUnit]:
    """The units for which `by` may import; all of them for a command, which runs in nobody's name.

    An import changes names and accounts, so it is for those who work with families. An administrator makes the first one.
    """
    units = OrgUnit.objects.filter(valid_to__isnull=True)
    if by is None:
        return units
    abilities = (Ability.IMPORT,) if _has_begun() else (Ability.IMPORT, Ability.STAFF_MANAGE)
    found = [scope(by, ability).filter(units) for ability in abilities]
    return found[0] if len(found) == 1 else found[0] | found[1]


def may_import(by: Any) -> bool:
    """Whether `by` may import anywhere at all."""
    return can(by, Ability.IMPORT) or can(by, Ability.STAFF_MANAGE) and not _has_begun()


@reach.beyond()  # an administrator's page reaches no family: to her the register would always look empty
def _has_begun() -> bool:
    """Whether the register has any family, whoever asks."""
    return Household.objects.exists()


def _chunks(source: BinaryIO, by: Any) -> Iterator[list[RegisterHousehold]]:
    groups = set(units_in_reach(by).filter(level="group").values_list("code", flat=True))
    households = read_register(source, group_codes=groups, today=clock.today())
    return iter(lambda: list(islice(households, CHUNK)), [])


def _judge_all(source: BinaryIO, by: Any, report: ImportReport, progress: Progress) -> None:
    for households in _chunks(source, by):
        _judge(households, report)
        progress(report.households + report.held_households, "judge")


def _judge(households: list[RegisterHousehold], report: ImportReport) -> None:
    for household in households:
        report.findings += household.findings
        if household.is_held:
            report.held_households += 1
        else:
            report.households += 1
            report.persons += len(household.members)


def _take_all(source: BinaryIO, by: Any, report: ImportReport, progress: Progress, *, despite_errors: bool) -> None:
    """Take what is good; with errors that were not allowed for, the caller's transaction is rolled back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('families.import', 0))")
    places = _Places()
    for chunk in ahead(map(_Chunk, _chunks(source, by))):
        _judge(chunk.all_households, report)
        if despite_errors or not report.errors:
            _take_chunk(chunk, places, report)
        progress(report.households + report.held_households, "take")
    if report.errors and not despite_errors:
        transaction.set_rollback(True)
        report.created = report.updated = report.unchanged = 0
        report.changed = False
    if report.changed:
        bulk.have_counted(
            Person, Household, HouseholdMember
        )  # after a rolled-back import, too, they are taken for empty


class _Chunk:
    """Some households of the file, and what can be worked out about the people of the good ones without the database."""

    def __init__(self, households: list[RegisterHousehold]) -> None:
        self.all_households = households
        self.households = [household for household in households if not household.is_held]
        people = [person for household in self.households for person in household.members]
        self.keys = {id(person): vault.person_key(person.id_number) if person.id_number else None for person in people}
        lines = bulk.csv_lines(_person_columns(person, self.keys[id(person)]) for person in people)
        self.lines = dict(zip(map(id, people), lines, strict=True))


class _Places:
    """Villages and groups by code."""

    def __init__(self) -> None:
        units = {unit.code: unit for unit in OrgUnit.objects.filter(level__in=("village", "group"))}
        self.villages, self.groups = units, units

    def columns_of(self, household: RegisterHousehold) -> tuple[int, ...]:
        village = self.villages[household.village_code]
        group = self.groups[household.village_code + household.group_no]
        return (
            village.province_id, village.prefecture_id, village.county_id, village.township_id, village.pk, group.pk
        )  # fmt: skip


@dataclass
class _Known:
    """What the database knows of a chunk's people and households."""

    by_key: dict[str, Person] = field(default_factory=dict)
    nameless: dict[tuple[str, str, datetime.date], Person] = field(default_factory=dict)  # people without ID numbers
    households: dict[str, Household] = field(default_factory=dict)
    places_of: dict[int, HouseholdMember] = field(default_factory=dict)  # {person id: open membership}
    members_of: dict[int, list[HouseholdMember]] = field(default_factory=dict)  # {household id: open memberships}


def _look_up(chunk: _Chunk) -> _Known:
    known = _Known()
    numbers = [household.household_no for household in chunk.households]
    known.households = {h.household_no: h for h in Household.objects.filter(household_no__in=numbers)}
    wanted = [key for key in chunk.keys.values() if key]
    known.by_key = {person.person_key: person for person in Person.objects.filter(person_key__in=wanted)}
    numbers_by_id = {household.pk: number for number, household in known.households.items()}
    memberships = list(
        HouseholdMember.objects.filter(household_id__in=numbers_by_id, valid_to__isnull=True).select_related("person")
    )
    memberships += (
        HouseholdMember.objects.filter(person__in=known.by_key.values(), valid_to__isnull=True)
        .exclude(household_id__in=numbers_by_id)
        .select_related("person")
    )
    for membership in memberships:
        known.places_of[membership.person_id] = membership
        known.members_of.setdefault(membership.household_id, []).append(membership)
        person = membership.person
        if person.person_key is None and membership.household_id in numbers_by_id:
            known.nameless[numbers_by_id[membership.household_id], person.name, person.birth_date] = person
    return known


def _take_chunk(chunk: _Chunk, places: _Places, report: ImportReport) -> None:
    known = _look_up(chunk)
    ids = _take_persons(chunk, known, report)
    household_ids = _take_households(chunk, ids, places, known, report)
    _take_members(chunk, ids, household_ids, known, report)


def _take_persons(chunk: _Chunk, known: _Known, report: ImportReport) -> dict[int, int]:
    """Insert and update people; returns {id() of the register row: primary key}."""
    ids: dict[int, int] = {}
    fresh: list[RegisterPerson] = []
    changed: list[Person] = []
    for household in chunk.households:
        for row in household.members:
            key = chunk.keys[id(row)]
            person = known.by_key.get(key) if key else known.nameless.get((row.household_no, row.name, row.birth_date))
            if person is None:
                fresh.append(row)
                continue
            ids[id(row)] = person.pk
            if any(getattr(person, name) != getattr(row, name) for name in _FACTS):
                for name in _FACTS:
                    setattr(person, name, getattr(row, name))
                person.name_search = search_text(row.name)
                changed.append(person)
            else:
                report.unchanged += 1
    numbers = bulk.next_ids(Person, len(fresh)) if fresh else []
    bulk.copy_lines(
        Person, _PERSON_COLUMNS, (f"{n},{chunk.lines[id(row)]}" for n, row in zip(numbers, fresh, strict=True))
    )
    bulk.write_history(Person, numbers, "+")
    ids.update({id(row): n for n, row in zip(numbers, fresh, strict=True)})
    for person in changed:
        person.save()
    _count(report, len(fresh), len(changed))
    return ids


def _person_columns(row: RegisterPerson, key: str | None) -> tuple[Any, ...]:
    """All but the first of _PERSON_COLUMNS."""
    uid = uuid.uuid4()
    sealed = vault.seal(row.id_number, row=f"families_person|id_number|{uid}") if row.id_number else None
    return (
        uid, row.name, search_text(row.name), sealed, row.id_number[-4:] if row.id_number else "", key,
        row.no_id_reason, row.sex, row.birth_date, row.ethnicity, row.education, row.health, row.disability_class,
        row.disability_grade, row.work_status, row.lives_away, row.phone,
    )  # fmt: skip


def _take_households(
    chunk: _Chunk, ids: dict[int, int], places: _Places, known: _Known, report: ImportReport
) -> dict[str, int]:
    """Insert and update households; returns {household number: primary key}."""
    household_ids = {number: household.pk for number, household in known.households.items()}
    fresh = [household for household in chunk.households if household.household_no not in household_ids]
    numbers = bulk.next_ids(Household, len(fresh)) if fresh else []
    bulk.copy_rows(
        Household,
        _HOUSEHOLD_COLUMNS,
        (
            (
                number, *places.columns_of(household), household.household_no, ids[id(household.members[0])],
                household.members[0].name, search_text(household.members[0].name), "", False, "", "", "",
            )
            for number, household in zip(numbers, fresh, strict=True)
        ),
    )  # fmt: skip
    bulk.write_history(Household, numbers, "+")
    household_ids.update({h.household_no: n for n, h in zip(numbers, fresh, strict=True)})
    changed = 0
    for row in chunk.households:
        household = known.households.get(row.household_no)
        head = row.members[0]
        if household is not None and (household.head_id, household.head_name) != (ids[id(head)], head.name):
            household.head_id, household.head_name, household.search = ids[id(head)], head.name, search_text(head.name)
            household.save()
            changed += 1
    _count(report, len(fresh), changed)
    report.unchanged += len(chunk.households) - len(fresh) - changed
    return household_ids


def _take_members(
    chunk: _Chunk,
    ids: dict[int, int],
    household_ids: dict[str, int],
    known: _Known,
    report: ImportReport,
) -> None:
    """Memberships: new ones begin today, those that the register no longer names end today."""
    today = clock.today()
    fresh: list[tuple[int, int, str]] = []
    ended: dict[int, HouseholdMember] = {}
    changed = 0
    for household in chunk.households:
        household_id = household_ids[household.household_no]
        named = {ids[id(row)] for row in household.members}
        ended.update({m.pk: m for m in known.members_of.get(household_id, ()) if m.person_id not in named})
        for row in household.members:
            person_id = ids[id(row)]
            place = known.places_of.get(person_id)
            if place is not None and place.household_id == household_id:
                if place.relation != row.relation:
                    place.relation = row.relation
                    place.save()
                    changed += 1
                continue
            if place is not None:
                ended[place.pk] = place
            fresh.append((household_id, person_id, row.relation))
    for membership in ended.values():
        membership.valid_to = max(today, membership.valid_from)
        membership.save()
    numbers = bulk.next_ids(HouseholdMember, len(fresh)) if fresh else []
    bulk.copy_rows(
        HouseholdMember,
        ("id", "household_id", "person_id", "relation", "valid_from"),
        ((number, *row, today) for number, row in zip(numbers, fresh, strict=True)),
    )
    bulk.write_history(HouseholdMember, numbers, "+")
    _count(report, len(fresh), changed + len(ended))


def _count(report: ImportReport, created: int, updated: int) -> None:
    report.created += created
    report.updated += updated
    report.changed = report.changed or bool(created or updated)
