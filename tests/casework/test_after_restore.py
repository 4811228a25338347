"""No restore is followed by payments, whichever way it ended."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from casework import after_restore
from casework.embedded_postgres.place import mark_restored
from funds import freezing
from funds.models import PaymentFreeze


@pytest.fixture
def marked(settings: Any, tmp_path: Path, db: None) -> Path:
    settings.DATA_DIR = tmp_path
    mark_restored(tmp_path, source="/mnt/backup/casework-20260415.tar.gz", reached="2026-04-15T06:29:59+00:00")
    return tmp_path / "restored.json"


def test_the_mark_of_a_restore_becomes_its_freeze_once(marked: Path) -> None:
    assert after_restore.is_marked()

    made = after_restore.freeze_if_marked()

    assert made is not None and not marked.exists()
    assert (made.source, made.reached.isoformat()) == ("casework-20260415.tar.gz", "2026-04-15T06:29:59+00:00")
    assert made.history.get().history_change_reason == "restore"
    assert after_restore.freeze_if_marked() is None
    assert PaymentFreeze.objects.count() == 1


@pytest.mark.usefixtures("as_the_owner")
def test_a_migration_freezes_what_a_backup_of_an_older_program_could_not(marked: Path) -> None:
    call_command("migrate", verbosity=0)

    assert freezing.open_freezes().count() == 1 and not marked.exists()


def test_whoever_restores_without_this_program_freezes_by_hand(db: None) -> None:
    with pytest.raises(CommandError, match="Say what was restored"):
        call_command("payments", "freeze")
    out = io.StringIO()
    call_command("payments", "freeze", "--why", "snapshot of 1 May", "--json", stdout=out)

    assert json.loads(out.getvalue())["frozen"] == 1
    assert freezing.open_freezes().get().source == "snapshot of 1 May"


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["restore"], "Which file"),
        (["restore-to"], "WHAT"),
        (["restore-to", "yesterday", "--from", "/a", "--into", "/b"], "no moment"),
        (["restore-to", "latest"], "--from"),
        (["archive", "perhaps"], "on|off|status"),
        (["prune-backups"], "How many stay"),
        (["stop", "now"], "takes no"),
    ],
)
def test_a_command_that_says_too_little_is_told_what_is_missing(
    words: list[str], refusal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    with pytest.raises(CommandError, match=refusal.replace("|", r"\|")):
        call_command("db", *words)


def test_a_server_elsewhere_is_its_administrators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://x@y/z")

    with pytest.raises(CommandError, match="Its administrator"):
        call_command("db", "base-backup")
