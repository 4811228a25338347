"""The number in the menus: lists that wait for this very user."""

from typing import Any

from django.db.models import Exists, OuterRef, Q

from access.scope import posts_of
from audit import clock
from casework.desks.rosters.reach import rosters_in_reach
from casework.models import Roster, RosterBatch
from casework.rosters import deciding, paying

MOST = 100


def waiting(user: Any) -> int:
    """Lists whose notice has run, for whoever approves; lists that were approved and never listed, for whoever pays them."""
    roles = {post.role for post in posts_of(user)}
    if not roles & {deciding.APPROVES, paying.MAKES}:
        return 0
    waits = Q()
    if deciding.APPROVES in roles:
        waits |= Q(state=Roster.State.DRAFT, notice_ends_on__lt=clock.today()) & ~Q(preparer_person_key=user.person_key)
    if paying.MAKES in roles:
        waits |= Q(state=Roster.State.APPROVED) & ~Exists(RosterBatch.objects.filter(roster=OuterRef("pk")))
    return rosters_in_reach(user).filter(waits).order_by()[:MOST].count()
