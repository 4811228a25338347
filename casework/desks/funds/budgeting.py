"""The budget: what was meant for what, what is promised, what is paid; dividing further, and the plan by month."""

import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Sum
from django.db.models.functions import ExtractMonth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from access.models import OrgUnit
from audit import clock
from audit.context import acting
from casework.desks.funds import budget_table, figures
from casework.desks.funds.budget_forms import MONTHS, DivideForm, PlanForm
from casework.desks.funds.earmarks import earmark_words, programme_title, title_of
from casework.desks.funds.entries import Chosen
from casework.desks.funds.forms import programme_choices
from casework.desks.funds.reach import (
    allocations_in_reach,
    demand_for_unit,
    demand_money,
    funds_in_reach,
    posts_for,
    why_not,
)
from casework.errors import REFUSALS
from casework.http import row_number
from casework.reach import visible
from funds import budget, ledger
from funds.models import Allocation, Transfer
from funds.periods import month_ends
from funds.refusals import in_plain_words

ROOTS = 25  # trees on a page


@login_required
@require_safe
def table(request: HttpRequest) -> HttpResponse:
    """Every allocation of a year within reach, as a tree that adds up."""
    user, asked = request.user, request.GET
    demand_money(user)
    reach = allocations_in_reach(user)
    years = list(reach.order_by("-year").values_list("year", flat=True).distinct())
    year = row_number(asked.get("year"))
    year = year if year in years else (years or [clock.today().year])[0]
    rows = reach.filter(year=year)
    fund_id, unit_id, programme = row_number(asked.get("fund")), row_number(asked.get("unit")), asked.get("programme")
    units = list(OrgUnit.objects.filter(pk__in=rows.order_by().values("unit")).exclude(level__in=("village", "group")))
    unit = next((unit for unit in units if unit.pk == unit_id), None)
    if fund_id:
        rows = rows.filter(fund=fund_id)
    if unit:
        rows = rows.filter(**{f"unit__{unit.level}_id": unit.pk})
    if programme:
        rows = rows.filter(programme=programme)
    roots = budget_table.forest(rows.order_by("fund__code", "unit__code", "programme", "pk"))
    page = Paginator(roots, ROOTS).get_page(asked.get("page"))
    shown = list(page.object_list)
    budget_table.fetch(shown)
    kept = funds_in_reach(user)
    return render(
        request,
        "funds/budget.html",
        {
            "page": page,
            "lines": list(budget_table.lines(shown)),
            "whole": budget_table.total(roots),
            "sees_funds": set(kept.values_list("pk", flat=True)),
            "year": year,
            "years": years,
            "month": clock.today().month,
            "is_now": year == clock.today().year,
            "funds": reach.filter(year=year).order_by("fund__code").values_list("fund", "fund__name").distinct(),
            "units": units,
            "programmes": programme_choices(),
            "asked": {"fund": fund_id, "unit": unit.pk if unit else None, "programme": programme},
            "is_filtered": bool(fund_id or unit or programme),
            "why_not": why_not(user, "make"),
        },
    )


def _visible(request: HttpRequest, allocation_id: int) -> Allocation:
    rows = allocations_in_reach(request.user).select_related("fund__unit", "fund__only_unit", "unit", "parent__unit")
    return visible(rows, pk=allocation_id)


@login_required
@require_safe
def allocation(request: HttpRequest, allocation_id: int) -> HttpResponse:
    """One allocation: its figures, its parts, and month by month what was planned and what was paid."""
    found = _visible(request, allocation_id)
    ids = budget.ids_within(found)
    roots = budget_table.forest(Allocation.objects.filter(pk__in=ids).order_by("unit__code", "programme", "pk"))
    budget_table.fetch(roots)
    (tree,) = roots
    posts = posts_for(request.user, "make")
    now = ledger.allocation_balances([found])[found.pk]
    return render(
        request,
        "funds/allocation.html",
        {
            "allocation": found,
            "title": title_of(found),
            "earmark": earmark_words(found.fund),
            "tree": tree,
            "lines": list(budget_table.lines(roots)) if tree.parts else [],
            "sees_funds": set(funds_in_reach(request.user).values_list("pk", flat=True)),
            "bar": figures.of(now),
            "months": _months(found, tree.own.budget_fen),
            "plan_gap_fen": tree.own.budget_fen - sum(found.plan_fen) if found.plan_fen else 0,
            "may_divide": any(post.reaches(found.unit) for post in posts),
            "may_take_back": any(post.reaches(found.fund.unit) for post in posts),
            "why_not": why_not(request.user, "make"),
            "month": clock.today().month,
        },
    )


def _months(found: Allocation, budget_fen: int) -> list[dict[str, Any]]:
    """Twelve rows: planned and paid, each month and since January; of months to come nothing is paid."""
    moved = figures.movements_of("paid", found.fund, [found.pk]).filter(business_date__year=found.year)
    paid = dict(
        moved.order_by()
        .values(month=ExtractMonth("business_date"))
        .annotate(sum_fen=Sum("fen"))
        .values_list("month", "sum_fen")
    )
    plan = found.plan_fen or budget.evenly(budget_fen)
    rows, planned_until, paid_until, today = [], 0, 0, clock.today()
    paid_by = Chosen("paid", allocation=found.pk)
    for month in MONTHS:
        until = paid_by.but(first=datetime.date(found.year, 1, 1), last=month_ends(found.year, month))
        planned_until += plan[month - 1]
        paid_until += paid.get(month, 0)
        rows.append(
            {
                "month": month,
                "plan_fen": plan[month - 1],
                "planned_until_fen": planned_until,
                "paid_fen": paid.get(month, 0),
                "paid_until_fen": paid_until,
                "paid_url": until.but(first=datetime.date(found.year, month, 1)).url,
                "paid_until_url": until.url,
                "is_now": (found.year, month) == (today.year, today.month),
                "is_to_come": (found.year, month) > (today.year, today.month),
            }
        )
    return rows


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def divide(request: HttpRequest, allocation_id: int) -> HttpResponse:
    """From the county to a township, from a township to a programme."""
    found = _visible(request, allocation_id)
    demand_for_unit(request.user, found.unit)
    units = OrgUnit.objects.filter(**{f"{found.unit.level}_id": found.unit_id}, valid_to__isnull=True)
    form = DivideForm(request.POST or None, allocation=found, units=units.exclude(level="group"))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        key = f"divide:{given['key']}"
        if Transfer.objects.filter(key=key).exists():
            return redirect("funds:allocation", found.pk)
        try:
            with acting(request.user, reason="divide"), in_plain_words():
                part = budget.divide(
                    found,
                    given["amount_fen"],
                    programme=given["programme"],
                    unit=given["unit"],
                    key=key,
                    document_no=given["document_no"],
                )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request,
                _("下拨记好了：%(what)s，%(unit)s。")
                % {"what": programme_title(part.programme), "unit": given["unit"].name},
            )
            return redirect("funds:allocation", found.pk)
    now = ledger.allocation_balances([found])[found.pk]
    return render(
        request,
        "funds/divide.html",
        {
            "form": form,
            "allocation": found,
            "about": title_of(found),
            "earmark": earmark_words(found.fund),
            "free_fen": now.allocated_fen,
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def plan(request: HttpRequest, allocation_id: int) -> HttpResponse:
    """What is to be paid in each month; or evenly, which follows the budget as it changes."""
    found = _visible(request, allocation_id)
    demand_for_unit(request.user, found.unit)
    budget_fen = ledger.allocation_balances([found])[found.pk].total_fen
    if request.method == "POST" and request.POST.get("even"):
        with acting(request.user, reason="set_plan"):
            budget.set_plan(found, None)
        messages.success(request, _("改成每月平均了，预算变了也跟着变。"))
        return redirect("funds:allocation", found.pk)
    form = PlanForm(request.POST or None, budget_fen=budget_fen, plan_fen=found.plan_fen)
    if request.method == "POST" and form.is_valid():
        with acting(request.user, reason="set_plan"):
            budget.set_plan(found, form.plan)
        messages.success(request, _("用款计划存好了。"))
        return redirect("funds:allocation", found.pk)
    return render(
        request,
        "funds/plan.html",
        {"form": form, "allocation": found, "about": title_of(found), "budget_fen": budget_fen},
    )
