"""An emergency paid at once out of the township's float: by two persons, with the receipt; settled when its papers are in."""

import datetime

from django.utils.translation import gettext as _

from access.models import Staff
from casework import handing_out
from casework.acting import Act, after, before
from casework.errors import BadCaseData, MissingDocuments
from casework.imprest_payers import demand_others_left, township_posts
from casework.queries import overdue_makeups
from casework.steps.payment import refuse_the_dead
from flows import calendar
from funds import imprest
from funds import services as funds


@before("pay_from_imprest")
def two_persons_pay_at_once(this: Act) -> None:
    """Data: second_payer (staff id; she who acts is the first), document_id (the picture of the signed receipt, among the
    papers of the case), handed_on (ISO date, default today), place, signed_how, received_by.

    Both hold the duty: neither made the release, nor surveys, checks or approves this case. The second one is of the
    township's office, and is asked to confirm it; neither is the last who could take a step to come.
    """
    case, data = this.case, this.data
    reservation = funds.held_reservation(case.subject)
    if reservation is None:
        raise BadCaseData(_("这一件没有锁定的资金，不能付款。"))
    refuse_the_dead(case.payee_account.holder)
    second = _second_payer(this)
    receipt = (
        case.papers.filter(document_id=data.get("document_id"), kind="cash_receipt").select_related("document").first()
    )
    if receipt is None:
        raise MissingDocuments(_("请先拍下签了字的收条。"), [_("收条")])
    box = imprest.float_for(reservation, case.township_id)
    if box is None:
        raise BadCaseData(_("乡里没有这项资金的备用金，请走银行付款。"))
    demand_others_left(case, (this.by, second))
    paid = imprest.spend(
        box,
        reservation,
        funds.Handover(
            payers=(this.by, second),
            handed_on=_handed_on(this),
            place=data.get("place", ""),
            signed_how=data.get("signed_how", "signature"),
            received_by=data.get("received_by") or case.payee_account.holder.name,
            receipt_sha256=receipt.document.sha256,
        ),
        payee_name=case.payee_account.holder.name,
        cap_fen=case.rules.emergency_cap_fen,
        overdue_makeups=overdue_makeups(case.township_id).count(),
        due_on=_papers_due(this),
    )
    this.also_duty_of.append(second)
    this.moves_money = True
    this.note |= {"imprest_spend": paid.pk, "second_payer": second.pk}


def _second_payer(this: Act) -> Staff:
    second = Staff.objects.filter(pk=this.data.get("second_payer"), is_active=True).first()
    if second is None:
        raise BadCaseData(_("请选另一个一起发钱的人。"))
    if not township_posts(this.case, second):
        raise BadCaseData(_("%(name)s 不在乡里任职，请选乡里的人一起发。") % {"name": second.name})
    handing_out.refuse_the_close(this.case.household_id, second)
    return second


def _handed_on(this: Act) -> datetime.date:
    given = this.data.get("handed_on")
    day = datetime.date.fromisoformat(given) if given else this.today
    released = this.case.events.filter(action="emergency_release").latest("n").business_date
    if not released <= day <= this.today:
        raise BadCaseData(_("发钱的日子要在批准先行救助以后，不能晚于今天。"))
    return day


def _papers_due(this: Act) -> datetime.date:
    return calendar.add(this.today, this.case.rules.makeup)


@after("pay_from_imprest")
def papers_are_due(this: Act) -> None:
    this.case.makeup_due_on = this.due_on = _papers_due(this)


@after("approve")
def what_was_handed_out_is_paid(this: Act) -> None:
    """The papers of an emergency are accepted: the decision's money settles the float, in the same transaction."""
    if this.case.state == "paid" and imprest.accept(this.case.subject):
        this.moves_money = True
