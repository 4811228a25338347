"""Statements on the desk: each figure leads to its rows, the rows to their cases, and a file says who took it."""

import csv
import datetime
import io
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse

from audit import clock
from audit.context import acting
from audit.models import AccessLog
from casework import payments
from casework.desks.funds import statement_files
from casework.models import Case
from funds import budget
from funds import services as funds
from funds.models import Payment, Transfer
from jobs import runner
from jobs.models import Job
from tests.casework.test_whole_way import pay
from tests.funds import quarter
from tests.world import World

QUARTER = {"from": "2026-04-01", "to": "2026-06-30"}
EVIL = '=HYPERLINK("http://evil","x")'


def log_in(staff: Any) -> Client:
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def summer(world: World) -> World:
    """The quarter has gone by; it is 1 July."""
    quarter.run(world)
    return world


@pytest.fixture(autouse=True)
def in_july(business_day: None) -> Any:
    with clock.frozen_at(datetime.date(2026, 7, 1)):
        yield


def addresses(client: Client, user: Any) -> list[str]:
    from casework.desks.funds.statement_scope import choices

    return [address for _heading, items in choices(user) for address, _name in items]


def test_every_figure_of_every_statement_is_the_sum_of_the_rows_it_leads_to(summer: World) -> None:
    client = log_in(summer.fund_manager)
    found = addresses(client, summer.fund_manager)
    assert {address.partition(":")[0] for address in found} == {"fund", "programme", "township", "village"}

    for of in found:
        page = client.get(reverse("funds:statement"), {"of": of, **QUARTER})
        statement = page.context["found"]
        assert statement.ties and page.status_code == 200
        for _words, rows, count, fen in page.context["lines"]:
            assert (count, fen) == (sum(row["line"].count for row in rows), sum(row["line"].amount_fen for row in rows))
            for row in rows:
                listed = client.get(row["url"]).context
                assert (listed["page"].paginator.count, listed["sum_fen"]) == (
                    row["line"].count,
                    row["line"].amount_fen,
                ), row
        assert client.get(page.context["opening_url"]).context["sum_fen"] == statement.opening_fen
        assert client.get(page.context["closing_url"]).context["sum_fen"] == statement.closing_fen
        for row in page.context["stages"]:
            for name in ("opening", "in", "out", "closing"):
                assert client.get(row[f"{name}_url"]).context["sum_fen"] == getattr(row["stage"], f"{name}_fen"), (
                    of,
                    row,
                    name,
                )


def test_rows_lead_to_their_cases_and_late_ones_name_their_payment(world: World) -> None:
    with clock.frozen_at(datetime.date(2026, 4, 15)):
        case = world.brought_to("fund_reserved", amount_fen=200_000)
        pay(world, case)
        sent = Payment.objects.get(subject=case.subject)
    with clock.frozen_at(datetime.date(2026, 5, 6)), acting(world.cashier, reason="answers"):
        payments.record_answers([payments.Answer(sent.pk, True)], by=world.cashier, key="a")
    client = log_in(world.fund_manager)

    answer = client.get(reverse("funds:statement_rows"), {"of": f"fund:{world.fund.pk}", "kind": "settle", **QUARTER})

    (row,) = answer.context["rows"]
    assert row["case"] == case and row["late"] == datetime.date(2026, 4, 15)
    html = answer.content.decode()
    assert "属于 4 月的付款" in html and reverse("cases:detail", args=[case.pk]) in html
    entry = client.get(reverse("funds:entry", args=[row["transfer"].pk]))
    assert "属于 4 月的付款" in entry.content.decode() and case.case_no in entry.content.decode()


def test_what_is_given_on_within_a_stage_stands_among_its_rows(world: World) -> None:
    """Given on from one allocation to another it is in what came and in what went of the allocated money."""
    whole = funds.allocate(world.fund, 5_000_000, programme="", unit=world.county, year=2026, key="whole")
    budget.divide(whole, 2_000_000, programme="", unit=world.township, key="part", document_no="文 1")
    client = log_in(world.fund_manager)
    asked = {"of": f"fund:{world.fund.pk}", "from": "2026-01-01", "to": "2026-12-31"}

    page = client.get(reverse("funds:statement"), asked)

    (row,) = (row for row in page.context["stages"] if row["stage"].kind == "allocated")
    assert (row["stage"].in_fen, row["stage"].out_fen) == (97_000_000, 2_000_000)
    for name, sign in (("in", "+"), ("out", "−")):
        listed = client.get(row[f"{name}_url"]).context
        assert listed["sum_fen"] == getattr(row["stage"], f"{name}_fen")
        assert {entry["sign"] for entry in listed["rows"]} == {sign}


def test_what_is_out_of_reach_is_absent(summer: World) -> None:
    county, township = log_in(summer.fund_manager), log_in(summer.township_clerk)
    fund, url = f"fund:{summer.fund.pk}", reverse("funds:statement")

    assert township.get(url, {"of": fund}).status_code == 404  # kept by the county
    assert township.get(url, {"of": f"village:{summer.village.pk}", **QUARTER}).context["found"].out_fen == 11_000_00
    assert log_in(summer.village_clerk).get(url).status_code == 404
    nonsense = (
        "fund:0",
        "fund:",
        "fund:x",
        "donor:1",
        "village:99999999999999999999",
        f"township:{summer.village.pk}",
        "programme:none",
    )
    for of in nonsense:
        assert county.get(url, {"of": of}).status_code == 404, of
        assert county.post(reverse("funds:statement_file"), {"of": of, "form": "csv"}).status_code == 404
    entry = Transfer.objects.get(key="second")
    assert county.get(reverse("funds:entry", args=[entry.pk])).status_code == 200
    assert township.get(reverse("funds:entry", args=[entry.pk])).status_code == 404
    village_entry = Transfer.objects.filter(kind="reserve").first()
    assert township.get(reverse("funds:entry", args=[village_entry.pk])).status_code == 200
    assert Client().get(url).status_code == 302


@pytest.mark.parametrize(
    ("given", "first", "last"),
    [
        ({}, "2026-01-01", "2026-07-01"),
        ({"from": "2026-06-30", "to": "2026-05-01"}, "2026-05-01", "2026-06-30"),
        ({"from": "soon", "to": "2026-13-01"}, "2026-01-01", "2026-07-01"),
        ({"to": "2025-03-31"}, "2025-01-01", "2025-03-31"),
    ],
)
def test_any_days_may_be_asked_for(summer: World, given: dict[str, str], first: str, last: str) -> None:
    page = log_in(summer.fund_manager).get(reverse("funds:statement"), {"of": f"fund:{summer.fund.pk}", **given})
    found = page.context["found"]
    assert (str(found.first), str(found.last)) == (first, last) and found.ties


def test_pages_take_the_same_queries_however_many_rows(summer: World, django_assert_max_num_queries: Any) -> None:
    client, of = log_in(summer.fund_manager), f"fund:{summer.fund.pk}"
    client.get(reverse("funds:statement"))
    with django_assert_max_num_queries(30):
        client.get(reverse("funds:statement"), {"of": of, **QUARTER})
    with django_assert_max_num_queries(22):
        client.get(reverse("funds:statement_rows"), {"of": of, **QUARTER})


# ---------------------------------------------------------------- files

WHY = "交给财政局核对"


def take(world: World, form: str, **more: str) -> Any:
    return log_in(world.fund_manager).post(
        reverse("funds:statement_file"), {"of": f"fund:{world.fund.pk}", "form": form, "reason": WHY, **QUARTER, **more}
    )


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_a_csv_holds_the_statement_and_every_row_and_no_formula(summer: World) -> None:
    with clock.frozen_at(datetime.date(2026, 6, 30)):
        funds.receive(summer.fund, 1_00, key="evil", document_no=EVIL, reason="+1")
    answer = take(summer, "csv")

    lines = list(csv.reader(io.StringIO(body(answer).decode("utf-8-sig"))))
    assert ["期初", "", "", "0.00"] in lines and ["期末", "", "", "1182001.00"] in lines
    assert ["减少", "到账", "3", "13000.00"] in lines and ["减少", "收款（冲正）", "1", "99.00"] in lines
    assert lines[0][0].startswith("fund_manager 于 ") and WHY in lines[0][0]
    assert lines[3][0] == "谁导出的" and lines[3][1].startswith("fund_manager") and lines[3][2] == WHY
    heading = next(n for n, line in enumerate(lines) if line and line[0] == "日期")
    rows = lines[heading + 1 :]
    assert len(rows) == Transfer.objects.count()
    assert [row for row in rows if row[8] == "evil"] == [
        ["2026-06-30", "收款", "增加", "", f"'{EVIL}", "'+1", "1.00", "", "evil"]
    ]
    assert sum(row[7] == "2026-04-20" for row in rows) == 2  # returned in May, paid in April
    logged = AccessLog.objects.get()
    assert (logged.kind, logged.subject) == ("export", f"fund:{summer.fund.pk}")
    assert logged.fields == "statement,2026-04-01,2026-06-30,csv"
    assert logged.actor_name and logged.reason == WHY


def test_nothing_leaves_without_a_reason(summer: World) -> None:
    answer = take(summer, "csv", reason="看")

    assert answer.status_code == 302 and not AccessLog.objects.exists()
    page = log_in(summer.fund_manager).get(answer.url)
    assert page.status_code == 200


def test_a_workbook_has_two_sheets_with_numbers_that_add_up(summer: World) -> None:
    answer = take(summer, "xlsx")
    book = openpyxl.load_workbook(io.BytesIO(body(answer)))

    assert book.sheetnames == ["对账单", "明细"]
    rows = list(book["明细"].iter_rows(min_row=3, values_only=True))
    signs = {"增加": 1, "减少": -1, "内部移动": 0}
    assert round(sum(signs[row[2]] * row[6] for row in rows), 2) == 1_182_000
    assert re.search(r"filename\*?=", answer["Content-Disposition"])


def test_a_long_statement_is_a_job_whose_file_is_its_own_users(summer: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statement_files, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(statement_files, "CHUNK", 4)
    short = body_lines(body(take_short(summer)))
    answer = take(summer, "csv")
    job = Job.objects.get()
    assert answer.status_code == 302 and answer.url == reverse("funds:statement_job", args=[job.pk])
    client, other = log_in(summer.fund_manager), log_in(summer.fund_checker)

    waiting = client.get(answer.url)
    assert waiting["Refresh"] and client.get(reverse("funds:statement_result", args=[job.pk])).status_code == 404
    job.refresh_from_db()
    made = statement_files._run(job, lambda *args, **more: None)
    Job.objects.filter(pk=job.pk).update(state="done", result=made.result)
    job.refresh_from_db()
    job.result_file.save(made.file.name, made.file)

    assert "下载" in client.get(answer.url).content.decode()
    file = client.get(reverse("funds:statement_result", args=[job.pk]))
    assert body_lines(b"".join(file.streaming_content)) == short
    for name in ("statement_job", "statement_result"):
        assert other.get(reverse(f"funds:{name}", args=[job.pk])).status_code == 404
    assert statement_files.JOB in runner._kinds


def take_short(world: World) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statement_files, "MOST_AT_ONCE", 10_000)
        return take(world, "csv")


def body_lines(content: bytes) -> list[list[str]]:
    lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    return [line for line in lines if not line or (line[0] != "谁导出的" and WHY not in line[0])]


def test_links_of_a_statement_stay_within_it(summer: World) -> None:
    page = log_in(summer.fund_manager).get(reverse("funds:statement"), {"of": f"fund:{summer.fund.pk}", **QUARTER})
    for href in re.findall(r'href="([^"]*periods/statement/rows[^"]*)"', page.content.decode()):
        asked = parse_qs(urlsplit(href.replace("&amp;", "&")).query)
        assert asked["of"] == [f"fund:{summer.fund.pk}"]
    assert Case.objects.count() == 0
