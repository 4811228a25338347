"""Writing the register: a declaration, its confirmation and its end, the yearly statement, cadres without an account.

Who may do what is decided above (casework.relatives); here is what holds whoever does it. Nothing is changed or deleted.
"""

import datetime
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from access import confirming, vault
from access.models import OrgUnit, Staff
from audit import clock
from audit.context import acting
from audit.services import record_access
from families.errors import BadDeclaration, ReasonNeeded
from families.identifiers import read_resident_id
from families.relatives.models import Cadre, ConflictDeclaration, RelativeStatement


@dataclass(frozen=True)
class Declarer:
    """Who declares, and where she works: an account, or a cadre without one."""

    person_key: str
    name: str
    unit: OrgUnit
    staff: Any = None
    cadre: Cadre | None = None


@dataclass(frozen=True)
class Relative:
    """Whom she declares. `id_number` as people write it; `relation` is a code."""

    name: str
    id_number: str
    relation: str


@transaction.atomic
def declare(declarer: Declarer, relative: Relative, *, relations: Collection[str], by: Any) -> ConflictDeclaration:
    """Write it down; it bars from now on. The same once more changes nothing. `relations` are those that are declared here.

    Raises a refusal of the ID number, BadDeclaration: a relation that is not declared here, herself, the same person as
    another relation.
    """
    if relative.relation not in relations:
        raise BadDeclaration(_("这种关系不在本地的备案范围里。要回避的，到「回避」登记这一家。"))
    number = read_resident_id(relative.id_number, today=clock.today()).number
    key = vault.person_key(number)
    _one_at_a_time(declarer)
    if key == declarer.person_key:
        raise BadDeclaration(_("这是本人的身份证号，请填亲属的。"))
    known = open_declarations([declarer.person_key]).filter(relative_key=key).first()
    if known is not None:
        if known.relation == relative.relation:
            return known
        raise BadDeclaration(_("这个人已经报过了，写的是另一种关系。写错了的，请乡镇或县里先解除那一条。"))
    row = ConflictDeclaration(
        declarer_person_key=declarer.person_key,
        declarer_name=declarer.name,
        staff=declarer.staff,
        cadre=declarer.cadre,
        unit=declarer.unit,
        relation=relative.relation,
        relative_name=relative.name.strip(),
        relative_id_last4=number[-4:],
        relative_key=key,
        declared_on=clock.today(),
        entered_by=by,
        enterer_person_key=by.person_key,
    )
    row.relative_id_sealed = vault.seal(number, row=row.relative_id_row)
    with acting(by, reason="declare_relative"):
        row.save()
    return row


@transaction.atomic
def confirm(declaration_id: int, *, by: Any) -> ConflictDeclaration:
    """A second person has compared it with the signed paper. Pressed twice it is confirmed once. Raises BadDeclaration."""
    row = _locked(declaration_id)
    if by.person_key in (row.enterer_person_key, row.declarer_person_key):
        raise BadDeclaration(_("录入的人和本人不能核对，要由另一个人对着签了字的表核对。"))
    if row.ended_on is not None or row.is_own:
        raise BadDeclaration(_("这一条不用核对。"))
    if row.confirmed_on is None:
        row.confirmed_on, row.confirmed_by, row.confirmer_person_key = clock.today(), by, by.person_key
        with acting(by, reason="confirm_relative"):
            row.save()
    return row


@transaction.atomic
def end(declaration_id: int, *, reason: str, by: Any) -> ConflictDeclaration:
    """It does not hold any more, or never did; whoever is barred by it cannot lift it. Raises BadDeclaration, ReasonNeeded."""
    row = _locked(declaration_id)
    if by.person_key == row.declarer_person_key:
        raise BadDeclaration(_("自己的不能自己解除，请乡镇审批或县里的人核实以后解除。"))
    if row.ended_on is not None:
        return row
    if len(reason.strip()) < 4:
        raise ReasonNeeded(_("请写明原因，至少四个字。"))
    row.ended_on, row.ended_by, row.ender_person_key = clock.today(), by, by.person_key
    row.end_reason = reason.strip()
    with acting(by, reason=f"end_relative: {reason.strip()}"):
        row.save()
    return row


@transaction.atomic
def state_for_the_year(declarer: Declarer, *, by: Any) -> RelativeStatement:
    """What stands in the register is all, on this day; the same year once more changes nothing."""
    year = clock.today().year
    _one_at_a_time(declarer)
    known = RelativeStatement.objects.filter(person_key=declarer.person_key, year=year).first()
    if known is not None:
        return known
    with acting(by, reason="state_relatives"):
        return RelativeStatement.objects.create(
            person_key=declarer.person_key,
            name=declarer.name,
            staff=declarer.staff,
            cadre=declarer.cadre,
            unit=declarer.unit,
            year=year,
            declared=open_declarations([declarer.person_key]).count(),
            stated_on=clock.today(),
            entered_by=by,
        )


@transaction.atomic
def register_cadre(name: str, id_number: str, *, unit: OrgUnit, post: str, by: Any) -> Cadre:
    """Somebody of the village committee, or a cadre, who has no account. The same person at the same place is registered
    once. Raises a refusal of the ID number."""
    number = read_resident_id(id_number, today=clock.today()).number
    key = vault.person_key(number)
    OrgUnit.objects.select_for_update().get(pk=unit.pk)
    known = Cadre.objects.filter(person_key=key, unit=unit, valid_to__isnull=True).first()
    if known is not None:
        return known
    row = Cadre(
        name=name.strip(),
        person_key=key,
        id_last4=number[-4:],
        unit=unit,
        post=post.strip(),
        valid_from=clock.today(),
        entered_by=by,
    )
    row.id_number_sealed = vault.seal(number, row=row.id_number_row)
    with acting(by, reason="register_cadre"):
        row.save()
    return row


@transaction.atomic
def end_cadre(cadre: Cadre, *, on: datetime.date, by: Any) -> Cadre:
    """The last day in office. What was declared stays until somebody ends it. Raises BadDeclaration."""
    cadre = Cadre.objects.select_for_update().get(pk=cadre.pk)
    if cadre.valid_to is not None:
        return cadre
    if not cadre.valid_from <= on <= clock.today():
        raise BadDeclaration(
            _("离任的日子要在 %(day)s 登记以后，不能晚于今天。") % {"day": cadre.valid_from.isoformat()}
        )
    cadre.valid_to = on
    with acting(by, reason="end_cadre"):
        cadre.save()
    return cadre


@transaction.atomic
def reveal_relative(row: ConflictDeclaration, *, by: Any, reason: str) -> str:
    """The relative's full number; who asked, and why, is in the access log first. Raises ReasonNeeded."""
    if len(reason.strip()) < 4:
        raise ReasonNeeded(_("请写明为什么要看，至少四个字。"))
    confirming.demand(confirming.Kind.UNMASK)
    with acting(by):
        record_access(kind="unmask", subject=f"relative:{row.pk}", fields="id_number", reason=reason)
    return vault.unseal(row.relative_id_sealed, row=row.relative_id_row)


def open_declarations(persons: Collection[str]) -> Any:
    """What these persons have declared and nobody has ended."""
    return ConflictDeclaration.objects.filter(declarer_person_key__in=persons, ended_on__isnull=True)


def _one_at_a_time(declarer: Declarer) -> None:
    """Of two forms of one person that arrive together, the later one sees what the first wrote."""
    rows = Cadre.objects.filter(pk=declarer.cadre.pk) if declarer.cadre else Staff.objects.filter(pk=declarer.staff.pk)
    rows.select_for_update().get()


def _locked(declaration_id: int) -> ConflictDeclaration:
    return ConflictDeclaration.objects.select_for_update().get(pk=declaration_id)
