"""What is done with a batch before the bank has it: checked, released, a line taken off; three persons for three steps."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from casework import guards, payments
from casework.acting import act
from casework.desks.confirming import Kind, ask, is_confirmed
from casework.desks.funds.batches import bars_of, batch_page, batch_row
from casework.desks.funds.forms import LookedOverForm, ReasonForm, ReleaseForm
from casework.desks.funds.reach import (
    demand,
    payments_in_reach,
)
from casework.desks.funds.tables import BatchRow, cases_of
from casework.errors import REFUSALS, NotLookedOver
from casework.reach import visible
from casework.rosters import jobs as roster_jobs
from casework.rosters import looking_over
from funds.models import Payment, PaymentBatch
from funds.refusals import in_plain_words
from jobs.models import Job


@login_required
@require_POST
def check(request: HttpRequest, batch_id: int) -> HttpResponse:
    """The second pair of eyes; what the guards see is told first, and asked for one tick and a reason."""
    row = batch_row(request, batch_id)
    demand(request.user, "check")
    form = LookedOverForm(request.POST, warned=bool(request.POST.get("warned")))
    if form.is_valid():
        given = form.cleaned_data
        try:
            with in_plain_words():
                payments.check_batch(
                    row.batch.pk, by=request.user, key=f"check:{given['key']}", looked_over=given["looked_over"]
                )
        except NotLookedOver as refusal:
            return batch_page(request, row, check_form=LookedOverForm(warned=True), findings=refusal.findings)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("复核好了。下一步：出纳放行。"))
            return redirect("funds:batch", row.batch.pk)
    if form.warned and not form.non_field_errors():
        findings = guards.look_over_sets(payments.lines_of(row.batch))
        return batch_page(request, row, check_form=form, findings=findings)
    return _refused(request, row, form)


@sensitive_post_parameters("password", "code")
@login_required
@require_POST
def release(request: HttpRequest, batch_id: int) -> HttpResponse:
    """To the bank, after count and total were typed once more, and her code or password."""
    row = batch_row(request, batch_id)
    demand(request.user, "release")
    form = ask(request, ReleaseForm(request.POST, real_count=row.count, real_fen=row.total_fen), Kind.PAY)
    if form.is_valid() and is_confirmed(request, form, Kind.PAY):
        given = form.cleaned_data
        typed, key = payments.Typed(given["count"], given["total_fen"]), f"release:{given['key']}"
        try:
            job = _release_of_a_long_list(request, row, typed, key)
            if job is not None:
                return redirect("rosters:job", job.pk)
            with in_plain_words():
                payments.release_batch(row.batch.pk, by=request.user, key=key, typed=typed)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            done = _("已放行，领现金去发。发到手以后，一笔一笔在这里记。")
            messages.success(request, done if row.batch.is_cash else _("已放行，交给银行。银行答复以后在这里记。"))
            return redirect("funds:batch", row.batch.pk)
        return _refused(request, row, form)
    return batch_page(request, row, release_form=form)


def _release_of_a_long_list(request: HttpRequest, row: BatchRow, typed: payments.Typed, key: str) -> Job | None:
    """The job that sends what nobody would wait for; None where the release is done, or refused, at once."""
    roster = looking_over.roster_of(row.batch)
    if roster is None or typed.count <= roster_jobs.LONG or bars_of(row, request.user, "release"):
        return None
    params = {"batch": row.batch.pk, "key": key, "count": typed.count, "total_fen": typed.total_fen}
    return roster_jobs.start("release_roster_batch", _("放行"), roster, by=request.user, **params)


def _refused(request: HttpRequest, row: BatchRow, form: Any) -> HttpResponse:
    """The batch as it stands now, with the refusal; a batch that moved on meanwhile has no form to show it in."""
    for text in form.non_field_errors() or [_("这一页放得太久了，请再按一次。")]:
        messages.error(request, text)
    return batch_page(request, batch_row(request, row.batch.pk))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def unlist(request: HttpRequest, payment_id: int) -> HttpResponse:
    """One line off a batch that has not been released; its case waits for payment again."""
    payment = visible(payments_in_reach(request.user).select_related("batch"), pk=payment_id)
    demand(request.user, "unlist")
    if payment.state != Payment.State.LISTED or payment.batch.state == PaymentBatch.State.RELEASED:
        raise Http404
    if payment.subject.startswith("roster:"):
        return redirect("rosters:unlist", payment.pk)
    case = cases_of([payment], request.user)[payment.pk]
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with in_plain_words():
                act(case.pk, "unlist_payment", by=request.user, key=f"unlist:{given['key']}", reason=given["reason"])
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("已移出。这一件回到「付款」里。"))
            return redirect("funds:batch", payment.batch_id)
    return render(
        request,
        "funds/one_act.html",
        {
            "form": form,
            "case": case,
            "title": _("移出付款清单"),
            "note": _("这一笔不付了，个案回到等付款。钱仍然锁着。"),
            "payment": payment,
            "barred": "",
            "back": reverse("funds:batch", args=[payment.batch_id]),
        },
    )
