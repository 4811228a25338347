"""Money on its way: one lists, another checks, a third releases and writes down what the bank said."""

from typing import Any

import pytest

from funds.models import Payment, PaymentBatch
from tests.browser.helpers import assert_accessible, log_out, login_as, shot
from tests.world import World, case_now

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDTHS = (390, 1280)


def test_three_persons_pay_two_families_and_one_payment_comes_back(
    desk_page: Any, live_server: Any, world: World
) -> None:
    page = desk_page
    good, bad = (world.brought_to("fund_reserved", amount_fen=fen) for fen in (200_000, 123_450))

    login_as(page, live_server, "fund_manager")
    assert_accessible(page, widths=WIDTHS)
    shot(page, "funds-home")
    page.click("text=新建发放批次")
    for case in (good, bad):
        page.check(f"#c{case.pk}")
    assert_accessible(page, widths=WIDTHS)
    page.click("text=打勾的列成一批")
    assert "叁仟贰佰叁拾肆元伍角整" in page.inner_text("main")
    page.fill("[name=title]", "四月第一批")
    assert_accessible(page, widths=WIDTHS)
    page.click("text=建这一批")
    assert "等复核" in page.inner_text(".turn") and not page.query_selector("text=都对，复核通过")
    batch = PaymentBatch.objects.get()

    log_out(page)
    login_as(page, live_server, "fund_checker")
    page.click("nav >> text=批次")
    page.click(f"text={batch.number}")
    assert_accessible(page, widths=WIDTHS)
    page.click("text=都对，复核通过")
    assert "等放行" in page.inner_text(".turn")

    log_out(page)
    login_as(page, live_server, "cashier")
    page.goto(f"{live_server.url}/funds/batches/{batch.pk}/")
    page.fill("[name=count]", "2")
    page.fill("[name=total_fen]", "3243.50")
    page.fill("[name=password]", "a-long-password-1")
    page.click("button:has-text('放行，交给银行')")
    assert "对不上" in page.inner_text(".errors")
    assert_accessible(page, widths=WIDTHS)
    page.fill("[name=total_fen]", "3234.50")
    page.fill("[name=password]", "a-long-password-1")
    page.click("button:has-text('放行，交给银行')")
    assert "等银行答复" in page.inner_text(".turn")

    page.click("text=记银行的答复")
    returned = Payment.objects.get(subject=bad.subject)
    page.select_option(f"[name=outcome-{returned.pk}]", "returned")
    page.select_option(f"[name=reason-{returned.pk}]", "户名不符")
    assert_accessible(page, widths=WIDTHS)
    shot(page, "funds-answers")
    page.click("text=除了选退回的，其余全部到账")
    assert "核对一遍再记" in page.inner_text("h1")
    assert_accessible(page, widths=WIDTHS)
    page.click("text=对，记下来")

    assert "村里改 1 个账户" in page.inner_text(".turn")
    assert_accessible(page, widths=WIDTHS)
    shot(page, "funds-batch-answered")
    assert (case_now(good).state, case_now(bad).state) == ("paid", "payment_returned")

    page.click("nav >> text=付款")
    assert "等村里核对账户：户名不符" in page.inner_text("main")
    page.goto(f"{live_server.url}/funds/{world.fund.pk}/")
    assert_accessible(page, widths=WIDTHS)
    page.click("dl.split >> text=2,000")
    assert good.case_no in page.inner_text("main") and bad.case_no not in page.inner_text("main")
    assert_accessible(page, widths=WIDTHS)


def test_on_a_phone_the_desk_is_whole(page: Any, live_server: Any, world: World) -> None:
    world.brought_to("fund_reserved")
    login_as(page, live_server, "fund_manager")

    for path in ("", "waiting/", "batches/", "payments/", "recovery/", "open/", f"{world.fund.pk}/"):
        page.goto(f"{live_server.url}/funds/{path}")
        assert_accessible(page)
        shot(page, f"funds-phone-{path}")
