"""Who plays the games: five persons of the county's fund desk, each with a post that reaches every proposal of the games."""

import datetime

from access import services as access
from access.models import Staff
from access.scope import forget_posts, posts_of
from tests.world import World, make_staff

PEOPLE = ("fund_manager", "fund_checker", "cashier", "fund_manager_2", "fund_checker_2")
SINCE = datetime.date(2026, 1, 1)


def settle_in(world: World) -> None:
    """Appoint those who are not in the small township of every test."""
    for name in PEOPLE:
        if name not in world.staff:
            access.appoint(make_staff(name, name), name.removesuffix("_2"), world.county, by=None, valid_from=SINCE)
    for person in Staff.objects.filter(
        username__in=PEOPLE
    ):  # each may propose anything, and be the second of any other
        for role in {"fund_manager", "fund_checker"} - {post.role for post in posts_of(person)}:
            access.appoint(person, role, world.county, by=None, valid_from=SINCE)
        forget_posts(person)


def of(world: World) -> list[Staff]:
    """They are known by their place in this list."""
    return [world.staff[name] for name in PEOPLE]
