"""The second person answers for herself: she is asked as soon as somebody has named her, and confirms it or says how it was.

    cash of a case or a list   counts as arrived once she has confirmed it
    money of a float           counts at once; its papers are accepted once she has confirmed it
    goods                      count at once; what she objects to is reversed

She answers once. Where she cannot, the fund desk withdraws the record, which is an objection by another hand; then it is
done and recorded anew. What was objected to by mistake the fund desk may ask her again, other than cash, which is recorded
anew.
"""

from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from audit import clock
from audit.context import acting
from funds import duties, services
from funds.errors import NotYours, SecondPerson
from funds.models import CashHandover, Countersign, ImprestSpend, Payment, StockSlip

A = Countersign.Answer
WITH_ITS_THING = (
    *("asked", "answered_by", "handover__payer_one", "handover__payer_two", "handover__payment__batch"),
    *("handover__payment__reservation__village", "spend__payer_one", "spend__payer_two", "spend__reservation__village"),
    *(
        "spend__float__allocation__unit",
        "slip__maker",
        "slip__witness",
        "slip__village",
        "slip__store__unit",
        "slip__signature",
    ),
)


def ask(thing: CashHandover | ImprestSpend | StockSlip, subject: str) -> Countersign:
    """Ask the second person of what was just written down; of a slip without a witness nobody is asked."""
    second, key = _second_of(thing)
    named = {CashHandover: "handover", ImprestSpend: "spend", StockSlip: "slip"}[type(thing)]
    return Countersign.objects.create(
        **{named: thing}, subject=subject, asked=second, asked_person_key=key, asked_on=clock.today()
    )


def waiting_for(user: Any) -> QuerySet[Countersign]:
    """What this natural person was named for and has not answered, the oldest first."""
    return Countersign.objects.filter(answer=A.NONE, asked_person_key=user.person_key).order_by("id")


@transaction.atomic
def confirm(countersign_id: int, *, by: Any) -> Countersign:
    """It was so. Cash has arrived by it. Pressed twice it is confirmed once.

    Raises NotYours to anybody else, SecondPerson when it was answered otherwise.
    """
    asked = _locked(countersign_id)
    if by.person_key != asked.asked_person_key:
        raise NotYours(_("这一笔由%(name)s本人确认，别人不能代她答。") % {"name": asked.asked.name})
    if asked.answer == A.CONFIRMED:
        return asked
    _answer(asked, A.CONFIRMED, "", by, reason="confirm")
    if asked.handover_id:
        with acting(by, reason="confirm"):
            services.credit(asked.handover.payment, bank_reference="", answered_on=asked.handover.handed_on)
    return asked


@transaction.atomic
def object_to(countersign_id: int, *, by: Any, words: str) -> Countersign:
    """It was not so, and how it was; or the fund desk withdraws what she cannot answer any more.

    Raises SecondPerson without words or when it was answered before, NotYours, SamePerson to whoever named her.
    """
    asked = _locked(countersign_id)
    words = words.strip()
    if (asked.answer, asked.answered_by_id, asked.words) == (A.OBJECTED, by.pk, words):
        return asked
    if not words:
        raise SecondPerson(_("请写明实际是怎么回事。"))
    if by.person_key == asked.asked_person_key:
        return _answer(asked, A.OBJECTED, words, by, reason="object")
    post = _demand_fund_desk(asked, by)
    return _answer(asked, A.OBJECTED, words, by, reason="withdraw", on_behalf_of=post.principal)


@transaction.atomic
def ask_again(countersign_id: int, *, by: Any, key: str = "") -> Countersign:
    """The objection was a mistake: she is asked once more, in her own session. What she said before stays.

    Raises SecondPerson for cash, and for what is not objected to; NotYours, SamePerson.
    """
    asked = _locked(countersign_id)
    if asked.handover_id:
        raise SecondPerson(_("现金要重新记一次，不能再问。"))
    post = _demand_fund_desk(asked, by)
    newest = asked.thing.countersign
    if newest.pk != asked.pk and newest.answer == A.NONE:
        return newest  # pressed twice
    if newest.answer != A.OBJECTED:
        raise SecondPerson(_("这一笔没有人提出不同意见，不用再问。"))
    with acting(by, on_behalf_of=post.principal, reason="ask_again"):
        return ask(asked.thing, asked.subject)


def open_objections() -> QuerySet[Countersign]:
    """What was objected to and nobody has put right: the last word about cash that is still with the payers, about money of
    a float that did not come back, about goods whose slip stands."""
    later = Countersign.objects.filter(pk__gt=OuterRef("pk"))
    superseded = (
        Exists(later.filter(handover__payment=OuterRef("handover__payment")))
        | Exists(later.filter(spend=OuterRef("spend")))
        | Exists(later.filter(slip=OuterRef("slip")))
    )
    reversed_since = Exists(StockSlip.objects.filter(answers=OuterRef("slip"), kind=StockSlip.Kind.REVERSAL))
    still_open = (
        Q(handover__payment__state__in=[Payment.State.SENT, Payment.State.UNKNOWN])
        | Q(spend__isnull=False, spend__ended_on__isnull=True)
        | Q(slip__isnull=False) & ~reversed_since
    )
    return Countersign.objects.filter(still_open, ~superseded, answer=A.OBJECTED).order_by("id")


def unanswered() -> QuerySet[Countersign]:
    """Questions that wait for their answer, the oldest first."""
    return Countersign.objects.filter(answer=A.NONE).order_by("asked_on", "id")


def place_of(asked: Countersign) -> Any:
    """Where it was handed out: the village of the money's decision, the unit of the goods' store."""
    if asked.handover_id:
        return asked.handover.payment.reservation.village
    return asked.spend.reservation.village if asked.spend_id else asked.slip.store.unit


def _second_of(thing: CashHandover | ImprestSpend | StockSlip) -> tuple[Any, str]:
    if isinstance(thing, StockSlip):
        return thing.witness, thing.witness_person_key
    return thing.payer_two, thing.payer_two_key


def _locked(countersign_id: int) -> Countersign:
    """The question, and before it the payment that it is about: everybody locks these two in one order."""
    found = Countersign.objects.filter(pk=countersign_id)
    payment_id = found.values_list("handover__payment", flat=True).get()
    if payment_id:
        Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
    return found.select_related(*WITH_ITS_THING).select_for_update(of=("self",), no_key=True).get()


def _demand_fund_desk(asked: Countersign, by: Any) -> Any:
    same_person = _("这一笔是你记的，要由资金管理或复核的另一个人来办。")
    return duties.demand(by, "countersigns", place_of(asked), after=[asked.first_person_key], same_person=same_person)


def _answer(
    asked: Countersign, answer: str, words: str, by: Any, *, reason: str, on_behalf_of: Any = None
) -> Countersign:
    if asked.answer != A.NONE:
        raise SecondPerson(
            _("这一笔已经有了答复（%(answer)s），答复以后不能再改。") % {"answer": asked.get_answer_display()}
        )
    asked.answer, asked.words = answer, words
    asked.answered_by, asked.answered_person_key, asked.answered_on = by, by.person_key, clock.today()
    with acting(by, on_behalf_of=on_behalf_of, reason=reason):
        asked.save()
    return asked
