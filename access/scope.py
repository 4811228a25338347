"""What somebody reaches: loaded in one query per request, turned into one indexed condition for any list.

    scope(user, Ability.CASE_VIEW).filter(Case.objects.all())      rows she may see
    scope(user, Ability.CASE_VIEW).covers(case)                     this one?
    posts_of(user)                                                  her posts of today, delegated ones included
    post_for(user, ("fund_checker",), unit, after=[maker])          the post by which she takes this step there, or why not

Default deny: no post, no grant, no row. What is out of reach answers like what does not exist.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Q, QuerySet

from access.models import Grant
from access.roles import ROLES, Ability
from audit import clock


@dataclass(frozen=True)
class Principal:
    pk: int


@dataclass(frozen=True)
class Post:
    """A role held at a unit today. `principal_id` names whose post it is when it is exercised by delegation."""

    role: str
    unit_id: int
    level: str
    principal_id: int | None = None
    principal_person_key: str | None = None
    principal_name: str = ""

    @property
    def principal(self) -> "Principal | None":
        """Whose post it is, for audit.context.acting; None when it is her own."""
        return Principal(self.principal_id) if self.principal_id else None

    def reaches(self, placed: Any) -> bool:
        """Whether a Placed record (or an OrgUnit) lies in this post's unit."""
        if self.level == "group":
            return getattr(placed, "group_id", None) == self.unit_id
        return getattr(placed, f"{self.level}_id") == self.unit_id


@dataclass(frozen=True)
class Scope:
    """The part of the tree in which one ability holds."""

    user_id: int
    units: dict[str, frozenset[int]]  # {level: unit ids}
    permission: str | None

    def covers(self, record: Any) -> bool:
        """Whether this placed record is within reach, by post or by a grant on that one record."""
        if any(getattr(record, f"{level}_id", None) in ids for level, ids in self.units.items()):
            return True
        return self.permission is not None and self._granted(type(record)).filter(object_id=record.pk).exists()

    def filter(self, rows: QuerySet) -> QuerySet:
        """The rows of a Placed model within reach. Grants join by a primary-key list, not by a scan."""
        condition = self.condition(rows.model)
        return rows.filter(condition) if condition is not None else rows.none()

    def condition(self, model: type) -> Q | None:
        """The same as a Q; None when nothing is within reach."""
        condition = Q()
        for level, ids in self.units.items():
            condition |= Q(**{f"{level}_id": next(iter(ids))} if len(ids) == 1 else {f"{level}_id__in": ids})
        if self.permission is not None:
            granted = list(self._granted(model).values_list("object_id", flat=True))
            if granted:
                condition |= Q(pk__in=granted)
        return condition or None

    def _granted(self, model: type) -> QuerySet:
        return grants_in_force().filter(
            staff_id=self.user_id,
            content_type=ContentType.objects.get_for_model(model),
            permission=self.permission,
        )


# A grant on one record gives just this ability on it, through the permission named here.
_GRANTABLE = {Ability.CASE_VIEW: "view_case", Ability.HOUSEHOLD_VIEW: "view_household"}


def scope(user: Any, ability: Ability) -> Scope:
    """Where `user` has `ability` today."""
    units: dict[str, set[int]] = {}
    for post in posts_of(user):
        if ability in ROLES[post.role].abilities:
            units.setdefault(post.level, set()).add(post.unit_id)
    glass = getattr(user, "break_glass", None)  # an emergency: this unit too, for this request, read-only
    if glass is not None and ability in _GRANTABLE:
        units.setdefault(glass.unit.level, set()).add(glass.unit_id)
    permission = _GRANTABLE.get(ability) if getattr(user, "is_active", False) else None
    if permission and (not _grants_of(user) or can(user, Ability.STAFF_MANAGE)):  # an administrator sees no case
        permission = None
    return Scope(user.pk or 0, {level: frozenset(ids) for level, ids in units.items()}, permission)


def can(user: Any, ability: Ability) -> bool:
    """Whether `user` has `ability` anywhere at all: decides about menus, never about records."""
    return any(ability in ROLES[post.role].abilities for post in posts_of(user))


def posts_of(user: Any) -> tuple[Post, ...]:
    """The posts in force on the business date, own and delegated. One query, kept on the user object for its life.

    A post counts only while both its dates and its guardian permission stand.
    """
    if not getattr(user, "is_active", False):
        return ()
    today = clock.today()
    known = getattr(user, "_posts", None)
    if known is None or known[0] != today:
        known = (today, tuple(_load_posts(user.pk, today)))
        user._posts = known
    return known[1]


class Bar(Enum):
    """Why somebody may not take a step."""

    ACTED = "she is one of those who acted before"
    STANDS_IN = "she only has a post of one of those who acted before"
    NO_POST = "none of her posts lets her, there"


def post_for(user: Any, roles: Iterable[str], place: Any, *, after: Iterable[str] = ()) -> Post | Bar:
    """The post by which `user` takes a step at `place`, her own before one that she stands in for.

    `after` are the person keys of those from whom the step is kept apart. A post that one of them has lent is that one's
    post still, so it does not count: two persons with one person's post are one (ADR 0017).
    """
    before, wanted = set(after), set(roles)
    here = [post for post in posts_of(user) if post.role in wanted and post.reaches(place)]
    if user.person_key in before:
        return Bar.ACTED
    if not here:
        return Bar.NO_POST
    fit = [post for post in here if post.principal_person_key not in before]
    return min(fit, key=lambda post: post.principal_id or 0, default=Bar.STANDS_IN)


def forget_posts(user: Any) -> None:
    """Read the posts again at the next question; called after an appointment changes."""
    user.__dict__.pop("_posts", None)
    user.__dict__.pop("_grants", None)


def grants_in_force() -> QuerySet[Grant]:
    """Confirmed by whoever was named as approving them, and neither over nor taken back."""
    today = clock.today()
    return Grant.objects.filter(
        confirmed_on__isnull=False, valid_from__lte=today, valid_to__gte=today, revoked_on__isnull=True
    )


def _grants_of(user: Any) -> bool:
    if "_grants" not in user.__dict__:
        user._grants = grants_in_force().filter(staff_id=user.pk).exists()
    return user._grants


def _load_posts(user_id: int, today: Any) -> list[Post]:
    """Own posts, then delegated ones; the rule is the function of migration 0003."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM access_posts_of(%s, %s)", [user_id, today])
        return [Post(*row) for row in cursor.fetchall()]
