import json
import time
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import connection

from access.models import OrgUnit
from audit import checkpoints, clock
from audit.console import JsonCommand
from casework.database import rights
from casework.demo import cases, problem_village, relatives, township
from casework.models import Case
from families.importing.ledger_import import import_ledger
from families.importing.register_import import import_register
from families.models import Household


class Command(JsonCommand):
    help = (
        "Load the demo township: places, staff, rules, money, the register, the ledger, cases. Twice changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--no-cases", action="store_true", help="leave out the cases that are under way")
        parser.add_argument(
            "--problem-village",
            action="store_true",
            help="plant eleven faults in one village, for auditors to find (manage.py rules)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if Household.objects.exists() and not settings.DEMO:
            raise CommandError("This database holds families that are not the demo's. Use an empty one.")
        begun = time.monotonic()
        self.say = (lambda text: None) if options["json"] else self.stdout.write
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        (settings.DATA_DIR / "demo").touch()
        settings.DEMO = True
        rights.grant(connection)  # the demo's clock may be moved
        clock.move_to(township.FIRST_DAY)
        self._step("places, staff, rules, money", township.set_up)
        self._step("household register", self._register)
        self._step("hardship ledger", self._ledger)
        if not options["no_cases"] and not Case.objects.exists():
            self._step("cases under way", self._cases)
        if options["problem_village"]:
            self._step("a village with faults", self._faults)
        self._step("seal", checkpoints.seal_all)
        counts = {
            "households": Household.objects.count(),
            "hardship_households": Household.objects.filter(is_hardship=True).count(),
            "cases": Case.objects.count(),
            "seconds": round(time.monotonic() - begun, 1),
        }
        self.stdout.write(json.dumps(counts) if options["json"] else f"  {counts}")

    def _step(self, name: str, work: Any) -> None:
        begun = time.monotonic()
        work()
        self.say(f"  {name}: {time.monotonic() - begun:.1f} s")

    def _register(self) -> None:
        if not Household.objects.exists():
            import_register(township.FILES / "household-register.csv", by=None)

    def _ledger(self) -> None:
        if not Household.objects.filter(is_hardship=True).exists():
            import_ledger(township.FILES / "hardship-ledger.xlsx", by=None, good_rows=True)

    def _cases(self) -> None:
        in_need = (
            Household.objects.filter(is_hardship=True, head__person_key__isnull=False, accounts__is_active=True)
            .order_by("village_id", "pk")
            .select_related("head", "village")
        )
        first = list(in_need.filter(village__code="990101201202")[:12])
        others = in_need.exclude(village__code="990101201202").order_by("household_no")[:400:14]
        cases.tell([*first, *others])
        relatives.declare()

    def _faults(self) -> None:
        village = OrgUnit.objects.get(code=problem_village.CODE)
        if not problem_village.is_planted(village):
            problem_village.plant(village)
