"""How many things wait behind the entries of the two offices' menus."""

from typing import Any

from access.roles import ROLES, Desk
from access.scope import posts_of
from audit import clock
from casework.desks.township.parts import waiting_parts
from casework.queries import capped_count, cases_in_reach, queue


def waiting_at(desk: Desk) -> Any:
    """The number of cases that wait for her roles at this desk."""

    def count(user: Any) -> int:
        roles = {post.role for post in posts_of(user) if ROLES[post.role].desk == desk}
        return _number(queue(user).filter(turn_role__in=roles))

    return count


def objections(user: Any) -> int:
    return _number(cases_in_reach(user).filter(state="objection", is_open=True))


def appeals(user: Any) -> int:
    return _number(cases_in_reach(user).filter(state="appeal", is_open=True))


def parts(user: Any) -> int:
    return _number(waiting_parts(cases_in_reach(user)))


def overdue(user: Any) -> int:
    return _number(cases_in_reach(user).filter(is_open=True, due_on__lt=clock.today()))


def _number(cases: Any) -> int:
    found, is_capped = capped_count(cases)
    return found + is_capped
