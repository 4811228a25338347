"""Goods are counted like money: never below nothing, never without a slip, never changed afterwards."""

import datetime
import hashlib
import threading
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from access.models import OrgUnit
from audit import clock
from audit.models import Entry
from funds import ledger, stock, stocktake
from funds.errors import FundsError, SamePerson, StockShort, WrongSlip
from funds.models import StockCount, StockLot, StockMove, StockSignature, StockSlip
from tests.funds.shelves import a_store, an_item, counted, issued, key, on_hand, stocked
from tests.funds.test_ledger import refuses
from tests.world import START, World, build_world, load_world, make_staff

LATER = START + datetime.timedelta(days=30)


def sound() -> bool:
    found = stock.check()
    return (found.drift, found.negative_lots) == (0, 0)


# ---------------------------------------------------------------- in and out


def test_goods_come_in_as_a_lot_and_go_to_a_household_on_a_numbered_slip(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    receipt = stocked(world, store, quilt, 20, 12_000)

    slip = issued(world, store, quilt, 2, subject="case:17")

    assert (receipt.number, slip.number) == ("QH-RK2026-0001", "QH-LY2026-0001")
    assert on_hand(store, quilt) == 18
    assert [(m.kind, m.change, m.subject) for m in slip.moves.all()] == [("give", -2, "case:17")]
    lot = quilt.lots.get()
    assert (lot.source_name, lot.value_fen, lot.history.count()) == ("禾丰商会", 18 * 12_000, 1)
    assert set(Entry.objects.filter(stream="case:17").values_list("table", flat=True)) == {
        "funds_stockslip",
        "funds_stockmove",
    }
    assert sound() and ledger.check().transfers == 4  # the money of the world, and nothing else


def test_the_same_press_twice_is_one_slip(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    first, again = (stocked(world, store, quilt, 5, key="once") for _press in range(2))
    out, once_more = (issued(world, store, quilt, 1, key="out") for _press in range(2))

    assert (first.pk, out.pk) == (again.pk, once_more.pk)
    assert on_hand(store, quilt) == 4
    with pytest.raises(WrongSlip, match="别的单子"):
        issued(world, store, quilt, 1, key="once")


def test_more_than_there_is_is_not_handed_out_and_leaves_no_slip(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 3)

    with pytest.raises(StockShort, match="棉被不够：要 4 床，现在能发 3 床"):
        issued(world, store, quilt, 4)

    assert not StockSlip.objects.filter(kind="issue").exists() and on_hand(store, quilt) == 3
    assert issued(world, store, quilt, 3).serial == 1  # the refused one took no number


def test_what_expires_first_goes_first_and_what_has_expired_stays(world: World) -> None:
    store, rice = a_store(world), an_item(world, "大米", "袋", category="food")
    stocked(world, store, rice, 5, expires_on=LATER)
    stocked(world, store, rice, 5, expires_on=START)

    slip = issued(world, store, rice, 6)

    assert [(m.lot.expires_on, m.quantity) for m in slip.moves.all()] == [(START, 5), (LATER, 1)]
    with clock.frozen_at(LATER + datetime.timedelta(days=1)), pytest.raises(StockShort, match="现在能发 0 袋"):
        issued(world, store, rice, 1)


def test_two_hand_out_where_the_store_wants_two(world: World) -> None:
    store, quilt = a_store(world, needs_witness=True), an_item(world)
    stocked(world, store, quilt, 5)
    twin = make_staff("twin", "x", key=world.township_clerk.person_key)

    with pytest.raises(WrongSlip, match="要两个人"):
        issued(world, store, quilt, 1)
    with pytest.raises(SamePerson):
        issued(world, store, quilt, 1, witness=twin)
    slip = issued(world, store, quilt, 1, witness=world.village_clerk)

    assert slip.witness_person_key == world.village_clerk.person_key


def test_goods_of_a_township_go_to_its_own_villages(world: World) -> None:
    store, quilt = a_store(world, unit=world.other_village), an_item(world)
    stocked(world, store, quilt, 5)

    with pytest.raises(DatabaseError, match="are not for unit"), transaction.atomic():
        issued(world, store, quilt, 1)


def test_numbers_of_a_year_count_up_without_a_gap(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 9)
    numbers = [issued(world, store, quilt, 1).number for _n in range(3)]
    with clock.frozen_at(datetime.date(2027, 1, 4)):
        next_year = issued(world, store, quilt, 1)

    assert [*numbers, next_year.number] == [
        "QH-LY2026-0001",
        "QH-LY2026-0002",
        "QH-LY2026-0003",
        "QH-LY2027-0001",
    ]


# ---------------------------------------------------------------- signed, back, lost, taken back


def test_a_slip_is_signed_once_with_the_fingerprint_of_its_paper(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 5)
    slip, paper = issued(world, store, quilt, 1, subject="case:17"), hashlib.sha256(b"paper").hexdigest()
    given = {"how": "proxy", "signer": "江小一", "relation": "儿子", "sha256": paper, "by": world.township_clerk}

    stock.sign(slip, **given, document_id=3)

    signature = StockSignature.objects.get()
    assert (signature.sha256, signature.signed_on, signature.subject) == (paper, START, "case:17")
    assert Entry.objects.filter(stream="case:17", table="funds_stocksignature").exists()
    with pytest.raises(WrongSlip, match="已经签收"):
        stock.sign(slip, **given)
    with pytest.raises(WrongSlip, match="不用签收"):
        stock.sign(StockSlip.objects.get(kind="receipt"), **given)


def test_what_was_not_delivered_comes_back_and_never_more_than_went_out(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 5)
    slip = issued(world, store, quilt, 3)
    move = slip.moves.get()

    back = stock.give_back(slip, [(move, 2)], by=world.township_clerk, key=key(), reason="人不在家")

    assert on_hand(store, quilt) == 4 and [out.rest for out in stock.out_of(slip)] == [1]
    with pytest.raises(WrongSlip, match="退还过"):
        stock.reverse(slip, by=world.township_clerk, key=key(), reason="写错户")
    with pytest.raises(WrongSlip, match="比发出去的多"):
        stock.give_back(slip, [(move, 2)], by=world.township_clerk, key=key(), reason="又退")
    stock.reverse(back, by=world.township_clerk, key=key(), reason="记错了")
    assert on_hand(store, quilt) == 2 and [out.rest for out in stock.out_of(slip)] == [3]
    assert sound()


def test_what_is_lent_is_missed_until_it_comes_back_or_is_lost(world: World) -> None:
    store, phone = a_store(world), an_item(world, "应急手机", "部", category="device", is_loaned=True)
    stocked(world, store, phone, 4, 39_900)
    slip = issued(world, store, phone, 3, due_back_on=LATER)
    move = slip.moves.get()
    assert (move.kind, phone.lots.get().lent, on_hand(store, phone), slip.due_back_on) == ("lend", 3, 1, LATER)

    stock.give_back(slip, [(move, 1)], by=world.township_clerk, key=key(), reason="用完了")
    lost = stock.lose(
        slip, [(move, 1)], by=world.township_clerk, witness=world.village_clerk, key=key(), reason="山洪冲走"
    )

    assert (phone.lots.get().lent, on_hand(store, phone)) == (1, 2)
    assert lost.witness == world.village_clerk and [m.change for m in lost.moves.all()] == [0]
    with pytest.raises(SamePerson):
        stock.lose(slip, [(move, 1)], by=world.village_clerk, witness=world.village_clerk, key=key(), reason="x")
    assert sound()


def test_a_mistake_is_mirrored_once_and_says_why(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    receipt = stocked(world, store, quilt, 5)
    slip = issued(world, store, quilt, 2)

    with pytest.raises(StockShort, match="已经发出去"):
        stock.reverse(receipt, by=world.township_clerk, key=key(), reason="写错数")
    answer = stock.reverse(slip, by=world.township_clerk, key=key(), reason="写错户")

    assert on_hand(store, quilt) == 5
    assert [(m.reverses_id, m.change) for m in answer.moves.all()] == [(slip.moves.get().pk, 2)]
    with pytest.raises(WrongSlip, match="已经冲正"):
        stock.reverse(slip, by=world.township_clerk, key=key(), reason="再来")
    with pytest.raises(WrongSlip, match="已经冲正"):
        stock.give_back(slip, [(slip.moves.get(), 1)], by=world.township_clerk, key=key(), reason="退")
    with pytest.raises(WrongSlip, match="不能冲正"):
        stock.reverse(answer, by=world.township_clerk, key=key(), reason="x")
    with pytest.raises(WrongSlip, match="写明"):
        stock.reverse(receipt, by=world.township_clerk, key=key(), reason=" ")
    assert sound()


# ---------------------------------------------------------------- between stores


def test_goods_between_stores_are_nobodys_until_somebody_else_accepts_them(world: World) -> None:
    county, town = a_store(world, "XJ", unit=world.county), a_store(world)
    quilt = an_item(world)
    stocked(world, county, quilt, 10, 8_000, expires_on=LATER)
    sent = stock.transfer_out(county, [(quilt, 6)], to_store=town, by=world.fund_manager, key=key())
    assert (on_hand(county, quilt), on_hand(town, quilt)) == (4, 0)

    with pytest.raises(SamePerson):
        stock.accept(sent, by=world.fund_manager, key=key())
    answer = stock.accept(sent, by=world.township_clerk, key=key())

    lot = quilt.lots.get(store=town)
    assert (lot.on_hand, lot.unit_value_fen, lot.source_name, lot.expires_on) == (6, 8_000, "禾丰商会", LATER)
    assert (answer.number, lot.origin.store) == ("QH-DR2026-0001", county)
    with pytest.raises(WrongSlip, match="已经接收"):
        stock.reverse(sent, by=world.fund_manager, key=key(), reason="不调了")
    with pytest.raises(WrongSlip, match="已经接收"):
        stock.accept(sent, by=world.township_clerk, key=key())
    assert sound()


def test_a_transfer_that_nobody_accepted_is_taken_back(world: World) -> None:
    county, town, quilt = a_store(world, "XJ", unit=world.county), a_store(world), an_item(world)
    stocked(world, county, quilt, 10)
    sent = stock.transfer_out(county, [(quilt, 6)], to_store=town, by=world.fund_manager, key=key())

    stock.reverse(sent, by=world.fund_manager, key=key(), reason="车没来")

    assert on_hand(county, quilt) == 10
    with pytest.raises(WrongSlip, match="已经冲正"):
        stock.accept(sent, by=world.township_clerk, key=key())


# ---------------------------------------------------------------- stock-taking


def test_a_difference_becomes_an_entry_when_a_second_person_confirms_it(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    rice = an_item(world, "大米", "袋", category="food")
    stocked(world, store, quilt, 10)
    stocked(world, store, rice, 4, expires_on=START)
    stocked(world, store, rice, 4, expires_on=LATER)
    count = counted(world, store, {quilt: 11, rice: 3})
    assert on_hand(store, rice) == 8

    with pytest.raises(SamePerson):
        stocktake.confirm_count(count, by=world.township_clerk, key=key(), reason="受潮")
    with pytest.raises(WrongSlip, match="写明原因"):
        stocktake.confirm_count(count, by=world.fund_manager, key=key())
    slip = stocktake.confirm_count(count, by=world.fund_manager, key="c", reason="受潮")

    assert (on_hand(store, quilt), on_hand(store, rice)) == (11, 3)
    assert [(m.lot.item.name, m.kind, m.quantity) for m in slip.moves.all()] == [
        ("棉被", "found", 1),
        ("大米", "missing", 4),
        ("大米", "missing", 1),
    ]
    assert stocktake.confirm_count(count, by=world.fund_manager, key="c", reason="受潮").pk == slip.pk
    done = StockCount.objects.get()
    assert (done.state, done.confirmer, done.reason, slip.reason) == (
        "confirmed",
        world.fund_manager,
        "受潮",
        "受潮",
    )
    assert done.history.count() == 3 and sound()


def test_what_moves_between_counting_and_confirming_is_not_counted_twice(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 10)
    count = counted(world, store, {quilt: 9})
    issued(world, store, quilt, 3)

    stocktake.confirm_count(count, by=world.fund_manager, key=key(), reason="少一床")

    assert on_hand(store, quilt) == 6


def test_a_figure_that_is_sent_again_stays_beside_the_book_of_its_own_moment(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 10)
    count = stocktake.open_count(store, by=world.township_clerk, key=key())
    stocktake.enter(count, {quilt.pk: 10}, by=world.township_clerk)
    issued(world, store, quilt, 3)

    stocktake.enter(count, {quilt.pk: 10}, by=world.township_clerk)
    stocktake.hand_on(count, by=world.township_clerk)
    slip = stocktake.confirm_count(count, by=world.fund_manager, key=key())

    line = count.lines.get()
    assert (line.counted, line.expected, line.history.count()) == (10, 10, 2)
    assert (on_hand(store, quilt), slip.moves.count()) == (7, 0)


def test_a_stock_take_is_one_persons_and_whole(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    with pytest.raises(WrongSlip, match="还没有东西"):
        stocktake.open_count(store, by=world.township_clerk, key=key())
    stocked(world, store, quilt, 10)
    stocked(world, store, an_item(world, "大米", "袋"), 10)
    count = stocktake.open_count(store, by=world.township_clerk, key=key())

    with pytest.raises(WrongSlip, match="正在盘点"):
        stocktake.open_count(store, by=world.fund_manager, key=key())
    with pytest.raises(SamePerson, match="别人不能代填"):
        stocktake.enter(count, {quilt.pk: 10}, by=world.township_approver)
    stocktake.enter(count, {quilt.pk: 10}, by=world.township_clerk)
    with pytest.raises(WrongSlip, match="还有 1 样没有点"):
        stocktake.hand_on(count, by=world.township_clerk)
    stocktake.drop(count, by=world.township_clerk, reason="改天再盘")

    assert StockCount.objects.get().state == "dropped" and on_hand(store, quilt) == 10
    with pytest.raises(WrongSlip):
        stocktake.enter(count, {quilt.pk: 9}, by=world.township_clerk)


def test_a_count_that_looks_wrong_is_counted_again(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 10)
    count = counted(world, store, {quilt: 1})

    stocktake.count_again(count, by=world.township_approver, reason="少得太多")
    stocktake.enter(count, {quilt.pk: 10}, by=world.township_clerk)
    stocktake.hand_on(count, by=world.township_clerk)
    slip = stocktake.confirm_count(count, by=world.fund_manager, key=key())

    assert (slip.reason, slip.moves.count()) == ("账实相符", 0)


def test_what_differed_is_counted_afresh_and_the_rest_stays(world: World) -> None:
    store, quilt, rice = a_store(world), an_item(world), an_item(world, "大米", "袋")
    stocked(world, store, quilt, 10)
    stocked(world, store, rice, 5)
    count = counted(world, store, {quilt: 0, rice: 5})
    issued(world, store, quilt, 3)
    with pytest.raises(StockShort, match="请退回重点"):
        stocktake.confirm_count(count, by=world.fund_manager, key=key(), reason="没找到")

    stocktake.count_again(count, by=world.township_approver, reason="棉被在后面那间")
    with pytest.raises(WrongSlip, match="还有 1 样没有点"):
        stocktake.hand_on(count, by=world.township_clerk)
    stocktake.enter(count, {quilt.pk: 7, rice.pk: 5}, by=world.township_clerk)
    stocktake.hand_on(count, by=world.township_clerk)
    stocktake.confirm_count(count, by=world.fund_manager, key=key())

    assert (on_hand(store, quilt), on_hand(store, rice)) == (7, 5)


# ---------------------------------------------------------------- in raw SQL too


def copied(table: str, pk: int, **changes: str) -> str:
    """An INSERT of a copy of one row with some columns changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s AND column_name <> 'id'"
            " AND is_generated = 'NEVER'",
            [table],
        )
        names = [name for (name,) in cursor.fetchall()]
    values = ", ".join(changes.get(name, f'"{name}"') for name in names)
    listed = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {table} ({listed}) SELECT {values} FROM {table} WHERE id = {pk}"


def test_the_database_moves_goods_by_moves_alone(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 5)
    slip = issued(world, store, quilt, 2)
    move, lot = slip.moves.get(), quilt.lots.get()

    refuses("UPDATE funds_stocklot SET on_hand = 99", match="moved by moves alone")
    refuses("UPDATE funds_stocklot SET unit_value_fen = 1", match="moved by moves alone")
    refuses("DELETE FROM funds_stocklot", match="never deleted")
    refuses(copied("funds_stocklot", lot.pk), match="begins empty")
    refuses(copied("funds_stockmove", move.pk, key="'x'", quantity="4"), match="stock_never_negative")
    refuses(copied("funds_stockmove", move.pk, key="'x'", kind="'receive'"), match="no receive of")
    refuses(copied("funds_stockmove", move.pk, key="'x'", kind="'lend'"), match="no lend of")
    refuses(copied("funds_stockmove", move.pk, key="'x'", subject="'case:1'"), match="store and subject of its slip")
    refuses("UPDATE funds_stockitem SET unit = '条'", match="counted by")
    refuses("UPDATE funds_stockstore SET code = 'X'", match="counted by")
    for table in ("funds_stockslip", "funds_stockmove"):
        refuses(f"UPDATE {table} SET subject = 'x'", match="append-only")
        refuses(f"DELETE FROM {table}", match="append-only")
    assert on_hand(store, quilt) == 3


def test_the_database_leaves_no_gap_and_takes_no_other_persons_name(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 5)
    slip = issued(world, store, quilt, 2)

    def another(**changes: str) -> str:
        return copied("funds_stockslip", slip.pk, **{"key": "'x'", "number": "'x'", "serial": "2"} | changes)

    refuses(another(serial="3"), match="leaves a gap")
    refuses(another(year="2027", serial="1"), match="leaves a gap")
    refuses(another(serial="1"), match="slip_numbers_count_up")
    refuses(another(maker_person_key="'somebody'"), match="somebody else")
    refuses(
        another(kind="'back'", answers_id="id", serial="1", subject="'case:9'", reason="'x'"), match="does not answer"
    )
    refuses(another(kind="'count'", count_id="1", serial="1", reason="'x'"), match="nobody confirmed")


def test_the_database_lets_no_more_come_back_than_went_out(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 5)
    slip = issued(world, store, quilt, 2)
    back = stock.give_back(slip, [(slip.moves.get(), 2)], by=world.township_clerk, key=key(), reason="不在家")
    move = back.moves.get()

    refuses(copied("funds_stockmove", move.pk, key="'x'", quantity="1"), match="comes back than went out")
    refuses(copied("funds_stockmove", move.pk, key="'x'", kind="'returned'"), match="no returned of")
    refuses(copied("funds_stockmove", move.pk, key="'x'", reverses_id="id"), match="does not mirror")


def test_the_database_keeps_a_lot_what_it_was_when_it_was_sent(world: World) -> None:
    county, town, quilt = a_store(world, "XJ", unit=world.county), a_store(world), an_item(world)
    stocked(world, county, quilt, 10)
    sent = stock.transfer_out(county, [(quilt, 6)], to_store=town, by=world.fund_manager, key=key())
    stock.accept(sent, by=world.township_clerk, key=key())
    lot = quilt.lots.get(store=town)

    refuses(copied("funds_stocklot", lot.pk, on_hand="0", unit_value_fen="1"), match="not what it was sent from")
    again = copied("funds_stockslip", sent.answered_by.get().pk, key="'x'", number="'x'", serial="2")
    refuses(again, match="accepted_or_reversed_once")


def test_the_database_enters_what_was_counted_and_nothing_else(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 10)
    count = counted(world, store, {quilt: 9})
    refuses("UPDATE funds_stockcountline SET counted = 1", match="what was counted stays")
    refuses("UPDATE funds_stockcount SET state = 'open', counter_person_key = 'x'", match="goes forward")
    refuses(
        "UPDATE funds_stockcount SET state = 'confirmed', closed_on = opened_on, reason = 'x', confirmer_id = counter_id,"
        " confirmer_person_key = counter_person_key",
        match="counter_is_not_confirmer",
    )
    slip = stocktake.confirm_count(count, by=world.fund_manager, key=key(), reason="少")

    refuses(copied("funds_stockmove", slip.moves.get().pk, key="'x'"), match="not what was counted")
    refuses(copied("funds_stockmove", slip.moves.get().pk, key="'x'", kind="'found'"), match="not what was counted")
    refuses("UPDATE funds_stockcount SET state = 'open'", match="goes forward")
    assert on_hand(store, quilt) == 9


# ---------------------------------------------------------------- many at once


@pytest.fixture
def town(transactional_db: None) -> World:
    if OrgUnit.objects.exists():
        return load_world()
    with transaction.atomic():
        return build_world()


def at_once(count: int, job: Any) -> list[Any]:
    """`job(n)` in as many threads, each with a connection of its own; [result or refusal]."""
    gate, results = threading.Barrier(count), [None] * count

    def run(n: int) -> None:
        with clock.frozen_at(START):
            try:
                gate.wait(20)
                results[n] = job(n)
            except (FundsError, DatabaseError) as refusal:
                results[n] = refusal
            finally:
                connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.mark.django_db(transaction=True)
def test_many_hand_out_the_last_pieces_and_exactly_those_go(town: World) -> None:
    with transaction.atomic():
        store, quilt = a_store(town), an_item(town)
        stocked(town, store, quilt, 3)

    results = at_once(12, lambda n: issued(town, store, quilt, 1, key=f"thread-{n}"))

    won = [result for result in results if isinstance(result, StockSlip)]
    assert len(won) == 3 and sum(isinstance(result, StockShort) for result in results) == 9, results
    assert sorted(slip.serial for slip in won) == [1, 2, 3]
    assert on_hand(store, quilt) == 0 and sound()


@pytest.mark.django_db(transaction=True)
def test_raw_sql_takes_no_more_than_there_is_however_many_try(town: World) -> None:
    with transaction.atomic():
        store, quilt = a_store(town), an_item(town)
        stocked(town, store, quilt, 4)
        slip = issued(town, store, quilt, 1)
        statement = copied("funds_stockmove", slip.moves.get().pk, key="%s")

    def take(n: int) -> str:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [f"raw-{n}"])
        return "took"

    results = at_once(10, take)

    assert results.count("took") == 3, results
    assert all("stock_never_negative" in str(result) for result in results if result != "took")
    assert on_hand(store, quilt) == 0 and StockMove.objects.filter(kind="give").count() == 4
    assert StockLot.objects.get().lent == 0 and sound()


@pytest.mark.django_db(transaction=True)
def test_a_transfer_is_accepted_or_taken_back_and_never_both(town: World) -> None:
    with transaction.atomic():
        county, store, quilt = a_store(town, "XJ", unit=town.county), a_store(town), an_item(town)
        stocked(town, county, quilt, 4)
        sent = stock.transfer_out(county, [(quilt, 4)], to_store=store, by=town.fund_manager, key="sent")

    results = at_once(
        6,
        lambda n: (
            stock.accept(sent, by=town.township_clerk, key=f"a{n}")
            if n % 2
            else stock.reverse(sent, by=town.fund_manager, key=f"r{n}", reason="车没来")
        ),
    )

    assert sum(isinstance(result, StockSlip) for result in results) == 1, results
    assert sum(isinstance(result, WrongSlip) for result in results) == 5, results
    assert on_hand(county, quilt) + on_hand(store, quilt) == 4 and sound()
