import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from access.errors import AccessError
from access.services import import_org_units


class Command(BaseCommand):
    help = "Import org units (CSV with code, parent, name, level, valid_from, valid_to)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = import_org_units(options["file"])
        except (AccessError, OSError) as error:
            raise CommandError(str(error)) from error
        counts = {"created": done.created, "changed": done.changed, "unchanged": done.unchanged}
        self.stdout.write(json.dumps(counts) if options["json"] else str(counts))
