"""Work on the file that moves no state: plan, deliberation record, papers. It is the duty "prepare", held like any other.

with preparing(case_id, by, reason="plan") as case: ...
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from access.roles import title_of
from access.scope import Post, posts_of
from audit import clock
from audit.context import acting
from casework.errors import NoSuchCase, NotYourTurn, Recused, SecondDuty, WrongState
from casework.models import Case, CaseDuty
from casework.recusal import is_close
from families.models import Household
from flows.programmes.parts import SURVEYORS
from flows.states import DUTIES, STATES

DUTY = "prepare"


@contextlib.contextmanager
def preparing(
    case_id: int,
    by: Any,
    *,
    reason: str,
    states: frozenset[str] | None = None,
    roles: tuple[str, ...] = SURVEYORS,
    duty: str = DUTY,
) -> Iterator[Case]:
    """A transaction that holds the case locked for somebody who may prepare it, and gives her that duty; or another duty,
    for work on the file that belongs to it (the county's visit).

    Raises NoSuchCase, WrongState, NotYourTurn, Recused, SecondDuty.
    """
    with transaction.atomic(), acting(by, reason=reason):
        case = Case.objects.select_for_update(no_key=True).filter(pk=case_id).first()
        if case is None:
            raise NoSuchCase(_("没有这个个案。"))
        if not case.is_open or (states is not None and case.state not in states):
            raise WrongState(_("这件事现在是「%(state)s」，材料不能再改。") % {"state": STATES[case.state].title})
        post = _post(case, by, roles)
        _refuse_relatives(case.household, by, post)
        _take_duty(case, by, post, duty)
        with acting(on_behalf_of=post.principal):
            yield case


def may_prepare(case: Case, user: Any) -> bool:
    """Whether to show the buttons: she has the post. What bars her as a person is said when she tries."""
    return case.is_open and any(post.role in SURVEYORS and post.reaches(case) for post in posts_of(user))


def _post(placed: Any, by: Any, roles: tuple[str, ...] = SURVEYORS) -> Post:
    posts = [post for post in posts_of(by) if post.role in roles and post.reaches(placed)]
    posts.sort(key=lambda post: post.principal_id is not None)
    if not posts:
        raise NotYourTurn(
            _("这一步由%(roles)s办，你没有这里的这个岗位。") % {"roles": _("或").join(title_of(r) for r in roles)}
        )
    return posts[0]


def surveyor_of(household: Household, by: Any, *, anywhere: bool = False) -> None:
    """Raises NotYourTurn or Recused when `by` may not survey this household or write down its account.

    `anywhere` is for the second surveyor, who may come from another village of the township.
    """
    post = next((p for p in posts_of(by) if p.role in SURVEYORS), None) if anywhere else _post(household, by)
    if post is None:
        raise NotYourTurn(_("%(name)s 没有入户调查的岗位。") % {"name": by.name})
    _refuse_relatives(household, by, post)


def post_at(household: Household, by: Any, roles: tuple[str, ...]) -> Post:
    """The post of one of `roles` with which `by` works on this household. Raises NotYourTurn, Recused."""
    post = _post(household, by, roles)
    _refuse_relatives(household, by, post)
    return post


def _refuse_relatives(household: Household, by: Any, post: Post) -> None:
    if is_close(household.pk, sorted(_persons(by, post))):
        raise Recused(_("你是这家的近亲属，按规定要回避，由别人办。"))


def _persons(by: Any, post: Post) -> dict[str, int]:
    persons = {by.person_key: by.pk}
    if post.principal_id:
        persons[post.principal_person_key] = post.principal_id
    return persons


def _take_duty(case: Case, by: Any, post: Post, wanted: str) -> None:
    persons = _persons(by, post)
    held = dict(case.duties.filter(person_key__in=persons).values_list("person_key", "duty"))
    for duty in held.values():
        if duty != wanted:
            raise SecondDuty(
                _("这一件里你已经办过「%(held)s」，「%(wanted)s」按规定要由别人办。")
                % {"held": DUTIES[duty], "wanted": DUTIES[wanted]}
            )
    today = clock.today()
    CaseDuty.objects.bulk_create(
        CaseDuty(case=case, person_key=key, duty=wanted, staff_id=staff, since=today)
        for key, staff in persons.items()
        if key not in held
    )
