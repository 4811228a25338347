"""The audit rule pack from scripts: run it over a unit, list its rules."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from access.models import OrgUnit
from audit.console import JsonCommand
from casework.auditing import running
from casework.auditing.rules import RULES


class Command(JsonCommand):
    help = "Look for trouble with the audit rule pack. Exit status 0 whatever it finds; the hits stay for the auditors."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "unit", nargs="?", help="code of a county, township or village; without one: list the rules"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["unit"] is None:
            self._list(options["json"])
            return
        unit = OrgUnit.objects.filter(code=options["unit"]).first()
        if unit is None:
            raise CommandError(f"No unit has the code {options['unit']}.")
        made = running.run(unit, by=None)
        if options["json"]:
            answer = {"ok": True, "run": made.pk, "unit": unit.code, "as_of": made.as_of, "counts": made.counts}
            self.stdout.write(json.dumps(answer, default=str))
            return
        for code, count in made.counts.items():
            self.stdout.write(f"  {count:6d}  {code}  {RULES[code].title}")

    def _list(self, as_json: bool) -> None:
        rows = [
            {"code": rule.code, "title": str(rule.title), "parameters": {one.name: one.default for one in rule.params}}
            for rule in RULES.values()
        ]
        self.stdout.write(json.dumps({"ok": True, "rules": rows}, ensure_ascii=False)) if as_json else [
            self.stdout.write(f"  {row['code']}  {row['title']}  {row['parameters'] or ''}") for row in rows
        ]
