"""What the menu says about files that have expired, and who may read about them."""

from typing import Any

from django.db.models import CharField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat

from access.scope import posts_of
from audit.models import ErasureOrder
from casework.queries import households_in_reach
from casework.retention.erasing import CONFIRM, open_orders

MOST = 100


def waiting(user: Any) -> int:
    """What somebody else proposed and this person may confirm; capped."""
    if not any(post.role in CONFIRM for post in posts_of(user)):
        return 0
    waits = open_orders().filter(confirmed_by=None).exclude(proposer_person_key=user.person_key)
    return orders_in_reach(user, waits)[:MOST].count() if waits.exists() else 0


def orders_in_reach(user: Any, orders: QuerySet[ErasureOrder] | None = None) -> QuerySet[ErasureOrder]:
    """Those about families within reach, with the number of the household."""
    mine = households_in_reach(user).annotate(subject=Concat(Value("household:"), Cast("pk", CharField())))
    number = Subquery(mine.filter(subject=OuterRef("subject")).values("household_no")[:1])
    found = ErasureOrder.objects.all() if orders is None else orders
    return found.annotate(household_no=number).filter(household_no__isnull=False)
