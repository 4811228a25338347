"""What waits in a village: for me, on the board, with others. Read through the same queue as every desk."""

import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _

from access.roles import ROLES, Desk
from access.scope import posts_of
from audit import clock
from casework import second_person
from casework.desks.cases.turn import VISITS_AHEAD, without_deliberation
from casework.due import LEVELS, deadline, level_title
from casework.models import Case, FollowUpVisit
from casework.parts import GOING_ON
from casework.queries import COUNT_LIMIT, cases_in_reach, queue
from casework.rosters import paying as rosters
from flows.programmes import PROGRAMMES
from flows.programmes.parts import SURVEYORS
from flows.states import STATES

VISITING = ("paid", "follow_up")
MENDING = ("returned", "payment_returned")


def village_roles(user: Any) -> set[str]:
    return {post.role for post in posts_of(user) if ROLES[post.role].desk == Desk.VILLAGE}


def work_of(user: Any) -> QuerySet[Case]:
    """What somebody in a village has to do now: her queue without visits that lie far ahead, and deliberations to record."""
    soon = clock.today() + datetime.timedelta(days=VISITS_AHEAD)
    mine = Q(pk__in=queue(user).filter(turn_role__in=village_roles(user)).order_by().values("pk"))
    due = ~Q(state__in=VISITING) | Q(due_on__lte=soon)
    condition = mine & due
    villages = _villages(user, SURVEYORS)
    if villages:
        condition |= Q(village_id__in=villages, state="village_review", is_open=True) & Q(without_deliberation())
    if villages:
        # Visits go on while help is paid in parts; the turn of such a case is somebody else's, its visits have their own day.
        condition |= Q(village_id__in=villages, state__in=GOING_ON, is_open=True) & Exists(_visits_due(soon))
    if villages and "resident_cadre" in village_roles(user):
        # The first surveyor may be either of the two; the queue names the clerk alone.
        condition |= Q(village_id__in=villages, state__in=("triaged", "draft", *VISITING), is_open=True) & due
    next_visit = FollowUpVisit.objects.filter(case=OuterRef("pk"), visited_on__isnull=True).order_by("due_on")
    rows = Case.objects.filter(condition).annotate(visit_due=Subquery(next_visit.values("due_on")[:1]))
    return rows.select_related("household__group").order_by("due_on", "id").exclude(_nothing_to_do(user))


def _visits_due(until: datetime.date) -> QuerySet[FollowUpVisit]:
    return FollowUpVisit.objects.filter(case=OuterRef("pk"), visited_on__isnull=True, due_on__lte=until)


def _nothing_to_do(user: Any) -> Q:
    """Cases that carry her role and ask nothing of her: whoever signs the minutes waits until somebody has written them."""
    if _villages(user, SURVEYORS):
        return Q(pk__in=())
    return Q(state="village_review") & Q(without_deliberation())


def _villages(user: Any, roles: tuple[str, ...]) -> list[int]:
    return [post.unit_id for post in posts_of(user) if post.role in roles and post.level == "village"]


def waiting_for_others(user: Any) -> QuerySet[Case]:
    """Open cases of her villages that are with somebody else: neither her turn nor among what she has to do."""
    villages = [post.unit_id for post in posts_of(user) if ROLES[post.role].desk == Desk.VILLAGE]
    mine = Q(turn_role__in=village_roles(user)) & ~_nothing_to_do(user)
    rows = cases_in_reach(user).filter(village_id__in=villages, is_open=True).exclude(mine)
    rows = rows.exclude(pk__in=work_of(user).order_by().values("pk"))
    return rows.select_related("household__group").order_by("due_on", "id")


def count_work(user: Any) -> int:
    """For the badge on the tab; capped."""
    return work_of(user).order_by()[: COUNT_LIMIT + 1].count() + accounts_to_mend(user) + second_person.mine(user)


def accounts_to_mend(user: Any) -> int:
    """Payments of lists that came back and wait for her village to write down another account; capped."""
    villages = _villages(user, SURVEYORS)
    return rosters.waiting_for_village(Q(reservation__village__in=villages)) if villages else 0


def _due_on(case: Case) -> datetime.date | None:
    """Her own deadline: while help goes on in parts that is the day of the next visit."""
    return getattr(case, "visit_due", None) or case.due_on if case.state in GOING_ON else case.due_on


def cell(case: Case, today: datetime.date, *, by_state: bool = False) -> dict[str, Any]:
    """A case in a list: whose, what, where it stands, until when."""
    due = deadline(_due_on(case), today)
    state = STATES[case.state]
    found = {
        "url": reverse("cases:detail", args=[case.pk]),
        "title": case.head_name,
        "about": case.household.group.name,
        "text": _("%(programme)s，%(sentence)s")
        % {
            "programme": PROGRAMMES[case.programme].title,
            "sentence": state.sentence if by_state or case.state not in GOING_ON else _("还在分期发，该去回访了"),
        },
    }
    if by_state:
        return found | {"state": case.state, "state_label": state.title}
    return found | {"pill": due.words, "tone": due.tone}


def by_urgency(cases: list[Case], today: datetime.date) -> list[dict[str, Any]]:
    """[{title, cells}] in the order of severity; empty groups are left out."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for case in cases:
        groups.setdefault(deadline(_due_on(case), today).level, []).append(cell(case, today))
    return [
        {"level": level, "title": level_title(level), "cells": groups[level]} for level in LEVELS if level in groups
    ]
