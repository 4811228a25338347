"""A good answer is read whatever its shape; what is odd in it is said at its line."""

import io
import time
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funds.banking.errors import ListRefused
from funds.banking.headings import first_rows, recognise
from funds.banking.matching import Matching, SentPayment
from funds.banking.reading import Answer, AnswerLine, read
from funds.banking.writing import PayLine
from tests.funds.banking.files import (
    GOOD,
    HEADING,
    answer_format,
    csv_file,
    facts_of,
    fixed_line,
    list_format,
    sqhz_line,
    written,
    xlsx_file,
)

RARE = ["QH0002", "99019631613223274", "赵红㛃䶮𠮷", "1,234.56", "失败", "账户已销户", "R2"]


def lines_of(file: io.BytesIO, code: str = "COMMON", **options: Any) -> tuple[Answer, list[AnswerLine]]:
    answer = read(file, answer_format(code), **options)
    return answer, list(answer)


def one(*cells: Any, make: Any = csv_file) -> AnswerLine:
    _answer, (line,) = lines_of(make(HEADING, cells))
    return line


def codes(line: AnswerLine) -> list[tuple[str, str]]:
    return [(finding.field, finding.code) for finding in line.findings]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_a_text_file_is_read_in_any_usual_encoding_and_delimiter(encoding: str, delimiter: str) -> None:
    rare = [cell.replace(",", "") for cell in RARE]

    _answer, (first, second) = lines_of(csv_file(HEADING, GOOD, rare, encoding=encoding, delimiter=delimiter))

    assert (first.line, first.serial, first.account, first.name) == (2, "QH0001", "9999990000000000014", "江正")
    assert (first.amount_fen, first.outcome, first.reason, first.reference) == (80_000, "credited", "", "R1")
    assert (second.name, second.amount_fen) == ("赵红㛃䶮𠮷", 123_456)
    assert (second.outcome, second.reason, second.words) == ("failed", "account_closed", "账户已销户")


def test_a_workbook_is_read_with_titles_above_and_notes_below() -> None:
    file = xlsx_file(
        ["某某银行代发结果"], ["委托单位：青禾乡"], [], HEADING, GOOD, [], RARE, ["合计", "", "", "2,034.56", "", "共2笔"], ["制表：甲"]
    )  # fmt: skip

    answer, lines = lines_of(file)

    assert [line.line for line in lines] == [5, 7]
    assert answer.layout.line == 4
    assert answer.findings == []
    assert (answer.count, answer.total_fen) == (2, 203_456)


def test_the_heading_on_every_page_and_subtotals_are_no_lines() -> None:
    _answer, lines = lines_of(csv_file(HEADING, GOOD, ["本页小计", "", "", "800.00"], HEADING, RARE))

    assert [line.line for line in lines] == [2, 5]


def test_columns_may_stand_in_any_order_and_unknown_ones_are_left_aside() -> None:
    _answer, (line,) = lines_of(csv_file(["机构", *reversed(HEADING)], ["01", *reversed(GOOD)]))

    assert (line.serial, line.amount_fen) == ("QH0001", 80_000)


def test_a_mapping_that_a_person_set_overrides_what_we_would_guess() -> None:
    heading = ["我方编号", "卡", "金额", "实付", "办结情况"]
    file = csv_file(heading, ["QH0001", "9999990000000000014", "1.00", "800.00", "成功"])
    mapping = {"serial": "我方编号", "account": "卡", "amount": "实付", "status": "办结情况"}

    answer, (line,) = lines_of(file, mapping=mapping)

    assert (line.serial, line.account, line.amount_fen, line.outcome) == (
        "QH0001",
        "9999990000000000014",
        80_000,
        "credited",
    )
    assert answer.layout.mapping() == mapping


def test_the_signature_is_that_of_the_headings_and_of_nothing_else() -> None:
    first, _table = recognise(csv_file(HEADING, GOOD))
    again, _table = recognise(csv_file(["标题"], HEADING, RARE, encoding="gb18030"))
    other, _table = recognise(csv_file([*HEADING, "备注"], [*GOOD, ""]))

    assert first.signature == again.signature != other.signature


def test_what_is_missing_is_told_before_anything_is_read() -> None:
    layout, _table = recognise(csv_file(["户名", "金额", "开户行"], ["江正", "1", "甲"]))

    assert layout.missing == ("account", "status")


def test_the_first_rows_can_be_shown_to_whoever_maps_the_columns() -> None:
    assert first_rows(csv_file(["甲", "乙"], ["1", "2"]), most=1) == [("", ["甲", "乙"])]


@pytest.mark.parametrize(
    ("account", "number"),
    [
        ("9999990000000000014\t", "9999990000000000014"),
        ("'9999990000000000014", "9999990000000000014"),
        ("9999 9900 0000 0000 014", "9999990000000000014"),
        ("９９９９９９０００００００００００１４", "9999990000000000014"),
        ('="9999990000000000014"', "9999990000000000014"),
        ("\u200b9999990000000000014", "9999990000000000014"),
    ],
)
def test_an_account_is_read_through_what_stands_around_it(account: str, number: str) -> None:
    line = one(GOOD[0], account, *GOOD[2:])

    assert (line.account, line.findings) == (number, ())


@pytest.mark.parametrize("account", ["9.99999E+18", "9.99999e+18", "9.999990E18"])
def test_an_account_in_scientific_notation_has_lost_its_end(account: str) -> None:
    assert codes(one(GOOD[0], account, *GOOD[2:])) == [("account", "digits_lost")]


def test_an_account_that_is_a_number_in_a_workbook_has_lost_its_end() -> None:
    line = one(GOOD[0], 9999990000000000014, *GOOD[2:], make=xlsx_file)

    assert codes(line) == [("account", "digits_lost")]
    assert line.account == ""


def test_a_short_number_in_a_workbook_has_lost_nothing() -> None:
    line = one(20260001, 123456789012345, "江正", 800.1, "成功", "", 77, make=xlsx_file)

    assert (line.serial, line.account, line.amount_fen, line.reference) == ("20260001", "123456789012345", 80_010, "77")


@pytest.mark.parametrize(
    ("amount", "fen"),
    [
        ("800", 80_000),
        ("800.5", 80_050),
        ("¥1,234.56", 123_456),
        ("８００．００", 80_000),
        ("800.00元", 80_000),
        ("800.000", 80_000),
    ],
)
def test_an_amount_is_read_exactly(amount: str, fen: int) -> None:
    assert one(*GOOD[:3], amount, *GOOD[4:]).amount_fen == fen


@pytest.mark.parametrize(
    "amount",
    ["", "1e10", "1E5", "-1", "−1", "NaN", "nan", "inf", "∞", "0", "0.00", "0.001", "八百", "1,23", "1.2.3", "=1+1", "9" * 80, "9" * 300, "99999999999999"],
)  # fmt: skip
def test_an_amount_that_is_not_one_is_said_and_never_taken(amount: str) -> None:
    line = one(*GOOD[:3], amount, *GOOD[4:])

    assert line.amount_fen is None
    assert [field for field, _code in codes(line)] == ["amount"]


@pytest.mark.parametrize("amount", [-1.0, 0.0, 1e300, 0.001, True])
def test_a_number_in_a_workbook_that_is_no_amount_is_said(amount: Any) -> None:
    line = one(*GOOD[:3], amount, *GOOD[4:], make=xlsx_file)

    assert (line.amount_fen, [field for field, _code in codes(line)]) == (None, ["amount"])


@given(st.integers(min_value=1, max_value=10**12))
def test_every_amount_in_yuan_comes_back_as_the_same_fen(fen: int) -> None:
    figure = f"{fen // 100:,}.{fen % 100:02}"

    assert one(*GOOD[:3], figure, *GOOD[4:]).amount_fen == fen


def test_a_value_that_is_absurdly_long_is_said() -> None:
    assert codes(one(*GOOD[:2], "江" * 300, *GOOD[3:])) == [("name", "too_long")]


@pytest.mark.parametrize("dot", "•‧・．.")
def test_the_dot_of_a_name_is_one_dot(dot: str) -> None:
    assert one(*GOOD[:2], f"吉叁{dot}木呷", *GOOD[3:]).name == "吉叁·木呷"


@pytest.mark.parametrize(
    "text", ["20260318", "2026-03-18", "2026/3/18", "2026年3月18日", "2026-03-18 10:00:37", "２０２６０３１８"]
)
def test_a_date_is_read_in_any_usual_pattern(text: str) -> None:
    _answer, (line,) = lines_of(csv_file([*HEADING, "交易日期"], [*GOOD, text]))

    assert line.day == date(2026, 3, 18)


@pytest.mark.parametrize("text", ["20260230", "18.03.2026", "三月", "202603181000"])
def test_a_date_that_is_none_is_said(text: str) -> None:
    _answer, (line,) = lines_of(csv_file([*HEADING, "交易日期"], [*GOOD, text]))

    assert codes(line) == [("date", "date_unreadable")]


def test_a_status_that_nobody_listed_is_unclear_and_counted() -> None:
    answer, (line,) = lines_of(csv_file(HEADING, [*GOOD[:4], "受理", "", "R1"]))

    assert line.outcome == "unclear"
    assert answer.unknown_statuses == {"受理": 1}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("账号户名不符", "name_mismatch"),
        ("户名不符，款项退回", "name_mismatch"),
        ("该账户已销户。", "account_closed"),
        ("账户状态异常（久悬未取）", "account_abnormal"),
        ("户名不符且已销户", "other"),
        ("请联系开户行", "other"),
        ("", "other"),
    ],
)  # fmt: skip
def test_the_banks_words_become_one_of_our_reasons(words: str, reason: str) -> None:
    assert one(*GOOD[:4], "失败", words, "R1").reason == reason


@pytest.mark.parametrize(
    ("total", "code"),
    [
        (["合计", "", "", "800.00", "", "共1笔"], None),
        (["合计", "", "", "800.00", "成功1笔，失败0笔", ""], None),
        (["总计：1笔，金额：800.00"], None),
        (["合计", "1", "笔", "800.00"], None),
        (["合计共1笔，其中成功1笔，未成功0笔"], None),
        (["总计", "成功笔数：1", "失败金额：0.00", "800.00"], None),
        (["合计共1笔，其中成功2笔"], "total_count"),
        (["合计", "", "", "800.00", "", "共2笔"], "total_count"),
        (["合计", "", "", "800.00", "成功2笔"], "total_count"),
        (["合计", "", "", "800.01", "", "共1笔"], "total_sum"),
        (["总计：1笔，金额：900.00"], "total_sum"),
    ],
)
def test_the_banks_own_count_and_sum_must_agree_with_its_lines(total: Sequence[str], code: str | None) -> None:
    answer, lines = lines_of(csv_file(HEADING, GOOD, total))

    assert len(lines) == 1
    assert [finding.code for finding in answer.findings] == ([code] if code else [])


def test_figures_below_the_table_are_no_payments() -> None:
    _answer, lines = lines_of(csv_file(HEADING, GOOD, ["成功笔数", "", "", "1"], ["成功金额", "", "", "800.00"]))

    assert [line.line for line in lines] == [2]


def fixed_file(*lines: PayLine, count: int | None = None, total: int | None = None) -> io.BytesIO:
    named = count if count is not None else len(lines)
    total_fen = total if total is not None else sum(line.amount_fen for line in lines)
    rows = [
        fixed_line(("H", 1), ("PB-1", 20)),
        *(sqhz_line(n, line) for n, line in enumerate(lines, 1)),
        f"T{named:08}{total_fen:015}".encode(),
    ]
    return io.BytesIO(b"\r\n".join(rows) + b"\r\n")


PAID = PayLine("case:1:pay:1", "赵红㛃䶮𠮷", "9999990000000000014", 80_000)


def test_a_fixed_width_answer_is_cut_by_bytes() -> None:
    answer, (line,) = lines_of(fixed_file(PAID), "SQHZ")

    assert (line.line, line.serial, line.account, line.name) == (2, "CASE:1:PAY:1", PAID.account, PAID.name)
    assert (line.amount_fen, line.day, line.outcome, line.reference) == (80_000, date(2026, 3, 18), "credited", "R1")
    assert answer.findings == []


def test_the_total_line_of_a_fixed_width_answer_is_checked() -> None:
    answer, _lines = lines_of(fixed_file(PAID, count=2, total=1), "SQHZ")

    assert [finding.code for finding in answer.findings] == ["total_count", "total_sum"]


def test_a_fixed_width_answer_that_breaks_off_has_no_total_line() -> None:
    file = io.BytesIO(fixed_file(PAID).getvalue().rpartition(b"T")[0])

    answer, _lines = lines_of(file, "SQHZ")

    assert [finding.code for finding in answer.findings] == ["no_total"]


def test_a_row_that_the_fixed_width_format_does_not_know_is_said() -> None:
    file = io.BytesIO(fixed_file(PAID).getvalue().replace(b"\r\nT", b"\r\nX\r\nT"))

    answer, _lines = lines_of(file, "SQHZ")

    assert [(finding.line, finding.code) for finding in answer.findings] == [(3, "unknown_row")]


names = st.text(
    st.one_of(st.sampled_from("江正赵红㛃䶮𠮷·"), st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)), min_size=1, max_size=12
).map(lambda name: name.strip("·") or "江")  # fmt: skip
payments = st.lists(
    st.builds(
        PayLine,
        serial=st.integers(1, 10**9).map(lambda n: f"case:{n}:pay:1"),
        name=names,
        account=st.integers(0, 10**13 - 1).map(lambda n: f"999999{n:013}"),
        amount_fen=st.integers(1, 2_000_000),
        bank=st.just("禾丰农商银行"),
        purpose=st.just("临时救助"),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda line: line.serial,
)


@pytest.mark.parametrize("code", ["HFNS", "QHCZ", "SQHZ"])
def test_a_list_comes_back_from_its_bank_as_it_was_sent(code: str) -> None:
    @settings(max_examples=20 if code == "QHCZ" else 100, deadline=None)
    @given(payments)
    def check(lines: list[PayLine]) -> None:
        try:
            file = written(list_format(code), lines)
        except ListRefused as refused:  # a long name
            assert {problem.code for problem in refused.problems} == {"too_long"}
            return
        if code == "SQHZ":  # its list and its answer are cut at different places
            answer, found = lines_of(fixed_file(*lines), code)
        else:
            answer, found = lines_of(answered(file, code), code)

        assert [(line.serial, line.account, line.name, line.amount_fen) for line in found] == [
            (line.serial.upper(), line.account, line.name, line.amount_fen) for line in lines
        ]
        assert answer.findings == []
        sent = [SentPayment(line.serial, line.account, line.name, line.amount_fen) for line in lines]
        matching = Matching(sent)
        assert {verdict.result for verdict in matching.verdicts(found)} == {"matched_success"}
        assert matching.no_answer() == []

    check()


def answered(file: bytes, code: str) -> io.BytesIO:
    """Our own list with the bank's columns beside it, as its cashier would send it back."""
    rows = [cells for _sheet, cells in first_rows(io.BytesIO(file), most=50)]
    start = next(n for n, cells in enumerate(rows) if "收款户名" in cells or "户名" in cells)
    headings = {"HFNS": ["返回码", "银行参考号"], "QHCZ": ["交易状态", "银行流水号"]}[code]
    word = {"HFNS": "0000", "QHCZ": "成功"}[code]
    body = [[*cells, word, f"R{n}"] if cells[0] != "合计" else cells for n, cells in enumerate(rows[start + 1 :])]
    make = csv_file if code == "HFNS" else xlsx_file
    return make(*rows[:start], [*rows[start], *headings], *body)


def test_five_thousand_lines_go_out_and_come_back_in_seconds() -> None:
    lines = [PayLine(f"case:{n}:pay:1", "赵红㛃", f"999999{n:013}", 100 + n) for n in range(5_000)]
    begun = time.process_time()

    out = written(list_format("SQHZ"), lines, count=5_000, total_fen=sum(line.amount_fen for line in lines))
    answer, found = lines_of(fixed_file(*lines), "SQHZ")

    assert len(out.splitlines()) == 5_002
    assert (len(found), answer.findings) == (5_000, [])
    assert facts_of(lines).total_fen == answer.total_fen
    assert time.process_time() - begun < 3  # about 0.3 s; 100,000 lines take about 5 s
