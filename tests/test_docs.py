"""The documents are part of the product: what they name exists, what exists is named, and links lead somewhere."""

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[1]
DOCS = [
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "demo" / "README.md")
    if path.name != "CLAUDE.md"
]
OWN_APPS = {"access", "audit", "casework", "families", "flows", "funds", "jobs"}
PICTURE_LIMIT = 150_000
GUIDES = ("village", "township", "county", "funds", "books", "storekeeper", "auditor", "admin")


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def own_commands() -> set[str]:
    return {name for name, app in get_commands().items() if app.split(".")[0] in OWN_APPS}


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_every_command_that_a_document_names_exists(path: Path):
    wanted = set(re.findall(r"manage\.py ([a-z_]+)", read(path)))

    assert wanted <= set(get_commands()), f"{named(path)} names commands that do not exist"


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_every_make_target_that_a_document_names_exists(path: Path):
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), flags=re.MULTILINE))

    # in running text it stands in backquotes, in a block at the beginning of a line
    wanted = set(re.findall(r"(?:`|^|&& )make ([a-z-]+)", read(path), flags=re.MULTILINE))

    assert wanted <= targets, f"{named(path)} names targets that do not exist"


def test_every_command_is_documented():
    told = read(ROOT / "README.md") + read(ROOT / "docs" / "operations.md")

    assert {name for name in own_commands() if not re.search(rf"\b{name}\b", told)} == set()


def test_every_decision_is_in_the_index_under_a_number_of_its_own():
    folder = ROOT / "docs" / "adr"
    decisions = sorted(path.name for path in folder.glob("[0-9]*.md"))
    index = read(folder / "README.md")

    assert [name for name in decisions if f"({name})" not in index] == []
    assert len({name[:4] for name in decisions}) == len(decisions)


def test_every_document_is_in_the_index():
    index = read(ROOT / "docs" / "README.md")
    documents = [path for path in DOCS if path.parent == ROOT / "docs" and path.name != "README.md"]
    documents += (ROOT / "docs" / "guide").glob("*.md")

    assert [named(path) for path in documents if f"({path.relative_to(ROOT / 'docs').as_posix()})" not in index] == []


def links_of(path: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", read(path))


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_links_between_documents_lead_somewhere(path: Path):
    broken = []
    for link in links_of(path):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)

    assert broken == []


def anchors_of(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", read(path), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_pictures_are_used_and_small():
    used = {
        (path.parent / link).resolve() for path in DOCS for link in links_of(path) if link.endswith((".png", ".svg"))
    }

    for picture in (ROOT / "docs" / "pictures").iterdir():
        assert picture.resolve() in used, f"{picture.name} is shown nowhere"
        assert picture.stat().st_size <= PICTURE_LIMIT, f"{picture.name} is too large"


def test_the_architecture_can_be_read_without_seeing_it():
    drawing = read(ROOT / "docs" / "pictures" / "architecture.svg")

    assert 'role="img"' in drawing
    assert "<title" in drawing
    assert "<desc" in drawing


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_no_document_knows_somebodys_machine(path: Path):
    assert re.findall(r"(?<![\w.])/(?:home|root|tmp|work|Users)/", read(path)) == []


@pytest.mark.parametrize("desk", GUIDES)
def test_each_guide_tells_the_same_in_both_languages(desk: str):
    chinese, english = (read(ROOT / "docs" / "guide" / f"{desk}.{language}.md") for language in ("zh", "en"))

    for shape in (r"^(#+) ", r"^(\d+\.|-) "):  # headings and their levels, steps and points
        assert re.findall(shape, chinese, flags=re.MULTILINE) == re.findall(shape, english, flags=re.MULTILINE)


@cache
def _labels() -> tuple[frozenset[str], frozenset[str]]:
    """(Chinese, English) sentences of the product, numbers replaced by 2."""
    sources = [ROOT / "locale" / "en" / "LC_MESSAGES" / "django.po", *ROOT.glob("locale/parts/*.po")]
    chinese, english = set(), set()
    for source in sources:
        with open(source, "rb") as file:
            for message in read_po(file):
                chinese |= _all(message.id)
                english |= _all(message.string)
    return frozenset(chinese), frozenset(english)


def _all(text: str | tuple[str, ...]) -> set[str]:
    forms = (text,) if isinstance(text, str) else text
    return {re.sub(r"%\(\w+\)[sd]", "2", form) for form in forms}


@pytest.mark.parametrize("desk", GUIDES)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_guides_call_buttons_as_the_pages_do(desk: str, language: str):
    chinese, english = _labels()
    bold = set(re.findall(r"\*\*([^*]+)\*\*", read(ROOT / "docs" / "guide" / f"{desk}.{language}.md")))

    assert bold - (chinese if language == "zh" else english) == set()
