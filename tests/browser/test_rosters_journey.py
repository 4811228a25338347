"""A festival list from its frame to the money, on a desk's screen and on a phone."""

import datetime
from typing import Any

import pytest

from casework.models import Roster
from tests.browser.helpers import assert_accessible, log_out, login_as, on_day, shot
from tests.casework.test_rosters import money
from tests.world import START, World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDTHS = (390, 1280)


def seen(page: Any, name: str) -> None:
    """No barriers at both widths, and a picture of each."""
    assert_accessible(page, widths=WIDTHS)
    before = page.viewport_size
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        shot(page, f"rosters-{name}-{width}")
    page.set_viewport_size(before)


def test_a_festival_list_is_made_approved_and_listed(desk_page: Any, live_server: Any, world: World) -> None:
    page = desk_page
    money(world)
    for _n in range(4):
        world.household()

    login_as(page, live_server, "township_clerk")
    page.click("nav[aria-label=更多页面] summary >> visible=true")
    page.click("nav[aria-label=更多页面] a:has-text('名册') >> visible=true")
    seen(page, "empty")
    page.click("text=新建名册")
    seen(page, "new")
    page.fill("[name=title]", "2026 年春节走访慰问名册")
    page.fill("[name=amount_fen]", "300")
    page.fill("[name=severe_fen]", "500")
    page.check("[name=channel][value=bank]", force=True)
    page.click("text=建好，下一步加人")
    seen(page, "fill")
    page.click("main form .btn-go")
    assert "壹仟贰佰元整" in page.inner_text("main")
    seen(page, "draft")
    page.click("a.btn:has-text('张榜公示')")
    page.fill("[name=place]", "各村村务公开栏")
    page.click("main form .btn-go")
    roster = Roster.objects.get()
    page.goto(f"{live_server.url}/rosters/{roster.pk}/print/")
    seen(page, "printed")

    with on_day(START + datetime.timedelta(days=5)):
        log_out(page)
        login_as(page, live_server, "township_approver")
        page.goto(f"{live_server.url}/rosters/{roster.pk}/")
        page.click("a.btn:has-text('批准名册')")
        seen(page, "approve")
        page.click("main form .btn-go")
        log_out(page)
        login_as(page, live_server, "fund_manager")
        page.goto(f"{live_server.url}/rosters/{roster.pk}/")
        seen(page, "approved")
        page.click("button:has-text('列成一批')")
        assert "等复核" in page.inner_text(".turn")
        seen(page, "batch")
