"""What no page of ours asks for is refused or left aside; nothing of it is a crash."""

import datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.urls.converters import IntConverter

from access.models import OrgUnit
from casework.desks.funds import urls as funds_urls
from casework.fields import DayField
from casework.models import CaseEvent, SurveyDraft
from funds.errors import MoneyError
from funds.money import parse_yuan
from tests.desks.test_township import login
from tests.world import World, case_now

NUL, ENDLESS = "a\x00b", "9" * 5000


def pages(world: World) -> list[tuple[str, str]]:
    """(role, page with a place for a value)."""
    fund = f"/funds/{world.fund.pk}/"
    case = world.open()
    return [
        ("village_clerk", "/village/find/?q={}"),
        ("village_clerk", f"/village/families/{case.household_id}/survey/?case={{}}"),
        ("township_clerk", "/township/find/?q={}"),
        ("township_clerk", "/township/recusals/?case={}"),
        ("county_reviewer", "/county/find/?q={}"),
        ("fund_manager", fund + "?case={}"),
        ("fund_manager", fund + "?allocation={}"),
        ("fund_manager", "/funds/waiting/?village={}"),
        ("fund_manager", "/funds/waiting/?later={}"),
        ("fund_manager", "/funds/payments/?q={}"),
        ("fund_manager", "/funds/payments/?provider={}"),
        ("fund_manager", "/funds/providers/?q={}"),
        ("fund_manager", "/funds/providers/?state={}"),
        ("fund_manager", "/funds/recovery/?done={}"),
        ("auditor", "/audit/reads/?case={}"),
        ("auditor", "/audit/reads/?who={}"),
        ("auditor", f"/audit/records/case/{case.pk}/?to={{}}"),
        ("auditor", "/audit/?least={}"),
        ("sysadmin", "/admin/staff/?q={}"),
        ("sysadmin", "/admin/units/?unit={}"),
    ]


@pytest.mark.parametrize("value", [NUL, ENDLESS, "-1", "１２", "'; --", "%", "\\"])
def test_no_question_in_an_address_crashes_a_page(world: World, value: str) -> None:
    for role, page in pages(world):
        address, _mark, name = page.partition("?")
        answer = login(Client(), world.staff[role]).get(address, {name.removesuffix("={}"): value})
        assert answer.status_code < 500, page
        assert answer.status_code == 400 or value != NUL, page


def test_a_statement_from_the_beginning_of_time_is_one_of_this_year(world: World) -> None:
    fund = f"/funds/periods/statement/?of=fund:{world.fund.pk}"
    client = login(Client(), world.staff["fund_manager"])

    for days in ("&from=0001-01-01", "&to=9999-12-31", "&from=9999-12-31&to=0001-01-01"):
        assert client.get(fund + days).status_code == 200, days


# what the pages of the funds desk read out of their addresses
ASKED = {
    "funds:home": ["page"],
    "funds:fund": ["kind", "entry", "from", "to", "case", "allocation", "page"],
    "funds:figure": ["allocation", "parts", "page"],
    "funds:flow": ["year", "fund", "by"],
    "funds:pace": ["year", "fund", "programme", "allocation"],
    "funds:entries": [
        *("figure", "year", "fund", "not_fund", "programme", "not_programme", "allocation", "village", "not_village"),
        *("township", "not_township", "first", "last", "page"),
    ],
    "funds:waiting": ["programme", "village", "later", "page"],
    "funds:batches": ["state", "page"],
    "funds:payments": ["state", "programme", "q", "provider", "from", "to", "page"],
    "funds:recoveries": ["done", "page"],
    "funds:providers": ["q", "state", "page"],
    "funds:bank": ["page"],
    "funds:bank_tasks": ["state", "kind", "page"],
    "funds:budget": ["year", "fund", "unit", "programme", "page"],
    "funds:proposals": ["state", "page"],
    "funds:receipts": ["kind", "fund", "q", "year", "page"],
    "funds:donors": ["kind", "q", "page"],
    "funds:campaigns": ["state", "page"],
    "funds:statement": ["of", "from", "to"],
    "funds:statement_rows": ["of", "from", "to", "stage", "until", "kind", "way", "reversal", "page"],
    "funds:periods": ["unit", "page"],
    "funds:open_items": ["page"],
    "funds:imprest": ["page"],
}
FUNDS_ROLES = [
    "village_clerk",
    "township_approver",
    "county_approver",
    "fund_manager",
    "fund_checker",
    "cashier",
    "auditor",
]
ODD = ["x", "no_such_programme", "9" * 18, "0001-01-01", "9999-12-31", "1871"]


def funds_pages(world: World) -> dict[str, list[dict[str, Any]]]:
    """{name of a page: the parts of its address}: of rows that are there, and of none that can be."""
    known = {
        "fund_id": world.fund.pk,
        "allocation_id": world.fund.allocations.first().pk,
        "unit_id": world.county.pk,
        "year": 2026,
        "month": 4,
        "name": "committed",
    }
    pages = {}
    for pattern in funds_urls.urlpatterns:
        parts = pattern.pattern.converters
        there = {part: known.get(part, 1) for part in parts}
        numbers = [part for part, kind in parts.items() if isinstance(kind, IntConverter)]
        pages[f"funds:{pattern.name}"] = [there] + [
            there | {part: int(odd)} for part in numbers for odd in ("0", "9" * 18, "9" * 40)
        ]
    return pages


@pytest.mark.parametrize("role", FUNDS_ROLES)
def test_no_address_of_the_funds_desk_crashes(world: World, role: str) -> None:
    client = login(Client(raise_request_exception=False), world.staff[role])

    for name, addresses in funds_pages(world).items():
        for parts in addresses:
            for answer in (client.get, client.post):
                assert answer(reverse(name, kwargs=parts)).status_code < 500, (name, parts, answer.__name__)


@pytest.mark.parametrize("odd", ODD)
def test_no_question_to_the_funds_desk_crashes(world: World, odd: str) -> None:
    client, pages = login(Client(raise_request_exception=False), world.fund_manager), funds_pages(world)
    of = {"of": f"fund:{world.fund.pk}"}

    for page, names in ASKED.items():
        address = reverse(page, kwargs=pages[page][0])
        for name in names:
            asked = (of if page.startswith("funds:statement") else {}) | {name: odd}
            assert client.get(address, asked).status_code < 500, (page, name)
    for kind in ("fund", "programme", "township", "village", "county"):
        assert client.get(reverse("funds:statement"), {"of": f"{kind}:{odd}"}).status_code < 500, kind


@pytest.mark.parametrize("month", ["0001-01", "9999-12", "2026-13", "0000-01"])
def test_a_month_at_the_end_of_time_is_no_page(world: World, month: str) -> None:
    assert login(Client(), world.county_reviewer).get("/county/filed/", {"month": month}).status_code == 404


def test_a_key_with_nul_is_no_key(world: World) -> None:
    case = world.open()
    page = f"/cases/{case.pk}/act/triage/"

    assert login(Client(), world.village_clerk).post(page, {"key": NUL}).status_code == 400
    assert case_now(case).state == "lead" and CaseEvent.objects.filter(case=case).count() == 1


def test_a_day_far_out_of_any_calendar_is_told_as_such() -> None:
    for boxes in (("2026", "9" * 20, "1"), ("2026", "1", ENDLESS), ("0000", "1", "1")):
        with pytest.raises(ValidationError) as refusal:
            DayField().clean(boxes)
        assert refusal.value.code == "no_such_day"
    assert DayField().clean(("２０２６", "４", "１５")) == datetime.date(2026, 4, 15)


def test_an_endless_amount_is_too_large() -> None:
    with pytest.raises(MoneyError, match="太大"):
        parse_yuan(ENDLESS)


def test_only_cases_that_wait_for_money_are_offered_for_a_batch(world: World) -> None:
    early, ready = world.open(), world.brought_to("fund_reserved")
    client = login(Client(), world.fund_manager)

    answer = client.post("/funds/waiting/build/", {"case": [str(early.pk), str(ready.pk), ENDLESS, "x"]})

    assert [row.case.pk for row in answer.context["rows"]] == [ready.pk]


def test_the_last_page_of_a_survey_kept_first_leads_to_the_first_that_is_missing(world: World) -> None:
    household = world.household()
    client = login(Client(), world.village_clerk)
    address = f"/village/families/{household.pk}/survey/visit/"
    sent: dict[str, Any] = {"surveyed_on_year": "2026", "surveyed_on_month": "4", "surveyed_on_day": "15"}
    sent |= {"second": str(world.resident_cadre.pk), "consent_given": "on", "consent_how": "signature"}
    sent |= {"is_cadre_relative": "no", "cadre_relative_of": ""}

    answer = client.post(address, sent)

    assert answer.status_code == 302 and answer["Location"].endswith("/survey/members/")
    assert "visit" in SurveyDraft.objects.get(household=household).answers


def test_a_unit_with_an_endless_name_is_refused_with_its_line(world: World) -> None:
    text = f"code,parent,name,level,valid_from,valid_to\n990101202,990101,{'长' * 61},township,2020-01-01,\n"
    file = SimpleUploadedFile("units.csv", text.encode())

    answer = login(Client(), world.sysadmin).post("/admin/units/", {"file": file})

    assert "第 2 行" in answer.content.decode() and not OrgUnit.objects.filter(code="990101202").exists()
