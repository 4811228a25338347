"""That whoever approves, pays, exports or unmasks is who she says she is, asked once more (step-up).

    confirm(request, Kind.PAY, code)      what she typed; raises with the sentence when it does not do
    demand(Kind.PAY)                      in the service that does it: refuses a page that forgot to ask

With the second factor on (settings.SECOND_FACTOR) it is a code that serves once; it holds for FRESH, for acts of the same
kind, in this session. Switched off, money that leaves and break-glass still ask for the password, the others for nothing.
Nothing is asked outside of a request: the worker's jobs were confirmed by whoever ordered them, and surveys written
without a signal come in later.
"""

import datetime
import time
from collections.abc import Callable
from contextvars import ContextVar
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from access import factor, rates
from access.errors import EnrolFirst, NotConfirmed, TooManyTries


class Kind(StrEnum):
    APPROVE = "approve"
    PAY = "pay"
    EXPORT = "export"
    UNMASK = "unmask"
    EMERGENCY = "emergency"


# How long a confirmation holds for the next act of its kind. Money is confirmed act by act.
FRESH = {
    Kind.APPROVE: datetime.timedelta(minutes=5),
    Kind.EXPORT: datetime.timedelta(minutes=5),
    Kind.UNMASK: datetime.timedelta(minutes=5),
    Kind.PAY: datetime.timedelta(0),
    Kind.EMERGENCY: datetime.timedelta(0),
}
PASSWORD_WITHOUT_FACTOR = frozenset({Kind.PAY, Kind.EMERGENCY})

MOST_WRONG, WITHIN = 5, datetime.timedelta(minutes=15)
MOST_WRONG_FROM_ONE_ADDRESS = 50
_KEY = "confirmed"  # in the session: {kind: seconds since 1970}


def factor_is_on() -> bool:
    """settings.SECOND_FACTOR: True, False, or the day from which it is on."""
    asked = settings.SECOND_FACTOR
    return timezone.localdate() >= asked if isinstance(asked, datetime.date) else bool(asked)


def is_asked(kind: Kind) -> bool:
    return factor_is_on() or kind in PASSWORD_WITHOUT_FACTOR


def is_fresh(request: HttpRequest, kind: Kind) -> bool:
    """Whether nothing needs to be typed for an act of this kind now."""
    if not is_asked(kind) or kind in _confirmed_now(request):
        return True
    if not FRESH[kind]:
        return False
    at = request.session.get(_KEY, {}).get(kind)
    return at is not None and 0 <= time.time() - at < FRESH[kind].total_seconds()


def must_enrol(user: Any) -> bool:
    return factor_is_on() and factor.factor_of(user) is None


def confirm(request: HttpRequest, kind: Kind, given: str) -> None:
    """Take what she typed: a code or recovery code, or the password where the factor is off.

    Raises NotConfirmed, TooManyTries after five wrong ones in a quarter of an hour (then a right one does not do either), or
    EnrolFirst. Nothing may be done then.
    """
    if must_enrol(request.user):
        raise EnrolFirst(_("这一步要动态码，你的账号还没有绑定。请先绑定，再回来办。"))
    if factor_is_on():
        _refuse_after_many(request)
        if not factor.use(request.user, given):
            _count_a_miss(request)
            raise NotConfirmed(_("动态码不对，或者已经用过，没有办成。请等手机上换下一个。"))
    else:
        demand_password(request, given)
    _confirmed_now(request).add(kind)
    if FRESH[kind]:
        request.session[_KEY] = request.session.get(_KEY, {}) | {kind: int(time.time())}


def demand_password(request: HttpRequest, given: str) -> None:
    """Raises NotConfirmed unless it is her password, TooManyTries after five wrong ones in a quarter of an hour."""
    _refuse_after_many(request)
    if not request.user.check_password(given):
        _count_a_miss(request)
        raise NotConfirmed(_("密码不对，没有办成。请再填一次登录密码。"))


def _refuse_after_many(request: HttpRequest) -> None:
    """Neither she nor whoever sits at her desk goes on guessing; nor does one address with many accounts."""
    if rates.was_too_often("confirm", request.user.username, most=MOST_WRONG, within=WITHIN) or rates.was_too_often(
        "confirm-from", _address(request), most=MOST_WRONG_FROM_ONE_ADDRESS, within=WITHIN
    ):
        raise TooManyTries(_("错了太多次，十五分钟以后再试。没有办成。"))


def _count_a_miss(request: HttpRequest) -> None:
    rates.is_too_often("confirm", request.user.username, most=MOST_WRONG, within=WITHIN)
    rates.is_too_often("confirm-from", _address(request), most=MOST_WRONG_FROM_ONE_ADDRESS, within=WITHIN)


def _address(request: HttpRequest) -> str:
    return request.META.get("REMOTE_ADDR") or ""


def demand(kind: Kind) -> None:
    """Refuse what a page does without having asked. Raises NotConfirmed, EnrolFirst."""
    request = _request.get()
    if request is None or is_fresh(request, kind):
        return
    if must_enrol(request.user):
        raise EnrolFirst(_("这一步要动态码，你的账号还没有绑定。请先绑定，再回来办。"))
    raise NotConfirmed(_("这一步要再确认一次是你本人，没有办成。请从这件事的页面上办。"))


_request: ContextVar[HttpRequest | None] = ContextVar("confirming", default=None)


def _confirmed_now(request: HttpRequest) -> set[Kind]:
    if not hasattr(request, "_confirmed"):
        request._confirmed = set()
    return request._confirmed


class ConfirmingMiddleware:
    """Lets services ask whether this request was confirmed, without handing the request through every call."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(token)
