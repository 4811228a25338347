from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse


class OwnPasswordFirst:
    """Whoever was given a one-time password changes it before anything else."""

    OPEN = ("password_change", "logout", "preferences", "help", "healthz", "readyz", "metrics")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated and user.must_change_password and not self._is_open(request.path):
            return redirect("password_change")
        return self.get_response(request)

    def _is_open(self, path: str) -> bool:
        return path in {reverse(name) for name in self.OPEN} or path.startswith("/static/")
