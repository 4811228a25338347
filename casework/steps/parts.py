"""Help in parts: checking that the next one is due, waiting for it, suspending, stopping for good."""

import datetime

from django.utils.translation import gettext as _

from casework import services_log
from casework.acting import Act, after, before
from casework.errors import BadCaseData
from casework.steps.payment import release_reservation
from flows import calendar
from funds import instalments
from funds import services as funds
from funds.models import Instalment

CHECKS = "check_instalment"


def next_part(subject: str) -> Instalment | None:
    """The part that is paid next; None when the help is not in parts, or all of them are spoken for."""
    reservation = funds.held_reservation(subject)
    waiting = instalments.open_parts(reservation) if reservation else []
    return waiting[0] if waiting else None


def wait_for_the_next_part(this: Act, due_on: datetime.date, *, needs_check: bool) -> None:
    """Whose turn it is until the next part goes out: who looks first, or the fund manager."""
    case = this.case
    soonest = calendar.add(this.today, case.rules.deadline(case.state))
    this.due_on = max(soonest, due_on)
    if needs_check:
        this.turn_role = case.spec.edge(case.state, CHECKS).roles[0]


@after("payment_credited", "confirm_cash", "resume", "unlist_payment")
def the_next_part_comes(this: Act) -> None:
    if this.case.state != "between_payments":
        return
    part = next_part(this.case.subject)
    if part is not None:
        wait_for_the_next_part(this, part.due_on, needs_check=part.needs_check and part.checked_on is None)


@before("check_instalment")
def somebody_has_looked(this: Act) -> None:
    """The reason of the act is what was found. Data: amount_fen where it is less than planned. Services that were signed
    for are billed with this part, the oldest first, as far as it goes; the rest stays for the next one."""
    case = this.case
    part = next_part(case.subject)
    if part is None or not part.needs_check or part.checked_on is not None:
        raise BadCaseData(_("这一期不用核查，或者已经核查过。"))
    amount_fen = this.data.get("amount_fen")
    served = list(services_log.unbilled(case).select_for_update())
    if served and amount_fen is None:
        amount_fen = services_log.payable_fen(served, part.amount_fen)
    instalments.check(part, by=this.by, note=this.reason[:200], amount_fen=amount_fen)
    billed = services_log.paid_with(served, part.amount_fen)
    for entry in billed:
        entry.instalment = part.n
        entry.save()
    this.note |= {"part": part.n, "amount_fen": part.amount_fen, "services": len(billed)}


@after("check_instalment")
def it_may_be_paid(this: Act) -> None:
    case = this.case
    part = next_part(case.subject)
    this.turn_role = case.spec.turn(case.state)
    this.due_on = max(calendar.add(this.today, case.rules.deadline(case.state)), part.due_on if part else this.today)


@after("stop_payments", "end_payments")
def the_rest_is_free(this: Act) -> None:
    """What was not paid is released, once; what was paid stays paid."""
    release_reservation(this)
