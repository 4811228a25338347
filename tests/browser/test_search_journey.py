"""An auditor searches with the keyboard alone, follows the strip of a payment, and orders a pack."""

from typing import Any

import pytest

from casework.inspection.models import InspectionPack
from casework.typeset import has_chinese_font
from jobs import runner
from jobs.models import Job
from tests.browser.helpers import assert_accessible, login_as, shot
from tests.desks.test_audit import paid
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDTHS = (390, 1280)


def test_search_by_keyboard_and_order_a_pack(desk_page: Any, live_server: Any, world: World) -> None:
    case = paid(world)
    page = desk_page
    login_as(page, live_server, "auditor")
    page.wait_for_load_state()

    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("HF-77")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-hits] a")
    assert_accessible(page, widths=WIDTHS)
    shot(page, "audit-search")
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('[data-hits]') !== null")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(".chain")
    assert page.locator(".chain li").count() == 6 and page.locator(".chain li > a").count() == 6
    assert_accessible(page, widths=WIDTHS)

    page.click("text=做迎检包")
    assert page.input_value("[name=numbers]") == case.case_no and page.is_checked("[name=by][value=numbers]")
    assert_accessible(page, widths=WIDTHS)
    shot(page, "packs-new")
    if not has_chinese_font():
        return
    page.fill("[name=reason]", "省里来检查，要看卷宗")
    page.click("main button:has-text('开始做')")
    assert_accessible(page, widths=WIDTHS)
    runner.run(Job.objects.get().pk)
    page.wait_for_selector("text=看这一包")
    page.click("text=看这一包")
    assert InspectionPack.objects.get().number in page.inner_text("h1")
    assert_accessible(page, widths=WIDTHS)
    shot(page, "packs-pack")
    page.click("main a:has-text('下载第 1 卷')")
    page.fill("[name=reason]", "交给省检查组")
    with page.expect_download() as download:
        page.click("main button:has-text('下载')")
    assert download.value.suggested_filename.endswith("-1.zip")
