"""What a figure is made of: by case, or entry by entry. Each page's sum is the ledger's own figure."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from casework.desks.funds import figures
from casework.desks.funds.earmarks import title_of
from casework.desks.funds.proposed import side_words
from casework.desks.funds.reach import allocations_in_reach, cases_in_reach, funds_in_reach
from casework.http import row_number
from funds import budget
from funds.models import Allocation, Fund

PAGE = 25
# What is set aside or taken back is told entry by entry; the rest by case.
BY_ENTRY = ("budget",)
SHOWN = ("committed", "paid", "available", "promised", "in_payment", "imprest", "allocated", "budget")


def _asked(user: Any, fund_id: int, text: str) -> tuple[Fund, Allocation | None]:
    """The fund, and the allocation that ?allocation= names. Who reaches the allocation alone sees that much of the fund."""
    found = funds_in_reach(user).select_related("unit").filter(pk=fund_id).first()
    number = row_number(text)
    rows = found.allocations if found else allocations_in_reach(user).filter(fund=fund_id)
    allocation = rows.select_related("unit", "fund").filter(pk=number).first() if number else None
    if found is None and allocation is None:
        raise Http404
    return found or allocation.fund, allocation


@login_required
@require_safe
def figure(request: HttpRequest, fund_id: int, name: str) -> HttpResponse:
    """The rows that make up a figure of a fund, of ?allocation=, or with &parts=1 of all that was divided from it."""
    found, allocation = _asked(request.user, fund_id, request.GET.get("allocation", ""))
    if name not in SHOWN or (allocation is None and name == "budget"):
        raise Http404
    with_parts = bool(request.GET.get("parts"))
    within = None
    if allocation is not None:
        within = budget.ids_within(allocation) if with_parts else [allocation.pk]
    context = {
        "fund": found,
        "sees_fund": funds_in_reach(request.user).filter(pk=found.pk).exists(),
        "name": name,
        "title": figures.FIGURES[name][1],
        "allocation": allocation,
        "allocation_title": title_of(allocation) if allocation else "",
        "with_parts": with_parts and len(within or ()) > 1,
    }
    if name in BY_ENTRY:
        return render(request, "funds/figure_entries.html", context | _by_entry(request, name, found, within))
    return render(request, "funds/figure.html", context | _by_case(request, name, found, within))


def _by_case(request: HttpRequest, name: str, found: Fund, within: list[int] | None) -> dict[str, Any]:
    rows = figures.parts_of(name, found, within)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    return {
        "page": page,
        "rows": figures.with_cases(list(page.object_list), cases_in_reach(request.user)),
        "sum_fen": rows.order_by().aggregate(whole=Sum("fen"))["whole"] or 0,
    }


def _by_entry(request: HttpRequest, name: str, found: Fund, within: list[int] | None) -> dict[str, Any]:
    rows = figures.movements_of(name, found, within)
    sides = ("debit__fund", "debit__allocation__unit", "credit__fund", "credit__allocation__unit")
    page = Paginator(rows.select_related("recorded_by", "proposal", *sides), PAGE).get_page(request.GET.get("page"))
    return {
        "page": page,
        "rows": [
            {
                "transfer": transfer,
                "kind": figures.KIND_WORDS[transfer.kind],
                "other": side_words(transfer.debit if transfer.fen > 0 else transfer.credit),
            }
            for transfer in page.object_list
        ],
        "sum_fen": rows.order_by().aggregate(whole=Sum("fen"))["whole"] or 0,
    }
