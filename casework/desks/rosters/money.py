"""How the money of a list goes out: batches, the bank's list, cash by two persons, and what came back."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.scope import posts_of
from casework import handing_out, payments, recusal
from casework.bank_words import not_taken as told
from casework.bank_words import returned_words
from casework.desks.acts import base_of
from casework.desks.funds.forms import ReasonForm
from casework.desks.funds.reach import demand
from casework.desks.rosters.deciding import one_form
from casework.desks.rosters.forms import HandoverForm, PayForm
from casework.desks.rosters.reach import demand_lists, payments_in_reach, place_condition, roster_or_404
from casework.errors import REFUSALS
from casework.models import Roster, RosterLine
from casework.reach import visible
from casework.rosters import jobs, paying, signing
from funds import cash
from funds.models import Payment, PaymentBatch
from funds.refusals import in_plain_words

PAGE = 25
WITH_THE_PAYERS = (Payment.State.SENT, Payment.State.UNKNOWN)


@login_required
@require_POST
def pay(request: HttpRequest, roster_id: int) -> HttpResponse:
    """A batch of what may be paid at one bank; of a long list by a job."""
    roster = roster_or_404(request.user, roster_id)
    demand(request.user, "make")
    form = PayForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("这一页放得太久了，请再按一次。"))
        return redirect("rosters:roster", roster.pk)
    bank, key = form.cleaned_data["bank"], form.cleaned_data["key"]
    if jobs.is_long(roster):
        job = jobs.start("build_roster_batch", _("列入批次"), roster, by=request.user, bank=bank, key=key)
        return redirect("rosters:job", job.pk)
    try:
        with in_plain_words():
            batch = paying.build(roster.pk, by=request.user, key=key, bank=bank)
    except REFUSALS as refusal:
        messages.error(request, str(refusal))
        return redirect("rosters:roster", roster.pk)
    messages.success(request, _("批次建好了。下一步：第二个人复核。"))
    return redirect("funds:batch", batch.pk)


def _of_a_list(request: HttpRequest, payment_id: int) -> tuple[Payment, Roster, RosterLine | None]:
    """A payment within reach with its list, and its line; a provider is paid for all of them at once."""
    payment = visible(payments_in_reach(request.user).select_related("batch"), pk=payment_id)
    line = paying.line_of(payment)
    return payment, line.roster if line else paying.roster_paid_by(payment), line


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def handover(request: HttpRequest, payment_id: int) -> HttpResponse:
    """Cash reached the family: two persons, how it was signed, the receipt's picture."""
    user = request.user
    payment, roster, line = _of_a_list(request, payment_id)
    if not payment.batch.is_cash or line is None:
        raise Http404
    if not paying.hands_out(user, line):
        raise PermissionDenied(_("送钱由村里、乡镇和资金岗位的人办，两个人一起。"))
    colleagues = handing_out.second_persons(line.household, user)
    form = HandoverForm(request.POST or None, request.FILES or None, colleagues=colleagues, sent_on=payment.sent_on)
    if request.method == "POST" and form.is_valid():
        given = {name: value for name, value in form.cleaned_data.items() if name != "key"}
        try:
            with in_plain_words():
                paying.hand_over(payment.pk, by=user, **given)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("记好了。%(name)s确认以后，这一笔才算送到。") % {"name": given["second"].name})
            return redirect("rosters:roster", roster.pk)
    elif payment.state not in WITH_THE_PAYERS or cash.living(payment) is not None:
        return redirect("rosters:roster", roster.pk)
    context = {
        "base": base_of(user),
        "roster": roster,
        "line": line,
        "form": form,
        "title": _("记送钱"),
        "verb": pgettext("verb", "送到了"),
    }
    return render(request, "rosters/form.html", context | {"has_files": True}, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def not_taken(request: HttpRequest, payment_id: int) -> HttpResponse:
    """Nobody took the cash: it goes back, and the line may be paid again or stopped."""
    payment, roster, line = _of_a_list(request, payment_id)
    if not payment.batch.is_cash:
        raise Http404
    demand(request.user, "answer")
    if request.method != "POST" and payment.state not in WITH_THE_PAYERS:
        return redirect("rosters:roster", roster.pk)

    def step(given: dict[str, str]) -> None:
        if line is not None:
            recusal.refuse_own_line(line, request.user)
        answer = payments.Answer(payment.pk, credited=False, reason=told(given["reason"]))
        payments.record_answers([answer], by=request.user, key=f"untaken:{given['key']}")

    return one_form(
        request,
        roster,
        ReasonForm(request.POST or None),
        title=_("没有领取"),
        note=_("这笔现金没有发出去，交回出纳。这一行可以另列一批再发，也可以停发。"),
        step=step,
        done=_("记好了。现金请交回，这一行可以再发或停发。"),
        line=line,
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def unlist(request: HttpRequest, payment_id: int) -> HttpResponse:
    """One payment off a batch that has not been released; the line, or the provider's sum, may go onto another."""
    payment, roster, line = _of_a_list(request, payment_id)
    demand(request.user, "unlist")
    if payment.state != Payment.State.LISTED or payment.batch.state == PaymentBatch.State.RELEASED:
        raise Http404

    def step(given: dict[str, str]) -> None:
        paying.unlist(payment.pk, by=request.user, reason=given["reason"])

    return one_form(
        request,
        roster,
        ReasonForm(request.POST or None),
        title=_("移出付款清单"),
        note=_("这一笔不付了，钱仍然锁着；可以另列一批，或停发。"),
        step=step,
        done=_("已移出。"),
        line=line,
    )


@login_required
@require_safe
def returned(request: HttpRequest) -> HttpResponse:
    """Payments of lists that the bank sent back: the village writes down another account, and they go out again."""
    demand_lists(request.user)
    rows = paying.returned(place_condition(request.user)).select_related("batch", "provider", "reservation__village")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    lines = paying.lines_of(page)
    unsigned = set().union(*(signing.unsigned(roster) for roster in {line.roster for line in lines.values()}))
    mends = any(post.role in ("village_clerk", "resident_cadre") for post in posts_of(request.user))
    context = {
        "base": base_of(request.user),
        "page": page,
        "mends": mends,
        "signs": any(post.role == signing.APPROVES for post in posts_of(request.user)),
        "rows": [
            {
                "payment": payment,
                "line": (line := lines.get(payment.subject)),
                "reason": returned_words(payment.returned_reason),
                "is_mended": paying.is_mended(payment, line),
                "is_signed": line is None or line.pk not in unsigned,
            }
            for payment in page
        ],
    }
    return render(request, "rosters/returned.html", context)
