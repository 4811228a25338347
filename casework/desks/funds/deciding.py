"""Entries that wait for a second person: what they will enter, who may confirm, and why somebody may not."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from casework.desks.funds.budget_forms import AnswerForm
from casework.desks.funds.proposed import entries_of, facts_of
from casework.desks.funds.reach import demand_money, posts_for, proposals_in_reach, why_not
from casework.errors import REFUSALS
from casework.reach import visible
from funds import proposals
from funds.errors import NotYours, SamePerson
from funds.models import Proposal
from funds.refusals import in_plain_words

PAGE = 25
MOST_OF_MINE = 50
MOST_ENTRIES = 50
TONES = {"proposed": "soon", "confirmed": "ok", "refused": "act", "withdrawn": "end"}


@login_required
@require_safe
def waiting(request: HttpRequest) -> HttpResponse:
    """All entries by two persons within reach; what she may decide stands on top."""
    user = request.user
    demand_money(user)
    state = request.GET.get("state", "proposed")
    rows = proposals_in_reach(user).select_related("fund", "unit", "proposed_by", "decided_by")
    mine = list(proposals.to_decide(user).select_related("fund", "unit", "proposed_by")[:MOST_OF_MINE])
    if state in Proposal.State.values:
        rows = rows.filter(state=state)
    if state == Proposal.State.PROPOSED:
        rows = rows.exclude(pk__in=[proposal.pk for proposal in mine])
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "funds/proposals.html",
        {
            "mine": mine,
            "page": page,
            "rows": [{"proposal": proposal, "tone": TONES[proposal.state]} for proposal in page.object_list],
            "states": Proposal.State.choices,
            "state": state,
            "decides": bool(posts_for(user, "confirm")),
            "why_not": why_not(user, "confirm"),
        },
    )


def _visible(request: HttpRequest, proposal_id: int) -> Proposal:
    rows = proposals_in_reach(request.user).select_related("fund__only_unit", "unit", "proposed_by", "decided_by")
    return visible(rows, pk=proposal_id)


def _page(request: HttpRequest, proposal: Proposal, form: AnswerForm | None = None) -> HttpResponse:
    entries = entries_of(proposal)
    is_open = proposal.state == Proposal.State.PROPOSED
    barred = proposals.why_not_decide(proposal, request.user) if is_open else ""
    return render(
        request,
        "funds/proposal.html",
        {
            "proposal": proposal,
            "tone": TONES[proposal.state],
            "entries": entries[:MOST_ENTRIES],
            "facts": facts_of(proposal, request.user),
            "more": max(0, len(entries) - MOST_ENTRIES),
            "entries_fen": sum(entry.amount_fen for entry in entries),
            "is_open": is_open,
            "may_decide": is_open and not barred,
            "barred": barred,
            "may_withdraw": is_open and proposal.proposer_person_key == request.user.person_key,
            "form": form or AnswerForm(),
        },
    )


@login_required
@require_safe
def proposal(request: HttpRequest, proposal_id: int) -> HttpResponse:
    """One proposal: what will be entered, who proposed it, what the second person may do."""
    return _page(request, _visible(request, proposal_id))


@login_required
@require_POST
def decide(request: HttpRequest, proposal_id: int) -> HttpResponse:
    """Confirm, refuse with words, or withdraw. Pressed twice it is done once."""
    found, user, verb = _visible(request, proposal_id), request.user, request.POST.get("verb", "")
    form = AnswerForm(request.POST)
    if verb not in ("confirm", "refuse", "withdraw"):
        raise Http404
    if verb == "refuse" and not form.is_valid():
        return _page(request, found, form)
    try:
        with in_plain_words():
            done = _carry(verb, found.pk, user, form)
    except (SamePerson, NotYours) as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except REFUSALS as refusal:
        found.refresh_from_db()
        form = AnswerForm({"answer": request.POST.get("answer", "")})
        form.full_clean()
        form.errors.clear()
        form.add_error(None, str(refusal))
        return _page(request, found, form)
    messages.success(request, done)
    return redirect("funds:proposal", found.pk)


def _carry(verb: str, pk: int, user: Any, form: AnswerForm) -> str:
    if verb == "confirm":
        proposals.confirm(pk, by=user)
        return _("核准了，账已经记好。")
    if verb == "refuse":
        proposals.refuse(pk, by=user, answer=form.cleaned_data["answer"])
        return _("没有核准，账没有动。提出的人会看到你写的原因。")
    proposals.withdraw(pk, by=user)
    return _("撤回了，账没有动。")
