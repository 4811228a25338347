"""The first accounts of an installation, which can then make all the others on their desk: two administrators."""

import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.db.models import Q

from access import services as access
from access.errors import AccessError
from access.models import Appointment, OrgUnit, Staff
from audit import clock
from audit.context import acting
from casework.desks.admin.forms import StaffForm
from funds import bank_formats

ROLE = "sysadmin"


class Command(BaseCommand):
    help = (
        "Make the first system administrator and print her one-time password. Refused once there is an administrator;"
        " with --second make the other one, also after one has left. Refused once there are two."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="usually the mobile number; cannot be changed later")
        parser.add_argument("name")
        parser.add_argument("unit", help="code of the org unit, usually the county (import them with import_units)")
        parser.add_argument("--id-number", help="asked for when missing; not stored, only its fingerprint is")

        parser.add_argument("--second", action="store_true", help="there is one administrator and must be two")

    @transaction.atomic
    def handle(
        self, *, username: str, name: str, unit: str, id_number: str | None, second: bool = False, **options: Any
    ) -> None:
        today = clock.today()
        in_office = Appointment.objects.filter(role=ROLE, staff__is_active=True, confirmed_on__isnull=False)
        in_office = in_office.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=today))
        there = in_office.values("staff__person_key").distinct().count()
        if there > 1 or there and not second:
            raise CommandError("There is an administrator already. She makes further accounts on her desk.")
        place = OrgUnit.objects.filter(code=unit, valid_to__isnull=True).first()
        if place is None:
            raise CommandError(f"There is no unit {unit}. Import the units first: manage.py import_units FILE.")
        typed = {"username": username, "name": name, "id_number": id_number or input("ID number: ")}
        form = StaffForm(typed)
        if not form.is_valid():
            raise CommandError("; ".join(f"{field}: {' '.join(said)}" for field, said in form.errors.items()))
        if Staff.objects.filter(username=username).exists():
            raise CommandError(f"The account {username} is taken.")
        password = secrets.token_urlsafe(9)
        if in_office.filter(staff__person_key=form.person_key).exists():
            raise CommandError("This is the administrator that there is. The second one is another person.")
        try:
            with acting(reason="set-up"):
                staff = Staff.objects.create_user(username, name, form.person_key, password, must_change_password=True)
                access.appoint(staff, ROLE, place, by=None, reason="set-up")
                bank_formats.seed()
        except AccessError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{username} may now log in with the password {password}, and must change it then.")
