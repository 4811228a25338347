"""The guides under docs/guide, read out of their Markdown for the help page: headings, paragraphs, lists, bold, code."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from access.roles import Desk

# {name of the file: the desk that it is for}; a desk's own guide comes first
GUIDES = {
    "village": Desk.VILLAGE,
    "township": Desk.TOWNSHIP,
    "county": Desk.COUNTY,
    "funds": Desk.FUNDS,
    "books": Desk.FUNDS,
    "storekeeper": Desk.STOCK,
    "auditor": Desk.AUDIT,
    "admin": Desk.ADMIN,
}


@dataclass(frozen=True)
class Block:
    """A piece of a guide. `kind` is h1, h2, h3, p, ul or ol; only lists have more than one line."""

    kind: str
    lines: list[SafeString]


def title_of_guide(name: str, language: str) -> str:
    """Its first heading, in "zh" or "en"."""
    with _path(name, language).open(encoding="utf-8") as file:
        return file.readline().removeprefix("# ").strip()


def read_guide(name: str, language: str) -> list[Block]:
    """The blocks of one guide in "zh" or "en", without the line of links under its title."""
    found: list[tuple[str, list[str]]] = []
    for part in re.split(r"\n{2,}", _path(name, language).read_text(encoding="utf-8").strip()):
        for line in part.splitlines():
            kind, text = _read(line)
            if kind == "p" and found and found[-1][0] in ("p", "ul", "ol") and line != part.splitlines()[0]:
                found[-1][1][-1] += text if language == "zh" else f" {text}"
            elif kind in ("ul", "ol") and found and found[-1][0] == kind:
                found[-1][1].append(text)
            else:
                found.append((kind, [text]))
    return [Block(kind, [_inline(text) for text in texts]) for kind, texts in found if ".md)" not in texts[0]]


def _path(name: str, language: str) -> Path:
    return Path(settings.BASE_DIR) / "docs" / "guide" / f"{name}.{language}.md"


def _read(line: str) -> tuple[str, str]:
    heading = re.match(r"(#{1,3}) (.*)", line)
    if heading:
        return f"h{len(heading[1])}", heading[2]
    item = re.match(r"\s*(?:(-)|\d+\.) (.*)", line)
    if item:
        return "ul" if item[1] else "ol", item[2]
    return "p", line.strip()


def _inline(text: str) -> SafeString:
    shown: Any = escape(text)
    shown = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", shown)
    return mark_safe(re.sub(r"`(.+?)`", r'<span class="code">\1</span>', shown))  # noqa: S308 -- escaped above
