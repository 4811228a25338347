"""The second person's side of what two do together: what she is asked, who may see and answer it, and what waits where.

Cash of a case goes through act(), cash of a list through its service, money of a float and goods through funds; whoever
answers, wherever, comes in here.
"""

import datetime
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import CharField, Prefetch, Q, QuerySet, Value
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from access import approvals
from access.roles import Ability
from access.scope import posts_of
from audit import clock
from casework import cash
from casework.due import still_in_time_from
from casework.models import Case
from casework.reach import units_in
from casework.rosters import paying as rosters
from families.models import Document
from flows import calendar
from flows.errors import CalendarMissing
from flows.parameters import Period
from funds import countersigning, duties
from funds.models import CashHandover, Countersign, Payment, StockMove

ANSWERED_WITHIN = Period(3, "working")
PLACES = ("handover__payment__reservation__village__", "spend__reservation__village__", "slip__store__unit__")


def answer(asked: Countersign, *, by: Any, key: str, confirms: bool, words: str = "") -> None:
    """Her answer, or the fund desk's withdrawal (`confirms` false, `words` why). The same `key` again changes nothing.

    Raises what the service of the thing refuses with: SecondPerson, NotYours, SamePerson, Recused, and whatever act() does.
    """
    if asked.handover_id and asked.subject.startswith("case:"):
        cash.answer(asked, by=by, key=key, confirms=confirms, words=words)
    elif asked.handover_id and confirms:
        rosters.confirm_cash(asked, by=by)
    elif confirms:
        countersigning.confirm(asked.pk, by=by)
    else:
        countersigning.object_to(asked.pk, by=by, words=words)


# --- who sees what ---------------------------------------------------------------------------------------------------


def waiting_for(user: Any) -> QuerySet[Countersign]:
    """What she has to answer, with everything that a list of it shows."""
    return countersigning.waiting_for(user).select_related(*countersigning.WITH_ITS_THING)


def watched(user: Any) -> QuerySet[Countersign]:
    """Second persons' answers of the places whose fund desk she is."""
    if not watches(user):
        return Countersign.objects.none()
    condition = Q(pk__in=())
    for place in PLACES:
        condition |= units_in(user, Ability.FUND_VIEW, place) or Q()
    return Countersign.objects.filter(condition)


def watches(user: Any) -> bool:
    return any(post.role in duties.ROLES_OF["countersigns"] for post in posts_of(user))


def readable(user: Any) -> QuerySet[Countersign]:
    """What she was asked, what she has written down with somebody else, and what her fund desk watches."""
    me = user.person_key
    mine = Q(asked_person_key=me) | Q(handover__payer_one_key=me) | Q(spend__payer_one_key=me)
    mine |= Q(slip__maker_person_key=me)
    rows = Countersign.objects.filter(mine | Q(pk__in=watched(user).order_by().values("pk")))
    return rows.select_related(*countersigning.WITH_ITS_THING)


def objections(user: Any) -> QuerySet[Countersign]:
    """What was objected to and is not put right, at the places whose fund desk she is."""
    rows = countersigning.open_objections() & watched(user)
    return rows.select_related(*countersigning.WITH_ITS_THING)


def unanswered(user: Any) -> QuerySet[Countersign]:
    """What waits for its second person at the places whose fund desk she is, the oldest first."""
    rows = countersigning.unanswered() & watched(user)
    return rows.select_related(*countersigning.WITH_ITS_THING)


def mine(user: Any) -> int:
    """How many wait for her own answer."""
    return _waits_for(user)["mine"]


def count(user: Any) -> int:
    """For the badge: what she has to answer, and for the fund desk what was objected to or is overdue."""
    return _waits_for(user)["mine"] + _waits_for(user)["watched"]


def to_approve(user: Any) -> int:
    """How many grants and delegations she is said to have approved and has not confirmed (access.approvals)."""
    return _waits_for(user)["approvals"]


def _waits_for(user: Any) -> Counter[str]:
    """How many of each wait for her; each capped, and all asked once a request, in one query."""
    if not hasattr(user, "_waits_for"):
        own = Q(answer="", asked_person_key=user.person_key)
        rows = [("mine", Countersign.objects.filter(own))]
        if watches(user):
            late = unanswered(user).filter(asked_on__lt=still_in_time_from(clock.today(), ANSWERED_WITHIN))
            watched = [Q(pk__in=each.select_related(None).order_by().values("pk")) for each in (objections(user), late)]
            rows.append(("watched", Countersign.objects.filter(watched[0] | watched[1]).exclude(own)))
        rows += [("approvals", approvals.waiting_grants(user)), ("approvals", approvals.waiting_delegations(user))]
        first, *others = (
            each.order_by().annotate(what=Value(what, CharField())).values_list("what", flat=True)[:_MOST]
            for what, each in rows
        )
        user._waits_for = Counter(first.union(*others, all=True))
    return user._waits_for


_MOST = 100


def due_on(asked: Countersign) -> datetime.date:
    """The last day on which she should have answered; calendar days where no calendar is loaded."""
    try:
        return calendar.add(asked.asked_on, ANSWERED_WITHIN)
    except CalendarMissing:
        return asked.asked_on + datetime.timedelta(days=ANSWERED_WITHIN.days)


def is_overdue(asked: Countersign) -> bool:
    return not asked.answer and due_on(asked) < clock.today()


def with_answers() -> Prefetch:
    """For payments in a list: how their cash was handed over, and what the second person said. One query for all."""
    persons = ("payer_one", "payer_two", "countersign__asked", "countersign__answered_by")
    return Prefetch("handovers", CashHandover.objects.select_related(*persons))


def with_questions() -> Prefetch:
    """For money of a float or slips in a list: what the second person was asked and said. One query for all."""
    return Prefetch("countersigns", Countersign.objects.select_related("asked", "answered_by"))


def asked_about(payment: Payment) -> Countersign | None:
    """The last question about its cash, of a payment that was read `with_answers`."""
    given = payment.handover
    return given.countersign if given else None


# --- what she is asked -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """Everything that she needs to judge: who gave what to whom, how much, when and where, and how it was signed for."""

    asked: Countersign
    kind: str
    family: str
    first: Any
    on: datetime.date
    place: str
    received_by: str
    signed: str
    number: str
    amount_fen: int | None = None
    goods: list[str] = field(default_factory=list)
    receipt: Document | None = None
    shares_receipt: bool = False
    case: Case | None = None

    @property
    def is_overdue(self) -> bool:
        return is_overdue(self.asked)


def questions(rows: Iterable[Countersign]) -> list[Question]:
    """The rows in words, with their receipts, goods and cases. Four queries, however many."""
    rows = list(rows)
    slips = [asked.slip for asked in rows if asked.slip_id]
    goods: dict[int, list[str]] = {}
    if slips:
        for move in StockMove.objects.filter(slip__in=slips).select_related("lot__item").order_by("id"):
            item = move.lot.item
            goods.setdefault(move.slip_id, []).append(f"{item.name} {move.quantity} {item.unit}")
    papers = _receipts(rows)
    ids = [int(asked.subject.split(":")[1]) for asked in rows if asked.subject.startswith("case:")]
    cases = {case.subject: case for case in Case.objects.filter(pk__in=ids).select_related("village")}
    return [_question(asked, goods, papers, cases.get(asked.subject)) for asked in rows]


def question(asked: Countersign) -> Question:
    return questions([asked])[0]


def _question(
    asked: Countersign, goods: dict[int, list[str]], papers: dict[int, Document], case: Case | None
) -> Question:
    thing = asked.thing
    shared = {"asked": asked, "first": asked.first, "receipt": papers.get(asked.pk), "case": case}
    if asked.slip_id:
        lost = thing.kind == "loss"
        return Question(
            kind=_("报失的实物") if lost else pgettext("goods", "发放的实物"),
            family=thing.household_name,
            on=thing.made_on,
            place=thing.village.name if thing.village else thing.store.unit.name,
            received_by="" if lost else thing.receiver,
            signed=thing.reason if lost else "",
            number=thing.number,
            goods=goods.get(thing.pk, []),
            **shared,
        )
    if asked.spend_id:
        kind, family, number, on = _("备用金"), thing.payee_name, thing.float.allocation.unit.name, thing.paid_on
    else:
        payment = thing.payment
        kind, family, number, on = _("现金"), payment.payee_name, payment.batch.number, thing.handed_on
    return Question(
        kind=kind,
        family=family,
        on=on,
        place=thing.place,
        received_by=thing.received_by,
        signed=thing.get_signed_how_display(),
        number=number,
        amount_fen=thing.payment.amount_fen if asked.handover_id else thing.amount_fen,
        shares_receipt=bool(asked.handover_id and thing.shares_receipt),
        **shared,
    )


def _receipts(rows: list[Countersign]) -> dict[int, Document]:
    """{countersign id: the picture of the signed receipt}, where it is kept. A slip's own signature names its picture."""
    signed = {
        asked.pk: s.document_id for asked in rows if asked.slip_id and (s := getattr(asked.slip, "signature", None))
    }
    prints = {asked.pk: asked.thing.receipt_sha256 for asked in rows if not asked.slip_id}
    found = list(
        Document.objects.filter(Q(pk__in=set(signed.values()) - {None}) | Q(sha256__in=set(prints.values())))
        .select_related("household")
        .order_by("id")
    )
    by_id = {document.pk: document for document in found}
    by_print = {(document.subject, document.sha256): document for document in found}
    papers = {
        asked.pk: by_id.get(signed.get(asked.pk)) or by_print.get((asked.subject, prints.get(asked.pk)))
        for asked in rows
    }
    return {pk: paper for pk, paper in papers.items() if paper is not None}
