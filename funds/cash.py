"""Cash into a family's hands: what one of the two persons writes down; the other one confirms it (funds.countersigning)."""

from django.db import IntegrityError
from django.utils.translation import gettext as _

from funds import countersigning
from funds.errors import SamePerson, WrongPaymentState
from funds.models import CashHandover, Payment
from funds.refusals import LAWS, ROWS, refusal_of
from funds.services import Handover, refuse_wrong_day


def hand_over(payment: Payment, handover: Handover) -> CashHandover:
    """Cash has reached the family, says the first of two persons; the second is asked, and the payment waits for her.

    Raises SamePerson unless two natural persons gave it, neither of whom released it; WrongPaymentState for a bank payment,
    for what is not with the payers or was recorded before, WrongDay for a day before they had it, or to come,
    ReceiptUsed for a receipt that proves another handing-over.
    """
    if not payment.batch.is_cash:
        raise WrongPaymentState(_("这一笔走银行，不发现金。"))
    if payment.state not in (Payment.State.SENT, Payment.State.UNKNOWN):
        raise WrongPaymentState(
            _("付款 %(key)s 现在是「%(state)s」，不能这样办。")
            % {"key": payment.key, "state": payment.get_state_display()}
        )
    one, two = handover.payers
    if one.person_key == two.person_key:
        raise SamePerson(_("发现金要两个人一起，不能是同一个人。"))
    if payment.batch.releaser_person_key in (one.person_key, two.person_key):
        raise SamePerson(_("这一批是谁放行的，谁就不能再去发。请换一个人。"))
    if not handover.receipt_sha256:
        raise WrongPaymentState(_("请先拍下签了字的收条。"))
    refuse_wrong_day(payment.sent_on, handover.handed_on)
    try:
        made = CashHandover.objects.create(
            payment=payment,
            payer_one=one,
            payer_one_key=one.person_key,
            payer_two=two,
            payer_two_key=two.person_key,
            handed_on=handover.handed_on,
            place=handover.place,
            signed_how=handover.signed_how,
            received_by=handover.received_by,
            receipt_sha256=handover.receipt_sha256,
            shares_receipt=handover.shares_receipt or None,
        )
    except IntegrityError as error:
        refusal = refusal_of(error, LAWS | ROWS)
        if refusal is None:
            raise
        raise refusal from error
    countersigning.ask(made, payment.subject)
    return made


def living(payment: Payment) -> CashHandover | None:
    """How it was handed over, unless that was objected to."""
    return payment.handovers.exclude(countersign__answer="objected").select_related("countersign").first()
