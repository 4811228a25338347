"""What comes in cannot harm, what goes out cannot either: files, passwords, cells, keys. Where the neighbours test it already,
docs/asvs.md points there."""

import datetime
import io
import pickle
import re
import stat
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from access.models import Staff
from access.secrets import Secrets
from audit.cells import plain_cell
from casework import uploads
from families.folding import search_pattern
from funds.banking.opening import _Cells

ROOT = Path(settings.BASE_DIR)
APPS = ("access", "audit", "casework", "families", "flows", "funds", "jobs")
SOURCES = [path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
FORMULAS = ("=1+1", "+1", "-1", "@x", "\tx", "\rx", "＝1", " =1", "-2+3+cmd|' /C calc'!A0")


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_begins_a_formula(text: str) -> None:
    assert plain_cell(text).startswith("'")


def test_every_file_of_rows_is_written_by_a_module_that_makes_its_cells_inert() -> None:
    """Whoever writes CSV or a workbook calls the one rule; a new exporter without it fails here."""
    writers = [
        path for path in SOURCES if "csv.writer(" in path.read_text() or "xlsxwriter.Workbook(" in path.read_text()
    ]
    known = {"audit/bulk.py"}  # COPY into PostgreSQL, no file
    assert len(writers) >= 5
    for path in writers:
        name = path.relative_to(ROOT).as_posix()
        assert name in known or "audit.cells import" in path.read_text(), f"{name} writes cells of its own making"


def test_nothing_is_evaluated_pickled_or_given_to_a_shell() -> None:
    """Rows of a workbook come out of a process of their own as pickles, read by what knows values of cells alone."""
    own_process = {"funds/banking/opening.py", "funds/banking/unpacking.py"}
    evil = re.compile(
        r"(?<![\w.])(eval|exec|compile)\(|shell=True|pickle\.loads?\(|^import (marshal|shelve)", re.MULTILINE
    )
    for path in SOURCES:
        text, name = path.read_text(), path.relative_to(ROOT).as_posix()
        assert not evil.search(text), name
        assert "import pickle" not in text or name in own_process, name


def test_a_taken_over_reader_of_workbooks_gets_no_further() -> None:
    with pytest.raises(pickle.UnpicklingError, match="no value of a cell"):
        _Cells(io.BytesIO(pickle.dumps(print))).load()
    day = [["甲", 1.5, True, None, datetime.datetime(2026, 4, 15)]]
    assert _Cells(io.BytesIO(pickle.dumps(day))).load() == day


@pytest.mark.parametrize("asked", ["100%", "a_b", "\\", "%", "_"])
def test_what_is_searched_for_is_no_pattern(asked: str) -> None:
    inside = search_pattern(asked).removeprefix("% ").removeprefix("%").removesuffix("%")
    assert not re.search(r"(?<!\\)(?:\\\\)*[%_]", inside)


def test_a_photo_with_too_many_points_is_refused_before_it_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "WHOLE_LIMIT", 99)
    drawn = io.BytesIO()
    Image.new("RGB", (10, 10)).save(drawn, "PNG")
    with pytest.raises(uploads.BadUpload):
        uploads.clean(SimpleUploadedFile("a.png", drawn.getvalue(), "image/png"))


@pytest.mark.parametrize(
    "content",
    [b"%PDF-1.7 /JavaScript (x)", b"%PDF-1.7 /Launch", b"MZ\x90\0", b"<?php x", b"<svg onload='x'/>", b"GIF89a"],
)
def test_whatever_its_name_says_a_strange_file_is_refused(content: bytes) -> None:
    with pytest.raises(uploads.BadUpload):
        uploads.clean(SimpleUploadedFile("a.jpg", content, "image/jpeg"))


def test_a_kept_file_has_a_name_of_our_own() -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (10, 10)).save(drawn, "JPEG")
    kept = uploads.clean(SimpleUploadedFile("../../etc/江某的病历.jpg", drawn.getvalue(), "image/jpeg"))
    assert "江" not in kept.file.name and "/" not in kept.file.name and ".." not in kept.file.name


@pytest.mark.parametrize("password", ["short-1", "password123", "1234567890", "13900000000"])
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, Staff(username="13900000000", name="周文秀"))


@pytest.mark.parametrize("password", ["只用汉字也可以的长密码", "all lower case and spaces", "x7" * 60])
def test_any_composition_and_length_of_a_password_will_do(password: str) -> None:
    validate_password(password, Staff(username="13900000000", name="周文秀"))


def test_the_field_of_a_password_is_masked_and_left_to_the_browser(db: None) -> None:
    page = Client().get("/login/").content.decode()
    field = page[page.index('type="password"') - 200 : page.index('type="password"') + 200]
    assert "onpaste" not in field and "readonly" not in field and 'autocomplete="off"' not in field


def test_the_key_file_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets.json")
    secrets.bytes("one")
    secrets.forget("one")
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
