"""Which lists and lines somebody sees. A village sees lists of its own, and its own people on those of the township."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404

from access.models import OrgUnit
from access.roles import Ability
from access.scope import Post, posts_of
from casework.models import Roster, RosterLine
from casework.reach import units_in, visible
from funds.models import Payment


def lines_in_reach(user: Any) -> QuerySet[RosterLine]:
    condition = units_in(user, Ability.CASE_VIEW, "village__")
    return RosterLine.objects.filter(condition) if condition is not None else RosterLine.objects.none()


def rosters_in_reach(user: Any) -> QuerySet[Roster]:
    own = units_in(user, Ability.CASE_VIEW)
    if own is None:
        return Roster.objects.none()
    return Roster.objects.filter(own | Q(Exists(lines_in_reach(user).filter(roster=OuterRef("pk")))))


def demand_lists(user: Any) -> None:
    """Raises Http404 for whoever has no case within reach, and so no list."""
    if units_in(user, Ability.CASE_VIEW) is None:
        raise Http404


def payments_in_reach(user: Any) -> QuerySet[Payment]:
    """Payments of lists whose line lies within reach."""
    condition = units_in(user, Ability.CASE_VIEW, "reservation__village__")
    rows = Payment.objects.filter(subject__startswith="roster:")
    return rows.filter(condition) if condition is not None else rows.none()


def place_condition(user: Any) -> Q:
    """The same as a condition, for casework.rosters.paying.returned."""
    return units_in(user, Ability.CASE_VIEW, "reservation__village__") or Q(pk__in=())


def roster_or_404(user: Any, roster_id: int) -> Roster:
    return visible(
        rosters_in_reach(user).select_related("village", "township", "prepared_by", "approved_by", "provider"),
        pk=roster_id,
    )


def line_or_404(user: Any, line_id: int) -> RosterLine:
    return visible(
        lines_in_reach(user).select_related("roster__village", "person", "household", "village", "account__holder"),
        pk=line_id,
    )


def posts_here(user: Any, roster: Roster, role: str) -> list[Post]:
    return [post for post in posts_of(user) if post.role == role and post.reaches(roster)]


def own_villages(user: Any) -> list[OrgUnit]:
    """The villages for whose people the user may propose lines."""
    ids = [post.unit_id for post in posts_of(user) if post.role == "village_clerk"]
    return list(OrgUnit.objects.filter(pk__in=ids))
