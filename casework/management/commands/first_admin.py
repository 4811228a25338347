"""The first account of an installation, which can then make all the others on its desk."""

import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from access import services as access
from access.errors import AccessError
from access.models import Appointment, OrgUnit, Staff
from audit.context import acting
from casework.desks.admin.forms import StaffForm
from funds import bank_formats

ROLE = "sysadmin"


class Command(BaseCommand):
    help = (
        "Make the first system administrator and print her one-time password. Refused once there is an administrator."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="usually the mobile number; cannot be changed later")
        parser.add_argument("name")
        parser.add_argument("unit", help="code of the org unit, usually the county (import them with import_units)")
        parser.add_argument("--id-number", help="asked for when missing; not stored, only its fingerprint is")

    @transaction.atomic
    def handle(self, *, username: str, name: str, unit: str, id_number: str | None, **options: Any) -> None:
        if Appointment.objects.filter(role=ROLE, staff__is_active=True).exists():
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
        try:
            with acting(reason="set-up"):
                staff = Staff.objects.create_user(username, name, form.person_key, password, must_change_password=True)
                access.appoint(staff, ROLE, place, by=None, reason="set-up")
                bank_formats.seed()
        except AccessError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{username} may now log in with the password {password}, and must change it then.")
