"""Every base template and component in a real browser: barriers, targets, focus, weight."""

from typing import Any

import pytest

from tests.browser.helpers import assert_accessible

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = [
    *["/login/", "/help/", "/preferences/", "/style/"],
    *[f"/style/{frame}/" for frame in ("phone", "form", "desk", "desk3", "public", "403", "404", "500", "locked")],
]
LOOKS = {"standard": {}, "large": {"look_text": "large"}, "high": {"look_contrast": "high"}}

_SMALL_TARGETS = """least => [...document.querySelectorAll("a.btn, button, .cell, .tabbar a, .card-a label, .input, .select, summary")]
    .filter(e => e.offsetParent).map(e => [e.outerHTML.slice(0, 90), e.getBoundingClientRect().height])
    .filter(([_, height]) => height < least - 0.5)"""


@pytest.fixture
def show(page: Any, live_server: Any, settings: Any) -> Any:
    """Opens a page in one look and language."""
    settings.DEMO = True

    def show(path: str, *, look: str = "standard", language: str = "zh-hans") -> Any:
        page.context.clear_cookies()
        cookies = LOOKS[look] | {"django_language": language}
        page.context.add_cookies([{"name": n, "value": v, "url": live_server.url} for n, v in cookies.items()])
        page.goto(live_server.url + path)
        return page

    return show


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("look", LOOKS)
def test_no_component_is_a_barrier_in_any_look(show: Any, look: str, language: str) -> None:
    for path in PAGES:
        assert_accessible(show(path, look=look, language=language), widths=(320, 390, 1280))


@pytest.mark.parametrize(("look", "least"), [("standard", 48), ("large", 60)])
def test_what_is_touched_on_a_phone_is_big_enough(show: Any, look: str, least: int) -> None:
    small = {}
    for path in ("/style/phone/", "/style/form/", "/login/", "/preferences/"):
        if found := show(path, look=look).evaluate(_SMALL_TARGETS, least):
            small[path] = found

    assert small == {}


def test_the_keyboard_reaches_the_content_at_once(show: Any) -> None:
    page = show("/style/desk/")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.url.endswith("#main")


def test_a_form_with_mistakes_takes_the_reader_to_them(show: Any) -> None:
    page = show("/style/form/")

    page.click("button.btn-go")

    assert page.title().startswith("错误：")
    assert page.evaluate("document.activeElement.className") == "errors"


def test_a_village_page_stays_light(show: Any) -> None:
    sizes = show("/style/phone/").evaluate(
        """[...performance.getEntriesByType("resource"), ...performance.getEntriesByType("navigation")]
           .map(entry => entry.encodedBodySize)"""
    )

    assert len(sizes) <= 6
    assert sum(sizes) <= 60 * 1024
