"""Where things stand on a sheet of the ledger: tables are found by their headings, households by their rows.

Townships move columns, add lines above the table, repeat the headings, leave rows blank and write notes beside it. So
nothing is known beforehand but the words of the headings, Simplified or Traditional.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from families.folding import to_simplified
from families.identifiers import compact
from families.importing.spreadsheet import EMPTY, Cell, Sheet, address
from families.importing.values import FEN_PER_YUAN, as_text


class Column(NamedTuple):
    """A column of the ledger: how findings call it, and the headings it goes by.

    A heading is a pair: a word of the group heading above (empty when none is needed), and the heading itself.
    """

    label: object  # lazy text
    headings: tuple[tuple[str, str], ...]


def _headings(group: str, *names: str) -> tuple[tuple[str, str], ...]:
    return tuple((group, name) for name in names)


ID_HEADINGS = ("身份证号码", "身份证号", "身份证", "公民身份号码", "证件号码")

HOUSEHOLD_COLUMNS: dict[str, Column] = {
    "seq": Column(_("序号"), _headings("", "序号")),
    "head_name": Column(_("户主姓名"), (*_headings("", "户主姓名", "户主"), ("户主", "姓名"))),
    "head_id": Column(
        _("户主身份证号码"), (*_headings("户主", *ID_HEADINGS), *_headings("", "户主身份证号码", "户主身份证号"))
    ),
    "household_no": Column(_("户编号"), _headings("", "户编号", "户编码", "家庭编号")),
    "group": Column(_("所在组"), _headings("", "所在组", "组别", "村民小组", "村民组")),
    "family_size": Column(_("家庭人口"), _headings("", "家庭人口", "家庭人口数", "人口数", "人口")),
    "account_kind": Column(_("账户类型"), _headings("", "账户类型", "帐户类型", "账户种类")),
    "account": Column(_("账号"), _headings("", "账号", "帐号", "银行账号", "收款账号", "一卡通账号")),
    "main_cause": Column(_("主要原因"), _headings("", "主要原因", "主要致困原因", "致困原因")),
    "other_causes": Column(_("其他原因"), _headings("", "其他原因", "其他致困原因", "次要原因")),
    "wage": Column(_("务工收入"), _headings("", "务工", "务工收入", "工资性收入")),
    "farming": Column(_("种养收入"), _headings("", "种养", "种养收入", "种养殖收入", "经营性收入")),
    "transfer": Column(_("转移性收入"), _headings("", "转移性", "转移性收入")),
    "income_total": Column(
        _("收入合计"), (("收入", "合计"), ("收入", "小计"), *_headings("", "收入合计", "总收入", "年收入合计"))
    ),
    "medical": Column(_("医疗支出"), _headings("", "医疗支出", "医疗费用", "自付医疗支出")),
    "debt": Column(_("负债"), _headings("", "负债", "家庭负债", "欠债")),
    "measures": Column(_("已落实措施"), _headings("", "已落实措施", "已落实帮扶措施", "帮扶措施")),
    "help": Column(_("帮扶金额"), _headings("", "帮扶金额", "已帮扶金额")),
    "last_help_on": Column(_("最近帮扶日期"), _headings("", "最近帮扶日期", "最近帮扶时间")),
    "recognised_on": Column(_("认定日期"), _headings("", "认定日期", "认定时间")),
    "severity": Column(_("困难程度"), _headings("", "困难程度", "困难等级")),
    "remark": Column(_("备注"), _headings("", "备注")),
}
MEMBER_COLUMNS: dict[str, Column] = {
    "name": Column(_("姓名"), (("家庭成员", "姓名"), *_headings("", "成员姓名", "家庭成员姓名"))),
    "relation": Column(_("与户主关系"), _headings("", "与户主关系", "关系")),
    "sex": Column(_("性别"), _headings("", "性别")),
    "birth_date": Column(_("出生日期"), _headings("", "出生日期", "出生年月日")),
    "id_number": Column(
        _("身份证号码"), (*_headings("家庭成员", *ID_HEADINGS), *_headings("", "成员身份证号码", "成员身份证号"))
    ),
    "health": Column(_("健康状况"), _headings("", "健康状况")),
    "disability": Column(_("残疾类别等级"), _headings("", "残疾类别等级", "残疾类别及等级", "残疾情况")),
    "died_on": Column(_("去世日期"), _headings("", "去世日期", "死亡日期", "去世时间")),
}
COLUMNS = HOUSEHOLD_COLUMNS | MEMBER_COLUMNS
BY_HEADING = {heading: key for key, column in COLUMNS.items() for heading in column.headings}
GROUP_WORDS = tuple(dict.fromkeys(group for group, _name in BY_HEADING if group))
HOUSEHOLD_NO_HEADINGS = {name for _group, name in HOUSEHOLD_COLUMNS["household_no"].headings}
FEWEST_COLUMNS = 6  # of a table; fewer known headings beside a household number are a mere list

TOTAL = ("合计", "总计", "共计")
SUBTOTAL = "小计"
FOOT = ("填表", "制表", "填报", "审核", "复核", "负责人", "注", "说明")  # how lines below a table begin
IN_BRACKETS = re.compile(r"\([^)]*\)")
IN_TEN_THOUSANDS = re.compile(r"单位:?万元|\([^)]*万元[^)]*\)")


@dataclass(slots=True, eq=False)
class Table:
    """One table: its two heading rows, and its columns as `{key of COLUMNS: column number}`.

    `unit_fen` is what a bare number in an amount column counts, `{key: fen}`; columns in yuan are left out.
    """

    sheet: Sheet
    top: int
    heading_row: int
    columns: dict[str, int]
    unit_fen: dict[str, int]

    def cell(self, key: str, row: int) -> Cell:
        return self.sheet.cell(row, self.columns[key]) if key in self.columns else EMPTY

    def address(self, key: str, row: int) -> str:
        """The address of a cell; of the row's first one where the table lacks the column."""
        return address(row, self.columns.get(key, min(self.columns.values())))

    def own_cells(self, row: int) -> dict[str, Cell]:
        """The cells of the row that hold something, from left to right."""
        cells = self.sheet.rows[row]
        by_place = sorted((column, key) for key, column in self.columns.items() if column in cells)
        return {key: cells[column] for column, key in by_place}


@dataclass(slots=True, eq=False)
class Block:
    """One household on the sheet: its first row and the rows of its other members.

    `covered` are the household columns whose cell lies under a merged cell of the household above.
    """

    table: Table
    rows: list[int]
    covered: list[str] = field(default_factory=list)


class TotalRow(NamedTuple):
    """A row of totals, and the households that it sums up."""

    table: Table
    row: int
    blocks: list[Block]


@dataclass(slots=True)
class Layout:
    """What was found on one sheet. `strays` are rows of a table that belong to no household."""

    tables: list[Table] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    totals: list[TotalRow] = field(default_factory=list)
    strays: list[tuple[Table, int]] = field(default_factory=list)


def read_layout(sheet: Sheet) -> Layout:
    """Find the tables of a sheet and the households in them. A heading that is repeated begins a new table."""
    layout = Layout(tables=list(_tables(sheet)))
    since_total: list[Block] = []
    for table, following in zip_longest(layout.tables, layout.tables[1:]):
        end = following.top if following else max(sheet.rows) + 1
        block = None
        is_below_total = False
        for row in sorted(number for number in sheet.rows if table.heading_row < number < end):
            own = table.own_cells(row)
            if not own:
                continue  # only a note beside the table
            label = _words(next(iter(own.values())).value)
            if label.startswith(TOTAL):
                layout.totals.append(TotalRow(table, row, since_total))
                since_total, block, is_below_total = [], None, True
            elif label.startswith(SUBTOTAL):
                block = None
            elif _begins_household(own, block):
                block = Block(table, [row], covered=_covered(table, row, own))
                layout.blocks.append(block)
                since_total.append(block)
            elif block and (own.keys() & MEMBER_COLUMNS.keys() or _is_merged_into(block, row)):
                block.rows.append(row)
            elif not is_below_total and not label.startswith(FOOT):
                layout.strays.append((table, row))
    return layout


def _begins_household(own: dict[str, Cell], block: Block | None) -> bool:
    number = as_text(own["household_no"].value) if "household_no" in own else ""
    if number and block and "seq" not in own:
        # Some tables repeat the household's number in every row instead of merging its cell.
        return number != as_text(block.table.cell("household_no", block.rows[0]).value)
    is_counted = "seq" in own and as_text(own["seq"].value).isdigit()
    return bool(number) or is_counted or {"head_name", "head_id"} <= own.keys()


def _covered(table: Table, row: int, own: dict[str, Cell]) -> list[str]:
    return [
        key
        for key, column in table.columns.items()
        if key in HOUSEHOLD_COLUMNS and key not in own and table.sheet.cover(row, column)[0] < row
    ]


def _is_merged_into(block: Block, row: int) -> bool:
    table = block.table
    return table.sheet.cover(row, table.columns["household_no"])[0] == block.rows[0]


# --- Headings


def _tables(sheet: Sheet) -> Iterator[Table]:
    for row in sorted(sheet.rows):
        if any(_words(cell.value) in HOUSEHOLD_NO_HEADINGS for cell in sheet.rows[row].values()):
            table = _table(sheet, row)
            if len(table.columns) >= FEWEST_COLUMNS:
                yield table


def _table(sheet: Sheet, row: int) -> Table:
    """The table whose heading ends in `row`: groups stand in the row above, merged over their columns or not."""
    columns: dict[str, int] = {}
    unit_fen: dict[str, int] = {}
    has_groups = False
    default_unit = _unit_above(sheet, row)
    group = ""
    for column in range(1, max(*sheet.rows[row], *sheet.rows.get(row - 1, [0])) + 1):
        above = as_text(sheet.shown(row - 1, column).value) if row > 1 else ""
        group = above or group
        own = as_text(sheet.shown(row, column).value) or _lone_heading(sheet, row - 1, column)
        key = _column_of(_words(group), _words(own))
        if key is None or key in columns:
            continue
        columns[key] = column
        has_groups |= (_words(own) == _words(above)) or any(word in _words(group) for word in GROUP_WORDS)
        unit = 10_000 * FEN_PER_YUAN if IN_TEN_THOUSANDS.search(_plain(group + own)) else default_unit
        if unit != FEN_PER_YUAN:
            unit_fen[key] = unit
    return Table(sheet, row - 1 if has_groups else row, row, columns, unit_fen)


def _lone_heading(sheet: Sheet, row: int, column: int) -> str:
    """The heading of a column that has none in the lower row, unless it is a group over several columns."""
    is_group = sheet.cover(row, column + 1) == (row, column)
    return "" if is_group else as_text(sheet.cell(row, column).value)


def _column_of(group: str, name: str) -> str | None:
    """The key of a column by its heading; a heading that needs its group is looked for first."""
    for word in GROUP_WORDS:
        if word in group and (word, name) in BY_HEADING:
            return BY_HEADING[word, name]
    return BY_HEADING.get(("", name))


def _unit_above(sheet: Sheet, heading_row: int) -> int:
    """The unit that a line above the table states, as 单位：万元."""
    above = [cell for row in range(max(heading_row - 4, 1), heading_row) for cell in sheet.rows.get(row, {}).values()]
    in_ten_thousands = any(_plain(as_text(cell.value)) == "单位:万元" for cell in above)
    return FEN_PER_YUAN * (10_000 if in_ten_thousands else 1)


def _plain(text: str) -> str:
    return to_simplified(compact(text))


def _words(value: object) -> str:
    """A heading without blanks, brackets and what stands in them."""
    return IN_BRACKETS.sub("", _plain(value)).rstrip(":") if isinstance(value, str) else ""
