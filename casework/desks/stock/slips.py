"""Slips: the list, the page that is printed and signed, and what answers a slip."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.roles import Ability
from access.scope import can
from audit import clock
from casework import goods
from casework.desks.acts import refuse
from casework.desks.funds.forms import KeyedForm, ReasonForm
from casework.desks.stock import shelf
from casework.desks.stock.forms import BackForm, SignForm
from casework.desks.stock.menu import under_way
from casework.desks.stock.reach import demand, people_around, slips_in_reach, stores_in_reach, why_not
from casework.desks.stock.rows import SLIP_TONES, SlipRow, cases_by_subject, slip_lines, value_of, words_of
from casework.errors import REFUSALS
from casework.http import row_number
from casework.links import document_url
from casework.papers import readable_document
from casework.reach import visible
from casework.second_person import with_questions
from funds import countersigning, stock
from funds.models import StockMove, StockSlip

PAGE = 25


def _waits() -> dict[str, tuple[str, Callable[[QuerySet[StockSlip]], QuerySet[StockSlip]]]]:
    """{what a slip may wait for: (words, the slips that do)}"""
    return {
        "sign": (
            _("等签收"),
            lambda slips: slips.filter(kind="issue", signature__isnull=True).exclude(answered_by__kind="reversal"),
        ),
        "back": (
            _("借出未还"),
            lambda slips: slips.filter(pk__in=shelf.still_out(StockMove.objects.all()).order_by().values("slip_id")),
        ),
        "late": (
            _("超期未还"),
            lambda slips: slips.filter(
                due_back_on__lt=clock.today(),
                pk__in=shelf.still_out(StockMove.objects.all()).order_by().values("slip_id"),
            ),
        ),
        "accept": (_("在路上"), under_way),
        "second": (
            _("等见证的人确认"),
            lambda slips: slips.filter(pk__in=countersigning.unanswered().order_by().values("slip_id")),
        ),
    }


@login_required
@require_safe
def slip_list(request: HttpRequest) -> HttpResponse:
    """Every slip within reach, by store, kind, household, number, or what it waits for."""
    user, asked = request.user, request.GET
    stores = list(stores_in_reach(user)[:100])
    if not can(user, Ability.STOCK_VIEW):
        raise Http404
    rows, waits = slips_in_reach(user), _waits()
    wait, kind, q = asked.get("wait", ""), asked.get("kind", ""), asked.get("q", "").strip()
    store_id = row_number(asked.get("store"))
    if wait in waits:
        rows = waits[wait][1](rows)
    if kind in StockSlip.Kind.values:
        rows = rows.filter(kind=kind)
    if store_id:
        rows = rows.filter(Q(store_id=store_id) | Q(to_store_id=store_id))
    if q:
        rows = rows.filter(
            Q(number=q.upper()) | Q(household_no=q) | Q(household_name__contains=q) | Q(receiver__contains=q)
        )
    page = Paginator(rows, PAGE).get_page(asked.get("page"))
    slips = list(page.object_list)
    lines, cases = slip_lines(slips), cases_by_subject((slip.subject for slip in slips), user)
    return render(
        request,
        "stock/slips.html",
        {
            "page": page,
            "rows": [
                SlipRow(
                    slip,
                    value_of(lines[slip.pk]),
                    words_of(lines[slip.pk]),
                    cases.get(slip.subject),
                    SLIP_TONES[slip.kind],
                )
                for slip in slips
            ],
            "stores": stores,
            "kinds": StockSlip.Kind.choices,
            "waits": [(code, words) for code, (words, _slips) in waits.items()],
            "asked": {"wait": wait, "kind": kind, "q": q, "store": store_id},
        },
    )


def _slip(request: HttpRequest, slip_id: int) -> StockSlip:
    slips = slips_in_reach(request.user).select_related("witness", "answers", "count", "store__unit", "to_store__unit")
    return visible(slips.prefetch_related(with_questions()), pk=slip_id)


@login_required
@require_safe
def slip(request: HttpRequest, slip_id: int) -> HttpResponse:
    """The paper itself, ready to be printed and signed, and what became of it."""
    return _slip_page(request, _slip(request, slip_id))


def _slip_page(request: HttpRequest, found: StockSlip) -> HttpResponse:
    user = request.user
    lines = list(found.moves.select_related("lot__item").order_by("id"))
    answers = list(found.answered_by.select_related("maker", "store").order_by("id"))
    outs = stock.out_of(found) if found.kind == "issue" else []
    is_over = any(answer.kind in ("reversal", "acceptance") for answer in answers)
    signature = getattr(found, "signature", None)
    document = readable_document(user, signature.document_id) if signature and signature.document_id else None
    refusal = why_not(user, found.store)
    has_rest = any(out.rest for out in outs)
    is_waited_for = found.kind == "transfer" and not is_over
    may_accept = is_waited_for and not why_not(user, found.to_store) and user.person_key != found.maker_person_key
    return render(
        request,
        "stock/slip.html",
        {
            "slip": found,
            "tone": SLIP_TONES[found.kind],
            "lines": lines,
            "total_fen": value_of(lines),
            "answers": answers,
            "answer_lines": slip_lines(answers),
            "is_reversed": any(answer.kind == "reversal" for answer in answers),
            "is_accepted": any(answer.kind == "acceptance" for answer in answers),
            "signature": signature,
            "countersign": found.countersign if found.witness_id else None,
            "document_url": document_url(document) if document else "",
            "case": cases_by_subject([found.subject], user).get(found.subject),
            "outs": [out for out in outs if out.rest and out.move.kind == "lend"],
            "why_not": "" if may_accept else refusal,
            "may_sign": not refusal and found.kind == "issue" and not signature and not is_over,
            "may_back": not refusal and found.kind == "issue" and has_rest and not is_over,
            "may_lose": not refusal and any(out.rest for out in outs if out.move.kind == "lend") and not is_over,
            "may_reverse": not refusal and found.kind in stock.REVERSIBLE and not is_over,
            "may_accept": may_accept,
            "is_sender": is_waited_for and user.person_key == found.maker_person_key,
            "key": KeyedForm()["key"],
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign(request: HttpRequest, slip_id: int) -> HttpResponse:
    """The photo of the signed paper, and whose hand it is."""
    found = _slip(request, slip_id)
    demand(request.user, found.store)
    if found.kind != "issue":
        raise Http404
    if hasattr(found, "signature"):  # pressed twice
        return redirect("stock:slip", found.pk)
    form = SignForm(request.POST or None, request.FILES or None, initial={"signer": found.receiver})
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            goods.sign_slip(
                found,
                given["photo"],
                how=given["how"],
                signer=given["signer"],
                relation=given["relation"] if given["how"] == "proxy" else "",
                by=request.user,
            )
        except REFUSALS as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, _("签收记好了。照片和指纹都存下了。"))
            return redirect("stock:slip", found.pk)
    return _answer_page(request, form, found, _("记签收"), _("存好签收"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def back(request: HttpRequest, slip_id: int) -> HttpResponse:
    """Not delivered, or lent and returned: pieces of an issue slip lie in the store again."""
    found = _slip(request, slip_id)
    demand(request.user, found.store)
    outs = _open_lines(found)
    form = BackForm(request.POST or None, outs=outs)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = stock.give_back(
                found, given["lines"], by=request.user, key=f"back:{given['key']}", reason=given["reason"]
            )
        except REFUSALS as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, _("退还记好了，东西回到库里。"))
            return redirect("stock:slip", made.pk)
    return _answer_page(request, form, found, _("退还、归还"), _("记退还"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def lost(request: HttpRequest, slip_id: int) -> HttpResponse:
    """What was lent does not come back; somebody else bears witness."""
    found = _slip(request, slip_id)
    demand(request.user, found.store)
    outs = [out for out in _open_lines(found) if out.move.kind == "lend"]
    people = people_around(found.store, found.village).exclude(person_key=request.user.person_key)
    form = BackForm(request.POST or None, outs=outs, people=people)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = stock.lose(
                found,
                given["lines"],
                by=request.user,
                witness=given["witness"],
                key=f"lost:{given['key']}",
                reason=given["reason"],
            )
        except REFUSALS as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, _("报失记好了。"))
            return redirect("stock:slip", made.pk)
    return _answer_page(request, form, found, _("报失"), _("记报失"))


def _open_lines(found: StockSlip) -> list[stock.Out]:
    if found.kind != "issue":
        raise Http404
    return [out for out in stock.out_of(found) if out.rest]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def reverse_slip(request: HttpRequest, slip_id: int) -> HttpResponse:
    """A slip that was made by mistake is answered by its mirror image."""
    found = _slip(request, slip_id)
    demand(request.user, found.store)
    if found.kind not in stock.REVERSIBLE:
        raise Http404
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = stock.reverse(found, by=request.user, key=f"reverse:{given['key']}", reason=given["reason"])
        except REFUSALS as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, _("冲正好了，原来的单子还在，标着已冲正。"))
            return redirect("stock:slip", made.pk)
    return _answer_page(request, form, found, _("冲正这张单子"), pgettext("verb", "冲正"))


@login_required
@require_POST
def accept(request: HttpRequest, slip_id: int) -> HttpResponse:
    """The other store takes over what was sent."""
    found = _slip(request, slip_id)
    if found.to_store is None:
        raise Http404
    demand(request.user, found.to_store)
    form = KeyedForm(request.POST)
    if form.is_valid():
        try:
            made = stock.accept(found, by=request.user, key=f"accept:{form.cleaned_data['key']}")
        except REFUSALS as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("接收好了，东西记在%(store)s。") % {"store": found.to_store.name})
            return redirect("stock:slip", made.pk)
    return redirect("stock:slip", found.pk)


def _answer_page(request: HttpRequest, form: Any, found: StockSlip, title: str, verb: str) -> HttpResponse:
    lines = list(found.moves.select_related("lot__item").order_by("id"))
    return render(
        request,
        "stock/answer.html",
        {"form": form, "slip": found, "words": words_of(lines), "title": title, "verb": verb},
        status=422 if form.errors else 200,
    )
