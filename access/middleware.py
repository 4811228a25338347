from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from access import sessions


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


class SessionLimits:
    """A session that was left alone, or that lasts from one day into the next, is over: the login comes first again."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/static/") and request.user.is_authenticated:
            if sessions.is_over(request):
                logout(request)
                messages.info(request, _("很久没有动，已经自动退出。请重新登录，再接着办。"))
                return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")
            sessions.was_here(request)
        return self.get_response(request)
