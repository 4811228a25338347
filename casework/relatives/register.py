"""The register's verbs for those who keep it: what families.relatives writes, with who may and with what follows for cases."""

import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from access import services as access
from access.models import OrgUnit, Recusal
from audit import clock
from audit.context import acting
from casework.relatives import flags, who
from families.models import Cadre, ConflictDeclaration, Household, RelativeStatement
from families.relatives import declaring
from families.relatives.declaring import Declarer, Relative
from flows.errors import BadVersion
from flows.kin import CODE, KinParameters
from flows.services import version_in_force


def relations_today() -> list[str]:
    """The relations that are declared here today; the usual ones while no rules were published."""
    try:
        return version_in_force(CODE, clock.today()).rules.relations
    except BadVersion:
        return KinParameters().relations


def declare_own(relative: Relative, *, by: Any) -> ConflictDeclaration:
    """Her own relative. Raises NotYourTurn, BadDeclaration, a refusal of the number."""
    return _declare(who.declarer_of(by), relative, by)


def declare_for(cadre: Cadre, relative: Relative, *, by: Any) -> ConflictDeclaration:
    """What a cadre without an account has signed on paper, entered by an office. The same refusals."""
    who.demand_office(by, who.ENTERS, cadre.unit)
    return _declare(who.declarer_for(cadre), relative, by)


@transaction.atomic
def _declare(declarer: Declarer, relative: Relative, by: Any) -> ConflictDeclaration:
    row = declaring.declare(declarer, relative, relations=relations_today(), by=by)
    flags.raise_for_number(row.relative_key, by=by)
    return row


@transaction.atomic
def confirm(row: ConflictDeclaration, *, by: Any) -> ConflictDeclaration:
    """Compared with the signed paper by a second person. Raises NotYourTurn, SecondDuty, BadDeclaration."""
    same = _("录入的人和本人不能核对，要由另一个人对着签了字的表核对。")
    post = who.demand_office(by, who.CONFIRMS, row.unit, after=apart_from(row), same_person=same)
    with acting(by, on_behalf_of=post.principal):
        return declaring.confirm(row.pk, by=by)


@transaction.atomic
def end(row: ConflictDeclaration, *, reason: str, by: Any) -> ConflictDeclaration:
    """It holds no more, says an office above the declarer's; cases that it flagged stay in their register.

    Raises NotYourTurn, SecondDuty, BadDeclaration, ReasonNeeded.
    """
    same = _("自己报的、自己录入的不能自己解除，要由上一级的另一个人核实以后解除。")
    post = who.demand_office(by, who.enders_of(row.unit), row.unit, after=apart_from(row), same_person=same)
    with acting(by, on_behalf_of=post.principal):
        return declaring.end(row.pk, reason=reason, by=by)


def apart_from(row: ConflictDeclaration) -> list[str]:
    """The natural persons whose declaration it is, and by whom it was entered: neither confirms nor ends it."""
    return [row.declarer_person_key, row.enterer_person_key]


def state_own(*, by: Any) -> RelativeStatement:
    """What she declared is all, this year. Raises NotYourTurn."""
    return declaring.state_for_the_year(who.declarer_of(by), by=by)


def state_for(cadre: Cadre, *, by: Any) -> RelativeStatement:
    """The same, from a cadre's signed paper. Raises NotYourTurn."""
    who.demand_office(by, who.ENTERS, cadre.unit)
    return declaring.state_for_the_year(who.declarer_for(cadre), by=by)


def register_cadre(name: str, id_number: str, *, unit: OrgUnit, post: str, by: Any) -> Cadre:
    """Somebody who must declare and has no account. Raises NotYourTurn, a refusal of the number."""
    who.demand_office(by, who.ENTERS, unit)
    cadre = declaring.register_cadre(name, id_number, unit=unit, post=post, by=by)
    flags.raise_for_number(cadre.person_key, by=by)
    return cadre


def end_cadre(cadre: Cadre, *, on: datetime.date, by: Any) -> Cadre:
    """Her last day in office. Raises NotYourTurn, BadDeclaration."""
    who.demand_office(by, who.ENTERS, cadre.unit)
    return declaring.end_cadre(cadre, on=on, by=by)


@transaction.atomic
def recuse(household: Household, *, relation: str, by: Any) -> Recusal:
    """She keeps out of one family's cases, from the page that says 亲戚: its open cases are flagged as well."""
    row = access.recuse(by.person_key, household.household_no, relation=relation, by=by)
    flags.raise_for_households([household.pk], by=by)
    return row
