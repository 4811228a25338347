"""Money of a float at a family's door, and how it ends: the papers are accepted, or the family gives it back."""

import datetime
from collections.abc import Iterable

from django.db import IntegrityError
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit import clock
from funds import countersigning, ledger
from funds.errors import ImprestBlocked, ImprestShort, NotThatMuch, SamePerson, SecondPerson, WrongPaymentState
from funds.imprest.counts import latest_counts, why_not_counted
from funds.imprest.floats import holding, locked, post
from funds.models import ImprestCount, ImprestFloat, ImprestSpend, Reservation, Transfer
from funds.money import yuan
from funds.refusals import refusal_of
from funds.services import Handover


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


def objected_of(floats: Iterable[ImprestFloat]) -> dict[int, int]:
    """{float id: how much of what was handed out of it the second person says was not so, in spends}, one query for all."""
    rows = countersigning.open_objections().filter(spend__float__in=list(floats)).order_by()
    return dict(rows.values_list("spend__float").annotate(n=Count("id")))


def blocked_because(
    box: ImprestFloat, *, overdue_makeups: int, objected: int, counts: Iterable[ImprestCount]
) -> list[str]:
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
    if objected:
        because.append(
            ngettext(
                "有 %(n)d 笔备用金，一起发的人说不是这样。追回来，或者资金管理处理好以前，不能再用备用金。",
                "有 %(n)d 笔备用金，一起发的人说不是这样。追回来，或者资金管理处理好以前，不能再用备用金。",
                objected,
            )
            % {"n": objected}
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
    The second of them is asked to confirm it. Raises ImprestBlocked, ImprestShort, SamePerson, WrongPaymentState,
    ReceiptUsed.
    """
    one, two = handover.payers
    if one.person_key == two.person_key:
        raise SamePerson(_("发备用金要两个人一起，不能是同一个人。"))
    if not handover.receipt_sha256:
        raise WrongPaymentState(_("请先拍下签了字的收条。"))
    box = locked(box.pk)
    because = blocked_because(
        box,
        overdue_makeups=overdue_makeups,
        objected=objected_of([box]).get(box.pk, 0),
        counts=latest_counts([box]).get(box.pk, []),
    )
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
    countersigning.ask(paid, paid.subject)
    post("imprest_spend", box, amount_fen, key=f"imprest:{paid.pk}:spend", subject=paid.subject)
    return paid


def open_spend(reservation: Reservation) -> ImprestSpend | None:
    """What was handed out for a decision, and is neither settled nor given back whole."""
    return reservation.imprest_spends.filter(ended_on__isnull=True).first()


def accept(subject: str) -> int:
    """The papers are there and accepted: what was handed out counts as paid. Returns how many fen.

    Raises SecondPerson while the second of those who handed it out has not confirmed it.
    """
    spends = ImprestSpend.objects.filter(subject=subject, ended_on__isnull=True).select_related("reservation")
    settled_fen = 0
    for paid in spends:
        settled_fen += paid.open_fen
        settle(paid, paid.open_fen, key=f"imprest:{paid.pk}", reason="")
    return settled_fen


def settle(paid: ImprestSpend, amount_fen: int, *, key: str, reason: str, written_off: bool = False) -> None:
    """So much of what was handed out is paid after all, out of the decision's own money, and the float is whole again.

    Raises NotThatMuch; and SecondPerson while the second of those who handed it out has not confirmed it, unless two others
    have `written_off` what nobody can get back.
    """
    box = locked(paid.float_id)
    if not written_off:
        _demand_confirmed(paid)
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
    post("imprest_replenish", box, amount_fen, key=f"{key}:replenish", subject=paid.subject, reason=reason)
    paid.settled_fen += amount_fen
    _save(paid)


def give_back(paid: ImprestSpend, amount_fen: int, *, key: str, reason: str = "", document_no: str = "") -> Transfer:
    """The family has given so much back; it lies in the box again."""
    box = locked(paid.float_id)
    if not 0 < amount_fen <= paid.open_fen:
        raise NotThatMuch(_("备用金发出去的只剩 %(fen)s 元没有了结。") % {"fen": yuan(paid.open_fen)})
    transfer = post(
        "imprest_replenish", box, amount_fen, key=key, subject=paid.subject, reason=reason, document_no=document_no
    )
    paid.back_fen += amount_fen
    _save(paid)
    return transfer


def _demand_confirmed(paid: ImprestSpend) -> None:
    answer = paid.countersign.answer
    if answer == "objected":
        raise SecondPerson(
            _("一起发钱的%(name)s说不是这样，手续不能认可。请先把钱追回来，或者由资金管理处理。")
            % {"name": paid.payer_two.name}
        )
    if answer != "confirmed":
        raise SecondPerson(
            _("一起发钱的%(name)s还没有确认这一笔，手续不能认可。请先由本人在「会签」里确认。")
            % {"name": paid.payer_two.name}
        )


def _save(paid: ImprestSpend) -> None:
    if paid.open_fen == 0:
        paid.ended_on = clock.today()
    paid.save()
