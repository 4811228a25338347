"""The first account of an installation is made on the command line, and only the first."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from access.models import Appointment, OrgUnit, Staff
from tests.owner import owner

ID_NUMBER = "11010519491231002X"  # the specimen of the national standard


@pytest.fixture
def county(db) -> OrgUnit:
    with owner():
        Appointment.objects.filter(role="sysadmin").delete()
    return OrgUnit.objects.filter(level="county").first()


def first_admin(unit: str, username: str = "13900000000", id_number: str = ID_NUMBER) -> str:
    out = StringIO()
    call_command("first_admin", username, "张明", unit, "--id-number", id_number, stdout=out)
    return out.getvalue()


def test_the_first_administrator_logs_in_with_the_printed_password_and_must_change_it(world, county):
    said = first_admin(county.code)

    staff = Staff.objects.get(username="13900000000")
    assert staff.check_password(said.split("password ")[1].split(",")[0])
    assert staff.must_change_password
    assert [(post.role, post.unit) for post in staff.appointments.all()] == [("sysadmin", county)]


def test_a_second_one_is_refused(world, county):
    first_admin(county.code)

    with pytest.raises(CommandError, match="administrator already"):
        first_admin(county.code, username="13900000001")


def test_a_wrong_unit_or_id_number_makes_no_account(world, county):
    for mistake in ({"unit": "000"}, {"unit": county.code, "id_number": "110105194912310021"}):
        with pytest.raises(CommandError):
            first_admin(**mistake)

    assert not Staff.objects.filter(username="13900000000").exists()
