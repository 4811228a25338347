"""The townships' floats: what each may hold, holds and handed out; counts, refills, and why one is blocked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.models import Staff
from access.roles import Ability
from access.scope import can
from audit import clock
from casework.days import day_short
from casework.desks.acts import refuse
from casework.desks.funds.earmarks import programme_title
from casework.desks.funds.figures import case_id_of
from casework.desks.funds.forms import KeyedForm
from casework.desks.funds.imprest_forms import (
    AmountForm,
    CountForm,
    ExplainForm,
    LimitForm,
    RefillForm,
    difference_words,
)
from casework.desks.funds.reach import (
    allocations_in_reach,
    cases_in_reach,
    demand,
    demand_at,
    holds,
    holds_at,
    proposals_in_reach,
)
from casework.errors import REFUSALS
from casework.models import Case
from casework.reach import visible
from casework.second_person import with_questions
from funds import imprest as floats_of_money
from funds.models import ImprestCount, ImprestFloat, ImprestRefill, ImprestSpend, Proposal

PAGE = 25
MOST = 50


@dataclass(frozen=True)
class FloatRow:
    """One float with what it has and why nothing may be handed out of it now."""

    box: ImprestFloat
    now: floats_of_money.Holding
    overdue: int
    because: list[str]

    @property
    def programme_title(self) -> Any:
        return programme_title(self.box.allocation.programme)


def floats_in_reach(user: Any) -> QuerySet[ImprestFloat]:
    """Floats of an allocation within reach; out of reach is absent."""
    return ImprestFloat.objects.filter(allocation__in=allocations_in_reach(user)).select_related(
        "allocation__fund__unit", "allocation__unit", "custodian"
    )


def rows_of(floats: list[ImprestFloat]) -> list[FloatRow]:
    """Four queries, however many floats."""
    objected = floats_of_money.objected_of(floats)
    now, counts = floats_of_money.holdings(floats), floats_of_money.latest_counts(floats)
    townships = {box.allocation.unit_id for box in floats}
    overdue = dict(
        Case.objects.filter(township__in=townships, state="makeup", is_open=True, makeup_due_on__lt=clock.today())
        .order_by()
        .values_list("township")
        .annotate(n=Count("id"))
    )
    rows = []
    for box in floats:
        late = overdue.get(box.allocation.unit_id, 0)
        because = floats_of_money.blocked_because(
            box, overdue_makeups=late, objected=objected.get(box.pk, 0), counts=counts.get(box.pk, [])
        )
        rows.append(FloatRow(box, now[box.pk], late, because if box.ended_on is None else []))
    return rows


@login_required
@require_safe
def floats(request: HttpRequest) -> HttpResponse:
    """Every float within reach, and the limits that wait for a second person."""
    user = request.user
    if not can(user, Ability.FUND_VIEW):
        raise Http404
    found = floats_in_reach(user).filter(ended_on__isnull=True).order_by("allocation__unit__code", "id")
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    rows = rows_of(list(page.object_list))
    return render(
        request,
        "funds/imprest.html",
        {
            "page": page,
            "rows": rows,
            "on_hand_fen": sum(row.now.on_hand_fen for row in rows),
            "handed_out_fen": sum(row.now.handed_out_fen for row in rows),
            "awaited_fen": sum(row.now.awaited_fen for row in rows),
            "may_make": holds(user, "make"),
            "limits": _open_limits(user),
        },
    )


def _open_limits(user: Any) -> list[dict[str, Any]]:
    """Proposed limits with the place that they are for; who sees the books that they belong to may open them."""
    places = allocations_in_reach(user).select_related("unit")
    waiting = list(
        Proposal.objects.filter(kind="imprest_limit", state="proposed", fund__in=places.order_by().values("fund"))
        .select_related("proposed_by")
        .order_by("pk")[:MOST]
    )
    places = places.in_bulk([proposal.details["allocation"] for proposal in waiting])
    people = Staff.objects.in_bulk([proposal.details["custodian"] for proposal in waiting])
    opened = set(proposals_in_reach(user).filter(pk__in=[p.pk for p in waiting]).values_list("pk", flat=True))
    return [
        {
            "proposal": proposal,
            "place": places[proposal.details["allocation"]].unit.name,
            "custodian": people[proposal.details["custodian"]].name,
            "may_open": proposal.pk in opened,
        }
        for proposal in waiting
        if proposal.details["allocation"] in places
    ]


@login_required
@require_safe
def one(request: HttpRequest, float_id: int) -> HttpResponse:
    """One float: the card, what was handed out, counts and refills."""
    user = request.user
    box = visible(floats_in_reach(user), pk=float_id)
    (row,) = rows_of([box])
    spends = box.spends.select_related("payer_one", "payer_two", "refill")
    page = Paginator(spends.prefetch_related(with_questions()), PAGE).get_page(request.GET.get("page"))
    counts = list(box.counts.select_related("counter", "reviewer")[:6])
    is_custodian = box.custodian_person_key == user.person_key and box.ended_on is None
    return render(
        request,
        "funds/float.html",
        {
            "row": row,
            "box": box,
            "page": page,
            "spends": _with_cases(list(page.object_list), user),
            "counts": counts,
            "waiting_count": next((count for count in counts if count.reviewed_on is None), None),
            "refills": list(box.refills.select_related("asked_by", "paid_by")[:6]),
            "to_refill_fen": floats_of_money.settled_since_refill_fen(box),
            "released": _to_hand_out(box, user),
            "is_custodian": is_custodian,
            "may_make": holds_at(user, box.allocation.unit, "make") and box.ended_on is None,
            "may_review": holds_at(user, box.allocation.unit, "review_imprest"),
            "key": KeyedForm()["key"],
        },
    )


def _with_cases(spends: list[ImprestSpend], user: Any) -> list[dict[str, Any]]:
    ids = [pk for pk in (case_id_of(paid.subject) for paid in spends) if pk]
    known = {case.subject: case for case in cases_in_reach(user).filter(pk__in=ids).select_related("village")}
    today = clock.today()
    return [
        {
            "paid": paid,
            "case": known.get(paid.subject),
            "is_late": paid.ended_on is None and paid.due_on < today,
            "countersign": paid.countersign,
        }
        for paid in spends
    ]


def _to_hand_out(box: ImprestFloat, user: Any) -> list[Case]:
    """Emergencies that were released here and wait for their money."""
    return list(
        cases_in_reach(user)
        .filter(
            township=box.allocation.unit_id,
            programme=box.allocation.programme,
            state="emergency_released",
            is_open=True,
        )
        .select_related("village")
        .order_by("due_on", "id")[:MOST]
    )


# ---------------------------------------------------------------- the limit


def _people(user: Any) -> QuerySet[Staff]:
    """Who may keep a float: whoever holds a post at a township within her reach today."""
    today = clock.today()
    return (
        Staff.objects.filter(
            Q(appointments__valid_to__isnull=True) | Q(appointments__valid_to__gte=today),
            appointments__unit__in=allocations_in_reach(user).filter(unit__level="township").order_by().values("unit"),
            appointments__valid_from__lte=today,
            is_active=True,
        )
        .distinct()
        .order_by("name", "pk")
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def limit(request: HttpRequest) -> HttpResponse:
    """Propose what a township may hold."""
    user = request.user
    demand(user, "make")
    allocations = (
        allocations_in_reach(user)
        .filter(unit__level="township", year=clock.today().year)
        .exclude(programme="")
        .select_related("unit", "fund__unit")
        .order_by("unit__code", "programme", "id")
    )
    form = LimitForm(request.POST or None, allocations=allocations, people=_people(user))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            floats_of_money.propose_limit(
                given["allocation"],
                given["limit_fen"],
                given["custodian"],
                by=user,
                key=f"imprest:{given['key']}",
                reason=given["reason"],
                document_no=given["document_no"],
            )
        except REFUSALS as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, _("定额提出来了，等另一个人核准。"))
            return redirect("funds:imprest")
    return _form(request, form, _("设备用金、改定额"), pgettext("verb", "提出"))


# ---------------------------------------------------------------- the county gives and takes


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def advance(request: HttpRequest, float_id: int) -> HttpResponse:
    return _amount(
        request, float_id, floats_of_money.advance, pgettext("verb", "拨备用金"), _("拨好了，请按这个数把钱交给乡里。")
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def give_up(request: HttpRequest, float_id: int) -> HttpResponse:
    return _amount(request, float_id, floats_of_money.give_up, _("乡里交回"), _("交回记好了。"))


def _amount(request: HttpRequest, float_id: int, service: Callable[..., Any], title: str, done: str) -> HttpResponse:
    box = visible(floats_in_reach(request.user), pk=float_id)
    demand_at(request.user, box.allocation.unit, "make")
    form = AmountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        key = f"{service.__name__}:{given['key']}"
        try:
            service(box, given["amount_fen"], by=request.user, key=key, document_no=given["document_no"])
        except REFUSALS as refusal:
            refuse(form, refusal, "amount_fen")
        else:
            messages.success(request, done)
            return redirect("funds:float", box.pk)
    return _form(request, form, title, _("记账"), box)


# ---------------------------------------------------------------- the custodian counts and asks for a refill


def _demand_custodian(user: Any, box: ImprestFloat) -> None:
    if box.custodian_person_key != user.person_key:
        raise PermissionDenied(_("这一步由保管备用金的人办。"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def count(request: HttpRequest, float_id: int) -> HttpResponse:
    box = visible(floats_in_reach(request.user), pk=float_id)
    _demand_custodian(request.user, box)
    form = CountForm(request.POST or None, expected_fen=floats_of_money.holding(box).on_hand_fen)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = floats_of_money.count(
                box,
                cash_fen=given["cash_fen"],
                bank_fen=given["bank_fen"],
                explanation=given["explanation"],
                by=request.user,
                key=f"count:{given['key']}",
            )
        except REFUSALS as refusal:
            refuse(form, refusal)
        else:
            if made.difference_fen and not made.explanation:
                messages.warning(request, _("跟账上不一样。请写明原因，写明以前不能再发。"))
                return redirect("funds:imprest_explain", made.pk)
            messages.success(request, _("盘点记好了。下一步：另一个人复核。"))
            return redirect("funds:float", box.pk)
    return _form(request, form, _("盘点备用金"), pgettext("verb", "盘好了"), box)


def _count(request: HttpRequest, count_id: int) -> ImprestCount:
    counts = ImprestCount.objects.filter(float__in=floats_in_reach(request.user)).select_related(
        "float__allocation__unit"
    )
    return visible(counts, pk=count_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def explain(request: HttpRequest, count_id: int) -> HttpResponse:
    found = _count(request, count_id)
    _demand_custodian(request.user, found.float)
    form = ExplainForm(request.POST or None, initial={"explanation": found.explanation})
    if request.method == "POST" and form.is_valid():
        try:
            floats_of_money.explain(found, form.cleaned_data["explanation"], by=request.user)
        except REFUSALS as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, _("写好了。下一步：另一个人复核。"))
            return redirect("funds:float", found.float_id)
    about = difference_words(found.cash_fen + found.bank_fen, found.expected_fen)
    about = f"{day_short(found.counted_on)} {about}"
    return _form(request, form, _("差额的原因"), pgettext("verb", "写好了"), found.float, about)


@login_required
@require_POST
def review(request: HttpRequest, count_id: int) -> HttpResponse:
    found = _count(request, count_id)
    demand_at(request.user, found.float.allocation.unit, "review_imprest")
    try:
        floats_of_money.review(found, by=request.user)
    except REFUSALS as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("复核好了。"))
    return redirect("funds:float", found.float_id)


@login_required
@require_POST
def ask_refill(request: HttpRequest, float_id: int) -> HttpResponse:
    """Everything that was settled since the last refill, as one order."""
    box = visible(floats_in_reach(request.user), pk=float_id)
    _demand_custodian(request.user, box)
    form = KeyedForm(request.POST)
    if form.is_valid():
        try:
            made = floats_of_money.ask_refill(box, by=request.user, key=f"refill:{form.cleaned_data['key']}")
        except REFUSALS as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("申请好了，等县里拨付。"))
            return redirect("funds:refill", made.pk)
    return redirect("funds:float", box.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def refill(request: HttpRequest, refill_id: int) -> HttpResponse:
    """The order for the bank as a list to print; the county says when it was paid."""
    user = request.user
    refills = ImprestRefill.objects.filter(float__in=floats_in_reach(user)).select_related(
        "float__allocation__unit", "float__allocation__fund", "float__custodian", "asked_by", "paid_by"
    )
    found = visible(refills, pk=refill_id)
    form = RefillForm(request.POST or None)
    if request.method == "POST":
        demand_at(user, found.float.allocation.unit, "answer")
        if form.is_valid():
            try:
                floats_of_money.pay_refill(found, by=user, bank_reference=form.cleaned_data["bank_reference"])
            except REFUSALS as refusal:
                refuse(form, refusal)
            else:
                messages.success(request, _("补充记好了。"))
                return redirect("funds:refill", found.pk)
    spends = list(found.spends.order_by("id"))
    return render(
        request,
        "funds/refill.html",
        {
            "refill": found,
            "spends": _with_cases(spends, user),
            "form": form if holds_at(user, found.float.allocation.unit, "answer") and found.paid_on is None else None,
        },
        status=422 if form.errors else 200,
    )


def _form(
    request: HttpRequest, form: Any, title: str, verb: str, box: ImprestFloat | None = None, about: str = ""
) -> HttpResponse:
    back = reverse("funds:float", args=[box.pk]) if box else reverse("funds:imprest")
    now = floats_of_money.holding(box) if box else None
    context = {"form": form, "title": title, "verb": verb, "box": box, "now": now, "back": back, "about": about}
    return render(request, "funds/imprest_form.html", context, status=422 if form.errors else 200)
