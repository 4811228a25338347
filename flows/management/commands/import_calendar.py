import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from flows import calendar
from flows.errors import FlowsError


class Command(BaseCommand):
    help = "Import working days (CSV with date, is_working_day, name)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            days = calendar.load(options["file"])
        except (FlowsError, OSError) as error:
            raise CommandError(f"Not a working-day calendar: {error}") from error
        self.stdout.write(json.dumps({"days": days}) if options["json"] else f"{days} days")
