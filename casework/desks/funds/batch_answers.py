"""The bank's answers to a batch, by hand: line by line, or the rest at once; looked at before they are recorded."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from casework import payments
from casework.bank_words import returned_words
from casework.desks.funds.batches import LINES, batch_row, lines_of
from casework.desks.funds.forms import AnswersForm
from casework.desks.funds.reach import (
    demand,
)
from casework.desks.funds.tables import BatchRow, cases_of
from casework.errors import REFUSALS
from funds.models import Payment
from funds.refusals import in_plain_words


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def answers(request: HttpRequest, batch_id: int) -> HttpResponse:
    """What the bank said, line by line; shown once more with its sums before it is written down."""
    row = batch_row(request, batch_id)
    demand(request.user, "answer")
    if row.batch.is_cash:
        raise Http404
    if payments.were_recorded(f"answer:{request.POST.get('key')}", by=request.user):  # pressed twice
        messages.success(request, _("银行的答复记好了。"))
        return redirect("funds:batch", row.batch.pk)
    open_lines = list(lines_of(request, row).filter(state__in=("sent", "unknown"))[:LINES])
    if not open_lines and request.method != "POST":
        messages.info(request, _("这一批每一笔银行都答复了。"))
        return redirect("funds:batch", row.batch.pk)
    form = AnswersForm(request.POST or None, payments=open_lines)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        if not request.POST.get("confirm"):
            return _preview(request, row, form, open_lines)
        try:
            with in_plain_words():
                payments.record_answers(
                    [
                        payments.Answer(payment.pk, credited, reason, given["bank_reference"], given["answered_on"])
                        for payment, credited, reason in given["answers"]
                    ],
                    by=request.user,
                    key=f"answer:{given['key']}",
                )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            back = sum(1 for _payment, credited, _reason in given["answers"] if credited is False)
            messages.success(request, _("银行的答复记好了。"))
            if back:
                messages.warning(
                    request,
                    ngettext("%(n)d 笔退回，已派给村里核对账户。", "%(n)d 笔退回，已派给村里核对账户。", back)
                    % {"n": back},
                )
            return redirect("funds:batch", row.batch.pk)
    cases = cases_of(open_lines, request.user)
    return render(
        request,
        "funds/answers.html",
        {
            "row": row,
            "batch": row.batch,
            "form": form,
            "lines": [line | {"case": cases.get(line["payment"].pk)} for line in form.lines()],
            "open_fen": sum(payment.amount_fen for payment in open_lines),
            "more": row.unanswered - len(open_lines),
        },
    )


def _preview(request: HttpRequest, row: BatchRow, form: AnswersForm, open_lines: list[Payment]) -> HttpResponse:
    found = form.cleaned_data["answers"]
    answered = {payment.pk for payment, _credited, _reason in found}
    unclear = [payment for payment, credited, _reason in found if credited is None]
    groups = [
        {"words": _("到账"), "tone": "ok", "rows": [payment for payment, credited, _reason in found if credited]},
        {
            "words": _("银行退回"),
            "tone": "act",
            "rows": [payment for payment, credited, _reason in found if credited is False],
        },
        *([{"words": _("银行说不清"), "tone": "soon", "rows": unclear}] if unclear else []),
        {
            "words": _("还没有答复，不动"),
            "tone": "none",
            "rows": [payment for payment in open_lines if payment.pk not in answered],
        },
    ]
    for group in groups:
        group["fen"] = sum(payment.amount_fen for payment in group["rows"])
    return render(
        request,
        "funds/answers_preview.html",
        {
            "row": row,
            "batch": row.batch,
            "groups": groups,
            "returned": [(payment, returned_words(reason)) for payment, credited, reason in found if credited is False],
            "fields": form.as_shown(),
        },
    )
