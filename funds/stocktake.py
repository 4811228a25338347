"""Stock-taking: one person counts, a second natural person confirms, and only then the difference becomes an entry."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F, Sum
from django.utils.translation import gettext as _

from audit import clock
from audit.context import acting
from audit.history import write_history
from funds import duties
from funds.errors import SamePerson, StockShort, WrongSlip
from funds.models import StockCount, StockCountLine, StockLot, StockMove, StockSlip, StockStore
from funds.stock.slips import locked, write_move, write_slip

S = StockCount.State


@transaction.atomic
def open_count(store: StockStore, *, by: Any, key: str) -> StockCount:
    """A stock-take of every item that the store ever had. Raises NotYours, WrongSlip while another one is open, or without goods."""
    store = locked(store)
    known = StockCount.objects.filter(key=key).first()
    if known is not None:
        return known
    duties.demand(by, "keep", store.unit)
    if StockCount.objects.filter(store=store, state__in=(S.OPEN, S.COUNTED)).exists():
        raise WrongSlip(_("这个仓库正在盘点，请先把那一次盘完。"))
    items = list(StockLot.objects.filter(store=store).order_by("item_id").values_list("item_id", flat=True).distinct())
    if not items:
        raise WrongSlip(_("这个仓库还没有东西，不用盘点。"))
    with acting(by, reason="count_open"):
        count = StockCount.objects.create(
            key=key, store=store, opened_on=clock.today(), counter=by, counter_person_key=by.person_key
        )
        lines = StockCountLine.objects.bulk_create([StockCountLine(count=count, item_id=item_id) for item_id in items])
        write_history(StockCountLine, [line.pk for line in lines], "+")
    return count


@transaction.atomic
def enter(count: StockCount, counted: Mapping[int, int], *, by: Any) -> None:
    """Write down {item id: how many lie there}, beside what the book says at this moment.

    A figure that is given again stays beside the book of its own moment: pages send the earlier ones back as they were.
    Raises SamePerson for anybody but the counter, WrongSlip when it was handed on.
    """
    count = _open(count, S.OPEN, by)
    book = _book(count.store_id)
    with acting(by, reason="count_enter"):
        for line in count.lines.filter(item_id__in=list(counted)):
            if line.counted != counted[line.item_id]:
                line.counted, line.expected = counted[line.item_id], book[line.item_id]
                line.save()


@transaction.atomic
def hand_on(count: StockCount, *, by: Any) -> None:
    """Everything is counted; somebody else looks next. Raises WrongSlip while something is not counted."""
    count = _open(count, S.OPEN, by)
    left = count.lines.filter(counted__isnull=True).count()
    if left:
        raise WrongSlip(_("还有 %(n)d 样没有点。没有的请填 0。") % {"n": left})
    count.state = S.COUNTED
    with acting(by, reason="count_hand_on"):
        count.save()


@transaction.atomic
def count_again(count: StockCount, *, by: Any, reason: str) -> None:
    """Whoever should confirm sends it back: what differed is counted afresh, the rest stays as counted. Raises WrongSlip."""
    locked(count.store)
    count = _now(count)
    if count.state != S.COUNTED:
        raise WrongSlip(_("这次盘点现在不能退回重点。"))
    if not reason.strip():
        raise WrongSlip(_("请写明哪里对不上。"))
    count.state = S.OPEN
    with acting(by, reason=f"count_again: {reason.strip()}"):
        count.save()
        for line in count.lines.all():
            if line.difference:
                line.counted = line.expected = None
                line.save()


@transaction.atomic
def confirm_count(count: StockCount, *, by: Any, key: str, reason: str = "") -> StockSlip:
    """The difference becomes an entry: what is missing leaves the lots that expire first, what is found joins the newest.

    Raises SamePerson for the counter, WrongSlip without a reason for a difference, StockShort when the goods went meanwhile.
    """
    store = locked(count.store)
    count = _now(count)
    if count.state == S.CONFIRMED and count.slip.key == key:
        return count.slip
    if count.state != S.COUNTED:
        raise WrongSlip(_("这次盘点现在不能确认。请先点完交出来。"))
    if by.person_key == count.counter_person_key:
        raise SamePerson(_("点数的人不能自己确认，请另一个人来。"))
    differing = [line for line in count.lines.select_related("item") if line.difference]
    if differing and not reason.strip():
        raise WrongSlip(_("账和实物有差异，请写明原因。"))
    why = reason.strip() or _("账实相符")
    count.state, count.closed_on, count.reason = S.CONFIRMED, clock.today(), why
    count.confirmer, count.confirmer_person_key = by, by.person_key
    with acting(by, reason="count_confirm"):
        count.save()
        slip = write_slip(StockSlip.Kind.COUNT, store, by=by, key=key, count=count, reason=why)
        n = 0
        for line in differing:
            for lot, quantity in _spread(store, line):
                kind = StockMove.Kind.FOUND if line.difference > 0 else StockMove.Kind.MISSING
                write_move(slip, n, kind, lot, quantity)
                n += 1
    return slip


@transaction.atomic
def drop(count: StockCount, *, by: Any, reason: str) -> None:
    """End a stock-take without an entry. Raises WrongSlip."""
    locked(count.store)
    count = _now(count)
    if count.state not in (S.OPEN, S.COUNTED):
        raise WrongSlip(_("这次盘点已经结束了。"))
    if not reason.strip():
        raise WrongSlip(_("请写明为什么作废。"))
    count.state, count.closed_on, count.reason = S.DROPPED, clock.today(), reason.strip()
    with acting(by, reason="count_drop"):
        count.save()


def _now(count: StockCount) -> StockCount:
    return StockCount.objects.select_for_update(of=("self",)).select_related("store").get(pk=count.pk)


def _open(count: StockCount, state: str, by: Any) -> StockCount:
    locked(count.store)
    count = _now(count)
    if count.state != state:
        raise WrongSlip(_("这次盘点已经交出来了，不能再改。"))
    if by.person_key != count.counter_person_key:
        raise SamePerson(_("这次盘点由%(who)s点数，别人不能代填。") % {"who": count.counter.name})
    return count


def _book(store_id: int) -> dict[int, int]:
    """{item id: on hand by the book}"""
    rows = StockLot.objects.filter(store_id=store_id).order_by().values_list("item_id").annotate(n=Sum("on_hand"))
    return dict(rows)


def _spread(store: StockStore, line: StockCountLine) -> list[tuple[StockLot, int]]:
    """[(lot, quantity)] over which a difference is spread."""
    lots = StockLot.objects.filter(store=store, item=line.item)
    rest = abs(line.difference)
    if line.difference > 0:
        return [(lots.latest("received_on", "id"), rest)]
    spread = []
    for lot in lots.filter(on_hand__gt=0).order_by(F("expires_on").asc(nulls_last=True), "received_on", "id"):
        take = min(rest, lot.on_hand)
        if take:
            spread.append((lot, take))
            rest -= take
    if rest:
        raise StockShort(_("%(item)s点过以后又发出去了，账上不够减。请退回重点。") % {"item": line.item.name})
    return spread
