"""What desks read: always through scope(), never more than a page, never one query a row.

What is out of reach raises NoSuchCase / NoSuchHousehold, which every page answers with the same 404 as what is not there.
"""

from typing import Any

from django.db.models import CharField, Lookup, Q, QuerySet
from django.http import Http404

from access.roles import Ability
from access.scope import posts_of, scope
from audit import clock
from casework.models import Case
from families.models import Household


@CharField.register_lookup
class Like(Lookup):
    """`name_search__like=pattern`: SQL's LIKE, for the patterns of families.folding.search_pattern."""

    lookup_name = "like"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} LIKE {right}", [*left_params, *right_params]


PAGE = 25
COUNT_LIMIT = 1000


def cases_in_reach(user: Any) -> QuerySet[Case]:
    """Every case that `user` may see; lists, counts, search, files and exports begin here."""
    return scope(user, Ability.CASE_VIEW).filter(Case.objects.all())


def households_in_reach(user: Any) -> QuerySet[Household]:
    return scope(user, Ability.HOUSEHOLD_VIEW).filter(Household.objects.all())


def visible_case(user: Any, case_id: int) -> Case:
    """The case, or the same Http404 whether it does not exist or lies elsewhere."""
    case = (
        cases_in_reach(user)
        .filter(pk=case_id)
        .select_related(
            "household", "beneficiary", "village", "township", "survey", "payee_account", "provider", "version"
        )
        .first()
    )
    if case is None:
        raise Http404
    return case


def visible_household(user: Any, household_id: int) -> Household:
    """The household, or the same Http404 whether it does not exist or lies elsewhere."""
    household = (
        households_in_reach(user).filter(pk=household_id).select_related("head", "village", "group", "township").first()
    )
    if household is None:
        raise Http404
    return household


def queue(user: Any) -> QuerySet[Case]:
    """Open cases that wait for one of the user's roles in one of her units, most urgent first.

    One indexed range for each post: (unit, role, due_on, id) of open cases.
    """
    condition = Q()
    for post in posts_of(user):
        if post.level in ("village", "township", "county"):
            condition |= Q(**{f"{post.level}_id": post.unit_id, "turn_role": post.role})
    if not condition:
        return Case.objects.none()
    return Case.objects.filter(condition, is_open=True).order_by("due_on", "id")


def overdue_makeups(township_id: int) -> QuerySet[Case]:
    """Money that went out before its papers, and whose papers are late: it bars a township from the fast path."""
    return Case.objects.filter(township_id=township_id, state="makeup", is_open=True, makeup_due_on__lt=clock.today())


def capped_count(rows: QuerySet) -> tuple[int, bool]:
    """(count, capped): counting stops at COUNT_LIMIT, shown as "1000+"."""
    found = rows.order_by()[: COUNT_LIMIT + 1].count()
    return min(found, COUNT_LIMIT), found > COUNT_LIMIT
