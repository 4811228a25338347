"""Guessing at the door: by account and by address, and the village's shared address stays open."""

from typing import Any

import pytest
from django.test import Client

from access import guessing
from tests.world import World, make_staff

PASSWORD = "a-long-password-1"
VILLAGE, ELSEWHERE = "10.1.1.1", "203.0.113.7"


def try_(username: str, password: str = "x", address: str = VILLAGE) -> Any:
    return Client(REMOTE_ADDR=address).post("/login/", {"username": username, "password": password})


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guessing, "MOST_OF_ONE_ACCOUNT", 6)
    monkeypatch.setattr(guessing, "MOST_ACCOUNTS_FROM_ONE_ADDRESS", 4)


def test_one_persons_slips_shut_nobody_else_out(world: World, few: None) -> None:
    for _slip in range(20):
        try_("village_clerk")

    for neighbour in ("village_head", "resident_cadre", "other_clerk"):
        assert try_(neighbour, PASSWORD).status_code == 302


def test_an_account_tried_from_everywhere_is_shut_where_it_was_never_used(world: World, few: None) -> None:
    assert try_("cashier", PASSWORD).status_code == 302  # at her desk, as always
    for n in range(6):
        try_("cashier", address=f"203.0.113.{n}")

    assert try_("cashier", PASSWORD, address="203.0.113.99").status_code == 429
    assert try_("Cashier ", PASSWORD, address="203.0.113.99").status_code == 429
    assert try_("cashier", PASSWORD).status_code == 302


def test_an_address_that_tries_many_accounts_is_shut_for_those_it_never_knew(world: World, few: None) -> None:
    assert try_("village_clerk", PASSWORD).status_code == 302
    for n in range(4):
        try_(f"guess{n}")

    shut = try_("cashier", PASSWORD)
    assert shut.status_code == 429 and "一个小时" in shut.text
    assert try_("village_clerk", PASSWORD).status_code == 302  # she comes from here every day
    assert try_("cashier", PASSWORD, address=ELSEWHERE).status_code == 302


def test_a_shut_door_says_nothing_about_the_password(world: World, few: None) -> None:
    for n in range(4):
        try_(f"guess{n}")

    assert try_("cashier", PASSWORD).text.replace("cashier", "") == try_("nobody").text.replace("nobody", "")


def test_the_counts_are_in_the_database_and_name_nobody(world: World) -> None:
    from access.models import Rate

    make_staff("13912345678", "x")
    try_("13912345678")

    assert Rate.objects.count() == 3
    assert not any("139" in row.key and "13912345678" in row.key for row in Rate.objects.all())
