"""The household register of the demo township, and registers that went wrong on the way."""

import io
import tracemalloc
from datetime import date
from pathlib import Path

import pytest

from families import errors
from families.importing import words
from families.importing.register_file import COLUMNS, read_register

DEMO = Path(__file__).resolve().parents[2] / "demo"
TODAY = date(2026, 3, 31)
GROUPS = {"990101201201001", "990101201201002"}
HEADING = ",".join(COLUMNS)
HEAD = "9901012012010010001,990101201201,001,唐银莲,999999196510241580,,户主,女,1965-10-24,汉族,小学,慢性病,,,务农,否,"
SON = "9901012012010010001,990101201201,001,唐大山,999999201009170030,,子,男,2010-09-17,汉族,初中,健康,,,学生,是,"
OTHER = "9901012012010020001,990101201201,002,赵强峰,999999197603174879,,户主,男,1976-03-17,苗族,初中,健康,,,务农,否,"


def read(*rows: str, heading: str = HEADING, encoding: str = "utf-8-sig", groups: set[str] = GROUPS):
    data = "".join(row + "\r\n" for row in (heading, *rows)).encode(encoding)
    return list(read_register(io.BytesIO(data), group_codes=groups, today=TODAY))


def findings(*rows: str) -> list[tuple[str, str]]:
    return [(finding.cell, finding.kind) for household in read(*rows) for finding in household.findings]


def replaced(row: str, column: str, text: str) -> str:
    cells = row.split(",")
    cells[list(COLUMNS).index(column)] = text
    return ",".join(cells)


# --- The demo register


def test_the_demo_register_has_no_findings_and_the_known_counts(demo_register):
    persons = [person for household in demo_register for person in household.members]

    assert [finding for household in demo_register for finding in household.findings] == []
    assert len(demo_register) == 10_588
    assert len(persons) == 33_880
    assert sum(person.lives_away for person in persons) == 6_127
    assert sum(person.id_number is not None and not person.previous_id for person in persons) == 33_675
    assert sum(person.previous_id != "" for person in persons) == 83
    assert sum(person.id_number is None and person.no_id_reason != "" for person in persons) == 122


def test_every_household_begins_with_its_head_and_stands_in_its_group(demo_register):
    for household in demo_register:
        assert household.members[0].relation == words.HEAD
        assert household.household_no.startswith(household.village_code + household.group_no)
        assert {member.household_no for member in household.members} == {household.household_no}


def test_a_row_becomes_a_person_with_codes_dates_and_the_exact_name(demo_register):
    household = next(found for found in demo_register if found.household_no == "9901012012010010002")
    father = household.members[-1]

    assert (father.name, father.relation, father.sex, father.birth_date) == ("赵永根", "父亲", "m", date(1951, 3, 18))
    assert (father.health, father.disability_class, father.disability_grade) == ("chronic", "精神", "三级")
    assert (father.id_number, father.lives_away, father.line) == ("999999195103183518", False, 6)


def test_rare_characters_and_dots_of_names_are_kept(demo_register):
    names = {person.name for household in demo_register for person in household.members}

    assert "陈伟𠮷" in names
    assert "库尔班．肉孜" in names


def test_reading_holds_one_household_at_a_time(demo_groups):
    tracemalloc.start()
    with (DEMO / "household-register.csv").open("rb") as file:
        for _household in read_register(file, group_codes=demo_groups, today=TODAY):
            pass
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # Numbers of households and people are remembered (some 200 bytes a person, with the caches), rows are not.
    assert peak_bytes < 16 * 1024 * 1024


# --- Encodings and shapes of the file


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030"])
def test_utf8_with_and_without_bom_and_gb18030_are_recognised(encoding):
    (household,) = read(replaced(HEAD, "姓名", "单红䶮"), encoding=encoding)

    assert household.members[0].name == "单红䶮"
    assert household.findings == []


def test_columns_may_stand_in_another_order_and_others_between_them():
    order = ["备注", *reversed(list(COLUMNS))]
    cells = dict(zip(COLUMNS, HEAD.split(","), strict=True)) | {"备注": "x", "公民身份号码": "999999196510241581"}

    (household,) = read(",".join(cells[name] for name in order), heading=",".join(order))

    assert household.members[0].name == "唐银莲"
    assert [(finding.cell, finding.kind) for finding in household.findings] == [("N2", "id_checksum")]


def test_a_missing_column_is_refused_by_name():
    heading = HEADING.replace("公民身份号码,", "").replace(",外出标志", "")

    with pytest.raises(errors.MissingColumns, match="公民身份号码、外出标志"):
        read(HEAD, heading=heading)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", errors.EmptyFile),
        (b"\xef\xbb\xbf\r\n", errors.EmptyFile),
        (f"{HEADING}\r\n".encode(), errors.EmptyFile),
        (f"{HEADING}\r\n,,,,,,,,,,,,,,,,\r\n".encode(), errors.EmptyFile),
        ("批次编号,流水序号,收款账号\r\n1,2,3\r\n".encode("gb18030"), errors.WrongFile),
        (HEADING.replace(",", "\t").encode(), errors.WrongFile),
        (b"PK\x03\x04\x14\x00 an xlsx file", errors.WrongFile),
        (HEADING.encode("utf-16"), errors.WrongEncoding),
        (f"{HEADING}\r\n".encode() + HEAD.encode("gb18030"), errors.WrongEncoding),
        (f'{HEADING}\r\n{HEAD}\r\n"{OTHER}'.encode(), errors.BrokenCsv),
    ],
)
def test_what_is_not_a_register_is_refused_as_a_whole(data, refusal):
    with pytest.raises(refusal) as refused:
        list(read_register(io.BytesIO(data), group_codes=GROUPS, today=TODAY))

    assert str(refused.value)


def test_the_caller_keeps_the_file():
    source = io.BytesIO(f"{HEADING}\r\n{HEAD}\r\n".encode())
    list(read_register(source, group_codes=GROUPS, today=TODAY))

    assert not source.closed


# --- Rows


def test_a_household_with_members_and_the_next_one():
    first, second = read(HEAD, SON, OTHER)

    assert [member.name for member in first.members] == ["唐银莲", "唐大山"]
    assert (second.household_no, second.group_no, second.line) == ("9901012012010020001", "002", 4)
    assert first.findings == second.findings == []


@pytest.mark.parametrize(
    ("column", "text", "cell", "kind"),
    [
        ("户编号", "990101201201001003", "A2", "household_no_malformed"),
        ("户编号", "9.90101E+18", "A2", "household_no_malformed"),
        ("户编号", "9901012012010020001", "A2", "household_outside_group"),
        ("姓名", "", "D2", "value_missing"),
        ("姓名", "＝cmd", "D2", "formula_like_text"),
        ("姓名", "长" * 61, "D2", "value_too_long"),
        ("公民身份号码", "", "E2", "id_without_reason"),
        ("公民身份号码", "999999196510241581", "E2", "id_checksum"),
        ("公民身份号码", "99999919651024158", "E2", "id_length"),
        ("公民身份号码", "9999991965O0241580", "E2", "id_characters"),
        ("公民身份号码", "999999196502301580", "E2", "id_impossible_date"),
        ("与户主关系", "子", "G2", "head_not_first"),
        ("性别", "男", "H2", "sex_mismatch"),
        ("性别", "?", "H2", "unknown_value"),
        ("出生日期", "1965-10-25", "I2", "birth_date_mismatch"),
        ("出生日期", "1965-02-30", "I2", "date_impossible"),
        ("出生日期", "六五年", "I2", "date_unreadable"),
        ("出生日期", "", "I2", "value_missing"),
        ("健康状况", "很好", "L2", "unknown_value"),
        ("残疾类别", "肢体", "N2", "unknown_value"),
        ("残疾等级", "五级", "M2", "unknown_value"),
        ("外出标志", "不知道", "P2", "unknown_value"),
        ("联系电话", "12345", "Q2", "phone_malformed"),
    ],
)
def test_a_wrong_cell_is_named_by_row_and_column(column, text, cell, kind):
    assert (cell, kind) in findings(replaced(HEAD, column, text))


@pytest.mark.parametrize(
    ("column", "text", "cell", "kind"),
    [("村编码", "990101201299", "B2", "unknown_village"), ("村民小组", "009", "C2", "unknown_group")],
)
def test_an_unknown_place_is_named(column, text, cell, kind):
    assert (cell, kind) in findings(replaced(HEAD, column, text))


def test_a_group_that_lost_its_zeros_is_still_the_group():
    assert findings(replaced(HEAD, "村民小组", "1")) == []


def test_an_error_holds_its_household_and_no_other():
    first, second = read(replaced(HEAD, "性别", "男"), OTHER)

    assert first.is_held
    assert not second.is_held


def test_a_malformed_phone_does_not_hold_a_household():
    (household,) = read(replaced(HEAD, "联系电话", "12345"))

    assert not household.is_held
    assert household.members[0].phone == ""


def test_rows_of_one_household_must_stand_together():
    assert ("A4", "household_split") in findings(HEAD, OTHER, SON)


def test_an_id_number_may_stand_once():
    twin = replaced(OTHER, "公民身份号码", "999999196510241580")
    household = read(HEAD, twin)[1]
    repeated = next(finding for finding in household.findings if finding.kind == "id_repeated")

    assert repeated.cell == "E3"
    assert repeated.message == "这个身份证号码在第 2 行已经出现过"


def test_an_old_number_and_its_extended_form_are_the_same_person():
    old = replaced(replaced(replaced(HEAD, "公民身份号码", "999999480215001"), "性别", "男"), "出生日期", "1948-02-15")
    new = replaced(replaced(OTHER, "公民身份号码", "999999194802150016"), "出生日期", "1948-02-15")

    assert ("E3", "id_repeated") in findings(old, new)


def test_two_heads_and_two_groups_in_one_household_are_found():
    assert ("G3", "two_heads") in findings(HEAD, replaced(SON, "与户主关系", "户主"))
    assert ("C3", "household_in_two_groups") in findings(HEAD, replaced(SON, "村民小组", "002"))


def test_a_short_or_long_row_is_found():
    assert ("A2", "row_width") in findings(HEAD.removesuffix(",否,"))
    assert ("A2", "row_width") in findings(HEAD + ",,x")


def test_blank_rows_are_passed_over():
    assert [household.line for household in read("", HEAD, ",,,,,,,,,,,,,,,,", OTHER)] == [3, 5]


def test_a_finding_does_not_show_the_id_number_in_logs():
    (household,) = read(replaced(HEAD, "公民身份号码", "999999196510241581"))

    assert household.findings[0].raw == "999999196510241581"
    assert "999999196510241581" not in repr(household.findings[0])


def test_the_codes_are_those_of_the_catalogue():
    from families import catalogue
    from families.models import BankAccount, Household, Person

    assert list(words.CAUSES.values()) == [code for code, _ in catalogue.CAUSES]
    assert list(words.HEALTH.values()) == [code for code, _ in catalogue.HEALTH]
    assert set(words.SEX.values()) == set(Person.Sex.values)
    assert set(words.SEVERITY.values()) == set(Household.Severity.values)
    assert set(words.ACCOUNT_KIND.values()) == set(BankAccount.Kind.values)
