"""The fast path: help first, papers made up under a deadline, money recovered when they are not accepted."""

from django.utils.translation import gettext as _

from casework.acting import Act, after, before
from casework.digests import approval_digest
from casework.errors import BadCaseData, MissingDocuments, OverTheLimit
from casework.queries import overdue_makeups
from casework.steps.file import amount_is_sound
from casework.steps.signatures import reserve
from funds import recoveries
from funds import services as funds
from funds.models import Recovery
from funds.money import yuan


@before("emergency_release")
def within_the_emergency_cap(this: Act) -> None:
    """Data: amount_fen, account_id (see steps.file). Blocked while the township has overdue make-ups (domain §3.1)."""
    case = this.case
    amount_is_sound(case)
    if case.amount_fen > case.rules.emergency_cap_fen:
        raise OverTheLimit(
            _("先行救助最多 %(cap)s 元，超过的部分走平常的手续。") % {"cap": yuan(case.rules.emergency_cap_fen)}
        )
    if case.payee_account is None:
        raise MissingDocuments(_("还没有登记收款账户。"), [_("收款账户")])
    overdue = overdue_makeups(case.township_id).count()
    if overdue:
        raise OverTheLimit(_("本乡镇有 %(n)d 件先行救助过期没有补办手续，补好以前不能再用。") % {"n": overdue})
    case.tier = "T0"
    this.digest = case.approved_digest = approval_digest(case)


@after("emergency_release")
def money_at_once(this: Act) -> None:
    reserve(this)


@before("submit_makeup")
def ratification_begins(this: Act) -> None:
    """The amount is what was paid; what was signed in the emergency is signed again with the papers."""
    this.case.approved_digest = ""


@after("refuse", "reclaim")
def what_was_paid_is_owed(this: Act) -> None:
    """The papers of an emergency were not accepted, or money should not have gone out: it has to come back.

    Data: amount_fen where only a part of it is asked back.
    """
    if this.case.state != "recovery":
        return
    reservation = funds.held_reservation(this.case.subject)
    if reservation is None:
        raise BadCaseData(_("这一件没有付过钱，没有可以追回的。"))
    owed_fen = int(this.data.get("amount_fen") or funds.paid_of(reservation))
    recoveries.begin(reservation, owed_fen=owed_fen, reason=this.reason[:200])
    this.moves_money = True


@before("record_recovery", "finish_recovery")
def money_came_back(this: Act) -> None:
    """Data: amount_fen that came back now, and the document_no of its receipt."""
    amount_fen = int(this.data.get("amount_fen", 0))
    recovery = Recovery.objects.filter(subject=this.case.subject).order_by("-id").first()
    if recovery is None:
        raise BadCaseData(_("这一件没有要追回的钱。"))
    if amount_fen or this.action == "record_recovery":
        recoveries.record(
            recovery.pk,
            amount_fen,
            key=f"{this.case.subject}:recover:{this.case.acts + 1}",
            reason=this.reason,
            document_no=this.data.get("document_no", ""),
        )
        this.moves_money = True
    this.note["recovered_fen"] = amount_fen
    if this.action == "finish_recovery":
        recovery.refresh_from_db()
        if recovery.open_fen:
            raise BadCaseData(
                _("还有 %(open)s 元没有追回。追不回的，请提出核销，由第二个人核准。")
                % {"open": yuan(recovery.open_fen)}
            )
