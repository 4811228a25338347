import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from audit.console import JsonCommand
from flows import calendar
from flows.errors import FlowsError


class Command(JsonCommand):
    help = "Import working days (CSV with date, is_working_day, name)."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            days = calendar.load(options["file"])
        except (FlowsError, OSError) as error:
            raise CommandError(f"Not a working-day calendar: {error}") from error
        self.stdout.write(json.dumps({"days": days}) if options["json"] else f"{days} days")
