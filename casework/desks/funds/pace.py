"""The picture of how fast a budget is used: month by month, beside its plan."""

import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import F, Sum
from django.db.models.functions import TruncMonth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import dateformat
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from audit import clock
from casework.charts import burndown
from casework.days import day_short, speaks_chinese
from casework.desks.funds.earmarks import programme_title
from casework.desks.funds.entries import (
    Chosen,
    accounts,
    transfers,
)
from casework.desks.funds.forms import programme_choices
from casework.desks.funds.pictures import choices, chosen_fund, in_short, year_of
from casework.desks.funds.reach import allocations_in_reach, demand_money
from casework.http import row_number
from casework.reach import visible
from funds.budget import planned, planned_so_far
from funds.money import yuan


@login_required
@require_safe
def pace(request: HttpRequest) -> HttpResponse:
    """Budget against plan: of an allocation, of a fund, of a programme, or of all money within reach, in one year."""
    user = request.user
    demand_money(user)
    year, fund = year_of(request), chosen_fund(user, request.GET.get("fund"))
    asked = request.GET.get("programme", "")
    programme = asked if asked in dict(programme_choices()) else ""
    allocation = None
    if number := row_number(request.GET.get("allocation")):
        allocation = visible(allocations_in_reach(user).select_related("fund", "unit"), pk=number)
        year, fund, programme = allocation.year, allocation.fund, allocation.programme
    chosen = Chosen(
        year=year,
        fund=fund.pk if fund else None,
        programme=programme,
        allocation=allocation.pk if allocation else None,
    )
    about = [fund.name] if fund else []
    about += [str(programme_title(programme))] if programme else []
    about += [allocation.unit.name] if allocation else []
    return render(
        request,
        "funds/pace.html",
        {
            "asked": {"year": year, "fund": fund.pk if fund else "", "programme": programme},
            "about": about,
            "allocation": allocation,
            "programmes": programme_choices(),
            **choices(user, year),
            "burndown": pace_picture(user, chosen, year),
        },
    )


def pace_picture(user: Any, chosen: Chosen, year: int) -> dict[str, Any] | None:
    """Month by month, what was promised and paid out of the allocations of a year; None where nothing is allocated.

    The plan is that of the allocations together, each as it was written or evenly. What was booked before or after the
    year counts in its first or last month. Three queries.
    """
    budgets = list(
        accounts(user, chosen.but(figure="budget"))
        .order_by()
        .values_list("allocation", "allocation__plan_fen")
        .annotate(fen=Sum(F("credit_fen") - F("debit_fen")))
    )
    if not budgets:
        return None
    budget_fen = sum(fen for _allocation, _plan, fen in budgets)
    plan = [sum(month) for month in zip(*(planned(plan, fen) for _allocation, plan, fen in budgets), strict=True)]
    months = _months(user, chosen, year)
    today = clock.today()
    now = _gone_by(today, year)
    rows, drawn, used_by_then, paid_by_then = [], [], 0, 0
    for number, (used_fen, paid_fen) in enumerate(months):
        used_by_then, paid_by_then = used_by_then + used_fen, paid_by_then + paid_fen
        label = _month_name(year, number + 1)
        link = chosen.but(**_span(year, number + 1))
        row = {
            "month": label,
            "plan_fen": plan[number],
            "used_fen": used_fen,
            "used_by_then_fen": used_by_then,
            "paid_fen": paid_fen,
            "paid_by_then_fen": paid_by_then,
            "used_url": link.but(figure="used").url,
            "paid_url": link.but(figure="paid").url,
            "has_begun": number < now or bool(used_fen or paid_fen),
        }
        rows.append(row)
        drawn.append(_month(row))
    return {
        "key": "pace",
        "title": _("%(year)d 年预算、计划和执行") % {"year": year},
        "desc": _("预算 %(budget)s 元，已承诺和已拨付 %(used)s 元，其中已拨付 %(paid)s 元。")
        % {"budget": yuan(budget_fen), "used": yuan(used_by_then), "paid": yuan(paid_by_then)},
        "rows": rows,
        "budget_fen": budget_fen,
        "used_fen": used_by_then,
        "paid_fen": paid_by_then,
        "plan_now_fen": sum(planned_so_far(plan, fen, year, today) for _allocation, plan, fen in budgets),
        **{f"{figure}_url": chosen.but(figure=figure).url for figure in ("budget", "used", "paid")},
        **{
            name: burndown.lay_out(
                drawn,
                budget_fen=budget_fen,
                words=_axis,
                budget_words=_("预算 %(fen)s") % {"fen": in_short(budget_fen)},
                today=now if 0 < now < 12 else None,
                today_words=_("今天 %(day)s") % {"day": day_short(today)},
                width=width,
            )
            for name, width in (("wide", burndown.WIDE), ("narrow", burndown.NARROW))
        },
    }


def _months(user: Any, chosen: Chosen, year: int) -> list[tuple[int, int]]:
    """(newly bound, paid) of each month, in fen. Three queries."""
    found = [[0, 0] for _month in range(12)]
    for at, figure in enumerate(("used", "paid")):
        rows = (
            transfers(user, chosen.but(figure=figure))
            .order_by()
            .annotate(month=TruncMonth("business_date"))
            .values_list("month")
            .annotate(fen=Sum("moved_fen"))
        )
        for month, fen in rows:
            number = min(max((month.year - year) * 12 + month.month, 1), 12)
            found[number - 1][at] += fen
    return [(used, paid) for used, paid in found]


def _span(year: int, month: int) -> dict[str, datetime.date]:
    """The days whose rows a month's mark stands for: the first and last month are open towards the other years."""
    span = {}
    if month > 1:
        span["first"] = datetime.date(year, month, 1)
    if month < 12:
        span["last"] = datetime.date(year, month + 1, 1) - datetime.timedelta(days=1)
    return span


def _gone_by(today: datetime.date, year: int) -> float:
    """How many months of the year have gone by, 3.5 in mid-April; 0 before it and 12 after it."""
    if today.year != year:
        return 0.0 if today.year < year else 12.0
    following = datetime.date(year + today.month // 12, today.month % 12 + 1, 1)
    whole = (following - today.replace(day=1)).days
    return today.month - 1 + today.day / whole


def _month_name(year: int, month: int) -> str:
    first = datetime.date(year, month, 1)
    return dateformat.format(first, "n月" if speaks_chinese() else "M")


def _axis(amount_fen: int) -> str:
    return in_short(amount_fen) if amount_fen else "0"


def _month(row: dict[str, Any]) -> burndown.Month:
    words = {name: yuan(row[name]) for name in ("used_fen", "used_by_then_fen", "paid_fen", "paid_by_then_fen")}
    words["month"] = row["month"]
    paid_fen = max(row["paid_by_then_fen"], 0)  # a clock set back (demo) may put a payment before its promise
    return burndown.Month(
        row["month"],
        row["plan_fen"],
        max(row["used_by_then_fen"], paid_fen),
        paid_fen,
        row["used_url"],
        _("%(month)s：新承诺 %(used_fen)s 元，到月底共承诺和拨付 %(used_by_then_fen)s 元。看当月这几笔") % words,
        row["paid_url"],
        _("%(month)s：拨付 %(paid_fen)s 元，到月底共拨付 %(paid_by_then_fen)s 元。看当月这几笔") % words,
        row["has_begun"],
    )
