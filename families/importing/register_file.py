"""The household register as a township exports it: a CSV file with one row per person, heads first.

The file is read as a stream, household by household. Of what has passed, only household numbers and ID numbers are
remembered, to find repetitions.
"""

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, BinaryIO

from django.utils.translation import gettext_lazy as _
from openpyxl.utils import get_column_letter

from families import errors
from families.identifiers import compact, read_household_number, read_phone, read_resident_id
from families.importing import words
from families.importing.findings import Finding
from families.importing.values import FORMULA_SIGNS, read_date

COLUMNS = {
    "户编号": _("户编号"),
    "村编码": _("村编码"),
    "村民小组": _("村民小组"),
    "姓名": _("姓名"),
    "公民身份号码": _("公民身份号码"),
    "无证原因": _("无证原因"),
    "与户主关系": _("与户主关系"),
    "性别": _("性别"),
    "出生日期": _("出生日期"),
    "民族": _("民族"),
    "文化程度": _("文化程度"),
    "健康状况": _("健康状况"),
    "残疾类别": _("残疾类别"),
    "残疾等级": _("残疾等级"),
    "就业状况": _("就业状况"),
    "外出标志": _("外出标志"),
    "联系电话": _("联系电话"),
}
(
    HOUSEHOLD_NO, VILLAGE, GROUP, NAME, ID_NUMBER, NO_ID_REASON, RELATION, SEX, BIRTH_DATE, ETHNICITY, EDUCATION,
    HEALTH, DISABILITY_CLASS, DISABILITY_GRADE, WORK_STATUS, LIVES_AWAY, PHONE,
) = range(len(COLUMNS))  # fmt: skip
LABELS = list(COLUMNS.values())
LONGEST_LINE = 200_000  # characters
LIMITS = {NAME: 60, NO_ID_REASON: 60, RELATION: 20, ETHNICITY: 20, EDUCATION: 20, WORK_STATUS: 20}  # characters


@dataclass(slots=True)
class RegisterPerson:
    """One row of the register. `line` counts the rows of the file; the heading is row 1.

    `id_number` has 18 characters or is None; `previous_id` is the old number of 15 digits that it was made from. `sex`
    and `health` are codes; other words stand as the register writes them.
    """

    household_no: str
    name: str
    id_number: str | None
    previous_id: str
    no_id_reason: str
    relation: str
    sex: str
    birth_date: date | None
    ethnicity: str
    education: str
    health: str
    disability_class: str
    disability_grade: str
    work_status: str
    lives_away: bool
    phone: str
    line: int


@dataclass(slots=True)
class RegisterHousehold:
    """One household with its members, the head first, and what is wrong with its rows. `line` is its first row."""

    household_no: str
    village_code: str
    group_no: str
    line: int
    members: list[RegisterPerson] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_held(self) -> bool:
        """Whether an error keeps this household from being imported."""
        return any(finding.is_error for finding in self.findings)


def read_register(source: BinaryIO, *, group_codes: Collection[str], today: date) -> Iterator[RegisterHousehold]:
    """Read a register file, household by household, in the order of the file.

    `source` is a seekable binary file in UTF-8 (with or without BOM) or GB18030; the columns may stand in any order.
    `group_codes` are the 15-digit codes of the villager groups in use. Raises a subclass of `errors.FileRefused`,
    before the first household for a wrong, empty or incomplete file, at the place for broken encoding or quotes.
    """
    encoding, names = _recognise(source)
    source.seek(0)
    text = io.TextIOWrapper(source, encoding=encoding, newline="")
    try:
        yield from _Reader(names, group_codes, today).households(text)
    finally:
        text.detach()  # the file belongs to the caller, who closes it


def _recognise(source: BinaryIO) -> tuple[str, list[str]]:
    """Encoding and column names, from the first line."""
    source.seek(0)
    first_line = source.readline(64 * 1024)
    if first_line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise errors.WrongEncoding(line=1)
    if not first_line.strip(b"\xef\xbb\xbf\r\n\t ,"):
        raise errors.EmptyFile
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            heading = first_line.decode(encoding)
        except UnicodeDecodeError:
            continue
        names = [compact(name).strip('"') for name in heading.split(",")]
        if not COLUMNS.keys() & names:
            continue
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise errors.MissingColumns(columns="、".join(missing))
        return encoding, names
    raise errors.WrongFile


@lru_cache(maxsize=65536)
def _read_date(text: str) -> date | None:
    return read_date(text)


class _Row:
    """One row of the file; it writes its findings to its household."""

    __slots__ = ("cells", "household", "letters", "line", "width")
    household: RegisterHousehold

    def __init__(self, line: int, cells: list[str], width: int, letters: list[str]) -> None:
        self.line = line
        self.cells = cells  # in the order of COLUMNS
        self.width = width  # number of cells that the row came with
        self.letters = letters

    def report(self, column: int, kind: str, /, **details: object) -> None:
        self._append(column, kind, details, None)

    def report_refusal(self, column: int, refusal: errors.ValueRefused) -> None:
        self._append(column, refusal.kind, refusal.details, refusal.message)

    def _append(self, column: int, kind: str, details: dict[str, object], template: object) -> None:
        household = self.household
        cell = f"{self.letters[column]}{self.line}"
        household.findings.append(
            Finding("", cell, kind, household.household_no, self.cells[column], details, template=template)
        )

    def check_word(self, column: int, known: Collection[str]) -> None:
        if self.cells[column] not in known:
            self.report(column, "unknown_value", column=LABELS[column], text=self.cells[column])

    def code(self, column: int, codes: Mapping[str, Any]) -> Any:
        self.check_word(column, codes)
        return codes.get(self.cells[column], "")


class _Reader:
    """The checks of one run over one file, and what they have to remember."""

    def __init__(self, names: list[str], group_codes: Collection[str], today: date) -> None:
        self.width = len(names)
        self.places = [names.index(name) for name in COLUMNS]
        self.letters = [get_column_letter(place + 1) for place in self.places]
        self.group_codes = frozenset(group_codes)
        self.village_codes = {code[:12] for code in group_codes}
        self.today = today
        self.household_lines: dict[str, int] = {}
        self.id_lines: dict[int, int] = {}  # by the first 17 digits, which take less memory than text

    def households(self, text: io.TextIOWrapper) -> Iterator[RegisterHousehold]:
        household = None
        for row in self._rows(text):
            if household is None or row.cells[HOUSEHOLD_NO] != household.household_no:
                if household is not None:
                    yield household
                household = self._new_household(row)
            else:
                self._continue_household(row, household)
            household.members.append(self._person(row))
        if household is None:
            raise errors.EmptyFile
        yield household

    def _rows(self, text: io.TextIOWrapper) -> Iterator[_Row]:
        rows = csv.reader(_lines(text), strict=True)
        line = 1
        try:
            next(rows)
            for line, cells in enumerate(rows, 2):
                width = len(cells)
                if width < self.width:
                    cells += [""] * (self.width - width)
                row = [cells[place].strip() for place in self.places]
                if any(row):
                    yield _Row(line, row, width, self.letters)
        except UnicodeDecodeError as broken:
            raise errors.WrongEncoding(line=line + 1) from broken
        except csv.Error as broken:
            raise errors.BrokenCsv(line=line + 1) from broken

    # --- households

    def _new_household(self, row: _Row) -> RegisterHousehold:
        number, village_code, group_no = row.cells[HOUSEHOLD_NO], row.cells[VILLAGE], row.cells[GROUP].zfill(3)
        row.household = household = RegisterHousehold(number, village_code, group_no, row.line)
        try:
            read_household_number(number)
        except errors.HouseholdNumberMalformed as refusal:
            row.report_refusal(HOUSEHOLD_NO, refusal)
        else:
            if number[:15] != village_code + group_no:
                row.report(HOUSEHOLD_NO, "household_outside_group")
        if village_code not in self.village_codes:
            row.report(VILLAGE, "unknown_village", code=village_code)
        elif village_code + group_no not in self.group_codes:
            row.report(GROUP, "unknown_group", group=row.cells[GROUP])
        if self.household_lines.setdefault(number, row.line) != row.line:
            row.report(HOUSEHOLD_NO, "household_split")
        if row.cells[RELATION] != words.HEAD:
            row.report(RELATION, "head_not_first")
        return household

    def _continue_household(self, row: _Row, household: RegisterHousehold) -> None:
        row.household = household
        if row.cells[VILLAGE] != household.village_code or row.cells[GROUP].zfill(3) != household.group_no:
            row.report(GROUP, "household_in_two_groups")
        if row.cells[RELATION] == words.HEAD:
            row.report(RELATION, "two_heads")

    # --- persons

    def _person(self, row: _Row) -> RegisterPerson:
        cells = row.cells
        if row.width != self.width:
            row.report(HOUSEHOLD_NO, "row_width", found=row.width, expected=self.width)
        self._check_texts(row)
        sex = row.code(SEX, words.SEX)
        birth_date = self._birth_date(row)
        id_number, previous_id = self._id_number(row, sex, birth_date)
        return RegisterPerson(
            cells[HOUSEHOLD_NO],
            cells[NAME],
            id_number,
            previous_id,
            cells[NO_ID_REASON],
            cells[RELATION],
            sex,
            birth_date,
            cells[ETHNICITY],
            cells[EDUCATION],
            row.code(HEALTH, words.HEALTH),
            cells[DISABILITY_CLASS],
            cells[DISABILITY_GRADE],
            cells[WORK_STATUS],
            row.code(LIVES_AWAY, words.YES_NO),
            self._phone(row) if cells[PHONE] else "",
            row.line,
        )

    def _check_texts(self, row: _Row) -> None:
        cells = row.cells
        for column in (NAME, RELATION):
            if not cells[column]:
                row.report(column, "value_missing", column=LABELS[column])
        if cells[NAME][:1] in FORMULA_SIGNS:
            row.report(NAME, "formula_like_text", sign=FORMULA_SIGNS[cells[NAME][0]])
        for column, limit in LIMITS.items():
            if len(cells[column]) > limit:
                row.report(column, "value_too_long", column=LABELS[column], length=len(cells[column]), limit=limit)
        if cells[DISABILITY_CLASS] or cells[DISABILITY_GRADE]:
            row.check_word(DISABILITY_CLASS, words.DISABILITY_CLASSES)
            row.check_word(DISABILITY_GRADE, words.DISABILITY_GRADES)

    def _birth_date(self, row: _Row) -> date | None:
        try:
            birth_date = _read_date(row.cells[BIRTH_DATE])
        except (errors.DateImpossible, errors.DateUnreadable) as refusal:
            row.report_refusal(BIRTH_DATE, refusal)
            return None
        if birth_date is None:
            row.report(BIRTH_DATE, "value_missing", column=LABELS[BIRTH_DATE])
        elif birth_date > self.today:
            row.report(BIRTH_DATE, "date_in_future", column=LABELS[BIRTH_DATE])
        return birth_date

    def _id_number(self, row: _Row, sex: str, birth_date: date | None) -> tuple[str | None, str]:
        """The ID number and the old one that it was made from, compared with the other columns."""
        text = row.cells[ID_NUMBER]
        if not text:
            if not row.cells[NO_ID_REASON]:
                row.report(ID_NUMBER, "id_without_reason")
            return None, ""
        try:
            resident = read_resident_id(text, today=self.today)
        except errors.IdNumberRefused as refusal:
            row.report_refusal(ID_NUMBER, refusal)
            return None, ""
        first_line = self.id_lines.setdefault(int(resident.number[:17]), row.line)
        if first_line != row.line:
            row.report(ID_NUMBER, "id_repeated", line=first_line)
        if birth_date is not None and birth_date != resident.birth_date:
            row.report(BIRTH_DATE, "birth_date_mismatch")
        if sex and sex != resident.sex:
            row.report(SEX, "sex_mismatch")
        return resident.number, resident.previous

    def _phone(self, row: _Row) -> str:
        try:
            return read_phone(row.cells[PHONE])
        except errors.PhoneMalformed as refusal:
            row.report_refusal(PHONE, refusal)
            return ""


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Raises csv.Error at one that is too long: it is no person's row, and would come apart into millions of cells."""
    while line := text.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise csv.Error("a line that is too long")
        yield line
