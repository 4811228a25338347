import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from access.errors import AccessError
from access.units import import_org_units
from audit.console import JsonCommand


class Command(JsonCommand):
    help = "Import org units (CSV with code, parent, name, level, valid_from, valid_to)."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = import_org_units(options["file"])
        except (AccessError, OSError) as error:
            raise CommandError(str(error)) from error
        counts = {"created": done.created, "changed": done.changed, "unchanged": done.unchanged}
        self.stdout.write(json.dumps(counts) if options["json"] else str(counts))
