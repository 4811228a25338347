"""The fast path: help first, papers made up under a deadline, money recovered when they are not accepted."""

from django.utils.translation import gettext as _

from casework.acting import Act, after, before
from casework.digests import approval_digest
from casework.errors import BadCaseData, MissingDocuments, OverTheLimit
from casework.queries import overdue_makeups
from casework.steps.file import amount_is_sound
from casework.steps.signatures import reserve
from funds import services as funds


@before("emergency_release")
def within_the_emergency_cap(this: Act) -> None:
    """Data: amount_fen, account_id (see steps.file). Blocked while the township has overdue make-ups (domain §3.1)."""
    case = this.case
    amount_is_sound(case)
    if case.amount_fen > case.rules.emergency_cap_fen:
        raise OverTheLimit(
            _("先行救助最多 %(cap)s 元，超过的部分走平常的手续。") % {"cap": f"{case.rules.emergency_cap_fen // 100:,}"}
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


@before("finish_recovery")
def money_came_back(this: Act) -> None:
    """Data: amount_fen that the family paid back; 0 with a reason when it was written off by decision."""
    amount_fen = int(this.data.get("amount_fen", 0))
    reservation = funds.held_reservation(this.case.subject)
    paid_fen = reservation.amount_fen if reservation else 0
    if not 0 <= amount_fen <= paid_fen:
        raise BadCaseData(_("追回的钱应在 0 到 %(paid)s 元之间。") % {"paid": f"{paid_fen // 100:,}"})
    if amount_fen:
        funds.recover(reservation, amount_fen, key=f"{this.case.subject}:recover", reason=this.reason)
        this.moves_money = True
    this.note["recovered_fen"] = amount_fen
