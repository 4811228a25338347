"""Did I approve this? Grants and delegations that name me wait until I say so myself."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from access import approvals
from access.models import Grant
from casework.desks.acts import base_of
from casework.errors import REFUSALS
from casework.models import Case
from casework.reach import visible
from families.models import Household

MOST = 50  # more than one person is asked in a week


@login_required
@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """What waits for me, the oldest first, with everything that it takes to judge."""
    user = request.user
    context = {
        "base": base_of(user),
        "grants": _with_records(_waiting(user, "grant")[:MOST]),
        "delegations": _waiting(user, "delegation")[:MOST],
    }
    return render(request, "approvals/home.html", context)


@login_required
@require_POST
@never_cache
def decide(request: HttpRequest, *, kind: str, pk: int) -> HttpResponse:
    """Confirm it, or refuse it with a reason."""
    row = visible(_waiting(request.user, kind), pk=pk)
    is_refused = bool(request.POST.get("refuse"))
    try:
        if is_refused:
            approvals.refuse(row, by=request.user, reason=request.POST.get("reason", ""))
        else:
            approvals.approve(row, by=request.user)
    except REFUSALS as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("没有同意，不会生效。") if is_refused else _("确认了，从现在起生效。"))
    return redirect("approvals:home")


def _waiting(user: Any, kind: str) -> QuerySet:
    if kind == "grant":
        return approvals.waiting_grants(user).select_related("staff", "made_by", "approved_by").order_by("pk")
    if kind == "delegation":
        joined = ("appointment__staff", "appointment__unit", "delegate", "made_by", "approved_by")
        return approvals.waiting_delegations(user).select_related(*joined).order_by("pk")
    raise Http404


def _with_records(rows: Any) -> list[Grant]:
    """Grants with the case or family that they open, where she reaches it herself. Two queries."""
    found = list(rows)
    for model in (Case, Household):
        kind = ContentType.objects.get_for_model(model)
        mine = [row for row in found if row.content_type_id == kind.pk]
        records = model.objects.in_bulk({row.object_id for row in mine}) if mine else {}
        for row in mine:
            row.record, row.opens = records.get(row.object_id), model._meta.model_name
    return found
