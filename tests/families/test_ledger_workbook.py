"""The hardship ledger of the demo township: every planted error found, every household read, nothing else said.

The expected JSON is the truth. Changed copies show that nothing depends on this very file.
"""

import io
import json
import tracemalloc
import zipfile
from datetime import date, datetime

import pytest
from openpyxl import Workbook
from openpyxl.utils.cell import coordinate_to_tuple, get_column_letter

from families import errors
from families.importing import words
from families.importing.ledger_workbook import read_ledger, totals_of
from tests.families.conftest import DEMO
from tests.families.ledger_copies import copy_of, written

LEDGER = DEMO / "hardship-ledger.xlsx"
TODAY = date(2026, 3, 31)
FEN = 100
TRUTH = json.loads((DEMO / "hardship-ledger.expected.json").read_text(encoding="utf-8"))
PLANTED = TRUTH["planted_errors"]
HOUSEHOLDS = {household["household_no"]: household for household in TRUTH["households"]}

# Two sentences name the column more exactly than the truth does.
OWN_WORDS = {
    "formula_in_text": "户主姓名单元格是公式（HYPERLINK），不会执行；请改为文字",
    "merged_cell_broken": "户主姓名单元格被上一户的合并单元格盖住，请取消合并并分别填写",
}


@pytest.fixture(scope="module")
def delivered(demo_index):
    return read_ledger(LEDGER, index=demo_index, today=TODAY)


@pytest.fixture(scope="module")
def copied():
    return copy_of(LEDGER)


def as_truth(household) -> dict:
    """A household that was read, in the words of the expected JSON (without its place in the file)."""

    def yuan(fen: int) -> int:
        return fen // FEN

    def iso(day: date | None) -> str | None:
        return day and day.isoformat()

    def word(codes: dict[str, str], code: str) -> str:
        return next(word for word, known in codes.items() if known == code)

    return {
        "household_no": household.household_no,
        "village_code": household.household_no[:12],
        "group": household.group_no,
        "head": household.head.name,
        "persons": len(household.persons),
        "account_type": word(words.ACCOUNT_KIND, household.account_kind),
        "account": household.account_number,
        "causes": [word(words.CAUSES, code) for code in household.causes],
        "wage": yuan(household.wage_fen),
        "farm": yuan(household.farming_fen),
        "transfer": yuan(household.transfer_fen),
        "income": yuan(household.income_total_fen),
        "medical": yuan(household.medical_fen),
        "debt": yuan(household.debt_fen),
        "debt_lower_bound": household.debt_is_lower_bound,
        "measures": [measure.name for measure in household.measures],
        "help": yuan(household.help_fen),
        "help_lower_bound": household.help_is_lower_bound,
        "last_help": iso(household.last_help_on),
        "recognised": iso(household.recognised_on),
        "level": word(words.SEVERITY, household.severity),
        "deaths": [
            {"name": person.name, "date": iso(person.died_on)} for person in household.persons if person.died_on
        ],
    }


def assert_totals(households, truth) -> None:
    totals = totals_of(households)
    assert totals.households == truth["households"]
    assert totals.persons == truth["persons"]
    assert totals.income_fen == truth["income_yuan"] * FEN
    assert totals.medical_fen == truth["medical_yuan"] * FEN
    assert totals.debt_fen == truth["debt_yuan"] * FEN
    assert totals.debt_lower_bounds == truth["debt_lower_bound_households"]
    assert totals.help_fen == truth["help_yuan"] * FEN
    assert totals.help_lower_bounds == truth["help_lower_bound_households"]
    assert totals.severe == truth["severe"]
    facts = [as_truth(household) for household in households]
    assert sum(len(fact["measures"]) for fact in facts) == truth["measures_total"]
    assert sum(len(fact["measures"]) >= 6 for fact in facts) == truth["households_with_6_or_more_measures"]
    for key, counts in [("causes", "households_by_cause"), ("measures", "households_by_measure")]:
        assert {word: sum(word in fact[key] for fact in facts) for word in truth[counts]} == truth[counts]
    by_village = truth["households_by_village"]
    assert {code: sum(fact["village_code"] == code for fact in facts) for code in by_village} == by_village


# --- As delivered


def test_the_thirty_planted_errors_are_found_and_nothing_else(delivered):
    found = {(finding.sheet, finding.cell, finding.kind) for finding in delivered.findings}

    assert found == {(planted["sheet"], planted["cell"], planted["kind"]) for planted in PLANTED}
    assert len(delivered.findings) == TRUTH["counts"]["planted"]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: f"{planted['no']:02}-{planted['kind']}")
def test_each_planted_error_is_told_with_its_severity_value_household_and_sentence(delivered, planted):
    (finding,) = [f for f in delivered.findings if (f.sheet, f.cell) == (planted["sheet"], planted["cell"])]

    assert finding.kind == planted["kind"]
    assert finding.severity == planted["severity"]
    assert finding.household_no == planted["household_no"]
    assert finding.raw == planted["raw_value"]
    assert finding.message == OWN_WORDS.get(planted["kind"], planted["message_zh"])
    assert [reference._asdict() for reference in finding.related] == planted["related"]


def test_controls_are_silent(delivered):
    found = {(finding.sheet, finding.cell) for finding in delivered.findings}

    assert not found & {(control["sheet"], control["cell"]) for control in TRUTH["controls"]}


def test_the_right_households_are_held(delivered):
    assert delivered.held_household_nos == sorted(TRUTH["held_households"])
    assert len(delivered.importable) == 401
    assert len(delivered.households) == TRUTH["delivered"]["blocks"]


def test_every_importable_household_is_read_as_it_is(delivered):
    for household in delivered.importable:
        truth = HOUSEHOLDS[household.household_no]
        # Warnings do not hold a household; what they warn of stays as it was given.
        given = {"account": "9999990114553156430"} if household.household_no == "9901012012180050012" else {}

        assert as_truth(household) == {key: truth[key] for key in as_truth(household)} | given
        assert (household.sheet_title, household.row) == (truth["sheet"], truth["row"])
        assert len(household.block.rows) == truth["rows"]


def test_totals_of_the_importable_households(delivered):
    assert_totals(delivered.importable, TRUTH["totals_as_delivered_without_held"])


def test_every_sheet_is_recognised_as_its_village(delivered):
    expected = [(sheet["sheet"], sheet["village_code"], sheet["blocks"]) for sheet in TRUTH["sheets"]]

    assert [(s.title, s.village_code, len(s.households)) for s in delivered.sheets] == expected


def test_people_match_the_register_and_names_are_kept(delivered, demo_index):
    for household in delivered.importable:
        (registered,) = demo_index.households([household.household_no]).values()
        by_id = {member.id_number: member for member in registered.members if member.id_number}

        assert len(household.persons) == len(registered.members)
        for person in household.persons:
            if person.id_number:
                member = by_id[person.id_number]
                assert (person.name, person.sex, person.birth_date) == (member.name, member.sex, member.birth_date)


def test_where_name_and_id_disagree_the_name_of_the_register_counts(delivered):
    (household,) = [found for found in delivered.importable if found.household_no == "9901012012270060013"]
    (person,) = [person for person in household.persons if person.name != person.name_given]

    assert (person.name_given, person.name) == ("杨素瑛", "杨素云")


def test_a_long_remark_is_kept_whole(delivered):
    (household,) = [found for found in delivered.importable if found.household_no == "9901012012150030023"]

    assert len(household.remark) == 500


# --- Corrected


# What belongs into the cell, by kind: from the truth about the household, from the member of the name that stands in the
# row, or from the member of the ID number that stands there.
RIGHT_VALUES = {
    "id_checksum": lambda truth, by_name, by_id: by_name.id_number,
    "id_number_rounded": lambda truth, by_name, by_id: by_name.id_number,
    "id_length": lambda truth, by_name, by_id: by_name.id_number,
    "id_characters": lambda truth, by_name, by_id: by_name.id_number,
    "id_impossible_date": lambda truth, by_name, by_id: by_name.id_number,
    "id_name_mismatch": lambda truth, by_name, by_id: by_id.name,
    "formula_like_text": lambda truth, by_name, by_id: by_id.name,
    "birth_date_mismatch": lambda truth, by_name, by_id: by_id.birth_date.isoformat(),
    "sex_mismatch": lambda truth, by_name, by_id: {"m": "男", "f": "女"}[by_id.sex],
    "formula_in_text": lambda truth, by_name, by_id: truth["head"],
    "duplicate_account": lambda truth, by_name, by_id: truth["account"],
    "card_luhn": lambda truth, by_name, by_id: truth["account"],
    "death_before_birth": lambda truth, by_name, by_id: next((death["date"] for death in truth["deaths"]), None),
    "unknown_cause": lambda truth, by_name, by_id: truth["causes"][0],
    "formula_without_value": lambda truth, by_name, by_id: truth["income"],
    "income_total_mismatch": lambda truth, by_name, by_id: truth["income"],
    "text_too_long": lambda truth, by_name, by_id: "说明见附页",
    "date_in_future": lambda truth, by_name, by_id: truth["recognised"],
    "date_impossible": lambda truth, by_name, by_id: truth["last_help"],
    "unknown_group": lambda truth, by_name, by_id: f"{int(truth['group'])}组",
    "family_size_mismatch": lambda truth, by_name, by_id: truth["persons"],
    "amount_unreadable": lambda truth, by_name, by_id: truth["medical"],
}


def corrected(copy, index):
    """Every planted error put right by the truth and the register."""
    registered = index.households(HOUSEHOLDS.keys())
    for planted in PLANTED:
        sheet = copy[planted["sheet"]]
        row, column = place = coordinate_to_tuple(planted["cell"])
        number, kind = planted["household_no"], planted["kind"]
        truth = HOUSEHOLDS.get(number, {})
        members = registered[number].members if number in registered else []
        name = sheet.cells.get((row, 2 if column < 9 else 9))
        by_name = next((member for member in members if member.name == name), None)
        by_id = next((member for member in members if member.id_number == sheet.cells.get((row, 13))), None)
        block = range(row, row + next((merge[2] - row + 1 for merge in sheet.merges if merge[:2] == (row, 4)), 1))
        match kind:
            case "household_not_in_register" | "duplicate_household":
                sheet.clear_rows(*block)
            case "village_mismatch":
                target = copy[next(s["sheet"] for s in TRUTH["sheets"] if s["village_code"] == truth["village_code"])]
                for offset, source_row in enumerate(block):
                    for source_column in range(1, 31):
                        if (source_row, source_column) in sheet.cells:
                            value = sheet.cells[source_row, source_column]
                            target.cells[60 + offset, source_column] = value
                sheet.clear_rows(*block)
            case "member_in_two_households":
                sheet.clear_rows(row)
                sheet.cells[truth["row"], 6] = truth["persons"]
            case "negative_income":
                sheet.cells[place], sheet.cells[row, 22] = truth["farm"], truth["income"]
            case "merged_cell_broken":
                for merge in [m for m in sheet.merges if m[0] < row <= m[2]]:
                    sheet.merges.remove(merge)
                    sheet.merges.append((*merge[:2], row - 1, merge[3]))
                sheet.cells[row, 2], sheet.cells[row, 3] = members[0].name, members[0].id_number
            case "head_not_a_member":
                sheet.cells[row, 2], sheet.cells[row, 3] = members[0].name, members[0].id_number
            case "sheet_total_mismatch":
                in_village = [h for h in HOUSEHOLDS.values() if h["sheet"] == planted["sheet"]]
                sheet.cells[place] = sum(household["help"] for household in in_village)
            case _:
                sheet.cells[place] = RIGHT_VALUES[kind](truth, by_name, by_id)
    return copy


def test_a_corrected_ledger_has_all_424_households_and_no_findings(demo_index):
    copy = corrected(copy_of(LEDGER), demo_index)
    # The totals of these sheets summed up what has been corrected or has left the sheet.
    for title in ("青栗村", "3 石笋坪村", "稻香垄村", "月芦村", "牛铃冲村", "麦笠村"):
        total_row = next(sheet["total_row"] for sheet in TRUTH["sheets"] if sheet["sheet"] == title)
        copy[title].clear_rows(total_row)

    reading = read_ledger(written(copy), index=demo_index, today=TODAY)

    assert [(finding.sheet, finding.cell, finding.kind, finding.raw) for finding in reading.findings] == []
    assert reading.held_household_nos == []
    assert_totals(reading.importable, TRUTH["totals_if_all_corrected"])
    for household in reading.importable:
        truth = HOUSEHOLDS[household.household_no]
        assert as_truth(household) == {key: truth[key] for key in as_truth(household)}


# --- Moved about


def test_nothing_depends_on_order_names_or_places_in_the_file(copied, demo_index):
    """Sheets backwards and renamed, the table one row lower, a blank column in each of two groups of headings."""
    titles = {title: f"表{place}" for place, title in enumerate(copied)}

    def move(row: int, column: int) -> tuple[int, int]:
        return row + 1, column + (column >= 6) + (column >= 14)

    def moved(cell: dict) -> tuple[str, str]:
        row, column = move(*coordinate_to_tuple(cell["cell"]))
        return titles[cell["sheet"]], f"{get_column_letter(column)}{row}"

    backwards = {titles[title]: copied[title] for title in reversed(copied)}
    reading = read_ledger(written(backwards, move), index=demo_index, today=TODAY)

    found = {(finding.sheet, finding.cell, finding.kind) for finding in reading.findings}
    # Of two households with one account, the one that comes later is named.
    expected = {(*moved(p["related"][0] if p["kind"] == "duplicate_account" else p), p["kind"]) for p in PLANTED}
    assert found == expected
    assert reading.held_household_nos == sorted(TRUTH["held_households"])
    assert_totals(reading.importable, TRUTH["totals_as_delivered_without_held"])


# --- Small tables, made here

HEADING = [
    "序号", "户主姓名", "户主身份证号码", "户编号", "所在组", "家庭人口", "账户类型", "账号", "成员姓名", "与户主关系",
    "性别", "出生日期", "成员身份证号码", "主要原因", "务工收入", "种养收入", "转移性收入", "收入合计", "医疗支出", "负债",
    "已落实措施", "帮扶金额", "最近帮扶日期", "认定日期", "困难程度", "备注",
]  # fmt: skip
FIRST = {
    "序号": 1, "户主姓名": "姚松", "户主身份证号码": "999999198404154036", "户编号": "9901012012010010003",
    "所在组": "一组", "家庭人口": 1, "主要原因": "因病", "务工收入": 2, "收入合计": 2, "困难程度": "困难",
}  # fmt: skip
SECOND = {
    "序号": 2, "户主姓名": "严洋宏", "户主身份证号码": "99999919760323005X", "户编号": "9901012012010010004",
    "所在组": "1组", "主要原因": "因残", "困难程度": "特困", "成员姓名": "陈莉", "与户主关系": "配偶", "性别": "女",
    "出生日期": "1981.8.1", "成员身份证号码": "999999198108014362",
}  # fmt: skip
DAUGHTER = {"成员姓名": "严诺心", "与户主关系": "女", "性别": "女", "成员身份证号码": "999999201107280903"}


def table(*rows: dict, heading: list[str] = HEADING, above: str = "青栗村台账", title: str = "青栗村") -> Workbook:
    workbook = Workbook()
    worksheet = workbook.active
    worksheet.title = title
    worksheet.append([above])
    worksheet.append(heading)
    names = [name.partition("（")[0] for name in heading]
    for row in rows:
        assert row.keys() <= set(names)
        worksheet.append([row.get(name) for name in names])
    return workbook


def reading_of(workbook: Workbook, index):
    file = io.BytesIO()
    workbook.save(file)
    return read_ledger(file, index=index, today=TODAY)


def said(reading) -> list[tuple[str, str]]:
    return [(finding.cell, finding.kind) for finding in reading.findings if finding.kind != "column_missing"]


def test_a_single_row_of_headings_is_enough(demo_index):
    reading = reading_of(table(FIRST, SECOND, DAUGHTER), demo_index)

    assert said(reading) == []
    assert [len(household.persons) for household in reading.importable] == [1, 3]
    assert reading.households[0].wage_fen == 200
    assert reading.households[1].persons[2].birth_date == date(2011, 7, 28)  # from the ID number


def test_missing_columns_are_said_once(demo_index):
    (finding,) = reading_of(table(FIRST), demo_index).findings

    assert (finding.cell, finding.kind, finding.severity) == ("A2", "column_missing", "warning")
    assert finding.message == "这张表缺少这些列：其他原因、健康状况、残疾类别等级、去世日期"


@pytest.mark.parametrize(
    ("heading", "above"),
    [("务工收入（万元）", "青栗村台账"), ("务工收入", "单位：万元"), ("务工收入", "（单位：万元）")],
)
def test_amounts_in_ten_thousands_are_read_as_such(demo_index, heading, above):
    headings = [heading if name == "务工收入" else name for name in HEADING]
    row = FIRST | {"收入合计": None, "务工收入": 1.25}
    bare = reading_of(table(row, heading=headings, above=above), demo_index).households[0]
    with_unit = reading_of(table(row | {"务工收入": "12500元"}, heading=headings, above=above), demo_index).households[
        0
    ]

    assert bare.wage_fen == with_unit.wage_fen == 12_500 * FEN


def test_a_number_that_is_repeated_in_every_row_is_one_household(demo_index):
    repeated = DAUGHTER | {"户编号": SECOND["户编号"]}
    (household,) = reading_of(table(SECOND, repeated), demo_index).households

    assert len(household.persons) == 3
    assert not household.is_held


def test_a_head_who_is_listed_among_the_members_counts_once(demo_index):
    own_row = {"成员姓名": "严洋宏", "与户主关系": "户主", "性别": "男", "成员身份证号码": "99999919760323005X"}
    (household,) = reading_of(table(SECOND, own_row, DAUGHTER), demo_index).importable

    assert [person.name for person in household.persons] == ["严洋宏", "陈莉", "严诺心"]


def test_a_total_without_parts_is_the_income(demo_index):
    (household,) = reading_of(table(FIRST | {"务工收入": None, "收入合计": "1.2万"}), demo_index).importable

    assert household.income_total_fen == 12_000 * FEN


def test_dates_and_blanks_of_a_household(demo_index):
    row = FIRST | {"认定日期": datetime(2024, 5, 6), "最近帮扶日期": "２０２５．８．２９"}
    (household,) = reading_of(table(row), demo_index).importable

    assert (household.recognised_on, household.last_help_on) == (date(2024, 5, 6), date(2025, 8, 29))
    assert (household.debt_fen, household.measures, household.account_number) == (0, [], "")


@pytest.mark.parametrize(
    ("change", "cell", "kind"),
    [
        ({"户编号": None}, "D3", "household_no_malformed"),
        ({"户编号": 9901012012010010003}, "D3", "number_rounded"),
        ({"户编号": "=9901012012010010003"}, "D3", "formula_in_text"),
        ({"户主姓名": None}, "B3", "value_missing"),
        ({"户主身份证号码": None}, "C3", "id_missing"),
        ({"户主身份证号码": "无"}, "C3", "id_missing"),
        ({"户主身份证号码": "999999195208300020"}, "C3", "id_not_in_register"),
        ({"户主姓名": "王五", "户主身份证号码": None}, "B3", "head_not_a_member"),
        ({"所在组": "老屋组"}, "E3", "unknown_group"),
        ({"所在组": "二组"}, "E3", "group_mismatch"),
        ({"家庭人口": "2人"}, "F3", "family_size_mismatch"),
        ({"账户类型": "支票"}, "G3", "unknown_value"),
        ({"账户类型": "银行卡", "账号": 6222020000000000123}, "H3", "number_rounded"),
        ({"账户类型": "存折", "账号": "见存折"}, "H3", "account_malformed"),
        ({"主要原因": None}, "N3", "value_missing"),
        ({"负债": -100}, "T3", "negative_amount"),
        ({"负债": "#REF!"}, "T3", "amount_unreadable"),
        ({"负债": True}, "T3", "amount_unreadable"),
        ({"已落实措施": "春节慰问、送温暖"}, "U3", "unknown_value"),
        ({"认定日期": "2024年5月"}, "X3", "date_unreadable"),
        ({"认定日期": "=TODAY()"}, "X3", "formula_without_value"),
        ({"困难程度": "非常困难"}, "Y3", "unknown_value"),
        ({"成员姓名": "=1+1", "成员身份证号码": "999999198108014362"}, "I3", "formula_in_text"),
        ({"成员姓名": "-陈莉"}, "I3", "formula_like_text"),
        ({"成员姓名": "陈莉", "成员身份证号码": "999999198108014362"}, "M3", "member_in_two_households"),
        ({"成员姓名": "姚松", "成员身份证号码": "999999198404154036"}, "M3", "person_repeated"),
    ],
)
def test_a_wrong_cell_is_named(demo_index, change, cell, kind):
    assert (cell, kind) in said(reading_of(table(FIRST | change), demo_index))


def test_a_new_member_is_a_warning_and_her_reason_for_no_number_is_heard(demo_index):
    new = {"成员姓名": "陈一", "与户主关系": "女", "性别": "女", "出生日期": "2020.1.2"}
    without = reading_of(table(SECOND, new), demo_index)
    explained = reading_of(table(SECOND | {"备注": "陈一无身份证：户口待补录"}, new), demo_index)

    assert said(without) == [("M4", "id_missing")]
    assert said(explained) == []
    assert len(without.importable) == len(explained.importable) == 1


def test_a_value_below_the_first_row_of_a_household_is_not_lost_silently(demo_index):
    reading = reading_of(table(SECOND, DAUGHTER | {"帮扶金额": 300}), demo_index)

    assert said(reading) == [("V4", "value_outside_household_row")]
    assert reading.importable == []


def test_remarks_may_stand_in_every_row(demo_index):
    (household,) = reading_of(table(SECOND | {"备注": "甲"}, DAUGHTER | {"备注": "乙"}), demo_index).importable

    assert household.remark == "甲\n乙"


def test_a_row_that_belongs_to_nobody_is_a_warning(demo_index):
    assert said(reading_of(table({"备注": "以下为新增"}, FIRST), demo_index)) == [("Z3", "row_not_understood")]


def test_what_stands_below_the_totals_is_left_alone(demo_index):
    footer = {"序号": "填表人：            审核人："}
    reading = reading_of(table(FIRST, {"序号": "合 计", "家庭人口": 1, "收入合计": "2元"}, footer), demo_index)

    assert said(reading) == []


def test_lines_below_a_table_without_totals_are_left_alone(demo_index):
    footer = {"序号": "填表人：            审核人："}

    assert said(reading_of(table(FIRST, footer, {"户主姓名": "注：收入按上年度实际数填"}), demo_index)) == []


def test_a_household_below_the_totals_is_still_read(demo_index):
    reading = reading_of(table(FIRST, {"序号": "合计", "户主姓名": "2户"}, SECOND), demo_index)

    assert said(reading) == [("B4", "sheet_total_mismatch")]
    assert len(reading.importable) == 2


def test_the_same_household_twice_on_a_sheet_is_imported_once(demo_index):
    reading = reading_of(table(FIRST, FIRST | {"序号": 2}), demo_index)

    assert said(reading) == [("D4", "duplicate_household")]
    assert len(reading.importable) == 1
    assert reading.held_household_nos == []


def test_the_village_is_seen_in_the_lines_above_or_in_the_numbers(demo_index):
    by_line = reading_of(table(FIRST, title="Sheet1"), demo_index)
    by_numbers = reading_of(table(FIRST, title="Sheet1", above="台账"), demo_index)
    unknown = reading_of(table(FIRST | {"户编号": "x"}, title="Sheet1", above="台账"), demo_index)

    assert by_line.sheets[0].village_code == by_numbers.sheets[0].village_code == "990101201201"
    assert ("A1", "sheet_village_unknown") in said(unknown)


def test_other_sheets_are_mentioned_and_blank_ones_are_not(demo_index):
    workbook = table(FIRST)
    workbook.create_sheet("空表")
    workbook.create_sheet("说明").append(["填表说明"])
    hidden = workbook.create_sheet("旧表")
    hidden.append(["去年"])
    hidden.sheet_state = "hidden"
    reading = reading_of(workbook, demo_index)

    assert [(f.sheet, f.kind) for f in reading.findings if f.kind != "column_missing"] == [
        ("说明", "sheet_without_table"),
        ("旧表", "sheet_hidden"),
    ]


def test_a_workbook_without_any_table_is_refused(demo_index):
    workbook = Workbook()
    workbook.active.append(["批次编号", "流水序号"])

    with pytest.raises(errors.NoLedgerTable):
        reading_of(workbook, demo_index)


# --- Files that are no ledger at all


def archive(**parts: bytes) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in parts.items():
            zipped.writestr(name, data)
    return file


def with_part(name: str, change) -> io.BytesIO:
    """A small good workbook, one part of it changed."""
    file = io.BytesIO()
    table(FIRST).save(file)
    parts = {}
    with zipfile.ZipFile(file) as zipped:
        parts = {entry: zipped.read(entry) for entry in zipped.namelist()}
    parts[name] = change(parts[name])
    return archive(**parts)


def entities(part: bytes) -> bytes:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet '
    return part.replace(b"<worksheet ", bomb, 1).replace("姚松".encode(), b"&b;")


@pytest.mark.parametrize(
    ("file", "refusal"),
    [
        (io.BytesIO(b""), errors.NotAWorkbook),
        (io.BytesIO("户编号,姓名".encode()), errors.NotAWorkbook),
        (io.BytesIO(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 encrypted or .xls"), errors.NotAWorkbook),
        (io.BytesIO(LEDGER.read_bytes()[:100_000]), errors.NotAWorkbook),
        (archive(**{"a.txt": b"no workbook"}), errors.NotAWorkbook),
        (archive(**{"xl/bomb.xml": bytes(40 * 1024 * 1024)}), errors.WorkbookTooLarge),
        (archive(**{f"{place}.xml": b"" for place in range(2_001)}), errors.WorkbookTooLarge),
        (with_part("xl/worksheets/sheet1.xml", entities), errors.NotAWorkbook),
        (with_part("xl/worksheets/sheet1.xml", lambda part: part[:-40]), errors.NotAWorkbook),
        (with_part("xl/worksheets/sheet1.xml", lambda p: p.replace(b'r="3"', b'r="90000"')), errors.WorkbookTooLarge),
    ],
    ids=["empty", "csv", "ole", "cut", "zip", "bomb", "entries", "entities", "broken xml", "far row"],
)
def test_what_is_not_a_readable_workbook_is_refused(demo_index, file, refusal):
    with pytest.raises(refusal) as refused:
        read_ledger(file, index=demo_index, today=TODAY)

    assert str(refused.value)


def test_a_range_merged_over_the_whole_sheet_costs_nothing(demo_index):
    merge = b'<mergeCells count="1"><mergeCell ref="AC1:XFD1048576"/></mergeCells>'
    file = with_part("xl/worksheets/sheet1.xml", lambda part: part.replace(b"</sheetData>", b"</sheetData>" + merge))
    tracemalloc.start()
    try:
        reading = read_ledger(file, index=demo_index, today=TODAY)
        _now, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(reading.importable) == 1
    assert peak_bytes < 100 * 1024 * 1024, "each of the sixteen thousand million cells takes its own place"
