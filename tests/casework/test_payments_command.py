"""manage.py payments: lists and answers from scripts, each refusal one JSON object and a status of its own."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audit.models import AccessLog
from funds import bank_formats
from funds.models import BankFile, BankFormat, Payment
from tests.funds.banking.files import HEADING, csv_file
from tests.funds.sent import DEMO_SENT_ON, PayLine, demo_lines, more_money, plain_payments, send
from tests.funds.test_bank_files import EXPECTED, answer, row
from tests.world import DEMO, World

JIANG = PayLine("QH0001", "江正", "9999990000000000014", 80_000, "禾丰农商银行")


@pytest.fixture(autouse=True)
def formats(db: None) -> Any:
    bank_formats.seed()
    with plain_payments():
        yield


def run(*args: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("payments", *map(str, args), "--json", stdout=out)
    return json.loads(out.getvalue())


def refused(*args: Any) -> dict[str, Any]:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("payments", *map(str, args), "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert told["ok"] is False
    return told


def test_a_dry_run_tells_everything_and_posts_nothing(world: World) -> None:
    expected = EXPECTED["bank-return-a.csv"]
    more_money(world)
    send(world, demo_lines(expected["batch_no"]), sent_on=DEMO_SENT_ON)

    told = run("import", DEMO / "bank-return-a.csv", "--bank", "HFNS", "--dry-run")

    assert (told["lines"], told["counts"], told["reasons"]) == (
        expected["lines"],
        expected["counts"],
        expected["reasons"],
    )
    assert told["sent_payments"] == expected["sent_payments"] and told["sent_fen"] == expected["sent_yuan"] * 100
    assert told["no_answer"] == expected["no_answer"] and told["header_row"] == expected["header_row"]
    assert not told["posted"] and not BankFile.objects.exists()


def test_an_import_posts_and_a_second_one_is_refused(world: World, tmp_path: Path) -> None:
    send(world, [JIANG])
    path = tmp_path / "a.csv"
    path.write_bytes(answer(row(JIANG)))
    assert refused("import", path, "--bank", "COMMON")["message"].startswith("Say who")

    told = run("import", path, "--bank", "COMMON", "--by", world.cashier.username)

    assert told["ok"] and told["posted"] and told["sums_fen"] == {"matched_success": 80_000}
    assert Payment.objects.get().state == "credited"
    path.rename(tmp_path / "renamed.csv")
    again = refused("import", tmp_path / "renamed.csv", "--bank", "COMMON", "--by", world.cashier.username)
    assert again["error"] == "AlreadyPosted" and "a.csv" in again["message"]


@pytest.mark.parametrize(
    ("content", "bank", "error"),
    [
        (b"%PDF-1.7", "COMMON", "WrongFileType"),
        (answer(row(JIANG, "妥了")), "COMMON", "WordsUnknown"),
        (answer(row(JIANG), ["合计", "共 2 笔", "", "800.00", "", "", ""]), "COMMON", "AnswerNotSound"),
        (answer(row(JIANG)), "NOBODY", "NoFormat"),
        (answer(row(PayLine("X1", "别人", "9999990000000000099", 1_000))), "COMMON", "NothingOfOurs"),
        (b"PK\x03\x04" + b"junk" * 50, "COMMON", "BrokenFile"),
        ("今天天气很好".encode(), "COMMON", "WrongFileType"),
        (csv_file(HEADING[:1] + HEADING[2:], row(JIANG)).getvalue(), "COMMON", "HeadingsUnknown"),
    ],
)
def test_a_refusal_is_one_object_and_leaves_nothing(
    world: World, tmp_path: Path, content: bytes, bank: str, error: str
) -> None:
    send(world, [JIANG])
    path = tmp_path / "a.csv"
    path.write_bytes(content)

    assert refused("import", path, "--bank", bank, "--by", world.cashier.username)["error"] == error
    assert Payment.objects.get().state == "sent" and not BankFile.objects.exists()


def test_a_list_is_written_with_its_sums(world: World, tmp_path: Path) -> None:
    send(world, [JIANG])

    told = run("export", "PB-1", "--bank", "HFNS", "--out", tmp_path / "a.csv", "--reason", "交银行", "--by", "cashier")

    assert (told["count"], told["total_fen"]) == (1, 80_000)
    assert JIANG.account in (tmp_path / "a.csv").read_text("gb18030")
    assert AccessLog.objects.get().reason == "交银行"
    assert refused("export", "PB-9", "--bank", "HFNS", "--by", "cashier")["message"] == "There is no batch PB-9."


def test_only_who_may_see_the_account_numbers_exports_them(world: World, tmp_path: Path) -> None:
    send(world, [JIANG])

    for username in ("sysadmin", "auditor", "village_clerk"):
        told = refused("export", "PB-1", "--bank", "HFNS", "--out", tmp_path / "a.csv", "--by", username)
        assert told["error"] == "NotYours"

    assert not list(tmp_path.iterdir()) and not AccessLog.objects.exists() and not BankFile.objects.exists()


def test_a_refused_list_leaves_no_file(world: World, tmp_path: Path) -> None:
    send(world, [PayLine("QH7", "江正", "123", 50_000)])

    told = refused("export", "PB-1", "--bank", "HFNS", "--out", tmp_path / "a.csv", "--by", "cashier")

    assert told["error"] == "ListRefused" and "1: " in told["message"]
    assert not list(tmp_path.iterdir())


def test_a_format_of_a_new_bank_is_a_file(world: World, tmp_path: Path) -> None:
    spec = BankFormat.objects.get(code="HFNS", direction="in").spec | {"code": "NEWBANK", "name": "新银行"}
    path = tmp_path / "new.json"
    path.write_text(json.dumps(spec), encoding="utf-8")

    assert "NEWBANK" in {one["code"] for one in run("format", path, "--by", "fund_manager")["formats"]}
    assert run("format")["added"] == 0
    assert BankFormat.objects.get(code="NEWBANK").made_by == world.fund_manager
    assert refused("format", path, "--by", "fund_manager")["error"] == "FormatError"
