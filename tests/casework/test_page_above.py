"""An address that only takes a form leads whoever looks at it to the page above, never to a browser's bare refusal."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver, resolve

from tests.desks.test_township import login
from tests.world import World

PLACES = re.compile(r"<(?:(\w+):)?\w+>")


def addresses(resolver: Any, before: str = "/") -> Iterator[str]:
    """Every address of ours, with 1 for its numbers and a word for its words."""
    for entry in resolver.url_patterns:
        address = before + PLACES.sub(lambda place: "1" if place[1] == "int" else "word", str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from addresses(entry, address)
        else:
            yield address


@pytest.mark.parametrize("role", ["", "township_clerk", "fund_manager", "cashier", "auditor", "sysadmin"])
def test_no_address_answers_a_reader_with_a_bare_refusal_of_her_browser(world: World, role: str) -> None:
    client = login(Client(), world.staff[role]) if role else Client()
    found = list(addresses(get_resolver()))

    answers = {address: client.get(address).status_code for address in found}

    assert len(found) > 200
    assert not [address for address, status in answers.items() if status == 405]


@pytest.mark.parametrize(
    ("asked", "page"),
    [
        ("/funds/batches/7/check/?next=x", "/funds/batches/7/"),
        ("/funds/batches/7/release/", "/funds/batches/7/"),
        ("/stock/2/count/", "/stock/2/"),
        ("/rosters/1/pay/", "/rosters/1/"),
        ("/funds/imprest/3/refill/", "/funds/imprest/3/"),
        ("/logout/", "/"),
    ],
)
def test_the_page_above_is_the_nearest_that_there_is(world: World, asked: str, page: str) -> None:
    answer = login(Client(), world.fund_manager).get(asked)

    assert (answer.status_code, answer["Location"]) == (302, page)
    assert resolve(page)


def test_after_a_refused_form_the_language_changes_on_the_page_above(world: World) -> None:
    client = login(Client(), world.fund_manager)

    answer = client.post("/preferences/", {"language": "en", "next": "/rosters/1/pay/"}, follow=True)

    assert [address for address, _status in answer.redirect_chain] == ["/rosters/1/pay/", "/rosters/1/"]
    assert answer.headers["Content-Language"] == "en"


def test_a_page_that_only_reads_still_refuses_to_be_written_to(world: World) -> None:
    assert login(Client(), world.fund_manager).post("/help/").status_code == 405
