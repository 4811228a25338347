"""Money in a township's hands, to help at once (备用金): a float with a limit, handed out before the papers, made whole after.

    advance          allocated -> imprest           up to the limit that two persons set
    spend            imprest -> imprest_spent       by two persons; the decision keeps its own money meanwhile
    settle           committed -> paid, and imprest_spent -> imprest: the papers are accepted, the bank refills
    give_back        imprest_spent -> imprest       the papers were not accepted, the family gives it back
    give_up          imprest -> allocated

The books make the float whole when the papers are accepted; the bank does it with the next refill. In between the township
has less in hand than the books say: that is `awaited_fen`, and a count stands beside the books without it.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import OuterRef, Q, Subquery, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from access.models import Staff
from audit import clock
from audit.context import acting
from funds import ledger, proposals
from funds.errors import ImprestBlocked, ImprestShort, NotThatMuch, SamePerson, WrongPaymentState, WrongProposal
from funds.models import (
    Allocation,
    ImprestCount,
    ImprestFloat,
    ImprestRefill,
    ImprestSpend,
    Proposal,
    Reservation,
    Transfer,
)
from funds.money import yuan
from funds.refusals import refusal_of
from funds.services import Handover


@dataclass(frozen=True)
class Holding:
    """What a float has, in fen."""

    limit_fen: int
    advanced_fen: int  # given to the township, less what it gave up
    book_fen: int  # on the account
    awaited_fen: int  # of it, not refilled by the bank yet
    handed_out_fen: int  # papers to come

    @property
    def on_hand_fen(self) -> int:
        return self.book_fen - self.awaited_fen

    @property
    def room_fen(self) -> int:
        """What may still be advanced."""
        return self.limit_fen - self.advanced_fen


_HOLDINGS = """
SELECT b.id, b.limit_fen, funds_imprest_book(b.allocation_id, true), funds_imprest_book(b.allocation_id, false),
       funds_imprest_awaited(b.id),
       (SELECT coalesce(sum(s.amount_fen - s.settled_fen - s.back_fen), 0)::bigint FROM funds_imprestspend s
        WHERE s.float_id = b.id AND s.ended_on IS NULL)
FROM funds_imprestfloat b WHERE b.id = ANY (%s)
"""


def holdings(floats: Iterable[ImprestFloat]) -> dict[int, Holding]:
    """{float id: Holding}, one query for all."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLDINGS, [[box.pk for box in floats]])
        return {pk: Holding(*row) for pk, *row in cursor.fetchall()}


def holding(box: ImprestFloat) -> Holding:
    return holdings([box])[box.pk]


def _locked(float_id: int) -> ImprestFloat:
    """The float, for as long as the transaction lasts. Raises WrongPaymentState when it has ended."""
    box = (
        ImprestFloat.objects.select_for_update(of=("self",), no_key=True)
        .select_related("allocation__fund", "allocation__unit")
        .get(pk=float_id)
    )
    if box.ended_on is not None:
        raise WrongPaymentState(_("这个备用金已经停用。"))
    return box


def _post(kind: str, box: ImprestFloat, amount_fen: int, **how: Any) -> Transfer:
    allocation = box.allocation
    how.setdefault("subject", f"fund:{allocation.fund_id}")
    return ledger.post(kind, amount_fen, fund_id=allocation.fund_id, allocation_id=allocation.pk, **how)


# --- the limit, by two persons ---------------------------------------------------------------------------------------


def open_float(allocation: Allocation) -> ImprestFloat | None:
    """The float of an allocation, when it has one."""
    return ImprestFloat.objects.filter(allocation=allocation, ended_on__isnull=True).first()


def propose_limit(allocation: Allocation, limit_fen: int, custodian: Any, **how: Any) -> Proposal:
    """Propose what the township may hold of an allocation and who keeps it; 0 ends the float.

    `how` is what every proposal needs: by, key, reason, document_no. Raises WrongProposal.
    """
    if allocation.unit.level != "township":
        raise WrongProposal(_("备用金只能设在分给乡镇的钱里。请先把钱分到乡镇。"))
    if limit_fen < 0:
        raise WrongProposal(_("定额不能小于 0。"))
    if not limit_fen and open_float(allocation) is None:
        raise WrongProposal(_("这里还没有备用金，不用停用。"))
    return proposals.propose(
        "imprest_limit",
        unit=allocation.fund.unit,
        fund=allocation.fund,
        details={"allocation": allocation.pk, "custodian": custodian.pk},
        amount_fen=limit_fen,
        **how,
    )


@proposals.carries_out("imprest_limit")
def _set_limit(proposal: Proposal) -> dict[str, Any]:
    """Raises WrongProposal when the township has more in hand than the new limit."""
    allocation = Allocation.objects.get(pk=proposal.details["allocation"])
    box = open_float(allocation)
    if box is not None:
        box = _locked(box.pk)
        now = holding(box)
        if now.advanced_fen > proposal.amount_fen:
            raise WrongProposal(
                _("乡镇手里已经有 %(fen)s 元，比新的定额多。请先让乡镇交回。") % {"fen": yuan(now.advanced_fen)}
            )
        if not proposal.amount_fen and now.awaited_fen:
            raise WrongProposal(_("还有 %(fen)s 元等银行补充，补到以后再停用。") % {"fen": yuan(now.awaited_fen)})
    box = box or ImprestFloat(allocation=allocation, opened_on=clock.today())
    custodian = Staff.objects.get(pk=proposal.details["custodian"])
    box.limit_fen, box.proposal = proposal.amount_fen, proposal
    box.custodian, box.custodian_person_key = custodian, custodian.person_key
    box.ended_on = None if proposal.amount_fen else clock.today()
    box.save()
    return {"float": box.pk}


@transaction.atomic
def advance(box: ImprestFloat, amount_fen: int, *, by: Any, key: str, document_no: str = "") -> Transfer:
    """Give the township money up to its limit. Raises ImprestShort, FundShort; the same key is one advance."""
    box = _locked(box.pk)
    known = Transfer.objects.filter(key=key).first()
    if known:
        return known
    room_fen = holding(box).room_fen
    if not 0 < amount_fen <= room_fen:
        raise ImprestShort(_("最多还能拨 %(fen)s 元，再多就超过定额。") % {"fen": yuan(room_fen)})
    with acting(by, reason="imprest_advance"):
        transfer = _post("imprest_advance", box, amount_fen, key=key, document_no=document_no)
        ledger.settle_now()
    return transfer


@transaction.atomic
def give_up(box: ImprestFloat, amount_fen: int, *, by: Any, key: str, document_no: str = "") -> Transfer:
    """The township gives money back to the allocation. Raises ImprestShort; the same key is one return."""
    box = _locked(box.pk)
    known = Transfer.objects.filter(key=key).first()
    if known:
        return known
    on_hand_fen = holding(box).on_hand_fen
    if not 0 < amount_fen <= on_hand_fen:
        raise ImprestShort(_("手里有 %(fen)s 元，最多交回这么多。") % {"fen": yuan(on_hand_fen)})
    with acting(by, reason="imprest_return"):
        transfer = _post("imprest_return", box, amount_fen, key=key, document_no=document_no)
        ledger.settle_now()
    return transfer


# --- handing out -----------------------------------------------------------------------------------------------------


def float_for(reservation: Reservation, township_id: int) -> ImprestFloat | None:
    """The township's float out of which a decision may be paid: of the same fund, programme and year."""
    allocation = reservation.allocation
    return ImprestFloat.objects.filter(
        ended_on__isnull=True,
        allocation__fund=allocation.fund_id,
        allocation__unit=township_id,
        allocation__year=allocation.year,
        allocation__programme=reservation.programme,
    ).first()


def last_month(today: datetime.date) -> datetime.date:
    """The first day of the month before this one."""
    return (today.replace(day=1) - datetime.timedelta(days=1)).replace(day=1)


def why_not_counted(box: ImprestFloat, counts: Iterable[ImprestCount], today: datetime.date) -> str:
    """ "" or what is wrong with the counts of a float: it is counted every month, and a difference is explained.

    A float that was opened this month or the last needs no count yet.
    """
    counts = list(counts)
    if any(count.reviewed_on is None and count.difference_fen and not count.explanation for count in counts):
        return _("盘点有差额，还没有写明原因。")
    days = [count.counted_on for count in counts if count.reviewed_on is not None]
    if max([box.opened_on, *days]) < last_month(today):
        return _("上个月没有盘点，或者盘点没有人复核。每个月要盘点一次。")
    return ""


def blocked_because(box: ImprestFloat, *, overdue_makeups: int, counts: Iterable[ImprestCount]) -> list[str]:
    """Why nothing may be handed out now; each sentence says what has to be done first. [] when it may."""
    because = []
    if overdue_makeups:
        because.append(
            ngettext(
                "有 %(n)d 件先行救助过期没有补办手续，补好以前不能再用备用金。",
                "有 %(n)d 件先行救助过期没有补办手续，补好以前不能再用备用金。",
                overdue_makeups,
            )
            % {"n": overdue_makeups}
        )
    uncounted = why_not_counted(box, counts, clock.today())
    return [*because, uncounted] if uncounted else because


def spend(
    box: ImprestFloat,
    reservation: Reservation,
    handover: Handover,
    *,
    payee_name: str,
    cap_fen: int,
    overdue_makeups: int,
    due_on: datetime.date,
) -> ImprestSpend:
    """Two persons have given a family the money of one decision; its papers are due on `due_on`.

    `cap_fen` and `overdue_makeups` are what casework knows of the rules and of this township.
    Raises ImprestBlocked, ImprestShort, SamePerson, WrongPaymentState.
    """
    one, two = handover.payers
    if one.person_key == two.person_key:
        raise SamePerson(_("发备用金要两个人一起，不能是同一个人。"))
    if not handover.receipt_sha256:
        raise WrongPaymentState(_("请先拍下签了字的收条。"))
    box = _locked(box.pk)
    because = blocked_because(box, overdue_makeups=overdue_makeups, counts=latest_counts([box]).get(box.pk, []))
    if because:
        raise ImprestBlocked(" ".join(because))
    amount_fen = reservation.amount_fen - reservation.released_fen
    if amount_fen > cap_fen:
        raise ImprestShort(_("备用金一次最多发 %(fen)s 元，这一件走银行付款。") % {"fen": yuan(cap_fen)})
    on_hand_fen = holding(box).on_hand_fen
    if amount_fen > on_hand_fen:
        raise ImprestShort(
            _("备用金不够：要 %(want)s 元，手里有 %(have)s 元。请先申请补充，或走银行付款。")
            % {"want": yuan(amount_fen), "have": yuan(on_hand_fen)}
        )
    try:
        paid = ImprestSpend.objects.create(
            float=box,
            subject=reservation.subject,
            reservation=reservation,
            amount_fen=amount_fen,
            payee_name=payee_name,
            payer_one=one,
            payer_one_key=one.person_key,
            payer_two=two,
            payer_two_key=two.person_key,
            paid_on=handover.handed_on,
            place=handover.place,
            signed_how=handover.signed_how,
            received_by=handover.received_by,
            receipt_sha256=handover.receipt_sha256,
            due_on=due_on,
        )
    except IntegrityError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error
    _post("imprest_spend", box, amount_fen, key=f"imprest:{paid.pk}:spend", subject=paid.subject)
    return paid


def open_spend(reservation: Reservation) -> ImprestSpend | None:
    """What was handed out for a decision, and is neither settled nor given back whole."""
    return reservation.imprest_spends.filter(ended_on__isnull=True).first()


def accept(subject: str) -> int:
    """The papers are there and accepted: what was handed out counts as paid. Returns how many fen."""
    spends = ImprestSpend.objects.filter(subject=subject, ended_on__isnull=True).select_related("reservation")
    settled_fen = 0
    for paid in spends:
        settled_fen += paid.open_fen
        settle(paid, paid.open_fen, key=f"imprest:{paid.pk}", reason="")
    return settled_fen


def settle(paid: ImprestSpend, amount_fen: int, *, key: str, reason: str) -> None:
    """So much of what was handed out is paid after all, out of the decision's own money, and the float is whole again."""
    box = _locked(paid.float_id)
    if not 0 < amount_fen <= paid.open_fen:
        raise NotThatMuch(_("备用金发出去的只剩 %(fen)s 元没有了结。") % {"fen": yuan(paid.open_fen)})
    reservation = paid.reservation
    ledger.post(
        "imprest_settle",
        amount_fen,
        key=f"{key}:settle",
        fund_id=reservation.allocation.fund_id,
        allocation_id=reservation.allocation_id,
        subject=paid.subject,
        reservation=reservation,
        reason=reason,
    )
    _post("imprest_replenish", box, amount_fen, key=f"{key}:replenish", subject=paid.subject, reason=reason)
    paid.settled_fen += amount_fen
    _save(paid)


def give_back(paid: ImprestSpend, amount_fen: int, *, key: str, reason: str = "", document_no: str = "") -> Transfer:
    """The family has given so much back; it lies in the box again."""
    box = _locked(paid.float_id)
    if not 0 < amount_fen <= paid.open_fen:
        raise NotThatMuch(_("备用金发出去的只剩 %(fen)s 元没有了结。") % {"fen": yuan(paid.open_fen)})
    transfer = _post(
        "imprest_replenish", box, amount_fen, key=key, subject=paid.subject, reason=reason, document_no=document_no
    )
    paid.back_fen += amount_fen
    _save(paid)
    return transfer


def _save(paid: ImprestSpend) -> None:
    if paid.open_fen == 0:
        paid.ended_on = clock.today()
    paid.save()


# --- refilling -------------------------------------------------------------------------------------------------------


def to_refill(box: ImprestFloat) -> Any:
    """Spends that are settled and on no refill yet, the oldest first."""
    return box.spends.filter(ended_on__isnull=False, settled_fen__gt=0, refill__isnull=True).order_by("id")


@transaction.atomic
def ask_refill(box: ImprestFloat, *, by: Any, key: str) -> ImprestRefill:
    """Ask the bank for everything that was settled since the last refill. The same key is one refill.

    Raises WrongPaymentState when there is nothing, SamePerson for anybody but the custodian.
    """
    box = _locked(box.pk)
    known = ImprestRefill.objects.filter(key=key).first()
    if known:
        return known
    _demand_custodian(box, by)
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
    """The bank has paid it to the township. Pressed twice it is paid once. Raises SamePerson for whoever asked."""
    box = _locked(refill.float_id)
    refill = ImprestRefill.objects.get(pk=refill.pk, float=box)
    if refill.paid_on is not None:
        return refill
    if refill.asker_person_key == by.person_key:
        raise SamePerson(_("申请补充和拨付不能是同一个人。"))
    refill.paid_on, refill.paid_by, refill.payer_person_key = clock.today(), by, by.person_key
    refill.bank_reference = bank_reference.strip()
    with acting(by, reason="imprest_refilled"):
        refill.save()
    return refill


# --- counting --------------------------------------------------------------------------------------------------------


def latest_counts(floats: Iterable[ImprestFloat]) -> dict[int, list[ImprestCount]]:
    """{float id: its newest reviewed count and the one that waits for review}, one query for all."""
    found: dict[int, list[ImprestCount]] = {}
    reviewed = ImprestCount.objects.filter(float=OuterRef("float"), reviewed_on__isnull=False).order_by("-id")
    newest = (
        ImprestCount.objects.filter(float__in=list(floats))
        .filter(Q(reviewed_on__isnull=True) | Q(pk=Subquery(reviewed.values("pk")[:1])))
        .select_related("counter", "reviewer")
        .order_by("-id")
    )
    for count in newest:
        found.setdefault(count.float_id, []).append(count)
    return found


@transaction.atomic
def count(box: ImprestFloat, *, cash_fen: int, bank_fen: int, by: Any, key: str, explanation: str = "") -> ImprestCount:
    """What the custodian found today, beside the books of this moment. The same key is one count.

    Raises SamePerson for anybody else, WrongPaymentState while the last count waits for its review.
    """
    box = _locked(box.pk)
    known = ImprestCount.objects.filter(key=key).first()
    if known:
        return known
    _demand_custodian(box, by)
    if box.counts.filter(reviewed_on__isnull=True).exists():
        raise WrongPaymentState(_("上一次盘点还没有人复核，复核以后再盘。"))
    now = holding(box)
    with acting(by, reason="imprest_count"):
        return ImprestCount.objects.create(
            key=key,
            float=box,
            counted_on=clock.today(),
            cash_fen=cash_fen,
            bank_fen=bank_fen,
            book_fen=now.book_fen,
            awaited_fen=now.awaited_fen,
            explanation=explanation.strip(),
            counter=by,
            counter_person_key=by.person_key,
        )


@transaction.atomic
def explain(counted: ImprestCount, explanation: str, *, by: Any) -> None:
    """Why there is more or less than there should be. Raises WrongPaymentState once it was reviewed, SamePerson."""
    box = _locked(counted.float_id)
    counted = ImprestCount.objects.get(pk=counted.pk)
    _demand_custodian(box, by)
    if counted.reviewed_on is not None:
        raise WrongPaymentState(_("这次盘点已经复核，不能再改。"))
    if not explanation.strip():
        raise WrongPaymentState(_("请写明差额的原因。"))
    counted.explanation = explanation.strip()
    with acting(by, reason="imprest_explain"):
        counted.save()


@transaction.atomic
def review(counted: ImprestCount, *, by: Any) -> ImprestCount:
    """Another person has looked into the box, too. Pressed twice it is reviewed once.

    Raises SamePerson for the counter, ImprestBlocked while a difference is not explained.
    """
    _locked(counted.float_id)
    counted = ImprestCount.objects.get(pk=counted.pk)
    if counted.reviewed_on is not None:
        return counted
    if counted.counter_person_key == by.person_key:
        raise SamePerson(_("盘点的人不能自己复核，请另一个人来。"))
    if counted.difference_fen and not counted.explanation:
        raise ImprestBlocked(_("差额还没有写明原因，请保管的人先写。"))
    counted.reviewed_on, counted.reviewer, counted.reviewer_person_key = clock.today(), by, by.person_key
    with acting(by, reason="imprest_review"):
        counted.save()
    return counted


def _demand_custodian(box: ImprestFloat, by: Any) -> None:
    if box.custodian_person_key != by.person_key:
        raise SamePerson(_("这一步由保管备用金的人办。"))


# --- for lists -------------------------------------------------------------------------------------------------------


def settled_since_refill_fen(box: ImprestFloat) -> int:
    """The sum of what the next refill will ask for."""
    return to_refill(box).aggregate(fen=Sum("settled_fen", default=0))["fen"]
