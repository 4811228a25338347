"""The header of the desks: its two menus can be read on a phone, one at a time, and nothing lies over anything else."""

from typing import Any

import pytest

from tests.browser.helpers import DESK, PHONE, login_as

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MENUS = "header details.menu"
_INSIDE = """menu => { const box = menu.getBoundingClientRect();
    return box.left >= 0 && box.right <= document.documentElement.clientWidth }"""
_OVERPRINTED = """() => {
    const words = [...document.querySelectorAll("header .site, header nav li > a, header summary, header .find, header .find-link")]
        .filter(e => e.offsetParent && !e.closest(".menu-pop")).map(e => [e.innerText, e.getBoundingClientRect()]);
    return words.flatMap(([one, a], n) => words.slice(n + 1)
        .filter(([_, b]) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
        .map(([other]) => one + " / " + other)) }"""


@pytest.mark.parametrize("role", ["township_clerk", "county_reviewer", "fund_manager"])
def test_the_menus_of_the_header_lie_inside_a_phone(desk_page: Any, live_server: Any, role: str) -> None:
    desk_page.set_viewport_size(PHONE)
    login_as(desk_page, live_server, role)

    for summary in desk_page.query_selector_all(f"{MENUS} > summary"):
        summary.click()
        assert desk_page.eval_on_selector(f"{MENUS}[open] .menu-pop", _INSIDE), summary.inner_text()


@pytest.mark.parametrize("width", [320, 390, 1030, 1280, 1440])
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_no_word_of_the_header_lies_over_another(desk_page: Any, live_server: Any, language: str, width: int) -> None:
    login_as(desk_page, live_server, "fund_manager")
    desk_page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    desk_page.set_viewport_size({**DESK, "width": width})

    for page in ("/funds/", "/funds/periods/", "/stock/"):  # the last two stand behind 更多
        desk_page.goto(live_server.url + page)
        assert desk_page.evaluate(_OVERPRINTED) == [], page


def test_one_menu_closes_the_other_and_escape_closes_both(desk_page: Any, live_server: Any) -> None:
    login_as(desk_page, live_server, "fund_manager")
    more, mine = desk_page.query_selector_all(f"{MENUS} > summary")

    more.click()
    mine.click()
    assert desk_page.locator(f"{MENUS}[open]").count() == 1

    desk_page.keyboard.press("Escape")
    assert desk_page.locator(f"{MENUS}[open]").count() == 0
    assert desk_page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_a_phone_reaches_the_search(desk_page: Any, live_server: Any) -> None:
    desk_page.set_viewport_size(PHONE)
    login_as(desk_page, live_server, "fund_manager")

    desk_page.click("header .find-link")

    assert desk_page.url.endswith("/funds/payments/") and desk_page.is_visible("main input[name=q]")
