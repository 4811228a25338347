"""Which stores somebody sees, and where she works with goods. Out of reach is absent."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from access.models import OrgUnit, Staff
from access.roles import ROLES, Ability, title_of
from access.scope import Post, posts_of
from audit import clock
from casework.reach import units_in
from funds.models import StockMove, StockSlip, StockStore

KEEPERS = ("storekeeper", "township_clerk", "fund_manager")


def stores_in_reach(user: Any) -> QuerySet[StockStore]:
    condition = units_in(user, Ability.STOCK_VIEW, "unit__")
    stores = StockStore.objects.select_related("unit", "custodian")
    return stores.filter(condition) if condition is not None else stores.none()


def slips_in_reach(user: Any) -> QuerySet[StockSlip]:
    """Slips of a store within reach, transfers to one, and what was given to a family within reach."""
    condition = Q()
    for place in ("store__unit__", "to_store__unit__", "village__"):
        condition |= units_in(user, Ability.STOCK_VIEW, place) or Q()
    slips = StockSlip.objects.select_related("store", "to_store", "village", "maker")
    return slips.filter(condition) if condition else slips.none()


def moves_in_reach(user: Any) -> QuerySet[StockMove]:
    condition = units_in(user, Ability.STOCK_VIEW, "lot__store__unit__")
    return StockMove.objects.filter(condition) if condition is not None else StockMove.objects.none()


def keeping_posts(user: Any) -> list[Post]:
    return [post for post in posts_of(user) if Ability.STOCK_WORK in ROLES[post.role].abilities]


def works_at(user: Any, store: StockStore) -> bool:
    """Whether she may receive, hand out, send, accept and count there."""
    return any(post.reaches(store.unit) for post in keeping_posts(user))


def why_not(user: Any, store: StockStore) -> str:
    """ "" when she works there; otherwise the sentence that stands where the buttons would be."""
    if works_at(user, store):
        return ""
    return _("收发由%(unit)s的%(who)s办，你在这里只能看。") % {
        "unit": store.unit.name,
        "who": _("或").join(title_of(role) for role in KEEPERS),
    }


def demand(user: Any, store: StockStore) -> None:
    """Raises PermissionDenied with the sentence why not."""
    refusal = why_not(user, store)
    if refusal:
        raise PermissionDenied(refusal)


def units_to_keep_at(user: Any) -> QuerySet[OrgUnit]:
    """Where she may open a store: her own unit, or one beneath it down to the villages."""
    condition = Q(pk__in=())
    for post in keeping_posts(user):
        condition |= Q(**{f"{post.level}_id": post.unit_id})
    return OrgUnit.objects.filter(condition, valid_to__isnull=True, level__in=("county", "township", "village"))


def people_around(store: StockStore, *units: OrgUnit) -> QuerySet[Staff]:
    """Who may keep the store or bear witness: whoever holds a post at its unit, or at one of `units`, today."""
    today = clock.today()
    places = [store.unit_id, *(unit.pk for unit in units)]
    return (
        Staff.objects.filter(
            Q(appointments__valid_to__isnull=True) | Q(appointments__valid_to__gte=today),
            appointments__unit__in=places,
            appointments__valid_from__lte=today,
            is_active=True,
        )
        .distinct()
        .order_by("name", "pk")
    )
