import pytest
from hypothesis import given
from hypothesis import strategies as st

from funds.errors import FundsError, MoneyError
from funds.money import TOO_MUCH_FEN, capitals, parse_yuan, wan, yuan

WHOLE_YUAN = {
    0: "零元整",
    1: "壹元整",
    10: "壹拾元整",
    11: "壹拾壹元整",
    20: "贰拾元整",
    100: "壹佰元整",
    101: "壹佰零壹元整",
    110: "壹佰壹拾元整",
    1_000: "壹仟元整",
    1_001: "壹仟零壹元整",
    1_010: "壹仟零壹拾元整",
    1_100: "壹仟壹佰元整",
    10_000: "壹万元整",
    10_001: "壹万零壹元整",
    10_500: "壹万零伍佰元整",
    11_000: "壹万壹仟元整",
    14_900: "壹万肆仟玖佰元整",
    18_600: "壹万捌仟陆佰元整",
    86_300: "捌万陆仟叁佰元整",
    100_010: "壹拾万零壹拾元整",
    170_600: "壹拾柒万零陆佰元整",
    184_900: "壹拾捌万肆仟玖佰元整",
    441_800: "肆拾肆万壹仟捌佰元整",
    813_200: "捌拾壹万叁仟贰佰元整",
    10_000_000: "壹仟万元整",
    10_000_001: "壹仟万零壹元整",
    100_000_000: "壹亿元整",
    100_000_001: "壹亿零壹元整",
    100_001_000: "壹亿零壹仟元整",
    100_010_000: "壹亿零壹万元整",
    110_000_000: "壹亿壹仟万元整",
    1_000_000_000: "壹拾亿元整",
    10_010_000_000: "壹佰亿零壹仟万元整",
    123_456_789: "壹亿贰仟叁佰肆拾伍万陆仟柒佰捌拾玖元整",
    999_999_999_999: "玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元整",
}

WITH_JIAO_AND_FEN = {
    5: "伍分",
    50: "伍角整",
    55: "伍角伍分",
    105: "壹元零伍分",
    150: "壹元伍角整",
    140_950: "壹仟肆佰零玖元伍角整",
    600_714: "陆仟零柒元壹角肆分",
    168_032: "壹仟陆佰捌拾元叁角贰分",
    10_700_053: "壹拾万零柒仟元伍角叁分",
    1_640_902: "壹万陆仟肆佰零玖元零贰分",
    32_504: "叁佰贰拾伍元零肆分",
    1_000_000_000_001: "壹佰亿元零壹分",
}


@pytest.mark.parametrize(("amount_yuan", "words"), WHOLE_YUAN.items())
def test_whole_yuan_are_written_in_capitals_and_end_with_zheng(amount_yuan, words):
    assert capitals(amount_yuan * 100) == words


@pytest.mark.parametrize(("amount_fen", "words"), WITH_JIAO_AND_FEN.items())
def test_jiao_and_fen_are_written_in_capitals(amount_fen, words):
    assert capitals(amount_fen) == words


@pytest.mark.parametrize("amount_fen", [-1, -100, TOO_MUCH_FEN, 10**30])
def test_negative_and_enormous_amounts_have_no_capitals(amount_fen):
    with pytest.raises(MoneyError):
        capitals(amount_fen)


def read_capitals(words: str) -> int:
    """An independent reader of capitals, in fen: undoes what `capitals` wrote."""
    amount_yuan, rest = (words.split("元") + [""])[:2] if "元" in words else ("", words)
    total = section = digit = 0
    for sign in amount_yuan:
        if sign in "零壹贰叁肆伍陆柒捌玖":
            digit = "零壹贰叁肆伍陆柒捌玖".index(sign)
        elif sign in "拾佰仟":
            section += digit * {"拾": 10, "佰": 100, "仟": 1000}[sign]
            digit = 0
        else:
            total += (section + digit) * {"万": 10**4, "亿": 10**8}[sign]
            section = digit = 0
    fen = (total + section + digit) * 100
    for sign, unit in zip(rest, rest[1:], strict=False):
        fen += "零壹贰叁肆伍陆柒捌玖".find(sign) * {"角": 10, "分": 1}.get(unit, 0)
    return fen


@given(st.integers(min_value=0, max_value=TOO_MUCH_FEN - 1))
def test_capitals_can_be_read_back_and_never_stumble_over_zeros(amount_fen):
    words = capitals(amount_fen)

    assert read_capitals(words) == amount_fen
    assert "零零" not in words
    assert words.endswith("整") == (amount_fen % 10 == 0)


@pytest.mark.parametrize(
    ("amount_fen", "figures"),
    [
        (1_490_000, "14,900"),
        (1_490_050, "14,900.50"),
        (5, "0.05"),
        (0, "0"),
        (123_456_789_01, "123,456,789.01"),
        (-1_490_050, "-14,900.50"),
    ],
)
def test_yuan_show_fen_only_where_there_are_any(amount_fen, figures):
    assert yuan(amount_fen) == figures


@pytest.mark.parametrize(
    ("amount_fen", "figures"),
    [
        (78_550_000, "78.55"),
        (227_000_000, "227"),
        (8_200_000, "8.2"),
        (1_234_567_800_000, "1,234,567.8"),
        (0, "0"),
        (4_999, "0"),
        (5_000, "0.01"),
        (78_544_999, "78.54"),
        (78_545_000, "78.55"),
        (-78_545_000, "-78.55"),
        (-4_999, "0"),
    ],
)
def test_ten_thousands_of_yuan_are_rounded_half_up(amount_fen, figures):
    assert wan(amount_fen) == figures


@pytest.mark.parametrize(
    ("typed", "amount_fen"),
    [
        ("14900", 1_490_000),
        ("14,900", 1_490_000),
        ("14，900", 1_490_000),
        ("１４９００", 1_490_000),
        (" 14 900 ", 1_490_000),
        ("14900元", 1_490_000),
        ("14900 元整", 1_490_000),
        ("¥14,900.50", 1_490_050),
        ("￥14900.5", 1_490_050),
        ("14900.500", 1_490_050),
        ("1.49万", 1_490_000),
        ("1.49万元", 1_490_000),
        ("0.000001万", 1),
        ("3万", 3_000_000),
        ("0", 0),
        ("0.01", 1),
        ("007", 700),
        ("999,999,999,999.99", TOO_MUCH_FEN - 1),
    ],
)
def test_amounts_are_read_as_people_write_them(typed, amount_fen):
    assert parse_yuan(typed) == amount_fen


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "元",
        "NaN",
        "inf",
        "1e10",
        "-5",
        "−5",
        "负5",
        "1.234",
        "0.0000001万",
        "1.00000000000000000000000000000000001",
        "1.2.3",
        ".5",
        "5.",
        "1,49",
        "1,4900",
        "一万四",
        "十万",
        "abc",
        "12 apples",
        "1万万",
        "0x10",
        "٣٤",
        "1²",
        "㊿",
        "①",
        "1000000000000",
        "9" * 400,
    ],
)
def test_what_is_not_an_amount_is_refused_with_advice(typed):
    with pytest.raises(MoneyError) as refusal:
        parse_yuan(typed)

    assert isinstance(refusal.value, FundsError)
    assert str(refusal.value).endswith("。")


@given(st.integers(min_value=0, max_value=TOO_MUCH_FEN - 1))
def test_what_is_shown_can_be_typed_back(amount_fen):
    assert parse_yuan(yuan(amount_fen)) == amount_fen
