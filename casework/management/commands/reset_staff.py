"""For the operator of the machine: a new password, or the end of a second factor, where no two administrators are left to do it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from access import factor
from access import services as access
from access.errors import AccessError
from access.models import Reset, Staff
from access.sessions import end_sessions


class Command(BaseCommand):
    help = (
        "Reset the password or the second factor of an account, without administrators: when one of two has lost hers."
        " It stands in the account's history without a person, for auditors to see."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("what", choices=Reset.What.values)
        parser.add_argument("--reason", required=True)

    @transaction.atomic
    def handle(self, *, username: str, what: str, reason: str, **options: Any) -> None:
        staff = Staff.objects.filter(username=username).first()
        if staff is None:
            raise CommandError(f"There is no account {username}.")
        try:
            if what == Reset.What.PASSWORD:
                password = access.set_one_time_password(staff, by=None)
                self.stdout.write(f"{username} may now log in with the password {password}, and must change it then.")
                return
            if not factor.end(staff, by=None, reason=f"by the operator: {reason}"):
                raise CommandError(f"{username} has no second factor.")
            end_sessions(staff, why="factor reset")
            self.stdout.write(f"{username} enrols a new second factor at the next step that asks for it.")
        except AccessError as refusal:
            raise CommandError(str(refusal)) from refusal
