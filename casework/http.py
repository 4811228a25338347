"""What HTTP asks for besides pages, and what it brings that no page of ours sends."""

import datetime
import ipaddress
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import is_valid_path
from django.utils.cache import add_never_cache_headers


def reload_soon(response: HttpResponse, seconds: int = 2) -> HttpResponse:
    """Have the browser fetch the page again, without a script: for pages that show a running Job.

    A header, because assistive technology is told by a <meta> refresh that the page will move under the reader.
    """
    response["Refresh"] = str(seconds)
    return response


def row_number(text: str | None) -> int | None:
    """The key of a row as a request names it, or None for what no row can have."""
    return int(text) if text and text.isdecimal() and len(text) <= LONGEST_KEY else None


def day_of(text: str) -> datetime.date | None:
    """The day that a request names (2026-04-15), or None for what is none or lies beyond any book."""
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in YEARS else None


LONGEST_KEY = 18  # digits that surely fit a bigint
YEARS = range(1900, 2201)  # so that the days before and after one exist too


class NoNulBytes:
    """Refuse text with NUL, which no keyboard types and PostgreSQL does not take, before anything is done with it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> None:
        for given in (request.GET, request.POST):
            if any("\0" in text for _name, texts in given.lists() for text in texts):
                raise BadRequest("NUL in the request")


class BackToThePage:
    """Who asks to see an address that only takes a form (a refused form reloaded, a language switched there) is led to
    the page above it, instead of to the browser's bare 405."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 405 and request.method in ("GET", "HEAD"):
            return redirect(_page_above(request.path_info))
        return response


def _page_above(path: str) -> str:
    """The nearest address above that answers something. Where that takes only forms, too, the way goes on up."""
    while path != "/":
        path = path.rstrip("/").rpartition("/")[0] + "/"
        if is_valid_path(path):
            return path
    return path


class NothingKept:
    """What somebody sees while logged in is not kept by her browser or by a proxy, for whoever sits there next."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        has_looked = request.session.accessed and request.user.is_authenticated  # else nobody was asked for
        if has_looked and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response


class OfOurOwn:
    """What a page may use of the device, and who may take it into another page: nobody."""

    HEADERS = {
        "Permissions-Policy": ", ".join(
            f"{feature}=()"
            for feature in (
                *("accelerometer", "autoplay", "bluetooth", "browsing-topics", "display-capture", "encrypted-media"),
                *("fullscreen", "geolocation", "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment"),
                *("picture-in-picture", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking"),
            )
        )
        + ", camera=(self)",
        "Cross-Origin-Resource-Policy": "same-origin",
    }

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in self.HEADERS.items():
            response.setdefault(name, value)
        return response


class BehindProxy:
    """Take the address of whoever asks from the proxy; else all of them would share the proxy's own.

    Each of our proxies (settings.PROXIES of them) wrote one address at the end of X-Forwarded-For, the outermost that of
    whoever asks; those before it are anybody's claim.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        written = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")[-settings.PROXIES :]
        if len(written) == settings.PROXIES and _is_address(written[0].strip()):
            request.META["REMOTE_ADDR"] = written[0].strip()
        return self.get_response(request)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
