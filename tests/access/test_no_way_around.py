"""What two services together, or a second day, must not give that one alone refuses."""

import datetime
from pathlib import Path

import pytest

from access import services as access
from access.confirmed import confirm
from access.errors import BadAppointment, BadOrgUnits
from access.models import OrgUnit, Staff
from access.units import import_org_units
from casework.queries import cases_in_reach
from tests.grants import granted
from tests.world import START, World, make_staff

YESTERDAY = START - datetime.timedelta(days=1)
IN_A_MONTH = START + datetime.timedelta(days=30)


def fresh(staff: Staff) -> Staff:
    return Staff.objects.get(pk=staff.pk)


def test_a_post_that_has_ended_is_not_opened_again_by_ending_it_later(world: World) -> None:
    """Otherwise yesterday's auditor, who pays today, would audit again without having been appointed."""
    post = world.auditor.appointments.get()
    access.end_appointment(post, on=YESTERDAY, by=world.sysadmin, reason="调动")
    access.appoint(world.auditor, "cashier", world.county, by=world.sysadmin)

    with pytest.raises(BadAppointment, match="已经"):
        access.end_appointment(post, on=IN_A_MONTH, by=world.sysadmin, reason="续任")

    post.refresh_from_db()
    assert post.valid_to == YESTERDAY


def test_the_last_day_of_a_post_may_come_earlier_but_not_later(world: World) -> None:
    post = world.cashier.appointments.get()
    access.end_appointment(post, on=IN_A_MONTH, by=world.sysadmin, reason="换届")
    access.end_appointment(post, on=START, by=world.sysadmin, reason="提前")

    with pytest.raises(BadAppointment, match="重新任职"):
        access.end_appointment(post, on=IN_A_MONTH, by=world.sysadmin, reason="反悔")


@pytest.mark.parametrize("apart", ["auditor", "sysadmin"])
def test_whoever_stands_in_for_somebody_who_decides_becomes_no_auditor_meanwhile(world: World, apart: str) -> None:
    helper = make_staff("helper", "x")
    twin = make_staff("twin", "x", key=helper.person_key)
    access.delegate(
        world.cashier.appointments.get(), helper,
        valid_from=START, valid_to=IN_A_MONTH, reason="休假", approved_by=world.county_approver,
    )  # fmt: skip

    for account in (helper, twin):
        with pytest.raises(BadAppointment, match="审计和系统管理"):
            access.appoint(account, apart, world.county, by=world.sysadmin)


def test_an_administrator_is_granted_no_case_in_any_account(world: World) -> None:
    case = world.open()
    twin = make_staff("twin", "x", key=world.sysadmin_2.person_key)

    for account in (world.sysadmin_2, twin):
        with pytest.raises(BadAppointment, match="管理员不看"):
            granted(
                account,
                "view_case",
                case,
                until=IN_A_MONTH,
                reason="看看",
                approved_by=world.county_approver,
                by=world.sysadmin,
            )


def test_whoever_becomes_administrator_loses_sight_of_a_case_she_was_granted(world: World) -> None:
    case, helper = world.open(), make_staff("helper", "x")
    granted(
        helper, "view_case", case, until=IN_A_MONTH, reason="抽查", approved_by=world.county_approver, by=world.sysadmin
    )
    assert list(cases_in_reach(fresh(helper))) == [case]

    confirm(access.appoint(helper, "sysadmin", world.county, by=world.sysadmin), by=world.sysadmin_2)

    assert not cases_in_reach(fresh(helper)).exists()


def test_nobody_grants_sight_of_what_she_does_not_see_herself(world: World) -> None:
    case, helper = world.open(), make_staff("helper", "x")

    for approver in (world.sysadmin, world.other_clerk):
        with pytest.raises(BadAppointment, match="批准人"):
            granted(
                helper, "view_case", case, until=IN_A_MONTH, reason="抽查", approved_by=approver, by=world.sysadmin_2
            )


def units_file(folder: Path, *rows: str) -> Path:
    path = folder / "units.csv"
    path.write_text("\n".join(["code,parent,name,level,valid_from,valid_to", *rows]), encoding="utf-8")
    return path


def test_an_administrator_brings_in_units_of_her_own_place_alone(world: World, tmp_path: Path) -> None:
    """A file of a township neither renames the county nor takes a village of another township over."""
    local = make_staff("local_admin", "x")
    access.appoint(local, "sysadmin", world.township, by=None)
    elsewhere = units_file(tmp_path, "990101202,990101,别的乡,township,2020-01-01,")
    import_org_units(elsewhere)

    for row in (
        "990101,990100,改了名的县,county,1995-01-01,",
        "990101203,990101,第三乡,township,2020-01-01,",
        f"990101202,{world.township.code},抢来的乡,township,2020-01-01,",
    ):
        with pytest.raises(BadOrgUnits, match="第 2 行"):
            import_org_units(units_file(tmp_path, row), by=local)

    done = import_org_units(
        units_file(
            tmp_path,
            f"{world.county.code},{world.county.parent.code},{world.county.name},county,1995-01-01,",
            f"990101201299,{world.township.code},新村,village,2026-01-01,",
            "990101201299001,990101201299,新组,group,2026-01-01,",
        ),
        by=local,
    )
    assert (done.created, done.unchanged) == (2, 1)
    assert OrgUnit.objects.get(code="990101201299001").township == world.township
