"""The bank makes a float whole in the box as well: the custodian asks for what was settled, another person has it paid."""

from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from audit import clock
from audit.context import acting
from funds import duties
from funds.errors import WrongPaymentState
from funds.imprest.floats import demand_custodian, locked
from funds.models import ImprestFloat, ImprestRefill


def to_refill(box: ImprestFloat) -> Any:
    """Spends that are settled and on no refill yet, the oldest first."""
    return box.spends.filter(ended_on__isnull=False, settled_fen__gt=0, refill__isnull=True).order_by("id")


def settled_since_refill_fen(box: ImprestFloat) -> int:
    """The sum of what the next refill will ask for."""
    return to_refill(box).aggregate(fen=Sum("settled_fen", default=0))["fen"]


@transaction.atomic
def ask_refill(box: ImprestFloat, *, by: Any, key: str) -> ImprestRefill:
    """Ask the bank for everything that was settled since the last refill. The same key is one refill.

    Raises WrongPaymentState when there is nothing, SamePerson for anybody but the custodian.
    """
    box = locked(box.pk)
    known = ImprestRefill.objects.filter(key=key).first()
    if known:
        return known
    demand_custodian(box, by)
    spends = list(to_refill(box))
    if not spends:
        raise WrongPaymentState(_("上次补充以后还没有核销过，不用申请。"))
    with acting(by, reason="imprest_refill"):
        refill = ImprestRefill.objects.create(
            key=key,
            float=box,
            amount_fen=sum(paid.settled_fen for paid in spends),
            asked_on=clock.today(),
            asked_by=by,
            asker_person_key=by.person_key,
        )
        for paid in spends:
            paid.refill = refill
            paid.save()
    return refill


@transaction.atomic
def pay_refill(refill: ImprestRefill, *, by: Any, bank_reference: str) -> ImprestRefill:
    """The bank has paid it to the township. Pressed twice it is paid once. Raises SamePerson for whoever asked, NotYours."""
    box = locked(refill.float_id)
    refill = ImprestRefill.objects.get(pk=refill.pk, float=box)
    if refill.paid_on is not None:
        return refill
    same_person = _("申请补充和拨付不能是同一个人。")
    place = box.allocation.unit
    post = duties.demand(by, "answer", place, after=[refill.asker_person_key], same_person=same_person)
    refill.paid_on, refill.paid_by, refill.payer_person_key = clock.today(), by, by.person_key
    refill.bank_reference = bank_reference.strip()
    with acting(by, on_behalf_of=post.principal, reason="imprest_refilled"):
        refill.save()
    return refill
