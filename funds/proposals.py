"""Two persons for one entry: propose, then confirm, refuse or withdraw.

    @carries_out("interfund")
    def move_between_funds(proposal: Proposal) -> dict: ...      # runs when a second person confirms; in her transaction

What a kind does stands in the module of its subject (budget, periods, recoveries, imprest). Who may be the second person
is told here, to pages and commands alike: whoever checks or manages the money of that unit, and is not the proposer, nor
stands in for her.
"""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from access.scope import Bar, Post, post_for, posts_of
from audit import clock, once
from audit.context import acting
from funds import duties, ledger
from funds.errors import NotYours, SamePerson, WrongProposal
from funds.models import Fund, Proposal

DECIDERS = duties.ROLES_OF["confirm"]
PROPOSES = {"close_period": "close"}  # every other kind is proposed by whoever makes payments there

Refusal = Callable[[dict[str, Any], Any], None]
_bars: dict[str, Refusal] = {}


def bars(kind: str) -> Callable[[Refusal], Refusal]:
    """Register who may neither propose nor confirm a kind: it is handed the proposal's details and the person, and raises.

    For what the layer above knows and this one does not (whose debt it is); so no page or command is another door.
    """

    def register(bar: Refusal) -> Refusal:
        _bars[Proposal.Kind(kind)] = bar
        return bar

    return register


Carry = Callable[[Proposal], dict[str, Any]]
_carries: dict[str, Carry] = {}


def carries_out(kind: str) -> Callable[[Carry], Carry]:
    """Register what happens when a proposal of this kind is confirmed; what it returns becomes the proposal's result."""

    def register(carry: Carry) -> Carry:
        _carries[Proposal.Kind(kind)] = carry
        return carry

    return register


@transaction.atomic
def propose(
    kind: str,
    *,
    unit: Any,
    by: Any,
    key: str,
    reason: str,
    fund: Fund | None = None,
    details: dict[str, Any] | None = None,
    amount_fen: int = 0,
    document_no: str = "",
) -> Proposal:
    """Write down what shall be entered; the same `key` again returns the same proposal.

    Called by the subject's own function (budget.propose_interfund, say), which knows what `details` the kind needs.
    Raises NotYours where she has no such post, WrongProposal, and what `bars` of its kind raises.
    """
    post = duties.demand(by, PROPOSES.get(kind, "make"), unit)
    once.wait_for(f"proposal:{key}")
    known = Proposal.objects.filter(key=key).first()
    if known:
        if (known.kind, known.proposed_by_id) != (kind, by.pk):
            raise WrongProposal(_("这次提交的编号已经用在另一件事上，请刷新页面再办。"))
        return known
    refuse_barred(kind, details or {}, by)
    if not reason.strip():
        raise WrongProposal(_("请写明原因。"))
    with acting(by, on_behalf_of=post.principal, reason=f"propose {kind}"):
        return Proposal.objects.create(
            key=key,
            kind=kind,
            unit=unit,
            fund=fund,
            details=details or {},
            amount_fen=amount_fen,
            reason=reason.strip(),
            document_no=document_no.strip(),
            proposed_by=by,
            proposer_person_key=by.person_key,
            proposed_on=clock.today(),
        )


@transaction.atomic
def confirm(proposal_id: int, *, by: Any) -> Proposal:
    """Another person agrees, and the entry is made. Pressed twice by the same person it is made once.

    Raises SamePerson, NotYours, WrongProposal, what `bars` of its kind raises, and whatever the entry itself is refused
    with; then nothing is left.
    """
    proposal = _open(proposal_id, by, Proposal.State.CONFIRMED)
    if proposal.state == Proposal.State.CONFIRMED:
        return proposal
    post = _demand_second_person(proposal, by)
    refuse_barred(proposal.kind, proposal.details, by)
    _decide(proposal, Proposal.State.CONFIRMED, by, post=post)
    with acting(by, on_behalf_of=post.principal, reason=f"confirm {proposal.kind}"):
        proposal.result = _carries[proposal.kind](proposal)
        proposal.save()
        ledger.settle_now()
    return proposal


@transaction.atomic
def refuse(proposal_id: int, *, by: Any, answer: str) -> Proposal:
    """Another person does not agree, and says why. Raises SamePerson, NotYours, WrongProposal."""
    proposal = _open(proposal_id, by, Proposal.State.REFUSED)
    if proposal.state == Proposal.State.REFUSED:
        return proposal
    post = _demand_second_person(proposal, by)
    if not answer.strip():
        raise WrongProposal(_("请写明为什么不核准。"))
    return _decide(proposal, Proposal.State.REFUSED, by, answer.strip(), post=post)


@transaction.atomic
def withdraw(proposal_id: int, *, by: Any) -> Proposal:
    """Whoever proposed it takes it back. Raises WrongProposal."""
    proposal = _open(proposal_id, by, Proposal.State.WITHDRAWN)
    if proposal.state == Proposal.State.WITHDRAWN:
        return proposal
    if proposal.proposer_person_key != by.person_key:
        raise WrongProposal(_("只有提出的人能撤回。不同意请选「不核准」。"))
    return _decide(proposal, Proposal.State.WITHDRAWN, by)


def to_decide(user: Any) -> QuerySet[Proposal]:
    """Open proposals that this very person may decide, the longest waiting first."""
    may = Q(pk__in=())
    for post in _posts(user):
        hers = Q(**{f"unit__{post.level}_id": post.unit_id})
        may |= hers & ~Q(proposer_person_key=post.principal_person_key) if post.principal_person_key else hers
    return Proposal.objects.filter(may, state="proposed").exclude(proposer_person_key=user.person_key).order_by("pk")


def why_not_decide(proposal: Proposal, user: Any) -> str:
    """ "" when she may be its second person; otherwise the sentence why not."""
    if proposal.proposed_by_id == user.pk:
        return _("这是你提出的，要由另一个人核准。不要了可以撤回。")
    if proposal.proposer_person_key == user.person_key:
        return _("这是你用另一个账号提出的。同一个人不能又提出又核准，要由另一个人核准。不要了可以撤回。")
    found = _deciding_post(proposal, user)
    if found == Bar.STANDS_IN:
        return _("你是替提出的人代班，不能核准他提出的。要由另一个人核准。")
    if found == Bar.NO_POST:
        return _("这一件由%(unit)s的%(who)s核准。") % {"unit": proposal.unit.name, "who": duties.titles("confirm")}
    return ""


def _posts(user: Any) -> list[Post]:
    """The posts of a second person. Books are kept by units, never by a village's groups."""
    return [post for post in posts_of(user) if post.role in DECIDERS and post.level != "group"]


def _deciding_post(proposal: Proposal, user: Any) -> Post | Bar:
    return post_for(user, DECIDERS, proposal.unit, after=[proposal.proposer_person_key])


def _demand_second_person(proposal: Proposal, user: Any) -> Post:
    refusal = why_not_decide(proposal, user)
    if proposal.proposer_person_key == user.person_key:
        raise SamePerson(refusal)
    if refusal:
        raise NotYours(refusal)
    post = _deciding_post(proposal, user)
    assert isinstance(post, Post)
    return post


def refuse_barred(kind: str, details: dict[str, Any], by: Any) -> None:
    """Raises what `bars` of this kind raises; for steps that lead to the same end by another way."""
    if kind in _bars:
        _bars[kind](details, by)


def _open(proposal_id: int, by: Any, wanted: str) -> Proposal:
    """The proposal, locked: still open, or decided so by this very person before."""
    proposal = Proposal.objects.select_for_update().get(pk=proposal_id)
    if proposal.state != Proposal.State.PROPOSED and (proposal.state, proposal.decided_by_id) != (wanted, by.pk):
        raise WrongProposal(
            _("这一件现在是「%(state)s」，不能再办。请刷新看看。") % {"state": proposal.get_state_display()}
        )
    return proposal


def _decide(proposal: Proposal, state: str, by: Any, answer: str = "", *, post: Post | None = None) -> Proposal:
    proposal.state, proposal.answer = state, answer
    proposal.decided_by, proposal.decider_person_key, proposal.decided_on = by, by.person_key, clock.today()
    with acting(by, on_behalf_of=post.principal if post else None, reason=f"{state} {proposal.kind}"):
        proposal.save()
    return proposal
