"""A real browser against a real server: Debian's Chromium, driven by Playwright.

    @pytest.mark.browser
    def test_a_journey(page, live_server, world): ...

`page` is a phone of 390 px in Chinese; `desk_page` a screen of 1280 px. A message on the browser's console, a script error
or an answer of 5xx fails the test: nobody looks at consoles in a village.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from audit import clock
from tests.browser.helpers import CHROMIUM, DESK, PHONE
from tests.world import START

# Playwright runs an event loop in the test's thread, and Django then takes every query for a mistake.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(
            f"NO BROWSER TESTS: {CHROMIUM} is missing. Install it with: apt-get install chromium",
            allow_module_level=True,
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
        )
        yield browser
        browser.close()


@pytest.fixture
def business_day_everywhere(transactional_db: None) -> Iterator[None]:
    """The server answers in threads of its own, so the day stands in the database and not in the test's context."""
    clock.move_to(START)
    yield
    clock.move_to(None)


@pytest.fixture
def page(chromium: Any, live_server: Any, world: Any, business_day_everywhere: None) -> Iterator[Any]:
    yield from _page(chromium, PHONE, is_mobile=True, has_touch=True)


@pytest.fixture
def desk_page(chromium: Any, live_server: Any, world: Any, business_day_everywhere: None) -> Iterator[Any]:
    yield from _page(chromium, DESK)


def _page(chromium: Any, size: dict[str, int], **more: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport=size, locale="zh-CN", timezone_id="Asia/Shanghai", **more)
    context.set_default_timeout(10_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
    page.on("console", lambda said: complaints.append(f"console: {said.text}") if _is_complaint(said) else None)
    page.on(
        "response", lambda answer: complaints.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None
    )
    yield page
    context.close()
    assert not complaints, "\n".join(complaints)


def _is_complaint(said: Any) -> bool:
    """Chromium reports every answer of 4xx as an error, too: a refused form (422) is none, and 5xx is caught above."""
    return said.type == "error" and not said.text.startswith("Failed to load resource")
