"""How the money of a list goes out: batches, the bank's list, cash by two persons, and what came back."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.models import Staff
from access.scope import posts_of
from audit.context import acting
from casework import uploads
from casework.bank_words import returned_words
from casework.desks.acts import REFUSALS, base_of
from casework.desks.funds.forms import ReasonForm
from casework.desks.funds.reach import demand
from casework.desks.funds.refusals import in_plain_words
from casework.desks.rosters.deciding import one_form
from casework.desks.rosters.forms import HandoverForm, PayForm
from casework.desks.rosters.reach import payments_in_reach, place_condition, roster_or_404
from casework.models import RosterLine
from casework.reach import visible
from casework.rosters import jobs, paying
from families import services as families
from funds import ledger
from funds import services as funds
from funds.models import Payment, PaymentBatch

PAGE = 25
VISITS = ("village_clerk", "village_head", "resident_cadre", "township_clerk", "township_approver")


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


def _line_of(payment: Payment) -> RosterLine:
    """The line that a payment pays. Raises Http404 for a payment to a provider, which pays them all."""
    parts = payment.subject.split(":")
    if len(parts) != 3:
        raise Http404
    return RosterLine.objects.select_related("household", "person", "roster").get(roster=parts[1], n=parts[2])


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def handover(request: HttpRequest, payment_id: int) -> HttpResponse:
    """Cash reached the family: two persons, how it was signed, the receipt's picture."""
    user = request.user
    payment = visible(payments_in_reach(user).select_related("batch", "reservation__allocation"), pk=payment_id)
    if not payment.batch.is_cash or payment.state != Payment.State.SENT:
        raise Http404
    line = _line_of(payment)
    if not any(post.role in VISITS and post.reaches(line.household) for post in posts_of(user)):
        raise PermissionDenied(_("送钱由村里和乡镇的人办，两个人一起。"))
    colleagues = (
        Staff.objects.filter(
            appointments__role__in=VISITS,
            appointments__unit__in=[line.household.village_id, line.household.township_id],
            appointments__valid_to__isnull=True,
            is_active=True,
        )
        .exclude(person_key=user.person_key)
        .distinct()
    )
    form = HandoverForm(request.POST or None, request.FILES or None, colleagues=colleagues, sent_on=payment.sent_on)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            clean = uploads.clean(given["receipt"], pdf=False)
            with in_plain_words(), acting(user, reason="hand_over"):
                document = families.add_document(
                    line.household,
                    ContentFile(clean.file.read(), name=clean.file.name),
                    kind="receipt",
                    by=user,
                    subject=line.key,
                    content_type=clean.content_type,
                    taken_on=clean.taken_on,
                    place=clean.place,
                )
                funds.hand_over(
                    payment,
                    funds.Handover(
                        (user, given["second"]),
                        given["handed_on"],
                        given["place"],
                        given["signed_how"],
                        given["received_by"],
                        document.sha256,
                    ),
                )
                ledger.settle_now()
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("记好了：钱已送到。"))
            return redirect("rosters:roster", line.roster_id)
    context = {
        "base": base_of(user),
        "roster": line.roster,
        "line": line,
        "form": form,
        "title": _("记送钱"),
        "verb": _("送到了"),
    }
    return render(request, "rosters/form.html", context | {"has_files": True}, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def unlist(request: HttpRequest, payment_id: int) -> HttpResponse:
    """One payment off a batch that has not been released; the line may go onto another."""
    payment = visible(payments_in_reach(request.user).select_related("batch"), pk=payment_id)
    demand(request.user, "unlist")
    if payment.state != Payment.State.LISTED or payment.batch.state == PaymentBatch.State.RELEASED:
        raise Http404
    line = _line_of(payment)

    def step(given: dict[str, str]) -> None:
        with acting(request.user, reason=given["reason"]):
            funds.unlist_payment(payment)

    return one_form(
        request,
        line.roster,
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
    rows = paying.returned(place_condition(request.user)).select_related("batch", "reservation__village")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    lines = paying.lines_of(page)
    mends = any(post.role in ("village_clerk", "resident_cadre") for post in posts_of(request.user))
    context = {
        "base": base_of(request.user),
        "page": page,
        "mends": mends,
        "rows": [
            {
                "payment": payment,
                "line": (line := lines.get(payment.subject)),
                "reason": returned_words(payment.returned_reason),
                "is_mended": line is not None and paying.is_mended(payment, line),
            }
            for payment in page
        ],
    }
    return render(request, "rosters/returned.html", context)
