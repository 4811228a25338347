"""The bank's answer as lines: what it says of each payment, and what is wrong with a line or with the whole file.

Lines come as a stream. A line that cannot be read whole is handed on with what is wrong with it; nobody's answer is
dropped. When the last line has gone by, the bank's own count and sum are held against what was read.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO, Final

from django.utils.translation import gettext as _

from funds.banking.errors import BankingError, MissingColumns, NoLines, WrongEncoding
from funds.banking.formats import CREDITED, AnswerFormat, Column
from funds.banking.headings import LABELS, Layout, common, recognise
from funds.banking.opening import MOST_ROWS, Table, fixed_rows, limit
from funds.banking.reasons import FAILED, OTHER, RETURNED, UNCLEAR
from funds.banking.values import (
    ValueRefused,
    folded,
    read_amount,
    read_day,
    read_name,
    read_number,
    read_serial,
    read_text,
    shown,
)
from funds.money import yuan

SUBTOTALS: Final = ("小计", "本页小计", "本页合计", "承前页", "过次页")
COUNTED = re.compile(r"([\u4e00-\u9fff]*)[:：]?\s*([0-9][0-9,]*)\s*笔")
WHOLE_COUNT: Final = ("", "共", "总", "共计", "总共", "总笔数")
NUMBER_OF = re.compile(r"(?<![\u4e00-\u9fff])(?:总笔数|合计笔数|笔数|总数)[:：]?\s*([0-9][0-9,]*)")
SUM_OF = re.compile(r"(?<![\u4e00-\u9fff])(?:总金额|合计金额|总额|金额)[:：]?\s*[¥￥]?([0-9][0-9,]*\.?[0-9]*)")
FIGURES = re.compile(r"笔数|金额|合计|总计")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and what to do. `line` 0 stands for the whole file."""

    line: int
    field: str
    code: str
    words: str


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One line of the answer. `line` is the row of the file, from 1; `amount_fen` is None where it cannot be read.

    `outcome` and `reason` are codes of ours (`funds.banking.reasons`); `status` and `words` are what the bank wrote.
    """

    line: int
    serial: str
    account: str
    name: str
    amount_fen: int | None
    day: date | None
    outcome: str
    reason: str
    status: str
    words: str
    reference: str
    batch: str = ""
    findings: tuple[Finding, ...] = ()


def read(source: BinaryIO, form: AnswerFormat | None = None, mapping: Mapping[str, str] | None = None) -> "Answer":
    """The answer in a seekable binary file; iterate over it for the lines.

    Raises an AnswerRefused for what is no answer of a bank: here, or at the row where the file breaks off.
    """
    layout, table = recognise(source, form, mapping)
    if layout.missing:
        raise MissingColumns(line=layout.line, columns="、".join(str(LABELS[field]) for field in layout.missing))
    return Answer(source, form or common(), layout, table)


class Answer:
    """The lines of one file, to be gone through once. Counts, sums and `findings` are whole after the last line."""

    def __init__(self, source: BinaryIO, form: AnswerFormat, layout: Layout, table: Table | None) -> None:
        self.layout = layout
        self.findings: list[Finding] = []
        self.counts: Counter[str] = Counter()  # by outcome
        self.sums_fen: Counter[str] = Counter()
        self.unknown_statuses: Counter[str] = Counter()  # words of the bank that its format does not list
        self._source = source
        self._table = table
        self._total: tuple[int, int | None, int | None] | None = None  # row, count and sum that the bank names
        self._named_counts: dict[str, int] = {}
        self._form = form
        of_amount = next((column for column in form.columns if column.field == "amount"), None)
        self._unit = of_amount.unit if table is None and of_amount else form.unit
        self._words = _Words(form)
        # Field of the file, field of the line, how it is read, and what stands where there is nothing.
        self._readers: tuple[tuple[str, str, Callable[[Any], Any], Any], ...] = (
            ("serial", "serial", read_serial, ""),
            ("account", "account", read_number, ""),
            ("name", "name", read_name, ""),
            ("amount", "amount_fen", lambda cell: read_amount(cell, self._unit), None),
            ("date", "day", lambda cell: read_day(cell, form.dates), None),
            ("status", "status", read_text, ""),
            ("reason", "words", read_text, ""),
            ("reference", "reference", read_number, ""),
            ("batch", "batch", read_text, ""),
        )

    @property
    def count(self) -> int:
        return self.counts.total()

    @property
    def total_fen(self) -> int:
        return self.sums_fen.total()

    def __iter__(self) -> Iterator[AnswerLine]:
        lines = self._fixed_lines() if self._table is None else self._table_lines(self._table)
        for number, line in enumerate(lines, 1):
            if number > MOST_ROWS:
                limit(_("回单的行数"), number, MOST_ROWS)
            self.counts[line.outcome] += 1
            self.sums_fen[line.outcome] += line.amount_fen or 0
            if line.outcome == UNCLEAR and folded(line.status) not in self._words.outcomes:
                self.unknown_statuses[line.status] += 1
            yield line
        if not self.count:
            raise NoLines
        self.findings.extend(self._against_total())

    def _table_lines(self, table: Table) -> Iterator[AnswerLine]:
        columns, headings = self.layout.columns, [folded(heading) for heading in self.layout.headings]
        width = max(columns.values()) + 1
        totals = tuple(map(folded, self._form.total_words))
        subtotals = tuple(map(folded, SUBTOTALS))
        for number, row in table.rows():
            if number <= self.layout.line:
                continue
            if len(row) < width:
                row = [*row, *[""] * (width - len(row))]
            first = next((cell for cell in row if cell != "" and shown(cell)), "")
            if first == "":
                continue
            if isinstance(first, str) and not first.isascii():
                begins = folded(first)
                if (
                    begins.startswith(subtotals)
                    or begins == headings[0]
                    and [folded(shown(cell)) for cell in row] == headings
                ):
                    continue  # the heading again, on the next page
                if begins.startswith(totals) and not self._is_line(row):
                    self._take_total(number, row)
                    continue
            if self._is_note(row, shown(first)):
                continue
            yield self._line(number, {field: row[place] for field, place in columns.items()})

    def _is_line(self, row: Sequence[Any]) -> bool:
        """Whether the row names a payment: its serial or account, beside what became of it."""
        columns = self.layout.columns
        keys = [folded(shown(row[columns[field]])) for field in ("serial", "account") if field in columns]
        status = folded(shown(row[columns["status"]]))
        return any(key.isascii() and len(key) > 3 for key in keys) and status in self._words.outcomes

    def _is_note(self, row: Sequence[Any], first: str) -> bool:
        """Whether the row is only words below the table: who printed it, how much went to whom in all."""
        columns = self.layout.columns
        keys = [folded(shown(row[columns[field]])) for field in ("serial", "account") if field in columns]
        if any(key and key.isascii() for key in keys):
            return False
        amount, status = (shown(row[columns[field]]) for field in ("amount", "status"))
        return not (amount or status) or bool(FIGURES.search(first) and folded(status) not in self._words.outcomes)

    def _fixed_lines(self) -> Iterator[AnswerLine]:
        form = self._form
        encoding = form.file.encoding
        head, line_mark, total = (form.marks.get(name, "").encode(encoding) for name in ("head", "line", "total"))
        total_row = 0
        for number, raw in fixed_rows(self._source):
            if not raw.strip() or (head and raw.startswith(head)):
                continue
            if total and raw.startswith(total):
                total_row = number
                named = self._cut(number, raw, form.total)
                unit = next((column.unit for column in form.total if column.field == "total"), "yuan")
                self._total = number, _whole(named.get("count", "")), _fen(named.get("total", ""), unit)
                continue
            if not raw.startswith(line_mark):
                self.findings.append(
                    Finding(
                        number,
                        "",
                        "unknown_row",
                        _("第 %(line)s 行不是这家银行的格式。请向银行核对文件是否完整。") % {"line": number},
                    )
                )
                continue
            yield self._line(number, self._cut(number, raw, form.columns))
        if total and not total_row:
            self.findings.append(
                Finding(0, "total", "no_total", _("文件没有合计行，可能没有下载完整。请重新下载后再上传。"))
            )

    def _cut(self, number: int, raw: bytes, columns: Sequence[Column]) -> dict[str, str]:
        """{field: text} of one line, cut by bytes."""
        encoding = self._form.file.encoding
        width = sum(column.width for column in columns)
        if len(raw.rstrip()) > width:
            self.findings.append(
                Finding(
                    number,
                    "",
                    "too_wide",
                    _("第 %(line)s 行比格式规定的 %(width)s 字节长。请核对是否选对了银行。")
                    % {"line": number, "width": width},
                )
            )
        cells, place = {}, 0
        for column in columns:
            try:
                cells[column.field] = raw[place : place + column.width].decode(encoding).strip()
            except UnicodeDecodeError as broken:
                raise WrongEncoding(line=number) from broken
            place += column.width
        return cells

    def _line(self, number: int, cells: Mapping[str, Any]) -> AnswerLine:
        findings: list[Finding] = []
        read: dict[str, Any] = {}
        for field, name, reader, default in self._readers:
            cell = cells.get(field, "")
            try:
                read[name] = default if cell == "" and field != "amount" else reader(cell)
            except ValueRefused as refused:
                read[name] = default
                findings.append(Finding(number, field, refused.code, str(refused)))
        outcome, reason = self._words.meaning(read["status"], read["words"])
        return AnswerLine(line=number, outcome=outcome, reason=reason, findings=tuple(findings), **read)

    # The bank's own count and sum

    def _take_total(self, number: int, row: Sequence[Any]) -> None:
        """Understand a total line such as 「合计 | 成功101笔 | 91,050.00 | 失败14笔，退票5笔」."""
        count, texts = None, [shown(cell) for cell in row]
        amount_fen = _fen(row[self.layout.columns["amount"]], self._unit)
        for place, text in enumerate(texts):
            if text == "笔" and place:
                count = _whole(texts[place - 1])
            for label, figure in COUNTED.findall(text):
                label = _without(label, (*self._form.total_words, "其中"))
                outcome = self._words.outcomes.get(folded(label))
                if outcome:
                    self._named_counts[outcome] = self._named_counts.get(outcome, 0) + (_whole(figure) or 0)
                elif label in WHOLE_COUNT:
                    count = _whole(figure)
            named = NUMBER_OF.search(text)
            if named and count is None:
                count = _whole(named[1])
            named = SUM_OF.search(text)
            if named and amount_fen is None:
                amount_fen = _fen(named[1], self._unit)
        self._total = number, count, amount_fen

    def _against_total(self) -> Iterator[Finding]:
        if self._total is None:
            return
        number, count, amount_fen = self._total
        covers = self._form.total_of
        counts = {"all": self.count, CREDITED: self.counts[CREDITED]}
        sums = {"all": self.total_fen, CREDITED: self.sums_fen[CREDITED]}
        if count is not None and count not in (counts.values() if covers == "any" else (counts[covers], self.count)):
            yield Finding(
                number, "count", "total_count",
                _("银行合计 %(bank)s 笔，文件里实有 %(ours)s 笔。文件可能缺行或被改过，请重新下载或问银行。")
                % {"bank": count, "ours": counts["all" if covers == "any" else covers]},
            )  # fmt: skip
        for outcome, named in self._named_counts.items():
            if named != self.counts[outcome]:
                yield Finding(
                    number, "count", "total_count",
                    _("银行合计“%(outcome)s” %(bank)s 笔，文件里实有 %(ours)s 笔。文件可能缺行或被改过，请重新下载或问银行。")
                    % {"outcome": self._form.statuses[outcome][0], "bank": named, "ours": self.counts[outcome]},
                )  # fmt: skip
        if amount_fen is not None and amount_fen not in (sums.values() if covers == "any" else (sums[covers],)):
            yield Finding(
                number, "total", "total_sum",
                _("银行合计 %(bank)s 元，文件里各行相加为 %(ours)s 元。文件可能缺行或被改过，请重新下载或问银行。")
                % {"bank": yuan(amount_fen), "ours": yuan(sums["all" if covers == "any" else covers])},
            )  # fmt: skip


class _Words:
    """What the bank's words mean. A status that nobody listed is unclear: money is not taken as paid on a guess."""

    def __init__(self, form: AnswerFormat) -> None:
        self.outcomes = {folded(word): outcome for outcome, words in form.statuses.items() for word in words}
        self.reasons = {folded(word): code for code, words in form.reasons.items() for word in words}
        self.seen: dict[tuple[str, str], tuple[str, str]] = {}

    def meaning(self, status: str, words: str) -> tuple[str, str]:
        """Outcome and, where money did not stay, reason."""
        found = self.seen.get((status, words))
        if found is None:
            outcome = self.outcomes.get(folded(status), UNCLEAR)
            found = outcome, self._reason(status, words) if outcome in (FAILED, RETURNED) else ""
            if len(self.seen) < 10_000:
                self.seen[status, words] = found
        return found

    def _reason(self, status: str, words: str) -> str:
        """The bank's words exactly, else its code, else a known word within its sentence if only one code fits."""
        text, code = folded(words), folded(status)
        for exact in (text, code):
            if exact in self.reasons:
                return self.reasons[exact]
        within = {code for word, code in self.reasons.items() if word in text}
        return within.pop() if len(within) == 1 else OTHER


def _without(label: str, beginnings: Sequence[str]) -> str:
    for word in beginnings:
        label = label.removeprefix(word)
    return label


def _whole(text: Any) -> int | None:
    digits = folded(shown(text)).replace(",", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 12 else None


def _fen(value: Any, unit: str) -> int | None:
    try:
        return read_amount(value, unit) if value != "" else None
    except BankingError:
        return 0 if _whole(value) == 0 else None
