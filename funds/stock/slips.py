"""What happens to goods: they come in, go to a household, leave for another store. And how every slip and move is written.

Every service locks its store, so that the slips of one store follow one another; PostgreSQL keeps the laws whoever writes
(migrations/0011_stock_laws.py). A key that was used before gives back the slip that it made.
"""

import contextlib
import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils.translation import gettext as _

from audit import clock
from audit.context import acting
from funds import countersigning, duties
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
    if done := made_before(key, K.RECEIPT, store):
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
    """Goods go to a household, what expires first goes first. `witness` hands out together with `by`, and is asked.

    Raises StockShort, SamePerson (the witness is the same natural person), WrongSlip (a witness is wanted, or nothing is).
    """
    store = locked(store)
    if done := made_before(key, K.ISSUE, store):
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
    if done := made_before(key, K.TRANSFER, store):
        return done
    if to_store.pk == store.pk:
        raise WrongSlip(_("不能调给自己，请选另一个仓库。"))
    with acting(by, reason="stock_transfer"):
        picked = _pick(store, wanted, expired_too=True)
        slip = write_slip(K.TRANSFER, store, by=by, key=key, to_store=to_store, reason=reason)
        for n, (lot, quantity) in enumerate(picked):
            write_move(slip, n, M.SEND, lot, quantity)
    return slip


def locked(store: StockStore) -> StockStore:
    return StockStore.objects.select_for_update(no_key=True).get(pk=store.pk)


def made_before(key: str, kind: str, store: StockStore) -> StockSlip | None:
    """The slip that this very key made before."""
    slip = StockSlip.objects.filter(key=key).first()
    if slip is not None and (slip.kind, slip.store_id) != (kind, store.pk):
        raise WrongSlip(_("这个编号已经用在别的单子上了，没有记账。请重新打开这一页。"))
    return slip


def write_slip(
    kind: str, store: StockStore, *, by: Any, key: str, witness: Any = None, subject: str = "", **more: Any
) -> StockSlip:
    """The next number of this store, kind and year; the store is locked, and a witness is asked. Raises NotYours to whoever
    keeps no goods there."""
    duties.demand(by, "keep", store.unit)
    today = clock.today()
    last = StockSlip.objects.filter(store=store, kind=kind, year=today.year).aggregate(last=Max("serial"))["last"]
    serial = (last or 0) + 1
    slip = StockSlip.objects.create(
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
    if witness is not None:
        countersigning.ask(slip, slip.subject)
    return slip


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


def _is_reversed(slip: StockSlip) -> bool:
    return StockSlip.objects.filter(answers=slip, kind=K.REVERSAL).exists()


@contextlib.contextmanager
def _unique(sentence: str) -> Iterator[None]:
    """Raises FundsError with the sentence when a name is taken."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise FundsError(sentence) from error
