"""New slips: goods come in, go to a household, or go to another store."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from casework import goods
from casework.desks.acts import refuse
from casework.desks.stock import shelf
from casework.desks.stock.forms import IssueForm, ReceiveForm, TransferForm
from casework.desks.stock.reach import demand, people_around, stores_in_reach
from casework.errors import REFUSALS
from casework.models import Case
from casework.reach import visible
from families.models import Household
from funds import stock
from funds.models import StockItem, StockStore

MOST_FOUND = 20


def _store(request: HttpRequest, store_id: int) -> StockStore:
    found = visible(stores_in_reach(request.user), pk=store_id)
    demand(request.user, found)
    return found


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def receive(request: HttpRequest, store_id: int) -> HttpResponse:
    found = _store(request, store_id)
    form = ReceiveForm(request.POST or None, items=list(StockItem.objects.all()))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = stock.receive(
                found,
                [stock.Incoming(*line) for line in given["lines"]],
                source=given["source"],
                source_name=given["source_name"],
                document_no=given["document_no"],
                reason=given["reason"],
                by=request.user,
                key=f"receive:{given['key']}",
            )
        except REFUSALS as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, _("入库记好了。"))
            return redirect("stock:slip", made.pk)
    return render(request, "stock/receive.html", {"store": found, "form": form}, status=422 if form.errors else 200)


@login_required
@require_safe
def choose_household(request: HttpRequest, store_id: int) -> HttpResponse:
    """Who is given something: by name or number, among the families of the store's own place."""
    found = _store(request, store_id)
    q = request.GET.get("q", "")
    return render(
        request,
        "stock/choose.html",
        {"store": found, "q": q, "households": goods.find_households(found, q, MOST_FOUND), "most": MOST_FOUND},
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def issue(request: HttpRequest, store_id: int, household_id: int) -> HttpResponse:
    found = _store(request, store_id)
    household: Household = visible(goods.households_of(found).select_related("village"), pk=household_id)
    shelves = [one for one in shelf.shelves([found]) if one.on_hand]
    form = IssueForm(
        request.POST or None,
        shelves=shelves,
        cases=Case.objects.filter(household=household, is_open=True).order_by("-id"),
        people=people_around(found, household.village).exclude(person_key=request.user.person_key),
        needs_witness=found.needs_witness,
        initial={"receiver": household.head_name},
    )
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = stock.issue(
                found,
                given["wanted"],
                to=goods.handout_to(
                    household,
                    receiver=given["receiver"],
                    case=given["case"],
                    hands=[request.user, *([given["witness"]] if given["witness"] else [])],
                ),
                witness=given["witness"],
                due_back_on=given.get("due_back_on"),
                reason=given["reason"],
                by=request.user,
                key=f"issue:{given['key']}",
            )
        except REFUSALS as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, _("领用单开好了。下一步：打印，请领的人签字，拍下来存好。"))
            return redirect("stock:slip", made.pk)
    context = {"store": found, "household": household, "form": form}
    return render(request, "stock/issue.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def transfer(request: HttpRequest, store_id: int) -> HttpResponse:
    """To another store of the same county: the names of those are no secret to whoever keeps one."""
    found = _store(request, store_id)
    others = StockStore.objects.filter(unit__county_id=found.unit.county_id).exclude(pk=found.pk)
    shelves = [one for one in shelf.shelves([found]) if one.on_hand]
    form = TransferForm(request.POST or None, shelves=shelves, stores=others)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = stock.transfer_out(
                found,
                given["wanted"],
                to_store=given["to_store"],
                reason=given["reason"],
                by=request.user,
                key=f"transfer:{given['key']}",
            )
        except REFUSALS as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, _("调拨单开好了。对方接收以前，东西算在路上。"))
            return redirect("stock:slip", made.pk)
    context = {"store": found, "form": form, "others": others}
    return render(request, "stock/transfer.html", context, status=422 if form.errors else 200)
