"""Behind the proxy everybody keeps an address of her own: in the access log, and where one address may not flood the board."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from casework.http import BehindProxy


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
    seen: list[str] = []

    def page(request: HttpRequest) -> HttpResponse:
        seen.append(request.META["REMOTE_ADDR"])
        return HttpResponse()

    BehindProxy(page)(RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=told))

    assert seen == [address]
