"""Places, people in office, rules and money of the demo township. Running it again changes nothing."""

import csv
import datetime
import json
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from access import services as access
from access.models import Appointment, OrgUnit, Staff
from access.units import import_org_units
from access.vault import person_key
from audit.context import acting
from casework.demo import goods, money
from casework.demo_accounts import DEMO_PASSWORD
from flows import calendar
from flows.models import ProgrammeVersion, WorkingDay
from flows.services import draft_version, publish_version
from funds import bank_formats

FILES = Path(settings.BASE_DIR) / "demo"
FIRST_DAY = datetime.date(2026, 4, 15)  # the demo's business date, a Wednesday
IN_OFFICE_SINCE = datetime.date(2026, 1, 1)
_PASSWORD = make_password(DEMO_PASSWORD)  # hashed once: every demo account has the same


@transaction.atomic
def set_up() -> None:
    """Org units, calendar, staff with posts, published rules, money from its sources to its purposes, two stores with goods."""
    with acting(reason="演示数据"):
        import_org_units(FILES / "org-units.csv")
        if not WorkingDay.objects.exists():
            calendar.load(FILES / "working-days.csv")
        _appoint_everybody()
        _publish_rules()
        money.fill()
        goods.stock_up()
        bank_formats.seed()


def _appoint_everybody() -> None:
    units = {unit.code: unit for unit in OrgUnit.objects.all()}
    with open(FILES / "staff.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            staff = Staff.objects.filter(username=row["username"]).first()
            if staff is None:
                key = person_key(f"demo:{row['username']}")
                staff = Staff.objects.create_user(row["username"], row["name"], key, password=None)
                staff.password = _PASSWORD
                staff.save()
            if not Appointment.objects.filter(staff=staff, role=row["role"], unit=units[row["unit"]]).exists():
                access.appoint(staff, row["role"], units[row["unit"]], by=None, valid_from=IN_OFFICE_SINCE)


def _publish_rules() -> None:
    author, publisher = Staff.objects.get(username="guanli1"), Staff.objects.get(username="guanli2")
    for programme, entry in json.loads((FILES / "programmes.json").read_text(encoding="utf-8")).items():
        if not ProgrammeVersion.objects.filter(programme=programme).exists():
            version = draft_version(
                programme, entry["parameters"], valid_from=IN_OFFICE_SINCE, by=author, basis=entry["basis"]
            )
            publish_version(version.pk, by=publisher)
