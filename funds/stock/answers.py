"""Slips that answer another: what comes back, is lost, is accepted by the other store, or was a mistake."""

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from audit.context import acting
from funds.errors import SamePerson, StockShort, WrongSlip
from funds.models import StockLot, StockMove, StockSlip
from funds.stock.reading import out_of
from funds.stock.slips import locked, made_before, write_move, write_slip

K, M = StockSlip.Kind, StockMove.Kind
REVERSIBLE = frozenset({K.RECEIPT, K.ISSUE, K.BACK, K.LOSS, K.TRANSFER})


@transaction.atomic
def give_back(slip: StockSlip, lines: Iterable[tuple[StockMove, int]], *, by: Any, key: str, reason: str) -> StockSlip:
    """Goods of an issue slip come back to their lots: not delivered, or lent and returned. Raises WrongSlip."""
    return _answer(slip, K.BACK, lines, by=by, key=key, reason=reason)


@transaction.atomic
def lose(
    slip: StockSlip, lines: Iterable[tuple[StockMove, int]], *, by: Any, witness: Any, key: str, reason: str
) -> StockSlip:
    """What was lent does not come back. A second natural person bears witness. Raises WrongSlip, SamePerson."""
    if witness.person_key == by.person_key:
        raise SamePerson(_("报失要另一个人证明，不能是同一个人。"))
    return _answer(slip, K.LOSS, lines, by=by, key=key, reason=reason, witness=witness)


@transaction.atomic
def accept(slip: StockSlip, *, by: Any, key: str) -> StockSlip:
    """The other store takes over what was sent, all of it; its lots keep value, donor and expiry.

    Raises SamePerson for whoever sent it, WrongSlip when it was accepted or taken back.
    """
    if slip.kind != K.TRANSFER:
        raise WrongSlip(_("只有调拨单要接收。"))
    store = locked(slip.to_store)
    if done := made_before(key, K.ACCEPTANCE, store):
        return done
    slip = _open_slip(slip)
    if by.person_key == slip.maker_person_key:
        raise SamePerson(_("调出和接收要两个人。请由接收仓库的人收。"))
    with acting(by, reason="stock_accept"):
        answer = write_slip(K.ACCEPTANCE, store, by=by, key=key, answers=slip)
        for n, sent in enumerate(slip.moves.select_related("lot").order_by("id")):
            lot = StockLot.objects.create(
                item_id=sent.lot.item_id,
                store=store,
                origin=sent.lot,
                source=sent.lot.source,
                source_name=sent.lot.source_name,
                document_no=sent.lot.document_no,
                unit_value_fen=sent.lot.unit_value_fen,
                received_on=min(answer.made_on, sent.lot.expires_on or answer.made_on),
                expires_on=sent.lot.expires_on,
            )
            write_move(answer, n, M.ACCEPT, lot, sent.quantity, answers=sent)
    return answer


@transaction.atomic
def reverse(slip: StockSlip, *, by: Any, key: str, reason: str) -> StockSlip:
    """Take back a slip that was made by mistake; every move is mirrored. Raises WrongSlip, StockShort."""
    if slip.kind not in REVERSIBLE:
        raise WrongSlip(_("这种单子不能冲正。调入错了请再调回去，盘点错了请重新盘点。"))
    if not reason.strip():
        raise WrongSlip(_("请写明为什么冲正。"))
    store = locked(slip.store)
    if done := made_before(key, K.REVERSAL, store):
        return done
    slip = _open_slip(slip)
    if slip.kind == K.ISSUE and any(move.answered for move in out_of(slip)):
        raise WrongSlip(_("这张单子有东西退还过，请先冲正退还单，或把剩下的也办退还。"))
    with acting(by, reason="stock_reverse"):
        answer = write_slip(
            K.REVERSAL, store, by=by, key=key, answers=slip, reason=reason.strip(), **_as_handed_out(slip)
        )
        try:
            with transaction.atomic():
                for n, move in enumerate(slip.moves.select_related("lot").order_by("id")):
                    write_move(answer, n, move.kind, move.lot, move.quantity, answers=move.answers, reverses=move)
        except IntegrityError as error:
            if _constraint(error) in ("stock_never_negative", "lent_never_negative"):
                raise StockShort(_("东西已经发出去或调走了，不能冲正。请先把后来的单子退回来。")) from error
            raise
    return answer


def _answer(
    slip: StockSlip,
    kind: str,
    lines: Iterable[tuple[StockMove, int]],
    *,
    by: Any,
    key: str,
    reason: str,
    witness: Any = None,
) -> StockSlip:
    store, lines = locked(slip.store), list(lines)
    if done := made_before(key, kind, store):
        return done
    if slip.kind != K.ISSUE:
        raise WrongSlip(_("只有领用单上的东西能退还或报失。"))
    if not lines:
        raise WrongSlip(_("还没有填数量。请在物品旁边填退几个。"))
    if not reason.strip():
        raise WrongSlip(_("请写明原因。"))
    slip = _open_slip(slip)
    outs = {out.move.pk: out for out in out_of(slip)}
    with acting(by, reason=f"stock_{kind}"):
        answer = write_slip(
            kind, store, by=by, key=key, answers=slip, witness=witness, reason=reason.strip(), **_as_handed_out(slip)
        )
        for n, (move, quantity) in enumerate(lines):
            out = outs.get(move.pk)
            if out is None or quantity > out.rest:
                raise WrongSlip(_("退还的比发出去的多。请对着单子再数一遍。"))
            lent = out.move.kind == M.LEND
            if kind == K.LOSS and not lent:
                raise WrongSlip(_("只有借出的东西能报失。"))
            moved = M.LOST if kind == K.LOSS else M.RETURNED if lent else M.UNDELIVERED
            write_move(answer, n, moved, out.move.lot, quantity, answers=out.move)
    return answer


def _open_slip(slip: StockSlip) -> StockSlip:
    """The slip, locked. Raises WrongSlip when it was accepted or taken back."""
    slip = StockSlip.objects.select_for_update().get(pk=slip.pk)
    answer = StockSlip.objects.filter(answers=slip, kind__in=(K.ACCEPTANCE, K.REVERSAL)).first()
    if answer is not None and answer.kind == K.ACCEPTANCE:
        raise WrongSlip(_("对方已经接收了（%(number)s）。") % {"number": answer.number})
    if answer is not None:
        raise WrongSlip(_("这张单子已经冲正了（%(number)s）。") % {"number": answer.number})
    return slip


def _as_handed_out(slip: StockSlip) -> dict[str, Any]:
    """What a slip that answers another says after it: whose goods they were."""
    return {name: getattr(slip, name) for name in ("subject", "household_no", "household_name", "village", "receiver")}


def _constraint(error: IntegrityError) -> str:
    return error.__cause__.diag.constraint_name if error.__cause__ else ""
