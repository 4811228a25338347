"""Finds the table in a bank's answer: the row of its headings, and which column holds which field of ours.

A bank's own format is asked first, then the names that banks commonly use, and over both stands what a person has set
for this bank. The signature of the headings tells whether a later file looks the same.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, Final

from django.utils.translation import gettext_lazy as _

from funds.banking.errors import BrokenRow, NoHeading, SeveralTables
from funds.banking.formats import ANSWER_FIELDS, CONSTANT, FIXED, AnswerFormat, built_in
from funds.banking.opening import Table, fixed_rows, is_text, tables
from funds.banking.values import folded, shown

HEADING_WITHIN: Final = 50  # rows
LEAST_KNOWN: Final = 3  # columns that make a row a heading
FIELDS = tuple(field for field in ANSWER_FIELDS if field != CONSTANT)
LABELS = {
    "n": _("序号"),
    "batch": _("批次号"),
    "serial": _("流水号"),
    "account": _("账号"),
    "name": _("户名"),
    "bank": _("开户行"),
    "amount": _("金额"),
    "date": _("日期"),
    "status": _("处理结果"),
    "reason": _("原因"),
    "reference": _("银行流水号"),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the table is. `line` is the row of the headings, `columns` {field: place from 0}.

    `missing` are fields without which nothing can be matched: nobody knows their column, or two columns bear the name.
    `signature` is the same for every file with the same headings in the same order.
    """

    kind: str
    encoding: str
    delimiter: str
    sheet: str
    line: int
    headings: tuple[str, ...]
    columns: Mapping[str, int]
    missing: tuple[str, ...]
    signature: str

    def mapping(self) -> dict[str, str]:
        """{field: heading}, as it is remembered for the bank and handed in again."""
        return {field: self.headings[place] for field, place in self.columns.items()}


def common() -> AnswerFormat:
    """The names and words that banks commonly use; the format of a bank that has none of its own."""
    return next(one for one in built_in() if one.code == "COMMON" and isinstance(one, AnswerFormat))


def recognise(
    source: BinaryIO, form: AnswerFormat | None = None, mapping: Mapping[str, str] | None = None
) -> tuple[Layout, Table | None]:
    """Layout and rows of the answer; the rows are None for a fixed-width file, whose places stand in its format.

    `mapping` is {field: heading} and overrides; a field mapped to "" has no column. Raises NoHeading, SeveralTables,
    and whatever `opening.tables` raises for a file that is no table at all.
    """
    if form is not None and form.file.kind == FIXED and _is_fixed(source, form):
        return _fixed_layout(form), None
    names = _names(form or common(), mapping or {})
    found: tuple[Layout, Table] | None = None
    broken: BrokenRow | None = None
    for table in tables(source):
        try:
            layout = _layout(table, names)
        except BrokenRow as row:  # perhaps only because this is not the delimiter
            broken = broken or row
            continue
        if layout is None:
            continue
        if found and table.sheet != found[1].sheet:
            raise SeveralTables(first=found[1].sheet, second=table.sheet)
        if not found or len(layout.columns) > len(found[0].columns):
            found = layout, table
    if found:
        return found
    raise broken or NoHeading(rows=HEADING_WITHIN)


def first_rows(source: BinaryIO, most: int = 20) -> list[tuple[str, list[str]]]:
    """Name of the sheet and texts of the first rows, for a person who has to say which column is what."""
    rows: list[tuple[str, list[str]]] = []
    widest = 0
    for table in tables(source):
        here = [(table.sheet, [shown(cell) for cell in row]) for _line, row in islice(table.rows(), most)]
        width = max((len(cells) for _sheet, cells in here), default=0)
        if width > widest:
            rows, widest = here, width
    return rows


def heading_texts(row: Sequence[str]) -> list[str]:
    """The different texts of a row that may be headings: figures are none."""
    return list(dict.fromkeys(cell for cell in row if cell.strip() and not cell[:1].isdigit()))


def _names(form: AnswerFormat, mapping: Mapping[str, str]) -> dict[str, list[str]]:
    """{field: folded names of its column, the surest first}."""
    names = {}
    for field in FIELDS:
        if field in mapping:
            names[field] = [folded(mapping[field])] if mapping[field] else []
        else:
            known = (*form.headings.get(field, ()), *common().headings.get(field, ()))
            names[field] = list(dict.fromkeys(map(folded, known)))
    return names


def _layout(table: Table, names: Mapping[str, Sequence[str]]) -> Layout | None:
    best: tuple[int, tuple[str, ...], dict[str, int]] | None = None
    for line, row in islice(table.rows(), HEADING_WITHIN):
        headings = tuple(shown(cell) for cell in row)
        columns = _columns([folded(heading) for heading in headings], names)
        if len(columns) >= LEAST_KNOWN and (best is None or len(columns) > len(best[2])):
            best = line, headings, columns
    if best is None:
        return None
    line, headings, columns = best
    return Layout(
        table.kind, table.encoding, table.delimiter, table.sheet, line, headings, columns, _missing(columns),
        _signature(table.kind, headings),
    )  # fmt: skip


def _columns(headings: Sequence[str], names: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """{field: place}. A name that stands over two columns says nothing, and one column serves one field only."""
    columns: dict[str, int] = {}
    for field, known in names.items():
        for name in known:
            count = headings.count(name)
            if count > 1:
                break
            place = headings.index(name) if count else -1
            if count and place not in columns.values():
                columns[field] = place
                break
    return columns


def _missing(columns: Mapping[str, int]) -> tuple[str, ...]:
    """Whom money went to is known by the account alone; a serial that is missing costs only a second look."""
    return tuple(field for field in ("account", "amount", "status") if field not in columns)


def _signature(kind: str, headings: Sequence[str]) -> str:
    text = "\x1f".join((kind, *map(folded, headings))).rstrip("\x1f")
    return hashlib.sha256(text.encode()).hexdigest()


def _is_fixed(source: BinaryIO, form: AnswerFormat) -> bool:
    """Whether the first line that is not blank begins as this format says; its width may have been trimmed."""
    if not is_text(source):
        return False
    marks = tuple(mark.encode(form.file.encoding) for mark in form.marks.values())
    first = next((line for _number, line in _filled(fixed_rows(source))), b"")
    return first.startswith(marks)


def _filled(rows: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    return (row for row in rows if row[1].strip())


def _fixed_layout(form: AnswerFormat) -> Layout:
    fields = [column.field for column in form.columns]
    columns = {field: place for place, field in enumerate(fields) if field != CONSTANT}
    widths: list[Any] = [f"{column.field}:{column.width}" for column in form.columns]
    return Layout(FIXED, form.file.encoding, "", "", 0, tuple(fields), columns, (), _signature(FIXED, widths))
