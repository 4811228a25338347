"""Documents as PDF, set by typst: headed parts of facts, tables and sentences, with who took it and why on every page.

    with_words = Document("个案卷宗", parts=[Part("一 基本情况", [Facts([("户主", "江正明")])])], mark=mark, of="J2026-00001")
    made = Typesetter().set(with_words)        Made(pdf, pages, places)

The same document gives the same bytes on a machine with the same fonts. typst forgets old layouts by itself: setting five
hundred files one after the other takes no more memory than setting ten.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typst
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from casework.days import speaks_chinese
from casework.errors import NoChineseFont
from casework.watermark import Mark

TEMPLATE = Path(__file__).parent / "document.typ"
# The first of these that the machine has. Serif faces lack figures of one width.
FAMILIES = (
    *("Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "SimHei", "PingFang SC"),
    *("WenQuanYi Micro Hei", "WenQuanYi Zen Hei"),
)


@dataclass(frozen=True)
class Facts:
    """Labels and what stands behind them."""

    rows: Sequence[tuple[str, Any]]

    def data(self) -> dict[str, Any]:
        return {"facts": [[str(label), _text(value)] for label, value in self.rows]}


@dataclass(frozen=True)
class Table:
    """`wide` and `right` name columns by number: those that take the room that is left, and those of figures."""

    heads: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    wide: tuple[int, ...] = ()
    right: tuple[int, ...] = ()

    def data(self) -> dict[str, Any]:
        return {
            "heads": [str(head) for head in self.heads],
            "rows": [[_text(value) for value in row] for row in self.rows],
            "wide": list(self.wide),
            "right": list(self.right),
        }


@dataclass(frozen=True)
class Words:
    """Sentences, each on a line of its own."""

    lines: Sequence[Any]

    def data(self) -> dict[str, Any]:
        return {"words": [_text(line) for line in self.lines]}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


@dataclass(frozen=True)
class Part:
    title: Any
    pieces: Sequence[Facts | Table | Words]


@dataclass(frozen=True)
class Document:
    """`of` stands at the head of each page; `first_page` is the number of its first page among all that are handed out
    together, 0 when it stands alone."""

    title: str
    parts: Sequence[Part]
    mark: Mark
    of: str
    about: Sequence[str] = field(default_factory=tuple)
    first_page: int = 0
    is_wide: bool = False


@dataclass(frozen=True)
class Made:
    """`places`: {title of a part: its page, from 1}."""

    pdf: bytes
    pages: int
    places: dict[str, int]


class Typesetter:
    """Looks for fonts once. Raises NoChineseFont where the machine has none."""

    def __init__(self) -> None:
        fonts = typst.Fonts(font_paths=[settings.FONT_DIR] if settings.FONT_DIR else [])
        known = set(fonts.families())
        self._font = next((family for family in FAMILIES if family in known), None)
        if self._font is None:
            raise NoChineseFont(
                _("这台机器上没有中文字体，印不出 PDF。请系统管理员装一种（Debian：fonts-noto-cjk），再试一次。")
            )
        self._compiler = typst.Compiler(str(TEMPLATE), root=str(TEMPLATE.parent), font_paths=fonts)

    def set(self, document: Document) -> Made:
        """Lay it out. Numbers, names and words are data, never typst's markup."""
        pdf = self._compiler.compile(sys_inputs={"data": json.dumps(self._data(document), ensure_ascii=False)})
        *places, (_last, pages) = json.loads(self._compiler.query("<place>", field="value"))
        return Made(pdf, pages, dict(places))

    def _data(self, document: Document) -> dict[str, Any]:
        return {
            "font": self._font,
            "lang": "zh" if speaks_chinese() else "en",
            "title": str(document.title),
            "about": [str(line) for line in document.about],
            "of": document.of,
            "mark": document.mark.line,
            "mark_short": document.mark.short,
            "as_of": f"{timezone.localtime(document.mark.at):%Y-%m-%d %H:%M}",
            "first_page": document.first_page,
            "is_wide": document.is_wide,
            "page_words": _("第 {n} 页，共 {all} 页"),
            "running_words": _("总第 {n} 页"),
            "parts": [
                {"title": str(part.title), "pieces": [piece.data() for piece in part.pieces]} for part in document.parts
            ],
        }


def has_chinese_font() -> bool:
    """Whether this machine can set a document at all."""
    try:
        Typesetter()
    except NoChineseFont:
        return False
    return True
