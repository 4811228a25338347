"""What scripts read: one JSON object on standard output, whatever happens, and an exit status that says so."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError

from casework.management.commands import db
from funds import ledger


def told(*args: Any) -> tuple[dict[str, Any], CommandError | None]:
    out = io.StringIO()
    try:
        call_command(*args, "--json", stdout=out)
    except CommandError as refusal:
        return json.loads(out.getvalue()), refusal
    return json.loads(out.getvalue()), None


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["import_register", "import_ledger", "import_units", "import_calendar"])
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"PK\x03\x04 no zip", b'a,"' + b"x" * 200_000])
def test_a_file_that_is_refused_is_an_answer_too(tmp_path: Path, command: str, content: bytes | None) -> None:
    path = tmp_path / "名字 有空格.csv"
    if content is not None:
        path.write_bytes(content)

    answer, refusal = told(command, path)

    assert refusal is not None
    assert answer["ok"] is False and answer["message"] == str(refusal)


def test_a_database_that_does_not_answer_is_told_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(ledger, "check", gone)

    answer, refusal = told("ledger", "check")

    assert refusal is not None and "connection refused" in str(refusal)
    assert answer["error"] == "OperationalError"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")])
def test_a_backup_that_cannot_be_written_says_why(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    def full(*args: Any, **more: Any) -> None:
        raise error

    monkeypatch.setattr(db.embedded, "start", full)
    monkeypatch.delenv("DATABASE_URL", raising=False)

    answer, refusal = told("db", "backup")

    assert refusal is not None
    assert (answer["ok"], answer["error"]) == (False, type(error).__name__)
    assert error.strerror in answer["message"]


def test_the_exit_status_says_that_it_failed() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "db", "restore", "--json"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert json.loads(done.stdout)["message"] == "Which file? manage.py db restore FILE"
    assert "Traceback" not in done.stderr
