import json
import sys
from typing import Any

from django.core.management.base import CommandError

from audit.console import JsonCommand
from casework.errors import REFUSALS
from casework.walkthrough import walk


class Command(JsonCommand):
    help = "Take one case of each kind from the first word to the last, by the proper persons, on the demo data."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = walk()
        except REFUSALS as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(report, ensure_ascii=False))
        else:
            for case in report["cases"]:
                self.stdout.write(f"{case['case_no']} {case['programme']}: {' → '.join(case['path'])}")
            self.stdout.write(f"ledger {report['ledger']}, audit {report['audit']}, {report['seconds']} s")
        if report["ledger"]["drift_fen"] or report["audit"]["problems"]:
            sys.exit(1)
