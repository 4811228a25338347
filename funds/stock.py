"""What happens to goods: in, out, back, over to another store. The only place that writes slips and moves.

Every service locks its store, so that the slips of one store follow one another; PostgreSQL keeps the laws whoever writes
(migrations/0011_stock_laws.py). A key that was used before gives back the slip that it made.
"""

import contextlib
import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Max
from django.utils.translation import gettext as _

from audit import clock
from audit.context import acting
from funds.errors import FundsError, SamePerson, StockShort, WrongSlip
from funds.models import StockItem, StockLot, StockMove, StockSignature, StockSlip, StockStore

K, M = StockSlip.Kind, StockMove.Kind
# What stands in the number of each kind of slip: the initials of its Chinese name.
_LETTERS = {
    K.RECEIPT: "RK",
    K.ISSUE: "LY",
    K.BACK: "TH",
    K.TRANSFER: "DB",
    K.ACCEPTANCE: "DR",
    K.COUNT: "PD",
    K.LOSS: "BS",
    K.REVERSAL: "CZ",
}
REVERSIBLE = frozenset({K.RECEIPT, K.ISSUE, K.BACK, K.LOSS, K.TRANSFER})


@dataclass(frozen=True)
class Incoming:
    """One line of a receipt. `quantity` counts the item's own unit, each worth `unit_value_fen`."""

    item: StockItem
    quantity: int
    unit_value_fen: int
    expires_on: datetime.date | None = None


@dataclass(frozen=True)
class Handout:
    """Who is given the goods, as values. `subject` is the case's (case:17), "" when there is none."""

    household_no: str
    household_name: str
    village: Any
    receiver: str
    subject: str = ""


@transaction.atomic
def open_store(
    code: str, name: str, *, unit: Any, custodian: Any, by: Any, place: str = "", needs_witness: bool = True
) -> StockStore:
    """A place where goods are kept. Raises FundsError when the code is taken."""
    with acting(by, reason="open_store"), _unique(_("已经有这个编码的仓库，请换一个编码。")):
        return StockStore.objects.create(
            code=code, name=name, unit=unit, custodian=custodian, place=place, needs_witness=needs_witness
        )


@transaction.atomic
def name_item(name: str, *, unit: str, category: str, by: Any, is_loaned: bool = False, low_at: int = 0) -> StockItem:
    """A kind of goods and how it is counted, for good. Raises FundsError when the name is taken."""
    with acting(by, reason="name_item"), _unique(_("已经有这样物品，直接选它就行。")):
        return StockItem.objects.create(name=name, unit=unit, category=category, is_loaned=is_loaned, low_at=low_at)


@transaction.atomic
def hand_over(store: StockStore, *, custodian: Any, by: Any) -> None:
    """Another custodian answers for the store from now on."""
    store = locked(store)
    store.custodian = custodian
    with acting(by, reason="hand_over"):
        store.save()


@transaction.atomic
def receive(
    store: StockStore,
    lines: Iterable[Incoming],
    *,
    source: str,
    source_name: str,
    document_no: str,
    by: Any,
    key: str,
    reason: str = "",
) -> StockSlip:
    """Goods come in, each line a lot of its own. Raises WrongSlip without a line."""
    store, lines = locked(store), list(lines)
    if done := _done(key, K.RECEIPT, store):
        return done
    if not lines:
        raise WrongSlip(_("还没有填数量。请填收到了什么、多少。"))
    with acting(by, reason="stock_receive"):
        slip = write_slip(K.RECEIPT, store, by=by, key=key, reason=reason)
        for n, line in enumerate(lines):
            lot = StockLot.objects.create(
                item=line.item,
                store=store,
                source=source,
                source_name=source_name,
                document_no=document_no,
                unit_value_fen=line.unit_value_fen,
                received_on=slip.made_on,
                expires_on=line.expires_on,
            )
            write_move(slip, n, M.RECEIVE, lot, line.quantity)
    return slip


@transaction.atomic
def issue(
    store: StockStore,
    wanted: Iterable[tuple[StockItem, int]],
    *,
    to: Handout,
    by: Any,
    key: str,
    witness: Any = None,
    due_back_on: datetime.date | None = None,
    reason: str = "",
) -> StockSlip:
    """Goods go to a household, what expires first goes first. `witness` hands out together with `by`.

    Raises StockShort, SamePerson (the witness is the same natural person), WrongSlip (a witness is wanted, or nothing is).
    """
    store = locked(store)
    if done := _done(key, K.ISSUE, store):
        return done
    if witness is not None and witness.person_key == by.person_key:
        raise SamePerson(_("发放和见证要两个人，不能是同一个人。"))
    if witness is None and store.needs_witness:
        raise WrongSlip(_("这个仓库发放要两个人，请选一起去的人。"))
    with acting(by, reason="stock_issue"):
        picked = _pick(store, wanted)
        lends = any(lot.item.is_loaned for lot, _quantity in picked)
        slip = write_slip(
            K.ISSUE,
            store,
            by=by,
            key=key,
            witness=witness,
            subject=to.subject,
            household_no=to.household_no,
            household_name=to.household_name,
            village=to.village,
            receiver=to.receiver,
            due_back_on=due_back_on if lends else None,
            reason=reason,
        )
        for n, (lot, quantity) in enumerate(picked):
            write_move(slip, n, M.LEND if lot.item.is_loaned else M.GIVE, lot, quantity)
    return slip


@transaction.atomic
def sign(
    slip: StockSlip, *, how: str, signer: str, sha256: str, by: Any, relation: str = "", document_id: int | None = None
) -> StockSignature:
    """Keep the fingerprint of the signed paper. Raises WrongSlip: not an issue slip, taken back, or signed before."""
    slip = StockSlip.objects.select_for_update().get(pk=slip.pk)
    if slip.kind != K.ISSUE or _is_reversed(slip):
        raise WrongSlip(_("这张单子不用签收。"))
    if StockSignature.objects.filter(slip=slip).exists():
        raise WrongSlip(_("这张单子已经签收过了。"))
    with acting(by, reason="stock_sign"):
        return StockSignature.objects.create(
            slip=slip,
            how=how,
            signer=signer,
            relation=relation,
            sha256=sha256,
            document_id=document_id,
            subject=slip.subject,
            signed_on=clock.today(),
            recorded_by=by,
        )


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
def transfer_out(
    store: StockStore,
    wanted: Iterable[tuple[StockItem, int]],
    *,
    to_store: StockStore,
    by: Any,
    key: str,
    reason: str = "",
) -> StockSlip:
    """Goods leave for another store; they are nobody's stock until it accepts them. Raises StockShort, WrongSlip."""
    store = locked(store)
    if done := _done(key, K.TRANSFER, store):
        return done
    if to_store.pk == store.pk:
        raise WrongSlip(_("不能调给自己，请选另一个仓库。"))
    with acting(by, reason="stock_transfer"):
        picked = _pick(store, wanted, expired_too=True)
        slip = write_slip(K.TRANSFER, store, by=by, key=key, to_store=to_store, reason=reason)
        for n, (lot, quantity) in enumerate(picked):
            write_move(slip, n, M.SEND, lot, quantity)
    return slip


@transaction.atomic
def accept(slip: StockSlip, *, by: Any, key: str) -> StockSlip:
    """The other store takes over what was sent, all of it; its lots keep value, donor and expiry.

    Raises SamePerson for whoever sent it, WrongSlip when it was accepted or taken back.
    """
    if slip.kind != K.TRANSFER:
        raise WrongSlip(_("只有调拨单要接收。"))
    store = locked(slip.to_store)
    if done := _done(key, K.ACCEPTANCE, store):
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
    if done := _done(key, K.REVERSAL, store):
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


# ---------------------------------------------------------------- reading


@dataclass(frozen=True)
class Out:
    """One move of an issue slip with what came back of it, was lost, and is still out."""

    move: StockMove
    answered: int

    @property
    def rest(self) -> int:
        return self.move.quantity - self.answered


def out_of(slip: StockSlip) -> list[Out]:
    """What an issue slip handed out, less what came back or was lost. Two queries."""
    moves = list(slip.moves.filter(reverses__isnull=True).select_related("lot__item").order_by("id"))
    answered = dict.fromkeys((move.pk for move in moves), 0)
    for move in StockMove.objects.filter(answers__in=moves):
        answered[move.answers_id] += move.quantity if move.reverses_id is None else -move.quantity
    return [Out(move, answered[move.pk]) for move in moves]


@dataclass(frozen=True)
class StockCheck:
    """Sound books give 0, 0 and the number of moves."""

    drift: int
    negative_lots: int
    moves: int


def check() -> StockCheck:
    """Recompute every lot's figures from its moves."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(abs(l.on_hand - coalesce(m.on_hand, 0)) + abs(l.lent - coalesce(m.lent, 0))), 0)::bigint,
                   count(*) FILTER (WHERE l.on_hand < 0 OR l.lent < 0), (SELECT count(*) FROM funds_stockmove)
            FROM funds_stocklot l
            LEFT JOIN (SELECT lot_id, sum(change) on_hand, sum(lent_change) lent FROM funds_stockmove GROUP BY 1) m
                   ON m.lot_id = l.id
            """
        )
        return StockCheck(*cursor.fetchone())


# ---------------------------------------------------------------- what they share


def locked(store: StockStore) -> StockStore:
    return StockStore.objects.select_for_update(no_key=True).get(pk=store.pk)


def _done(key: str, kind: str, store: StockStore) -> StockSlip | None:
    """The slip that this very key made before."""
    slip = StockSlip.objects.filter(key=key).first()
    if slip is not None and (slip.kind, slip.store_id) != (kind, store.pk):
        raise WrongSlip(_("这个编号已经用在别的单子上了，没有记账。请重新打开这一页。"))
    return slip


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


def _is_reversed(slip: StockSlip) -> bool:
    return StockSlip.objects.filter(answers=slip, kind=K.REVERSAL).exists()


def write_slip(
    kind: str, store: StockStore, *, by: Any, key: str, witness: Any = None, subject: str = "", **more: Any
) -> StockSlip:
    """The next number of this store, kind and year; the store is locked."""
    today = clock.today()
    last = StockSlip.objects.filter(store=store, kind=kind, year=today.year).aggregate(last=Max("serial"))["last"]
    serial = (last or 0) + 1
    return StockSlip.objects.create(
        key=key,
        kind=kind,
        store=store,
        year=today.year,
        serial=serial,
        number=f"{store.code}-{_LETTERS[K(kind)]}{today.year}-{serial:04}",
        subject=subject or f"store:{store.pk}",
        made_on=today,
        maker=by,
        maker_person_key=by.person_key,
        witness=witness,
        witness_person_key=witness.person_key if witness is not None else None,
        **more,
    )


def write_move(slip: StockSlip, n: int, kind: str, lot: StockLot, quantity: int, **more: Any) -> StockMove:
    return StockMove.objects.create(
        key=f"{slip.key}:{n}", slip=slip, kind=kind, lot=lot, quantity=quantity, subject=slip.subject, **more
    )


def _pick(
    store: StockStore, wanted: Iterable[tuple[StockItem, int]], *, expired_too: bool = False
) -> list[tuple[StockLot, int]]:
    """[(lot, quantity)] that make up what is wanted; what expires first goes first. Raises StockShort, WrongSlip."""
    picked: list[tuple[StockLot, int]] = []
    for item, quantity in wanted:
        lots = StockLot.objects.filter(store=store, item=item, on_hand__gt=0).select_related("item")
        if not expired_too:
            lots = lots.exclude(expires_on__lt=clock.today())
        rest = quantity
        for lot in lots.order_by(F("expires_on").asc(nulls_last=True), "received_on", "id"):
            if rest == 0:
                break
            take = min(rest, lot.on_hand)
            picked.append((lot, take))
            rest -= take
        if rest:
            raise StockShort(
                _("%(item)s不够：要 %(want)d %(unit)s，现在能发 %(there)d %(unit)s。请减少，或先入库。")
                % {"item": item.name, "want": quantity, "there": quantity - rest, "unit": item.unit}
            )
    if not picked:
        raise WrongSlip(_("还没有填数量。请在物品旁边填要几个。"))
    return picked


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
    if done := _done(key, kind, store):
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


@contextlib.contextmanager
def _unique(sentence: str) -> Iterator[None]:
    """Raises FundsError with the sentence when a name is taken."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise FundsError(sentence) from error


def _constraint(error: IntegrityError) -> str:
    return error.__cause__.diag.constraint_name if error.__cause__ else ""
