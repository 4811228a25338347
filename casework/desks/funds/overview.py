"""What money there is: balances by source, what each figure is made of, the ledger of a fund."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from access.models import OrgUnit
from access.roles import Ability
from audit.context import acting
from casework.desks.funds import figures
from casework.desks.funds.earmarks import earmark_words, programme_title, title_of
from casework.desks.funds.forms import AllocateForm, OpenFundForm
from casework.desks.funds.menu import batches_for
from casework.desks.funds.reach import (
    allocations_in_reach,
    batches_in_reach,
    cases_in_reach,
    demand,
    demand_for_unit,
    funds_in_reach,
    holds,
    posts_for,
    why_not,
)
from casework.desks.funds.tables import batch_rows
from casework.errors import REFUSALS
from casework.http import day_of, row_number
from casework.models import Case
from casework.reach import units_in, visible
from funds import ledger
from funds import services as funds
from funds.budget import REVERSIBLE
from funds.models import Allocation, Fund
from funds.refusals import in_plain_words

PAGE = 25
MOST_OF_MINE = 5


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What waits for her, balances by source, the allocations, the latest batches."""
    user = request.user
    kept = list(funds_in_reach(user).select_related("unit", "only_unit").order_by("code"))
    allocations = list(
        allocations_in_reach(user)
        .select_related("fund", "unit")
        .order_by("-year", "fund__code", "programme", "unit__code")
    )
    if not kept and not allocations and not posts_for(user, "make"):
        raise Http404
    balance = ledger.balances(kept)
    cards = [
        figures.of(balance[fund.pk], fund.name, earmark_words(fund), reverse("funds:fund", args=[fund.pk]))
        for fund in kept
    ]
    batches = list(batches_in_reach(user).select_related("maker", "checker", "releaser")[:5])
    return render(
        request,
        "funds/home.html",
        {
            "cards": cards,
            "whole": figures.total(cards),
            "allocations": _allocation_rows(allocations),
            "batches": batch_rows(batches, user),
            "may_make": not why_not(user, "make"),
            "why_not": why_not(user, "make"),
            "acts_on_batches": holds(user, "check") or holds(user, "release"),
            "mine": batch_rows(batches_for(user).select_related("maker", "checker", "releaser")[:MOST_OF_MINE], user),
        },
    )


def _allocation_rows(allocations: list[Allocation]) -> list[dict[str, Any]]:
    balance = ledger.allocation_balances(allocations)
    return [
        {
            "allocation": allocation,
            "programme": programme_title(allocation.programme),
            "fund": figures.of(balance[allocation.pk], allocation.fund.name),
        }
        for allocation in allocations
    ]


@login_required
@require_safe
def fund(request: HttpRequest, fund_id: int) -> HttpResponse:
    """One fund: its figures, its allocations, its ledger."""
    found = visible(funds_in_reach(request.user).select_related("unit", "only_unit"), pk=fund_id)
    allocations = list(found.allocations.select_related("fund", "unit").order_by("-year", "programme", "unit__code"))
    now = ledger.balances([found])[found.pk]
    rows = _allocation_rows(allocations)
    mine = any(post.reaches(found.unit) for post in posts_for(request.user, "make"))
    return render(
        request,
        "funds/fund.html",
        {
            "fund": found,
            "figures": figures.of(now, found.name, earmark_words(found)),
            "unallocated_fen": now.available_fen,
            "allocations": rows,
            "allocated": figures.total([row["fund"] for row in rows]),
            "may_make": mine,
            "why_not": "" if mine else why_not(request.user, "make"),
            **_ledger_page(request, found, now, may_undo=mine),
        },
    )


def _pending_reversals(found: Fund) -> dict[int, int]:
    """{transfer id: proposal id} of the reversals that wait for a second person."""
    waiting = found.proposals.filter(kind="reverse", state="proposed").values_list("details__transfer", "pk")
    return dict(waiting)


def _ledger_page(request: HttpRequest, found: Fund, now: ledger.Balance, *, may_undo: bool) -> dict[str, Any]:
    """The transfers of a fund, newest first, filtered by kind, days, case or allocation."""
    asked = request.GET
    allocation = _chosen_allocation(found, asked.get("allocation", ""))
    rows = figures.transfers_of(found, [allocation.pk] if allocation else None).order_by("-id")
    if allocation is not None:
        now = ledger.allocation_balances([allocation])[allocation.pk]
    kind = asked.get("kind", "")
    if kind in figures.KIND_WORDS:
        rows = rows.filter(kind=kind)
    entry = row_number(asked.get("entry"))
    if entry:  # one entry, and what undid it
        rows = rows.filter(Q(pk=entry) | Q(reverses=entry) | Q(reversed_by=entry))
    first, last = day_of(asked.get("from", "")), day_of(asked.get("to", ""))
    if first:
        rows = rows.filter(business_date__gte=first)
    if last:
        rows = rows.filter(business_date__lte=last)
    case_no = asked.get("case", "").strip()
    if case_no:
        wanted = Case.objects.filter(case_no=case_no).values_list("pk", flat=True).first()
        rows = rows.filter(subject=f"case:{wanted or 0}")
    sums = figures.sums_by_kind(rows)
    told = rows.select_related("recorded_by", "proposal", "receipt", "reversed_by")
    page = Paginator(told, PAGE).get_page(asked.get("page"))
    transfers = list(page.object_list)
    pending = _pending_reversals(found)
    after = figures.after_each(transfers, now, found, allocation)
    cases = figures.with_cases(
        [{"subject": transfer.subject, "fen": 0} for transfer in transfers], cases_in_reach(request.user)
    )
    return {
        "page": page,
        "rows": [
            {
                "transfer": transfer,
                "kind": figures.KIND_WORDS[transfer.kind],
                "after": after[transfer.pk],
                "case": row.case,
                "pending": pending.get(transfer.pk),
                "is_undone": hasattr(transfer, "reversed_by"),
                "may_undo": may_undo
                and transfer.kind in REVERSIBLE
                and not transfer.reverses_id
                and not hasattr(transfer, "reversed_by")
                and transfer.pk not in pending,
            }
            for transfer, row in zip(transfers, cases, strict=True)
        ],
        "sums": sums,
        "sum_n": sum(kind.count for kind in sums),
        "kinds": figures.KIND_WORDS.items(),
        "asked": {"kind": kind, "from": asked.get("from", ""), "to": asked.get("to", ""), "case": case_no},
        "allocation": allocation,
        "allocation_title": title_of(allocation) if allocation else "",
        "is_filtered": bool(kind or first or last or case_no or allocation or entry),
    }


def _chosen_allocation(found: Fund, text: str) -> Allocation | None:
    return found.allocations.select_related("unit").filter(pk=row_number(text)).first()


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def open_fund(request: HttpRequest) -> HttpResponse:
    demand(request.user, "make")
    posts = posts_for(request.user, "make")
    units = OrgUnit.objects.filter(pk__in=[post.unit_id for post in posts])
    inside = units_in(request.user, Ability.FUND_VIEW) or Q(pk__in=())
    places = OrgUnit.objects.filter(inside, valid_to__isnull=True).exclude(level="group")
    form = OpenFundForm(request.POST or None, units=units, places=places)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with acting(request.user, reason="open_fund"), in_plain_words():
                made = funds.open_fund(
                    given["code"].upper(),
                    given["name"],
                    source=given["source"],
                    unit=given["unit"],
                    programmes=given["programmes"],
                    document_no=given["document_no"],
                    fiscal_level=given["fiscal_level"],
                    purposes=given["purposes"],
                    only_unit=given["only_unit"],
                    first_year=given["first_year"],
                    last_year=given["last_year"],
                )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("「%(name)s」开好了。下一步：记收款。") % {"name": made.name})
            return redirect("funds:fund", made.pk)
    return render(request, "funds/form.html", {"form": form, "title": _("开一项资金"), "verb": _("开好"), "wide": True})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def allocate(request: HttpRequest, fund_id: int) -> HttpResponse:
    found = visible(funds_in_reach(request.user).select_related("unit"), pk=fund_id)
    demand_for_unit(request.user, found.unit)
    level = found.unit.level
    units = OrgUnit.objects.filter(**{f"{level}_id": found.unit_id}, valid_to__isnull=True).exclude(level="group")
    form = AllocateForm(request.POST or None, units=units)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with acting(request.user, reason="allocate"), in_plain_words():
                funds.allocate(
                    found,
                    given["amount_fen"],
                    programme=given["programme"],
                    unit=given["unit"],
                    year=given["year"],
                    key=f"allocate:{given['key']}",
                    document_no=given["document_no"],
                )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("分配记好了。"))
            return redirect("funds:fund", found.pk)
    now = ledger.balances([found])[found.pk]
    return render(
        request,
        "funds/form.html",
        {
            "form": form,
            "fund": found,
            "title": _("分配资金"),
            "verb": _("记账"),
            "free_fen": now.available_fen,
            "earmark": earmark_words(found),
        },
    )
