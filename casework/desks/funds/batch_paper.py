"""The payment list of a batch on paper: what checker and cashier hold beside the screen, and sign."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from audit import clock
from casework.desks.funds.reach import batches_in_reach, payments_in_reach
from casework.desks.funds.tables import batch_rows, cases_of
from casework.reach import visible
from funds.models import Payment, PaymentBatch

LINES = 500  # on one sheet


@login_required
@require_safe
def batch_paper(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Payees with masked accounts, count and total in figures and capitals, and where three persons sign."""
    batch = visible(batches_in_reach(request.user).select_related("maker", "checker", "releaser"), pk=batch_id)
    return render(request, "funds/batch_paper.html", sheet_of(request, batch, LINES) | {"today": clock.today()})


def sheet_of(request: HttpRequest, batch: PaymentBatch, per_sheet: int) -> dict[str, Any]:
    """One sheet of the living lines of a batch within reach, for its printed papers."""
    rows = payments_in_reach(request.user).filter(batch=batch).exclude(state=Payment.State.CANCELLED).order_by("id")
    page = Paginator(rows, per_sheet).get_page(request.GET.get("page"))
    lines = list(page.object_list)
    cases = cases_of(lines, request.user)
    return {
        "batch": batch,
        "row": batch_rows([batch], request.user)[0],
        "page": page,
        "lines": [{"payment": payment, "case": cases.get(payment.pk)} for payment in lines],
    }
