"""No page may mix languages: whatever Chinese sentence stands in the code has its English."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils import translation

from casework.bank_words import returned_words
from families.relation_words import relation_words
from funds.models import Instalment

ROOT = Path(settings.BASE_DIR)
CATALOGUE = Path("locale") / "en" / "LC_MESSAGES" / "django.po"
SOURCES = ["access", "audit", "casework", "families", "flows", "funds", "jobs", "templates"]


def catalogue(path):
    with open(path, "rb") as file:
        return [message for message in read_po(file, locale="en") if message.id]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("xgettext"), reason="needs the gettext tools")
def test_every_sentence_in_the_code_has_its_english(tmp_path):
    for folder in SOURCES:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "migrations"))
    (tmp_path / CATALOGUE).parent.mkdir(parents=True)
    shutil.copy(ROOT / CATALOGUE, tmp_path / CATALOGUE)

    # Our own command, away from the project's settings, so that nothing but the copy is written to.
    start = (
        "import sys; from casework.management.commands.makemessages import Command; Command().run_from_argv(sys.argv)"
    )
    options = ["makemessages", "-l", "en", "--no-location", "--no-obsolete"]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-c", start, *options]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env=environment)

    said = catalogue(tmp_path / CATALOGUE)
    assert [message.id for message in said if message.fuzzy or not all([message.string] + list(message.string))] == []


def test_the_english_keeps_every_placeholder():
    wrong = {str(message.id): [str(error) for error in message.check()] for message in catalogue(ROOT / CATALOGUE)}

    assert {sentence: errors for sentence, errors in wrong.items() if errors} == {}


def test_standard_words_that_are_stored_in_chinese_are_told_in_english():
    with translation.override("en"):
        assert (relation_words("户主"), relation_words("女")) == ("Head of family", "Daughter")
        assert Instalment(n=1, label="开工").title == "Building started"
        assert returned_words("账号户名不符").startswith("Name does not match the account")
        assert (relation_words("干女儿"), Instalment(n=1, label="砌墙").title) == (
            "干女儿",
            "砌墙",
        )  # as somebody typed it
    assert relation_words("户主") == "户主"
