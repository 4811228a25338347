"""A bundle is checked by a program that knows nothing of ours; without a reason it shows nobody's values."""

import datetime
import hashlib
import json
import os
import zipfile
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from audit import anchors, bundle, checkpoints, leaves
from audit.context import Acting, request_of
from audit.errors import BundleTooLarge, NothingToExport
from audit.models import AccessLog, Entry
from casework.models import Case
from funds.models import Transfer
from tests.audit.attack import run, settle, triggers_off
from tests.audit.bundles import key, members_of, run_alone, standalone
from tests.audit.test_sets import people  # noqa: F401 - a fixture
from tests.world import World


@pytest.fixture(autouse=True)
def sealed_in_one_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaves, "_own_transaction", lambda: 0)


@pytest.fixture
def case(world: World) -> Case:
    """A case with money, sealed in two steps."""
    world.brought_to("village_notice")
    settle()
    assert checkpoints.seal()
    case = world.brought_to("fund_reserved")
    settle()
    assert checkpoints.seal()
    return case


def export(path: Path, selection: bundle.Selection = bundle.WHOLE, **how: Any) -> bundle.Exported:
    with request_of(lambda: Acting(by_id=0, by_name="shell")):
        return bundle.export(path, selection, **how)


def told(*arguments: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("audit", *map(str, arguments), "--json", stdout=out)
    return json.loads(out.getvalue())


def test_the_whole_trail_holds_for_somebody_who_has_nothing_of_ours(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    exported = export(path)
    last = checkpoints.latest()

    status, answer = run_alone(path, "--key", key(), "--anchor", anchors.line(last)[:-21])

    assert (status, answer["holds"], answer["events"]) == (0, True, Entry.objects.count() - 1)
    assert answer["root"] == exported.root == bytes(last.root).hex() and answer["seals"] == 2
    assert answer["movements"] == Transfer.objects.count() > 0 and answer["accounts"] > 3
    assert exported.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert oct(path.stat().st_mode)[-3:] == "600" and os.listdir(tmp_path) == ["all.zip"]


def test_the_export_is_an_event_of_the_trail(case: Case, tmp_path: Path) -> None:
    exported = export(tmp_path / "all.zip", reveal="巡察组调阅")

    row = AccessLog.objects.latest("id")
    assert (row.kind, row.subject, row.reason, row.actor_id) == ("export", "trail", "巡察组调阅", 0)
    assert exported.sha256 in row.fields and "in clear" in row.fields
    settle()
    assert Entry.objects.filter(table="audit_accesslog", row_id=row.pk).exists()


def test_an_export_that_cannot_be_written_down_leaves_no_file(case: Case, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="actor_id"), request_of(lambda: Acting(by_id=None)):
        bundle.export(tmp_path / "all.zip")

    assert os.listdir(tmp_path) == []


def test_no_value_is_in_it_unless_it_is_revealed(case: Case, tmp_path: Path) -> None:
    names = [*case.household.members.values_list("person__name", flat=True), case.household.address]
    export(tmp_path / "all.zip")
    export(tmp_path / "clear.zip", reveal="核对")

    masked, clear = (tmp_path / "all.zip").read_bytes(), (tmp_path / "clear.zip").read_bytes()
    digests = [bytes(entry.digest).hex().encode() for entry in Entry.objects.all()[:50]]
    assert not [name for name in names if name and name.encode() in masked]
    assert not [digest for digest in digests if digest in masked]
    assert all(name.encode() in clear for name in names if name)
    assert run_alone(tmp_path / "clear.zip", "--key", key())[0] == 0


def test_any_zip_program_opens_it(case: Case, tmp_path: Path) -> None:
    export(tmp_path / "all.zip")

    with zipfile.ZipFile(tmp_path / "all.zip") as opened:
        assert opened.testzip() is None
        assert opened.namelist()[0] == "README.txt" and opened.namelist()[-2:] == ["manifest.json", "manifest.sig"]


@pytest.mark.parametrize("reveal", ["", "核对"])
def test_one_case_comes_with_its_proofs(case: Case, tmp_path: Path, reveal: str) -> None:
    path = tmp_path / "case.zip"
    export(path, bundle.selected("case", case.case_no), reveal=reveal)

    status, answer = run_alone(path, "--key", key())

    streams = {case.subject, f"household:{case.household_id}"}
    chosen = {json.loads(line)["stream"] for line in members_of(path.read_bytes())["events/000000.jsonl"].splitlines()}
    assert status == 0 and not answer["is_whole"] and answer["selection"] == {"case": case.case_no}
    assert streams <= chosen and answer["events"] >= Entry.objects.filter(stream=case.subject).count() > 20
    assert AccessLog.objects.latest("id").subject == case.subject


def test_one_fund_comes_with_its_balances(case: Case, tmp_path: Path, world: World) -> None:
    path = tmp_path / "fund.zip"
    export(path, bundle.selected("fund", world.fund.code))

    status, answer = run_alone(path, "--key", key())

    assert status == 0 and answer["accounts"] == world.fund.accounts.count() and answer["movements"] > 0


def test_a_span_of_days(case: Case, tmp_path: Path) -> None:
    today = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    export(tmp_path / "now.zip", bundle.between(today - day, today + day))
    export(tmp_path / "never.zip", bundle.between(today + day, today + 2 * day))

    assert run_alone(tmp_path / "now.zip", "--key", key())[1]["events"] > 100
    status, answer = run_alone(tmp_path / "never.zip", "--key", key())
    assert (status, answer["events"]) == (0, 0)


def test_what_is_not_sealed_yet_is_not_in_it_and_its_money_neither(case: Case, world: World, tmp_path: Path) -> None:
    before = checkpoints.latest().total
    world.brought_to("fund_reserved")
    settle()
    export(tmp_path / "all.zip")

    status, answer = run_alone(tmp_path / "all.zip", "--key", key())

    assert (status, answer["events"]) == (0, before)
    assert answer["movements"] < Transfer.objects.count()


def test_a_key_that_is_not_given_is_said_and_another_one_is_refused(case: Case, tmp_path: Path) -> None:
    export(tmp_path / "all.zip")

    status, answer = run_alone(tmp_path / "all.zip")
    assert status == 3 and "NO KEY WAS GIVEN" in answer["verdict"]
    status, answer = run_alone(tmp_path / "all.zip", "--key", "0" * 63 + "1")
    assert status == 1 and "another key" in answer["verdict"]


def test_an_anchor_of_another_history_is_refused(case: Case, tmp_path: Path) -> None:
    export(tmp_path / "all.zip")
    last = checkpoints.latest()

    for anchor in (f"{last.total} {'0' * 16}", f"{last.total - 1} {last.fingerprint}", f"{last.total + 1} {'0' * 16}"):
        assert run_alone(tmp_path / "all.zip", "--key", key(), "--anchor", anchor)[0] == 1


def test_a_trail_that_was_changed_gives_no_bundle_that_holds(case: Case, tmp_path: Path) -> None:
    row = Transfer.objects.latest("id")
    with triggers_off("funds_transfer", "funds_account"):
        run("UPDATE funds_transfer SET amount_fen = amount_fen + 100 WHERE id = %s", row.pk)
    export(tmp_path / "all.zip")

    status, answer = run_alone(tmp_path / "all.zip", "--key", key())
    assert status == 1 and "root" in answer["verdict"]


def test_a_balance_that_no_movement_explains(case: Case, tmp_path: Path) -> None:
    with triggers_off("funds_account"):
        run("UPDATE funds_account SET credit_fen = credit_fen + 5000 WHERE id = (SELECT max(id) FROM funds_account)")
    export(tmp_path / "all.zip")

    status, answer = run_alone(tmp_path / "all.zip", "--key", key())
    assert status == 1 and "accounts.jsonl" in answer["verdict"]


def test_more_lines_than_a_member_holds(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "LINES", 100)
    export(tmp_path / "all.zip", reveal="核对")

    assert "events/000003.jsonl" in members_of((tmp_path / "all.zip").read_bytes())
    assert run_alone(tmp_path / "all.zip", "--key", key())[0] == 0


def test_a_set_of_first_versions_is_opened_whole(people: list[int], tmp_path: Path) -> None:  # noqa: F811
    """An import's rows share a link; the bundle of the whole shows each of them."""
    settle()
    checkpoints.seal()
    export(tmp_path / "all.zip", reveal="核对")

    openings = (json.loads(l) for l in members_of((tmp_path / "all.zip").read_bytes())["openings/000000.jsonl"].splitlines())  # fmt: skip # noqa: E741
    assert any(len(opening.get("keys", ())) > 100 for opening in openings)
    assert run_alone(tmp_path / "all.zip", "--key", key())[0] == 0


def test_a_file_that_would_be_too_large_is_refused_and_not_left(case: Case, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("audit.strict_zip._MOST_BYTES", 10_000)
    with pytest.raises(BundleTooLarge):
        export(tmp_path / "all.zip")

    assert os.listdir(tmp_path) == []
    assert not AccessLog.objects.filter(kind="export", subject="trail").exists()


def test_the_command_exports_and_refuses(case: Case, tmp_path: Path, world: World) -> None:
    path = tmp_path / "a.zip"
    answer = told("export", "--to", path, "--by", world.auditor.username)
    assert answer["size"] == checkpoints.latest().total and run_alone(path, "--key", answer["public_key"])[0] == 0
    assert AccessLog.objects.latest("id").actor_id == world.auditor.pk
    assert told("export", "--to", path, "--case", case.case_no)["events"] > 20
    assert told("export", "--to", path, "--fund", world.fund.code)["events"] > 0
    assert told("export", "--to", path, "--since", "2020-01-01", "--until", "2020-01-02")["events"] == 0
    for wrong in (("--case", "nobody"), ("--fund", "none"), ("--since", "2020-01-01"), ("--by", "nobody")):
        with pytest.raises(CommandError):
            told("export", "--to", path, *wrong)


def test_nothing_is_exported_before_a_seal(world: World, tmp_path: Path, monkeypatch: Any) -> None:
    settle()
    with pytest.raises(NothingToExport):
        export(tmp_path / "all.zip")


def test_the_anchor_of_the_day_goes_to_a_file_and_a_mailbox(case: Case, tmp_path: Path, settings: Any) -> None:
    settings.ANCHOR_MAIL = ["audit@county.example"]
    answer = told("anchor", "--to", tmp_path / "out")

    kept = json.loads(Path(answer["path"]).read_text())
    assert kept["size"] == checkpoints.latest().total and kept["short"] == answer["line"]
    assert [(m.to, answer["line"] in m.subject) for m in mail.outbox] == [(["audit@county.example"], True)]
    module = standalone()
    public = module.read_key(kept["public_key"])
    public.verify(bytes.fromhex(kept["signature"]), module.checkpoint_hash(kept))


def test_the_anchor_goes_nowhere_where_nothing_is_set(case: Case) -> None:
    assert told("anchor")["path"] == "" and mail.outbox == []
