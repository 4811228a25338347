"""The stores: what lies in each, what needs looking after, every move of one item."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from access.roles import Ability
from access.scope import can
from audit import clock
from casework.desks.acts import way_back
from casework.desks.funds.forms import KeyedForm
from casework.desks.stock import shelf
from casework.desks.stock.forms import CustodianForm, ItemForm, StoreForm
from casework.desks.stock.menu import under_way
from casework.desks.stock.reach import (
    demand,
    keeping_posts,
    people_around,
    slips_in_reach,
    stores_in_reach,
    units_to_keep_at,
    why_not,
    works_at,
)
from casework.desks.stock.rows import move_rows
from casework.errors import REFUSALS
from casework.reach import visible
from funds import countersigning, stock
from funds.models import StockCount, StockItem, StockMove, StockSlip, StockStore

PAGE = 25
MOST_SLIPS = 8
MOST_COUNTED = 100


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Every store within reach. Whoever keeps a single one is led to it."""
    if not can(request.user, Ability.STOCK_VIEW):
        raise Http404
    page = Paginator(stores_in_reach(request.user).order_by("code"), PAGE).get_page(request.GET.get("page"))
    stores = list(page.object_list)
    if len(stores) == 1 and page.paginator.num_pages == 1 and works_at(request.user, stores[0]):
        return redirect("stock:store", stores[0].pk)
    rows = shelf.wholes(stores, shelf.shelves(stores))
    return render(
        request,
        "stock/home.html",
        {
            "page": page,
            "rows": rows,
            "value_fen": sum(row.value_fen for row in rows),
            "may_open": bool(keeping_posts(request.user)),
            "coming": _coming(request.user, stores),
        },
    )


def _coming(user: Any, stores: list[StockStore]) -> list[StockSlip]:
    """Transfers on their way to these stores."""
    return list(under_way(slips_in_reach(user)).filter(to_store__in=stores)[:MOST_SLIPS])


@login_required
@require_safe
def store(request: HttpRequest, store_id: int) -> HttpResponse:
    """What lies there, what is low, expires, is lent out or on its way, and the latest slips."""
    found = visible(stores_in_reach(request.user), pk=store_id)
    rows = shelf.shelves([found])
    slips = slips_in_reach(request.user).filter(store=found)
    refusal = why_not(request.user, found)
    late = shelf.still_out(StockMove.objects.filter(lot__store=found, slip__due_back_on__lt=clock.today()))
    return render(
        request,
        "stock/store.html",
        {
            "store": found,
            "rows": rows,
            "whole": shelf.wholes([found], rows)[0],
            "coming": _coming(request.user, [found]),
            "count": StockCount.objects.filter(store=found, state__in=("open", "counted"))
            .select_related("counter")
            .first(),
            "unsigned": slips.filter(kind="issue", signature__isnull=True)
            .exclude(answered_by__kind="reversal")[:MOST_COUNTED]
            .count(),
            "unconfirmed": countersigning.unanswered().filter(slip__store=found)[:MOST_COUNTED].count(),
            "objected": list(
                countersigning.open_objections().filter(slip__store=found).select_related("slip", "asked")[:MOST_SLIPS]
            ),
            "late": late.order_by().values("slip_id").distinct()[:MOST_COUNTED].count(),
            "slips": list(slips[:MOST_SLIPS]),
            "works": not refusal,
            "why_not": refusal,
            "key": KeyedForm()["key"],
            "many_stores": stores_in_reach(request.user)[:2].count() > 1,
        },
    )


@login_required
@require_safe
def item(request: HttpRequest, store_id: int, item_id: int) -> HttpResponse:
    """The lots of one item in one store, and every move that makes up their figures."""
    found = visible(stores_in_reach(request.user), pk=store_id)
    thing = visible(StockItem.objects.filter(lots__store=found).distinct(), pk=item_id)
    lots = thing.lots.filter(store=found).order_by("-on_hand", "id")
    moves = StockMove.objects.filter(lot__store=found, lot__item=thing).order_by("-id")
    sums = lots.aggregate(n=Sum("on_hand"), lent=Sum("lent"), fen=shelf.VALUE)
    lot_page = Paginator(lots, PAGE).get_page(request.GET.get("lots"))
    page = Paginator(moves, PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "stock/item.html",
        {
            "store": found,
            "item": thing,
            "lots": list(lot_page.object_list),
            "lot_page": lot_page,
            "sums": sums,
            "page": page,
            "rows": move_rows(page.object_list, request.user),
            "today": clock.today(),
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def open_store(request: HttpRequest) -> HttpResponse:
    if not keeping_posts(request.user):
        raise PermissionDenied(_("开仓库由资金管理、乡镇经办或库管员办。"))
    form = StoreForm(request.POST or None, units=units_to_keep_at(request.user))
    if request.method == "POST" and form.is_valid():
        given = {name: form.cleaned_data[name] for name in ("name", "unit", "place", "needs_witness")}
        try:
            made = stock.open_store(form.cleaned_data["code"].upper(), **given, custodian=request.user, by=request.user)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("「%(name)s」开好了。下一步：入库。") % {"name": made.name})
            return redirect("stock:store", made.pk)
    return _form_page(request, form, _("开一个仓库"), _("开好"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add_item(request: HttpRequest) -> HttpResponse:
    if not keeping_posts(request.user):
        raise PermissionDenied(_("加物品由资金管理、乡镇经办或库管员办。"))
    form = ItemForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = {name: form.cleaned_data[name] for name in ("unit", "category", "is_loaned")}
        try:
            made = stock.name_item(
                form.cleaned_data["name"].strip(), **given, low_at=form.cleaned_data["low_at"] or 0, by=request.user
            )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, _("「%(name)s」加好了，按%(unit)s计数。") % {"name": made.name, "unit": made.unit}
            )
            return redirect(way_back(request, "stock:home"))
    return _form_page(request, form, _("加一样物品"), _("加上"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def custodian(request: HttpRequest, store_id: int) -> HttpResponse:
    """Somebody else answers for the store from now on."""
    found = visible(stores_in_reach(request.user), pk=store_id)
    demand(request.user, found)
    form = CustodianForm(request.POST or None, people=people_around(found), initial={"custodian": found.custodian_id})
    if request.method == "POST" and form.is_valid():
        stock.hand_over(found, custodian=form.cleaned_data["custodian"], by=request.user)
        messages.success(request, _("保管人换好了。交接时最好盘点一次。"))
        return redirect("stock:store", found.pk)
    return _form_page(request, form, _("换保管人"), _("换好"), found)


def _form_page(request: HttpRequest, form: Any, title: str, verb: str, found: StockStore | None = None) -> HttpResponse:
    context = {"form": form, "title": title, "verb": verb, "store": found, "next": request.GET.get("next", "")}
    return render(request, "stock/form.html", context, status=422 if form.errors else 200)
