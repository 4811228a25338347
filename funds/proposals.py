"""Two persons for one entry: propose, then confirm, refuse or withdraw.

    @carries_out("interfund")
    def move_between_funds(proposal: Proposal) -> dict: ...      # runs when a second person confirms; in her transaction

What a kind does stands in the module of its subject (budget, periods, recoveries, imprest).
"""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from audit import clock
from audit.context import acting
from funds import ledger
from funds.errors import SamePerson, WrongProposal
from funds.models import Fund, Proposal

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
    """
    known = Proposal.objects.filter(key=key).first()
    if known:
        if (known.kind, known.proposed_by_id) != (kind, by.pk):
            raise WrongProposal(_("这次提交的编号已经用在另一件事上，请刷新页面再办。"))
        return known
    if not reason.strip():
        raise WrongProposal(_("请写明原因。"))
    with acting(by, reason=f"propose {kind}"):
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

    Raises SamePerson, WrongProposal, and whatever the entry itself is refused with; then nothing is left.
    """
    proposal = _open(proposal_id, by, Proposal.State.CONFIRMED)
    if proposal.state == Proposal.State.CONFIRMED:
        return proposal
    if proposal.proposer_person_key == by.person_key:
        raise SamePerson(_("提出和核准不能是同一个人。请由另一个人核准。"))
    _decide(proposal, Proposal.State.CONFIRMED, by, "")
    with acting(by, reason=f"confirm {proposal.kind}"):
        proposal.result = _carries[proposal.kind](proposal)
        proposal.save()
        ledger.settle_now()
    return proposal


@transaction.atomic
def refuse(proposal_id: int, *, by: Any, answer: str) -> Proposal:
    """Another person does not agree, and says why. Raises SamePerson, WrongProposal."""
    proposal = _open(proposal_id, by, Proposal.State.REFUSED)
    if proposal.state == Proposal.State.REFUSED:
        return proposal
    if proposal.proposer_person_key == by.person_key:
        raise SamePerson(_("这是你自己提出的，可以撤回，不能自己否决。"))
    if not answer.strip():
        raise WrongProposal(_("请写明为什么不核准。"))
    return _decide(proposal, Proposal.State.REFUSED, by, answer.strip())


@transaction.atomic
def withdraw(proposal_id: int, *, by: Any) -> Proposal:
    """Whoever proposed it takes it back. Raises WrongProposal."""
    proposal = _open(proposal_id, by, Proposal.State.WITHDRAWN)
    if proposal.state == Proposal.State.WITHDRAWN:
        return proposal
    if proposal.proposer_person_key != by.person_key:
        raise WrongProposal(_("只有提出的人能撤回。不同意请选「不核准」。"))
    return _decide(proposal, Proposal.State.WITHDRAWN, by, "")


def _open(proposal_id: int, by: Any, wanted: str) -> Proposal:
    """The proposal, locked: still open, or decided so by this very person before."""
    proposal = Proposal.objects.select_for_update().get(pk=proposal_id)
    if proposal.state != Proposal.State.PROPOSED and (proposal.state, proposal.decided_by_id) != (wanted, by.pk):
        raise WrongProposal(
            _("这一件现在是「%(state)s」，不能再办。请刷新看看。") % {"state": proposal.get_state_display()}
        )
    return proposal


def _decide(proposal: Proposal, state: str, by: Any, answer: str) -> Proposal:
    proposal.state, proposal.answer = state, answer
    proposal.decided_by, proposal.decider_person_key, proposal.decided_on = by, by.person_key, clock.today()
    with acting(by, reason=f"{state} {proposal.kind}"):
        proposal.save()
    return proposal
