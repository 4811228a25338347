"""Entries that take two persons, as the first of them writes them down. Nothing moves before the second confirms."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from casework.desks.funds import figures
from casework.desks.funds.budget_forms import CarryOverForm, HandBackForm, InterfundForm, ProposeForm, TakeBackForm
from casework.desks.funds.earmarks import earmark_words, title_of
from casework.desks.funds.forms import KeyedForm
from casework.desks.funds.proposed import side_words
from casework.desks.funds.reach import allocations_in_reach, demand_for_unit, funds_in_reach
from casework.errors import REFUSALS
from casework.reach import visible
from funds import budget, ledger
from funds.models import Fund, Proposal, Transfer
from funds.refusals import in_plain_words


def _propose(
    request: HttpRequest,
    form: KeyedForm,
    make: Callable[..., Proposal],
    **page: Any,
) -> HttpResponse:
    """Show the form, or make the proposal from it and go to its page. `make` is given what every proposal needs."""
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with in_plain_words():
                proposal = make(
                    by=request.user,
                    key=f"propose:{given['key']}",
                    reason=given["reason"],
                    document_no=given["document_no"],
                )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("提出来了。另一个人核准以后才记账。"))
            return redirect("funds:proposal", proposal.pk)
    return render(request, "funds/propose.html", {"form": form, "verb": _("提出，请别人核准")} | page)


def _fund_of(request: HttpRequest, fund_id: int) -> Fund:
    """A fund that the user manages."""
    found = visible(funds_in_reach(request.user).select_related("unit", "only_unit"), pk=fund_id)
    demand_for_unit(request.user, found.unit)
    return found


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def take_back(request: HttpRequest, allocation_id: int) -> HttpResponse:
    rows = allocations_in_reach(request.user).select_related("fund__unit", "fund__only_unit", "unit", "parent__unit")
    found = visible(rows, pk=allocation_id)
    demand_for_unit(request.user, found.fund.unit)
    now = ledger.allocation_balances([found])[found.pk]
    form = TakeBackForm(request.POST or None)
    return _propose(
        request,
        form,
        lambda **how: budget.propose_take_back(found, form.cleaned_data["amount_fen"], **how),
        title=_("收回分配"),
        fund=found.fund,
        allocation=found,
        about=title_of(found),
        note=_("收回的钱回到「%(where)s」。已经承诺、在付和付出去的不能收回。")
        % {"where": title_of(found.parent) if found.parent_id else found.fund.name},
        figures=[
            (_("还没有承诺，最多能收回"), now.allocated_fen),
            (_("已承诺，未付"), now.held_fen),
            (_("已拨付"), now.paid_fen),
        ],
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def interfund(request: HttpRequest, fund_id: int) -> HttpResponse:
    found = _fund_of(request, fund_id)
    others = funds_in_reach(request.user).exclude(pk=found.pk).select_related("only_unit").order_by("code")
    form = InterfundForm(request.POST or None, funds=others)
    form.fields["to"].label_from_instance = lambda fund: (
        _("%(what)s（%(which)s）") % {"what": fund.name, "which": earmark_words(fund)}
    )
    return _propose(
        request,
        form,
        lambda **how: budget.propose_interfund(found, form.cleaned_data["to"], form.cleaned_data["amount_fen"], **how),
        title=_("资金间划转"),
        fund=found,
        about=earmark_words(found),
        note=_("专款只能划到用途一样或更窄的资金，不能越划越宽。"),
        figures=[(_("还没有分配，最多能划"), ledger.balances([found])[found.pk].available_fen)],
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def hand_back(request: HttpRequest, fund_id: int) -> HttpResponse:
    found = _fund_of(request, fund_id)
    form = HandBackForm(request.POST or None)
    return _propose(
        request,
        form,
        lambda **how: budget.propose_hand_back(found, form.cleaned_data["amount_fen"], **how),
        title=_("上缴或退还"),
        fund=found,
        about=earmark_words(found),
        note=_("钱离开这项资金，还给拨款或捐赠的一方。分配了还没有用的，请先收回。"),
        figures=[(_("还没有分配，最多能退"), ledger.balances([found])[found.pk].available_fen)],
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def carry_over(request: HttpRequest, fund_id: int) -> HttpResponse:
    found = _fund_of(request, fund_id)
    years = list(found.allocations.order_by("year").values_list("year", flat=True).distinct())
    form = CarryOverForm(request.POST or None, years=years)
    return _propose(
        request,
        form,
        lambda **how: budget.propose_carry_over(found, form.cleaned_data["year"], **how),
        title=_("结转下年"),
        fund=found,
        about=earmark_words(found),
        note=_("每一项没有承诺的钱，结转到下一年的同一项帮扶、同一个地方。金额在提出的时候定下来。"),
        figures=[(_("%(year)d 年还没有承诺") % {"year": year}, _free_of(found, year)) for year in years],
    )


def _free_of(fund: Fund, year: int) -> int:
    allocations = list(fund.allocations.filter(year=year))
    return sum(balance.allocated_fen for balance in ledger.allocation_balances(allocations).values())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def reversal(request: HttpRequest, transfer_id: int) -> HttpResponse:
    """Undo a mistaken income or allocation by its mirror image."""
    sides = ("debit__fund__unit", "debit__allocation__unit", "credit__fund", "credit__allocation__unit")
    found = Transfer.objects.select_related(*sides, "receipt").filter(pk=transfer_id).first()
    if found is None or not funds_in_reach(request.user).filter(pk=found.debit.fund_id).exists():
        raise Http404
    fund = found.debit.fund
    demand_for_unit(request.user, fund.unit)
    form = ProposeForm(request.POST or None)
    kind = figures.KIND_WORDS[found.kind]
    return _propose(
        request,
        form,
        lambda **how: budget.propose_reversal(found, **how),
        title=_("冲正：%(kind)s") % {"kind": kind},
        fund=fund,
        about=f"{side_words(found.debit)} → {side_words(found.credit)}",
        note=_("记错的一笔不改，用反方向的一笔抵销。两笔都留在账上。")
        + (_("这一笔的票据也一起作废，票据号不能再用。") if hasattr(found, "receipt") else ""),
        figures=[(_("冲正多少钱"), found.amount_fen)],
    )
