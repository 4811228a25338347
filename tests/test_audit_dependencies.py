"""What `make audit-deps` makes of the answers of pip-audit: a hole fails, an unreachable database is said and does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django import __version__ as django_version

SCRIPT = Path(__file__).parents[1] / "scripts" / "audit_dependencies.sh"
FINDING = """Found 1 known vulnerability in 1 package
Name   Version ID             Fix Versions
------ ------- -------------- ------------
django 5.2.1   PYSEC-2026-999 5.2.2"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with requirements and a .venv of which only python is real."""
    (tmp_path / "requirements.txt").write_text(f"Django=={django_version}  # pinned\n")
    answers(tmp_path / ".venv/bin/python", f'[ "$*" = "-m pip check" ] || exec {sys.executable} "$@"')
    return tmp_path


def answers(program: Path, script: str) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/usr/bin/env bash\n{script}\n")
    program.chmod(0o755)


def audited(place: Path, said: str = "", status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Let pip-audit answer with these words and status."""
    (place / "said").write_text(said + "\n")
    answers(place / ".venv/bin/pip-audit", f"cat said; exit {status}")
    return audit(place, **environment)


def audit(place: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [SCRIPT, "requirements.txt"]
    return subprocess.run(command, cwd=place, env=os.environ | environment, capture_output=True, text=True)


def test_a_known_hole_fails_and_is_shown(place: Path) -> None:
    done = audited(place, FINDING, status=1)

    assert done.returncode == 1
    assert "PYSEC-2026-999" in done.stdout


def test_a_hole_beside_packages_that_could_not_be_looked_up_fails_as_well(place: Path) -> None:
    assert audited(place, f"{FINDING}\nsome package could not be audited", status=1).returncode == 1


def test_nothing_known_is_said_with_the_number_of_packages(place: Path) -> None:
    done = audited(place, "No known vulnerabilities found")

    assert done.returncode == 0
    assert "All 1 packages were looked up" in done.stdout


@pytest.mark.parametrize(
    ("said", "status", "told"),
    [
        ("ConnectionError: Temporary failure in name resolution", 1, "NOT asked: ConnectionError"),
        ("Django could not be audited: not on the index", 0, "NOT asked about 1 of 1"),
    ],
)
def test_a_database_out_of_reach_is_said_and_fails_nothing_but_a_release(
    place: Path, said: str, status: int, told: str
) -> None:
    done = audited(place, said, status)

    assert (done.returncode, told in done.stdout) == (0, True), done.stdout + done.stderr
    assert "1 packages are pinned to one version and installed as pinned" in done.stdout
    assert audited(place, said, status, CASEWORK_AUDIT_STRICT="1").returncode == 2


def test_no_answer_in_time_is_said(place: Path) -> None:
    answers(place / ".venv/bin/pip-audit", "sleep 5")

    done = audit(place, CASEWORK_AUDIT_SECONDS="0.2")

    assert done.returncode == 0 and "no answer within 0.2 seconds" in done.stdout


@pytest.mark.parametrize("line", ["Django>=5", "Django==5.2.19.999"])
def test_what_is_not_pinned_or_not_installed_as_pinned_fails_without_any_database(place: Path, line: str) -> None:
    (place / "requirements.txt").write_text(line + "\n")

    done = audited(place, "ConnectionError", status=1)

    assert done.returncode == 1 and "Django" in done.stdout
