"""An auditor follows one payment back to the survey, compares, and takes the proof home."""

from typing import Any

import pytest

from casework import payments
from funds.models import Payment
from tests.browser.helpers import assert_accessible, login_as, shot
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDTHS = (390, 1280)


def test_from_a_bank_reference_to_the_survey_in_three_clicks(desk_page: Any, live_server: Any, world: World) -> None:
    case = world.brought_to("fund_reserved", amount_fen=200_000)
    batch = payments.build_batch([case.pk], by=world.fund_manager, key="journey-1")
    payments.check_batch(batch.pk, by=world.fund_checker, key="journey-2")
    payments.release_batch(batch.pk, by=world.cashier, key="journey-3")
    payment = Payment.objects.get(subject=case.subject)
    payments.record_answers(
        [payments.Answer(payment.pk, True, bank_reference="HF-0415")], by=world.cashier, key="journey-4"
    )
    page = desk_page

    login_as(page, live_server, "auditor")
    assert_accessible(page, widths=WIDTHS)
    page.fill("main [name=q]", "HF-0415")
    page.click("main button:has-text('查找')")
    assert_accessible(page, widths=WIDTHS)
    page.click(f"main >> text={case.head_name}")

    assert "校验通过" in page.inner_text(".page-head")
    assert page.locator("ol.trail > li").count() == 6
    assert_accessible(page, widths=WIDTHS)
    shot(page, "audit-trail")
    page.click("ol.trail >> text=第 1 版")
    assert_accessible(page, widths=WIDTHS)
    page.go_back()
    page.click("ol.trail >> text=2,000 元")
    assert "已到账" in page.inner_text("main")
    shot(page, "audit-record")

    page.go_back()
    page.click("text=导出经过")
    assert_accessible(page, widths=WIDTHS)
    page.fill("[name=reason]", "抽查第 3 号")
    with page.expect_download() as download:
        page.click("main button:has-text('导出')")
    assert download.value.suggested_filename == f"trail-{case.case_no}.json"

    page.click("nav >> text=访问记录")
    assert "抽查第 3 号" in page.inner_text("main")
    assert_accessible(page, widths=WIDTHS)
    page.click("nav >> text=封存点")
    assert_accessible(page, widths=WIDTHS)
