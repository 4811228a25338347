"""Batches and their payments: which there are, where each stands and whose turn it is."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from access.roles import Ability
from access.scope import can
from casework import payments, search
from casework.auditing.search.reading import read
from casework.auditing.search.references import of_payment
from casework.bank_words import returned_words
from casework.desks.confirming import Kind, ask
from casework.desks.funds import unanswered
from casework.desks.funds.figures import case_id_of
from casework.desks.funds.forms import LookedOverForm, ReleaseForm, programme_choices
from casework.desks.funds.reach import (
    DUTY_ROLES,
    batches_in_reach,
    cases_in_reach,
    demand_money,
    holds,
    payments_in_reach,
    providers_in_reach,
    why_not,
)
from casework.desks.funds.tables import PAYMENT_TONES, BatchRow, batch_rows, cases_of, payment_words
from casework.errors import REFUSALS
from casework.http import day_of, row_number
from casework.models import CaseDuty
from casework.reach import visible
from casework.rosters import looking_over
from casework.rosters import paying as rosters
from casework.second_person import asked_about, with_answers
from flows.states import DUTIES
from funds import bank_lists
from funds.models import Payment, PaymentBatch

PAGE = 25
LINES = 100
MOST_NAMED = 200  # cases that one search looks at


@login_required
@require_safe
def batches(request: HttpRequest) -> HttpResponse:
    """All batches, newest first."""
    demand_money(request.user)
    rows = batches_in_reach(request.user).select_related("maker", "checker", "releaser")
    state = request.GET.get("state", "")
    if state in PaymentBatch.State.values:
        rows = rows.filter(state=state)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    found = batch_rows(page.object_list, request.user)
    chips = [{"label": _("全部"), "url": "?", "on": not state}] + [
        {"label": label, "url": f"?state={value}", "on": state == value} for value, label in PaymentBatch.State.choices
    ]
    return render(
        request,
        "funds/batches.html",
        {
            "page": page,
            "batches": found,
            "chips": chips,
            "count": sum(row.count for row in found),
            "total_fen": sum(row.total_fen for row in found),
            "may_make": holds(request.user, "make"),
        },
    )


def batch_row(request: HttpRequest, batch_id: int) -> BatchRow:
    batch = visible(batches_in_reach(request.user).select_related("maker", "checker", "releaser"), pk=batch_id)
    return batch_rows([batch], request.user)[0]


def may_export(row: BatchRow, user: Any) -> bool:
    """The bank is given a list once, before it has answered: a second one could be paid a second time."""
    is_with_bank = row.batch.state == PaymentBatch.State.RELEASED and not row.batch.is_cash
    return is_with_bank and row.n("sent") == row.count and can(user, Ability.ACCOUNT_VIEW)


def lines_of(request: HttpRequest, row: BatchRow) -> Any:
    return (
        payments_in_reach(request.user)
        .filter(batch=row.batch)
        .select_related("batch")
        .prefetch_related(with_answers())
        .order_by("id")
    )


@login_required
@require_safe
def batch(request: HttpRequest, batch_id: int) -> HttpResponse:
    """The lines with masked accounts, who did what, what happens next and whose turn it is."""
    return batch_page(request, batch_row(request, batch_id))


def batch_page(
    request: HttpRequest, row: BatchRow, *, check_form: Any = None, release_form: Any = None, findings: Any = ()
) -> HttpResponse:
    user = request.user
    page = Paginator(lines_of(request, row), LINES).get_page(request.GET.get("page"))
    lines = list(page.object_list)
    cases = cases_of(lines, user)
    step = {"draft": "check", "checked": "release"}.get(row.stage, "")
    bars = bars_of(row, user, step) if step else []
    may = bool(step) and not bars and not why_not(user, step)
    if may and step == "check":
        check_form = check_form or LookedOverForm()
    if may and step == "release":
        release_form = release_form or ask(request, ReleaseForm(real_count=row.count, real_fen=row.total_fen), Kind.PAY)
    return render(
        request,
        "funds/batch.html",
        {
            "row": row,
            "batch": row.batch,
            "roster": looking_over.roster_of(row.batch),
            "page": page,
            "lines": [
                {
                    "payment": payment,
                    "case": cases.get(payment.pk),
                    "words": payment_words(payment),
                    "tone": PAYMENT_TONES[payment.state],
                    "returned": returned_words(payment.returned_reason),
                    "asked": asked_about(payment),
                }
                for payment in lines
            ],
            "turn": _turn(row, user, step, bars),
            "persons": _persons(row.batch),
            "step": step if may else "",
            "bars": bars,
            "findings": findings,
            "check_form": check_form if may and step == "check" else None,
            "looked_over": payments.how_looked_over(row.batch),
            "may_hand_over": row.batch.is_cash and row.batch.state == "released" and holds(user, "answer"),
            "form": release_form if may and step == "release" else None,
            "may_unlist": row.batch.state != PaymentBatch.State.RELEASED and holds(user, "unlist"),
            "may_answer": row.unanswered
            and not row.batch.is_cash
            and row.batch.state == "released"
            and holds(user, "answer"),
            "may_export": may_export(row, user),
            "lists": bank_lists.made_for(row.batch),
        },
    )


def _persons(batch: PaymentBatch) -> list[dict[str, Any]]:
    return [
        {"duty": _("制单"), "who": batch.maker, "on": batch.made_on},
        {"duty": _("复核"), "who": batch.checker, "on": batch.checked_on},
        {"duty": _("放行"), "who": batch.releaser, "on": batch.released_on},
    ]


def bars_of(row: BatchRow, user: Any, step: str) -> list[str]:
    """Why this very person may not take the step, though her post would let her; [] when nothing stands against it."""
    if not holds(user, step):
        return []
    batch, person = row.batch, user.person_key
    if person == batch.maker_person_key:
        return [_("这一批是你制的单，要由别人办。")]
    if person == batch.checker_person_key:
        return [_("这一批是你复核的，要由别人放行。")]
    roster = looking_over.roster_of(batch)
    if roster is not None:
        try:
            rosters.demand_post(roster, DUTY_ROLES[step], user, after=payments.before_this(batch))
        except REFUSALS as refusal:
            return [str(refusal)]
    living = Payment.objects.filter(batch=batch).exclude(state="cancelled")
    if step == "release" and living.filter(account_recorded_by_key=person).exists():
        return [_("这一批里有你登记的账户，要由别人放行，或把那几笔移出。")]
    wanted = {"check": "check_payment", "release": "release_payment"}[step]
    held = CaseDuty.objects.filter(
        case_id__in=[
            case_id_of(subject)
            for subject in living.filter(subject__startswith="case:").values_list("subject", flat=True)
        ],
        person_key=person,
    ).exclude(duty=wanted)
    return [
        _("个案 %(no)s 里你办过「%(duty)s」，这一批要由别人办，或把那一笔移出。")
        % {"no": duty.case.case_no, "duty": DUTIES[duty.duty]}
        for duty in held.select_related("case")[:5]
    ]


def _turn(row: BatchRow, user: Any, step: str, bars: list[str]) -> dict[str, Any]:
    """What parts/_turn.html says about a batch."""
    titles = {
        "empty": (_("这一批里没有付款了"), _("每一笔都移出了，可以另建一批。")),
        "draft": (_("单子制好了，等第二个人复核"), _("复核人对照审批名单看一遍，再交出纳放行。")),
        "checked": (_("复核过了，等第三个人放行"), _("放行的人照纸面清单再填一遍笔数和金额，钱就交银行。")),
        "sent": (_("现金领出来了，等发到手"), _("两个人一起发，签收条拍照。没有人领的，记「没有领取」，钱退回。"))
        if row.batch.is_cash
        else (_("钱交银行了，等答复"), _("银行没有答复的，先问银行，不要重发。")),
        "returned": (_("有几笔没有领取"), _("钱退回来了，那几件回到「付款」里，可以再发。"))
        if row.batch.is_cash
        else (
            _("银行退回了几笔，等村里核对账户"),
            _("已经派给村里。改好账户、隔一个工作日，就会回到「付款」里，可以重发。"),
        ),
        "done": (_("全部发到手") if row.batch.is_cash else _("全部到账"), _("村里会按时回访。")),
    }[row.stage]
    return {
        "state": row.stage,
        "state_label": row.words,
        "tone": row.tone,
        "title": titles[0],
        "text": titles[1],
        "who": row.turn if row.stage not in ("done", "empty") else "",
        "who_note": "" if row.is_mine or bars else (why_not(user, step) if step else ""),
        "due_text": ngettext("%(n)d 笔没有答复", "%(n)d 笔没有答复", row.unanswered) % {"n": row.unanswered}
        if row.stage == "sent" and not row.batch.is_cash
        else "",
        "due_label": _("还差"),
    }


@login_required
@require_safe
def payment_list(request: HttpRequest) -> HttpResponse:
    """Every payment within reach, by state, programme, provider, days with the bank, batch, name, case number or reference."""
    user, asked = request.user, request.GET
    demand_money(user)
    rows = payments_in_reach(user).select_related("batch", "reservation__village").order_by("-id")
    state, programme, q = asked.get("state", ""), asked.get("programme", ""), asked.get("q", "").strip()
    if state in Payment.State.values:
        rows = rows.filter(state=state)
    elif state == unanswered.RETURNED:
        rows = rows.filter(unanswered.CONDITIONS["returned"])
    if programme:
        rows = rows.filter(reservation__programme=programme)
    provider_id = row_number(asked.get("provider"))
    if provider_id:
        rows = rows.filter(provider_id=provider_id)
    first, last = day_of(asked.get("from", "")), day_of(asked.get("to", ""))
    if first:
        rows = rows.filter(sent_on__gte=first)
    if last:
        rows = rows.filter(sent_on__lte=last)
    if q:
        rows = _searched(rows, q, user)
    sums = _sums_by_state(rows)
    page = Paginator(rows, PAGE).get_page(asked.get("page"))
    lines = list(page.object_list)
    cases = cases_of(lines, user)
    return render(
        request,
        "funds/payments.html",
        {
            "page": page,
            "lines": [
                {
                    "payment": payment,
                    "case": cases.get(payment.pk),
                    "words": payment_words(payment),
                    "tone": PAYMENT_TONES[payment.state],
                    "returned": returned_words(payment.returned_reason),
                }
                for payment in lines
            ],
            "sums": sums,
            "sum_n": sum(row["count"] for row in sums),
            "states": [*Payment.State.choices, (unanswered.RETURNED, unanswered.WAYS["returned"])],
            "programmes": programme_choices(),
            "providers": providers_in_reach(user)[:MOST_NAMED],
            "asked": {
                "state": state,
                "programme": programme,
                "q": q,
                "from": first,
                "to": last,
                "provider": provider_id,
            },  # fmt: skip
        },
    )


def _sums_by_state(rows: Any) -> list[dict[str, Any]]:
    """Payments of one state are added up; what came back and what arrived are not. One query."""
    found = rows.order_by().values("state").annotate(n=Count("id"), fen=Sum("amount_fen"))
    states = Payment.State
    return [
        {"words": states(row["state"]).label, "count": row["n"], "amount_fen": row["fen"]}
        for row in sorted(found, key=lambda row: states.values.index(row["state"]))
    ]


def _searched(rows: Any, q: str, user: Any) -> Any:
    """By what stands on its papers, by the number of its case or of the family, else by name or pinyin."""
    cases = cases_in_reach(user).filter(search.words(q)).order_by("-id").values_list("pk", flat=True)[:MOST_NAMED]
    found = Q(subject__in=[f"case:{pk}" for pk in cases]) | Q(payee_name__contains=q)
    for _why, condition in of_payment(read(q)):
        found |= Q(pk__in=Payment.objects.filter(condition).values("pk"))
    return rows.filter(found)
