"""Help in parts at the township: what waits for somebody to look, what is suspended, what goes on."""

import datetime
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from access.roles import title_of
from audit import clock
from casework.desks.township.office import Office
from casework.due import deadline
from casework.links import case_url
from casework.models import Case, CaseEvent
from casework.parts import CHECKED_IN, GOING_ON, next_parts, what_it_waits_for
from casework.queries import PAGE, cases_in_reach

CHECKER = "township_clerk"


def waiting_parts(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Cases whose next part is paid after a check that nobody has made."""
    return cases.filter(state__in=CHECKED_IN, is_open=True, turn_role=CHECKER)


def suspended(cases: QuerySet[Case]) -> QuerySet[Case]:
    return cases.filter(state="suspended", is_open=True)


def going_on(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Cases of which something was paid and something is still to come."""
    return cases.filter(state__in=GOING_ON, is_open=True)


LISTS = {
    "waiting": (_("等核查"), waiting_parts, _("没有等核查的期次"), _("到了日子、要先去看的，会出现在这里。")),
    "suspended": (_("暂停的"), suspended, _("没有暂停的"), _("暂停的由乡镇审批恢复，或由乡镇经办停止。")),
    "running": (_("都在发的"), going_on, _("没有分期在发的"), _("付了第一期、还有下一期的，会出现在这里。")),
}


@require_safe
def parts(request: HttpRequest, *, office: Office) -> HttpResponse:
    """One list at a time: ?show=waiting (the first), suspended, running."""
    show = request.GET.get("show", "")
    show = show if show in LISTS else "waiting"
    title, narrow, nothing, hint = LISTS[show]
    cases = narrow(cases_in_reach(request.user)).select_related("village", "beneficiary", "provider")
    page = Paginator(cases.order_by("due_on", "id"), PAGE).get_page(request.GET.get("page"))
    context = {
        "office": office,
        "show": show,
        "title": title,
        "nothing": nothing,
        "nothing_hint": hint,
        "chips": [
            {"label": words, "url": f"{office.url('parts')}?show={code}", "on": code == show, "removes": False}
            for code, (words, *_rest) in LISTS.items()
        ],
        "page": page,
        "rows": _rows(list(page), clock.today()),
    }
    return render(request, "township/parts.html", context)


def _rows(cases: list[Case], today: datetime.date) -> list[dict[str, Any]]:
    """Each case with its next part, what that waits for, and why it was suspended. Two queries."""
    following = next_parts(cases)
    reasons = {
        event.case_id: event
        for event in CaseEvent.objects.filter(
            case__in=[case.pk for case in cases if case.state == "suspended"], action="suspend"
        ).order_by("n")
    }
    return [
        {
            "case": case,
            "url": case_url(case.pk),
            "part": following.get(case.pk),
            "waits": what_it_waits_for(following[case.pk], today) if case.pk in following else "",
            "suspended": reasons.get(case.pk),
            "due": deadline(case.due_on, today),
            "turn": title_of(case.turn_role) if case.turn_role else "",
        }
        for case in cases
    ]
