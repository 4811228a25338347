"""A house that is paid for by progress: looked at, paid, suspended; what was served is written down and printed."""

from typing import Any

import pytest

from tests.browser.helpers import DESK, PHONE, assert_accessible, log_out, login_as, shot
from tests.casework.test_help_in_parts import PROGRESS, decided, paid_once
from tests.desks.test_case_page import photo
from tests.world import World, case_now

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDTHS = (390, 1280)


def both(page: Any, name: str) -> None:
    """Without barriers on a phone and on a desk, and a picture of each."""
    assert_accessible(page, widths=WIDTHS)
    for size in (PHONE, DESK):
        page.set_viewport_size(size)
        shot(page, f"{name}-{size['width']}")


def test_a_house_is_looked_at_paid_and_suspended(desk_page: Any, live_server: Any, world: World) -> None:
    page = desk_page
    case = decided(world, PROGRESS, amount_fen=1_000_000)  # above the first limit: the county confirms
    picture = photo().read()

    login_as(page, live_server, "village_clerk")
    page.goto(f"{live_server.url}/cases/{case.pk}/services/")
    page.fill("[name=what]", "上门帮工")
    page.fill("[name=minutes]", "240")
    page.fill("[name=amount_fen]", "180")
    page.fill("[name=signed_by]", "本人")
    page.click("text=记下来")
    both(page, "parts-services")
    page.click("text=这一家")
    both(page, "parts-service-sheet")

    log_out(page)
    login_as(page, live_server, "township_clerk")
    page.click("nav >> text=分期")
    both(page, "parts-list")
    page.click(f"text={case.head_name}")
    both(page, "parts-case-before")
    page.click("text=核查通过，可以付这一期")
    both(page, "parts-check")
    page.fill("[name=amount_fen]", "2500")
    page.fill("[name=reason]", "地基挖好，材料进了场。")
    page.set_input_files("[name=progress_photo]", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture})
    page.click("form .btn-go:has-text('核查通过')")
    assert "可以付了" in page.inner_text("main")
    paid_once(world, case, "one")
    page.goto(f"{live_server.url}/cases/{case.pk}/")
    both(page, "parts-case-between")
    page.goto(f"{live_server.url}/cases/{case.pk}/act/stop_payments/")
    both(page, "parts-stop")
    world.do(case_now(case), "suspend", "township_clerk", reason="屋主外出，暂时停工")

    log_out(page)
    login_as(page, live_server, "township_approver")
    page.goto(f"{live_server.url}/township/parts/?show=suspended")
    both(page, "parts-suspended")
    page.goto(f"{live_server.url}/cases/{case.pk}/")
    both(page, "parts-case-suspended")
    page.goto(f"{live_server.url}/township/review/{case.pk}/")
    assert_accessible(page, widths=WIDTHS)

    log_out(page)
    login_as(page, live_server, "sysadmin")
    page.goto(f"{live_server.url}/admin/programmes/housing_aid/draft/")
    both(page, "parts-rules")
