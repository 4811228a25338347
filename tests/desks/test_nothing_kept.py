"""A page that somebody saw is not there for whoever sits at the machine next."""

import pytest
from django.test import Client

from tests.desks.test_township import login
from tests.world import World

PAGES = {
    "village_clerk": ("/village/", "/password/"),
    "township_clerk": ("/township/", "/township/find/?q=江", "/township/recusals/", "/imports/"),
    "county_reviewer": ("/county/", "/county/filed/"),
    "fund_manager": ("/funds/", "/funds/payments/", "/funds/batches/", "/funds/waiting/"),
    "auditor": ("/audit/", "/audit/reads/", "/audit/checkpoints/"),
    "sysadmin": ("/admin/staff/", "/admin/grants/"),
}


@pytest.mark.parametrize("role", PAGES)
def test_no_desk_is_kept_by_a_browser_or_a_proxy(world: World, role: str) -> None:
    client = login(Client(), world.staff[role])

    for page in PAGES[role]:
        answer = client.get(page)
        assert answer.status_code == 200, page
        assert {"no-store", "private"} <= set(answer["Cache-Control"].split(", ")), page


def test_who_is_not_logged_in_leaves_nothing_to_hide(db: None) -> None:
    for page in ("/help/", "/healthz"):
        assert "Cache-Control" not in Client().get(page), page
