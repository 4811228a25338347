"""How far this connection reaches, told to PostgreSQL: the second net under scope().

Row-level security shows a page the families and cases of the units in which its reader holds a post that may see any, and
single records that were granted to her; whatever a query forgot to ask, the rest is not there. Nothing said is nothing
seen. It is no wall against somebody who runs SQL of his own in a page's connection: he can say the same words.

    ReachMiddleware                     says it for each page
    with reach.beyond():                a question that has to be answered for everybody: who has help already, whose
                                        account is this, is the number taken. The program asks it, and what is shown of
                                        the answer is the program's to decide

Commands and the worker reach everything from their first moment on (casework.database.session).
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg2.extensions
from django.conf import settings
from django.core.signals import request_finished
from django.db import connection
from django.http import HttpRequest, HttpResponse

from access.roles import ROLES, Ability
from access.scope import can, posts_of
from audit import clock

# Who has none of these looks at no family: administrators, informants, donors.
SEES_FAMILIES = frozenset(
    (
        Ability.CASE_VIEW,
        Ability.HOUSEHOLD_VIEW,
        Ability.NOTICE_VIEW,
        Ability.FUND_VIEW,
        Ability.STOCK_VIEW,
        Ability.AUDIT_READ,
    )
)


@dataclass(frozen=True)
class Reach:
    """What a connection is let see: everything; or what lies in these units, and the single records granted to somebody."""

    everywhere: bool = False
    units: frozenset[int] = frozenset()
    granted_to: int | None = None


EVERYWHERE, NOWHERE = Reach(everywhere=True), Reach()


def of(user: Any) -> Reach:
    """As far as the posts, grants and the emergency access of `user` go today. Asks nothing that scope() does not ask."""
    posts = [post for post in posts_of(user) if not SEES_FAMILIES.isdisjoint(ROLES[post.role].abilities)]
    glass = getattr(user, "break_glass", None)
    takes_grants = getattr(user, "is_active", False) and not can(user, Ability.STAFF_MANAGE)
    return Reach(
        units=frozenset(post.unit_id for post in posts) | ({glass.unit_id} if glass else frozenset()),
        granted_to=user.pk if takes_grants else None,
    )


class ReachMiddleware:
    """Before the view of a page asks anything: this far, and no farther, until the answer has been sent.

    The last middleware but for those that call the view; the emergency has been read by then.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/static/"):
            _say(of(request.user))
        return self.get_response(request)


def _answered(**_sent: Any) -> None:
    """A streamed answer has been read to its end by now."""
    if _said() is not None:
        _say(_at_first())


request_finished.connect(_answered, dispatch_uid="access.reach")


def beyond() -> Any:
    """Within the block, or the function that it decorates, queries see all families and cases, as they do in the worker."""
    return only(EVERYWHERE)


@contextlib.contextmanager
def only(far: Reach) -> Iterator[None]:
    """Within the block this connection reaches just so far; afterwards as far as before."""
    before = _said() or _at_first()
    if before == far:
        yield
        return
    _say(far)
    try:
        yield
    finally:
        _say(before)


def _at_first() -> Reach:
    return NOWHERE if settings.PROCESS == "web" else EVERYWHERE


def _said() -> Reach | None:
    """What was last said on this very connection; None: nothing yet, or it is a new one."""
    said_to, reach = getattr(connection, "_reach", (None, None))
    return reach if said_to is not None and said_to is connection.connection and not said_to.closed else None


def _say(reach: Reach) -> None:
    """One round trip, of which Django's count of queries does not hear.

    In a transaction that failed nothing can be said, and nothing needs to be: rolling back takes with it what was said since
    the savepoint. That one was made before the block that is left here, or it would have been rolled back by now; so it brings
    back what held before the block, which is what was to be said.
    """
    with connection.cursor() as cursor:
        if connection.connection.info.transaction_status != psycopg2.extensions.TRANSACTION_STATUS_INERROR:
            with connection.wrap_database_errors:
                cursor.cursor.execute(_SAY, _words(reach))
    connection._reach = (connection.connection, reach)  # type: ignore[attr-defined]


_SAY = """
SELECT set_config('casework.reach', %(reach)s, false), set_config('casework.units', %(units)s, false),
  set_config('casework.cases', coalesce(array_agg(g.object_id) FILTER (WHERE g.permission = 'view_case'), '{}')::text, false),
  set_config('casework.households',
             coalesce(array_agg(g.object_id) FILTER (WHERE g.permission = 'view_household'), '{}')::text, false)
FROM (VALUES (%(granted_to)s::bigint)) reader (id)
  LEFT JOIN access_grant g ON g.staff_id = reader.id AND g.confirmed_on IS NOT NULL AND g.revoked_on IS NULL
    AND %(today)s BETWEEN g.valid_from AND g.valid_to
"""


def _words(reach: Reach) -> dict[str, Any]:
    return {
        "reach": "everywhere" if reach.everywhere else "here",
        "units": f"{{{','.join(map(str, sorted(reach.units)))}}}",
        "granted_to": reach.granted_to,
        "today": clock.today(),
    }
