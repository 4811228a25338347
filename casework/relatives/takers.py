"""Who can take a case on where somebody is barred from it: by name, or, where nobody is left, what to ask of whom."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from access.models import Staff
from access.roles import ROLES, Level, title_of
from casework.imprest_payers import posts_around
from casework.models import Case
from casework.recusal import close_persons
from flows.states import ROLE_SYSTEM


@dataclass(frozen=True)
class Takers:
    """`names` of those who may take the next step today; `words` say it, also when there are none."""

    names: tuple[str, ...]
    words: str


def takers(case: Case) -> Takers | None:
    """Who may take the main step of the present state, in this case: in office here, no relative, without another duty.
    None where no person's turn it is. Four queries."""
    edge = next((edge for edge in case.spec.actions(case.state) if edge.is_main), None)
    if edge is None or not case.is_open or ROLE_SYSTEM in edge.roles:
        return None
    close, held = close_persons(case.household_id), dict(case.duties.values_list("person_key", "duty"))
    free = {
        person
        for post in posts_around(case)
        if post.role in edge.roles
        and not post.persons & close
        and all(held.get(one, edge.duty) == edge.duty or not edge.duty for one in post.persons)
        for person in post.persons
    }
    rows = Staff.objects.filter(person_key__in=free, is_active=True).order_by("name", "pk")
    names = tuple(dict.fromkeys(rows.values_list("name", flat=True)))
    if names:
        return Takers(names, _("这一步现在能办的是：%(names)s。") % {"names": _("、").join(names)})
    return Takers((), nobody_left(edge.roles))


def nobody_left(roles: tuple[str, ...]) -> str:
    """What to do where everybody in the post is barred: the level above names somebody."""
    titles = _("或").join(title_of(role) for role in roles)
    level = ROLES[roles[0]].level
    above = {Level.VILLAGE: _("乡镇"), Level.GROUP: _("乡镇"), Level.TOWNSHIP: _("县里")}.get(level, _("上一级"))
    return _(
        "这里的%(titles)s都要回避，或者在这一件里办过别的步骤。请%(above)s指定别人，由管理员任命一位，临时的也行；"
        "要回避的人把自己的岗位委托出去没有用，受托人跟着回避。在那以前这一件等着，不会丢。"
    ) % {"titles": titles, "above": above}
