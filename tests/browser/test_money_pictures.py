"""The pictures of money in a real browser: no barrier at any width, and a mark is a link for the keyboard, too."""

from typing import Any

import pytest

from tests.browser.helpers import assert_accessible, login_as
from tests.desks.test_money_pictures import a_busy_year  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PAGES = ["", "pace/", "ageing/", "entries/"]


def test_no_picture_is_a_barrier_at_any_width(desk_page: Any, live_server: Any, a_busy_year: Any) -> None:  # noqa: F811
    login_as(desk_page, live_server, "fund_manager")

    for name in PAGES:
        desk_page.goto(f"{live_server.url}/funds/pictures/{name}")
        if desk_page.locator("details.twin").count():
            desk_page.click("details.twin summary")
        assert_accessible(desk_page, widths=(320, 390, 1280))


def test_the_keyboard_opens_a_mark_and_finds_its_sum(desk_page: Any, live_server: Any, a_busy_year: Any) -> None:  # noqa: F811
    page = desk_page
    login_as(page, live_server, "fund_manager")
    page.goto(f"{live_server.url}/funds/pictures/")
    mark = page.locator(".pic-wide a.node.held")

    mark.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/entries/**")

    assert "figure=committed" in page.url
    assert "3,633.50" in page.inner_text(".page-head")


def test_one_of_two_drawings_is_there_for_each_width(desk_page: Any, live_server: Any, a_busy_year: Any) -> None:  # noqa: F811
    page = desk_page
    login_as(page, live_server, "fund_manager")
    page.goto(f"{live_server.url}/funds/pictures/")

    for width, shown in ((390, ".pic-narrow"), (1280, ".pic-wide")):
        page.set_viewport_size({"width": width, "height": 900})
        assert [e.get_attribute("class") for e in page.locator("svg.pic").all() if e.is_visible()] == [
            f"pic {shown[1:]}"
        ]
        for words in page.locator(f"{shown} text").all():
            box, frame = words.bounding_box(), page.locator(shown).bounding_box()
            assert frame["x"] - 1 <= box["x"] and box["x"] + box["width"] <= frame["x"] + frame["width"] + 1
