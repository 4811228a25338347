"""Public pages, without logging in: the board of each village, one notice to print, and how to object."""

from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from access.models import OrgUnit
from casework.acting import act
from casework.desks.acts import new_key, refuse
from casework.desks.public.notices import check_code, current_notice, current_notices, line_of, number_of, too_many
from casework.errors import REFUSALS
from casework.models import Case, PublicNotice

PAGE = 50


class ObjectionForm(forms.Form):
    """What is wrong; a name may be left out."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=60, initial=new_key)
    words = forms.CharField(
        label=_l("你不同意的是什么？"),
        min_length=4,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_l("说清楚哪里不对，越具体越好核实。"),
    )
    raised_by = forms.CharField(label=_l("你的名字"), max_length=60, required=False, help_text=_l("可以不留名字。"))
    contact = forms.CharField(
        label=_l("怎么联系你"), max_length=60, required=False, help_text=_l("想要回话就留，只有核实的人看得到。")
    )


@require_safe
@never_cache
def villages(request: HttpRequest) -> HttpResponse:
    """The villages whose boards have something today."""
    counted: dict[int, int] = {}
    for village_id in current_notices().order_by().values_list("village_id", flat=True)[:5000]:
        counted[village_id] = counted.get(village_id, 0) + 1
    units = OrgUnit.objects.filter(pk__in=counted).select_related("township").order_by("code")
    cells = [
        {
            "url": reverse("public:board", args=[unit.code]),
            "icon": "megaphone",
            "title": unit.name,
            "text": unit.township.name if unit.township else "",
            "number": counted[unit.pk],
            "unit": _("户"),
        }
        for unit in units
    ]
    return render(request, "public/villages.html", {"cells": cells})


@require_safe
@never_cache
def board(request: HttpRequest, code: str) -> HttpResponse:
    """One village's board. A village without a notice has a board that says so."""
    village = get_object_or_404(OrgUnit.objects.select_related("township"), code=code, level="village")
    rows = current_notices().filter(village=village)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    lines = [line_of(notice) for notice in page]
    context = {
        "village": village,
        "page": page,
        "lines": [line for line in lines if line.notice.kind == PublicNotice.Kind.VILLAGE],
        "leaving": [line for line in lines if line.notice.kind == PublicNotice.Kind.EXIT],
    }
    return render(request, "public/board.html", context)


@require_safe
@never_cache
def notice(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """One notice, fit for one sheet of A4."""
    found = _on_board(code, pk)
    return render(request, "public/notice.html", _page(found))


def _on_board(code: str, pk: int) -> PublicNotice:
    found = current_notice(pk)
    if found.village.code != code:
        raise Http404
    return found


def _page(found: PublicNotice) -> dict[str, Any]:
    return {
        "notice": found,
        "line": line_of(found),
        "village": found.village,
        "number": number_of(found),
        "check_code": check_code(found),
        "is_exit": found.kind == PublicNotice.Kind.EXIT,
    }


@require_http_methods(["GET", "POST"])
@never_cache
def objection(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Anybody may object, once an hour ten times from one address. The same pressing twice is one objection."""
    form = ObjectionForm(request.POST or None)
    received = PublicNotice.objects.filter(
        pk=pk, case__events__action="object", case__events__key=request.POST.get("key", "") or "-"
    )
    if request.method == "POST" and received.exists():
        return redirect("public:received", code, pk)
    found = _on_board(code, pk)
    if found.kind != PublicNotice.Kind.VILLAGE:
        raise Http404
    if request.method == "POST" and form.is_valid():
        if too_many(request.META.get("REMOTE_ADDR", "")):
            form.add_error(None, _("这个网络一小时里提得太多了。请过一会儿再提，或者打电话、投意见箱。"))
        elif _written_down(found, form):
            return redirect("public:received", code, pk)
    status = 422 if form.errors else 200
    return render(request, "public/objection.html", _page(found) | {"form": form}, status=status)


def _written_down(found: PublicNotice, form: ObjectionForm) -> bool:
    cleaned = form.cleaned_data
    try:
        act(
            found.case_id,
            "object",
            by=None,
            key=cleaned["key"],
            reason=cleaned["words"],
            data={"raised_by": cleaned["raised_by"], "contact": cleaned["contact"]},
        )
    except REFUSALS as refusal:
        refuse(form, refusal)
        return False
    return True


@require_safe
@never_cache
def received(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """After an objection: its number, what comes next, until when."""
    found = _on_board(code, pk)
    if found.outcome != "objected":
        raise Http404
    due_on = Case.objects.values_list("due_on", flat=True).get(pk=found.case_id)
    return render(request, "public/received.html", _page(found) | {"due_on": due_on})
