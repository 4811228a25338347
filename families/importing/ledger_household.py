"""One household of the ledger: its cells read into a record, and what is wrong with them by themselves."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from families import errors
from families.folding import to_simplified
from families.identifiers import (
    INVISIBLE,
    ResidentId,
    compact,
    passes_luhn,
    read_account_number,
    read_household_number,
    read_resident_id,
)
from families.importing import words
from families.importing.findings import CellRef, Finding
from families.importing.ledger_layout import COLUMNS, HOUSEHOLD_COLUMNS, Block
from families.importing.spreadsheet import EMPTY
from families.importing.values import (
    FEN_PER_YUAN,
    FORMULA_SIGNS,
    as_text,
    read_amount,
    read_counted,
    read_date,
    read_group_no,
    split_words,
)

LONGEST_NAME = 60
LONGEST_REMARK = 300
DIGITS_KEPT_BY_EXCEL = 15
NO_ID = {"", "无", "没有", "未办", "未办理", "无证", "-", "--", "—", "/"}
DISABILITY = re.compile(r"(\w\w)(?:残疾)?([一二三四]级)")
FUNCTION = re.compile(r"=[+@-]?([A-Za-z][A-Za-z0-9._]*)\(")


@dataclass(frozen=True)
class Catalogue:
    """The words that a ledger may choose from, `{word: code}`; measures are kept as worded."""

    causes: Mapping[str, str] = field(default_factory=lambda: words.CAUSES)
    severities: Mapping[str, str] = field(default_factory=lambda: words.SEVERITY)
    account_kinds: Mapping[str, str] = field(default_factory=lambda: words.ACCOUNT_KIND)
    measures: frozenset[str] = frozenset(words.MEASURES)


class Measure(NamedTuple):
    """A measure that the household has had, and how often."""

    name: str
    times: int


@dataclass(slots=True)
class LedgerPerson:
    """A member as the ledger lists her, or the head.

    `name_given` is the name as written; `name` is the register's where the two differ. `id_number` has 18 characters or
    is None, `previous_id` is the old number of 15 digits that it was made from.
    """

    row: int
    is_head: bool
    name_given: str
    name: str
    relation: str
    sex: str = ""
    birth_date: date | None = None
    id_number: str | None = None
    previous_id: str = ""
    has_unreadable_id: bool = False
    health: str = ""
    disability_class: str = ""
    disability_grade: str = ""
    died_on: date | None = None


@dataclass(slots=True, eq=False)
class LedgerHousehold:
    """A household as the ledger tells it. Money is in fen; None stands for an amount that could not be read.

    `income_total_fen` is the sum of its parts; where a ledger gives the total only, it is that. `findings` are those in
    its own cells; `held_by` are errors in another household's cells that hold this one as well.
    """

    block: Block = field(repr=False)
    household_no: str = ""
    group_given: str = ""
    group_no: str | None = None
    persons: list[LedgerPerson] = field(default_factory=list)
    family_size_given: int | None = None
    account_kind: str = ""
    account_number: str = ""
    causes: list[str] = field(default_factory=list)
    wage_fen: int | None = 0
    farming_fen: int | None = 0
    transfer_fen: int | None = 0
    income_total_fen: int | None = 0
    income_given_fen: int | None = None
    medical_fen: int | None = 0
    debt_fen: int | None = 0
    debt_is_lower_bound: bool = False
    measures: list[Measure] = field(default_factory=list)
    help_fen: int | None = 0
    help_is_lower_bound: bool = False
    last_help_on: date | None = None
    recognised_on: date | None = None
    severity: str = ""
    remark: str = ""
    is_in_register: bool = False
    findings: list[Finding] = field(default_factory=list)
    held_by: list[Finding] = field(default_factory=list)

    @property
    def sheet_title(self) -> str:
        return self.block.table.sheet.title

    @property
    def row(self) -> int:
        return self.block.rows[0]

    @property
    def head(self) -> LedgerPerson:
        return self.persons[0]

    @property
    def is_held(self) -> bool:
        """Whether an error keeps this household from being imported."""
        return bool(self.held_by) or any(finding.is_error for finding in self.findings)

    def reference(self, key: str, row: int | None = None) -> CellRef:
        """The cell in the column `key`, in the household's first row or in `row`."""
        return CellRef(self.sheet_title, self.block.table.address(key, row or self.row), self.household_no or None)

    def report(
        self,
        key: str,
        kind: str,
        /,
        *,
        row: int | None = None,
        related: tuple[CellRef, ...] = (),
        template: object = None,
        **details: object,
    ) -> Finding:
        """Add a finding about the cell in the column `key`."""
        sheet, cell, household_no = self.reference(key, row)
        raw = self.block.table.cell(key, row or self.row).raw
        finding = Finding(sheet, cell, kind, household_no, raw, details, related, template)
        self.findings.append(finding)
        return finding


def read_household(block: Block, *, catalogue: Catalogue, today: date) -> LedgerHousehold:
    """Read the cells of one household. What cannot be read is left empty and said in its findings."""
    return _Reader(block, catalogue, today).read()


class _Reader:
    """The cells of one block on their way into one record."""

    def __init__(self, block: Block, catalogue: Catalogue, today: date) -> None:
        self.block = block
        self.catalogue = catalogue
        self.today = today
        self.household = LedgerHousehold(block)

    def read(self) -> LedgerHousehold:
        household = self.household
        household.household_no = self._household_no()
        self._check_covers()
        self._check_other_rows()
        household.remark = self._remark()
        household.persons = [self._head()]
        for row in self.block.rows:
            if self._lists_member(row):
                self._add_member(self._member(row))
        self._family_size()
        self._place_and_account()
        self._causes()
        self._income()
        household.medical_fen, _ = self._spending("medical")
        household.debt_fen, household.debt_is_lower_bound = self._spending("debt")
        household.help_fen, household.help_is_lower_bound = self._spending("help")
        household.measures = self._measures()
        household.last_help_on = self._date("last_help_on")
        household.recognised_on = self._date("recognised_on")
        household.severity = self._code("severity", self.catalogue.severities)
        for key in ("main_cause", "severity"):
            if key in self.block.table.columns and self.block.table.cell(key, household.row) == EMPTY:
                self._report(key, "value_missing", column=COLUMNS[key].label)
        return household

    # --- one cell

    def _report(self, key: str, kind: str, /, row: int | None = None, **details: object) -> None:
        self.household.report(key, kind, row=row, **details)

    def _report_refusal(self, key: str, refusal: errors.ValueRefused, row: int | None = None) -> None:
        self.household.report(key, refusal.kind, row=row, template=refusal.message, **refusal.details)

    def _text(self, key: str, row: int | None = None) -> str:
        """The text of a cell. A formula has no business in it and is never run."""
        cell = self.block.table.cell(key, row or self.block.rows[0])
        if cell.formula:
            function = FUNCTION.match(cell.formula)
            shown = function[1].upper() if function else cell.formula[:20]
            self._report(key, "formula_in_text", row, column=COLUMNS[key].label, function=shown)
            return ""
        return as_text(cell.value)

    def _digits(self, key: str, row: int | None = None, kind: str = "number_rounded") -> str:
        """The text of a cell that holds a long number, unless it was typed as a number and lost its end."""
        text = self._text(key, row)
        value = self.block.table.cell(key, row or self.block.rows[0]).value
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 10**DIGITS_KEPT_BY_EXCEL:
            self._report(key, kind, row, **({} if kind == "id_number_rounded" else {"column": COLUMNS[key].label}))
            return ""
        return text

    def _lacks_saved_result(self, key: str, row: int | None = None) -> bool:
        cell = self.block.table.cell(key, row or self.block.rows[0])
        if cell.formula and cell.value is None:
            self._report(key, "formula_without_value", row)
            return True
        return False

    def _date(self, key: str, row: int | None = None) -> date | None:
        if self._lacks_saved_result(key, row):
            return None
        try:
            found = read_date(self.block.table.cell(key, row or self.block.rows[0]).value)
        except (errors.DateImpossible, errors.DateUnreadable) as refusal:
            self._report_refusal(key, refusal, row)
            return None
        if found and found > self.today:
            self._report(key, "date_in_future", row, column=COLUMNS[key].label)
            return None
        return found

    def _amount(self, key: str) -> tuple[int | None, bool, bool]:
        """Fen (None when unreadable), whether it is a lower bound, and whether the cell is blank."""
        if self._lacks_saved_result(key):
            return None, False, False
        table = self.block.table
        try:
            amount = read_amount(
                table.cell(key, self.block.rows[0]).value, unit_fen=table.unit_fen.get(key, FEN_PER_YUAN)
            )
        except errors.AmountUnreadable as refusal:
            self._report_refusal(key, refusal)
            return None, False, False
        return (0, False, True) if amount is None else (*amount, False)

    def _code(self, key: str, codes: Mapping[str, str], row: int | None = None) -> str:
        text = to_simplified(compact(self._text(key, row)))
        if text and text not in codes:
            self._report(key, "unknown_value", row, column=COLUMNS[key].label, text=text)
        return codes.get(text, "")

    # --- the household

    def _household_no(self) -> str:
        number = self._digits("household_no")
        if not number and (self.household.findings or "household_no" in self.block.covered):
            return ""  # a formula, rounded or covered: said elsewhere
        try:
            return read_household_number(number).number
        except errors.HouseholdNumberMalformed as refusal:
            self._report_refusal("household_no", refusal)
            return ""

    def _check_covers(self) -> None:
        """Say once that merged cells of the household above reach into this one."""
        if not self.block.covered:
            return
        key, table = self.block.covered[0], self.block.table
        row_above, _column = table.sheet.cover(self.household.row, table.columns[key])
        number_above = as_text(table.cell("household_no", row_above).value)
        above = CellRef(table.sheet.title, table.address(key, row_above), number_above or None)
        self.household.report(key, "merged_cell_broken", related=(above,), column=COLUMNS[key].label)

    def _check_other_rows(self) -> None:
        """Only remarks may continue below the first row; anything else there would be lost silently."""
        table = self.block.table
        for row in self.block.rows[1:]:
            for key, cell in table.own_cells(row).items():
                first = table.cell(key, self.block.rows[0])
                if key in HOUSEHOLD_COLUMNS and key != "remark" and cell.raw != first.raw:
                    self._report(key, "value_outside_household_row", row, column=COLUMNS[key].label)

    def _remark(self) -> str:
        remark = "\n".join(text for row in self.block.rows if (text := self._text("remark", row)))
        if len(remark) > LONGEST_REMARK:
            self._report("remark", "text_too_long", column=COLUMNS["remark"].label, length=len(remark))
        return remark

    def _family_size(self) -> None:
        if "family_size" not in self.block.table.columns or self._lacks_saved_result("family_size"):
            return
        size = compact(as_text(self.block.table.cell("family_size", self.block.rows[0]).value)).rstrip("人口")
        if size.isascii() and size.isdigit():
            self.household.family_size_given = int(size)
        if size and self.household.family_size_given != len(self.household.persons):
            self._report("family_size", "family_size_mismatch")

    def _place_and_account(self) -> None:
        household = self.household
        household.group_given = self._text("group")
        household.group_no = read_group_no(household.group_given)
        household.account_kind = self._code("account_kind", self.catalogue.account_kinds)
        if number := self._digits("account"):
            try:
                household.account_number = read_account_number(number)
            except errors.AccountMalformed as refusal:
                self._report_refusal("account", refusal)
        is_card = household.account_kind == "card" and household.account_number
        if is_card and not passes_luhn(household.account_number):
            self._report("account", "card_luhn")

    def _causes(self) -> None:
        for key in ("main_cause", "other_causes"):
            for word in split_words(self._text(key)):
                if word not in self.catalogue.causes:
                    self._report(key, "unknown_cause")
                elif self.catalogue.causes[word] not in self.household.causes:
                    self.household.causes.append(self.catalogue.causes[word])

    def _measures(self) -> list[Measure]:
        measures = [Measure(*read_counted(word)) for word in split_words(self._text("measures"))]
        for measure in measures:
            if measure.name not in self.catalogue.measures:
                self._report("measures", "unknown_value", column=COLUMNS["measures"].label, text=measure.name)
        return measures

    def _income(self) -> None:
        household = self.household
        parts = {key: self._amount(key) for key in ("wage", "farming", "transfer")}
        household.wage_fen, household.farming_fen, household.transfer_fen = (fen for fen, _, _ in parts.values())
        household.income_given_fen, is_lower_bound, is_blank = self._amount("income_total")
        for key, (fen, _, _) in parts.items():
            if fen is not None and fen < 0:
                self._report(key, "negative_income")
        known = [fen for fen, _, _ in parts.values() if fen is not None]
        if len(known) < len(parts):
            household.income_total_fen = None
            return
        household.income_total_fen = sum(known)
        if is_blank or household.income_given_fen is None or min(known) < 0 or is_lower_bound:
            return
        if all(part_is_blank for _, _, part_is_blank in parts.values()):
            household.income_total_fen = household.income_given_fen
            return
        difference = abs(household.income_given_fen - household.income_total_fen)
        if difference:
            self._report("income_total", "income_total_mismatch", difference=f"{difference / FEN_PER_YUAN:g}")

    def _spending(self, key: str) -> tuple[int | None, bool]:
        fen, is_lower_bound, _ = self._amount(key)
        if fen is not None and fen < 0:
            self._report(key, "negative_amount", column=COLUMNS[key].label)
        return fen, is_lower_bound

    # --- people

    def _head(self) -> LedgerPerson:
        row = self.block.rows[0]
        name = self._name("head_name", row)
        head = LedgerPerson(row, True, name, name, words.HEAD)
        if resident := self._resident_id("head_id", head):
            head.birth_date, head.sex = resident.birth_date, resident.sex
        return head

    def _lists_member(self, row: int) -> bool:
        own = self.block.table.own_cells(row)
        return "name" in own or "id_number" in own

    def _add_member(self, member: LedgerPerson) -> None:
        """Add a member; the head, where she is listed among the members too, only gains what that row says of her."""
        head = self.household.head
        is_same = member.id_number == head.id_number if member.id_number else member.name == head.name
        if not (is_same and to_simplified(member.relation) == words.HEAD):
            self.household.persons.append(member)
            return
        head.sex, head.birth_date = head.sex or member.sex, head.birth_date or member.birth_date
        head.health, head.died_on = member.health, member.died_on
        head.disability_class, head.disability_grade = member.disability_class, member.disability_grade

    def _member(self, row: int) -> LedgerPerson:
        name = self._name("name", row)
        member = LedgerPerson(row, False, name, name, self._text("relation", row))
        member.sex = self._code("sex", words.SEX, row)
        member.birth_date = birth_date = self._date("birth_date", row)
        member.died_on = self._date("died_on", row)
        member.health = self._code("health", words.HEALTH, row)
        member.disability_class, member.disability_grade = self._disability(row)
        if resident := self._resident_id("id_number", member):
            if birth_date and birth_date != resident.birth_date:
                self._report("birth_date", "birth_date_mismatch", row)
            if member.sex and member.sex != resident.sex:
                self._report("sex", "sex_mismatch", row)
            member.birth_date = member.birth_date or resident.birth_date
            member.sex = member.sex or resident.sex
        if member.died_on and member.birth_date and member.died_on < member.birth_date:
            self._report("died_on", "death_before_birth", row)
        return member

    def _name(self, key: str, row: int) -> str:
        """A name, exactly as written but for blanks that fill up two characters to the width of three."""
        name = self._text(key, row)
        if name[:1] in FORMULA_SIGNS:
            self._report(key, "formula_like_text", row, sign=FORMULA_SIGNS[name[0]])
            return ""
        if not name and not self.block.table.cell(key, row).formula and key not in self.block.covered:
            self._report(key, "value_missing", row, column=COLUMNS[key].label)
        if len(name) > LONGEST_NAME:
            self._report(key, "value_too_long", row, column=COLUMNS[key].label, length=len(name), limit=LONGEST_NAME)
        return name if name.isascii() else INVISIBLE.sub("", name)

    def _resident_id(self, key: str, person: LedgerPerson) -> ResidentId | None:
        """Read the ID number of `person` into her record, and answer what it says."""
        text = self._digits(key, person.row, "id_number_rounded")
        if compact(text) in NO_ID:
            is_blank = self.block.table.cell(key, person.row) == EMPTY and key not in self.block.covered
            person.has_unreadable_id = not text and not is_blank
            return None
        try:
            resident = read_resident_id(text, today=self.today)
        except errors.IdNumberRefused as refusal:
            self._report_refusal(key, refusal, person.row)
            person.has_unreadable_id = True
            return None
        person.id_number, person.previous_id = resident.number, resident.previous
        return resident

    def _disability(self, row: int) -> tuple[str, str]:
        text = to_simplified(compact(self._text("disability", row)))
        if not text or text == "无":
            return "", ""
        match = DISABILITY.fullmatch(text)
        if match is None or match[1] not in words.DISABILITY_CLASSES:
            self._report("disability", "unknown_value", row, column=COLUMNS["disability"].label, text=text)
            return "", ""
        return match[1], match[2]
