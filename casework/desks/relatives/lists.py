"""The register as its keepers read it: declarations, who is silent, export. One declaration with what may be done to it."""

import csv
import io
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import confirming
from access.roles import title_of
from audit import clock
from audit.cells import plain_cell
from audit.context import acting
from casework import watermark
from casework.desks.acts import base_of
from casework.desks.confirming import Kind, ask, is_confirmed
from casework.desks.relatives.forms import ReasonForm
from casework.desks.township.views import CappedPaginator
from casework.errors import REFUSALS
from casework.queries import PAGE
from casework.reach import visible
from casework.relatives import register, who
from families.models import ConflictDeclaration
from families.relatives.declaring import reveal_relative
from flows.kin import RELATIONS

STATES = ("open", "waiting", "ended")
MOST_EXPORTED = 20_000


def keepers(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Whoever keeps the register, the township, the county, the auditor; others read who does."""

    @wraps(view)
    @login_required
    def bound(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not who.keeps_register(request.user):
            raise PermissionDenied(_("近亲属登记簿由乡镇、县里和审计看。自己报过的，在「我的近亲属」里。"))
        return view(request, *args, **kwargs)

    return bound


def asked_rows(request: HttpRequest) -> tuple[QuerySet[ConflictDeclaration], dict[str, str]]:
    """What was searched for, within reach, the newest first, and the search itself."""
    asked = {"q": request.GET.get("q", "").strip()[:60], "state": request.GET.get("state", "open")}
    rows = who.of_reach(request.user, ConflictDeclaration.objects.select_related("unit", "cadre", "entered_by"))
    if asked["state"] not in STATES:
        asked["state"] = "open"
    rows = rows.filter(ended_on__isnull=asked["state"] != "ended")
    if asked["state"] == "waiting":
        rows = rows.filter(cadre__isnull=False, confirmed_on__isnull=True)
    if q := asked["q"]:
        named = Q(declarer_name__contains=q) | Q(relative_name__contains=q) | Q(unit__name=q)
        rows = rows.filter(named | Q(relative_id_last4=q.upper()))
    return rows.order_by("-id"), asked


def with_words(rows: Any) -> list[dict[str, Any]]:
    return [{"row": row, "relation": RELATIONS.get(row.relation, row.relation)} for row in rows]


@keepers
@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """The register."""
    rows, asked = asked_rows(request)
    page = CappedPaginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": with_words(page),
        "asked": asked,
        "query": request.GET.urlencode(),
        "now": timezone.now(),
        "base": base_of(request.user),
    }
    return render(request, "relatives/register.html", context)


@keepers
@require_safe
@never_cache
def silent(request: HttpRequest) -> HttpResponse:
    """Who has not said this year whether there is anything to declare."""
    page = CappedPaginator(who.staff_silent(request.user), PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [{"staff": staff, "post": title_of(staff.role)} for staff in page],
        "cadres": list(who.cadres_silent(request.user)[:100]),
        "year": clock.today().year,
        "base": base_of(request.user),
    }
    return render(request, "relatives/silent.html", context)


@keepers
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def export(request: HttpRequest) -> HttpResponse:
    """The register as a table, for a reason that stays in the access log. Numbers are masked in it, too."""
    form = ask(request, ReasonForm(request.POST or None), Kind.EXPORT)
    rows, asked = asked_rows(request)
    if request.method == "POST" and form.is_valid() and is_confirmed(request, form, Kind.EXPORT):
        with transaction.atomic(), acting(request.user):
            confirming.demand(confirming.Kind.EXPORT)
            mark = watermark.taken_by(
                request.user,
                subject="relatives",
                fields=f"register:{asked['state']}",
                reason=form.cleaned_data["reason"],
            )
            content = _table(rows[:MOST_EXPORTED], mark)
        response = HttpResponse(content.encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="relatives-{clock.today().isoformat()}.csv"'
        response["Cache-Control"] = "no-store"
        return response
    context = {"form": form, "asked": asked, "count": rows[: MOST_EXPORTED + 1].count(), "base": base_of(request.user)}
    return render(request, "relatives/export.html", context, status=422 if form.errors else 200)


def _table(rows: QuerySet[ConflictDeclaration], mark: watermark.Mark) -> str:
    file = io.StringIO(newline="")
    write = csv.writer(file)
    write.writerow(mark.row)
    write.writerow(
        [
            _("申报人"),
            _("在哪里任职"),
            _("关系"),
            _("亲属姓名"),
            _("身份证号"),
            _("申报日期"),
            _("录入人"),
            _("解除日期"),
            _("解除原因"),
        ]
    )
    for row in rows.iterator(chunk_size=1000):
        facts = [row.declarer_name, row.unit.name, RELATIONS.get(row.relation, row.relation), row.relative_name]
        facts += [row.id_masked, row.declared_on.isoformat(), row.entered_by.name]
        facts += [row.ended_on.isoformat() if row.ended_on else "", row.end_reason]
        write.writerow([plain_cell(fact) for fact in facts])
    return file.getvalue()


# ---------------------------------------------------------------- one declaration


def _declaration(request: HttpRequest, pk: int) -> ConflictDeclaration:
    rows = ConflictDeclaration.objects.select_related("unit", "cadre", "entered_by", "confirmed_by", "ended_by")
    return visible(who.of_reach(request.user, rows), pk=pk)


@keepers
@require_safe
@never_cache
def declaration(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, _declaration(request, pk))


def _page(request: HttpRequest, row: ConflictDeclaration, form: Any = None, number: str = "") -> HttpResponse:
    user = request.user
    apart = register.apart_from(row)
    context = {
        "row": row,
        "relation": RELATIONS.get(row.relation, row.relation),
        "may_confirm": row.waits and who.may(user, who.CONFIRMS, row.unit, after=apart),
        "may_end": row.ended_on is None and who.may(user, who.enders_of(row.unit), row.unit, after=apart),
        "ends": " / ".join(title_of(role) for role in who.enders_of(row.unit)),
        "may_reveal": who.may(user, (*who.CONFIRMS, "auditor"), row.unit),
        "form": form or ReasonForm(),
        "flags": list(row.flags.select_related("case").order_by("-id")[:20]),
        "number": number,
        "base": base_of(user),
    }
    return render(
        request, "relatives/declaration.html", context, status=422 if form is not None and form.errors else 200
    )


@keepers
@require_POST
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Compared with the signed paper."""
    return _carry_out(request, pk, lambda row, _given: register.confirm(row, by=request.user), _("核对好了。"), None)


@keepers
@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """It does not hold any more."""
    return _carry_out(
        request,
        pk,
        lambda row, given: register.end(row, reason=given["reason"], by=request.user),
        _("解除了。以前标记过的个案不变。"),
        ReasonForm(request.POST),
    )


def _carry_out(request: HttpRequest, pk: int, verb: Any, done: str, form: Any) -> HttpResponse:
    row = _declaration(request, pk)
    if form is not None and not form.is_valid():
        return _page(request, row, form)
    try:
        verb(row, form.cleaned_data if form else {})
    except REFUSALS as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    messages.success(request, done)
    return redirect("relatives:declaration", pk)


@keepers
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """The relative's whole number, for a reason that stays in the access log."""
    row = _declaration(request, pk)
    if not who.may(request.user, (*who.CONFIRMS, "auditor"), row.unit):
        raise PermissionDenied(_("看全号由乡镇、县里或审计的人，写明原因以后看。"))
    form = ask(request, ReasonForm(request.POST or None), Kind.UNMASK)
    number = ""
    if request.method == "POST" and form.is_valid() and is_confirmed(request, form, Kind.UNMASK):
        number = reveal_relative(row, by=request.user, reason=form.cleaned_data["reason"])
    context = {
        "form": form,
        "number": number,
        "whose": row.relative_name,
        "what": _("身份证号码"),
        "back": reverse("relatives:declaration", args=[pk]),
        "base": base_of(request.user),
    }
    return render(request, "cases/reveal.html", context, status=422 if form.errors else 200)
