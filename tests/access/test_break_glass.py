"""Emergency access: one unit, one hour, read-only, seen at once, reviewed by somebody else."""

import datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from access import break_glass
from access import services as access
from access.errors import BadBreakGlass
from access.models import BreakGlass
from audit import clock
from audit.models import AccessLog
from casework.models import Case
from tests.access.test_factor import code_of, enrolled
from tests.access.test_second_administrator import refused
from tests.desks.test_township import login
from tests.world import START, World, case_now, make_staff

PASSWORD = "a-long-password-1"
WHY = "山洪冲了路，要找到这几家的老人转移"


@pytest.fixture
def stranger(world: World) -> Client:
    """The clerk of the other village: she sees nothing of this one."""
    return login(Client(), world.other_clerk)


def begin(client: Client, world: World, **more: str) -> Any:
    sent = {"unit": world.village.code, "reason": WHY, "password": PASSWORD}
    return client.post("/emergency/begin/", sent | more)


def test_it_opens_the_units_cases_to_look_at(world: World, stranger: Client) -> None:
    case = world.brought_to("township_review")
    assert stranger.get(f"/cases/{case.pk}/").status_code == 404

    answer = begin(stranger, world)

    assert answer.url == "/emergency/look/"
    assert case.head_name in stranger.get("/emergency/look/").text
    assert case.head_name in stranger.get("/emergency/look/", {"q": case.head_name}).text
    assert stranger.get(f"/cases/{case.pk}/").status_code == 200
    assert stranger.get(f"/families/{case.household_id}/").status_code == 200
    assert stranger.get(f"/cases/{case.pk}/survey/").status_code == 200


def test_the_rest_stays_closed(world: World, stranger: Client) -> None:
    case = world.brought_to("township_review")
    begin(stranger, world)

    assert stranger.get(f"/cases/{case.pk}/account/").status_code == 403
    person = case.household.head_id
    assert stranger.get(f"/families/{case.household_id}/people/{person}/").status_code == 403
    document = case.papers.first().document_id
    assert stranger.get(f"/documents/{document}/").status_code in (403, 404)
    assert "1200000" not in stranger.get(f"/cases/{case.pk}/survey/").text


def test_without_password_or_reason_nothing_opens(world: World, stranger: Client) -> None:
    case = world.open()

    begin(stranger, world, password="x")
    begin(stranger, world, reason="想看看")
    begin(stranger, world, unit="没有")

    assert not BreakGlass.objects.exists()
    assert stranger.get(f"/cases/{case.pk}/").status_code == 404


def test_with_the_factor_on_it_takes_a_code(world: World, stranger: Client, settings: Any) -> None:
    settings.SECOND_FACTOR = True
    enrolled(world.other_clerk)

    begin(stranger, world)
    assert not BreakGlass.objects.exists()
    begin(stranger, world, code=code_of(world.other_clerk))
    assert BreakGlass.objects.get().confirmed_with == "code"


def test_every_page_is_an_event_marked_as_such(world: World, stranger: Client) -> None:
    case = world.open()
    begin(stranger, world)
    stranger.get(f"/cases/{case.pk}/")
    stranger.get("/village/")

    rows = AccessLog.objects.filter(kind="emergency", actor_id=world.other_clerk.pk).order_by("id")
    assert [(row.subject, row.fields) for row in rows] == [
        (f"unit:{world.village.pk}", "begin"),
        (f"case:{case.pk}", f"/cases/{case.pk}/"),
        (f"unit:{world.village.pk}", "/village/"),
    ]
    assert {row.reason for row in rows} == {WHY}
    auditor = login(Client(), world.auditor)
    assert "紧急查看" in auditor.get(f"/audit/cases/{case.pk}/").text


def test_the_pages_are_told_in_words_to_reviewer_and_auditor(world: World, stranger: Client) -> None:
    case = world.open()
    begin(stranger, world)
    for path in ("/emergency/look/", f"/cases/{case.pk}/", "/village/", "/funds/nothing-there/x/"):
        stranger.get(path)
    row = BreakGlass.objects.get()

    reviewed = login(Client(), world.township_approver).get(f"/emergency/{row.pk}/")
    looks = [(look["subject"], look["page"]) for look in reviewed.context["looks"]]
    assert looks[:4] == [
        (world.village.name, ""),
        (world.village.name, "那里的个案名单"),
        (case.case_no, "个案"),
        (world.village.name, "今天要做的事"),
    ]
    assert "/emergency/look/<" not in reviewed.text

    reads = login(Client(), world.auditor).get("/audit/reads/").context["rows"]
    told = [(read["words"], read["subject"]) for read in reads]
    assert ("紧急查看：那里的个案名单", f"地方 {world.village.name}") in told
    assert ("紧急查看：个案", f"个案 {case.case_no}") in told


def test_no_event_no_page(world: World, stranger: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    case = world.open()
    begin(stranger, world)

    def fails(**row: Any) -> None:
        raise DatabaseError("the log is full")

    monkeypatch.setattr(break_glass, "record_access", fails)
    with pytest.raises(DatabaseError):
        stranger.get(f"/cases/{case.pk}/")


# ---------------------------------------------------------------- nothing is written


def test_whatever_is_sent_is_refused(world: World, stranger: Client) -> None:
    mine = world.open()
    begin(stranger, world)

    answer = stranger.post(f"/cases/{mine.pk}/act/triage/", {"key": "k"})

    assert answer.status_code == 403 and "只能看" in answer.text
    assert case_now(mine).state == "lead"


def test_postgresql_refuses_a_page_that_writes_while_it_is_read(
    world: World, stranger: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that writes on GET, whatever Python thought of it."""
    from casework.desks.emergency import looking

    case = world.open()
    begin(stranger, world)

    def writes(user: Any) -> Any:
        Case.objects.filter(pk=case.pk).update(head_name="x")
        raise AssertionError("it was written")

    monkeypatch.setattr(looking, "cases_in_reach", writes)
    answer = stranger.get("/emergency/look/")

    assert answer.status_code == 403 and "打不开" in answer.text
    assert case_now(case).head_name != "x"
    assert AccessLog.objects.filter(fields="/emergency/look/").count() == 1  # the event outlived the page


def test_outside_of_the_mode_the_same_request_writes(world: World) -> None:
    client = login(Client(), world.village_clerk)
    case = world.open()
    client.get(f"/cases/{case.pk}/")

    assert not AccessLog.objects.filter(kind="emergency").exists()


# ---------------------------------------------------------------- its end


def test_it_ends_after_an_hour_with_leaving_and_with_the_session(
    world: World, stranger: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = world.open()
    begin(stranger, world)
    stranger.post("/emergency/leave/")
    assert stranger.get(f"/cases/{case.pk}/").status_code == 404
    assert BreakGlass.objects.get().closed_at

    begin(stranger, world)
    assert login(Client(), world.other_clerk).get(f"/cases/{case.pk}/").status_code == 404  # another session
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + datetime.timedelta(minutes=59))
    assert stranger.get(f"/cases/{case.pk}/").status_code == 200
    monkeypatch.setattr(timezone, "now", lambda: real() + datetime.timedelta(minutes=61))
    assert stranger.get(f"/cases/{case.pk}/").status_code == 404


def test_administrators_people_without_cases_and_other_counties_cannot(world: World) -> None:
    for staff in (world.sysadmin, make_staff("nobody", "x")):
        assert begin(login(Client(), staff), world).status_code == 403
    clerk = login(Client(), world.village_clerk)
    assert "本来就归你看" in begin(clerk, world).text
    assert not BreakGlass.objects.exists()


def test_three_times_a_day_and_no_more(world: World, stranger: Client) -> None:
    for _n in range(break_glass.MOST_A_DAY):
        begin(stranger, world)
        stranger.post("/emergency/leave/")

    assert "一天最多" in begin(stranger, world).text
    assert BreakGlass.objects.count() == 3


def test_pressed_twice_it_is_one_of_the_three(world: World, stranger: Client) -> None:
    for tab in (stranger, login(Client(), world.other_clerk)):  # sent before the first answer came
        assert begin(tab, world).url == "/emergency/look/"
    assert BreakGlass.objects.count() == AccessLog.objects.filter(kind="emergency", fields="begin").count() == 1
    stranger.post("/emergency/leave/")

    assert begin(stranger, world).url == "/emergency/look/" and BreakGlass.objects.count() == 2, "left, and begun anew"


# ---------------------------------------------------------------- seen and reviewed


@pytest.mark.parametrize("role", ["township_approver", "county_reviewer", "county_approver", "auditor"])
def test_supervisors_and_auditors_are_told_at_once_on_their_next_page(
    world: World, stranger: Client, role: str
) -> None:
    client = login(Client(), world.staff[role])
    home = {"township_approver": "/township/", "auditor": "/audit/"}.get(role, "/county/")
    assert "有人紧急查看过" not in client.get(home).text

    begin(stranger, world)

    page = client.get(home).text
    assert "有人紧急查看过你们这里的个案" in page and "1 次等复核" in page
    assert WHY in client.get("/emergency/").text


def test_somebody_else_reviews_it_and_the_todo_is_gone(world: World, stranger: Client) -> None:
    begin(stranger, world)
    row = BreakGlass.objects.get()
    approver = login(Client(), world.township_approver)
    assert row.review_due_on == START + datetime.timedelta(days=3)

    assert approver.get(f"/emergency/{row.pk}/").context["form"]
    approver.post(f"/emergency/{row.pk}/", {"verdict": "proper", "words": "打电话核实过，确有山洪"})

    row.refresh_from_db()
    assert (row.verdict, row.reviewed_by) == ("proper", world.township_approver)
    assert not break_glass.to_review(world.auditor).exists()
    assert row.history.latest("history_id").history_user_id == world.township_approver.pk


def test_neither_she_nor_her_stand_in_nor_a_stranger_reviews(world: World) -> None:
    """An approver of another place who looked herself, and whoever stands in for her."""
    client = login(Client(), world.other_clerk)
    begin(client, world)
    row = BreakGlass.objects.get()
    twin = make_staff("twin", "x", world.other_clerk.person_key)
    access.appoint(twin, "township_approver", world.township, by=None)

    for person in (world.other_clerk, twin, world.village_clerk, world.cashier):
        with pytest.raises(BadBreakGlass):
            break_glass.review(row, by=person, verdict="proper", words="没问题")
    assert login(Client(), world.village_clerk).get(f"/emergency/{row.pk}/").status_code == 404


def test_a_late_review_is_marked(world: World, stranger: Client) -> None:
    begin(stranger, world)
    auditor = login(Client(), world.auditor)

    with clock.frozen_at(START + datetime.timedelta(days=3)):
        assert "复核超期" not in auditor.get("/emergency/").text
    with clock.frozen_at(START + datetime.timedelta(days=4)):
        assert "复核超期" in auditor.get("/emergency/").text


# ---------------------------------------------------------------- PostgreSQL itself


def test_the_database_keeps_the_hour_and_the_two_persons(world: World, stranger: Client) -> None:
    begin(stranger, world)
    pk = BreakGlass.objects.get().pk
    reviewed = "UPDATE access_breakglass SET verdict = 'proper', review_words = 'x', reviewed_at = now()"
    her = f"reviewed_by_id = {world.other_clerk.pk}, reviewer_person_key = '{world.other_clerk.person_key}'"

    refused(
        f"UPDATE access_breakglass SET ends_at = ends_at + interval '1 hour' WHERE id = {pk}", "glass_stays_as_it_was"
    )
    refused(f"UPDATE access_breakglass SET reason = 'x' WHERE id = {pk}", "glass_stays_as_it_was")
    refused(f"{reviewed}, {her}", "glass_reviewed_by_another")
    lie = f"reviewed_by_id = {world.other_clerk.pk}, reviewer_person_key = 'somebody else'"
    refused(f"{reviewed}, {lie}", "glass_names_its_persons")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM access_breakglass")
