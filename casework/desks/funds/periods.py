"""Months and years of a unit's books: what is open at the end, closing by two persons, what a closed month says."""

import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Case, F, Q, Sum, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.models import OrgUnit
from audit import clock
from casework.desks.funds import figures
from casework.desks.funds.earmarks import programme_title
from casework.desks.funds.forms import ReasonForm
from casework.desks.funds.reach import demand_at, holds_at, units_with_books, why_not
from casework.errors import REFUSALS
from casework.http import row_number
from casework.reach import visible
from funds import closing, ledger, periods, proposals
from funds.models import Allocation, Period, PeriodTotal
from funds.refusals import in_plain_words
from funds.statements import INSIDE

PAGE = 24  # months
PURPOSES = 50  # a page of the year's purposes


@login_required
@require_safe
def months(request: HttpRequest) -> HttpResponse:
    """The months of one unit's books, newest first."""
    units = list(units_with_books(request.user))
    if not units:
        raise Http404
    wanted = row_number(request.GET.get("unit"))
    unit = next((unit for unit in units if unit.pk == wanted), units[0])
    page = Paginator(_months_of(unit), PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "funds/periods.html",
        {
            "unit": unit,
            "chips": [{"label": u.name, "url": f"?unit={u.pk}", "on": u == unit} for u in units]
            if len(units) > 1
            else [],
            "page": page,
            "rows": _month_rows(unit, list(page.object_list)),
            "next": periods.next_to_close(unit),
            "waiting": periods.waiting_closing(unit),
        },
    )


def _months_of(unit: OrgUnit) -> list[tuple[int, int]]:
    """(year, month) from the first entry to today, newest first."""
    first = periods.first_entry(unit)
    if first is None:
        return []
    today = clock.today()
    count = (today.year - first.year) * 12 + today.month - first.month + 1
    begin = first.year * 12 + first.month - 1
    return [((begin + n) // 12, (begin + n) % 12 + 1) for n in reversed(range(count))]


def _month_rows(unit: OrgUnit, wanted: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """Each month with what it says when it is closed; two queries for all of them."""
    years = {year for year, _month in wanted}
    closed = {
        (period.year, period.month): period
        for period in Period.objects.filter(unit=unit, year__in=years).select_related(
            "proposal__proposed_by", "proposal__decided_by"
        )
    }
    held = Case(When(account__kind__in=INSIDE, then=F("closing_fen")), default=0)
    opened = Case(When(account__kind__in=INSIDE, then=F("opening_fen")), default=0)
    flying = Case(When(account__kind="in_payment", then=F("closing_fen")), default=0)
    sums = {
        row[0]: row[1:]
        for row in PeriodTotal.objects.filter(period__in=closed.values())
        .order_by()
        .values_list("period")
        .annotate(o=Sum(opened), e=Sum(held), f=Sum(flying))
    }
    turn, today = periods.next_to_close(unit), clock.today()
    rows = []
    for year, month in wanted:
        period = closed.get((year, month))
        opening_fen, closing_fen, flying_fen = sums.get(period.pk, (0, 0, 0)) if period else (None, None, None)
        rows.append(
            {
                "first": datetime.date(year, month, 1),
                "url": reverse("funds:month", args=[unit.pk, year, month]),
                "period": period,
                "opening_fen": opening_fen,
                "closing_fen": closing_fen,
                "flying_fen": flying_fen,
                "has_ended": periods.month_ends(year, month) < today,
                "is_next": (year, month) == turn,
            }
        )
    return rows


def _unit(request: HttpRequest, unit_id: int) -> OrgUnit:
    return visible(units_with_books(request.user), pk=unit_id)


def _valid(year: int, month: int = 1) -> None:
    if not (2000 <= year <= 2200 and 1 <= month <= 12):
        raise Http404


@login_required
@require_safe
def month(request: HttpRequest, unit_id: int, year: int, month: int) -> HttpResponse:
    """A closed month as it is printed and signed; an open one with what to look at before it is closed."""
    return _month_page(request, _unit(request, unit_id), year, month)


def _month_page(request: HttpRequest, unit: OrgUnit, year: int, month: int, *, form: Any = None) -> HttpResponse:
    _valid(year, month)
    if (year, month) not in _months_of(unit):
        raise Http404
    period = (
        Period.objects.filter(unit=unit, year=year, month=month)
        .select_related("proposal__proposed_by", "proposal__decided_by")
        .first()
    )
    first, last = datetime.date(year, month, 1), periods.month_ends(year, month)
    lines = closing.written(period) if period else []
    is_next, has_ended = (year, month) == periods.next_to_close(unit), last < clock.today()
    waiting = periods.waiting_closing(unit) if is_next else None
    mine = waiting is not None and waiting.proposer_person_key == request.user.person_key
    if waiting:
        barred = "" if mine else proposals.why_not_decide(waiting, request.user)
    elif holds_at(request.user, unit, "close"):
        barred = ""
    else:
        barred = why_not(request.user, "close") or _("这本账由%(unit)s的资金岗位结。") % {"unit": unit.name}
    return render(
        request,
        "funds/month.html",
        {
            "unit": unit,
            "first": first,
            "last": last,
            "period": period,
            "lines": [_line(line, first, last) for line in lines],
            "held": _sums([line for line in lines if line.kind in INSIDE]),
            "findings": [] if period else [_finding(found) for found in closing.findings(unit, year, month)],
            "is_next": is_next,
            "has_ended": has_ended,
            "turn": periods.next_to_close(unit),
            "waiting": waiting,
            "mine": mine,
            "may": not barred,
            "why_not": barred,
            "form": form or ReasonForm(initial={"reason": _("%(month)d 月月末结账") % {"month": month}}),
            "year_url": reverse("funds:year", args=[unit.pk, year]),
        },
        status=422 if form is not None and form.errors else 200,
    )


def _line(line: closing.MonthLine, first: datetime.date, last: datetime.date) -> dict[str, Any]:
    """Its figures with the rows of each."""
    base = f"{reverse('funds:statement_rows')}?of=fund:{line.fund_id}&from={first}&to={last}&stage={line.kind}"
    return {
        "line": line,
        "words": figures.ACCOUNT_WORDS[line.kind],
        "is_held": line.kind in INSIDE,
        "in_url": f"{base}&way=in",
        "out_url": f"{base}&way=out",
        "before_url": f"{base}&until={first - datetime.timedelta(days=1)}",
        "until_url": f"{base}&until={last}",
    }


def _sums(lines: list[closing.MonthLine]) -> dict[str, int]:
    return {name: sum(getattr(line, f"{name}_fen") for line in lines) for name in ("opening", "closing")}


def _finding(found: closing.Finding) -> dict[str, Any]:
    where = {
        "unanswered": f"{reverse('funds:payments')}?state=sent",
        "bank": reverse("funds:bank_accounts"),
        "goods_objected": reverse("countersigns:home"),
        "unconfirmed": reverse("countersigns:home"),
    }
    return {"found": found, "url": where.get(found.code, "") if found.count else ""}


@login_required
@require_POST
def propose(request: HttpRequest, unit_id: int, year: int, month: int) -> HttpResponse:
    unit = _unit(request, unit_id)
    _valid(year, month)
    demand_at(request.user, unit, "close")
    form = ReasonForm(request.POST)
    if form.is_valid():
        try:
            with in_plain_words():
                periods.propose_closing(
                    unit,
                    year,
                    month,
                    by=request.user,
                    key=f"close:{form.cleaned_data['key']}",
                    reason=form.cleaned_data["reason"],
                )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("结账提出来了。下一步：由另一个人核准。"))
            return redirect("funds:month", unit.pk, year, month)
    return _month_page(request, unit, year, month, form=form)


@login_required
@require_http_methods(["GET", "HEAD"])
def year(request: HttpRequest, unit_id: int, year: int) -> HttpResponse:
    """The year: its months, whether it is closed, and what is left of its purposes, to be carried over or handed back."""
    unit = _unit(request, unit_id)
    _valid(year)
    wanted = [pair for pair in _months_of(unit) if pair[0] == year]
    if not wanted:
        raise Http404
    left = (
        Allocation.objects.filter(fund__unit=unit, year=year)
        .filter(Q(accounts__kind__in=INSIDE), accounts__credit_fen__gt=F("accounts__debit_fen"))
        .distinct()
        .select_related("fund", "unit")
        .order_by("fund__code", "programme", "unit__code", "pk")
    )
    page = Paginator(left, PURPOSES).get_page(request.GET.get("page"))
    allocations = list(page.object_list)
    balances = ledger.allocation_balances(allocations)
    return render(
        request,
        "funds/year.html",
        {
            "unit": unit,
            "year": year,
            "rows": _month_rows(unit, wanted),
            "is_closed": periods.is_year_closed(unit, year),
            "closed": Period.objects.filter(unit=unit, year=year).count(),
            "page": page,
            "left": [
                {
                    "allocation": allocation,
                    "title": programme_title(allocation.programme),
                    "balance": balances[allocation.pk],
                }
                for allocation in allocations
            ],
        },
    )
