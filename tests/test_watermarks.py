"""Whatever leaves as a sheet or a PDF says who took it, when and why; and the access log says so, too.

Views that hand out files are found in the program itself: one that nobody has thought of fails here.
"""

import ast
import csv
import importlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from audit.models import AccessLog
from casework.inspection import choosing
from casework.inspection import services as packs
from casework.inspection.choosing import Chosen
from casework.typeset import has_chinese_font
from jobs import runner
from jobs.models import Job
from tests.desks.test_audit import paid
from tests.world import World

WHY = "交给省检查组核对"
MARKED = {
    "audit:export", "funds:statement_file", "funds:statement_result", "imports:findings", "packs:take",
    "relatives:export",
}  # fmt: skip
WITHOUT = {
    # a bank refuses a line that it does not know: the reason is in the log, the person in the row of the file
    "funds:export": "the bank's list",
    "funds:bank_list_take": "the bank's list",
    # papers that came in from outside, byte for byte; who opened one is in the log
    "cases:document": "an original",
    "countersigns:receipt": "an original",
    # pictures of the rules, and of one case's way through them: no person in them
    "programme_flow_svg": "rules", "programme_flow_bpmn": "rules", "case_process_svg": "rules",
}  # fmt: skip


def views(resolver: URLResolver | None = None, space: str = "") -> Iterator[tuple[str, Any]]:
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from views(entry, f"{entry.namespace}:" if entry.namespace else space)
        elif isinstance(entry, URLPattern) and entry.name:
            yield f"{space}{entry.name}", entry.callback


def hands_out_files(view: Any) -> bool:
    """Whether the view, or a function of its module that it calls, answers with a file."""
    while hasattr(view, "__wrapped__"):
        view = view.__wrapped__
    module = importlib.import_module(view.__module__)
    if not getattr(module, "__file__", None) or "/casework/" not in module.__file__:
        return False
    functions = {
        node.name: node
        for node in ast.parse(Path(module.__file__).read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    wanted, seen = [getattr(view, "__name__", "")], set()
    while wanted:
        name = wanted.pop()
        if name in seen or name not in functions:
            continue
        seen.add(name)
        for node in ast.walk(functions[name]):
            if isinstance(node, ast.Name) and node.id in ("FileResponse", "StreamingHttpResponse"):
                return True
            if isinstance(node, ast.Constant) and node.value == "Content-Disposition":
                return True
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                wanted.append(node.func.id)
    return False


def test_every_view_that_hands_out_a_file_is_known() -> None:
    assert {name for name, view in views() if hands_out_files(view)} == MARKED | set(WITHOUT)


# ---------------------------------------------------------------- each of them


def log_in(staff: Any) -> Client:
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


def body(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.status_code
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def first_line(content: bytes) -> str:
    return next(csv.reader(io.StringIO(content.decode("utf-8-sig"))))[0]


def is_marked(line: str, who: str, why: str = WHY) -> bool:
    return line.startswith(f"{who} 于 ") and "年" in line and why in line


def logged(subject: str) -> list[tuple[str, str]]:
    return list(AccessLog.objects.filter(subject=subject, kind="export").values_list("actor_name", "reason"))


def test_a_trail(world: World) -> None:
    case = paid(world)
    url = reverse("audit:export", args=[case.pk])

    sheet = body(log_in(world.auditor).post(url, {"form": "csv", "reason": WHY}))
    facts = json.loads(body(log_in(world.auditor).post(url, {"form": "json", "reason": WHY})))

    assert is_marked(first_line(sheet), "auditor")
    assert facts["taken"]["who"] == "auditor" and facts["taken"]["why"] == WHY and facts["taken"]["at"]
    assert logged(case.subject) == [("auditor", WHY)] * 2


def statement(world: World, form: str) -> Any:
    given = {"of": f"fund:{world.fund.pk}", "from": "2026-04-01", "to": "2026-06-30", "form": form, "reason": WHY}
    return log_in(world.fund_manager).post(reverse("funds:statement_file"), given)


def test_a_statement_at_once_and_by_a_job(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    paid(world)

    sheet = body(statement(world, "csv"))
    book = openpyxl.load_workbook(io.BytesIO(body(statement(world, "xlsx"))))
    monkeypatch.setattr("casework.desks.funds.statement_files.MOST_AT_ONCE", 0)
    statement(world, "csv")
    job = Job.objects.get()
    runner.run(job.pk)
    late = body(log_in(world.fund_manager).get(reverse("funds:statement_result", args=[job.pk])))

    assert is_marked(first_line(sheet), "fund_manager") and is_marked(first_line(late), "fund_manager")
    for one in book.worksheets:
        assert is_marked(one["A1"].value, "fund_manager") and WHY in one.oddHeader.center.text
    assert logged(f"fund:{world.fund.pk}") == [("fund_manager", WHY)] * 3


def test_the_register_of_relatives(world: World) -> None:
    sheet = body(log_in(world.township_clerk).post(reverse("relatives:export"), {"reason": WHY}))

    assert is_marked(first_line(sheet), "township_clerk") and logged("relatives") == [("township_clerk", WHY)]


def test_what_is_wrong_in_an_import(world: World) -> None:
    job = Job.objects.create(
        kind="ledger_import", title="x", requested_by_id=world.township_clerk.pk, state=Job.State.WAITING,
        result={"errors": [{"sheet": "一村", "cell": "B3", "message": "缺身份证"}], "warnings": []},
    )  # fmt: skip

    sheet = body(log_in(world.township_clerk).get(reverse("imports:findings", args=[job.pk])))

    assert is_marked(first_line(sheet), "township_clerk", "改导入的表") and len(logged(f"job:{job.pk}")) == 1


@pytest.mark.skipif(not has_chinese_font(), reason="this machine has no Chinese font")
def test_each_sheet_and_each_page_of_a_pack(world: World) -> None:
    paid(world)
    job = packs.order(Chosen(choosing.PLACE, world.village), reason=WHY, by=world.auditor)
    runner.run(job.pk)
    job.refresh_from_db()
    url = reverse("packs:take", args=[job.result["pack"], 1])

    content = body(log_in(world.auditor).post(url, {"reason": WHY}))

    with zipfile.ZipFile(io.BytesIO(content)) as pack:
        for name in ("index.csv", "payments.csv"):
            assert is_marked(first_line(pack.read(name)), "auditor"), name
        assert json.loads(pack.read("manifest.json"))["reason"] == WHY


def test_the_mark_is_no_formula_and_asks_for_a_reason() -> None:
    from django.utils import timezone

    from casework.errors import ReasonNeeded
    from casework.watermark import Mark, demand_reason

    assert Mark("=HYPERLINK(1)", timezone.now(), WHY).row[0].startswith("'=")
    for short in ("", "   ", "看看", "a  b"):
        with pytest.raises(ReasonNeeded):
            demand_reason(short)
