"""Cash batches: the list to sign on, and line by line who gave it to whom, or that nobody took it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from casework import cash, handing_out, payments
from casework.bank_words import not_taken as told
from casework.desks.funds.batch_paper import sheet_of
from casework.desks.funds.forms import HandoverForm, ReasonForm
from casework.desks.funds.reach import batches_in_reach, demand, payments_in_reach
from casework.desks.funds.tables import cases_of
from casework.errors import REFUSALS
from casework.models import Case
from casework.reach import visible
from funds import cash as funds_cash
from funds.models import Payment
from funds.refusals import in_plain_words

LINES = 100  # on one sheet


@login_required
@require_safe
def cash_list(request: HttpRequest, batch_id: int) -> HttpResponse:
    """The list that families sign when they receive the money, to be printed."""
    batch = visible(batches_in_reach(request.user).select_related("maker", "checker", "releaser"), pk=batch_id)
    if not batch.is_cash:
        raise Http404
    return render(request, "funds/cash_list.html", sheet_of(request, batch, LINES))


def _line(request: HttpRequest, payment_id: int) -> tuple[Payment, Case | None]:
    """A cash payment that has been handed out to the payers, and its case; None: it pays a list, which has pages of its own."""
    payment = visible(payments_in_reach(request.user).select_related("batch"), pk=payment_id)
    if not payment.batch.is_cash:
        raise Http404
    demand(request.user, "answer")
    return payment, cases_of([payment], request.user).get(payment.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def handed(request: HttpRequest, payment_id: int) -> HttpResponse:
    """The money has reached the family: by whom, where, and the signed receipt."""
    payment, case = _line(request, payment_id)
    if case is None:
        return redirect("rosters:handover", payment.pk)
    there = redirect("funds:batch", payment.batch_id)
    payers = [(staff.pk, staff.name) for staff in handing_out.second_persons(case, request.user)]
    form = HandoverForm(
        request.POST or None,
        request.FILES or None,
        payers=payers,
        sent_on=payment.sent_on,
        initial={"received_by": payment.payee_name},
    )
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        key = f"cash:{given.pop('key')}"
        try:
            with in_plain_words():
                cash.hand_over(payment, by=request.user, key=key, **given)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request,
                _("%(name)s 的记好了，收条放进了卷宗。另一个经手人确认以后，这一笔才算发到手。")
                % {"name": payment.payee_name},
            )
            return there
    elif payment.state not in ("sent", "unknown") or funds_cash.living(payment) is not None:
        return there
    return render(
        request,
        "funds/handover.html",
        {"form": form, "payment": payment, "case": case, "back": reverse("funds:batch", args=[payment.batch_id])},
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def not_taken(request: HttpRequest, payment_id: int) -> HttpResponse:
    """Nobody took it: the cash goes back, and the case waits for payment again."""
    payment, case = _line(request, payment_id)
    if case is None:
        return redirect("rosters:not_taken", payment.pk)
    back = reverse("funds:batch", args=[payment.batch_id])
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        answer = payments.Answer(payment.pk, credited=False, reason=told(form.cleaned_data["reason"]))
        try:
            with in_plain_words():
                payments.record_answers([answer], by=request.user, key=f"untaken:{form.cleaned_data['key']}")
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("记好了。现金请交回，这一件回到「付款」里。"))
            return redirect(back)
    elif payment.state not in ("sent", "unknown"):
        return redirect(back)
    context: dict[str, Any] = {
        "form": form,
        "case": case,
        "payment": payment,
        "title": _("没有领取"),
        "note": _("这笔现金没有发出去，交回出纳。个案回到「付款」里，可以再发，或者改走银行。"),
        "barred": "",
        "back": back,
    }
    return render(request, "funds/one_act.html", context)
