"""How long files are kept, which have expired, and erasing them by two persons (ADR 0035, docs/operations.md)."""

import argparse
import datetime
import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from access.models import Staff
from audit import clock
from audit.console import JsonCommand
from audit.errors import AuditError
from casework.errors import REFUSALS
from casework.retention import due, erasing, periods
from casework.retention.models import RetentionPeriod
from families.models import Household

MOST = 200


class Command(JsonCommand):
    help = (
        "period KIND YEARS --basis DOCUMENT: how long files are kept. report: which have expired, and what holds them. "
        "propose / erase: by one person of the county, then by another; each needs her post, and the worker carries it out. "
        "Nothing is due before a period is set."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        verbs = parser.add_subparsers(dest="verb", required=True)
        period = verbs.add_parser("period", help="how long files of a kind are kept, from a day on")
        period.add_argument("kind", choices=RetentionPeriod.Kind.values)
        period.add_argument("years", type=int)
        period.add_argument("--basis", required=True, help="the document that sets it")
        period.add_argument("--from", dest="valid_from", type=datetime.date.fromisoformat, help="first day; else today")
        report = verbs.add_parser("report", help="what has expired, and what is held")
        propose = verbs.add_parser("propose", help="propose expired files, all or those of the numbers given")
        propose.add_argument("numbers", nargs="*", metavar="HOUSEHOLD_NO")
        erase = verbs.add_parser("erase", help="confirm what another proposed; the worker erases it")
        erase.add_argument("orders", nargs="+", type=int, metavar="ORDER")
        for verb in (propose, erase):
            verb.add_argument("--by", required=True, help="username of whoever does it")
        for verb in (period, report, propose, erase):  # may stand after the verb as well
            verb.add_argument(
                "--json", action="store_true", default=argparse.SUPPRESS, help="answer with one JSON object"
            )

    def handle(self, *, verb: str, **options: Any) -> None:
        self.is_json = options["json"]
        try:
            self._tell(getattr(self, f"_{verb}")(options))
        except (*REFUSALS, AuditError) as refusal:
            raise CommandError(str(refusal)) from refusal

    def _period(self, options: dict[str, Any]) -> dict[str, Any]:
        day = options["valid_from"] or clock.today()
        row = periods.enter(options["kind"], options["years"], valid_from=day, basis=options["basis"])
        return {"kind": row.kind, "years": row.years, "from": row.valid_from.isoformat()}

    def _report(self, options: dict[str, Any]) -> dict[str, Any]:
        today = clock.today()
        expired = due.expired(Household.objects.all(), today)
        files = [
            {
                "household_no": one.household.household_no,
                "kind": one.kind,
                "since": one.since.isoformat(),
                "held": one.held,
            }
            for one in due.of(expired[:MOST], today)
        ]
        waiting = erasing.open_orders().order_by("id")
        return {
            "periods": {kind: f"{row.years} years, {row.basis}" for kind, row in periods.in_force(today).items()},
            "expired": expired.count(),
            "files": files,
            "waiting": list(waiting.filter(confirmed_by=None).values_list("pk", flat=True)[:MOST]),
            "confirmed": list(waiting.filter(confirmed_by__isnull=False).values_list("pk", flat=True)[:MOST]),
            "refused": {row.pk: erasing.why_refused(row) for row in erasing.refused().order_by("-id")[:MOST]},
        }

    def _propose(self, options: dict[str, Any]) -> dict[str, Any]:
        today = clock.today()
        rows = due.expired(Household.objects.all(), today)
        if options["numbers"]:
            rows = rows.filter(household_no__in=options["numbers"])
        by = self._person(options["by"])
        free = [one.household.pk for one in due.of(rows[:MOST], today) if not one.held]
        return {"orders": [erasing.propose(pk, by=by).pk for pk in free]}

    def _erase(self, options: dict[str, Any]) -> dict[str, Any]:
        by = self._person(options["by"])
        return {"confirmed": [erasing.confirm(pk, by=by).pk for pk in options["orders"]]}

    def _person(self, username: str) -> Staff:
        found = Staff.objects.filter(username=username, is_active=True).first()
        if found is None:
            raise CommandError(f"There is no active account {username}.")
        return found

    def _tell(self, answer: dict[str, Any]) -> None:
        if self.is_json:
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        else:
            for name, value in answer.items():
                self.stdout.write(f"{name}: {value}")
