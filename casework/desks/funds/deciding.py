"""Entries that wait for a second person: what they will enter, who may confirm, and why somebody may not."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from access.roles import title_of as role_title
from access.scope import Post
from audit.context import acting
from casework.desks.funds.budget_forms import AnswerForm
from casework.desks.funds.proposed import entries_of
from casework.desks.funds.reach import DUTY_ROLES, posts_for, proposals_in_reach, why_not
from casework.desks.funds.refusals import in_plain_words
from casework.errors import REFUSALS
from casework.reach import visible
from funds import proposals
from funds.models import Proposal

PAGE = 25
MOST_OF_MINE = 50
MOST_ENTRIES = 50
TONES = {"proposed": "soon", "confirmed": "ok", "refused": "act", "withdrawn": "end"}


def mine_to_decide(user: Any) -> QuerySet[Proposal]:
    """Open proposals that this very person may decide, the longest waiting first.

    A post that was delegated by whoever proposed is no second person's.
    """
    may = Q(pk__in=())
    for post in posts_for(user, "confirm"):
        if post.level != "group":
            hers = Q(**{f"unit__{post.level}_id": post.unit_id})
            may |= hers & ~Q(proposer_person_key=post.principal_person_key) if post.principal_person_key else hers
    return Proposal.objects.filter(may, state="proposed").exclude(proposer_person_key=user.person_key).order_by("pk")


def _deciding_post(user: Any, proposal: Proposal) -> Post | None:
    """The post by which she may decide this one, her own before a delegated one."""
    if user.person_key == proposal.proposer_person_key:
        return None
    fit = [
        post
        for post in posts_for(user, "confirm")
        if post.reaches(proposal.unit) and post.principal_person_key != proposal.proposer_person_key
    ]
    return min(fit, key=lambda post: post.principal_id or 0, default=None)


def why_not_decide(user: Any, proposal: Proposal) -> str:
    """ "" when she may; otherwise the sentence that stands where the buttons would be."""
    if proposal.proposed_by_id == user.pk:
        return _("这是你提出的，要由另一个人核准。不要了可以撤回。")
    if proposal.proposer_person_key == user.person_key:
        return _("这是你用另一个账号提出的。同一个人不能又提出又核准，要由另一个人核准。")
    if _deciding_post(user, proposal):
        return ""
    if any(post.reaches(proposal.unit) for post in posts_for(user, "confirm")):
        return _("你是替提出的人代班，不能核准他提出的。要由另一个人核准。")
    if posts_for(user, "confirm"):
        who = _("或").join(role_title(role) for role in DUTY_ROLES["confirm"])
        return _("这一件由%(unit)s的%(who)s核准。") % {"unit": proposal.unit.name, "who": who}
    return why_not(user, "confirm")


@login_required
@require_safe
def waiting(request: HttpRequest) -> HttpResponse:
    """All entries by two persons within reach; what she may decide stands on top."""
    user = request.user
    state = request.GET.get("state", "proposed")
    rows = proposals_in_reach(user).select_related("fund", "unit", "proposed_by", "decided_by")
    mine = list(mine_to_decide(user).select_related("fund", "unit", "proposed_by")[:MOST_OF_MINE])
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
    barred = why_not_decide(request.user, proposal) if is_open else ""
    return render(
        request,
        "funds/proposal.html",
        {
            "proposal": proposal,
            "tone": TONES[proposal.state],
            "entries": entries[:MOST_ENTRIES],
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
    post = _deciding_post(user, found)
    if verb != "withdraw" and post is None:
        raise PermissionDenied(why_not_decide(user, found))
    try:
        with acting(user, on_behalf_of=post.principal if post else None), in_plain_words():
            done = _carry(verb, found.pk, user, form)
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
