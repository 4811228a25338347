"""How many wait for her own word."""

from typing import Any

from access import approvals

_MOST = 100


def count(user: Any) -> int:
    """For the badge. Capped, and asked once a request, in one query."""
    if not hasattr(user, "_approvals_waiting"):
        lent = approvals.waiting_delegations(user).order_by().values("pk")
        both = approvals.waiting_grants(user).order_by().values("pk").union(lent, all=True)
        user._approvals_waiting = min(both.count(), _MOST)
    return user._approvals_waiting
