"""Who may do what with money and goods, where, and after whom: the one question that the services of this app ask.

    post = demand(by, "reconcile", account.unit, after=[sheet.preparer_person_key])
    with acting(by, on_behalf_of=post.principal, reason=…): ...

A place is an org unit or a record that lies in one: what is done in one county is no business of a post in another.
"""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from access.roles import ROLES, Ability, title_of
from access.scope import Bar, Post, post_for, posts_of
from funds.errors import NotYours, SamePerson

ROLES_OF: dict[str, tuple[str, ...]] = {
    "make": ("fund_manager",),
    "check": ("fund_checker",),
    "release": ("cashier",),
    "answer": ("cashier", "fund_manager"),
    "compare": ("fund_checker", "fund_manager"),  # a provider's account with its papers
    "unlist": ("fund_manager", "fund_checker"),
    "confirm": ("fund_checker", "fund_manager"),
    "close": ("fund_manager", "fund_checker"),
    "reconcile": ("fund_manager", "fund_checker"),  # not the cashier, through whose hands the money goes
    "review_imprest": ("township_approver", "fund_manager", "fund_checker"),
    "countersigns": ("fund_manager", "fund_checker"),  # what second persons objected to, or cannot answer
    "keep": tuple(role.code for role in ROLES.values() if Ability.STOCK_WORK in role.abilities),
}


def demand(user: Any, duty: str, place: Any, *, after: Iterable[str] = (), same_person: str = "") -> Post:
    """The post by which she does this there, her own before one that she stands in for.

    `after` are the natural persons (person keys) who did what this step is kept apart from; none of them takes it, nor
    does anybody with a post of theirs. Raises SamePerson, with these words if given, and NotYours.
    """
    found = post_for(user, ROLES_OF[duty], place, after=after)
    if found == Bar.ACTED:
        raise SamePerson(same_person or told(found, duty, place))
    if isinstance(found, Bar):
        raise NotYours(told(found, duty, place))
    return found


def why_not(user: Any, duty: str, place: Any, *, after: Iterable[str] = ()) -> str:
    """ "" or the sentence with which `demand` would refuse her: what stands where the button would be."""
    found = post_for(user, ROLES_OF[duty], place, after=after)
    return told(found, duty, place) if isinstance(found, Bar) else ""


def demand_somewhere(user: Any, duty: str) -> None:
    """For what lies nowhere yet, a file that somebody brings. Raises NotYours."""
    if not any(post.role in ROLES_OF[duty] for post in posts_of(user)):
        raise NotYours(_("这一步由%(who)s办。") % {"who": titles(duty)})


def told(bar: Bar, duty: str, place: Any) -> str:
    """Why somebody may not, in words."""
    if bar == Bar.ACTED:
        return _("前一步是你办的，这一步要由另一个人办。")
    if bar == Bar.STANDS_IN:
        return _("你是替前一步的人代班，这一步不能用他的岗位办，要由另一个人办。")
    return _("这一步由%(unit)s的%(who)s办。") % {"unit": _name_of(place), "who": titles(duty)}


def titles(duty: str) -> str:
    return _("或").join(title_of(role) for role in ROLES_OF[duty])


def _name_of(place: Any) -> str:
    return getattr(place, "name", "") or _("当地")
