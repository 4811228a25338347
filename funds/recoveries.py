"""Asking money back: what is owed, what came back part by part, what two persons write off.

What a township handed out of its float, and whose papers were not accepted, was never paid in the books: what comes back
makes the float whole, what is written off is settled against the decision, and at the end the rest of that is released.
"""

import datetime
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from audit import clock
from audit.context import acting
from funds import duties, imprest, ledger, proposals, services
from funds.errors import NotThatMuch, WrongProposal
from funds.models import Proposal, Recovery, Reservation, Transfer
from funds.money import yuan


def begin(
    reservation: Reservation, *, owed_fen: int, reason: str, agreed: list[dict[str, Any]] | None = None
) -> Recovery:
    """What was paid of this decision has to come back. Raises NotThatMuch when it is more than was paid.

    `agreed`: [{"due_on": "2026-05-01", "amount_fen": 10000}, …], what was agreed with the family.
    """
    paid_fen = services.paid_of(reservation)
    if not 0 < owed_fen <= paid_fen:
        raise NotThatMuch(_("要追回的钱应大于 0，最多 %(paid)s 元。") % {"paid": yuan(paid_fen)})
    spend = imprest.open_spend(reservation)
    if spend is not None and owed_fen < spend.open_fen:  # what is not asked back is what was decided
        imprest.settle(spend, spend.open_fen - owed_fen, key=f"imprest:{spend.pk}:kept", reason=reason)
    return Recovery.objects.create(
        reservation=reservation,
        subject=reservation.subject,
        owed_fen=owed_fen,
        agreed=agreed or [],
        reason=reason,
        begun_on=clock.today(),
    )


@transaction.atomic
def record(recovery_id: int, amount_fen: int, *, key: str, document_no: str = "", reason: str = "") -> Transfer:
    """So much came back; it is free again for the same purpose. Raises NotThatMuch; a key used before returns its entry."""
    recovery = Recovery.objects.select_for_update().select_related("reservation__allocation").get(pk=recovery_id)
    known = Transfer.objects.filter(key=key).first()
    if known:
        return known
    if not 0 < amount_fen <= recovery.open_fen:
        raise NotThatMuch(_("还欠 %(open)s 元，收回的要大于 0，不能比这更多。") % {"open": yuan(recovery.open_fen)})
    recovery.recovered_fen += amount_fen
    _save(recovery)
    reservation = recovery.reservation
    how = {"key": key, "reason": reason, "document_no": document_no}
    spend = imprest.open_spend(reservation)
    if spend is not None:
        transfer = imprest.give_back(spend, amount_fen, **how)
        _release_at_the_end(recovery, reason)
    else:
        transfer = ledger.post(
            "recover",
            amount_fen,
            fund_id=reservation.allocation.fund_id,
            allocation_id=reservation.allocation_id,
            subject=reservation.subject,
            reservation=reservation,
            **how,
        )
    ledger.settle_now()
    return transfer


def entries_of(recovery: Recovery) -> QuerySet[Transfer]:
    """The entries by which it came back, the first one first; together they are `recovered_fen`.

    What a township handed out makes its float whole; entries that do so because it was settled came from no family.
    """
    out_of_a_float = Q(kind="imprest_replenish") & ~Q(key__endswith=":replenish")
    return Transfer.objects.filter(Q(kind="recover") | out_of_a_float, subject=recovery.subject).order_by("id")


@transaction.atomic
def agree(recovery_id: int, parts: list[tuple[datetime.date, int]], *, by: Any, reason: str) -> Recovery:
    """What the family will pay back and when: [(due on, fen), …], together what is open. An earlier agreement stays in
    the history. Whoever may not write its debt off does not put it off either.

    Raises NotYours where she does not manage the money of that place, NotThatMuch, and what proposals.bars("write_off")
    raises.
    """
    recovery = Recovery.objects.select_for_update().get(pk=recovery_id)
    post = duties.demand(by, "make", recovery.reservation.village)
    proposals.refuse_barred("write_off", {"recovery": recovery.pk}, by)
    if sum(fen for _due, fen in parts) != recovery.open_fen or any(fen <= 0 for _due, fen in parts):
        raise NotThatMuch(
            _("还欠 %(open)s 元，各期加起来要正好是这个数，每期大于 0。") % {"open": yuan(recovery.open_fen)}
        )
    recovery.agreed = [{"due_on": due.isoformat(), "amount_fen": fen} for due, fen in parts]
    with acting(by, on_behalf_of=post.principal, reason=f"agree_recovery: {reason.strip()}"):
        recovery.save()
    return recovery


@dataclass(frozen=True)
class AgreedPart:
    due_on: datetime.date
    amount_fen: int
    missing_fen: int  # of it
    written_off_fen: int = 0  # of it; nobody asks for it any more

    @property
    def is_overdue(self) -> bool:
        return self.missing_fen > 0 and self.due_on < clock.today()


def agreed_parts(recovery: Recovery, *, written_off_fen: int = 0) -> list[AgreedPart]:
    """What was agreed, and what of each part is still asked for. What came back since covers the earliest parts first,
    then `written_off_fen`, what was written off since (written_off_since_agreed), those that follow.
    """
    covered_fen = max(0, sum(part["amount_fen"] for part in recovery.agreed) - recovery.open_fen)
    came_fen = max(0, covered_fen - written_off_fen)
    found = []
    for part in sorted(recovery.agreed, key=lambda part: part["due_on"]):
        amount_fen = part["amount_fen"]
        came, covered = min(came_fen, amount_fen), min(covered_fen, amount_fen)
        came_fen, covered_fen = came_fen - came, covered_fen - covered
        due_on = datetime.date.fromisoformat(part["due_on"])
        found.append(AgreedPart(due_on, amount_fen, amount_fen - covered, covered - came))
    return found


def written_off_since_agreed(recovery: Recovery) -> int:
    """How many fen two persons wrote off after the present instalments were agreed, as the history tells. One query."""
    then_fen = recovery.written_off_fen
    versions = Recovery.history.filter(id=recovery.pk).order_by("-history_id")
    for agreed, written_off_fen in versions.values_list("agreed", "written_off_fen"):
        if agreed != recovery.agreed:
            break
        then_fen = written_off_fen
    return recovery.written_off_fen - then_fen


def propose_write_off(recovery: Recovery, amount_fen: int, **how: Any) -> Proposal:
    """Nobody can pay this back. A second person decides, with the document that says so. Raises NotThatMuch, WrongProposal."""
    if not how.get("document_no", "").strip():
        raise WrongProposal(_("核销要有决定文件的文号。"))
    if not 0 < amount_fen <= recovery.open_fen:
        raise NotThatMuch(_("还欠 %(open)s 元，核销不能比这更多。") % {"open": yuan(recovery.open_fen)})
    fund = recovery.reservation.allocation.fund
    return proposals.propose(
        "write_off", unit=fund.unit, fund=fund, details={"recovery": recovery.pk}, amount_fen=amount_fen, **how
    )


@proposals.carries_out("write_off")
def _write_off(proposal: Proposal) -> dict[str, Any]:
    """What was paid stays paid, and nothing more is asked for. Money of a float is settled now, so that it is whole again."""
    recovery = Recovery.objects.select_for_update().get(pk=proposal.details["recovery"])
    if proposal.amount_fen > recovery.open_fen:
        raise NotThatMuch(_("还欠 %(open)s 元，核销不能比这更多。") % {"open": yuan(recovery.open_fen)})
    recovery.written_off_fen += proposal.amount_fen
    _save(recovery)
    spend = imprest.open_spend(recovery.reservation)
    if spend is not None:
        imprest.settle(
            spend, proposal.amount_fen, key=f"proposal:{proposal.pk}", reason=proposal.reason, written_off=True
        )
        _release_at_the_end(recovery, proposal.reason)
    return {"recovery": recovery.pk}


def _release_at_the_end(recovery: Recovery, reason: str) -> None:
    """The decision was never paid by the bank: what is not needed to settle the float is free again, once."""
    if recovery.ended_on is not None:
        services.release(recovery.reservation, reason=reason)


def _save(recovery: Recovery) -> None:
    if recovery.open_fen == 0:
        recovery.ended_on = clock.today()
    recovery.save()
