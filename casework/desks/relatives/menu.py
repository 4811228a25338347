"""The number in the menus of the two offices: flagged cases in which somebody has to find something out."""

from typing import Any

from django.db.models import Q

from access.roles import Ability
from casework.models import RelativeFlag
from casework.reach import units_in

MOST = 100
# A verdict on earlier acts, an unknown person, or somebody who did not say so herself.
WAITS = Q(is_late=True, verdict="") | Q(person_key="") | Q(is_declared=False, verdict="")


def to_look_into(user: Any) -> int:
    """How many there are where her posts are, counted no further than `MOST`. One query, on every page of the desk."""
    here = units_in(user, Ability.RELATIVES_VIEW, "case__")
    if here is None:
        return 0
    return RelativeFlag.objects.filter(WAITS, here, ended_on__isnull=True).order_by()[:MOST].count()
