"""The books of a quarter: what a fund was and is, a month closed by two persons, the bank's balance brought together with it."""

import datetime
from typing import Any

import pytest
from django.db import transaction

from tests.browser.helpers import assert_accessible, log_out, login_as, on_day, shot
from tests.funds import quarter
from tests.funds.test_bank_balance import an_account
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDTHS = (390, 1280)


def test_two_persons_close_a_month_and_bring_the_bank_together_with_the_books(
    desk_page: Any, live_server: Any, world: World
) -> None:
    page = desk_page
    with transaction.atomic():
        quarter.run(world)
        account = an_account(world)

    with on_day(datetime.date(2026, 7, 1)):
        login_as(page, live_server, "fund_manager")
        page.goto(f"{live_server.url}/funds/periods/statement/?of=fund:{world.fund.pk}&from=2026-04-01&to=2026-06-30")
        assert "1,182,000" in page.inner_text("main")
        both(page, "books-statement")
        page.click("a:has-text('+1,200,099')")
        both(page, "books-rows")
        page.click("nav[aria-label=更多页面] summary >> visible=true")
        page.click("nav[aria-label=更多页面] a:has-text('结账') >> visible=true")
        both(page, "books-months")
        page.click("text=2026 年 4 月")
        both(page, "books-month")
        page.goto(f"{live_server.url}/funds/periods/{world.county.pk}/2026/6/")
        both(page, "books-checklist")
        page.click("button:has-text('提出结账')")
        log_out(page)

        login_as(page, live_server, "fund_checker")
        page.goto(f"{live_server.url}/funds/periods/{world.county.pk}/2026/6/")
        both(page, "books-confirm")
        page.click("text=去核准")
        page.click("text=都对，核准记账")
        page.goto(f"{live_server.url}/funds/periods/{world.county.pk}/2026/6/")
        assert "月结单" in page.inner_text("h1")
        page.goto(f"{live_server.url}/funds/periods/{world.county.pk}/2026/")
        both(page, "books-year")
        log_out(page)

        login_as(page, live_server, "fund_manager")
        page.goto(f"{live_server.url}/funds/periods/bank/{account.pk}/state/")
        for part, value in (("year", "2026"), ("month", "4"), ("day", "30")):
            page.fill(f"[name=on_{part}]", value)
        page.fill("[name=balance_fen]", "997000")
        page.fill("[name=reference]", "2026-04 第 1 页")
        both(page, "bank-state")
        page.click("text=存好，下一步")
        page.check("input[value^=batch]")
        both(page, "bank-prepare")
        page.click("text=编好，看差多少")
        assert "对不上" not in page.inner_text("main")
        both(page, "bank-sheet")
        sheet = page.url
        log_out(page)

        login_as(page, live_server, "fund_checker")
        page.goto(sheet)
        page.click("text=都对，复核通过")
        assert "已复核" in page.inner_text("main")
        page.goto(f"{live_server.url}/funds/periods/bank/{account.pk}/")
        both(page, "bank-account")
        for path, name in (("periods/bank/", "bank-accounts"), ("periods/bank/ageing/", "bank-open")):
            page.goto(f"{live_server.url}/funds/{path}")
            both(page, name)


def both(page: Any, name: str) -> None:
    """No barrier at either width, and a picture of each."""
    assert_accessible(page, widths=WIDTHS)
    shot(page, name)
