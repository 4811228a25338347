"""The desk of goods: what lies where, who was given what, each figure led back to its rows."""

import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from access import services as access
from access.models import Staff
from audit import clock
from casework import goods
from casework.desks.funds.forms import new_key
from casework.desks.stock.menu import count_waiting
from casework.models import CaseDocument
from families.models import Document
from funds import stock, stocktake
from funds.models import StockCount, StockItem, StockMove, StockSlip, StockStore
from tests.casework.test_damaged_photos import photo
from tests.funds.shelves import a_store, an_item, counted, issued, key, on_hand, stocked
from tests.world import START, World, make_staff

LATER = START + datetime.timedelta(days=30)


def log_in(staff: Staff) -> Client:
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


def keeper(world: World) -> Staff:
    """A storekeeper of the township, who sees no family and no case."""
    staff = make_staff("keeper", "库管员")
    access.appoint(staff, "storekeeper", world.township, by=None, valid_from=START)
    return staff


def post(client: Client, page: str, /, *args: Any, **fields: Any) -> Any:
    return client.post(reverse(f"stock:{page}", args=args), {"key": new_key(), **fields})


def handed_out(world: World, quantity: int = 2, **more: Any) -> tuple[StockStore, StockItem, StockSlip, Any]:
    """A slip for a case of a family that is really there."""
    case = world.open()
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 10, 12_000)
    to = goods.handout_to(case.household, receiver="", case=case)
    slip = stock.issue(store, [(quilt, quantity)], to=to, by=world.township_clerk, key=key())
    return store, quilt, slip, case


def queries_of(client: Client, url: str) -> int:
    """How many queries the page takes once everything is warm."""
    client.get(url)
    with CaptureQueriesContext(connection) as caught:
        client.get(url)
    return len(caught)


# ---------------------------------------------------------------- a storekeeper's day


def test_a_storekeeper_opens_a_store_receives_and_hands_out(world: World) -> None:
    me = keeper(world)
    client, household = log_in(me), world.household()

    post(client, "open", code="qh01", name="青禾乡仓库", unit=world.township.pk, needs_witness="on")
    store = StockStore.objects.get()
    post(client, "add_item", name="棉被", unit="床", category="bedding", low_at="5")
    quilt = StockItem.objects.get()
    received = post(
        client,
        "receive",
        store.pk,
        source="donated",
        source_name="禾丰商会",
        document_no="捐字 0001",
        **{"item-0": quilt.pk, "quantity-0": "１２", "value-0": "120"},
    )
    found = client.get(reverse("stock:issue", args=[store.pk]), {"q": household.head_name[:2]})
    made = post(
        client,
        "issue_to",
        store.pk,
        household.pk,
        receiver=household.head_name,
        witness=world.township_clerk.pk,
        **{f"q-{quilt.pk}": "2"},
    )

    slip = StockSlip.objects.get(kind="issue")
    assert (store.code, store.custodian, received.status_code, made["Location"]) == (
        "QH01",
        me,
        302,
        reverse("stock:slip", args=[slip.pk]),
    )
    assert household in found.context["households"]
    assert (slip.number, slip.household_no, slip.village, slip.witness) == (
        "QH01-LY2026-0001",
        household.household_no,
        world.village,
        world.township_clerk,
    )
    page = client.get(reverse("stock:slip", args=[slip.pk])).content.decode()
    assert "贰佰肆拾元整" in page and "物资领用单" in page and "等签收" in page
    shown = client.get(reverse("stock:store", args=[store.pk])).context
    assert (shown["rows"][0].on_hand, shown["whole"].value_fen, shown["unsigned"]) == (10, 120_000, 1)


def test_a_storekeeper_sees_names_and_slips_but_no_family_and_no_case(world: World) -> None:
    _store, _quilt, slip, case = handed_out(world)
    client = log_in(keeper(world))

    assert client.get(reverse("stock:slip", args=[slip.pk])).status_code == 200
    assert case.case_no not in client.get(reverse("stock:slip", args=[slip.pk])).content.decode()
    assert client.get(reverse("cases:detail", args=[case.pk])).status_code == 404
    assert client.get(reverse("cases:family", args=[case.household_id])).status_code == 404
    assert client.get(reverse("funds:home")).status_code == 404
    assert client.get(reverse("help")).status_code == 200
    assert client.get("/", follow=True).status_code == 200


def test_what_is_wrong_is_said_beside_what_was_typed(world: World) -> None:
    store, quilt = a_store(world, needs_witness=True), an_item(world)
    stocked(world, store, quilt, 3)
    client, household = log_in(world.township_clerk), world.household()

    def said(page: str, /, *args: Any, **fields: Any) -> str:
        answer = post(client, page, *args, **fields)
        assert answer.status_code == 422
        return answer.content.decode()

    person = {"receiver": "x", "witness": world.village_clerk.pk}
    assert "棉被不够：要 4 床" in said("issue_to", store.pk, household.pk, **person, **{f"q-{quilt.pk}": "4"})
    assert "还没有填数量" in said("issue_to", store.pk, household.pk, **person)
    assert "和谁一起发" in said("issue_to", store.pk, household.pk, receiver="x", **{f"q-{quilt.pk}": "1"})
    given = {"source": "bought", "source_name": "x", "document_no": "x"}
    assert "第 1 行：请填数量" in said("receive", store.pk, **given, **{"item-0": quilt.pk})
    assert "第 3 行的数量：" in said("receive", store.pk, **given, **{"item-2": quilt.pk, "quantity-2": "-1"})
    assert 'class="is-bad"' in said("receive", store.pk, **given, **{"item-2": quilt.pk, "quantity-2": "-1"})
    assert "第 2 行：已经过期" in said(
        "receive",
        store.pk,
        **given,
        **{"item-1": quilt.pk, "quantity-1": "1", "value-1": "0", "expires-1": "2026-04-14"},
    )
    assert "还没有填收到了什么" in said("receive", store.pk, **given)
    assert "已经有这个编码" in said("open", code="qh", name="x", unit=world.township.pk)
    assert "已经有这样物品" in said("add_item", name="棉被", unit="条", category="bedding")
    for bad in ("-1", "1.5", "1e10", "NaN", "99999999"):
        said("issue_to", store.pk, household.pk, **person, **{f"q-{quilt.pk}": bad})
    assert StockSlip.objects.count() == 1 and on_hand(store, quilt) == 3


def test_pressing_twice_hands_out_once(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 3)
    client, household, fields = log_in(world.township_clerk), world.household(), {"key": new_key(), "receiver": "x"}
    url = reverse("stock:issue_to", args=[store.pk, household.pk])

    first, again = (client.post(url, fields | {f"q-{quilt.pk}": "2"}) for _press in range(2))

    assert first["Location"] == again["Location"] and on_hand(store, quilt) == 1


# ---------------------------------------------------------------- signed, back, reversed


def test_the_signed_paper_is_kept_with_the_family_and_its_fingerprint_with_the_slip(world: World) -> None:
    _store, _quilt, slip, case = handed_out(world)
    client = log_in(world.township_clerk)
    upload = {"photo": SimpleUploadedFile("a.jpg", photo()), "how": "thumb", "signer": "江正一"}

    assert "要写是他什么人" in post(client, "sign", slip.pk, **upload | {"how": "proxy"}).content.decode()
    upload["photo"] = SimpleUploadedFile("a.jpg", photo())
    answer = post(client, "sign", slip.pk, **upload)

    document = Document.objects.get(title=slip.number)
    signature = StockSlip.objects.get(pk=slip.pk).signature
    assert answer.status_code == 302
    assert (signature.sha256, signature.document_id, signature.how) == (document.sha256, document.pk, "thumb")
    assert (document.household, document.kind) == (case.household, "receipt")
    assert not CaseDocument.objects.filter(document=document).exists()  # no approval falls because of it
    page = client.get(reverse("stock:slip", args=[slip.pk]))
    assert page.context["document_url"] and signature.sha256 in page.content.decode()
    assert log_in(keeper(world)).get(reverse("stock:slip", args=[slip.pk])).context["document_url"] == ""


def test_what_comes_back_and_what_is_lost_stands_on_slips_of_their_own(world: World) -> None:
    store, phone = a_store(world), an_item(world, "应急手机", "部", category="device", is_loaned=True)
    stocked(world, store, phone, 4)
    household = world.household()
    to = goods.handout_to(household, receiver="")
    slip = stock.issue(store, [(phone, 3)], to=to, by=world.township_clerk, key=key(), due_back_on=START)
    client, box = log_in(world.township_clerk), f"q-{slip.moves.get().pk}"

    post(client, "back", slip.pk, reason="用完了", **{box: "1"})
    post(client, "lost", slip.pk, reason="山洪冲走", witness=world.village_clerk.pk, **{box: "1"})
    too_many = post(client, "back", slip.pk, reason="用完了", **{box: "2"})

    assert list(StockSlip.objects.order_by("id").values_list("kind", flat=True)) == ["receipt", "issue", "back", "loss"]
    assert too_many.status_code == 422
    page = client.get(reverse("stock:slip", args=[slip.pk])).context
    assert [(out.rest) for out in page["outs"]] == [1] and page["may_lose"]
    late = client.get(reverse("stock:slips"), {"wait": "back", "store": store.pk}).context["rows"]
    assert [row.slip for row in late] == [slip]
    with clock.frozen_at(LATER):
        overdue = client.get(reverse("stock:slips"), {"wait": "late"}).context["rows"]
        store_page = client.get(reverse("stock:store", args=[store.pk])).context
    assert [row.slip for row in overdue] == [slip] and store_page["late"] == 1
    assert [row.slip for row in client.get(reverse("stock:slips"), {"wait": "sign"}).context["rows"]] == [slip]
    assert client.get(reverse("stock:slips"), {"wait": "late"}).context["rows"] == []  # due today is in time


def test_a_mistaken_slip_is_reversed_and_says_so(world: World) -> None:
    store, quilt, slip, case = handed_out(world)
    client = log_in(world.township_clerk)

    post(client, "reverse", slip.pk, reason="写错户")

    page = client.get(reverse("stock:slip", args=[slip.pk])).context
    assert page["is_reversed"] and not (page["may_sign"] or page["may_back"] or page["may_reverse"])
    assert on_hand(store, quilt) == 10 and goods.given_to(case) == []
    assert post(client, "reverse", slip.pk, reason="再来").status_code == 422


# ---------------------------------------------------------------- transfers and stock-takes


def test_every_item_can_be_received_however_many_there_are(world: World) -> None:
    store = a_store(world)
    StockItem.objects.bulk_create(
        StockItem(name=f"物品 {n:03}", unit="件", category="bedding", is_loaned=False, low_at=0) for n in range(501)
    )

    page = log_in(world.township_clerk).get(reverse("stock:receive", args=[store.pk]))

    assert len(page.context["form"].fields["item-0"].choices) == 502  # and none


def test_goods_go_to_another_store_and_wait_for_somebody_else(world: World) -> None:
    county, town, quilt = a_store(world, "XJ", unit=world.county), a_store(world), an_item(world)
    stocked(world, county, quilt, 10)
    sender, accepter = log_in(world.fund_manager), log_in(world.township_clerk)

    post(sender, "transfer", county.pk, to_store=town.pk, **{f"q-{quilt.pk}": "4"})
    sent = StockSlip.objects.get(kind="transfer")
    assert (count_waiting(world.fund_manager), count_waiting(world.township_clerk)) == (0, 1)
    assert sent in accepter.get(reverse("stock:store", args=[town.pk])).context["coming"]
    assert [row.slip for row in sender.get(reverse("stock:slips"), {"wait": "accept"}).context["rows"]] == [sent]
    post(sender, "accept", sent.pk)
    assert on_hand(town, quilt) == 0
    assert "你在这里只能看" not in accepter.get(reverse("stock:slip", args=[sent.pk])).text
    post(accepter, "accept", sent.pk)

    assert (on_hand(county, quilt), on_hand(town, quilt)) == (6, 4)
    assert count_waiting(Staff.objects.get(pk=world.township_clerk.pk)) == 0
    assert accepter.get(reverse("stock:store", args=[county.pk])).status_code == 404


def test_one_counts_and_another_confirms(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 10)
    counter, other = log_in(world.township_clerk), log_in(keeper(world))

    begun = post(counter, "begin_count", store.pk)
    count = StockCount.objects.get()
    page = counter.get(begun["Location"])
    assert "账上有" not in page.content.decode()  # whoever counts does not see what should be there
    assert other.get(begun["Location"]).context["form"] is None
    unfinished = post(counter, "count", count.pk, hand_on="1")
    assert "还有 1 样没有点" in unfinished.content.decode()
    post(counter, "count", count.pk, hand_on="1", **{f"q-{quilt.pk}": "9"})
    refused = post(counter, "count_step", count.pk, "confirm", reason="少一床")
    assert "不能自己确认" in refused.content.decode()
    assert "写明原因" in post(other, "count_step", count.pk, "confirm").content.decode()
    post(other, "count_step", count.pk, "confirm", reason="少一床")

    assert on_hand(store, quilt) == 9
    assert StockSlip.objects.get(kind="count").reason == "少一床"
    assert other.get(reverse("stock:count", args=[count.pk])).status_code == 200


def test_figures_that_the_page_sends_again_invent_no_goods(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 10)
    counter, other = log_in(world.township_clerk), log_in(keeper(world))
    post(counter, "begin_count", store.pk)
    count, box = StockCount.objects.get(), f"q-{quilt.pk}"
    post(counter, "count", count.pk, **{box: "10"})
    issued(world, store, quilt, 3)

    filled = counter.get(reverse("stock:count", args=[count.pk])).context["form"][box].value()
    post(counter, "count", count.pk, hand_on="1", **{box: str(filled)})
    post(other, "count_step", count.pk, "confirm")

    count.refresh_from_db()
    assert (filled, count.state, on_hand(store, quilt)) == (10, "confirmed", 7)
    assert not StockMove.objects.filter(kind="found").exists()


def test_a_stock_take_is_sent_back_or_dropped(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 10)
    count, other = counted(world, store, {quilt: 1}), log_in(keeper(world))

    post(other, "count_step", count.pk, "again", reason="少得太多")
    assert StockCount.objects.get().state == "open"
    assert post(other, "count_step", count.pk, "drop").status_code == 422
    post(other, "count_step", count.pk, "drop", reason="改天")
    assert StockCount.objects.get().state == "dropped"
    assert post(other, "count_step", count.pk, "nonsense").status_code == 404


def test_a_store_changes_hands(world: World) -> None:
    store, me = a_store(world), keeper(world)
    client = log_in(me)

    page = client.get(reverse("stock:custodian", args=[store.pk]))
    post(client, "custodian", store.pk, custodian=me.pk)

    store.refresh_from_db()
    assert store.custodian == me and store.history.count() == 2
    assert world.village_clerk not in page.context["form"].fields["custodian"].queryset


# ---------------------------------------------------------------- figures


def test_every_figure_of_the_report_is_the_sum_of_its_rows(world: World) -> None:
    store, quilt, slip, case = handed_out(world, 3)
    stock.give_back(slip, [(slip.moves.get(), 1)], by=world.township_clerk, key=key(), reason="人不在")
    client = log_in(world.township_clerk)

    for by in ("item", "store", "donor", "village", "case"):
        page = client.get(reverse("stock:report"), {"by": by}).context
        (row,) = page["rows"]
        assert (row["given_fen"], row["slips"]) == (24_000, 1), by
        rows = client.get(f"{row['url']}&kind=given").context
        assert -rows["sums"]["fen"] == row["given_fen"] and rows["sums"]["n"] == 2, by
        assert page["whole"]["given_fen"] == 24_000
    assert row["case"] == case and rows["rows"][0].case == case
    by_item = client.get(reverse("stock:report")).context["rows"][0]
    assert (by_item["received"], by_item["given"], by_item["left"]) == (10, 2, 8)
    assert by_item["left_fen"] == sum(lot.value_fen for lot in quilt.lots.all()) == 96_000
    assert client.get(reverse("stock:report"), {"to": "2026-04-14"}).context["rows"] == []
    later = client.get(reverse("stock:report"), {"from": "2026-04-16"}).context["rows"][0]
    assert (later["given_fen"], later["opening_fen"], later["left_fen"]) == (0, 96_000, 96_000)
    assert client.get(reverse("stock:report"), {"by": "nonsense"}).status_code == 404
    assert client.get(reverse("stock:moves"), {"case": case.case_no}).context["sums"]["n"] == 2
    item_page = client.get(reverse("stock:item", args=[store.pk, quilt.pk])).context
    assert (item_page["sums"]["n"], len(item_page["rows"])) == (8, 3)


def test_each_row_of_the_report_adds_up(world: World) -> None:
    county, store = a_store(world, "XJ", unit=world.county), a_store(world)
    phone, quilt = an_item(world, "应急手机", "部", is_loaned=True), an_item(world)
    stocked(world, county, quilt, 10, 10_000, by=world.fund_manager)
    stocked(world, store, phone, 5, 40_000)
    sent = stock.transfer_out(county, [(quilt, 6)], to_store=store, by=world.fund_manager, key=key())
    stock.accept(sent, by=world.township_clerk, key=key())
    issued(world, store, quilt, 1)
    slip = issued(world, store, phone, 3)
    lent = slip.moves.get()
    stock.give_back(slip, [(lent, 1)], by=world.township_clerk, key=key(), reason="用完")
    stock.lose(slip, [(lent, 1)], by=world.township_clerk, witness=world.village_clerk, key=key(), reason="丢了")
    stocktake.confirm_count(counted(world, store, {quilt: 4, phone: 3}), by=world.fund_manager, key=key(), reason="少")

    for by in ("item", "store", "donor"):
        page = log_in(world.fund_manager).get(reverse("stock:report"), {"by": by}).context
        for row in [*page["rows"], page["whole"]]:
            ins = row["received_fen"] + row["moved_fen"] + row["counted_fen"]
            assert ins - row["given_fen"] - row["lent_fen"] == row["left_fen"], row
    assert page["whole"] == {
        "received_fen": 300_000,
        "moved_fen": 0,
        "given_fen": 10_000,
        "lent_fen": 80_000,
        "counted_fen": -10_000,
        "left_fen": 200_000,
        "out": 1,
        "slips": 2,
    }


def test_the_case_page_shows_what_the_family_was_given(world: World) -> None:
    _store, _quilt, slip, case = handed_out(world)

    for staff, has_link in ((world.village_clerk, False), (world.township_clerk, True), (world.auditor, True)):
        page = log_in(staff).get(reverse("cases:detail", args=[case.pk]))
        assert [(row.item.name, row.quantity, row.value_fen) for row in page.context["goods"]] == [("棉被", 2, 24_000)]
        assert (reverse("stock:slip", args=[slip.pk]) in page.content.decode()) == has_link
    assert log_in(world.auditor).get(reverse("audit:trail", args=[case.pk])).status_code == 200


# ---------------------------------------------------------------- reach


@pytest.mark.parametrize("role", ["village_clerk", "sysadmin", "fund_checker"])
def test_who_has_nothing_to_do_with_goods_finds_no_such_page(world: World, role: str) -> None:
    store, quilt, slip, _case = handed_out(world)
    client = log_in(world.staff[role])

    for name, args in (
        ("home", []),
        ("store", [store.pk]),
        ("item", [store.pk, quilt.pk]),
        ("slip", [slip.pk]),
        ("slips", []),
        ("report", []),
        ("moves", []),
        ("issue", [store.pk]),
        ("receive", [store.pk]),
        ("sign", [slip.pk]),
    ):
        assert client.get(reverse(f"stock:{name}", args=args)).status_code == 404, name


@pytest.mark.parametrize("role", ["township_approver", "county_reviewer", "auditor"])
def test_who_only_looks_is_told_who_works_there(world: World, role: str) -> None:
    store, _quilt, slip, _case = handed_out(world)
    client = log_in(world.staff[role])

    page = client.get(reverse("stock:store", args=[store.pk])).content.decode()
    assert "库管员" in page and reverse("stock:receive", args=[store.pk]) not in page
    for name, args in (
        ("receive", [store.pk]),
        ("issue", [store.pk]),
        ("reverse", [slip.pk]),
        ("custodian", [store.pk]),
    ):
        assert client.get(reverse(f"stock:{name}", args=args)).status_code == 403, name
    assert post(client, "begin_count", store.pk).status_code == 403
    assert not StockCount.objects.exists()


def test_a_family_of_another_place_is_not_found_from_here(world: World) -> None:
    store, quilt = a_store(world, unit=world.other_village), an_item(world)
    stocked(world, store, quilt, 5)
    household, client = world.household(), log_in(world.township_clerk)

    assert client.get(reverse("stock:issue_to", args=[store.pk, household.pk])).status_code == 404
    assert not client.get(reverse("stock:issue", args=[store.pk]), {"q": household.household_no}).context["households"]
    assert client.get(reverse("stock:issue", args=[store.pk]), {"q": "x"}).context["households"] == []


def test_a_case_of_another_family_is_not_named_on_the_slip(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 5)
    other, client = world.open(), log_in(world.township_clerk)

    answer = post(
        client, "issue_to", store.pk, world.household().pk, receiver="x", case=other.pk, **{f"q-{quilt.pk}": "1"}
    )

    assert answer.status_code == 422 and not StockMove.objects.filter(kind="give").exists()


# ---------------------------------------------------------------- queries


def test_the_lists_take_as_many_queries_for_many_rows_as_for_one(world: World, django_assert_num_queries: Any) -> None:
    store, quilt, slip, case = handed_out(world)
    client = log_in(world.township_clerk)
    urls = [
        reverse("stock:store", args=[store.pk]),
        reverse("stock:item", args=[store.pk, quilt.pk]),
        reverse("stock:slips"),
        reverse("stock:report") + "?by=case",
        reverse("stock:moves"),
        reverse("stock:slip", args=[slip.pk]),
        reverse("cases:detail", args=[case.pk]),
    ]
    few = {url: queries_of(client, url) for url in urls}
    rice = an_item(world, "大米", "袋", category="food")
    stocked(world, store, rice, 30, expires_on=LATER)
    for _n in range(4):
        to = goods.handout_to(case.household, receiver="", case=case)
        stock.issue(store, [(quilt, 1), (rice, 1)], to=to, by=world.township_clerk, key=key())
        other = world.open()
        to = goods.handout_to(other.household, receiver="", case=other)
        stock.issue(store, [(rice, 1)], to=to, by=world.township_clerk, key=key())

    for url, count in few.items():
        with django_assert_num_queries(count):
            assert client.get(url).status_code == 200
