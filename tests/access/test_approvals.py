"""What somebody is said to have approved gives no right until she has said so herself, once; and nobody says it for her."""

import datetime
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from access import approvals, confirmed, reach
from access import services as access
from access.errors import BadAppointment
from access.models import Delegation, Grant, Staff
from access.scope import grants_in_force, posts_of
from audit import clock
from casework.models import Case
from casework.queries import cases_in_reach
from tests.desks.test_township import login
from tests.grants import granted
from tests.owner import owner
from tests.world import START, World, make_staff

pytestmark = pytest.mark.django_db
SOON = START + datetime.timedelta(days=5)


def fresh(staff: Staff) -> Staff:
    return Staff.objects.get(pk=staff.pk)


def given(world: World, case: Case, **more: Any) -> Grant:
    facts = {"until": SOON, "reason": "协助核查", "approved_by": world.county_approver, "by": world.sysadmin} | more
    return access.grant(world.other_clerk, "view_case", case, **facts)


def lent(world: World, **more: Any) -> Delegation:
    """A post that money does not pass."""
    facts = {"valid_from": START, "valid_to": SOON, "reason": "休假", "by": world.sysadmin} | more
    facts.setdefault("approved_by", world.township_approver)
    return access.delegate(world.village_head.appointments.get(), world.other_clerk, **facts)


def sees(world: World, case: Case) -> bool:
    """By the lists of the program, and by row-level security with the lists taken away."""
    who = fresh(world.other_clerk)
    listed = cases_in_reach(who).filter(pk=case.pk).exists()
    with reach.only(reach.of(who)):
        shown = Case.objects.filter(pk=case.pk).exists()
    assert listed == shown
    return listed


# ---------------------------------------------------------------- grants


def test_a_grant_opens_nothing_until_its_approver_has_confirmed_it(world: World) -> None:
    case = world.open()
    grant = given(world, case)
    assert grant.waits and not sees(world, case) and not grants_in_force().exists()
    assert not fresh(world.other_clerk).has_perm("view_case", case)

    approvals.approve(grant, by=world.county_approver)

    grant.refresh_from_db()
    assert sees(world, case) and fresh(world.other_clerk).has_perm("view_case", case)
    assert (grant.confirmed_how, grant.confirmed_on, grant.confirmed_by) == ("approved", START, world.county_approver)
    entry = grant.history.latest("history_id")
    assert (entry.history_user_id, entry.history_change_reason) == (world.county_approver.pk, "approve")


def test_nobody_confirms_for_her(world: World) -> None:
    grant = given(world, world.open())

    for person in (
        world.sysadmin,
        world.sysadmin_2,
        world.other_clerk,
        world.county_approver_2,
        world.township_approver,
    ):
        with pytest.raises(BadAppointment, match="本人确认"):
            approvals.approve(grant, by=fresh(person))
        with pytest.raises(BadAppointment):
            approvals.refuse(grant, by=fresh(person), reason="不是我")
    assert Grant.objects.get().waits


def test_another_account_of_hers_is_herself(world: World) -> None:
    case = world.open()
    twin = make_staff("twin", "x", key=world.county_approver.person_key)
    access.appoint(twin, "county_approver", world.county, by=None)

    approvals.approve(given(world, case), by=twin)

    assert sees(world, case)


def test_the_administrator_who_writes_it_down_is_not_the_approver_in_any_account(world: World) -> None:
    twin = make_staff("twin", "x", key=world.county_approver.person_key)

    with pytest.raises(BadAppointment, match="不能自己批准"):
        given(world, world.open(), by=twin)
    assert not Grant.objects.exists()


def test_what_she_refuses_says_why_and_is_over(world: World) -> None:
    case = world.open()
    grant = given(world, case)
    with pytest.raises(BadAppointment, match="为什么"):
        approvals.refuse(grant, by=world.county_approver, reason=" ")

    approvals.refuse(grant, by=world.county_approver, reason="没有人问过我")

    with pytest.raises(BadAppointment, match="办过了"):
        approvals.approve(grant, by=world.county_approver)
    assert not sees(world, case)
    assert grant.history.latest("history_id").history_change_reason == "drop: 没有人问过我"


def test_what_was_taken_back_or_has_run_out_is_not_confirmed(world: World) -> None:
    case = world.open()
    taken, late = given(world, case), given(world, case)
    access.revoke_grant(taken)

    with pytest.raises(BadAppointment, match="办过了"):
        approvals.approve(taken, by=world.county_approver)
    with clock.frozen_at(SOON + datetime.timedelta(days=1)):
        with pytest.raises(BadAppointment, match="已经过去"):
            approvals.approve(late, by=world.county_approver)
        assert not approvals.waiting_grants(world.county_approver).exists()
        access.sync_posts()
    assert not Grant.objects.filter(revoked_on__isnull=True).exists()


def test_what_may_not_be_opened_any_more_is_not_confirmed(world: World) -> None:
    """The receiver has become an administrator; the approver has lost her post."""
    case = world.open()
    first = given(world, case, approved_by=world.township_approver)
    access.end_appointment(
        world.township_approver.appointments.get(),
        on=START - datetime.timedelta(days=1),
        by=world.sysadmin,
        reason="调动",
    )
    with pytest.raises(BadAppointment, match="管得到"):
        approvals.approve(first, by=fresh(world.township_approver))

    helper = make_staff("helper", "x")
    second = access.grant(
        helper, "view_case", case, until=SOON, reason="x", approved_by=world.county_approver, by=world.sysadmin
    )
    access.appoint(helper, "sysadmin", world.county, by=None)
    with pytest.raises(BadAppointment, match="管理员不看"):
        approvals.approve(second, by=world.county_approver)


# ---------------------------------------------------------------- delegations


def test_a_delegation_that_no_second_administrator_confirms_waits_for_its_approver(world: World) -> None:
    row = lent(world)
    roles = lambda: [post.role for post in posts_of(fresh(world.other_clerk)) if post.principal_id]  # noqa: E731
    assert row.waits and roles() == []
    with pytest.raises(BadAppointment, match="本人确认"):
        confirmed.confirm(row, by=world.sysadmin_2)
    with pytest.raises(BadAppointment, match="本人确认"):
        approvals.approve(row, by=world.county_approver)

    approvals.approve(row, by=world.township_approver)

    row.refresh_from_db()
    assert roles() == ["village_head"] and row.confirmed_how == "approved"


def test_a_post_that_money_passes_is_still_lent_by_two_administrators(world: World) -> None:
    row = access.delegate(
        world.cashier.appointments.get(), make_staff("helper", "x"), valid_from=START, valid_to=SOON, reason="休假",
        approved_by=world.county_approver, by=world.sysadmin,
    )  # fmt: skip

    with pytest.raises(BadAppointment, match="两位管理员"):
        approvals.approve(row, by=world.county_approver)
    assert not approvals.waiting_delegations(world.county_approver).exists()
    confirmed.confirm(row, by=world.sysadmin_2)


def test_the_administrator_does_not_approve_what_she_lends(world: World) -> None:
    with pytest.raises(BadAppointment, match="不能自己批准"):
        lent(world, approved_by=world.sysadmin)


# ---------------------------------------------------------------- the law


NOT = "UPDATE access_grant SET {} WHERE id = %(grant)s"
CONFIRMS = (
    "confirmed_on = '2026-04-15', confirmed_how = 'approved', confirmed_by_id = {who},"
    " confirmer_person_key = (SELECT person_key FROM access_staff WHERE id = {who})"
)


def tried(sql: str, **facts: Any) -> None:
    with owner(), connection.cursor() as cursor:
        cursor.execute(sql, facts)


def refused(sql: str, law: str, **facts: Any) -> None:
    with pytest.raises(DatabaseError) as error, transaction.atomic():
        tried(sql, **facts)
    assert error.value.__cause__.diag.constraint_name == law


def test_postgresql_lets_nobody_confirm_a_grant_but_whoever_was_named(world: World) -> None:
    grant = given(world, world.open())

    for person in (world.sysadmin, world.other_clerk, world.county_approver_2):
        law = "grant_confirmed_by_another" if person == world.sysadmin else "confirmed_by_who_was_named"
        with pytest.raises(DatabaseError) as error, transaction.atomic():
            tried(NOT.format(CONFIRMS.format(who=person.pk)), grant=grant.pk)
        assert error.value.__cause__.diag.constraint_name in (law, "confirmed_by_who_was_named")
    for how in ("second", "alone", "set_up", "before"):
        refused(
            NOT.format(CONFIRMS.format(who=world.county_approver.pk)).replace("'approved'", f"'{how}'"),
            "confirmed_once",
            grant=grant.pk,
        )
    lied = CONFIRMS.format(who=world.county_approver.pk).rpartition("(SELECT")[0] + "'somebody'"
    refused(NOT.format(lied), "confirmed_by_who_was_named", grant=grant.pk)
    assert Grant.objects.get().waits


def test_postgresql_keeps_a_grant_as_it_was_given_and_confirmed(world: World) -> None:
    case, other = world.open(), world.open()
    grant = granted(
        world.other_clerk,
        "view_case",
        case,
        until=SOON,
        reason="x",
        approved_by=world.county_approver,
        by=world.sysadmin,
    )

    stays = "a_grant_stays_as_it_was_given"
    for change in (
        f"object_id = {other.pk}", "valid_to = '2030-01-01'", f"staff_id = {world.village_clerk.pk}",
        f"approved_by_id = {world.township_approver.pk}", "permission = 'view_household'", "reason = 'y'",
        "made_by_id = NULL", "valid_from = '2020-01-01'",
    ):  # fmt: skip
        refused(NOT.format(change), stays, grant=grant.pk)
    unconfirmed = "confirmed_on = NULL, confirmed_how = NULL, confirmed_by_id = NULL, confirmer_person_key = NULL"
    refused(NOT.format(unconfirmed), "confirmed_once", grant=grant.pk)
    refused(NOT.format("dropped_on = confirmed_on"), "grant_confirmed_or_dropped", grant=grant.pk)
    access.revoke_grant(grant)
    refused(NOT.format("revoked_on = NULL"), "a_grant_ends_once", grant=grant.pk)


def test_postgresql_lets_nobody_approve_what_she_receives_in_another_account(world: World) -> None:
    """The guard names natural persons; behind it stands a constraint on the one account."""
    given(world, world.open())
    twin = make_staff("twin", "x", key=world.other_clerk.person_key)
    copied = (
        "INSERT INTO access_grant (staff_id, permission, content_type_id, object_id, reason, approved_by_id, valid_from,"
        " valid_to, made_by_id, maker_person_key) SELECT staff_id, permission, content_type_id, object_id, reason,"
        " {approver}, valid_from, valid_to, made_by_id, maker_person_key FROM access_grant"
    )

    refused(copied.format(approver=twin.pk), "approved_by_a_third")
    refused(copied.format(approver="staff_id"), "approved_by_a_third")
    with owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE access_grant DISABLE TRIGGER access_guard")
    refused(copied.format(approver="staff_id"), "nobody_grants_himself")


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ({"made_by": None, "maker_person_key": None}, "maker_is_who_made_it"),
        ({"maker_person_key": "somebody else"}, "maker_is_who_made_it"),
        ({"made_by": "county_approver"}, "approved_by_a_third"),
        ({"confirmed_on": START, "confirmed_how": "before"}, "made_before_confirmed"),
        ({"confirmed_on": START, "confirmed_how": "set_up"}, "made_before_confirmed"),
        ({"dropped_on": START}, "made_before_confirmed"),
    ],
)
def test_postgresql_lets_no_grant_be_born_confirmed_or_without_its_maker(
    world: World, change: dict[str, Any], law: str
) -> None:
    case = world.open()
    facts: dict[str, Any] = {"made_by": world.sysadmin, "maker_person_key": world.sysadmin.person_key} | change
    if isinstance(facts["made_by"], str):
        facts["made_by"] = world.staff[facts["made_by"]]
        facts["maker_person_key"] = facts["made_by"].person_key
    kind = ContentType.objects.get_for_model(Case)

    with pytest.raises(DatabaseError) as error, transaction.atomic():
        Grant.objects.create(
            staff=world.other_clerk, permission="view_case", content_type=kind, object_id=case.pk, reason="x",
            approved_by=world.county_approver, valid_from=START, valid_to=SOON, **facts,
        )  # fmt: skip
    assert error.value.__cause__.diag.constraint_name == law


def test_postgresql_lets_no_delegation_be_born_approved_nor_be_confirmed_by_another(world: World) -> None:
    row = lent(world)
    change = "UPDATE access_delegation SET {} WHERE id = %(row)s"

    refused(change.format(CONFIRMS.format(who=world.sysadmin_2.pk)), "confirmed_by_a_third", row=row.pk)
    by_admin = CONFIRMS.format(who=world.sysadmin_2.pk).replace("'approved'", "'second'")
    refused(change.format(by_admin), "confirmed_once", row=row.pk)
    alone = (
        "INSERT INTO access_delegation (appointment_id, delegate_id, principal_person_key, delegate_person_key, valid_from,"
        " valid_to, reason, approved_by_id, made_by_id, maker_person_key, confirmed_on, confirmed_how)"
        " SELECT appointment_id, delegate_id, principal_person_key, delegate_person_key, valid_from, valid_to, reason,"
        " approved_by_id, made_by_id, maker_person_key, valid_from, 'alone' FROM access_delegation WHERE id = %(row)s"
    )
    refused(alone, "lent_with_its_approver", row=row.pk)
    refused(alone.replace("'alone'", "'approved'"), "made_before_confirmed", row=row.pk)


# ---------------------------------------------------------------- her page


def test_her_page_asks_her_and_her_menu_leads_there(world: World) -> None:
    case = world.open()
    given(world, case)
    given(world, case, reason="再看一次")
    lent(world, approved_by=world.county_approver)
    client, stranger = login(Client(), world.county_approver), login(Client(), world.township_approver)
    url = reverse("approvals:home")
    first, second = Grant.objects.order_by("pk")

    page = client.get(url).content.decode()
    assert case.case_no in page and world.other_clerk.name in page and "再看一次" in page and "休假" in page
    assert url in client.get("/county/").content.decode()
    assert url not in stranger.get("/township/").content.decode()
    assert case.case_no not in stranger.get(url).content.decode()
    assert stranger.post(reverse("approvals:decide", args=["grant", first.pk])).status_code == 404
    assert client.post("/approvals/reset/1/").status_code == 404

    client.post(reverse("approvals:decide", args=["grant", first.pk]))
    client.post(reverse("approvals:decide", args=["grant", second.pk]), {"refuse": "1", "reason": "没有人问过我"})
    client.post(reverse("approvals:decide", args=["delegation", Delegation.objects.get().pk]))

    first.refresh_from_db(), second.refresh_from_db()
    assert first.confirmed_by == world.county_approver and second.dropped_on == START
    assert not Delegation.objects.get().waits
    assert url not in client.get("/county/").content.decode()
    told = login(Client(), world.sysadmin).get("/admin/grants/").content.decode()
    assert "没有人问过我" in told


def test_the_administrators_page_says_for_whom_a_delegation_waits(world: World) -> None:
    lent(world)
    admin = login(Client(), world.sysadmin_2)

    page = admin.get("/admin/waiting/").content.decode()

    assert f"等 {world.township_approver.name} 本人确认" in page
    admin.post(reverse("administration:decide", args=["delegation", Delegation.objects.get().pk]))
    assert Delegation.objects.get().waits
