"""docs/asvs.md names a test or a reason for each requirement; each test that it names exists."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PAGE = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+\.\d+\.\d+) \| ([^|]+) \| (met|partly|not met|n/a) \| (.+) \|$", PAGE, re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
# How many requirements of level 1 and 2 each chapter of ASVS 5.0.0 has, without V9, V10 and V17; and the six of level 3.
CHAPTERS = {1: 27, 2: 11, 3: 19, 4: 10, 5: 9, 6: 35, 7: 18, 8: 7, 11: 14, 12: 9, 13: 13, 14: 9, 15: 13, 16: 16}
LEVEL_3 = {"1.2.10", "2.3.5", "8.3.2", "14.2.6", "14.2.7", "14.2.8", "15.4.2"}


def test_each_requirement_stands_there_once() -> None:
    numbers = [row[0] for row in ROWS]
    assert len(numbers) == len(set(numbers))
    counted = {
        chapter: sum(n.split(".")[0] == str(chapter) and n not in LEVEL_3 for n in numbers) for chapter in CHAPTERS
    }
    assert counted == CHAPTERS


def test_each_test_that_is_named_exists() -> None:
    named = {(path, name) for *_rest, evidence in ROWS for path, name in TEST.findall(evidence)}
    assert len(named) > 60
    missing = [f"{path}::{name}" for path, name in sorted(named) if not _has(path, name)]
    assert missing == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_is_not_tested_says_why(row: tuple[str, str, str, str]) -> None:
    _number, _what, status, evidence = row
    words = TEST.sub("", evidence).strip(" .,;:")
    assert TEST.search(evidence) or len(words) > 8 or status == "n/a" and len(words) > 3


def _has(path: str, name: str) -> bool:
    """Whether the file has such a test, which does something and is not left out."""
    file = ROOT / path
    if not file.exists():
        return False
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    marks = [ast.unparse(mark) for node in found for mark in node.decorator_list]
    does = [node for node in found if any(isinstance(part, ast.Assert | ast.Call) for part in ast.walk(node))]
    return bool(does) and not any("skip" in mark or "xfail" in mark for mark in marks)
