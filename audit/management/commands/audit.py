"""Check the trail, or seal it now."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from audit import checkpoints
from audit.console import JsonCommand
from audit.verify import verify

SHOWN = 50


class Command(JsonCommand):
    help = "verify: prove that nothing was changed after it was written. checkpoint: seal what was written so far."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("verb", choices=("verify", "checkpoint"))
        parser.add_argument("--anchor", action="append", default=[], help="verify: a seal's fingerprint from a paper")

    def handle(self, *, verb: str, **options: Any) -> None:
        self.is_json = options["json"]
        if verb == "checkpoint":
            self._checkpoint()
        elif self._problems(options["anchor"]):
            sys.exit(1)

    def _problems(self, anchors: list[str]) -> int:
        report = verify(anchors=anchors)
        if self.is_json:
            self.stdout.write(json.dumps(asdict(report), ensure_ascii=False))
        else:
            for problem in report.problems[:SHOWN]:
                where = " ".join(str(part) for part in (problem.table, problem.row, problem.stream) if part)
                self.stdout.write(f"{problem.kind}: {where}: {problem.message}")
            self.stdout.write(f"{report.rows} rows, {len(report.problems)} problems, {report.seconds} s")
        return len(report.problems)

    def _checkpoint(self) -> None:
        entries, made = checkpoints.seal_all(everything=True, most=10_000)
        last = made or checkpoints.latest()
        answer = {
            "entries": entries,
            "total": last.total if last else 0,
            "fingerprint": last.fingerprint if last else None,
            "hash": bytes(last.hash).hex() if last else None,
            "public_key": checkpoints.public_key().hex(),
        }
        if self.is_json:
            self.stdout.write(json.dumps(answer))
        else:
            for name, value in answer.items():
                self.stdout.write(f"{name}: {value}")
