"""Copies of the demo ledger that were changed on the way: corrected, reordered, moved about."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from openpyxl import Workbook

from families.importing.spreadsheet import read_workbook

Place = tuple[int, int]  # row, column


@dataclass
class SheetCopy:
    """Cells by place, and merged ranges as (first row, first column, last row, last column)."""

    cells: dict[Place, object] = field(default_factory=dict)
    merges: list[tuple[int, int, int, int]] = field(default_factory=list)

    def clear_rows(self, *rows: int) -> None:
        """Empty these rows and the merged ranges that begin in them."""
        self.cells = {place: value for place, value in self.cells.items() if place[0] not in rows}
        self.merges = [merge for merge in self.merges if merge[0] not in rows]


def copy_of(path: Path) -> dict[str, SheetCopy]:
    """Sheets by title. openpyxl cannot write a formula with its saved result, so a formula becomes its result."""
    copy = {}
    for sheet in read_workbook(path):
        copy[sheet.title] = SheetCopy(merges=sheet.merges)
        for row, cells in sheet.rows.items():
            for column, cell in cells.items():
                is_active = not cell.formula or cell.value is None or "HYPERLINK" in cell.formula
                copy[sheet.title].cells[row, column] = cell.raw if is_active else cell.value
    return copy


def written(copy: dict[str, SheetCopy], move: Callable[[int, int], Place] = lambda row, column: (row, column)):
    """The copy as a workbook in memory, in the order of the dictionary, every cell where `move` puts it."""
    workbook = Workbook()
    workbook.remove(workbook.active)
    for title, sheet in copy.items():
        worksheet = workbook.create_sheet(title)
        for place, value in sheet.cells.items():
            worksheet.cell(*move(*place)).value = value
        for first_row, first_column, last_row, last_column in sheet.merges:
            top, left = move(first_row, first_column)
            bottom, right = move(last_row, last_column)
            worksheet.merge_cells(start_row=top, start_column=left, end_row=bottom, end_column=right)
    file = io.BytesIO()
    workbook.save(file)
    return file
