"""What the bank would reject is found before the file exists; nothing is cut and nothing becomes a question mark."""

import dataclasses
import io
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from funds.banking.errors import ListChanged, ListRefused
from funds.banking.formats import CSV, FIXED, FileShape, ListFormat
from funds.banking.writing import PayLine, check
from tests.funds.banking.files import facts_of, list_format, written

JIANG = PayLine("case:1:pay:1", "江正", "9999990000000000014", 80_000, "禾丰农商银行", "临时救助")
RARE = PayLine("case:2:pay:1", "赵红㛃䶮𠮷", "99019631613223274", 123_456, "禾丰农商银行", "教育助学")
DOTTED = PayLine("case:3:pay:1", "吉叁·木呷", "9999990000000000022", 1, "禾丰农商银行", "临时救助")
LINES = (JIANG, RARE, DOTTED)
CODES = ("HFNS", "QHCZ", "SQHZ")


def problems(form: ListFormat, *lines: PayLine, **facts: Any) -> list[tuple[int, str, str]]:
    return [(one.line, one.field, one.code) for one in check(form, facts_of(lines, **facts), lines)]


def limited(form: ListFormat, **limits: Any) -> ListFormat:
    return dataclasses.replace(form, limits=dataclasses.replace(form.limits, **limits))


def in_encoding(form: ListFormat, encoding: str) -> ListFormat:
    return dataclasses.replace(form, file=dataclasses.replace(form.file, encoding=encoding))


def test_bank_a_gets_a_csv_in_gb18030() -> None:
    text = written(list_format("HFNS"), LINES).decode("gb18030")

    assert text == (
        "批次编号,流水序号,收款账号,收款户名,交易金额,币种,摘要\r\n"
        "PB-1,case:1:pay:1,9999990000000000014,江正,800.00,CNY,临时救助\r\n"
        "PB-1,case:2:pay:1,99019631613223274,赵红㛃䶮𠮷,1234.56,CNY,教育助学\r\n"
        "PB-1,case:3:pay:1,9999990000000000022,吉叁·木呷,0.01,CNY,临时救助\r\n"
    )


def test_bank_b_gets_a_workbook_whose_cells_are_all_text() -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(written(list_format("QHCZ"), LINES)))
    rows = book.get_sheet_by_name("代发明细").to_python()

    assert [row[:5] for row in rows[:2]] == [
        ["青禾村镇银行代发业务委托清单", "", "", "", ""],
        ["批次", "PB-1", "日期", "2026-03-16", ""],
    ]
    assert rows[2] == ["序号", "户名", "收款卡折号", "开户行", "金额（元）", "客户流水", "附言"]
    assert rows[4] == ["2", "赵红㛃䶮𠮷", "99019631613223274", "禾丰农商银行", "1234.56", "case:2:pay:1", "教育助学"]
    assert rows[6][:5] == ["合计", "3", "笔", "", "2034.57"]


def test_the_third_bank_gets_lines_whose_widths_are_bytes() -> None:
    head, *lines, foot = written(list_format("SQHZ"), LINES).split(b"\r\n")[:-1]

    assert head == b"H" + b"PB-1".ljust(20) + b"20260316" + b"00000003" + b"000000000203457"
    assert foot == b"T" + b"00000003" + b"000000000203457"
    assert {len(line) for line in lines} == {191}
    assert lines[1][73:133].decode("gb18030").rstrip() == RARE.name
    assert lines[1][133:148] == b"000000000123456"


@pytest.mark.parametrize("code", CODES)
def test_a_sound_list_has_no_problems(code: str) -> None:
    assert problems(list_format(code), *LINES) == []


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"name": ""}, "name", "empty"),
        ({"serial": ""}, "serial", "empty"),
        ({"account": ""}, "account", "empty"),
        ({"name": "江正" * 20}, "name", "too_long"),
        ({"name": " 江正"}, "name", "spaces_around"),
        ({"name": "江\n正"}, "name", "control_character"),
        ({"name": "江\u202e正"}, "name", "control_character"),
        ({"name": "江|正"}, "name", "forbidden_character"),
        ({"name": "=江正"}, "name", "formula_like"),
        ({"name": "＠江正"}, "name", "formula_like"),
        ({"name": "江\ud800正"}, "name", "character_lacking"),
        ({"purpose": "救助" * 11}, "purpose", "too_long"),
        ({"account": "999999000000000001X"}, "account", "account_not_digits"),
        ({"account": "９９９９９９００００００００００００１４"}, "account", "account_not_digits"),
        ({"account": "999999000000000001"}, "account", "account_length"),
        ({"amount_fen": 0}, "amount", "amount_not_positive"),
        ({"amount_fen": -1}, "amount", "amount_not_positive"),
        ({"amount_fen": 800.0}, "amount", "amount_not_positive"),
        ({"amount_fen": True}, "amount", "amount_not_positive"),
        ({"amount_fen": 5_000_001}, "amount", "amount_over_limit"),
        ({"serial": "case:1:pay:1"}, "serial", "serial_repeated"),
    ],
)
def test_what_bank_a_would_reject_is_said_with_its_line_and_field(
    change: dict[str, Any], field: str, code: str
) -> None:
    found = problems(list_format("HFNS"), JIANG, dataclasses.replace(DOTTED, **change))

    assert (2, field, code) in found
    assert {line for line, _field, _code in found} == {2}


def test_a_limit_itself_is_still_good() -> None:
    form = limited(list_format("HFNS"), name_bytes=4, largest_fen=80_000, most_lines=1)

    assert problems(form, JIANG) == []


def test_a_list_longer_than_the_bank_takes_is_one_problem() -> None:
    assert problems(limited(list_format("HFNS"), most_lines=2), *LINES) == [(0, "count", "too_many_lines")]


def test_a_bank_that_wants_the_name_of_the_bank_says_so() -> None:
    assert problems(list_format("QHCZ"), dataclasses.replace(JIANG, bank="")) == [(1, "bank", "empty")]


def test_an_older_encoding_names_the_characters_that_it_lacks() -> None:
    form = in_encoding(list_format("SQHZ"), "gbk")

    found = list(check(form, facts_of(LINES), LINES))

    assert [(one.line, one.field, one.code) for one in found] == [(2, "name", "character_lacking")]
    assert "“㛃䶮𠮷”" in found[0].words


def test_a_count_too_long_for_its_place_is_not_cut() -> None:
    form = list_format("SQHZ")
    narrow = dataclasses.replace(form.head[0][3], width=1)
    form = dataclasses.replace(form, head=((*form.head[0][:3], narrow, form.head[0][4]),))

    assert problems(form, JIANG, count=10) == [(0, "count", "too_long")]


def test_without_quotes_a_delimiter_inside_a_value_is_refused() -> None:
    form = dataclasses.replace(list_format("HFNS"), file=FileShape(CSV, "gb18030", quoting="none"))

    assert problems(form, dataclasses.replace(JIANG, purpose="救助,3月")) == [(1, "purpose", "delimiter")]


@pytest.mark.parametrize("code", CODES)
def test_a_list_with_a_problem_is_not_written(code: str) -> None:
    with pytest.raises(ListRefused) as refused:
        written(list_format(code), [JIANG, dataclasses.replace(RARE, name=""), dataclasses.replace(DOTTED, account="")])

    assert [(one.line, one.field) for one in refused.value.problems] == [(2, "name"), (3, "account")]


@pytest.mark.parametrize("changed", [{"count": 2}, {"total_fen": 1}])
def test_a_list_that_is_not_what_was_released_is_refused(changed: dict[str, int]) -> None:
    with pytest.raises(ListChanged):
        written(list_format("HFNS"), LINES, **changed)


def _writable(form: ListFormat, lines: Sequence[PayLine]) -> bytes | None:
    try:
        return written(form, lines)
    except ListRefused:
        return None


@given(name=st.text(min_size=1, max_size=25), purpose=st.text(max_size=15))
def test_whatever_a_fixed_width_list_takes_stands_in_its_place_unchanged(name: str, purpose: str) -> None:
    file = _writable(list_format("SQHZ"), [dataclasses.replace(JIANG, name=name, purpose=purpose or "救助")])

    if file is not None:
        line = file.split(b"\r\n")[1]
        assert len(line) == 191
        assert line[73:133].decode("gb18030").rstrip(" ") == name.rstrip(" ")
        assert line[151:191].decode("gb18030").rstrip(" ") == (purpose or "救助").rstrip(" ")


def test_the_kinds_of_all_three_formats_differ() -> None:
    assert {list_format(code).file.kind for code in CODES} == {CSV, "xlsx", FIXED}
