"""Looking back at a record: as it was, what changed, everything that happened, and two versions of a survey side by side.

Whoever sees the record today may look back at it, with the fields of today's page; out of reach is absent: Http404.
"""

import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from access.roles import Ability
from access.scope import scope
from audit import clock, steps
from audit.trail import stream_is_intact
from casework.desks.acts import base_of
from casework.desks.history import differences, happenings, moments, spine, tables
from casework.desks.history.moments import Until
from casework.desks.history.pictures import neighbours
from casework.desks.history.readers import Reader
from casework.desks.history.side_by_side import chosen, laid_side_by_side
from casework.desks.history.subjects import SUBJECTS, Subject
from casework.http import row_number
from casework.queries import visible_household
from casework.visibility import sight

DAYS_AT_FIRST = 30


@login_required
@require_safe
@never_cache
def as_of(request: HttpRequest, subject: str, pk: int, kind: str = "") -> HttpResponse:
    """The record at the end of a day (?on=), at an instant (?at=), or now; with the steps before and after."""
    found, reader = _found(request, subject, pk, kind)
    until, refusal = _until(request)
    picture = found.picture(reader, until)
    streams = found.streams(reader.record)
    here = found.url("", reader.record, kind)
    between = found.url("between", reader.record, kind)
    is_checked = subject != "fund" and bool(streams)  # a fund's chain grows too long for a page
    if found.is_alone:
        earlier, later = neighbours(reader.record, picture.version)
    else:
        earlier, later = steps.before(streams, picture.last), steps.after(streams, picture.last)
    return render(
        request,
        "history/as_of.html",
        _page(request, found, reader, kind)
        | {
            "picture": picture,
            "until": until,
            "when": moments.words(until),
            "refusal": refusal,
            "is_checked": is_checked,
            "problems": stream_is_intact(streams[0]) if is_checked else [],
            "before": _step(here, earlier),
            "after": _step(here, later) if until is not None else "",
            "since": f"{between}?{urlencode({'from': until.isoformat()})}" if until is not None else "",
        },
    )


@login_required
@require_safe
@never_cache
def between(request: HttpRequest, subject: str, pk: int, kind: str = "") -> HttpResponse:
    """What is different between ?from= and ?to= (days or instants), or what one step (?entry=) changed."""
    found, reader = _found(request, subject, pk, kind)
    streams = found.streams(reader.record)
    if found.sources is not None:
        streams = list(dict.fromkeys([*streams, *found.sources(reader).streams]))
    entry = row_number(request.GET.get("entry"))
    asked = {name: request.GET.get(name, "") for name in ("entry", "from", "to")}
    first, last = moments.either(asked["from"]), moments.either(asked["to"])
    wrong = asked["entry"] if entry is None else ""
    wrong = wrong or next((text for text, day in ((asked["from"], first), (asked["to"], last)) if text and not day), "")
    if type(first) is type(last) and first is not None and first > last:
        first, last = last, first
    if entry is not None:
        result = differences.of_step(streams, reader, entry, alone=found.is_alone)
    else:
        if first is None and last is None:
            first = clock.today() - datetime.timedelta(days=DAYS_AT_FIRST)
        result = differences.between(streams, reader, first, last, alone=found.is_alone)
    return render(
        request,
        "history/between.html",
        _page(request, found, reader, kind)
        | {
            "result": result,
            "is_step": entry is not None,
            "wrong": wrong[:30],
            "first": first,
            "last": last,
            "first_words": moments.words(first) if first is not None else _("一开始"),
            "last_words": moments.words(last),
            "looked_at": timezone.now(),
            "reveal": _reveal(reader),
        },
    )


@login_required
@require_safe
@never_cache
def timeline(request: HttpRequest, subject: str, pk: int) -> HttpResponse:
    """Everything that happened, newest first, a page at a time."""
    found, reader = _found(request, subject, pk, "")
    kind = request.GET.get("kind", "")
    before = spine.key_of(request.GET.get("before", ""))
    links, older = spine.page(found.sources(reader), reader, kind, before)
    rows = [row for row in happenings.told(links, reader) if not row.paper or reader.shows_paper(row.paper)]
    shown = [code for code in tables.KINDS if reader.is_auditor or code not in tables.AUDITORS_ALONE]
    chips = [("", _("全部")), *((code, tables.KINDS[code][0]) for code in shown), (tables.CHANGE, _("记录改动"))]
    return render(
        request,
        "history/timeline.html",
        _page(request, found, reader, "")
        | {
            "rows": rows,
            "chips": [
                {"label": words, "url": f"?{urlencode({'kind': code})}" if code else "?", "on": kind == code}
                for code, words in chips
            ],
            "older": f"?{urlencode({'kind': kind, 'before': spine.key_text(older)})}" if older else "",
            "newest": f"?{urlencode({'kind': kind})}" if before else "",
        },
    )


@login_required
@require_safe
@never_cache
def surveys(request: HttpRequest, pk: int) -> HttpResponse:
    """Two versions of a family's survey, every answer beside the other."""
    household = visible_household(request.user, pk)
    seen = sight(request.user, household)
    versions = list(household.surveys.select_related("surveyor", "second_surveyor").order_by("-version"))
    before, after = chosen(versions, request.GET)
    return render(
        request,
        "history/surveys.html",
        {
            "base": base_of(request.user),
            "household": household,
            "versions": versions,
            "before": before,
            "after": after,
            "parts": laid_side_by_side(before, after, seen) if after is not None else [],
            "hidden": bool(seen.hidden),
        },
    )


# ---------------------------------------------------------------- what the pages have in common


def _found(request: HttpRequest, subject: str, pk: int, kind: str) -> tuple[Subject, Reader]:
    found = SUBJECTS[subject]
    return found, found.reader(request.user, kind, pk) if kind else found.reader(request.user, pk)


def _page(request: HttpRequest, found: Subject, reader: Reader, kind: str) -> dict[str, Any]:
    return {
        "base": base_of(request.user),
        "title": found.title(reader.record),
        "today_url": found.today(reader.record),
        "as_of_url": found.url("", reader.record, kind),
        "between_url": found.url("between", reader.record, kind),
        "timeline_url": found.url("timeline", reader.record) if found.sources else "",
        "surveys_url": reverse("history:surveys", args=[reader.record.pk]) if found.name == "family" else "",
        "is_auditor": reader.is_auditor,
    }


def _until(request: HttpRequest) -> tuple[Until | None, str]:
    """(the moment asked for, or None for now; the sentence why it was not taken)."""
    on, at = request.GET.get("on", ""), request.GET.get("at", "")
    until = moments.read(on, at)
    if until is None:
        return None, _("没有这一天，下面是现在的样子。") if on or at else ""
    is_ahead = until > timezone.now() if isinstance(until, datetime.datetime) else until > clock.today()
    return (None, _("还没有到这一天，下面是现在的样子。")) if is_ahead else (until, "")


def _step(here: str, at: datetime.datetime | None) -> str:
    return f"{here}?{urlencode({'at': at.isoformat()})}" if at is not None else ""


def _reveal(reader: Reader) -> str:
    """Where whole numbers are shown for a reason: the family's page, for whoever may unmask."""
    placed = reader.placed
    if placed is None or not scope(reader.user, Ability.UNMASK).covers(placed):
        return ""
    return reverse("cases:family", args=[getattr(placed, "household_id", placed.pk)])
