"""Goods of the demo: a county and a township store, what was given to them, and some slips to families."""

import datetime
from collections.abc import Iterable

from django.core.files.uploadedfile import SimpleUploadedFile

from access.models import OrgUnit, Staff
from audit import clock
from casework import goods
from casework.demo.pictures import picture
from casework.models import Case
from families.models import Household
from funds import countersigning, stock
from funds.models import StockItem, StockStore

# (name, unit of count, category, lent, low at)
_ITEMS = (
    ("棉被（6 斤）", "床", "bedding", False, 10),
    ("棉大衣", "件", "bedding", False, 10),
    ("大米（10 公斤）", "袋", "food", False, 20),
    ("菜籽油（5 升）", "桶", "food", False, 20),
    ("取暖煤", "袋", "fuel", False, 0),
    ("书包文具套装", "套", "school", False, 5),
    ("护理床", "张", "care", True, 0),
    ("轮椅", "辆", "care", True, 1),
    ("应急手机", "部", "device", True, 2),
)
# (days before the first day, how, from whom, paper, [(item, quantity, yuan each, expires after so many days)])
_GIFTS = (
    (
        88,
        "bought",
        "县民政局冬春救助采购",
        "禾民购〔2026〕2号",
        [(0, 60, 138, None), (1, 40, 165, None), (4, 120, 32, None)],
    ),
    (74, "donated", "禾丰商会", "捐字 0000137", [(2, 100, 52, 210), (3, 60, 68, 120)]),
    (46, "donated", "青禾同乡会", "捐字 0000142", [(5, 36, 120, None), (2, 30, 50, 65)]),
    (40, "allotted", "县残疾人联合会", "禾残发〔2026〕11号", [(6, 4, 1800, None), (7, 6, 420, None)]),
    (35, "donated", "禾源通信", "捐字 0000151", [(8, 8, 399, None)]),
)


def stock_up() -> None:
    """Both stores, the catalogue, and what came in over the winter. Running it again changes nothing."""
    if StockStore.objects.exists():
        return
    from_county, from_town = Staff.objects.get(username="suyf"), Staff.objects.get(username="qiaoms")
    county, township = OrgUnit.objects.get(level="county"), OrgUnit.objects.get(level="township")
    items = [
        stock.name_item(name, unit=unit, category=category, is_loaned=lent, low_at=low, by=from_county)
        for name, unit, category, lent, low in _ITEMS
    ]
    main = stock.open_store(
        "HY", "禾源县救灾物资库", unit=county, custodian=from_county, by=from_county, place="县民政局后院"
    )
    town = stock.open_store(
        "QH", "青禾乡爱心超市", unit=township, custodian=from_town, by=from_town, place="乡政府一楼"
    )
    today = clock.today()
    for n, (days_ago, source, source_name, document_no, lines) in enumerate(_GIFTS):
        with clock.frozen_at(today - datetime.timedelta(days=days_ago)):
            receipt = [
                stock.Incoming(items[i], count, yuan * 100, today + datetime.timedelta(days=days) if days else None)
                for i, count, yuan, days in lines
            ]
            given = {"source": source, "source_name": source_name, "document_no": document_no}
            stock.receive(
                main if n == 0 else town, receipt, **given, by=from_county if n == 0 else from_town, key=f"demo:in:{n}"
            )
    with clock.frozen_at(today - datetime.timedelta(days=80)):
        wanted = [(items[0], 24), (items[1], 12), (items[4], 40)]
        sent = stock.transfer_out(main, wanted, to_store=town, by=from_county, key="demo:sent")
        stock.accept(sent, by=from_town, key="demo:accepted")
    with clock.frozen_at(today - datetime.timedelta(days=1)):
        stock.transfer_out(main, [(items[0], 12)], to_store=town, by=from_county, key="demo:on-the-way")


# (days before the first day, [(item, quantity)], signed)
_SLIPS = (
    (70, [(0, 2), (2, 2), (3, 1)], "signed"),
    (69, [(0, 1), (1, 1), (4, 8)], "thumb"),
    (52, [(2, 1), (3, 1)], "signed"),
    (43, [(5, 2)], "proxy"),
    (33, [(8, 1)], "signed"),
    (20, [(0, 2), (4, 10), (2, 1)], "signed"),
    (12, [(7, 1)], "signed"),
    (3, [(2, 2), (3, 1)], ""),
    (1, [(0, 2), (1, 2)], ""),
)


def hand_out(households: Iterable[Household]) -> None:
    """Slips for some families, most of them signed and confirmed by their witness; what is lent is to be back in a month."""
    town = StockStore.objects.filter(code="QH").select_related("unit").first()
    if town is None or town.slips.filter(kind="issue").exists():
        return
    keeper, today = town.custodian, clock.today()
    items = [StockItem.objects.get(name=name) for name, *_more in _ITEMS]
    for n, (household, (days_ago, wanted, how)) in enumerate(zip(households, _SLIPS, strict=False)):
        day = today - datetime.timedelta(days=days_ago)
        witness = Staff.objects.filter(appointments__unit=household.village, appointments__role="village_clerk").first()
        case = Case.objects.filter(household=household, is_open=True, opened_on__lte=day).first()
        with clock.frozen_at(day):
            slip = stock.issue(
                town,
                [(items[i], count) for i, count in wanted],
                to=goods.handout_to(household, receiver="", case=case, hands=[keeper]),
                witness=witness,
                due_back_on=day + datetime.timedelta(days=30),
                by=keeper,
                key=f"demo:out:{n}",
            )
            if how and witness is not None:
                countersigning.confirm(slip.countersign.pk, by=witness)
            if how:
                paper = SimpleUploadedFile("slip.png", picture("receipt", slip.number))
                signer, relation = (household.head_name, "") if how != "proxy" else ("王小满", "邻居")
                goods.sign_slip(slip, paper, how=how, signer=signer, relation=relation, by=keeper)
