"""Check the books."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from audit.console import JsonCommand
from funds import ledger


class Command(JsonCommand):
    help = "check: recompute every balance from the transfers. Exit status 1 when the books are not sound."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("verb", choices=("check",))

    def handle(self, **options: Any) -> None:
        found = ledger.check()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found)))
        else:
            for name, value in asdict(found).items():
                self.stdout.write(f"{name}: {value}")
        if found.drift_fen or found.negative_accounts:
            sys.exit(1)
