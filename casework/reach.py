"""The part of the tree within somebody's reach, as a condition on any table that leads to a place."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404

from access.roles import Ability
from access.scope import scope


def units_in(user: Any, ability: Ability, prefix: str = "") -> Q | None:
    """The condition that the place at `prefix` (an org unit or a placed record) is within reach; None: nothing is."""
    condition = Q()
    for level, ids in scope(user, ability).units.items():
        if level != "group":
            condition |= Q(**{f"{prefix}{level}_id__in": ids})
    return condition or None


def visible(rows: QuerySet, **key: Any) -> Any:
    """The one row, or the same Http404 whether it does not exist or lies elsewhere."""
    found = rows.filter(**key).first()
    if found is None:
        raise Http404
    return found
