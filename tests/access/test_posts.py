"""Posts, delegations and grants: dated, bound to persons, mirrored as permissions, gone when they are over."""

import datetime
from typing import Any

import pytest
from django.db import connection
from guardian.shortcuts import remove_perm

from access import services as access
from access.errors import AccessError, BadAppointment, StaffIsKept
from access.models import Appointment, Grant, OrgUnit, Staff
from access.roles import ROLES, Ability, permission_of
from access.scope import can, posts_of, scope
from audit import clock
from casework.models import Case
from casework.queries import cases_in_reach, queue
from tests.grants import granted as granted_to
from tests.world import START, World, make_staff

TOMORROW = START + datetime.timedelta(days=1)


def fresh(staff: Staff) -> Staff:
    """The same account at the next request."""
    return Staff.objects.get(pk=staff.pk)


def at(date: datetime.date) -> Any:
    return clock.frozen_at(date)


def test_whoever_has_no_post_sees_nothing(world: World) -> None:
    world.open()
    nobody = make_staff("nobody", "x")

    assert posts_of(nobody) == () and not any(can(nobody, ability) for ability in Ability)
    assert cases_in_reach(nobody).count() == 0 and queue(nobody).count() == 0


def test_a_superuser_reaches_no_case(world: World) -> None:
    world.open()
    root = make_staff("root", "x")
    root.is_superuser = True
    root.save()

    assert cases_in_reach(fresh(root)).count() == 0


def test_the_right_ends_with_the_post(world: World) -> None:
    case = world.open()
    post = world.village_clerk.appointments.get()
    access.end_appointment(post, on=START, by=world.sysadmin, reason="换届")
    assert cases_in_reach(fresh(world.village_clerk)).filter(pk=case.pk).exists()  # her last day

    with at(TOMORROW):
        assert cases_in_reach(fresh(world.village_clerk)).count() == 0
        assert access.sync_posts() == 1
        assert access.sync_posts() == 0
    assert not world.village_clerk.unitpermission_set.exists()


def test_history_names_who_gave_and_ended_a_post_and_why(world: World) -> None:
    """Whoever calls: a page, whose request is known, or a command."""
    post = access.appoint(make_staff("new", "x"), "village_clerk", world.village, by=world.sysadmin, reason="选举")
    access.end_appointment(post, on=START, by=world.sysadmin_2, reason="换届")

    rows = post.history.order_by("history_id").values_list("history_user_id", "history_change_reason")
    assert list(rows) == [(world.sysadmin.pk, "appoint: 选举"), (world.sysadmin_2.pk, "end_appointment: 换届")]


def test_what_is_over_is_looked_for_in_one_query(world: World, django_assert_num_queries: Any) -> None:
    for n in range(5):
        yesterday = START - datetime.timedelta(days=1)
        past = access.appoint(
            make_staff(f"past{n}", "x"), "village_clerk", world.village, by=None, valid_from=yesterday
        )
        access.end_appointment(past, on=yesterday, by=None, reason="离任")

    with django_assert_num_queries(5):  # posts, delegations, grants, and the transaction's two
        assert access.sync_posts() == 0


def test_a_post_that_ended_yesterday_is_gone_at_once(world: World) -> None:
    post = world.village_clerk.appointments.get()
    access.end_appointment(post, on=START - datetime.timedelta(days=1), by=world.sysadmin, reason="辞职")

    assert posts_of(fresh(world.village_clerk)) == ()


def test_a_post_that_begins_tomorrow_is_not_there_today(world: World) -> None:
    new = make_staff("new", "x")
    access.appoint(new, "village_clerk", world.village, by=world.sysadmin, valid_from=TOMORROW)

    assert posts_of(fresh(new)) == ()
    with at(TOMORROW):
        assert [post.role for post in posts_of(fresh(new))] == ["village_clerk"]


def test_without_the_permission_there_is_no_right(world: World) -> None:
    """Both must stand: the dated post and guardian's permission."""
    remove_perm(permission_of("village_clerk"), world.village_clerk, world.village)

    assert posts_of(fresh(world.village_clerk)) == ()


def test_a_permission_without_a_post_gives_nothing(world: World) -> None:
    from guardian.shortcuts import assign_perm

    nobody = make_staff("nobody", "x")
    assign_perm(permission_of("county_approver"), nobody, world.county)

    assert posts_of(fresh(nobody)) == ()


def test_a_delegation_falls_with_the_principals_permission(world: World) -> None:
    helper = make_staff("helper", "x")
    delegated(world, helper)
    assert [post.principal_id for post in posts_of(fresh(helper))] == [world.township_approver.pk]

    remove_perm(permission_of("township_approver"), world.township_approver, world.township)

    assert posts_of(fresh(helper)) == ()


def delegated(world: World, to: Staff, **more: Any) -> Any:
    more = {"valid_from": START, "valid_to": TOMORROW, "reason": "休假", "approved_by": world.sysadmin} | more
    return access.delegate(world.township_approver.appointments.get(), to, **more)


def test_a_delegation_lasts_its_days_and_not_beyond_the_post(world: World) -> None:
    helper = make_staff("helper", "x")
    access.end_appointment(world.township_approver.appointments.get(), on=TOMORROW, by=world.sysadmin, reason="调走")
    with pytest.raises(BadAppointment, match="任期"):
        delegated(world, helper, valid_to=TOMORROW + datetime.timedelta(days=1))
    delegated(world, helper)

    with at(TOMORROW):
        assert posts_of(fresh(helper))
    with at(TOMORROW + datetime.timedelta(days=1)):
        assert posts_of(fresh(helper)) == ()


def test_when_the_post_is_ended_early_the_delegation_ends_with_it(world: World) -> None:
    helper = make_staff("helper", "x")
    delegated(world, helper)
    access.end_appointment(
        world.township_approver.appointments.get(),
        on=START - datetime.timedelta(days=1),
        by=world.sysadmin,
        reason="免职",
    )

    assert posts_of(fresh(helper)) == ()


def test_an_inactive_principal_delegates_nothing(world: World) -> None:
    helper = make_staff("helper", "x")
    delegated(world, helper)
    world.township_approver.is_active = False
    world.township_approver.save()

    assert posts_of(fresh(helper)) == ()


def test_nobody_delegates_to_herself_or_approves_it_herself(world: World) -> None:
    twin = make_staff("twin", "x", key=world.township_approver.person_key)
    helper = make_staff("helper", "x")
    for to, more in (
        (twin, {}),
        (helper, {"approved_by": helper}),
        (helper, {"approved_by": make_staff("h2", "x", key=helper.person_key)}),
        (helper, {"reason": "  "}),
    ):
        with pytest.raises(BadAppointment):
            delegated(world, to, **more)


def test_a_delegated_post_is_not_passed_on(world: World) -> None:
    """Only appointments can be delegated; the delegate has none."""
    helper = make_staff("helper", "x")
    delegated(world, helper)

    assert not Appointment.objects.filter(staff=helper).exists()


@pytest.mark.parametrize("apart", ["auditor", "sysadmin"])
def test_auditors_and_administrators_hold_no_other_post_in_any_account(world: World, apart: str) -> None:
    person = make_staff("one", "x")
    twin = make_staff("two", "x", key=person.person_key)
    access.appoint(person, apart, world.county, by=None)

    for account in (person, twin):
        with pytest.raises(BadAppointment, match="审计和系统管理"):
            access.appoint(account, "village_clerk", world.village, by=None)
    with pytest.raises(BadAppointment):
        delegated(world, twin)


@pytest.mark.parametrize("apart", ["auditor", "sysadmin"])
def test_whoever_decides_does_not_become_auditor_or_administrator(world: World, apart: str) -> None:
    twin = make_staff("twin", "x", key=world.cashier.person_key)

    with pytest.raises(BadAppointment):
        access.appoint(twin, apart, world.county, by=world.sysadmin)


def test_after_a_post_has_ended_one_may_become_auditor(world: World) -> None:
    access.end_appointment(
        world.cashier.appointments.get(), on=START - datetime.timedelta(days=1), by=world.sysadmin, reason="调动"
    )

    access.appoint(world.cashier, "auditor", world.county, by=None)

    assert [(post.role, post.unit_id) for post in posts_of(fresh(world.cashier))] == [("auditor", world.county.pk)]


def test_nobody_appoints_or_dismisses_herself_in_any_account(world: World) -> None:
    twin = make_staff("twin", "x", key=world.sysadmin.person_key)
    with pytest.raises(BadAppointment, match="自己"):
        access.appoint(twin, "sysadmin", world.county, by=world.sysadmin)
    with pytest.raises(BadAppointment, match="自己"):
        access.end_appointment(world.sysadmin.appointments.get(), on=START, by=twin, reason="x")


def test_a_post_stands_at_its_level(world: World) -> None:
    new = make_staff("new", "x")
    for role, unit in (("village_clerk", world.township), ("county_approver", world.village), ("king", world.county)):
        with pytest.raises(BadAppointment):
            access.appoint(new, role, unit, by=world.sysadmin)


def test_no_account_is_deleted(world: World) -> None:
    with pytest.raises(StaffIsKept):
        world.cashier.delete()
    assert issubclass(BadAppointment, AccessError)


# --- grants on one record --------------------------------------------------------------------------------------------


def granted(world: World, case: Case, to: Staff, **more: Any) -> Grant:
    more = {"until": TOMORROW, "reason": "抽查", "approved_by": world.county_approver, "by": world.sysadmin} | more
    return granted_to(to, "view_case", case, **more)


def test_a_grant_opens_one_case_until_its_day(world: World) -> None:
    case, other = world.open(), world.open()
    granted(world, case, world.other_clerk)

    assert list(cases_in_reach(fresh(world.other_clerk))) == [case]
    assert scope(fresh(world.other_clerk), Ability.CASE_VIEW).covers(case)
    assert not scope(fresh(world.other_clerk), Ability.CASE_VIEW).covers(other)
    with at(TOMORROW + datetime.timedelta(days=1)):
        assert not cases_in_reach(fresh(world.other_clerk)).exists()
        access.sync_posts()
    assert Grant.objects.get().revoked_on == TOMORROW
    assert not fresh(world.other_clerk).has_perm("view_case", case)


def test_a_grant_is_taken_back_at_once(world: World) -> None:
    case = world.open()
    access.revoke_grant(granted(world, case, world.other_clerk))

    assert not cases_in_reach(fresh(world.other_clerk)).exists()


def test_a_grant_that_ends_leaves_a_longer_one_of_the_same_its_permission(world: World) -> None:
    case = world.open()
    granted(world, case, world.other_clerk)
    granted(world, case, world.other_clerk, until=TOMORROW + datetime.timedelta(days=30))

    with at(TOMORROW + datetime.timedelta(days=1)):
        access.sync_posts()
        assert list(cases_in_reach(fresh(world.other_clerk))) == [case]
    assert Grant.objects.filter(revoked_on__isnull=False).count() == 1
    assert fresh(world.other_clerk).has_perm("view_case", case)


def test_a_grant_gives_sight_and_no_turn(world: World) -> None:
    from casework.errors import NotYourTurn

    case = world.open()
    granted(world, case, world.other_clerk)

    with pytest.raises(NotYourTurn):
        world.do(case, "triage", fresh(world.other_clerk))


def test_a_grant_says_why_and_is_not_given_to_oneself(world: World) -> None:
    case = world.open()
    twin = make_staff("twin", "x", key=world.county_approver.person_key)
    with pytest.raises(BadAppointment):
        granted(world, case, world.other_clerk, reason=" ")
    with pytest.raises(BadAppointment):
        granted(world, case, twin)


# --- places ----------------------------------------------------------------------------------------------------------


def test_everybody_sees_her_own_place_alone(world: World) -> None:
    here, there = world.open(), world.open(household=world.household(world.village))
    with connection.cursor() as cursor:  # a case of the other village
        cursor.execute("UPDATE casework_case SET village_id = %s WHERE id = %s", [world.other_village.pk, there.pk])

    assert set(cases_in_reach(world.village_clerk)) == {here}
    assert set(cases_in_reach(world.other_clerk)) == {there}
    assert set(cases_in_reach(world.township_clerk)) == set(cases_in_reach(world.auditor)) == {here, there}
    assert cases_in_reach(world.sysadmin).count() == 0


def test_a_list_takes_one_query_for_the_posts_and_one_for_the_rows(
    world: World, django_assert_max_num_queries: Any
) -> None:
    world.open()
    clerk = fresh(world.township_clerk)
    with django_assert_max_num_queries(3):
        assert len(cases_in_reach(clerk)) == 1
    with django_assert_max_num_queries(1):
        list(queue(clerk))


def test_every_role_has_a_permission_on_units(db: None) -> None:
    codenames = {codename for codename, _name in OrgUnit._meta.permissions}

    assert codenames == {permission_of(role) for role in ROLES}
