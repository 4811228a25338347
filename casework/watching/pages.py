"""What machines ask for: alive, ready, numbers. Strangers learn a word, whoever runs the machine asks `manage.py health`."""

import secrets
import time
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import resolve
from django.views.decorators.http import require_safe

from casework.watching import health, metrics

ADDRESSES = {"/healthz", "/readyz", "/metrics"}
ASKED_AGAIN_AFTER = 2.0  # seconds in which an answer is repeated, so that asking costs nothing
_last: tuple[float, str, bool] = (0.0, "", False)


class ForMachines:
    """Answer them before anything asks who is there: a session lies in the database, which may be what is down. A probe
    knows neither the host's name nor HTTPS."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info not in ADDRESSES:
            return self.get_response(request)
        request.resolver_match = resolve(request.path_info)
        response = request.resolver_match.func(request)
        response["X-Content-Type-Options"] = "nosniff"
        return response


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """{"ok", "code"}: 503 when pages are useless; 200 with another code than "ok" when somebody has to see to something."""
    global _last
    asked_at, code, is_ready = _last
    if settings.TESTING or time.monotonic() > asked_at + ASKED_AGAIN_AFTER:
        code, is_ready = health.code_of(health.look())
        _last = (time.monotonic(), code, is_ready)
    return JsonResponse({"ok": is_ready, "code": code}, status=200 if is_ready else 503)


@require_safe
def numbers(request: HttpRequest) -> HttpResponse:
    """For Prometheus, from where CASEWORK_METRICS_FROM or with the token CASEWORK_METRICS_TOKEN says. Absent to others."""
    if not _may_count(request):
        return HttpResponse(status=404)
    try:
        text, content_type = metrics.exposition()
    except DatabaseError:
        return HttpResponse(status=503)
    return HttpResponse(text, content_type=content_type)


def _may_count(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    is_known = bool(token) and secrets.compare_digest(given.encode(), token.encode())
    return is_known or request.META.get("REMOTE_ADDR") in settings.METRICS_FROM
