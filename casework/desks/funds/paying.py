"""Which cases wait for their money, and putting them on a list; asking money back."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.models import OrgUnit
from casework import payments
from casework.acting import act, possible_actions
from casework.desks.acts import REFUSALS
from casework.desks.funds.forms import BuildForm, ReasonForm, RecoverForm, programme_choices
from casework.desks.funds.reach import cases_in_reach, demand, why_not
from casework.desks.funds.refusals import in_plain_words
from casework.desks.funds.waiting import MOST_AT_ONCE, look_at, waiting_cases
from casework.http import row_number
from casework.models import Case
from casework.reach import visible
from funds import services as funds

PAGE = 50
_WITH = ("village", "household", "payee_account__holder")


def _filters(asked: Any) -> dict[str, Any]:
    return {"programme": asked.get("programme", ""), "village_id": row_number(asked.get("village"))}


@login_required
@require_safe
def waiting(request: HttpRequest) -> HttpResponse:
    """Approved cases waiting for payment, to be ticked and put on a batch."""
    user = request.user
    if not cases_in_reach(user).query.where:
        raise Http404
    chosen = _filters(request.GET)
    rows = waiting_cases(user, **chosen)
    page = Paginator(rows.select_related(*_WITH), PAGE).get_page(request.GET.get("page"))
    found = look_at(page.object_list, user)
    villages = OrgUnit.objects.filter(pk__in=waiting_cases(user).order_by().values("village_id")).order_by("code")
    return render(
        request,
        "funds/waiting.html",
        {
            "page": page,
            "rows": found,
            "ready": sum(1 for row in found if not row.because),
            "page_fen": sum(row.amount_fen for row in found),
            "programmes": programme_choices(),
            "villages": villages,
            "chosen": chosen,
            "most": MOST_AT_ONCE,
            "why_not": why_not(user, "make"),
        },
    )


@login_required
@require_POST
def build(request: HttpRequest) -> HttpResponse:
    """First the list with its sums, to be read once more; confirmed, it becomes a batch."""
    user = request.user
    demand(user, "make")
    if request.POST.get("all"):
        rows = waiting_cases(user, **_filters(request.POST))
    else:
        rows = waiting_cases(user).filter(pk__in=set(map(row_number, request.POST.getlist("case"))) - {None})
    found = look_at(rows.select_related(*_WITH)[:MOST_AT_ONCE], user)
    ready = [row for row in found if not row.because]
    if not ready:
        messages.warning(request, _("没有选到能付的个案。请在左边打勾。"))
        return redirect("funds:waiting")
    form = BuildForm(request.POST if request.POST.get("confirm") else None)
    if request.POST.get("confirm") and form.is_valid():
        try:
            with in_plain_words():
                batch = payments.build_batch(
                    [row.case.pk for row in ready],
                    by=user,
                    key=form.cleaned_data["key"],
                    title=form.cleaned_data["title"],
                )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            n = len(ready)
            messages.success(
                request,
                ngettext("%(n)d 笔列好了，批次 %(no)s。", "%(n)d 笔列好了，批次 %(no)s。", n)
                % {"n": n, "no": batch.number},
            )
            return redirect("funds:batch", batch.pk)
    return render(
        request,
        "funds/build.html",
        {
            "form": form,
            "rows": ready,
            "left_out": [row for row in found if row.because],
            "total_fen": sum(row.amount_fen for row in ready),
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def send_back(request: HttpRequest, case_id: int) -> HttpResponse:
    """An approved case goes back to the township, and its money is free again."""
    case = visible(cases_in_reach(request.user).select_related("village"), pk=case_id)
    return _one_act(
        request,
        case,
        "send_back",
        ReasonForm(request.POST or None),
        title=_("退回审批"),
        note=_("资金解锁，个案回到乡镇审核。"),
        done=_("已退回审批，资金已解锁。"),
        then="funds:waiting",
    )


@login_required
@require_safe
def recoveries(request: HttpRequest) -> HttpResponse:
    """Cases whose money must come back, because the papers of an emergency were not accepted."""
    rows = cases_in_reach(request.user).filter(state="recovery", is_open=True).order_by("due_on", "id")
    page = Paginator(rows.select_related("village"), PAGE).get_page(request.GET.get("page"))
    cases = list(page.object_list)
    paid = funds.paid_fen(case.subject for case in cases)
    return render(
        request,
        "funds/recoveries.html",
        {
            "page": page,
            "rows": [{"case": case, "paid_fen": paid.get(case.subject, 0)} for case in cases],
            "page_fen": sum(paid.values()),
            "why_not": why_not(request.user, "make"),
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def recover(request: HttpRequest, case_id: int) -> HttpResponse:
    """What came back, with its story; then the case is closed."""
    case = visible(cases_in_reach(request.user).select_related("village"), pk=case_id)
    return _one_act(
        request,
        case,
        "finish_recovery",
        RecoverForm(request.POST or None),
        title=_("记追回"),
        note=_("记好以后，钱回到原来的分配里，这一件结案。"),
        done=_("追回记好了，这一件已结案。"),
        then="funds:recoveries",
    )


def _one_act(
    request: HttpRequest, case: Case, action: str, form: Any, *, title: str, note: str, done: str, then: str
) -> HttpResponse:
    """A page with one form for one act on one case."""
    demand(request.user, "make")
    barred = next((why for edge, why in possible_actions(case, request.user) if edge.action == action), None)
    if barred is None:
        raise Http404
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        data = {"amount_fen": given["amount_fen"]} if "amount_fen" in given else {}
        try:
            with in_plain_words():
                act(case.pk, action, by=request.user, key=f"{action}:{given['key']}", reason=given["reason"], data=data)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, done)
            return redirect(then)
    return render(
        request,
        "funds/one_act.html",
        {"form": form, "case": case, "title": title, "note": note, "barred": barred, "back": reverse(then)},
    )
