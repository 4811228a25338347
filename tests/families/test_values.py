"""Dates, amounts, group names and lists as people type them into a ledger."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from families import errors
from families.importing.values import as_text, read_amount, read_counted, read_date, read_group_no, split_words


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 3, 5), date(2026, 3, 5), "2026.3.5", "2026.03.05", "2026-03-05", "2026/3/5", "2026年3月5日",
        "20260305", 20260305, 20260305.0, "２０２６．３．５", " 2026 年 3 月 5 日 ", "2026年3月5号",
    ],
)  # fmt: skip
def test_many_ways_to_write_a_date_are_one_date(value):
    assert read_date(value) == date(2026, 3, 5)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_blank_cell_is_no_date(value):
    assert read_date(value) is None


@pytest.mark.parametrize("value", ["2026年2月30日", "20261301", "2026.0.5"])
def test_a_day_that_does_not_exist_is_impossible(value):
    with pytest.raises(errors.DateImpossible, match=f"日期不存在：{value}"):
        read_date(value)


@pytest.mark.parametrize("value", ["2019年5月", "去年", "26.3.5", 45000, True, "2026.3.5-2026.4.5"])
def test_anything_else_is_unreadable_rather_than_guessed(value):
    with pytest.raises(errors.DateUnreadable):
        read_date(value)


@given(st.dates())
def test_every_date_is_read_back(day):
    for text in (f"{day.year:04}.{day.month}.{day.day}", f"{day.year:04}年{day.month}月{day.day}日", day.isoformat()):
        assert read_date(text) == day


@pytest.mark.parametrize(
    ("value", "yuan"),
    [
        (9900, 9900), (9900.0, 9900), ("9900", 9900), ("9,900", 9900), ("9，900元", 9900), ("９９００", 9900),
        ("9900.00", 9900), ("1.2万", 12_000), ("1.2万元", 12_000), ("0.58萬元", 5_800), ("3000元整", 3000), ("￥30", 30),
        ("0", 0), (-3500, -3500), (0.5, 0.5), (0.1 + 0.2, 0.3),
    ],
)  # fmt: skip
def test_many_ways_to_write_an_amount_are_fen(value, yuan):
    assert read_amount(value) == (round(yuan * 100), False)


@pytest.mark.parametrize("value", ["10万余元", "10余万元", "10多万", "１０万余"])
def test_and_a_bit_more_is_a_lower_bound(value):
    assert read_amount(value) == (10_000_000, True)


def test_a_blank_cell_is_no_amount():
    assert read_amount(None) is read_amount(" ") is None


@pytest.mark.parametrize(
    "value",
    [
        "若干",
        "约3000",
        "3000-5000",
        "1e5",
        "1.005",
        1.005,
        True,
        float("nan"),
        float("inf"),
        1e300,
        "9" * 30,
        "9,90",
        "#REF!",
    ],
)
def test_an_amount_that_is_not_exact_is_unreadable(value):
    with pytest.raises(errors.AmountUnreadable):
        read_amount(value)


def test_a_unit_in_the_heading_counts_for_bare_numbers_only():
    assert read_amount(1.2, unit_fen=1_000_000) == (1_200_000, False)
    assert read_amount("1.2", unit_fen=1_000_000) == (1_200_000, False)
    assert read_amount("12000元", unit_fen=1_000_000) == (1_200_000, False)


@given(st.integers(0, 10**11))
def test_every_whole_fen_is_read_back(fen):
    yuan = f"{fen // 100}.{fen % 100:02}"

    assert read_amount(yuan) == read_amount(f"{yuan}元") == (fen, False)
    assert read_amount(fen // 100) == (fen // 100 * 100, False)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("三组", "003"), ("3组", "003"), (3, "003"), (3.0, "003"), ("第十二村民小组", "012"), ("十组", "010"),
        ("二十组", "020"), ("二十一組", "021"), ("１０组", "010"), ("003", "003"),
    ],
)  # fmt: skip
def test_a_group_is_known_by_its_number(value, number):
    assert read_group_no(value) == number


@pytest.mark.parametrize("value", [None, "", "老屋组", "十十组", "一二组", "组"])
def test_a_group_without_a_number_is_unknown(value):
    assert read_group_no(value) is None


def test_lists_are_split_at_any_of_their_signs():
    assert split_words("因病、因殘；因学;因灾，失业 丧亲\n住房困难") == [
        "因病", "因残", "因学", "因灾", "失业", "丧亲", "住房困难",
    ]  # fmt: skip
    assert split_words(None) == []


def test_a_count_in_brackets_is_how_often():
    assert [read_counted(word) for word in split_words("走访探望（2次）、慰问(3次);体检")] == [
        ("走访探望", 2),
        ("慰问", 3),
        ("体检", 1),
    ]


@given(st.one_of(st.text(max_size=20), st.floats(), st.integers(), st.booleans(), st.datetimes(), st.none()))
def test_whatever_a_cell_holds_it_is_read_or_refused(value):
    as_text(value)
    read_group_no(value)
    split_words(value)
    for read in (read_date, read_amount):
        try:
            read(value)
        except errors.ValueRefused as refused:
            assert str(refused)
