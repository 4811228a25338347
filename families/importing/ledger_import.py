"""Taking a hardship ledger into the database: who is in hardship, why, with what means, what help they had.

The workbook is judged against the register in the database; one transaction writes what differs, with history.
Importing the same workbook again changes nothing.
"""

import hashlib
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection, models, transaction

from access import vault
from audit import bulk, clock
from audit.context import acting
from families.importing.ledger_household import LedgerHousehold, LedgerPerson
from families.importing.ledger_workbook import read_ledger
from families.importing.register_import import Progress, units_in_reach
from families.importing.report import ImportReport
from families.models import (
    BankAccount,
    HardshipCause,
    HelpReceived,
    Household,
    HouseholdMeans,
    HouseholdMember,
    ImportBatch,
    Person,
)

SOURCE = "ledger"


def import_ledger(
    path: Path,
    *,
    by: Any,
    filename: str = "",
    dry_run: bool = False,
    good_rows: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import the ledger workbook at `path`.

    A workbook with errors changes nothing unless `good_rows`: then the households that no error holds back are taken.
    `dry_run` reads and judges only. Raises a FileRefused when the workbook cannot be read at all.
    """
    begun = time.monotonic()
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    reading = read_ledger(path, index=DatabaseIndex(by), today=clock.today())
    taken = reading.importable
    report = ImportReport(
        households=len(taken),
        persons=sum(len(household.persons) for household in taken),
        held_households=len(reading.held_household_nos),
        already_imported=ImportBatch.objects.filter(kind="ledger", sha256=digest).exists(),
        findings=reading.findings,
    )
    if progress:
        progress(len(taken), "judge")
    if not dry_run and (good_rows or not report.errors):
        with transaction.atomic(), acting(by, reason=f"ledger import {digest[:12]}"):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('families.import', 0))")
            _take(taken, by, report)
            if report.changed:
                ImportBatch.objects.create(
                    kind="ledger",
                    sha256=digest,
                    filename=filename or path.name,
                    imported_on=clock.today(),
                    counts={"created": report.created, "updated": report.updated},
                )
        if progress:
            progress(len(taken), "take")
    report.seconds = time.monotonic() - begun
    return report


# --- The register in the database, as the checks ask for it


@dataclass
class _KnownPerson:
    household_no: str
    name: str
    id_number: str | None
    no_id_reason: str


@dataclass
class _KnownHousehold:
    household_no: str
    village_code: str
    group_no: str
    members: list[_KnownPerson] = field(default_factory=list)


class DatabaseIndex:
    """families.importing.register_index.RegisterIndex on the database; two queries a ledger."""

    def __init__(self, by: Any) -> None:
        units = units_in_reach(by)
        self.village_names = dict(units.filter(level="village").values_list("code", "name"))
        self.group_codes = frozenset(units.filter(level="group").values_list("code", flat=True))

    def households(self, household_nos: Collection[str]) -> dict[str, _KnownHousehold]:
        found: dict[str, _KnownHousehold] = {}
        in_reach = [number for number in household_nos if number[:12] in self.village_names]
        for member in _memberships().filter(household__household_no__in=in_reach):
            number = member.household.household_no
            household = found.setdefault(number, _KnownHousehold(number, number[:12], number[12:15]))
            household.members.append(_known(member))
        return found

    def persons(self, id_numbers: Collection[str]) -> dict[str, _KnownPerson]:
        keys = {vault.person_key(number): number for number in id_numbers}
        members = _memberships().filter(person__person_key__in=list(keys))
        return {keys[member.person.person_key]: _known(member) for member in members}


def _memberships() -> models.QuerySet[HouseholdMember]:
    return HouseholdMember.objects.filter(valid_to__isnull=True).select_related("person", "household").order_by("pk")


def _known(member: HouseholdMember) -> _KnownPerson:
    person = member.person
    number = vault.unseal(person.id_number_sealed, row=person.id_number_row) if person.id_number_sealed else None
    return _KnownPerson(member.household.household_no, person.name, number, person.no_id_reason)


# --- Writing what differs


class _Changes:
    """Rows to create and to update, written together with their history."""

    def __init__(self) -> None:
        self.fresh: dict[type[models.Model], list[models.Model]] = {}
        self.changed: dict[type[models.Model], dict[int, models.Model]] = {}

    def create(self, row: models.Model) -> None:
        self.fresh.setdefault(type(row), []).append(row)

    def set(self, row: models.Model, **values: Any) -> None:
        """Set what differs; nothing is written when nothing does."""
        if any(getattr(row, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(row, name, value)
            self.changed.setdefault(type(row), {})[row.pk] = row

    def write(self, report: ImportReport) -> None:
        for model, rows in self.changed.items():
            fields = [f.name for f in model._meta.concrete_fields if not f.primary_key]
            model.objects.bulk_update(rows.values(), fields, batch_size=500)
            bulk.write_history(model, list(rows), "~")
            report.updated += len(rows)
        for model, rows in self.fresh.items():
            made = model.objects.bulk_create(rows, batch_size=1000)
            bulk.write_history(model, [row.pk for row in made], "+")
            report.created += len(made)
        report.changed = bool(report.updated or report.created)


def _take(taken: list[LedgerHousehold], by: Any, report: ImportReport) -> None:
    numbers = [household.household_no for household in taken]
    households = {
        household.household_no: household
        for household in Household.objects.filter(household_no__in=numbers).prefetch_related(
            models.Prefetch("causes", HardshipCause.objects.filter(valid_to__isnull=True)),
            models.Prefetch("means", HouseholdMeans.objects.filter(source=SOURCE)),
            models.Prefetch("help_received", HelpReceived.objects.filter(source=SOURCE)),
            models.Prefetch("accounts", BankAccount.objects.filter(is_active=True)),
            models.Prefetch("members", _memberships()),
        )
    }
    changes = _Changes()
    for row in taken:
        household = households[row.household_no]
        _take_household(row, household, changes)
        _take_persons(row.persons, household, changes)
        _take_causes(row, household, changes)
        _take_means(row, household, changes)
        _take_help(row, household, changes)
        _take_account(row, household, by, changes)
    changes.write(report)
    report.unchanged = len(taken) - len(changes.changed.get(Household, {}))


def _take_household(row: LedgerHousehold, household: Household, changes: _Changes) -> None:
    changes.set(
        household,
        is_hardship=True,
        severity=row.severity or Household.Severity.HARDSHIP,
        recognised_on=row.recognised_on,
        remark=row.remark,
    )


def _take_persons(rows: Iterable[LedgerPerson], household: Household, changes: _Changes) -> None:
    """Health, disability and death as the ledger tells them; it is newer than the register."""
    people = [member.person for member in household.members.all()]
    by_key = {person.person_key: person for person in people if person.person_key}
    for row in rows:
        person = by_key.get(vault.person_key(row.id_number)) if row.id_number else _by_name(people, row)
        if person is None:
            continue
        values: dict[str, Any] = {}
        if row.health:
            values["health"] = row.health
        if row.disability_class:
            values |= {"disability_class": row.disability_class, "disability_grade": row.disability_grade}
        if row.died_on:
            values["died_on"] = row.died_on
        changes.set(person, **values)


def _by_name(people: list[Person], row: LedgerPerson) -> Person | None:
    named = [person for person in people if person.name == row.name]
    return named[0] if len(named) == 1 else None


def _take_causes(row: LedgerHousehold, household: Household, changes: _Changes) -> None:
    today = clock.today()
    known = {cause.cause: cause for cause in household.causes.all()}
    for name, cause in known.items():
        if name not in row.causes:
            changes.set(cause, valid_to=max(today, cause.valid_from))
    for n, name in enumerate(dict.fromkeys(row.causes)):
        if name in known:
            changes.set(known[name], is_main=n == 0)
        else:
            start = row.recognised_on or today
            changes.create(HardshipCause(household=household, cause=name, is_main=n == 0, valid_from=start))


def _take_means(row: LedgerHousehold, household: Household, changes: _Changes) -> None:
    """The ledger speaks of the year before."""
    values = {
        "wage_fen": row.wage_fen or 0,
        "farming_fen": row.farming_fen or 0,
        "transfer_fen": row.transfer_fen or 0,
        "income_total_fen": row.income_total_fen or 0,
        "medical_fen": row.medical_fen or 0,
        "debt_fen": row.debt_fen or 0,
        "debt_is_lower_bound": row.debt_is_lower_bound,
    }
    year = clock.today().year - 1
    known = next((means for means in household.means.all() if means.year == year), None)
    if known is None:
        changes.create(HouseholdMeans(household=household, year=year, source=SOURCE, **values))
    else:
        changes.set(known, **values)


def _take_help(row: LedgerHousehold, household: Household, changes: _Changes) -> None:
    values = {
        "measures": [f"{m.name}（{m.times}次）" if m.times > 1 else m.name for m in row.measures],
        "amount_fen": row.help_fen or 0,
        "is_lower_bound": row.help_is_lower_bound,
        "last_on": row.last_help_on,
    }
    known = next(iter(household.help_received.all()), None)
    if known is None:
        changes.create(HelpReceived(household=household, source=SOURCE, **values))
    else:
        changes.set(known, **values)


def _take_account(row: LedgerHousehold, household: Household, by: Any, changes: _Changes) -> None:
    """A new number retires the old account; the same number changes nothing."""
    if not row.account_number:
        return
    index = vault.blind_index("account", row.account_number)
    known = next(iter(household.accounts.all()), None)
    if known is not None and known.number_index == index:
        return
    if known is not None:
        changes.set(known, is_active=False)
    account = BankAccount(
        household=household,
        holder_id=household.head_id,
        kind=row.account_kind or BankAccount.Kind.PASSBOOK,
        number_index=index,
        number_last4=row.account_number[-4:],
        recorded_by=by,
        recorded_on=clock.today(),
    )
    account.number_sealed = vault.seal(row.account_number, row=account.number_row)
    changes.create(account)
