"""The log: one line for each request and each thing that happened, without a person in it.

An address names families (/cases/17/), the text of an error quotes rows, a library quotes what somebody typed. So of a
request its route is written, of an error its type and its place, of a foreign library its words without their values; and
long numbers are blacked out whoever wrote them.
"""

import contextvars
import datetime
import json
import logging
import re
import traceback
from types import TracebackType
from typing import Any

OURS = {"audit", "access", "jobs", "flows", "families", "funds", "casework"}
FRAMES = 6  # of our own, the innermost ones, that are written of an error
_LONG_NUMBER = re.compile(r"\d{7,}[\dXx*]*")
_request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def request_id() -> str:
    """Of the request that is being answered; "" outside of one."""
    return _request_id.get()


def set_request_id(text: str) -> None:
    _request_id.set(text)


def facts_of(record: logging.LogRecord) -> dict[str, Any]:
    """What may be written of a record."""
    facts: dict[str, Any] = {
        "time": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "logger": record.name,
        "message": _words(record),
    }
    number = request_id() or getattr(
        getattr(record, "request", None), "number", ""
    )  # Django speaks after all is answered
    if number:
        facts["request"] = number
    facts |= getattr(record, "facts", {})
    if record.exc_info and record.exc_info[1]:
        facts["error"] = type(record.exc_info[1]).__name__
        facts["at"] = _places(record.exc_info[1])
    return facts


def _words(record: logging.LogRecord) -> str:
    request = getattr(record, "request", None)
    if request is not None:  # Django's own lines quote the address
        words = f"{getattr(record, 'status_code', '')} {route_of(request)}".strip()
    elif record.name.split(".")[0] in OURS:
        words = record.getMessage()
    else:
        words = str(record.msg)
    return _LONG_NUMBER.sub("#", words)


def _places(error: BaseException) -> list[str]:
    """file:line function of our own code and of where it ended, the innermost last. No source line and no value."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames[:-1] if "site-packages" not in frame.filename][-FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in own + frames[-1:]]


def route_of(request: Any) -> str:
    """The name of the page, never its address. "static" for files, "none" for what leads nowhere."""
    match = getattr(request, "resolver_match", None)
    if match is not None:
        return match.view_name or "unnamed"
    path = getattr(request, "path_info", "")  # the development server hands over its socket
    return "static" if path.startswith("/static/") else "none"


class Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(facts_of(record), ensure_ascii=False, default=str)


class Text(logging.Formatter):
    """The same facts for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        facts = facts_of(record)
        head = " ".join(str(facts.pop(name)) for name in ("time", "level", "logger", "message"))
        return " ".join((head, *(f"{name}={value}" for name, value in facts.items())))
