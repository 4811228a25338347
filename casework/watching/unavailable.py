"""The last word on an error that nobody expected: an error of ours, or a machine that cannot work at the moment.

A database that is down or starting, a disk that is full, and two people whose steps waited for one another until PostgreSQL
ended one of them (40P01), are nobody's mistake and pass. Such a request is answered with 503, in the words that fit whoever asked: a page, a part of one (htmx), or JSON. Nothing of it was saved: what fails is rolled
back; and where only the answer got lost, the same form carries the same key, and is not carried out twice.
"""

import errno
import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.utils.translation import gettext as _

from casework.watching import logs

RETRY_AFTER = {"database": 10, "disk": 60, "busy": 1}  # seconds
FULL = (errno.ENOSPC, errno.EDQUOT)
DISK_FULL = "53100"
BUSY = ("40P01", "40001")  # a deadlock, a serialization failure: at once again, and it goes
# connection exception, operator intervention (shutting down, starting), insufficient resources, system error
PASSING = ("08", "57P", "53", "58")


def code_of(error: BaseException | None) -> str | None:
    """ "disk", "database" or "busy" for what passes by itself; None for an error of ours. Causes are looked at as well."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return "disk"
        state = getattr(error, "pgcode", None)
        if state == DISK_FULL:
            return "disk"
        if state in BUSY:
            return "busy"
        if state and state.startswith(PASSING):
            return "database"
        if isinstance(error, (OperationalError, InterfaceError)) and _sqlstate(error) is None:
            return "database"  # the connection is gone, or never was
        error = error.__cause__
    return None


def _sqlstate(error: BaseException) -> str | None:
    return getattr(error.__cause__, "pgcode", None)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500; the error is the one that is being handled."""
    code = code_of(sys.exc_info()[1])
    number = getattr(request, "number", logs.request_id())
    if code is None:
        return _answer(request, 500, "error", _("系统出错了，不是你的错"), "500.html", number)
    title = {
        "disk": _("磁盘满了，现在存不进去"),
        "database": _("数据库暂时连不上"),
        "busy": _("别人正好在办同一件事，你这一步没有存上"),
    }[code]
    response = _answer(request, 503, code, title, "503.html", number)
    response["Retry-After"] = str(RETRY_AFTER[code])
    return response


def _answer(request: HttpRequest, status: int, code: str, title: str, page: str, number: str) -> HttpResponse:
    if "application/json" in request.headers.get("Accept", "") or request.content_type == "application/json":
        said = {"ok": False, "code": code, "message": title, "saved": False, "request": number}
        return JsonResponse(said, status=status)
    # Without the request: what the frame of a page usually asks for may need the database.
    facts = {"code": code, "title": title, "number": number, "is_disk": code == "disk", "is_busy": code == "busy"}
    template = f"parts/_{page}" if request.headers.get("HX-Request") else page
    return HttpResponse(loader.get_template(template).render(facts), status=status)
