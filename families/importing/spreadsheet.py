"""Opens an .xlsx workbook that somebody sent, without trusting it.

The archive is measured before anything is unpacked, XML is parsed by defusedxml (openpyxl uses it where it is
installed), and nothing is ever calculated: a formula comes as its text with the result that was saved beside it.
"""

import os
import warnings
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError  # noqa: N812

from defusedxml.ElementTree import iterparse
from django.utils.translation import gettext_lazy as _
from openpyxl import load_workbook
from openpyxl.formula.tokenizer import TokenizerError
from openpyxl.formula.translate import TranslatorError
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.utils.exceptions import CellCoordinatesException, InvalidFileException
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet.formula import ArrayFormula

from families import errors
from families.importing.values import shown_number

MEGABYTE = 1024 * 1024
LARGEST_FILE = 20 * MEGABYTE
MOST_ENTRIES = 2_000
LARGEST_UNPACKED = 50 * MEGABYTE
HIGHEST_RATIO = 200  # unpacked to packed; sheets of offices stay below 30
MOST_SHEETS = 300
MOST_CELLS = 500_000  # cells that hold something, all sheets together
MOST_MERGES = 20_000  # of one sheet
LONGEST_TEXT = 32_767  # characters that Excel allows in a cell
LAST_ROW = 20_000
LAST_COLUMN = 100
EXCEL_ROWS = 1_048_576

# What zipfile, zlib, expat and openpyxl raise over a damaged, encrypted or hostile file. ValueError covers defusedxml.
UNREADABLE = (
    BadZipFile, ZlibError, EOFError, NotImplementedError, RuntimeError, ParseError, KeyError, IndexError, ValueError,
    TypeError, AttributeError, OverflowError, InvalidFileException, CellCoordinatesException, TokenizerError,
    TranslatorError, OSError,
)  # fmt: skip


class Cell(NamedTuple):
    """What a cell holds. For a formula `value` is the saved result, None when none was saved."""

    value: object
    formula: str = ""

    @property
    def raw(self) -> object:
        """The formula or the value, as the person sees it in the cell; whole numbers without a decimal point."""
        return self.formula or shown_number(self.value)


EMPTY = Cell(None)


class Sheet:
    """One work sheet as its non-empty cells and its merged ranges. Rows and columns count from 1."""

    def __init__(self, title: str, *, is_hidden: bool) -> None:
        self.title = title
        self.is_hidden = is_hidden
        self.rows: dict[int, dict[int, Cell]] = {}
        self.merges: list[tuple[int, int, int, int]] = []  # first row, first column, last row, last column
        self._merges_of_column: dict[int, list[tuple[int, int, int]]] = {}  # first row, last row, first column

    def cell(self, row: int, column: int) -> Cell:
        return self.rows.get(row, {}).get(column, EMPTY)

    def cover(self, row: int, column: int) -> tuple[int, int]:
        """Row and column of the cell that shows here: the corner of the merged range around it, or the cell itself."""
        merges = self._merges_of_column.get(column, [])
        place = bisect_right(merges, (row, EXCEL_ROWS, 0)) - 1
        if place >= 0:
            first_row, last_row, first_column = merges[place]
            if row <= last_row:
                return first_row, first_column
        return row, column

    def shown(self, row: int, column: int) -> Cell:
        """The cell that a reader sees at this place."""
        return self.cell(*self.cover(row, column))

    def merge(self, ranges: list[tuple[int, int, int, int]]) -> None:
        """Take over the merged ranges of the sheet, all at once."""
        self.merges = sorted(ranges)
        for first_row, first_column, last_row, last_column in self.merges:
            for column in range(first_column, min(last_column, LAST_COLUMN) + 1):
                self._merges_of_column.setdefault(column, []).append((first_row, last_row, first_column))


def address(row: int, column: int) -> str:
    """`C19` for row 19, column 3."""
    return f"{get_column_letter(column)}{row}"


def read_workbook(source: Path | BinaryIO) -> list[Sheet]:
    """All work sheets of an .xlsx file, in order; columns beyond LAST_COLUMN are left out.

    `source` is a path or a seekable binary file. Raises `errors.NotAWorkbook` for anything else than a readable .xlsx,
    `errors.WorkbookTooLarge` for one that is larger than any ledger.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return read_workbook(file)
    _measure(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # openpyxl on extensions and dates that it leaves out
        try:
            return list(_sheets(source))
        except UNREADABLE as broken:
            raise errors.NotAWorkbook from broken


def _measure(source: BinaryIO) -> None:
    """Refuse what is too large from the directory of the archive; zipfile unpacks no more than that announces."""
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    _limit(_("文件大小（字节）"), size, LARGEST_FILE)
    try:
        with ZipFile(source) as archive:
            entries = archive.infolist()
    except UNREADABLE as broken:
        raise errors.NotAWorkbook from broken
    unpacked = sum(entry.file_size for entry in entries)
    _limit(_("文件内的部件数"), len(entries), MOST_ENTRIES)
    _limit(_("解压后的大小（字节）"), unpacked, LARGEST_UNPACKED)
    if unpacked > MEGABYTE:
        _limit(_("压缩比"), unpacked // size, HIGHEST_RATIO)


def _limit(what: object, found: int, limit: int) -> None:
    if found > limit:
        raise errors.WorkbookTooLarge(what=what, found=found, limit=limit)


def _sheets(source: BinaryIO) -> Iterator[Sheet]:
    # Read-only mode streams the cells and expands nothing: a range merged over the whole sheet, or a link on it, costs
    # no more than its line of XML. It takes two passes, one for formulas and one for their saved results.
    formulas = load_workbook(source, read_only=True, keep_links=False)
    results = load_workbook(source, read_only=True, keep_links=False, data_only=True)
    _limit(_("工作表数"), len(formulas.worksheets), MOST_SHEETS)
    cells_left = MOST_CELLS
    for with_formulas, with_results in zip(formulas.worksheets, results.worksheets, strict=True):
        sheet = Sheet(with_formulas.title, is_hidden=with_formulas.sheet_state != "visible")
        for row, column, cell in _cells(with_formulas, with_results):
            _limit(_("有内容的行"), row, LAST_ROW)
            cells_left -= 1
            _limit(_("有内容的单元格数"), MOST_CELLS - cells_left, MOST_CELLS)
            sheet.rows.setdefault(row, {})[column] = cell
        sheet.merge(_merged_ranges(with_formulas))
        yield sheet


def _cells(with_formulas: ReadOnlyWorksheet, with_results: ReadOnlyWorksheet) -> Iterator[tuple[int, int, Cell]]:
    """Row, column and content of every cell that is not blank."""
    area = {"max_row": EXCEL_ROWS, "max_col": LAST_COLUMN}
    rows = zip(with_formulas.iter_rows(**area), with_results.iter_rows(values_only=True, **area), strict=True)
    for row, (cells, values) in enumerate(rows, 1):
        for column, (cell, value) in enumerate(zip(cells, values, strict=True), 1):
            if cell.value is None:
                continue
            if cell.data_type == "f":
                formula = cell.value
                text = formula.text if isinstance(formula, ArrayFormula) else formula
                yield row, column, Cell(value, str(text))
            elif not isinstance(value, str) or value.strip():
                yield row, column, Cell(value)
            if isinstance(value, str):
                _limit(_("一个单元格的字数"), len(value), LONGEST_TEXT)


def _merged_ranges(worksheet: ReadOnlyWorksheet) -> list[tuple[int, int, int, int]]:
    """First row, first column, last row, last column of the merged ranges, which read-only mode does not tell."""
    ranges = []
    with worksheet._get_source() as part:
        for _event, element in iterparse(part):
            name = element.tag.rpartition("}")[2]
            if name == "mergeCell":
                first_column, first_row, last_column, last_row = range_boundaries(element.get("ref"))
                ranges.append((first_row, first_column, last_row, last_column))
                _limit(_("合并单元格数"), len(ranges), MOST_MERGES)
            if name in {"row", "mergeCell"}:
                element.clear()
    return ranges
