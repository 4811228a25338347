"""A session ends at once when what it may do changes, by itself when it is left alone, and elsewhere when its owner says so."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from access import approvals, confirmed, sessions
from access import services as access
from access.models import SignIn, Staff
from audit import clock
from tests.access.test_factor import enrolled
from tests.desks.test_township import login
from tests.world import START, World, make_staff

PASSWORD = "a-long-password-1"


def is_in(client: Client) -> bool:
    return client.get("/preferences/").context["user"].is_authenticated


def lend(world: World, to: Staff, until: datetime.date = START) -> Any:
    post = world.village_clerk.appointments.get()
    more = {"valid_from": START, "valid_to": until, "reason": "休假", "approved_by": world.village_head}
    return approvals.approve(access.delegate(post, to, by=world.sysadmin, **more), by=world.village_head)


CHANGES: dict[str, Callable[[World], Any]] = {
    "a post": lambda world: access.appoint(world.township_clerk, "resident_cadre", world.village, by=world.sysadmin),
    "the end of a post": lambda world: access.end_appointment(
        world.township_clerk.appointments.get(), on=START, by=world.sysadmin, reason="调走"
    ),
    "a delegation": lambda world: lend(world, world.township_clerk),
    "closing": lambda world: access.deactivate_staff(world.township_clerk, by=world.sysadmin, reason="调走"),
    "a new password": lambda world: access.reset_password(world.township_clerk, by=world.sysadmin),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_somebodys_rights_ends_her_sessions_at_once_and_nobody_elses(world: World, change: str) -> None:
    hers, at_home, other = (login(Client(), who) for who in (world.township_clerk, world.township_clerk, world.cashier))
    assert is_in(hers) and is_in(at_home)

    CHANGES[change](world)

    assert not is_in(hers) and not is_in(at_home)
    assert is_in(other)
    reason = world.township_clerk.history.latest("history_id").history_change_reason
    assert reason.startswith("end_sessions: ")


def test_a_post_that_waits_ends_nothing_and_its_confirmation_does(world: World) -> None:
    new = make_staff("new", "x")
    client = login(Client(), new)
    post = access.appoint(new, "cashier", world.county, by=world.sysadmin)
    assert is_in(client)

    confirmed.confirm(post, by=world.sysadmin_2)
    assert not is_in(client)


def test_a_factor_reset_ends_the_sessions(world: World) -> None:
    enrolled(world.cashier)
    client = login(Client(), world.cashier)
    confirmed.confirm_reset(
        confirmed.ask_reset(world.cashier, "factor", by=world.sysadmin, reason="丢了"), by=world.sysadmin_2
    )

    assert not is_in(client)


def test_a_delegation_ends_by_hand_or_with_its_last_day(world: World) -> None:
    lent = lend(world, world.township_clerk, START + datetime.timedelta(days=3))
    client = login(Client(), Staff.objects.get(pk=world.township_clerk.pk))
    access.end_delegation(lent, by=world.sysadmin)
    assert not is_in(client)

    lend(world, world.township_clerk)
    client = login(Client(), Staff.objects.get(pk=world.township_clerk.pk))
    with clock.frozen_at(START + datetime.timedelta(days=1)):
        assert is_in(client)
        assert access.sync_posts() == 1 and access.sync_posts() == 0
        assert not is_in(client)


def test_the_new_password_of_her_own_keeps_her_here_and_ends_the_others(world: World) -> None:
    here, elsewhere = Client(), login(Client(), world.village_clerk)
    here.post("/login/", {"username": "village_clerk", "password": PASSWORD})
    new = {"old_password": PASSWORD, "new_password1": "柳树下面有三只鸭子呢", "new_password2": "柳树下面有三只鸭子呢"}
    here.post("/password/", new)

    assert is_in(here) and not is_in(elsewhere)
    assert sessions.open_sign_ins(world.village_clerk).count() == 1


# ---------------------------------------------------------------- limits


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Minutes from now."""
    real = timezone.now

    def move(minutes: int) -> None:
        monkeypatch.setattr(timezone, "now", lambda: real() + datetime.timedelta(minutes=minutes))

    return move


def test_left_alone_for_an_hour_it_is_over(world: World, later: Any) -> None:
    client = login(Client(), world.cashier)
    later(59)
    assert is_in(client)
    later(118)
    assert is_in(client)  # she was there in between
    later(180)
    answer = client.get("/funds/waiting/")

    assert answer.url == "/login/?next=/funds/waiting/"
    assert "已经自动退出" in client.get(answer.url).text


def test_after_twelve_hours_it_is_over_in_any_case(world: World, later: Any) -> None:
    client = login(Client(), world.cashier)
    for minutes in range(50, 12 * 60, 50):
        later(minutes)
        assert is_in(client)
    later(12 * 60 + 1)

    assert client.get("/preferences/").status_code == 302


def test_looking_around_writes_at_most_once_a_minute(world: World, django_assert_num_queries: Any, later: Any) -> None:
    client = login(Client(), world.cashier)
    client.get("/preferences/")
    before = SignIn.objects.get().seen_at
    client.get("/preferences/")
    assert SignIn.objects.get().seen_at == before
    later(2)
    client.get("/preferences/")
    assert SignIn.objects.get().seen_at > before


# ---------------------------------------------------------------- elsewhere


def test_she_sees_where_she_is_signed_in_and_ends_the_others(world: World) -> None:
    here = login(Client(), world.cashier)
    elsewhere = Client(HTTP_USER_AGENT="Mozilla/5.0 (Linux; Android 9) Mobile")
    elsewhere.post("/login/", {"username": "cashier", "password": PASSWORD})
    login(Client(), world.auditor)

    page = here.get("/account/places/")
    assert [row["is_here"] for row in page.context["rows"]].count(True) == 1 and len(page.context["rows"]) == 2
    assert "安卓手机" in page.text and "这一台" in page.text
    here.post("/account/places/")

    assert is_in(here) and not is_in(elsewhere)
    assert len(here.get("/account/places/").context["rows"]) == 1


def test_signing_out_takes_it_off_the_list(world: World) -> None:
    client = login(Client(), world.cashier)
    client.post("/logout/")

    assert not sessions.open_sign_ins(world.cashier).exists()


def test_what_nobody_asks_for_any_more_is_forgotten(world: World, later: Any) -> None:
    login(Client(), world.cashier)
    assert sessions.forget_old() == 0
    later(91 * 24 * 60)
    assert sessions.forget_old() == 1 and not SignIn.objects.exists()
