"""Goods on their way: received, handed out, signed for, counted by one and confirmed by another."""

from typing import Any

import pytest

from access import services as access
from funds.models import StockCount, StockSlip
from tests.browser.helpers import assert_accessible, log_out, login_as, shot
from tests.casework.test_damaged_photos import photo
from tests.world import START, World, make_staff

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDTHS = (390, 1280)


def test_a_storekeeper_receives_hands_out_and_counts(desk_page: Any, live_server: Any, world: World) -> None:
    page, household = desk_page, world.household()
    access.appoint(make_staff("keeper", "库管员"), "storekeeper", world.township, by=None, valid_from=START)

    login_as(page, live_server, "keeper")
    page.click("text=开一个仓库")
    assert_accessible(page, widths=WIDTHS)
    page.fill("[name=code]", "QH")
    page.fill("[name=name]", "青禾乡爱心超市")
    page.click("main button:has-text('开好')")

    page.click("main a:has-text('入库')")
    page.click("text=加一样物品")
    page.fill("[name=name]", "棉被")
    page.fill("[name=unit]", "床")
    assert_accessible(page, widths=WIDTHS)
    page.click("main button:has-text('加上')")
    page.fill("[name=source_name]", "禾丰商会")
    page.fill("[name=document_no]", "捐字 0001")
    page.select_option("[name=item-0]", label="棉被（床）")
    page.fill("[name=quantity-0]", "20")
    page.fill("[name=value-0]", "120")
    assert_accessible(page, widths=WIDTHS)
    page.click("main button:has-text('入库')")
    assert "贰仟肆佰元整" in page.inner_text("article")

    page.click("nav >> text=实物")
    assert_accessible(page, widths=WIDTHS)
    page.click("text=发给一户")
    page.fill("#hq", household.head_name)
    page.click("main button:has-text('查找')")
    assert_accessible(page, widths=WIDTHS)
    page.click(f"text={household.household_no}")
    page.fill("[name^=q-]", "2")
    page.select_option("[name=witness]", label="village_clerk")
    assert_accessible(page, widths=WIDTHS)
    page.click("text=开领用单")
    slip = StockSlip.objects.get(kind="issue")
    assert "等签收" in page.inner_text("main") and slip.number in page.inner_text("article")
    assert page.is_visible("button:has-text('打印')")
    assert_accessible(page, widths=WIDTHS)
    shot(page, "stock-slip")

    page.click("text=记签收")
    page.set_input_files("[name=photo]", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": photo()})
    assert_accessible(page, widths=WIDTHS)
    page.click("main button:has-text('存好签收')")
    assert "本人签字" in page.inner_text("main")

    page.click("nav >> text=实物")
    page.click("text=开始盘点")
    page.fill("[name^=q-]", "17")
    assert_accessible(page, widths=WIDTHS)
    page.click("text=都点完了，交给第二个人")
    assert "不能自己确认" in page.inner_text("main")

    log_out(page)
    login_as(page, live_server, "township_clerk")
    page.goto(f"{live_server.url}/stock/counts/{StockCount.objects.get().pk}/")
    page.fill("[name=reason]:visible >> nth=0", "受潮，报废一床")
    assert_accessible(page, widths=WIDTHS)
    page.click("text=核对过了，确认入账")
    assert "盘亏" in page.inner_text("article")
    page.goto(f"{live_server.url}/stock/report/")
    assert "2,040" in page.inner_text("main")
    assert_accessible(page, widths=WIDTHS)
    shot(page, "stock-report")
