"""Around every request: a number for it, a line in the log, and what is counted."""

import logging
import secrets
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from casework.watching import logs, metrics

logger = logging.getLogger("casework.requests")
QUIET = {"healthz", "readyz", "metrics", "static"}  # asked for every few seconds, or without a person behind it


class Watched:
    """Outermost, so that it sees what the others answer. The number is ours: one that comes with a request could be anything."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        request.number = secrets.token_hex(6)
        logs.set_request_id(request.number)
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request.number
            self._tell(request, response, time.perf_counter() - began)
        finally:
            logs.set_request_id("")
        return response

    def _tell(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        route = logs.route_of(request)
        metrics.count_request(route, request.method, response.status_code, seconds)
        if route in QUIET and response.status_code < 500:
            return
        user = getattr(request, "_cached_user", None)  # nobody is looked up for a line in the log
        facts = {
            "route": route,
            "method": request.method,
            "status": response.status_code,
            "ms": round(seconds * 1000, 1),
            "user": user.pk if user is not None else None,
        }
        logger.info("request", extra={"facts": facts})
