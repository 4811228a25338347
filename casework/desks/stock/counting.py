"""Stock-taking: page by page what lies there, then a second person looks and confirms."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from casework.desks.acts import refuse
from casework.desks.funds.forms import KeyedForm
from casework.desks.stock.forms import ConfirmForm, CountForm
from casework.desks.stock.reach import demand, stores_in_reach, why_not
from casework.errors import REFUSALS
from casework.reach import visible
from funds import stocktake
from funds.models import StockCount

PAGE = 40
S = StockCount.State
TONES = {S.OPEN: "wait", S.COUNTED: "soon", S.CONFIRMED: "ok", S.DROPPED: "end"}


@login_required
@require_POST
def begin(request: HttpRequest, store_id: int) -> HttpResponse:
    found = visible(stores_in_reach(request.user), pk=store_id)
    demand(request.user, found)
    form = KeyedForm(request.POST)
    if form.is_valid():
        try:
            made = stocktake.open_count(found, by=request.user, key=f"count:{form.cleaned_data['key']}")
        except REFUSALS as refusal:
            messages.error(request, str(refusal))
        else:
            return redirect("stock:count", made.pk)
    return redirect("stock:store", found.pk)


def _count(request: HttpRequest, count_id: int) -> StockCount:
    counts = StockCount.objects.filter(store__in=stores_in_reach(request.user)).select_related(
        "store__unit", "counter", "confirmer"
    )
    return visible(counts, pk=count_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def count(request: HttpRequest, count_id: int) -> HttpResponse:
    """The lines of one page; whoever counts writes them down, whoever confirms sees the differences."""
    found = _count(request, count_id)
    page = Paginator(found.lines.select_related("item"), PAGE).get_page(request.GET.get("page"))
    lines = list(page.object_list)
    counts = found.state == S.OPEN and request.user.person_key == found.counter_person_key
    form = CountForm(request.POST or None, lines=lines) if counts else None
    if request.method == "POST":
        if form is None:
            messages.error(request, _("这次盘点已经交出来了，或者不是你点的，没有改。"))
            return redirect("stock:count", found.pk)
        if form.is_valid() and _entered(request, found, form):
            return redirect(_after(request, found, page))
    return _count_page(request, found, page, lines, form)


def _entered(request: HttpRequest, found: StockCount, form: CountForm) -> bool:
    try:
        stocktake.enter(found, form.figures(), by=request.user)
        if request.POST.get("hand_on"):
            stocktake.hand_on(found, by=request.user)
            messages.success(request, _("点完了。下一步：另一个人核对、确认。"))
        else:
            messages.success(request, _("存好了。"))
    except REFUSALS as refusal:
        refuse(form, refusal)
        return False
    return True


def _after(request: HttpRequest, found: StockCount, page: Any) -> str:
    """On to the next page of lines, as long as there is one."""
    here = reverse("stock:count", args=[found.pk])
    if request.POST.get("hand_on") or not page.has_next():
        return here
    return f"{here}?page={page.next_page_number()}"


def _count_page(
    request: HttpRequest, found: StockCount, page: Any, lines: list[Any], form: Any = None, confirm: Any = None
) -> HttpResponse:
    total, done = found.lines.count(), found.lines.filter(counted__isnull=False).count()
    differing = (
        [line for line in found.lines.select_related("item") if line.difference] if found.state != S.OPEN else []
    )
    refusal = why_not(request.user, found.store)
    is_counter = request.user.person_key == found.counter_person_key
    may_confirm = found.state == S.COUNTED and not is_counter and not refusal
    return render(
        request,
        "stock/count.html",
        {
            "count": found,
            "tone": TONES[S(found.state)],
            "page": page,
            "lines": lines,
            "form": form,
            "job": {"title": _("点了多少样"), "done": done, "total": total, "is_finished": True},
            "is_whole": done == total,
            "differing": differing,
            "is_counter": is_counter,
            "may_confirm": may_confirm,
            "confirm": (confirm or ConfirmForm(differs=bool(differing))) if may_confirm else None,
            "may_drop": found.state in (S.OPEN, S.COUNTED) and not refusal,
            "why_not": refusal,
            "key": KeyedForm()["key"],
        },
        status=422 if (form and form.errors) or (confirm and confirm.errors) else 200,
    )


@login_required
@require_POST
def step(request: HttpRequest, count_id: int, step: str) -> HttpResponse:
    """What ends a stock-take or sends it back: confirm, again, drop."""
    found = _count(request, count_id)
    demand(request.user, found.store)
    if step not in ("confirm", "again", "drop"):
        raise Http404
    form = ConfirmForm(request.POST)
    if form.is_valid():
        key, reason = f"confirm:{form.cleaned_data['key']}", form.cleaned_data["reason"]
        try:
            if step == "confirm":
                made = stocktake.confirm_count(found, by=request.user, key=key, reason=reason)
                messages.success(request, _("确认好了，差异已经入账。"))
                return redirect("stock:slip", made.pk)
            if step == "again":
                stocktake.count_again(found, by=request.user, reason=reason)
                messages.success(request, _("已退回，请点数的人重点。"))
            else:
                stocktake.drop(found, by=request.user, reason=reason)
                messages.success(request, _("这次盘点作废了，账没有动。"))
            return redirect("stock:count", found.pk)
        except REFUSALS as refusal:
            refuse(form, refusal, "reason")
    page = Paginator(found.lines.select_related("item"), PAGE).get_page(1)
    for problem in (text for texts in form.errors.values() for text in texts):
        messages.error(request, problem)
    return _count_page(request, _count(request, count_id), page, list(page.object_list), confirm=form)
