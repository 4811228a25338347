"""All lists, one list with its lines, and the paper that is signed when goods or cash are handed out."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from access.roles import Ability
from access.scope import can, posts_of
from audit import clock
from casework import handing_out
from casework.bank_words import returned_words
from casework.desks.acts import base_of
from casework.desks.admin.rule_words import say_period
from casework.desks.funds.reach import holds
from casework.desks.funds.tables import PAYMENT_TONES
from casework.desks.rosters.forms import PayForm
from casework.desks.rosters.reach import (
    demand_lists,
    lines_in_reach,
    own_villages,
    place_condition,
    posts_here,
    roster_or_404,
    rosters_in_reach,
)
from casework.models import Roster, RosterBatch, RosterLine
from casework.rosters import building, deciding, findings, paying, signing
from casework.second_person import asked_about, with_answers
from flows.lists import KINDS
from funds.models import Payment

PAGE = 25
LINES = 50
PRINTED = 1_000  # lines on one paper; longer lists are printed village by village
TONES = {Roster.State.DRAFT: "soon", Roster.State.APPROVED: "ok", Roster.State.CANCELLED: "end"}


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Every list within reach, the newest first."""
    demand_lists(request.user)
    state, kind = request.GET.get("state", ""), request.GET.get("kind", "")
    rows = rosters_in_reach(request.user).select_related("village", "prepared_by", "approved_by")
    if state in Roster.State.values:
        rows = rows.filter(state=state)
    if kind in KINDS:
        rows = rows.filter(kind=kind)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    sums = {
        roster_id: (n, fen)
        for roster_id, n, fen in lines_in_reach(request.user)
        .filter(roster__in=list(page), state="on")
        .order_by()
        .values_list("roster_id")
        .annotate(n=Count("id"), fen=Sum("amount_fen"))
    }
    chips = [{"label": _("全部"), "url": "?", "on": not state}] + [
        {"label": label, "url": f"?state={value}", "on": state == value} for value, label in Roster.State.choices
    ]
    context = {
        "base": base_of(request.user),
        "page": page,
        "rows": [
            {
                "roster": row,
                "kind": row.spec.title,
                "tone": TONES[row.state],
                "count": sums.get(row.pk, (0, 0))[0],
                "fen": sums.get(row.pk, (0, 0))[1],
            }
            for row in page
        ],
        "chips": chips,
        "may_make": any(post.role == building.PREPARES for post in posts_of(request.user)),
        "returned": paying.returned_count(place_condition(request.user)),
    }
    return render(request, "rosters/list.html", context)


def shown(lines: Iterable[RosterLine], roster: Roster) -> list[dict[str, Any]]:
    """Lines with what stands against them while the list is a draft, and what became of their money after it."""
    lines = list(lines)
    found = findings.of_lines(roster, [line.pk for line in lines]) if roster.is_draft else {}
    unsigned = signing.unsigned(roster) if roster.state == Roster.State.APPROVED else set()
    last: dict[str, Payment] = {}
    if not roster.is_draft and roster.channel != Roster.Channel.PROVIDER:
        for payment in _payments([line.key for line in lines], roster):
            last[payment.subject] = payment
    return [
        {
            "line": line,
            "findings": found.get(line.pk, ()),
            "is_signed": line.pk not in unsigned,
            "payment": (payment := last.get(line.key)),
            "tone": PAYMENT_TONES[payment.state] if payment else "",
            "returned": returned_words(payment.returned_reason) if payment else "",
            "asked": asked_about(payment) if payment and roster.channel == Roster.Channel.CASH else None,
        }
        for line in lines
    ]


def _payments(keys: list[str], roster: Roster) -> QuerySet[Payment]:
    rows = Payment.objects.filter(subject__in=keys).order_by("id")
    return rows.prefetch_related(with_answers()) if roster.channel == Roster.Channel.CASH else rows


def _with_everything(lines: Any) -> Any:
    return lines.select_related("person", "household", "village", "account__holder").order_by("n")


@login_required
@require_safe
def roster(request: HttpRequest, roster_id: int) -> HttpResponse:
    """One list: whose turn it is, what stands against it, how its money goes, its lines."""
    found = roster_or_404(request.user, roster_id)
    return page_of(request, found)


def page_of(request: HttpRequest, roster: Roster) -> HttpResponse:
    user, asked = request.user, request.GET
    rows = lines_in_reach(user).filter(roster=roster)
    on = rows.filter(state=RosterLine.State.ON)
    code, q = asked.get("finding", ""), asked.get("q", "").strip()[:40]
    lines = rows.filter(state=RosterLine.State.OUT) if asked.get("out") else on
    if code in findings.FINDINGS:
        lines = lines.filter(pk__in=findings.lines_with(roster, code))
    if asked.get("unsigned") and roster.state == Roster.State.APPROVED:
        lines = lines.filter(pk__in=signing.unsigned(roster))
    if q:
        lines = lines.filter(Q(person__name__contains=q) | Q(household__household_no=q) | Q(village__name=q))
    page = Paginator(_with_everything(lines), LINES).get_page(asked.get("page"))
    total = on.aggregate(n=Count("id"), fen=Sum("amount_fen"))
    counts = findings.counts(roster) if roster.is_draft else {}
    prepares = bool(posts_here(user, roster, building.PREPARES))
    context = {
        "base": base_of(user),
        "roster": roster,
        "kind": roster.spec,
        "notice": roster.rules.notice,
        "notice_words": say_period(roster.rules.notice),
        "tone": TONES[roster.state],
        "page": page,
        "rows": shown(page, roster),
        "count": total["n"],
        "total_fen": total["fen"] or 0,
        "findings": [{"finding": findings.FINDINGS[one], "n": n, "on": one == code} for one, n in counts.items()],
        "q": q,
        "out": bool(asked.get("out")),
        "out_count": rows.filter(state=RosterLine.State.OUT).count(),
        "prepares": prepares and roster.is_draft,
        "proposes": roster.is_draft and (prepares or bool(own_villages(user))),
        "hands_out": any(post.role in handing_out.HANDS_OUT for post in posts_of(user)),
        "answers": holds(user, "answer"),
        "exports": can(user, Ability.ACCOUNT_VIEW),
        "audits": can(user, Ability.AUDIT_READ),
        "approves": bool(posts_here(user, roster, deciding.APPROVES)),
        "why_not": deciding.why_not(roster, user) if roster.is_draft else "",
        "posted_stands": bool(roster.posted_digest) and roster.posted_digest == deciding.digest(roster)
        if roster.is_draft
        else True,
        "unsigned": len(signing.unsigned(roster)) if roster.state == Roster.State.APPROVED else 0,
        "came_back": roster.channel == Roster.Channel.PROVIDER and paying.came_back(roster) is not None,
        "batches": _batches(roster),
        "payable": [
            {
                "of": one,
                "bank": one.bank or (_("现金") if roster.channel == Roster.Channel.CASH else _("没有写开户行的")),
                "form": PayForm(initial={"bank": one.bank}, auto_id=f"id_%s_{n}"),
            }
            for n, one in enumerate(paying.payable(roster))
        ]
        if posts_here(user, roster, paying.MAKES)
        else [],
    }
    return render(request, "rosters/roster.html", context)


def _batches(roster: Roster) -> list[dict[str, Any]]:
    """The batches of a list with their sums by state, in two queries."""
    links = list(RosterBatch.objects.filter(roster=roster).select_related("batch").order_by("id"))
    sums: dict[int, list[tuple[str, int, int]]] = {}
    states = (
        Payment.objects.filter(batch__in=[link.batch_id for link in links])
        .order_by()
        .values_list("batch_id", "state")
        .annotate(n=Count("id"), fen=Sum("amount_fen"))
    )
    for batch_id, state, n, fen in states:
        sums.setdefault(batch_id, []).append((state, n, fen))
    return [
        {
            "batch": link.batch,
            "bank": link.bank,
            "count": sum(n for _state, n, _fen in sums.get(link.batch_id, ())),
            "fen": sum(fen for _state, _n, fen in sums.get(link.batch_id, ())),
            "states": [
                {"label": Payment.State(state).label, "tone": PAYMENT_TONES[state], "n": n}
                for state, n, _fen in sorted(sums.get(link.batch_id, ()))
            ],
        }
        for link in links
    ]


@login_required
@require_safe
def printed(request: HttpRequest, roster_id: int) -> HttpResponse:
    """The list for what lies within reach: while it is a draft the public notice, later the 花名册 with room to sign.

    A notice names people as those of cases do, and no account.
    """
    found = roster_or_404(request.user, roster_id)
    lines = lines_in_reach(request.user).filter(roster=found, state=RosterLine.State.ON)
    page = Paginator(_with_everything(lines), PRINTED).get_page(request.GET.get("page"))
    rows = [{"line": line, "name": line.person.public_name_on(found.made_on)} for line in page]
    context = {
        "base": base_of(request.user),
        "roster": found,
        "kind": found.spec,
        "page": page,
        "rows": rows,
        "page_fen": sum(row["line"].amount_fen for row in rows),
        "today": clock.today(),
    }
    return render(request, "rosters/printed.html", context)
