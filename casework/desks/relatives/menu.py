"""The number in the menus of the two offices: flagged cases in which somebody has to find something out."""

from typing import Any

from django.db.models import Q

from casework.models import RelativeFlag
from casework.queries import cases_in_reach

MOST = 100
# A verdict on earlier acts, an unknown person, or somebody who did not say so herself.
WAITS = Q(is_late=True, verdict="") | Q(person_key="") | Q(is_declared=False, verdict="")


def to_look_into(user: Any) -> int:
    """How many there are within reach, counted no further than `MOST`."""
    flags = RelativeFlag.objects.filter(WAITS, ended_on__isnull=True, case__in=cases_in_reach(user))
    return flags.order_by()[:MOST].count()
