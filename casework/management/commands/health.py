"""Is everything well? For whoever runs the machine, with the details that /readyz keeps from strangers."""

import json
import sys
from typing import Any

from audit.console import JsonCommand
from casework.watching import health


class Command(JsonCommand):
    help = "Look at database, migrations, worker, broker, seal, disk, clock and archive. Exit status 1 if anything is not well."
    requires_system_checks = []

    def handle(self, **options: Any) -> None:
        findings = health.look()
        code, is_ready = health.code_of(findings)
        if options["json"]:
            details = {one.code: {"ok": one.is_well, **one.details} for one in findings}
            answer = {"ok": code == "ok", "ready": is_ready, "code": code, "checks": details}
            self.stdout.write(json.dumps(answer, ensure_ascii=False, default=str))
        else:
            for one in findings:
                self.stdout.write(f"{'well' if one.is_well else 'NOT WELL'}: {one.code} {one.details or ''}".rstrip())
        if code != "ok":
            sys.exit(1)
