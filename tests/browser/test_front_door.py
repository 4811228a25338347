"""The way in, in a real browser."""

from typing import Any

import pytest

from tests.browser.helpers import assert_accessible, login_as, shot
from tests.world import World

pytestmark = pytest.mark.browser


def test_everybody_finds_the_way_in(page: Any, live_server: Any, world: World) -> None:
    page.goto(f"{live_server.url}/login/")
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "login")

    login_as(page, live_server, "village_clerk")

    assert page.is_visible("h1")
    assert_accessible(page)
