"""Posts that money passes, and the passwords of their holders, take two administrators; what waits gives no right."""

import datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction
from django.test import Client

from access import confirmed, factor
from access import services as access
from access.errors import BadAppointment, BadReset, BadStaff
from access.models import Appointment, Reset, Staff, UnitPermission
from access.roles import NEED_A_SECOND, ROLES
from access.scope import posts_of
from tests.access.test_factor import enrolled
from tests.desks.test_township import login
from tests.owner import owner
from tests.world import START, World, make_staff


def fresh(staff: Staff) -> Staff:
    return Staff.objects.get(pk=staff.pk)


def waiting(world: World, role: str = "cashier") -> Appointment:
    return access.appoint(make_staff("new", "新来的"), role, world.county, by=world.sysadmin, reason="换届")


def roles(staff: Staff) -> list[str]:
    return [post.role for post in posts_of(fresh(staff))]


# ---------------------------------------------------------------- appointments


@pytest.mark.parametrize("role", sorted(NEED_A_SECOND))
def test_a_post_that_money_passes_waits_and_gives_no_right(world: World, role: str) -> None:
    unit = world.township if ROLES[role].level == "township" else world.county
    post = access.appoint(make_staff("new", "x"), role, unit, by=world.sysadmin)

    assert post.waits and roles(post.staff) == []
    assert not UnitPermission.objects.filter(user=post.staff).exists()


def test_the_other_administrator_puts_it_in_force(world: World) -> None:
    post = waiting(world)

    confirmed.confirm(post, by=world.sysadmin_2)

    post.refresh_from_db()
    assert roles(post.staff) == ["cashier"]
    assert (post.confirmed_how, post.confirmed_on, post.confirmed_by) == ("second", START, world.sysadmin_2)
    assert post.history.latest("history_id").history_user_id == world.sysadmin_2.pk


def test_a_permission_slipped_in_does_not_help_what_waits(world: World) -> None:
    """Both barriers stand by themselves: guardian's permission, and the confirmation."""
    from guardian.shortcuts import assign_perm

    post = waiting(world)
    assign_perm("hold_cashier", post.staff, world.county)

    assert roles(post.staff) == []


def test_a_post_without_money_counts_at_once(world: World) -> None:
    post = access.appoint(make_staff("new", "x"), "village_clerk", world.village, by=world.sysadmin)

    assert post.confirmed_how == "alone" and roles(post.staff) == ["village_clerk"]


def test_neither_the_maker_nor_the_holder_nor_an_account_of_theirs_confirms(world: World) -> None:
    post = waiting(world)
    twin = make_staff("twin", "sysadmin again", world.sysadmin.person_key)
    access.appoint(twin, "sysadmin", world.county, by=None)

    for person in (world.sysadmin, twin, post.staff, world.cashier, world.auditor):
        with pytest.raises(BadAppointment):
            confirmed.confirm(post, by=fresh(person))
    assert roles(post.staff) == []


def test_an_administrator_elsewhere_does_not_confirm(world: World) -> None:
    post = waiting(world)
    local = make_staff("local_admin", "local")
    access.appoint(local, "sysadmin", world.township, by=None)

    with pytest.raises(BadAppointment):
        confirmed.confirm(post, by=local)


def test_it_is_confirmed_once_and_dropped_for_good(world: World) -> None:
    post = waiting(world)
    confirmed.drop(post, by=world.sysadmin_2, reason="不是这个人")

    for _again in range(2):
        with pytest.raises(BadAppointment):
            confirmed.confirm(post, by=world.sysadmin_2)
    assert roles(post.staff) == []
    again = access.appoint(post.staff, "cashier", world.county, by=world.sysadmin)
    confirmed.confirm(again, by=world.sysadmin_2)
    assert roles(post.staff) == ["cashier"]


def test_a_delegation_of_such_a_post_waits_too(world: World) -> None:
    post = world.cashier.appointments.get()
    lent = access.delegate(
        post,
        make_staff("helper", "x"),
        valid_from=START,
        valid_to=START,
        reason="休假",
        approved_by=world.county_approver,
        by=world.sysadmin,
    )
    assert lent.waits and roles(lent.delegate) == []

    confirmed.confirm(lent, by=world.sysadmin_2)
    assert roles(lent.delegate) == ["cashier"]


def test_what_waits_is_not_lent(world: World) -> None:
    post = waiting(world)

    with pytest.raises(BadAppointment, match="还没有确认"):
        access.delegate(
            post,
            make_staff("helper", "x"),
            valid_from=START,
            valid_to=START,
            reason="休假",
            approved_by=world.county_approver,
            by=world.sysadmin,
        )


# ---------------------------------------------------------------- the first second administrator


@pytest.fixture
def alone(world: World) -> Staff:
    """An installation with one administrator that never had another."""
    with owner(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM access_appointment WHERE role = 'sysadmin' AND staff_id <> %s", [world.sysadmin.pk])
    return world.sysadmin


def test_the_only_administrator_appoints_the_second_one_and_it_is_recorded_as_such(world: World, alone: Staff) -> None:
    post = access.appoint(make_staff("new", "x"), "sysadmin", world.county, by=alone)
    third = access.appoint(make_staff("newer", "x"), "sysadmin", world.county, by=alone)

    assert post.confirmed_how == "first" and roles(post.staff) == ["sysadmin"]
    assert third.waits and roles(third.staff) == []


def test_who_dismissed_the_other_does_not_choose_the_next_alone(world: World) -> None:
    access.end_appointment(world.sysadmin_2.appointments.get(), on=START, by=world.sysadmin, reason="x")

    assert access.appoint(make_staff("new", "x"), "sysadmin", world.county, by=world.sysadmin).waits


def test_the_operator_makes_the_second_administrator_when_one_is_left(world: World) -> None:
    args = ("first_admin", "13900000000", "张明", world.county.code, "--id-number", "11010519491231002X")
    with pytest.raises(CommandError):
        call_command(*args, "--second")  # there are two

    yesterday = START - datetime.timedelta(days=1)
    access.end_appointment(world.sysadmin_2.appointments.get(), on=yesterday, by=world.sysadmin, reason="x")
    with pytest.raises(CommandError):
        call_command(*args)
    call_command(*args, "--second")
    assert roles(Staff.objects.get(username="13900000000")) == ["sysadmin"]


# ---------------------------------------------------------------- passwords and factors


def test_the_password_of_whoever_pays_takes_two_and_is_told_to_the_second(world: World) -> None:
    with pytest.raises(BadStaff, match="另一位管理员"):
        access.reset_password(world.cashier, by=world.sysadmin)
    before = fresh(world.cashier).password
    asked = confirmed.ask_reset(world.cashier, "password", by=world.sysadmin, reason="忘了")
    assert fresh(world.cashier).password == before

    with pytest.raises(BadReset):
        confirmed.confirm_reset(asked, by=world.sysadmin)
    password = confirmed.confirm_reset(asked, by=world.sysadmin_2)

    assert fresh(world.cashier).check_password(password) and fresh(world.cashier).must_change_password
    with pytest.raises(BadReset):
        confirmed.confirm_reset(asked, by=world.sysadmin_2)


def test_a_factor_takes_two_for_everybody(world: World) -> None:
    enrolled(world.village_clerk)
    asked = confirmed.ask_reset(world.village_clerk, "factor", by=world.sysadmin, reason="手机丢了")
    assert factor.factor_of(world.village_clerk)

    assert confirmed.confirm_reset(asked, by=world.sysadmin_2) == ""
    assert factor.factor_of(world.village_clerk) is None


def test_nobody_asks_for_her_own_or_twice(world: World) -> None:
    with pytest.raises(BadReset):
        confirmed.ask_reset(world.sysadmin, "password", by=world.sysadmin, reason="忘了")
    confirmed.ask_reset(world.cashier, "password", by=world.sysadmin, reason="忘了")
    with pytest.raises(BadReset):
        confirmed.ask_reset(world.cashier, "password", by=world.sysadmin_2, reason="忘了")
    with pytest.raises(BadReset):
        confirmed.ask_reset(world.fund_checker, "factor", by=world.sysadmin, reason="没有绑")


def test_nobody_resets_who_does_not_administer_or_stands_in_for_the_asker(world: World) -> None:
    for person in (world.auditor, world.county_approver, make_staff("nobody", "x")):
        with pytest.raises(BadReset):
            confirmed.ask_reset(world.cashier, "password", by=person, reason="忘了")
    asked = confirmed.ask_reset(world.cashier, "password", by=world.sysadmin, reason="忘了")
    helper = make_staff("helper", "x")
    post = world.sysadmin.appointments.get()
    more = {"valid_from": START, "valid_to": START, "reason": "休假", "approved_by": world.county_approver}
    access.delegate(post, helper, **more)

    for person in (world.auditor, helper):
        with pytest.raises(BadReset):
            confirmed.confirm_reset(asked, by=fresh(person))
        assert not fresh(world.cashier).must_change_password


def test_the_operator_resets_what_no_two_can(world: World, capsys: Any) -> None:
    enrolled(world.sysadmin)
    call_command("reset_staff", "sysadmin", "password", "--reason", "丢了")
    call_command("reset_staff", "sysadmin", "factor", "--reason", "丢了")

    assert factor.factor_of(world.sysadmin) is None and fresh(world.sysadmin).must_change_password
    assert world.sysadmin.factors.get().history.latest("history_id").history_user_id is None


# ---------------------------------------------------------------- PostgreSQL itself


def refused(sql: str, name: str) -> None:
    with pytest.raises(DatabaseError) as error, transaction.atomic(), owner(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert error.value.__cause__.diag.constraint_name == name


def key(staff: Staff) -> str:
    return f"confirmed_by_id = {staff.pk}, confirmer_person_key = '{staff.person_key}'"


def test_the_database_lets_only_a_third_confirm_and_once(world: World) -> None:
    post = waiting(world)
    row = f"UPDATE access_appointment SET confirmed_on = '2026-04-15', confirmed_how = %s WHERE id = {post.pk}"

    refused(row % f"'second', {key(world.sysadmin)}", "confirmed_by_a_third")
    twin = make_staff("twin", "x", world.sysadmin.person_key)
    refused(row % f"'second', {key(twin)}", "confirmed_by_a_third")
    refused(row % f"'second', {key(post.staff)}", "confirmed_by_a_third")
    lie = f"'second', confirmed_by_id = {world.sysadmin.pk}, confirmer_person_key = 'somebody else'"
    refused(row % lie, "confirmed_by_a_third")
    refused(row % "'alone'", "confirmed_once")
    confirmed.confirm(post, by=world.sysadmin_2)
    refused(row % "NULL, confirmed_by_id = NULL, confirmer_person_key = NULL", "confirmed_once")


def test_the_database_lets_only_a_third_confirm_a_delegation(world: World) -> None:
    helper = make_staff("helper", "x")
    more = {"valid_from": START, "valid_to": START, "reason": "休假", "approved_by": world.county_approver}
    lent = access.delegate(world.cashier.appointments.get(), helper, by=world.sysadmin, **more)
    row = (
        f"UPDATE access_delegation SET confirmed_on = '2026-04-15', confirmed_how = 'second', {{}} WHERE id = {lent.pk}"
    )

    refused(row.format(key(world.sysadmin)), "confirmed_by_a_third")
    refused(row.format(key(helper)), "confirmed_by_a_third")
    refused(f"UPDATE access_delegation SET valid_to = '2030-01-01' WHERE id = {lent.pk}", "a_post_stays_as_it_was_made")


def test_the_database_makes_no_post_of_money_in_one_step(world: World) -> None:
    staff = make_staff("new", "x")
    row = f"""INSERT INTO access_appointment (staff_id, role, unit_id, valid_from, reason, appointed_by_id,
              maker_person_key, confirmed_on, confirmed_how, confirmed_by_id, confirmer_person_key)
              VALUES ({staff.pk}, 'cashier', {world.county.pk}, '2026-04-15', '', {world.sysadmin.pk},
              '{world.sysadmin.person_key}', '2026-04-15', %s)"""

    refused(row % "'alone', NULL, NULL", "money_takes_two_administrators")
    refused(row % "'set_up', NULL, NULL", "set_up_has_no_maker")
    refused(row % "'first', NULL, NULL", "first_second_administrator_once")
    refused(row % "'before', NULL, NULL", "made_before_confirmed")
    refused(row % f"'second', {world.sysadmin_2.pk}, '{world.sysadmin_2.person_key}'", "made_before_confirmed")
    refused((row % "'alone', NULL, NULL").replace(world.sysadmin.person_key, "x"), "maker_is_who_made_it")


@pytest.mark.parametrize(
    "change",
    [
        "role = 'fund_manager'",
        "staff_id = (SELECT id FROM access_staff WHERE username = 'auditor')",
        "unit_id = unit_id + 1",
    ],
)
def test_the_database_keeps_what_was_confirmed(world: World, change: str) -> None:
    post = world.cashier.appointments.get()

    refused(f"UPDATE access_appointment SET {change} WHERE id = {post.pk}", "a_post_stays_as_it_was_made")


def test_the_database_puts_no_last_day_off(world: World) -> None:
    post = world.cashier.appointments.get()
    access.end_appointment(post, on=START, by=world.sysadmin, reason="x")

    refused(f"UPDATE access_appointment SET valid_to = '2030-01-01' WHERE id = {post.pk}", "a_last_day_stays")
    refused(f"UPDATE access_appointment SET valid_to = NULL WHERE id = {post.pk}", "a_last_day_stays")


def test_the_database_carries_out_a_reset_once_by_a_third(world: World) -> None:
    asked = confirmed.ask_reset(world.cashier, "password", by=world.sysadmin, reason="忘了")
    row = "UPDATE access_reset SET done_on = '2026-04-15', done_by_id = {0.pk}, doer_person_key = '{1}'"

    refused(row.format(world.sysadmin, world.sysadmin.person_key), "reset_by_two_administrators")
    refused(row.format(world.cashier, world.cashier.person_key), "nobody_resets_her_own")
    refused(row.format(world.sysadmin, "somebody else"), "reset_names_its_persons")
    refused("UPDATE access_reset SET what = 'factor'", "reset_decided_once")
    confirmed.confirm_reset(asked, by=world.sysadmin_2)
    refused("UPDATE access_reset SET done_on = NULL, done_by_id = NULL, doer_person_key = NULL", "reset_decided_once")


def test_the_roles_of_the_law_are_those_of_the_program() -> None:
    sql = access.__file__.replace("services.py", "migrations/0011_second_administrator_laws.py")
    with open(sql, encoding="utf-8") as file:
        named = file.read().split("SELECT role IN (")[1].split(")")[0]

    assert {name.strip(" '") for name in named.split(",")} == set(NEED_A_SECOND)


# ---------------------------------------------------------------- the pages


def test_one_administrator_makes_it_and_the_other_finds_it_with_a_count(world: World) -> None:
    new = make_staff("new", "新来的")
    one, other = login(Client(), world.sysadmin), login(Client(), world.sysadmin_2)
    sent = {"role": "cashier", "unit": world.county.code, "valid_from_year": "2026", "valid_from_month": "4"}
    page = one.post(f"/admin/staff/{new.pk}/appoint/", sent | {"valid_from_day": "15"}, follow=True).text
    assert "等另一位管理员确认以后才生效" in page and "等另一位管理员确认" in page
    post = new.appointments.get()

    assert "你办的，要别人确认" in one.get("/admin/waiting/").text
    counts = {item.url: item.count for item in other.get("/admin/waiting/").context["menu"]}
    assert counts["/admin/waiting/"] == 1
    assert one.get("/admin/").context["menu"][2].count == 0
    one.post(f"/admin/waiting/post/{post.pk}/")
    assert roles(new) == []
    other.post(f"/admin/waiting/post/{post.pk}/")
    assert roles(new) == ["cashier"]


def test_a_dropped_one_says_why(world: World) -> None:
    post = waiting(world)
    other = login(Client(), world.sysadmin_2)

    other.post(f"/admin/waiting/post/{post.pk}/", {"drop": "1"})
    post.refresh_from_db()
    assert post.waits
    other.post(f"/admin/waiting/post/{post.pk}/", {"drop": "1", "reason": "不是这个人"})
    post.refresh_from_db()
    assert post.dropped_on and post.history.latest("history_id").history_change_reason == "drop: 不是这个人"


def test_a_reset_is_asked_on_one_page_and_the_password_told_on_the_others(world: World) -> None:
    one, other = login(Client(), world.sysadmin), login(Client(), world.sysadmin_2)
    url = f"/admin/staff/{world.cashier.pk}/reset/password/"

    assert "reset" in one.post(url, {}).context and not Reset.objects.exists()
    one.post(url, {"reason": "忘了"})
    asked = Reset.objects.get()
    told = other.post(f"/admin/waiting/reset/{asked.pk}/")

    assert fresh(world.cashier).check_password(told.context["password"]) and "no-store" in told["Cache-Control"]


def test_nobody_but_administrators_finds_the_list(world: World) -> None:
    assert login(Client(), world.cashier).get("/admin/waiting/").status_code == 403
