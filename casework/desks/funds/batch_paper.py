"""The payment list of a batch on paper: what checker and cashier hold beside the screen, and sign."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from audit import clock
from casework.desks.funds.reach import batches_in_reach, payments_in_reach
from casework.desks.funds.tables import batch_rows, cases_of
from casework.reach import visible
from funds.models import Payment

LINES = 500  # on one sheet


@login_required
@require_safe
def batch_paper(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Payees with masked accounts, count and total in figures and capitals, and where three persons sign."""
    batch = visible(batches_in_reach(request.user).select_related("maker", "checker", "releaser"), pk=batch_id)
    rows = payments_in_reach(request.user).filter(batch=batch).exclude(state=Payment.State.CANCELLED).order_by("id")
    page = Paginator(rows, LINES).get_page(request.GET.get("page"))
    lines = list(page.object_list)
    cases = cases_of(lines, request.user)
    return render(
        request,
        "funds/batch_paper.html",
        {
            "batch": batch,
            "row": batch_rows([batch], request.user)[0],
            "page": page,
            "lines": [{"payment": payment, "case": cases.get(payment.pk)} for payment in lines],
            "today": clock.today(),
        },
    )
