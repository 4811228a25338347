"""Where an account is signed in, and how all of that ends at once.

Django compares a hash in the session with the account at every request; the account's epoch is part of it. One more, and
every session is over with its next request, on whichever machine, without a query. SignIn only lists them.
"""

import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from access.models import SignIn, Staff
from audit.context import acting
from audit.history import write_history

SIGN_IN = "sign_in"  # in the session: the row of SignIn
SINCE, SEEN = "signed_in_at", "seen_at"  # seconds since 1970
_TOLD_APART = datetime.timedelta(minutes=1)  # how exactly the last page is known


@transaction.atomic
def end_sessions(staff: Staff, *, why: str, by: Any = None) -> None:
    """Every session of the account ends with its next request. `why` stands in the account's history."""
    Staff.objects.filter(pk=staff.pk).update(session_epoch=Coalesce(F("session_epoch"), Value(0)) + 1)
    with acting(by, reason=f"end_sessions: {why}"):
        write_history(Staff, [staff.pk], "~")
    staff.session_epoch = Staff.objects.values_list("session_epoch", flat=True).get(pk=staff.pk)
    SignIn.objects.filter(staff=staff, ended_at__isnull=True).update(ended_at=timezone.now())


@transaction.atomic
def end_other_sessions(request: HttpRequest) -> int:
    """All but this one. Returns how many were listed."""
    here = request.session.get(SIGN_IN)
    others = open_sign_ins(request.user).exclude(pk=here).count()
    end_sessions(request.user, why="signed out elsewhere", by=request.user)
    update_session_auth_hash(request, request.user)
    SignIn.objects.filter(pk=here).update(ended_at=None)
    return others


def others_ended(request: HttpRequest) -> None:
    """A new password ended the other sessions already; the list says so."""
    here = request.session.get(SIGN_IN)
    SignIn.objects.filter(staff=request.user, ended_at__isnull=True).exclude(pk=here).update(ended_at=timezone.now())


def forget_old(days: int = 90) -> int:
    """Sign-ins that nobody asks for any more; the worker does it daily."""
    gone, _by_model = SignIn.objects.filter(seen_at__lt=timezone.now() - datetime.timedelta(days=days)).delete()
    return gone


def open_sign_ins(staff: Staff) -> QuerySet[SignIn]:
    """Those that would still answer, the latest first."""
    now = timezone.now()
    return SignIn.objects.filter(
        staff=staff,
        ended_at__isnull=True,
        seen_at__gt=now - settings.SESSION_IDLE,
        since__gt=now - settings.SESSION_LONGEST,
    ).order_by("-seen_at")


@receiver(user_logged_in)
def _signed_in(sender: Any, request: HttpRequest, user: Staff, **more: Any) -> None:
    now = timezone.now()
    row = SignIn.objects.create(
        staff=user,
        address=request.META.get("REMOTE_ADDR") or None,
        agent=request.META.get("HTTP_USER_AGENT", "")[:200],
        since=now,
        seen_at=now,
    )
    request.session[SIGN_IN] = row.pk
    request.session[SINCE] = request.session[SEEN] = int(now.timestamp())


@receiver(user_logged_out)
def _signed_out(sender: Any, request: HttpRequest, user: Staff | None, **more: Any) -> None:
    row = request.session.get(SIGN_IN)
    if row:
        SignIn.objects.filter(pk=row, ended_at__isnull=True).update(ended_at=timezone.now())


def is_over(request: HttpRequest) -> bool:
    """Whether this session was left alone too long, or lasts too long in any case."""
    now = timezone.now().timestamp()
    since, seen = request.session.get(SINCE), request.session.get(SEEN)
    if since is None or seen is None:
        return True
    return now - seen > settings.SESSION_IDLE.total_seconds() or now - since > settings.SESSION_LONGEST.total_seconds()


def was_here(request: HttpRequest) -> None:
    """Note that somebody is still there; written at most once a minute."""
    now = timezone.now()
    if now.timestamp() - request.session[SEEN] < _TOLD_APART.total_seconds():
        return
    request.session[SEEN] = int(now.timestamp())
    SignIn.objects.filter(pk=request.session.get(SIGN_IN)).update(seen_at=now)
