"""Who sees which field of a case (domain §4.4): one table, asked by every page, search result and file.

The public is not here: it sees what a notice published, word for word (PublicNotice.facts).
"""

from dataclasses import dataclass, replace
from typing import Any

from access.roles import ROLES, Ability, Desk
from access.scope import posts_of, scope
from families.survey_form import HEALTH, MEANS, MENTAL

SECRECIES = frozenset({MEANS, HEALTH, MENTAL})

# Papers that a fund role needs for paying; everything else of a family stays closed to it.
FUND_PAPERS = frozenset({"account_copy", "receipt", "review_minutes", "notice_photo"})


@dataclass(frozen=True)
class Sight:
    """What one person sees of one case or household."""

    family: bool  # members, surveys, needs
    phone: bool
    needs: bool
    secrecies: frozenset[str]  # kinds of survey answers that are shown
    can_unmask: bool  # ID numbers, with a reason that is logged
    can_see_account: bool  # the full account number, with a reason that is logged
    papers: frozenset[str] | None  # kinds; None: all
    with_reason: frozenset[str] = frozenset()  # kinds of survey answers that are shown once a reason is logged

    @property
    def hidden(self) -> frozenset[str]:
        return SECRECIES - self.secrecies

    def after_reason(self) -> "Sight":
        """What is seen on the one page that answers a reason, when that is in the access log."""
        return replace(self, secrecies=self.secrecies | self.with_reason)

    def shows_paper(self, kind: str) -> bool:
        return self.papers is None or kind in self.papers


NOTHING = Sight(False, False, False, frozenset(), False, False, frozenset())

_BY_DESK: dict[Desk, Sight] = {
    Desk.VILLAGE: Sight(True, True, True, SECRECIES, False, False, None),
    Desk.TOWNSHIP: Sight(True, True, True, SECRECIES, True, False, None),
    Desk.COUNTY: Sight(True, True, True, frozenset({MEANS, HEALTH}), True, False, None),
    Desk.FUNDS: Sight(False, False, False, frozenset(), False, True, FUND_PAPERS),
    Desk.AUDIT: Sight(True, False, True, frozenset({MEANS}), True, True, None, frozenset({HEALTH, MENTAL})),
}

# In the township the state of mind is for whoever approves, not for whoever looks the papers through.
_BY_ROLE: dict[str, Sight] = {
    "township_clerk": replace(_BY_DESK[Desk.TOWNSHIP], secrecies=frozenset({MEANS, HEALTH})),
}

# Whom to find, and how to reach them. Papers and whole numbers would each be written down while nothing can be written.
_IN_AN_EMERGENCY = Sight(True, True, True, frozenset(), False, False, frozenset())


def sight(user: Any, placed: Any) -> Sight:
    """What `user` sees of a case or household, from all posts of hers that reach it. Two posts see what either sees."""
    posts = [post for post in posts_of(user) if post.reaches(placed)]
    seen = [of_post for post in posts if (of_post := _of_role(post.role)) is not None]
    glass = getattr(user, "break_glass", None)
    if glass is not None and getattr(placed, f"{glass.unit.level}_id") == glass.unit_id:
        seen.append(_IN_AN_EMERGENCY)
    if not seen:
        return _granted(user, placed)
    if len(seen) == 1:
        return seen[0]
    return Sight(
        family=any(each.family for each in seen),
        phone=any(each.phone for each in seen),
        needs=any(each.needs for each in seen),
        secrecies=frozenset().union(*(each.secrecies for each in seen)),
        can_unmask=any(each.can_unmask for each in seen),
        can_see_account=any(each.can_see_account for each in seen),
        papers=None if any(each.papers is None for each in seen) else frozenset().union(*(e.papers for e in seen)),
        with_reason=frozenset().union(*(each.with_reason for each in seen)),
    )


def _of_role(role: str) -> Sight | None:
    return _BY_ROLE.get(role) or _BY_DESK.get(ROLES[role].desk)


def _granted(user: Any, placed: Any) -> Sight:
    """A grant on this one record shows the case, not what is sensitive in it."""
    if scope(user, Ability.CASE_VIEW).covers(placed):
        return Sight(True, False, True, frozenset(), False, False, frozenset())
    return NOTHING
