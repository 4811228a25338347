"""Emergency access: one unit's cases, for at most an hour, read-only, seen by supervisors and auditors, reviewed within days.

    begin(request, unit, reason=…)      after access.confirming; the session is in the mode from now on
    leave(request)                      before the hour is over
    review(row, by=…, …)                somebody else says whether it was right
    BreakGlassMiddleware                 in the mode: each page is an event before it is shown, and nothing can be written

Nothing can be written because the view runs in a transaction that PostgreSQL holds read-only; the event of the page was
committed before it began. Reach ends with the row's hour, with leaving, and with the session.
"""

import datetime
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import InternalError, connection, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from access import rates
from access.confirming import Kind, demand, factor_is_on
from access.errors import BadBreakGlass
from access.models import BreakGlass, OrgUnit
from access.roles import Ability
from access.scope import Bar, can, post_for, posts_of, scope
from audit import clock, once
from audit.context import acting
from audit.models import AccessLog
from audit.services import record_access

LONGEST = datetime.timedelta(minutes=60)
REVIEW_WITHIN = datetime.timedelta(days=3)
MOST_A_DAY = 3
REVIEWERS = ("township_approver", "county_reviewer", "county_approver", "auditor")
LEVELS = ("village", "township")
SESSION = "break_glass"
STILL_TAKES_FORMS = {"emergency:leave", "logout"}
_READ_ONLY = "25006"  # read_only_sql_transaction


def units_for(user: Any) -> QuerySet[OrgUnit]:
    """Villages and townships of the counties that she works in. None for administrators, who see no case."""
    if can(user, Ability.STAFF_MANAGE) or not can(user, Ability.CASE_VIEW):
        return OrgUnit.objects.none()
    own = OrgUnit.objects.filter(pk__in={post.unit_id for post in posts_of(user)})
    return OrgUnit.objects.filter(level__in=LEVELS, county__in=own.values("county"), valid_to__isnull=True)


def begin(request: HttpRequest, unit: OrgUnit, *, reason: str) -> BreakGlass:
    """Open the unit's cases to this session for an hour; the very same once more, pressed twice, is the same hour.

    Raises BadBreakGlass: no reason, not a unit of her county, one that she reaches anyway, or too often today;
    NotConfirmed where the page did not ask who she is.
    """
    user = request.user
    demand(Kind.EMERGENCY)
    if len(reason.strip()) < 10:
        raise BadBreakGlass(_("请写明出了什么事、为什么等不及，至少十个字。"))
    if not units_for(user).filter(pk=unit.pk).exists():
        raise BadBreakGlass(_("只能看本县的一个乡镇或者一个村。"))
    if scope(user, Ability.CASE_VIEW).covers(unit):
        raise BadBreakGlass(_("%(unit)s 本来就归你看，不用紧急查看。") % {"unit": unit.name})
    with transaction.atomic(), acting(user, reason="break_glass"):
        once.wait_for(f"break-glass:{user.pk}")
        open_one = BreakGlass.objects.filter(staff=user, closed_at__isnull=True, ends_at__gt=timezone.now())
        row = open_one.filter(unit=unit, reason=reason.strip()).first() or _opened(user, unit, reason.strip())
    request.session[SESSION] = row.pk
    return row


def _opened(user: Any, unit: OrgUnit, reason: str) -> BreakGlass:
    if rates.is_too_often("break-glass", user.person_key, most=MOST_A_DAY, within=datetime.timedelta(days=1)):
        raise BadBreakGlass(_("一天最多紧急查看三次。请联系那里的人。"))
    now = timezone.now()
    record_access(kind=AccessLog.Kind.EMERGENCY, subject=f"unit:{unit.pk}", fields="begin", reason=reason)
    return BreakGlass.objects.create(
        staff=user,
        person_key=user.person_key,
        unit=unit,
        reason=reason,
        confirmed_with="code" if factor_is_on() else "password",
        started_at=now,
        ends_at=now + LONGEST,
        review_due_on=clock.today() + REVIEW_WITHIN,
    )


def leave(request: HttpRequest) -> None:
    """Close it before its hour is over. Not in the mode: nothing happens."""
    pk = request.session.pop(SESSION, None)
    now = timezone.now()
    row = BreakGlass.objects.filter(pk=pk, staff=request.user, closed_at__isnull=True, ends_at__gt=now).first()
    if row:
        row.closed_at = now
        with transaction.atomic(), acting(request.user, reason="leave"):
            row.save()


def in_reach(user: Any) -> QuerySet[BreakGlass]:
    """Those that she may look into: of units that one of her reviewing posts reaches, and her own."""
    condition = Q(staff=user)
    for post in posts_of(user):
        if post.role in REVIEWERS:
            condition |= Q(**{f"unit__{post.level}_id": post.unit_id})
    return BreakGlass.objects.filter(condition)


def to_review(user: Any) -> QuerySet[BreakGlass]:
    """What waits for her word: not reviewed, and another natural person's. One of them is told on every page of hers."""
    if not any(post.role in REVIEWERS for post in posts_of(user)):
        return BreakGlass.objects.none()
    return in_reach(user).filter(reviewed_at__isnull=True).exclude(person_key=user.person_key)


def count_to_review(user: Any) -> int:
    """The same as a number, counted once a request."""
    known = user.__dict__.get("_to_review") if hasattr(user, "__dict__") else None
    if known is None:
        known = to_review(user).count()
        user._to_review = known
    return known


@transaction.atomic
def review(row: BreakGlass, *, by: Any, verdict: str, words: str) -> BreakGlass:
    """Say whether it was right. Raises BadBreakGlass: one's own, somebody without such a post there, reviewed, no words."""
    row = BreakGlass.objects.select_for_update(of=("self",)).select_related("unit").get(pk=row.pk)
    if row.reviewed_at:
        raise BadBreakGlass(_("已经有人复核过了。"))
    if not words.strip():
        raise BadBreakGlass(_("请写明怎么核实的。"))
    if isinstance(post_for(by, REVIEWERS, row.unit, after=[row.person_key]), Bar):
        raise BadBreakGlass(_("要由那里的审批、县级或者审计来复核，不能由本人或者替他代办的人复核。"))
    row.reviewed_by, row.reviewer_person_key, row.reviewed_at = by, by.person_key, timezone.now()
    row.verdict, row.review_words = verdict, words.strip()
    with acting(by, reason="review"):
        row.save()
    return row


class BreakGlassMiddleware:
    """In the mode: the reach is there, each page is written down before it is shown, and PostgreSQL lets nothing be written.

    The last of the middlewares, because it calls the view itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.session.get(SESSION) and request.user.is_authenticated:
            now = timezone.now()
            rows = BreakGlass.objects.select_related("unit").filter(staff=request.user, closed_at__isnull=True)
            row = rows.filter(pk=request.session[SESSION], ends_at__gt=now).first()
            if row is None:
                del request.session[SESSION]
                messages.info(request, _("紧急查看的一个小时到了，已经关上。"))
            request.user.break_glass = row
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        row = getattr(request.user, "break_glass", None)
        if row is None or request.resolver_match.view_name in STILL_TAKES_FORMS:
            return None
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied(_("紧急查看的时候只能看，什么也不能办。要办事，先结束紧急查看。"))
        with transaction.atomic(), acting(request.user):
            record_access(
                kind=AccessLog.Kind.EMERGENCY,
                subject=_subject(request, row, kwargs),
                fields=request.path[:200],
                reason=row.reason,
            )
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION READ ONLY")
                response = view(request, *args, **kwargs)
                return response.render() if hasattr(response, "render") and callable(response.render) else response
        except InternalError as error:
            if getattr(error.__cause__, "pgcode", None) != _READ_ONLY:
                raise
            raise PermissionDenied(_("紧急查看的时候只能看，这一页要写记录，打不开。")) from error


def _subject(request: HttpRequest, row: BreakGlass, kwargs: dict[str, Any]) -> str:
    """The case or family that the page is about, so that its own trail shows the look; else the unit."""
    name, pk = request.resolver_match.view_name, kwargs.get("pk")
    if name.startswith("cases:") and pk:
        about = {"family": "household", "reveal_person": "household"}.get(request.resolver_match.url_name, "case")
        return f"{about}:{pk}"
    if name.startswith(("history:case", "history:family", "history:surveys")):
        return f"{'case' if name.startswith('history:case') else 'household'}:{pk}"
    if kwargs.get("case_id"):
        return f"case:{kwargs['case_id']}"
    return f"unit:{row.unit_id}"
