"""Which cases wait for their money, and putting them on a list."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.models import OrgUnit
from casework import guards, payments
from casework.desks.funds.forms import BuildForm, ReasonForm, programme_choices
from casework.desks.funds.reach import cases_in_reach, demand, demand_money, why_not
from casework.desks.funds.single import one_act
from casework.desks.funds.waiting import MOST_AT_ONCE, Waiting, look_at, waiting_cases, with_help_of_the_year
from casework.errors import REFUSALS, KeyReused
from casework.http import row_number
from casework.reach import visible
from funds.models import PaymentBatch
from funds.refusals import in_plain_words

PAGE = 50
MOST_TOLD = 10
_WITH = ("village", "household", "beneficiary", "payee_account__holder", "provider")


def _filters(asked: Any) -> dict[str, Any]:
    return {"programme": asked.get("programme", ""), "village_id": row_number(asked.get("village"))}


@login_required
@require_safe
def waiting(request: HttpRequest) -> HttpResponse:
    """Cases waiting for payment, to be ticked and put on a batch; ?later=1 shows parts that are not due yet."""
    user = request.user
    demand_money(user)
    chosen, later = _filters(request.GET), request.GET.get("later") == "1"
    rows = waiting_cases(user, **chosen, later=later)
    page = Paginator(rows.select_related(*_WITH), PAGE).get_page(request.GET.get("page"))
    found = look_at(page.object_list, user)
    ready = [row for row in found if not row.because]
    villages = OrgUnit.objects.filter(pk__in=waiting_cases(user, later=later).order_by().values("village_id"))
    return render(
        request,
        "funds/waiting.html",
        {
            "page": page,
            "rows": found,
            "ready": len(ready),
            "ready_fen": sum(row.amount_fen for row in ready),
            "programmes": programme_choices(),
            "villages": villages.order_by("code"),
            "chosen": chosen,
            "later": later,
            "most": MOST_AT_ONCE,
            "why_not": why_not(user, "make"),
        },
    )


@login_required
@require_POST
def build(request: HttpRequest) -> HttpResponse:
    """First the list with its sums and what the guards see, to be read once more; confirmed, it becomes a batch."""
    user, asked = request.user, request.POST
    demand(user, "make")
    confirmed = bool(asked.get("confirm"))
    known = _pressed_before(asked.get("key", ""), user) if confirmed else None
    if known:
        return redirect("funds:batch", known.pk)
    if asked.get("all"):
        rows = waiting_cases(user, **_filters(asked))
    else:
        rows = waiting_cases(user).filter(pk__in=set(map(row_number, asked.getlist("case"))) - {None})
    ready, left_out, findings = _sorted_out(look_at(rows.select_related(*_WITH)[:MOST_AT_ONCE], user))
    if not ready:
        for text in left_out[:MOST_TOLD] or [_("没有选到能付的个案。请在名单里打勾。")]:
            messages.warning(request, text)
        return redirect("funds:waiting")
    form = BuildForm(asked if confirmed else None, warned=bool(findings))
    if confirmed and left_out:
        form.add_error(None, _("有几件刚才变了，没有列进来。请再看一遍这一批。"))
    if confirmed and form.is_valid():
        batch = _built(form, [row.case.pk for row in ready], user)
        if batch:
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
            "rows": with_help_of_the_year(ready),
            "left_out": left_out,
            "findings": findings,
            "total_fen": sum(row.amount_fen for row in ready),
        },
    )


def _pressed_before(key: str, user: Any) -> PaymentBatch | None:
    """The batch of the same submission; somebody else's key is refused when it comes to building."""
    try:
        return payments.built_with(key, by=user) if key else None
    except KeyReused:
        return None


def _sorted_out(found: list[Waiting]) -> tuple[list[Waiting], list[str], list[guards.Finding]]:
    """What can be listed, why the rest cannot, and what must be looked at first."""
    left_out = [f"{row.case.head_name}（{row.case.case_no}）：{row.because}" for row in found if row.because]
    ready = [row for row in found if not row.because]
    findings = guards.look_over([row.line() for row in ready])
    barred = {finding.subject for finding in findings if finding.blocks}
    if barred:
        left_out += [finding.text for finding in findings if finding.blocks]
        ready = [row for row in ready if row.case.subject not in barred]
        findings = [finding for finding in findings if finding.subject not in barred]
    return ready, left_out, findings


def _built(form: BuildForm, case_ids: list[int], user: Any) -> PaymentBatch | None:
    """The batch; None when it was refused, with the refusal on the form."""
    given = form.cleaned_data
    try:
        with in_plain_words():
            return payments.build_batch(
                case_ids,
                by=user,
                key=given["key"],
                title=given["title"],
                cash_reason=given["cash_reason"] if given["is_cash"] else None,
                looked_over=given["looked_over"],
            )
    except REFUSALS as refusal:
        form.add_error(None, str(refusal))
        return None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def send_back(request: HttpRequest, case_id: int) -> HttpResponse:
    """An approved case goes back to the township, and its money is free again."""
    case = visible(cases_in_reach(request.user).select_related("village"), pk=case_id)
    return one_act(
        request,
        case,
        "send_back",
        ReasonForm(request.POST or None),
        title=_("退回审批"),
        note=_("资金解锁，个案回到乡镇审核。"),
        done=_("已退回审批，资金已解锁。"),
        then=reverse("funds:waiting"),
    )
