"""The hardship ledger of a township: a workbook with a sheet per village, read into households and findings."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import BinaryIO, NamedTuple

from openpyxl.utils.cell import coordinate_to_tuple

from families import errors
from families.folding import to_simplified
from families.identifiers import compact
from families.importing.findings import Finding
from families.importing.ledger_checks import check_against_register, total_findings
from families.importing.ledger_household import Catalogue, LedgerHousehold, read_household
from families.importing.ledger_layout import COLUMNS, Layout, read_layout
from families.importing.register_index import RegisterIndex
from families.importing.spreadsheet import Sheet, address, read_workbook
from families.importing.values import as_text


@dataclass(slots=True)
class LedgerSheet:
    """One sheet with a table: its exact title, the village it is for (None when that cannot be seen), its households."""

    title: str
    village_code: str | None
    households: list[LedgerHousehold]


@dataclass(slots=True)
class LedgerReading:
    """What a workbook says and what is wrong with it, findings in the order of sheets, rows and columns."""

    sheets: list[LedgerSheet] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def households(self) -> list[LedgerHousehold]:
        """All households as listed, repeated and unknown ones too."""
        return [household for sheet in self.sheets for household in sheet.households]

    @property
    def importable(self) -> list[LedgerHousehold]:
        """The households that no error holds back."""
        return [household for household in self.households if not household.is_held]

    @property
    def held_household_nos(self) -> list[str]:
        """The households of the register that must be corrected before they can be imported, by number."""
        listed = {household.household_no for household in self.households if household.is_in_register}
        return sorted(listed - {household.household_no for household in self.importable})


class LedgerTotals(NamedTuple):
    """Sums over households, money in fen; `help_lower_bounds` counts those whose help is "and a bit more"."""

    households: int
    persons: int
    income_fen: int
    medical_fen: int
    debt_fen: int
    debt_lower_bounds: int
    help_fen: int
    help_lower_bounds: int
    severe: int


def read_ledger(
    source: Path | BinaryIO, *, index: RegisterIndex, today: date, catalogue: Catalogue | None = None
) -> LedgerReading:
    """Read a ledger and judge it against the register, as of `today`.

    `source` is a path or a seekable binary file. Formulas are never calculated: a saved result counts in a number
    column, a formula in a text column is an error. Raises `errors.NotAWorkbook`, `errors.WorkbookTooLarge`, or
    `errors.NoLedgerTable` when no sheet holds a table.
    """
    reading = LedgerReading()
    sheets = read_workbook(source)
    layouts = [(sheet, read_layout(sheet)) for sheet in sheets if sheet.rows and not sheet.is_hidden]
    if not any(layout.tables for _sheet, layout in layouts):
        raise errors.NoLedgerTable
    for sheet, layout in layouts:
        if not layout.tables:
            continue
        households = [read_household(block, catalogue=catalogue or Catalogue(), today=today) for block in layout.blocks]
        reading.sheets.append(LedgerSheet(sheet.title, _village_code(sheet, layout, households, index), households))
        for total in layout.totals:
            rows = [household for household in households if household.block in total.blocks]
            reading.findings += total_findings(total, rows)
    check_against_register(reading.households, {sheet.title: sheet.village_code for sheet in reading.sheets}, index)
    reading.findings += [finding for household in reading.households for finding in household.findings]
    reading.findings += _sheet_findings(sheets, layouts, reading)
    order = {sheet.title: place for place, sheet in enumerate(sheets)}
    reading.findings.sort(key=lambda finding: (order[finding.sheet], coordinate_to_tuple(finding.cell)))
    return reading


def totals_of(households: Iterable[LedgerHousehold]) -> LedgerTotals:
    """Sum up households, for example those of `LedgerReading.importable`. Unreadable amounts count as nothing."""
    chosen = list(households)
    return LedgerTotals(
        households=len(chosen),
        persons=sum(len(household.persons) for household in chosen),
        income_fen=sum(household.income_total_fen or 0 for household in chosen),
        medical_fen=sum(household.medical_fen or 0 for household in chosen),
        debt_fen=sum(household.debt_fen or 0 for household in chosen),
        debt_lower_bounds=sum(household.debt_is_lower_bound for household in chosen),
        help_fen=sum(household.help_fen or 0 for household in chosen),
        help_lower_bounds=sum(household.help_is_lower_bound for household in chosen),
        severe=sum(household.severity == "severe" for household in chosen),
    )


# --- The village of a sheet

NOT_IN_NAMES = re.compile(r"[\W\d_]+")
VILLAGE_ENDINGS = re.compile(r"(?:村民委员会|居民委员会|村委会|居委会|社区|村)$")


def _village_code(sheet: Sheet, layout: Layout, households: list[LedgerHousehold], index: RegisterIndex) -> str | None:
    """By the name of the sheet, else by the lines above the table, else by most of the household numbers."""
    by_core = {_core(name): code for code, name in index.village_names.items()}
    if (core := _core(sheet.title)) in by_core:
        return by_core[core]
    first_table = layout.tables[0].top
    above = "".join(as_text(cell.value) for row in range(1, first_table) for cell in sheet.rows.get(row, {}).values())
    text = to_simplified(compact(above))
    named = [code for code, name in index.village_names.items() if to_simplified(name) in text]
    if len(named) == 1:
        return named[0]
    numbers = Counter(household.household_no[:12] for household in households if household.household_no)
    code, count = numbers.most_common(1)[0] if numbers else (None, 0)
    return code if code in index.village_names and count * 2 > len(households) else None


def _core(name: str) -> str:
    """A village's name without counting, blanks and 村: 15.白鹇岭村 as 白鹇岭."""
    return VILLAGE_ENDINGS.sub("", NOT_IN_NAMES.sub("", to_simplified(compact(name))))


# --- Findings about sheets as a whole


def _sheet_findings(
    sheets: list[Sheet], layouts: list[tuple[Sheet, Layout]], reading: LedgerReading
) -> Iterator[Finding]:
    for sheet in sheets:
        if sheet.rows and sheet.is_hidden:
            yield Finding(sheet.title, "A1", "sheet_hidden", None)
    for sheet, layout in layouts:
        if not layout.tables:
            yield Finding(sheet.title, "A1", "sheet_without_table", None)
        for table in layout.tables:
            missing = [str(column.label) for key, column in COLUMNS.items() if key not in table.columns]
            if missing:
                cell = address(table.heading_row, min(table.columns.values()))
                yield Finding(sheet.title, cell, "column_missing", None, details={"columns": "、".join(missing)})
        for table, row in layout.strays:
            place = next(iter(table.own_cells(row)))
            raw = table.cell(place, row).raw
            yield Finding(sheet.title, table.address(place, row), "row_not_understood", None, raw)
    for ledger_sheet in reading.sheets:
        if ledger_sheet.village_code is None:
            yield Finding(ledger_sheet.title, "A1", "sheet_village_unknown", None)
