"""A small township in which everything can happen: two villages, one person for each role, rules, money.

Tests say `world = build_world()` and then state only what matters to them. Dates start on Wednesday 2026-04-15.
"""

import csv
import datetime
import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction

from access import services as access
from access.models import OrgUnit, Staff
from access.units import import_org_units
from access.vault import person_key
from casework.acting import act
from casework.models import Case, CaseDocument, Deliberation, Measure
from casework.opening import open_case
from families import services as families
from families.models import BankAccount, Household, HouseholdMember, Person
from flows import calendar
from flows.services import draft_version, publish_version
from funds import services as funds
from funds.models import Fund

START = datetime.date(2026, 4, 15)
NEEDS_WORDS = "屋顶漏雨，想修一修"
DEMO = Path(__file__).resolve().parent.parent / "demo"
_serial = itertools.count(1)
_homes = itertools.count(1)  # apart from the acts: ID numbers of one birthday come round after 500


def id_number(birth: datetime.date, serial: int, *, female: bool = False) -> str:
    """An invented, valid ID number of the unassigned region 999999."""
    digits = f"999999{birth:%Y%m%d}{serial % 500 * 2 + (0 if female else 1):03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11]


ROLES_AT = {
    "village_clerk": "village",
    "village_head": "village",
    "resident_cadre": "village",
    "township_clerk": "township",
    "township_approver": "township",
    "county_reviewer": "county",
    "county_approver": "county",
    "fund_manager": "county",
    "fund_checker": "county",
    "cashier": "county",
    "auditor": "county",
}


@dataclass
class World:
    county: OrgUnit
    township: OrgUnit
    village: OrgUnit
    other_village: OrgUnit
    staff: dict[str, Staff]
    fund: Any
    groups: dict[int, OrgUnit] = field(default_factory=dict)

    def __getattr__(self, role: str) -> Staff:
        try:
            return self.__dict__["staff"][role]
        except KeyError:
            raise AttributeError(role) from None

    @transaction.atomic
    def household(
        self, village: OrgUnit | None = None, *, birth: datetime.date = datetime.date(1950, 3, 1)
    ) -> Household:
        """A household of two, with an account."""
        village = village or self.village
        n = next(_homes)
        head = make_person(f"江正{chr(0x4E00 + n % 500)}", birth, n)
        household = Household(
            household_no=f"{village.code}001{n:04d}",
            group=self.groups[village.pk],
            head=head,
            head_name=head.name,
            is_hardship=True,
            severity="hardship",
        )
        household.place_in(village)
        household.save()
        spouse = make_person(f"林云{chr(0x4E00 + n % 500)}", datetime.date(1955, 5, 5), n + 10_000, female=True)
        for person, relation in ((head, "户主"), (spouse, "配偶")):
            HouseholdMember.objects.create(
                household=household, person=person, relation=relation, valid_from=datetime.date(2020, 1, 1)
            )
        families.record_account(
            household, head, f"999999{n:013d}", kind="card", bank="禾丰农商银行", by=self.staff["township_clerk"]
        )
        return household

    def survey(self, household: Household, **more: Any) -> Any:
        facts = {"household_size": 2, "income_fen_yearly": 1_200_000, "causes": ["illness"]}
        version = household.surveys.count() + 1
        return families.record_survey(
            household,
            families.Findings(
                surveyed_on=more.pop("surveyed_on", START),
                facts=facts | more.pop("facts", {}),
                needs_words=NEEDS_WORDS,
                consent_given=True,
                consent_how="signature",
                **more,
            ),
            by=self.village_clerk,
            second=self.resident_cadre,
            change_reason="" if version == 1 else "补正",
        )

    def open(self, programme: str = "disaster_relief", household: Household | None = None, **more: Any) -> Case:
        household = household or self.household()
        return open_case(
            household, programme, by=self.village_clerk, key=f"open:{next(_serial)}", words="房子塌了一角", **more
        )

    def do(self, case: Case, action: str, by: Any = "", **more: Any) -> Any:
        """One act by the proper person; `by` names a role, a Staff, or None for the worker."""
        who = self.staff[by] if isinstance(by, str) and by else by
        if by == "":
            role = case_now(case).spec.edge(case_now(case).state, action).roles[0]
            who = self.staff.get(role)
        more.setdefault("key", f"{action}:{next(_serial)}")
        return act(case.pk, action, by=who, **more)

    @transaction.atomic
    def papers(self, case: Case, *kinds: str) -> None:
        for kind in kinds:
            document = families.add_document(
                case.household,
                ContentFile(kind.encode() + str(next(_serial)).encode(), name=f"{kind}.txt"),
                kind=kind,
                by=self.village_clerk,
            )
            CaseDocument.objects.create(case=case, document=document, kind=kind, added_on=START)

    @transaction.atomic
    def deliberate(self, case: Case, **votes: int) -> Deliberation:
        case = case_now(case)
        return Deliberation.objects.create(
            case=case,
            round=case.notice_round + 1,
            held_on=START,
            place="村委会",
            host="王建业",
            recorder="周文秀",
            due_count=votes.get("due", 12),
            present_count=votes.get("present", 11),
            recused=["肖永福，申请人的叔叔"],
            votes_for=votes.get("for_", 9),
            votes_against=votes.get("against", 0),
            votes_abstain=votes.get("abstain", 1),
            minutes="听取情况，讨论，表决。",
            recorded_by=self.village_clerk,
        )

    @transaction.atomic
    def plan(self, case: Case, count: int = 6) -> None:
        for n in range(count):
            Measure.objects.create(case=case, domain="livelihood", title=f"措施{n + 1}", need_words="修屋顶")

    def brought_to(
        self, state: str, programme: str = "disaster_relief", *, amount_fen: int = 200_000, **more: Any
    ) -> Case:
        """A case of the ordinary way, taken by the proper persons to `state`."""
        case = self.open(programme, **more)
        steps = (
            ("triaged", lambda: self.do(case, "triage", "village_clerk")),
            ("draft", lambda: self.do(case, "start_survey", "village_clerk")),
            ("registered", lambda: self._register(case, amount_fen)),
            ("village_review", lambda: self.do(case, "submit", "village_clerk")),
            ("village_notice", lambda: (self.deliberate(case), self.do(case, "endorse", "village_head"))),
            ("township_review", lambda: self._end_notice(case)),
            ("township_decision", lambda: self.do(case, "check", "township_clerk")),
            ("county_review", lambda: self.do(case, "approve", "township_approver")),
            ("county_decision", lambda: self.do(case, "review", "county_reviewer")),
            ("county_countersign", lambda: self.do(case, "confirm", "county_approver")),
            ("fund_reserved", lambda: self.do(case, "countersign", "county_approver_2")),
        )
        for _name, step in steps:
            if case_now(case).state == state or case_now(case).state == "fund_reserved":
                break
            step()
        assert case_now(case).state == state, case_now(case).state
        return case_now(case)

    def _register(self, case: Case, amount_fen: int) -> None:
        survey = self.survey(case.household)
        self.papers(case, *case.rules.documents.get("register", []))
        account = BankAccount.objects.get(household=case.household, is_active=True)
        if not case.spec.has_money:
            self.plan(case)
        self.do(
            case,
            "register",
            "village_clerk",
            data={"survey_id": survey.pk, "amount_fen": amount_fen, "account_id": account.pk, "cause": "illness"},
        )

    def _end_notice(self, case: Case) -> None:
        from audit import clock

        notice = case_now(case).notices.latest("round")
        with clock.frozen_at(notice.ends_on + datetime.timedelta(days=1)):
            self.do(case, "end_notice", None)


def case_now(case: Case) -> Case:
    """The case as it stands in the database."""
    return Case.objects.get(pk=case.pk)


@transaction.atomic
def make_person(name: str, birth: datetime.date, serial: int, *, female: bool = False) -> Person:
    person = Person(name=name, sex="f" if female else "m", birth_date=birth)
    person.set_id_number(id_number(birth, serial, female=female))
    person.save()
    return person


@transaction.atomic
def make_staff(username: str, name: str, key: str | None = None, **more: Any) -> Staff:
    return Staff.objects.create_user(
        username, name, key or person_key(f"staff-{username}"), "a-long-password-1", **more
    )


def load_calendar() -> None:
    calendar.load(DEMO / "working-days.csv")


def publish_rules(author: Staff, publisher: Staff, **changes: dict[str, Any]) -> None:
    """The demo's rules of every programme; `changes` overrides parameters by programme."""
    for programme, entry in json.loads((DEMO / "programmes.json").read_text()).items():
        parameters = entry["parameters"] | changes.get(programme, {})
        version = draft_version(programme, parameters, valid_from=datetime.date(2026, 1, 1), by=author)
        publish_version(version.pk, by=publisher)


def build_world(**rules: dict[str, Any]) -> World:
    load_calendar()
    units = _units()
    staff = {}
    for role, level in ROLES_AT.items():
        staff[role] = make_staff(role, f"{role}")
        access.appoint(staff[role], role, units[level], by=None, valid_from=datetime.date(2026, 1, 1))
    for role in ("township_approver", "county_approver"):
        staff[f"{role}_2"] = make_staff(f"{role}_2", f"{role} 2")
        access.appoint(staff[f"{role}_2"], role, units[ROLES_AT[role]], by=None, valid_from=datetime.date(2026, 1, 1))
    staff["other_clerk"] = make_staff("other_clerk", "other clerk")
    access.appoint(staff["other_clerk"], "village_clerk", units["other"], by=None, valid_from=datetime.date(2026, 1, 1))
    staff["sysadmin"], staff["sysadmin_2"] = make_staff("sysadmin", "sysadmin"), make_staff("sysadmin_2", "sysadmin 2")
    for name in ("sysadmin", "sysadmin_2"):
        access.appoint(staff[name], "sysadmin", units["county"], by=None, valid_from=datetime.date(2026, 1, 1))
    publish_rules(staff["sysadmin"], staff["sysadmin_2"], **rules)
    fund = funds.open_fund("CARE", "关怀基金", source="fiscal", unit=units["county"])
    funds.receive(fund, 100_000_000, key="receive:1")
    for programme in ("disaster_relief", "education_grant", "elderly_support"):
        funds.allocate(
            fund, 30_000_000, programme=programme, unit=units["township"], year=2026, key=f"allocate:{programme}"
        )
    return load_world()


def load_world() -> World:
    """The world that the database holds, with fresh objects."""
    units = {unit.code: unit for unit in OrgUnit.objects.all()}
    village, other = units["990101201201"], units["990101201202"]
    groups = {village.pk: village.children.first(), other.pk: other.children.first()}
    staff = {account.username: account for account in Staff.objects.all()}
    return World(units["990101"], units["990101201"], village, other, staff, Fund.objects.get(code="CARE"), groups)


def _units() -> dict[str, OrgUnit]:
    path = DEMO / "org-units.csv"
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    wanted = ["990000", "990100", "990101", "990101201", "990101201201", "990101201202"]
    groups = [next(r["code"] for r in rows if r["parent"] == village and not r["valid_to"]) for village in wanted[-2:]]
    chosen = [row for row in rows if row["code"] in wanted + groups]
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False, encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(chosen)
    import_org_units(Path(file.name))
    Path(file.name).unlink()
    found = {unit.code: unit for unit in OrgUnit.objects.all()}
    names = ["province", "prefecture", "county", "township", "village", "other", "group", "other_group"]
    return dict(zip(names, (found[code] for code in wanted + groups), strict=True))
