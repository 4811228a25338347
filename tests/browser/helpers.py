"""What every desk's journey needs: log in, look for barriers, take a picture. See tests/browser/conftest.py for `page`."""

import contextlib
import datetime
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from audit import clock

PASSWORD = "a-long-password-1"  # of every account of tests.world
CHROMIUM = Path("/usr/bin/chromium")
PICTURES = Path(__file__).resolve().parents[2] / "test-results"
AXE = Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js"

PHONE = {"width": 390, "height": 844}
SMALL_PHONE = {"width": 320, "height": 640}
DESK = {"width": 1280, "height": 900}


def login_as(page: Any, live_server: Any, username: str, password: str = PASSWORD) -> None:
    """Through the login page, as she would; ends on her desk's home."""
    page.goto(f"{live_server.url}/login/")
    page.fill("input[name=username]:visible", username)
    page.fill("input[name=password]:visible", password)
    page.click("main form .btn-go")
    assert "/login/" not in page.url, f"{username} could not log in: {page.inner_text('main')[:300]}"


def log_out(page: Any) -> None:
    page.context.clear_cookies()


@contextlib.contextmanager
def on_day(date: datetime.date) -> Iterator[None]:
    """Move the business date for the server and for the test itself."""
    before = clock.today()
    clock.move_to(date)
    with clock.frozen_at(date):
        yield
    clock.move_to(before)


def assert_accessible(page: Any, *, widths: tuple[int, ...] = ()) -> None:
    """axe finds nothing serious or critical, and nothing scrolls sideways; at the present width or at each of `widths`."""
    page.wait_for_load_state("load")  # a click comes back as soon as the next page begins
    before = page.viewport_size
    for width in widths or (before["width"],):
        page.set_viewport_size({"width": width, "height": before["height"]})
        _no_sideways_scrolling(page, width)
        _no_barriers(page, width)
    page.set_viewport_size(before)


def _no_sideways_scrolling(page: Any, width: int) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"{page.url} is {wide} px wide on a screen of {width} px"


@cache
def _axe() -> str:
    return AXE.read_text(encoding="utf-8")


def _no_barriers(page: Any, width: int) -> None:
    """The script comes in through evaluate, because the pages' policy lets no foreign script in."""
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(_axe())
    found = page.evaluate(
        """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
           .filter(v => v.impact === "serious" || v.impact === "critical")
           .map(v => ({id: v.id, impact: v.impact, help: v.help,
                       nodes: v.nodes.slice(0, 4).map(n => n.html.slice(0, 200) + " // " + n.failureSummary)}))"""
    )
    assert not found, f"{page.url} at {width} px:\n{json.dumps(found, ensure_ascii=False, indent=1)}"


def shot(page: Any, name: str, *, full: bool = True) -> Path:
    """A picture of the page under test-results/ (not kept in the repository)."""
    PICTURES.mkdir(exist_ok=True)
    path = PICTURES / f"{re.sub(r'[^a-z0-9-]+', '-', name.lower())}.png"
    page.screenshot(path=str(path), full_page=full)
    return path
