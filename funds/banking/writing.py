"""Our payment list as one bank wants it.

Every value is judged before it is written, and a list with a problem is not written at all: what is too long is never
cut, and a character that the encoding lacks never becomes a question mark.
"""

import csv
import io
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO, Final

import xlsxwriter
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.cells import is_formula_like
from funds.banking.errors import ListChanged, ListRefused
from funds.banking.formats import CSV, FIXED, LINE_ENDS, XLSX, Column, ListFormat, shown_date
from funds.money import FEN_PER_YUAN, yuan

HIDDEN: Final = ("Cc", "Cf", "Zl", "Zp")  # control characters, marks of direction, separators of lines
MOST_PROBLEMS: Final = 500  # shown; all of them are counted

FIELD_LABELS = {
    "n": gettext_lazy("序号"),
    "serial": gettext_lazy("流水号"),
    "name": gettext_lazy("户名"),
    "account": gettext_lazy("账号"),
    "bank": gettext_lazy("开户行"),
    "amount": gettext_lazy("金额"),
    "purpose": gettext_lazy("用途"),
    "batch": gettext_lazy("批次号"),
    "count": gettext_lazy("笔数"),
    "total": gettext_lazy("合计金额"),
}


@dataclass(frozen=True, slots=True)
class PayLine:
    """One payment as the bank needs it. `serial` is our own number of the payment and comes back in the answer."""

    serial: str
    name: str
    account: str
    amount_fen: int
    bank: str = ""
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class ListFacts:
    """What the whole list says: the batch, its date, and the count and sum that were checked and released."""

    batch: str
    day: date
    count: int
    total_fen: int
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """What the bank would reject. `line` counts the payments from 1; 0 stands for the whole list."""

    line: int
    field: str
    code: str
    words: str


def check(form: ListFormat, facts: ListFacts, lines: Iterable[PayLine]) -> Iterator[Problem]:
    """Everything the bank would reject, line by line; nothing is written."""
    judge = _Judge(form, facts)
    yield from judge.whole()
    for line in lines:
        yield from judge.line(line)


def write(form: ListFormat, facts: ListFacts, lines: Iterable[PayLine], file: BinaryIO) -> None:
    """Write the list to a binary file; on a refusal what `file` holds is worth nothing.

    `lines` is gone through once. Raises ListRefused with the problems of all lines, and ListChanged when count or sum
    are not those of `facts`.
    """
    judge = _Judge(form, facts)
    problems = list(judge.whole())
    found = len(problems)
    sheet = _SHEETS[form.file.kind](form, file)
    try:
        if not found:
            sheet.frame(form.head, facts)
            sheet.heading()
        for line in lines:
            for problem in judge.line(line):
                found += 1
                if found <= MOST_PROBLEMS:
                    problems.append(problem)
            if not found:
                sheet.line(line, judge.count, facts)
        if found:
            raise ListRefused(problems, found)
        if (judge.count, judge.total_fen) != (facts.count, facts.total_fen):
            raise ListChanged(
                count=facts.count,
                total=yuan(facts.total_fen),
                found_count=judge.count,
                found_total=yuan(judge.total_fen),
            )
        sheet.frame(form.foot, facts)
    finally:
        sheet.close()


class _Judge:
    """Looks at one line after the other, and counts and adds up as it goes."""

    def __init__(self, form: ListFormat, facts: ListFacts) -> None:
        self.form = form
        self.facts = facts
        self.count = 0
        self.total_fen = 0
        self.serials: set[str] = set()
        limits = form.limits
        self.lengths = {"name": limits.name_bytes, "purpose": limits.purpose_bytes, "bank": limits.bank_bytes}
        self.columns = [column for column in form.columns if column.field in FIELD_LABELS]
        self.sound: set[tuple[str, str]] = set()  # banks and purposes that were judged before; they repeat
        self.is_table = form.file.kind != FIXED
        # The mark of utf-8-sig stands once, at the beginning of the file.
        self.encoding = "utf-8" if form.file.encoding == "utf-8-sig" else form.file.encoding
        self.forbidden = frozenset(limits.forbidden)
        self.takes_all_plain = not any(one == ":" or one.isalnum() for one in self.forbidden)

    def whole(self) -> Iterator[Problem]:
        limits = self.form.limits
        if self.facts.count > limits.most_lines:
            yield Problem(
                0, "count", "too_many_lines",
                _("共 %(count)s 笔，这家银行一个文件最多 %(most)s 笔。请分成几个批次。")
                % {"count": self.facts.count, "most": limits.most_lines},
            )  # fmt: skip
        for line in (*self.form.head, *self.form.foot):
            for column in line:
                if column.field in FIELD_LABELS:
                    for code, words in self._value(column, _frame_value(column, self.facts)):
                        yield Problem(0, column.field, code, words)

    def line(self, line: PayLine) -> Iterator[Problem]:
        self.count += 1
        for column in self.columns:
            for code, words in self._field(column, line):
                yield Problem(self.count, column.field, code, words)
        if type(line.amount_fen) is int:
            self.total_fen += line.amount_fen

    def _field(self, column: Column, line: PayLine) -> Iterator[tuple[str, str]]:
        limits = self.form.limits
        if column.field == "amount":
            if type(line.amount_fen) is not int or line.amount_fen <= 0:
                yield "amount_not_positive", _("金额要大于 0。请把这一笔退回重新编制。")
                return
            if line.amount_fen > limits.largest_fen:
                yield (
                    "amount_over_limit",
                    _("金额 %(amount)s 元超过这家银行单笔上限 %(most)s 元。请分成几笔，或改用其他银行。")
                    % {"amount": yuan(line.amount_fen), "most": yuan(limits.largest_fen)},
                )
        elif column.field == "account":
            yield from self._account(line.account)
        elif column.field == "serial":
            if line.serial in self.serials:
                yield "serial_repeated", _("流水号重复，银行只会付一笔。请核对这一笔是否列了两次。")
            self.serials.add(line.serial)
        value = _line_value(column, line, self.count, self.facts)
        is_needed = column.field not in ("bank", "purpose") or (column.field == "bank" and limits.wants_bank)
        if not value.strip():
            if is_needed:
                yield "empty", _("%(field)s没有填，银行不收。请补上。") % {"field": FIELD_LABELS[column.field]}
            return
        if self._is_plain(column, value):
            return
        repeats = column.field in ("bank", "purpose", "batch")
        if repeats and (column.field, value) in self.sound:
            return
        found = list(self._value(column, value))
        if repeats and not found and len(self.sound) < 10_000:
            self.sound.add((column.field, value))
        yield from found

    def _account(self, account: str) -> Iterator[tuple[str, str]]:
        if account and not (account.isascii() and account.isdigit()):
            yield "account_not_digits", _("账号里有数字以外的字符。请村里核对存折或卡后更正账号。")
        lengths = self.form.limits.account_lengths
        if account and lengths and len(account) not in lengths:
            yield (
                "account_length",
                _("账号为 %(found)s 位，这家银行只收 %(lengths)s 位。请核对账号，或改由开户行所在的银行发放。")
                % {"found": len(account), "lengths": "、".join(map(str, lengths))},
            )

    def _is_plain(self, column: Column, value: str) -> bool:
        """Letters, digits and the colons of our serials, short enough: `_value` would find nothing. Most values are so."""
        if not (self.takes_all_plain and value.replace(":", "0").isalnum()):
            return False
        try:
            return len(value if value.isascii() else value.encode(self.encoding)) <= self._most(column)
        except UnicodeEncodeError:
            return False

    def _most(self, column: Column) -> int:
        return min(column.width or 10**6, self.lengths.get(column.field, 10**6))

    def _value(self, column: Column, value: str) -> Iterator[tuple[str, str]]:
        label = {"field": FIELD_LABELS[column.field]}
        if value != value.strip():
            yield "spaces_around", _("%(field)s前后有空格，银行按不符退回。请去掉。") % label
        # A new rare character may be unknown to this Python, and not printable to it, but it is no control character.
        hidden = [] if value.isprintable() else [c for c in value if unicodedata.category(c) in HIDDEN]
        if hidden:
            yield (
                "control_character",
                _("%(field)s里有看不见的字符（U+%(code)04X）。请重新填写。") % {**label, "code": ord(hidden[0])},
            )
        forbidden = sorted(self.forbidden.intersection(value)) if self.forbidden else []
        if forbidden:
            yield (
                "forbidden_character",
                _("%(field)s里有这家银行不收的字符“%(found)s”。请向银行确认写法后更正。")
                % {**label, "found": "".join(forbidden)},
            )
        if self.is_table and is_formula_like(value):
            yield (
                "formula_like",
                _("%(field)s以“%(found)s”开头，表格软件会当成公式。请更正。") % {**label, "found": value.strip()[:1]},
            )
        if (
            self.form.file.kind == CSV
            and self.form.file.quoting == "none"
            and {self.form.file.delimiter, '"'} & set(value)
        ):
            yield "delimiter", _("%(field)s里有分隔符或引号，会错列。请更正。") % label
        try:
            size = len(value.encode(self.encoding))
        except UnicodeEncodeError:
            yield (
                "character_lacking",
                _(
                    "%(field)s里的“%(found)s”在这家银行的编码（%(encoding)s）里没有。请向银行确认该字的替代写法，登记后再发。"
                )
                % {
                    **label,
                    "found": "".join(lacking(value, self.form.file.encoding)),
                    "encoding": self.form.file.encoding,
                },
            )
            return
        most = self._most(column)
        if size > most:
            yield (
                "too_long",
                _(
                    "%(field)s为 %(size)s 字节，这家银行最多 %(most)s 字节（一个汉字占 2 至 4 字节）。请向银行确认简写后更正。"
                )
                % {**label, "size": size, "most": most},
            )


def lacking(text: str, encoding: str) -> list[str]:
    """The characters of the text that the encoding lacks, each once."""
    found = {}
    for character in text:
        try:
            character.encode(encoding)
        except UnicodeEncodeError:
            found[character] = None
    return list(found)


def _amount(amount_fen: int, unit: str) -> str:
    return str(amount_fen) if unit == "fen" else f"{amount_fen // FEN_PER_YUAN}.{amount_fen % FEN_PER_YUAN:02}"


def _line_value(column: Column, line: PayLine, n: int, facts: ListFacts) -> str:
    match column.field:
        case "n":
            return str(n)
        case "amount":
            return _amount(line.amount_fen, column.unit)
        case "purpose":
            return line.purpose or facts.purpose
        case "serial" | "name" | "account" | "bank":
            return getattr(line, column.field)
        case _:
            return _frame_value(column, facts)


def _frame_value(column: Column, facts: ListFacts) -> str:
    match column.field:
        case "count":
            return str(facts.count)
        case "total":
            return _amount(facts.total_fen, column.unit)
        case "batch":
            return facts.batch
        case "purpose":
            return facts.purpose
        case "date":
            return shown_date(facts.day, column.pattern)
        case _:
            return column.text


class _Sheet(ABC):
    """A file in the making: rows of texts, which every kind lays down in its own way."""

    def __init__(self, form: ListFormat, file: BinaryIO) -> None:
        self.form = form

    @abstractmethod
    def row(self, columns: Iterable[Column], values: list[str], *, is_heading: bool = False) -> None:
        """Lay one row down."""

    def heading(self) -> None:
        if self.form.has_heading:
            self.row(self.form.columns, [column.heading for column in self.form.columns], is_heading=True)

    def line(self, line: PayLine, n: int, facts: ListFacts) -> None:
        self.row(self.form.columns, [_line_value(column, line, n, facts) for column in self.form.columns])

    def frame(self, lines: Iterable[tuple[Column, ...]], facts: ListFacts) -> None:
        for columns in lines:
            self.row(columns, [_frame_value(column, facts) for column in columns])

    @abstractmethod
    def close(self) -> None:
        """Write what is still held back."""


class _Text(_Sheet):
    def __init__(self, form: ListFormat, file: BinaryIO) -> None:
        super().__init__(form, file)
        self.text = io.TextIOWrapper(
            file, encoding=form.file.encoding, errors="strict", newline="", write_through=False
        )

    def close(self) -> None:
        self.text.flush()
        self.text.detach()  # the file belongs to the caller, who closes it


class _Csv(_Text):
    QUOTING: Final = {"minimal": csv.QUOTE_MINIMAL, "all": csv.QUOTE_ALL, "none": csv.QUOTE_NONE}

    def __init__(self, form: ListFormat, file: BinaryIO) -> None:
        super().__init__(form, file)
        shape = form.file
        self.writer = csv.writer(
            self.text,
            delimiter=shape.delimiter,
            quoting=self.QUOTING[shape.quoting],
            lineterminator=LINE_ENDS[shape.line_end],
        )

    def row(self, columns: Iterable[Column], values: list[str], *, is_heading: bool = False) -> None:
        self.writer.writerow(values)


class _Fixed(_Text):
    def row(self, columns: Iterable[Column], values: list[str], *, is_heading: bool = False) -> None:
        cells = [self._cell(column, value) for column, value in zip(columns, values, strict=True)]
        self.text.write("".join(cells) + LINE_ENDS[self.form.file.line_end])

    def _cell(self, column: Column, value: str) -> str:
        missing = column.pad * (column.width - len(value.encode(self.form.file.encoding)))
        return value + missing if column.align == "left" else missing + value


class _Xlsx(_Sheet):
    """Every cell is text: a number would lose the digits of an account, and a formula has no way in."""

    def __init__(self, form: ListFormat, file: BinaryIO) -> None:
        super().__init__(form, file)
        self.book = xlsxwriter.Workbook(
            file,
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self.sheet = self.book.add_worksheet(form.file.sheet or None)
        self.text = self.book.add_format({"num_format": "@"})
        self.bold = self.book.add_format({"num_format": "@", "bold": True})
        self.sheet.set_column(0, max(len(form.columns) - 1, 0), 22)
        self.next = 0

    def row(self, columns: Iterable[Column], values: list[str], *, is_heading: bool = False) -> None:
        style: Any = self.bold if is_heading else self.text
        for place, value in enumerate(values):
            self.sheet.write_string(self.next, place, value, style)
        self.next += 1

    def close(self) -> None:
        self.book.close()


_SHEETS = {CSV: _Csv, FIXED: _Fixed, XLSX: _Xlsx}
