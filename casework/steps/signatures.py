"""Township and county: every signature covers a digest of what was approved; the last one reserves the money."""

from django.utils.translation import gettext as _

from casework import limits, one_open_case
from casework.acting import Act, after, before
from casework.digests import approval_digest
from casework.errors import ApprovalVoid, TooEarly
from casework.steps.parts import wait_for_the_next_part
from casework.steps.payment import release_reservation
from flows import calendar
from funds import instalments
from funds import services as funds


@before("approve", "review", "confirm", "countersign")
def sign_what_lies_here(this: Act) -> None:
    """The first signature fixes the digest; the later ones must find the same."""
    case = this.case
    this.digest = approval_digest(case)
    if case.approved_digest and case.approved_digest != this.digest:
        raise ApprovalVoid(_("上一级签字以后材料有变动，签字已经失效，请退回重新审批。"))
    case.approved_digest = this.digest


@after("approve", "confirm", "countersign")
def reserve_when_final(this: Act) -> None:
    case = this.case
    if case.state == "fund_reserved":
        reserve(this)


def reserve(this: Act) -> None:
    """Keep the money of this decision, in the parts that the rules lay down. The number of acts makes each decision's
    reservation one of its own."""
    case = this.case
    limits.demand_within(case, this.today)
    reservation = funds.reserve(
        subject=case.subject,
        key=f"{case.subject}:reservation:{case.acts + 1}",
        programme=case.programme,
        village=case.village,
        amount_fen=case.amount_fen,
        purpose=case.cause,
        person_key=limits.key_of(case),
        once_key=limits.once_key(case, this.today),
    )
    this.moves_money = True
    if case.tier != "T0":
        parts = [instalments.Part(*part) for part in case.rules.payments.laid_out(case.amount_fen, this.today)]
        if parts:
            instalments.plan(reservation, parts)
            wait_for_the_next_part(this, parts[0].due_on, needs_check=parts[0].needs_check)


@before("return", "refuse", "uphold_objection", "village_return")
def signatures_fall(this: Act) -> None:
    this.case.approved_digest = ""


@before("appeal")
def no_newer_application(this: Act) -> None:
    """A refused case is open again while it is appealed, and a family has one open case of a programme."""
    one_open_case.refuse_another(this.case.programme, this.case.beneficiary, by=this.by)


@before("appeal")
def appeal_in_time(this: Act) -> None:
    refused = this.case.events.filter(to_state="refused").latest("n")
    last_day = calendar.add(refused.business_date, this.case.rules.appeal_within)
    if this.today > last_day:
        raise TooEarly(_("申诉期限是 %(date)s，已经过了。") % {"date": last_day.isoformat()})


@after("send_back")
def unlock(this: Act) -> None:
    """The money is free again; an emergency that was never paid is an ordinary application again."""
    release_reservation(this)
    this.case.approved_digest = ""
    if this.case.tier == "T0":
        this.case.tier = ""
