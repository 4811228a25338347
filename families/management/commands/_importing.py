"""What the two import commands share: their options, their answer and their exit status."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from audit.console import JsonCommand
from families.errors import FamiliesError
from families.importing.report import ImportReport


class ImportCommand(JsonCommand):
    """Exit status 1 when the file has errors and was therefore not taken."""

    take: Callable[..., ImportReport]

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="judge the file, write nothing")
        parser.add_argument("--good-rows", action="store_true", help="take the households without errors")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = type(self).take(
                options["file"], by=None, dry_run=options["dry_run"], good_rows=options["good_rows"]
            )
        except (FamiliesError, OSError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(report.to_json(), ensure_ascii=False))
        else:
            self.stdout.write(
                f"{report.households} households, {report.persons} persons; {report.created} rows created, "
                f"{report.updated} updated, {report.unchanged} unchanged; {len(report.errors)} errors, "
                f"{len(report.warnings)} warnings; {report.seconds:.1f} s"
            )
        if report.errors and not options["good_rows"]:
            sys.exit(1)
