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
from casework.demo_accounts import DEMO_PASSWORD
from flows import calendar
from flows.models import ProgrammeVersion, WorkingDay
from flows.services import draft_version, publish_version
from funds import bank_formats
from funds import services as funds
from funds.models import Fund

FILES = Path(settings.BASE_DIR) / "demo"
FIRST_DAY = datetime.date(2026, 4, 15)  # the demo's business date, a Wednesday
IN_OFFICE_SINCE = datetime.date(2026, 1, 1)
YEAR = 2026
_PASSWORD = make_password(DEMO_PASSWORD)  # hashed once: every demo account has the same


@transaction.atomic
def set_up() -> None:
    """Org units, calendar, staff with posts, published rules, a fund with its allocations, the banks' formats."""
    with acting(reason="演示数据"):
        import_org_units(FILES / "org-units.csv")
        if not WorkingDay.objects.exists():
            calendar.load(FILES / "working-days.csv")
        _appoint_everybody()
        _publish_rules()
        _fill_the_fund()
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


def _fill_the_fund() -> None:
    if Fund.objects.exists():
        return
    county, township = OrgUnit.objects.get(level="county"), OrgUnit.objects.get(level="township")
    fiscal = funds.open_fund(
        "CZ-2026", "县级困难家庭帮扶专项", source="fiscal", unit=county, document_no="岚财社〔2026〕3号"
    )
    funds.receive(fiscal, 180_000_000, key="demo:receive:fiscal", document_no="岚财社〔2026〕3号")
    raised = funds.open_fund(
        "GA-2026", "青禾乡关爱基金", source="raised", unit=township, programmes=["education_grant"]
    )
    funds.receive(raised, 30_000_000, key="demo:receive:raised", reason="2026 年春季募集")
    for fund, programme, yuan in (
        (fiscal, "disaster_relief", 600_000),
        (fiscal, "elderly_support", 500_000),
        (raised, "education_grant", 200_000),
    ):
        funds.allocate(
            fund, yuan * 100, programme=programme, unit=township, year=YEAR, key=f"demo:allocate:{programme}:{fund.pk}"
        )
