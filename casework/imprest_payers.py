"""Which two persons may hand out an emergency from the township's float, and who is then left for its papers.

Whoever hands out the money takes no other step of the case. So nobody may whom a step to come cannot do without.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as _

from access.models import Appointment, Delegation, Staff
from access.roles import APART_FROM_ALL_OTHERS, Level, title_of
from access.scope import Post, posts_of
from audit import clock
from casework.errors import SecondDuty
from casework.models import Case
from casework.recusal import close_persons
from flows.errors import NoSuchEdge
from flows.spec import Edge
from flows.states import DUTIES, ROLE_SYSTEM


@dataclass(frozen=True)
class PostAround:
    """A role that reaches the case, and the natural persons who take the duty with it: also whom a delegate stands in for."""

    role: str
    persons: frozenset[str]


def township_posts(case: Case, staff: Staff) -> list[Post]:
    """The posts at the township's own office that she holds today; the village hands out no money of the township."""
    return [
        post
        for post in posts_of(staff)
        if post.level == Level.TOWNSHIP and post.role not in APART_FROM_ALL_OTHERS and post.reaches(case)
    ]


def second_payers(case: Case, first: Staff) -> list[tuple[Staff, str]]:
    """[(staff, her posts in words)]: who may hand out this case's money together with `first`."""
    today = clock.today()
    near = Staff.objects.filter(
        Q(appointments__valid_to__isnull=True) | Q(appointments__valid_to__gte=today),
        appointments__unit=case.township_id,
        appointments__valid_from__lte=today,
        is_active=True,
    )
    barred = (
        close_persons(case.household_id) | set(case.duties.values_list("person_key", flat=True)) | {first.person_key}
    )
    missed = _Missed(case)
    return [
        (staff, _("、").join(dict.fromkeys(title_of(post.role) for post in posts)))
        for staff in near.exclude(person_key__in=barred).distinct().order_by("name", "pk")
        if (posts := township_posts(case, staff)) and missed.step((first, staff)) is None
    ]


def demand_others_left(case: Case, payers: Iterable[Staff]) -> None:
    """Raises SecondDuty when a later step of the case would have nobody left to take it."""
    payers = tuple(payers)
    missed = _Missed(case)
    edge = missed.step(payers)
    if edge is None:
        return
    last = next((staff for staff in payers if missed.step((staff,)) is not None), payers[-1])
    raise SecondDuty(
        _(
            "%(name)s 发了这笔钱，以后的「%(step)s」（%(role)s）就没有人能办，这一件会卡住。"
            "请换一个人发；没有别人的，走银行付款，或者请管理员先任命。"
        )
        % {
            "name": last.name,
            "step": DUTIES[edge.duty],
            "role": _("或").join(title_of(role) for role in edge.roles),
        }
    )


class _Missed:
    """The steps to come of one case and who is free for each. Three queries, however many payers are tried."""

    def __init__(self, case: Case) -> None:
        held = dict(case.duties.values_list("person_key", "duty"))
        related, posts = close_persons(case.household_id), list(posts_around(case))
        self._free = [
            (
                edge,
                [
                    post.persons
                    for post in posts
                    if post.role in edge.roles
                    and not post.persons & related
                    and all(held.get(person, edge.duty) == edge.duty for person in post.persons)
                ],
            )
            for edge in _steps_to_come(case)
        ]

    def step(self, payers: Iterable[Staff]) -> Edge | None:
        """The first step that somebody could take today and nobody could beside these payers."""
        taken = {staff.person_key for staff in payers}
        return next(
            (edge for edge, free in self._free if free and not any(not persons & taken for persons in free)), None
        )


def _steps_to_come(case: Case) -> Iterator[Edge]:
    """The steps that people take from the makeup of an emergency's papers to their approval."""
    state, seen = "makeup", set()
    while state not in seen:
        seen.add(state)
        edge = next((edge for edge in case.spec.actions(state) if edge.is_main), None)
        if edge is None:
            return
        if edge.duty and ROLE_SYSTEM not in edge.roles:
            yield edge
        try:
            state = case.spec.target(state, edge.action, tier="T0")
        except NoSuchEdge:
            return


def posts_around(case: Case) -> Iterator[PostAround]:
    """Every post of today that reaches the case, at its village, township and county; lent ones with both persons."""
    today = clock.today()
    in_force = Q(confirmed_on__isnull=False, valid_from__lte=today) & (
        Q(valid_to__isnull=True) | Q(valid_to__gte=today)
    )
    here = [case.village_id, case.township_id, case.county_id]
    own = Appointment.objects.filter(in_force, unit__in=here, staff__is_active=True)
    for role, person in own.values_list("role", "staff__person_key"):
        yield PostAround(role, frozenset({person}))
    lent = Delegation.objects.filter(
        in_force,
        ended_at__isnull=True,
        appointment__unit__in=here,
        appointment__valid_from__lte=today,
        appointment__confirmed_on__isnull=False,
        delegate__is_active=True,
    ).filter(Q(appointment__valid_to__isnull=True) | Q(appointment__valid_to__gte=today))
    for role, delegate, principal in lent.values_list(
        "appointment__role", "delegate_person_key", "principal_person_key"
    ):
        yield PostAround(role, frozenset({delegate, principal}))
