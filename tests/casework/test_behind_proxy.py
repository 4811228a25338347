"""Behind the proxy everybody keeps an address of her own: in the access log, and where one address may not flood the board."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from casework.http import BehindProxy


def seen_address(told: str) -> str:
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=told)
    BehindProxy(lambda _request: HttpResponse())(request)
    return request.META["REMOTE_ADDR"]


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),  # the first is what the browser claims
        ("2001:db8::7", "2001:db8::7"),
        ("nonsense", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_the_proxys_word_counts_and_nobody_elses(told: str, address: str) -> None:
    assert seen_address(told) == address


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("192.0.2.66, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("203.0.113.7,10.0.0.2", "203.0.113.7"),
        ("203.0.113.7", "10.0.0.1"),  # it did not come through both
    ],
)
def test_behind_two_proxies_the_outer_ones_word_counts(settings: Any, told: str, address: str) -> None:
    settings.PROXIES = 2

    assert seen_address(told) == address
