"""What a bank's file looks like, as data: the list that we send (`ListFormat`) and the answer that comes (`AnswerFormat`).

A format is JSON, judged whole when it is loaded: whatever passes `from_json` can be written or read. Widths are bytes
of the file's encoding, as banks count them. A changed layout is a new version with its own `valid_from`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.utils.translation import gettext as _

from funds.banking.errors import FormatError
from funds.banking.reasons import CREDITED, OUTCOMES, STORED_WORDS

OUT: Final = "out"
IN: Final = "in"
XLSX: Final = "xlsx"
CSV: Final = "csv"
FIXED: Final = "fixed"
KINDS = (XLSX, CSV, FIXED)
ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "gbk")
QUOTING = ("minimal", "all", "none")
LINE_ENDS = {"crlf": "\r\n", "lf": "\n"}
UNITS = ("yuan", "fen")
ALIGNS = ("left", "right")
CONSTANT: Final = "constant"

# What may stand in a line of the list, in the lines before and after it, and in a line of the answer.
LINE_FIELDS = ("n", "serial", "name", "account", "bank", "amount", "currency", "purpose", "batch", "date", CONSTANT)
FRAME_FIELDS = ("count", "total", "batch", "purpose", "currency", "date", CONSTANT)
ANSWER_FIELDS = (
    "n", "batch", "serial", "account", "name", "bank", "amount", "date", "status", "reason", "reference", CONSTANT,
)  # fmt: skip
TOTAL_FIELDS = ("count", "total", CONSTANT)
OWN_TEXT = (CONSTANT, "currency")  # what the column writes stands in the format

MOST_LINES = 1_000_000
MOST_COLUMNS = 60
WIDEST = 400  # bytes
LARGEST_FEN = 10**13  # a hundred 亿 yuan; no help is larger
LONGEST_WORD = 200

COMMON_DATES = ("YYYYMMDD", "YYYY-MM-DD", "YYYY/MM/DD", "YYYY年MM月DD日")
DATE_PARTS = {"YYYY": r"(?P<y>[0-9]{4})", "MM": r"(?P<m>[0-9]{1,2})", "DD": r"(?P<d>[0-9]{1,2})"}
DATE_PATTERN = re.compile(r"YYYY(?P<mark>[-/.年]?)MM(?:[-/.月]?)DD日?")


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `width` 0 means as long as it is; `text` is what a constant or the currency says."""

    field: str
    heading: str = ""
    unit: str = "yuan"
    pattern: str = "YYYYMMDD"
    text: str = ""
    width: int = 0
    align: str = "left"
    pad: str = " "


@dataclass(frozen=True, slots=True)
class FileShape:
    """How the bytes are laid out. An xlsx file has no encoding or delimiter, a fixed-width file no delimiter or quotes."""

    kind: str
    encoding: str = "utf-8"
    delimiter: str = ","
    quoting: str = "minimal"
    line_end: str = "crlf"
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the bank would reject. `account_lengths` empty means any; `forbidden` holds single characters."""

    name_bytes: int = 60
    purpose_bytes: int = 60
    bank_bytes: int = 120
    account_lengths: tuple[int, ...] = ()
    largest_fen: int = LARGEST_FEN
    most_lines: int = MOST_LINES
    forbidden: str = ""
    wants_bank: bool = False


@dataclass(frozen=True, slots=True)
class ListFormat:
    """Our payment list as one bank wants it. `head` and `foot` are whole lines around the table, with count and sum."""

    code: str
    name: str
    version: str
    valid_from: date
    file: FileShape
    columns: tuple[Column, ...]
    has_heading: bool = True
    head: tuple[tuple[Column, ...], ...] = ()
    foot: tuple[tuple[Column, ...], ...] = ()
    limits: Limits = field(default_factory=Limits)

    direction = OUT


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """The bank's answer.

    `headings` is {field of ours: names of the column, the surest first}. A fixed-width answer has `columns` instead,
    and `marks` that tell its lines apart by how they begin: {"head": …, "line": …, "total": …}; `total` is its last line.
    `statuses` is {outcome: the bank's words or codes}, `reasons` {code of ours: the bank's words or codes}.
    `total_words` begin the total line of a table; `total_of` says which lines its sum covers.
    """

    code: str
    name: str
    version: str
    valid_from: date
    file: FileShape
    statuses: Mapping[str, tuple[str, ...]]
    reasons: Mapping[str, tuple[str, ...]]
    headings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    total: tuple[Column, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    dates: tuple[str, ...] = COMMON_DATES
    unit: str = "yuan"
    total_words: tuple[str, ...] = ("合计", "总计")
    total_of: str = "any"  # all, credited, or any of both
    is_reference_per_line: bool = True

    direction = IN


def from_json(document: str | bytes | Mapping[str, Any]) -> ListFormat | AnswerFormat:
    """The format that the JSON describes. Raises FormatError at the first thing that is missing, unknown or impossible."""
    if isinstance(document, str | bytes):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError) as broken:
            raise FormatError(path="JSON", words=_("不是完整的 JSON（%(broken)s）") % {"broken": broken}) from broken
    facts = _Facts(document, "")
    read = {OUT: _list_format, IN: _answer_format}[facts.choice("direction", (OUT, IN))]
    made = read(facts)
    facts.finish()
    return made


def to_json(made: ListFormat | AnswerFormat) -> dict[str, Any]:
    """The format as JSON values; `from_json` makes an equal format of them."""
    return {"direction": made.direction, **asdict(made), "valid_from": made.valid_from.isoformat()}


def taught(form: AnswerFormat, statuses: Mapping[str, str], reasons: Mapping[str, str] | None = None) -> AnswerFormat:
    """The format with what a person said of this bank's words: {word: outcome} and {word: code of ours}.

    Raises FormatError where a word already means something else.
    """
    document = to_json(form)
    for group, meanings in (("statuses", statuses), ("reasons", reasons or {})):
        known = {name: tuple(words) for name, words in document[group].items()}
        for word, name in meanings.items():
            if word not in known.get(name, ()):
                known[name] = (*known.get(name, ()), word)
        document[group] = known
    made = from_json(document)
    assert isinstance(made, AnswerFormat)
    return made


@cache
def built_in() -> tuple[ListFormat | AnswerFormat, ...]:
    """The formats that come with the product, by code, direction and date."""
    files = sorted((Path(__file__).parent / "data").glob("*.json"))
    made = [from_json(file.read_bytes()) for file in files]
    return tuple(sorted(made, key=lambda one: (one.code, one.direction, one.valid_from)))


def in_force(
    formats: Iterable[ListFormat | AnswerFormat], code: str, direction: str, on: date
) -> ListFormat | AnswerFormat | None:
    """The newest version for this bank and direction that is valid on the day; None where the bank has none yet."""
    fitting = [one for one in formats if one.code == code and one.direction == direction and one.valid_from <= on]
    return max(fitting, key=lambda one: one.valid_from, default=None)


def shown_date(day: date, pattern: str) -> str:
    return pattern.replace("YYYY", f"{day.year:04}").replace("MM", f"{day.month:02}").replace("DD", f"{day.day:02}")


@cache
def date_expression(pattern: str) -> re.Pattern[str]:
    """Matches a date in the pattern at the beginning of a text; a time of day may follow."""
    parts = re.split("(YYYY|MM|DD)", pattern)
    packed = pattern == "YYYYMMDD"
    body = "".join(
        DATE_PARTS[part].replace("{1,2}", "{2}" if packed else "{1,2}") if part in DATE_PARTS else re.escape(part)
        for part in parts
    )
    return re.compile(body + r"(?![0-9])")


class _Facts:
    """One object of the JSON. Every name is asked for once; what nobody asked for is a mistake of whoever wrote it."""

    def __init__(self, values: Any, path: str) -> None:
        self.path = path
        if not isinstance(values, Mapping):
            raise FormatError(path=path or "JSON", words=_("要写成 { } 对象"))
        self.values = dict(values)

    def refuse(self, name: str, words: str) -> FormatError:
        return FormatError(path=f"{self.path}{name}", words=words)

    def take(self, name: str, default: Any = None) -> Any:
        if name not in self.values and default is None:
            raise self.refuse(name, _("缺少这一项"))
        return self.values.pop(name, default)

    def finish(self) -> None:
        for name in self.values:
            raise self.refuse(name, _("没有这一项，请核对名称"))

    def text(self, name: str, default: str | None = None, *, longest: int = LONGEST_WORD) -> str:
        value = self.take(name, default)
        if not isinstance(value, str) or len(value) > longest or (default is None and not value.strip()):
            raise self.refuse(name, _("要写 1 至 %(longest)s 个字") % {"longest": longest})
        if any(ord(character) < 32 and character != "\t" for character in value):
            raise self.refuse(name, _("不能有换行等控制字符"))
        return value

    def choice(self, name: str, choices: Iterable[str], default: str | None = None) -> str:
        value, choices = self.take(name, default), tuple(choices)
        if not isinstance(value, str) or value not in choices:
            raise self.refuse(name, _("只能是 %(choices)s 之一") % {"choices": "、".join(choices)})
        return value

    def number(self, name: str, default: int | None = None, *, least: int = 0, most: int) -> int:
        value = self.take(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.refuse(name, _("要写 %(least)s 至 %(most)s 的整数") % {"least": least, "most": most})
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self.take(name, default)
        if not isinstance(value, bool):
            raise self.refuse(name, _("只能是 true 或 false"))
        return value

    def day(self, name: str) -> date:
        try:
            return date.fromisoformat(self.text(name))
        except ValueError as broken:
            raise self.refuse(name, _("要写成 2026-01-01 的日期")) from broken

    def list(self, name: str, default: Any = None, *, most: int = MOST_COLUMNS) -> list[Any]:
        value = self.take(name, default)
        if not isinstance(value, list | tuple) or len(value) > most:
            raise self.refuse(name, _("要写成 [ ] 列表，最多 %(most)s 项") % {"most": most})
        return list(value)

    def words(self, name: str, default: Any = None) -> tuple[str, ...]:
        value = self.list(name, default, most=500)
        if not all(isinstance(word, str) and word.strip() and len(word) <= LONGEST_WORD for word in value):
            raise self.refuse(name, _("列表里要是不空的文字"))
        return tuple(value)

    def object(self, name: str, default: Any = None) -> "_Facts":
        return _Facts(self.take(name, default), f"{self.path}{name}.")

    def groups(self, name: str, known: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """{known name: words}; one word may not stand under two names."""
        inner = self.object(name)
        seen: dict[str, str] = {}
        groups: dict[str, tuple[str, ...]] = {}
        for key in known:
            groups[key] = inner.words(key, ())
            for word in groups[key]:
                if word in seen:
                    raise inner.refuse(key, _("“%(word)s”已写在 %(other)s 里") % {"word": word, "other": seen[word]})
                seen[word] = key
        inner.finish()
        return {key: words for key, words in groups.items() if words}


def _common(facts: _Facts) -> dict[str, Any]:
    code = facts.text("code", longest=20)
    if not re.fullmatch(r"[A-Z][A-Z0-9_-]*", code):
        raise facts.refuse("code", _("要用大写字母和数字，例如 HFNS"))
    return {
        "code": code,
        "name": facts.text("name", longest=60),
        "version": facts.text("version", longest=20),
        "valid_from": facts.day("valid_from"),
        "file": _shape(facts.object("file")),
    }


def _shape(facts: _Facts) -> FileShape:
    shape = FileShape(
        kind=facts.choice("kind", KINDS),
        encoding=facts.choice("encoding", ENCODINGS, "utf-8"),
        delimiter=facts.text("delimiter", ",", longest=1),
        quoting=facts.choice("quoting", QUOTING, "minimal"),
        line_end=facts.choice("line_end", LINE_ENDS, "crlf"),
        sheet=facts.text("sheet", "", longest=31),
    )
    if shape.delimiter not in tuple(",;|\t"):
        raise facts.refuse("delimiter", _("只能是逗号、分号、竖线或制表符"))
    if re.search(r"[\[\]:*?/\\]", shape.sheet):
        raise facts.refuse("sheet", _("工作表名不能有 [ ] : * ? / \\"))
    facts.finish()
    return shape


def _columns(
    facts: _Facts, name: str, known: tuple[str, ...], shape: FileShape, default: Any = None
) -> tuple[Column, ...]:
    raw = facts.list(name, default)
    return tuple(_column(_Facts(one, f"{facts.path}{name}[{n}]."), known, shape) for n, one in enumerate(raw))


def _column(facts: _Facts, known: tuple[str, ...], shape: FileShape) -> Column:
    column = Column(
        field=facts.choice("field", known),
        heading=facts.text("heading", "", longest=60),
        unit=facts.choice("unit", UNITS, "yuan"),
        pattern=_date_pattern(facts, "pattern", facts.text("pattern", "YYYYMMDD")),
        text=facts.text("text", ""),
        width=facts.number("width", 0, most=WIDEST),
        align=facts.choice("align", ALIGNS, "left"),
        pad=facts.text("pad", " ", longest=1),
    )
    if shape.kind == FIXED and not column.width:
        raise facts.refuse("width", _("定长文件每一列都要写字节宽度"))
    if shape.kind != FIXED and column.width:
        raise facts.refuse("width", _("只有定长文件才写宽度"))
    if column.pad not in (" ", "0") or (column.pad == "0" and column.align == "left"):
        raise facts.refuse("pad", _("只能补空格，或在右对齐时补 0"))
    if column.text and column.field not in OWN_TEXT:
        raise facts.refuse("text", _("只有固定内容和币种列才写内容"))
    if column.field == "currency" and not column.text:
        raise facts.refuse("text", _("要写币种，例如 CNY"))
    written = column.pattern if column.field == "date" else column.text
    try:
        column.heading.encode(shape.encoding)
        size = len(written.encode(shape.encoding))
    except UnicodeEncodeError as broken:
        raise facts.refuse("text", _("有这种编码里没有的字")) from broken
    if column.width and size > column.width:
        raise facts.refuse("width", _("要写的内容比列宽还长"))
    facts.finish()
    return column


def _date_pattern(facts: _Facts, name: str, pattern: str) -> str:
    if not DATE_PATTERN.fullmatch(pattern):
        raise facts.refuse(name, _("要写成 YYYYMMDD、YYYY-MM-DD、YYYY/MM/DD 或 YYYY年MM月DD日"))
    return pattern


def _list_format(facts: _Facts) -> ListFormat:
    common = _common(facts)
    shape = common["file"]
    columns = _columns(facts, "columns", LINE_FIELDS, shape)
    fields = [column.field for column in columns if column.field != CONSTANT]
    for needed in ("serial", "account", "name", "amount"):
        if fields.count(needed) != 1:
            raise facts.refuse("columns", _("要有且只有一个 %(field)s 列") % {"field": needed})
    has_heading = facts.flag("has_heading", shape.kind != FIXED)
    if has_heading and shape.kind == FIXED:
        raise facts.refuse("has_heading", _("定长文件没有表头"))
    headings = [column.heading for column in columns]
    if has_heading and ("" in headings or len(set(headings)) < len(headings)):
        raise facts.refuse("columns", _("每一列都要有名称，不能重复"))
    limits = _limits(facts.object("limits", {}))
    if limits.wants_bank and "bank" not in fields:
        raise facts.refuse("limits.wants_bank", _("要求开户行，但没有 bank 列"))
    return ListFormat(
        **common,
        columns=columns,
        has_heading=has_heading,
        head=_frame(facts, "head", shape),
        foot=_frame(facts, "foot", shape),
        limits=limits,
    )


def _frame(facts: _Facts, name: str, shape: FileShape) -> tuple[tuple[Column, ...], ...]:
    lines = _Facts({f"{name}[{n}]": line for n, line in enumerate(facts.list(name, (), most=10))}, facts.path)
    return tuple(_columns(lines, line, FRAME_FIELDS, shape) for line in list(lines.values))


def _limits(facts: _Facts) -> Limits:
    lengths = facts.list("account_lengths", ())
    if not all(isinstance(length, int) and 4 <= length <= 40 for length in lengths):
        raise facts.refuse("account_lengths", _("要写 4 至 40 的整数"))
    limits = Limits(
        name_bytes=facts.number("name_bytes", 60, least=1, most=WIDEST),
        purpose_bytes=facts.number("purpose_bytes", 60, least=1, most=WIDEST),
        bank_bytes=facts.number("bank_bytes", 120, least=1, most=WIDEST),
        account_lengths=tuple(lengths),
        largest_fen=facts.number("largest_fen", LARGEST_FEN, least=1, most=LARGEST_FEN),
        most_lines=facts.number("most_lines", MOST_LINES, least=1, most=MOST_LINES),
        forbidden=facts.text("forbidden", ""),
        wants_bank=facts.flag("wants_bank", False),
    )
    facts.finish()
    return limits


def _answer_format(facts: _Facts) -> AnswerFormat:
    common = _common(facts)
    shape = common["file"]
    statuses = facts.groups("statuses", OUTCOMES)
    if CREDITED not in statuses:
        raise facts.refuse(f"statuses.{CREDITED}", _("要写明哪些字样或代码表示已入账"))
    columns = _columns(facts, "columns", ANSWER_FIELDS, shape, ())
    headings = facts.groups("headings", ANSWER_FIELDS[:-1]) if "headings" in facts.values else {}
    marks = facts.object("marks", {})
    made = AnswerFormat(
        **common,
        statuses=statuses,
        reasons=facts.groups("reasons", STORED_WORDS),
        headings=headings,
        columns=columns,
        total=_columns(facts, "total", TOTAL_FIELDS, shape, ()),
        marks={name: marks.text(name, longest=10) for name in ("head", "line", "total") if name in marks.values},
        dates=tuple(_date_pattern(facts, "dates", one) for one in facts.words("dates", COMMON_DATES)),
        unit=facts.choice("unit", UNITS, "yuan"),
        total_words=facts.words("total_words", ("合计", "总计")),
        total_of=facts.choice("total_of", ("all", CREDITED, "any"), "any"),
        is_reference_per_line=facts.flag("is_reference_per_line", True),
    )
    marks.finish()
    where = "columns" if shape.kind == FIXED else "headings"
    fields = [column.field for column in columns] if shape.kind == FIXED else list(headings)
    if "amount" not in fields or "status" not in fields or not {"serial", "account"} & set(fields):
        raise facts.refuse(where, _("要有金额、处理结果，以及流水号或账号"))
    if shape.kind == FIXED and "line" not in made.marks:
        raise facts.refuse("marks.line", _("要写明细行以什么开头"))
    if any(fields.count(one) > 1 for one in fields if one != CONSTANT):
        raise facts.refuse(where, _("同一项不能有两列"))
    return made
