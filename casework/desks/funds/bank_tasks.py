"""What the banks' answers left open: who must act, for how long it has lain there, and how it was settled."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from access.roles import title_of
from audit import clock
from casework.desks.funds.bank_forms import SettleForm
from casework.desks.funds.reach import (
    bank_files_in_reach,
    bank_tasks_in_reach,
    demand,
    demand_at,
    demand_money,
    why_not,
)
from casework.desks.funds.tables import cases_of
from casework.errors import REFUSALS
from casework.reach import visible
from funds import bank_formats, bank_tasks
from funds.banking.reasons import OUTCOME_WORDS
from funds.models import BankFile, BankTask

PAGE = 25


@login_required
@require_safe
def tasks(request: HttpRequest) -> HttpResponse:
    """Open ones, the oldest first; or those that were settled, the newest first."""
    demand_money(request.user)
    settled, kind = request.GET.get("state") == "settled", request.GET.get("kind", "")
    rows = bank_tasks_in_reach(request.user).filter(state="settled" if settled else "open")
    rows = rows.order_by("-settled_on", "-id") if settled else rows.order_by("opened_on", "id")
    if kind in BankTask.Kind.values:
        rows = rows.filter(kind=kind)
    page = Paginator(rows.select_related("file", "payment", "settled_by"), PAGE).get_page(request.GET.get("page"))
    found = list(page.object_list)
    cases = cases_of([task.payment for task in found if task.payment], request.user)
    today = clock.today()
    return render(
        request,
        "funds/bank_tasks.html",
        {
            "page": page,
            "tasks": [
                {
                    "task": task,
                    "case": cases.get(task.payment_id),
                    "days": (today - task.opened_on).days,
                    "who": title_of(task.role),
                }
                for task in found
            ],
            "sum_fen": rows.aggregate(fen=Sum("amount_fen"))["fen"] or 0,
            "settled": settled,
            "chips": [
                {"label": _("没有解决"), "url": "?", "on": not settled},
                {"label": _("已解决"), "url": "?state=settled", "on": settled},
            ],
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def task(request: HttpRequest, pk: int) -> HttpResponse:
    """One of them with both sides; mark that the bank was asked, or settle it in words."""
    user = request.user
    found = visible(
        bank_tasks_in_reach(user).select_related("file", "line", "payment__batch", "asked_by", "settled_by"), pk=pk
    )
    form = SettleForm(request.POST if "how" in request.POST or "note" in request.POST else None)
    if request.method == "POST":
        demand(user, "answer") if found.payment is None else demand_at(
            user, found.payment.reservation.village, "answer"
        )
        try:
            if "asked" in request.POST:
                bank_tasks.asked(found.pk, by=user)
                messages.success(request, _("记下了：问过银行。"))
                return redirect("funds:bank_task", pk)
            if form.is_valid():
                bank_tasks.settle(found.pk, by=user, how=form.cleaned_data["how"], note=form.cleaned_data["note"])
                messages.success(request, _("解决了，记下来了。"))
                return redirect("funds:bank_tasks")
        except REFUSALS as refusal:  # somebody else was quicker
            messages.error(request, str(refusal))
            return redirect("funds:bank_task", pk)
    return render(request, "funds/bank_task.html", _context(found, form, user), status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settle_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Settle all that one answer left open for one and the same reason: it was the wrong file, say."""
    user = request.user
    found = visible(bank_files_in_reach(user).filter(kind=BankFile.Kind.ANSWER), pk=pk)
    demand(user, "answer")
    rows = bank_tasks_in_reach(user).filter(file=found, state=BankTask.State.OPEN)
    form = SettleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            ids = list(rows.values_list("pk", flat=True))
            n = bank_tasks.settle_together(ids, by=user, how=given["how"], note=given["note"])
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, ngettext("%(n)d 件解决了，记下来了。", "%(n)d 件解决了，记下来了。", n) % {"n": n}
            )
            return redirect("funds:bank_file", pk)
    context = {"file": found, "form": form, **rows.aggregate(count=Count("id"), sum_fen=Sum("amount_fen", default=0))}
    return render(request, "funds/bank_file_settle.html", context, status=422 if form.errors else 200)


def _context(found: BankTask, form: SettleForm, user: Any) -> dict[str, Any]:
    case = cases_of([found.payment], user).get(found.payment_id) if found.payment else None
    return {
        "task": found,
        "case": case,
        "form": form,
        "bank": bank_formats.bank_name(found.file.bank),
        "days": (clock.today() - found.opened_on).days,
        "who": title_of(found.role),
        "said": OUTCOME_WORDS[found.line.outcome] if found.line else "",
        "why_not": why_not(user, "answer"),
    }
