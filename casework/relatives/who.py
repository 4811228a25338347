"""Who must declare close relatives, who keeps the register, and where.

Must: whoever accepts, reviews, approves or pays, the village committee with its supervisors, and cadres without an account
(民发〔2021〕57号 and the notices of several prefectures, ADR 0031). The township keeps the register of its villages and of
itself, the county that of its own people.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from access.models import Appointment, OrgUnit, Staff
from access.roles import ROLES, Ability, Level
from access.scope import Bar, Post, post_for, posts_of
from audit import clock
from casework.errors import NotYourTurn, SecondDuty
from casework.reach import units_in
from families.models import Cadre, RelativeStatement
from families.relatives.declaring import Declarer

MUST_DECLARE = (
    *("village_clerk", "village_head", "village_supervisor", "resident_cadre"),
    *("township_clerk", "township_approver", "county_reviewer", "county_approver"),
    *("fund_manager", "fund_checker", "cashier", "storekeeper"),
)
ENTERS = ("township_clerk", "county_reviewer")  # for cadres without an account
CONFIRMS = ("township_clerk", "township_approver", "county_reviewer", "county_approver")
ENDS = ("township_approver", "county_reviewer", "county_approver")  # whichever of them is above the declarer's office
_DOWNWARDS = list(Level)


def must_declare(user: Any) -> bool:
    return any(post.role in MUST_DECLARE for post in posts_of(user))


def declarer_of(user: Any) -> Declarer:
    """Herself as the one who declares, at the first of her posts. Raises NotYourTurn."""
    post = next((p for p in posts_of(user) if p.role in MUST_DECLARE), None)
    if post is None:
        raise NotYourTurn(_("近亲属由受理、审核、审批、付款的人和村干部申报，你的岗位不用报。"))
    return Declarer(user.person_key, user.name, OrgUnit.objects.get(pk=post.unit_id), staff=user)


def declarer_for(cadre: Cadre) -> Declarer:
    return Declarer(cadre.person_key, cadre.name, cadre.unit, cadre=cadre)


def demand_office(
    user: Any, roles: tuple[str, ...], unit: OrgUnit, *, after: Iterable[str] = (), same_person: str = ""
) -> Post:
    """One of these posts, whose place contains the unit where the declarer works.

    `after` are the person keys of those from whom the step is kept apart, and whose lent posts do not count (ADR 0017);
    `same_person` is said to them. Raises NotYourTurn, SecondDuty.
    """
    found = post_for(user, roles, unit, after=after)
    if found == Bar.NO_POST:
        raise NotYourTurn(_("这一步由%(unit)s的乡镇或县里的人办。") % {"unit": unit.name})
    if found == Bar.STANDS_IN:
        raise SecondDuty(_("你是替前面经手的人代班，这一步不能用他的岗位办，要由别人办。"))
    if isinstance(found, Bar):
        raise SecondDuty(same_person)
    return found


def may(user: Any, roles: tuple[str, ...], unit: OrgUnit, *, after: Iterable[str] = ()) -> bool:
    return isinstance(post_for(user, roles, unit, after=after), Post)


def enders_of(unit: OrgUnit) -> tuple[str, ...]:
    """Who ends what somebody of this unit declared: an office above hers. Above the county there is none here, so for the
    county's own people another of its approvers does it."""
    above = tuple(role for role in ENDS if _is_above(ROLES[role].level, unit.level))
    return above or ("county_approver",)


def _is_above(level: Level | None, other: str) -> bool:
    return level is not None and _DOWNWARDS.index(level) < _DOWNWARDS.index(Level(other))


def keeps_register(user: Any) -> bool:
    """Whether the register is hers to read: township, county, auditor."""
    return units_in(user, Ability.RELATIVES_VIEW) is not None


def of_reach(user: Any, rows: QuerySet) -> QuerySet:
    """The rows of the register whose declarer works within her reach; nothing for everybody else."""
    condition = units_in(user, Ability.RELATIVES_VIEW, "unit__")
    return rows.filter(condition) if condition is not None else rows.none()


def staff_silent(user: Any) -> QuerySet[Staff]:
    """Who works within reach in a post that must declare and has stated nothing this year, with the unit of her post."""
    condition = units_in(user, Ability.RELATIVES_VIEW, "unit__")
    if condition is None:
        return Staff.objects.none()
    today = clock.today()
    posts = Appointment.objects.filter(
        condition,
        Q(valid_to__isnull=True) | Q(valid_to__gte=today),
        role__in=MUST_DECLARE,
        valid_from__lte=today,
        confirmed_on__isnull=False,
    )
    hers = posts.filter(staff=OuterRef("pk")).order_by("pk")
    return (
        Staff.objects.filter(Exists(hers), ~Exists(_stated("person_key")), is_active=True)
        .annotate(place=Subquery(hers.values("unit__name")[:1]), role=Subquery(hers.values("role")[:1]))
        .order_by("pk")
    )


def cadres_silent(user: Any) -> QuerySet[Cadre]:
    """The same of cadres without an account."""
    rows = of_reach(user, Cadre.objects.filter(~Exists(_stated("person_key")), valid_to__isnull=True))
    return rows.select_related("unit").order_by("pk")


def _stated(key: str) -> QuerySet[RelativeStatement]:
    return RelativeStatement.objects.filter(person_key=OuterRef(key), year=clock.today().year)
