"""Searching names: what is stored is found by what people type."""

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from families.folding import SEARCH_TEXT_LIMIT, fold, pinyin_keys, search_pattern, search_text, to_simplified


def finds(query: str, name: str) -> bool:
    """What LIKE does, without a database. The patterns here hold no escapes."""
    return fnmatch.fnmatchcase(search_text(name), search_pattern(query).replace("%", "*"))


def test_traditional_headings_become_simplified():
    assert to_simplified("戶主資料 身份證號碼 賬號 殘疾類別等級") == "户主资料 身份证号码 账号 残疾类别等级"


@pytest.mark.parametrize(
    "typed", ["尼亚孜·肉孜", "尼亞孜•肉孜", "尼亚孜・肉孜", "尼亚孜．肉孜", "尼亚孜‧肉孜", "尼亚孜 肉孜"]
)
def test_dots_blanks_and_traditional_characters_fold_away(typed):
    assert fold(typed) == "尼亚孜肉孜"


def test_full_width_letters_fold_to_small_half_width_ones():
    assert fold("ＺＨＭ") == "zhm"


@pytest.mark.parametrize(
    "query", ["曾", "曾红", "红明", "曾紅明", "zhm", "ZHM", "zeng", "zenghong", "chm", "cenghongming"]
)
def test_a_name_is_found_by_characters_initials_and_both_readings(query):
    assert finds(query, "曾红明")


@pytest.mark.parametrize("query", ["hm", "hong", "明红", "zx"])
def test_letters_match_from_the_start_of_the_name_only(query):
    assert not finds(query, "曾红明")


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("单红䶮", "shanhong"),
        ("仇健林", "qiu"),
        ("解磊东", "xie"),
        ("区大海", "ou"),
        ("查小花", "zha"),
        ("翟明", "zhai"),
        ("盖明", "ge"),
        ("任红", "ren"),
        ("尉迟恭", "yuchi"),
        ("尉迟恭", "ycg"),
        ("万俟卨", "moqi"),
        ("覃春", "qin"),
        ("覃春", "tan"),
        ("吕布", "lvbu"),
        ("吕布", "lubu"),
    ],
)
def test_surnames_are_found_by_their_usual_readings(name, typed):
    assert finds(typed, name)


def test_a_rare_character_is_kept_and_does_not_hide_the_rest():
    assert finds("陈伟𠮷", "陈伟𠮷")
    assert finds("chenwei", "陈伟𠮷")
    assert finds("zhaohong", "赵红㛃")


def test_nothing_to_look_for_gives_no_pattern():
    assert search_pattern(" · ") == ""
    assert search_text(" · ") == ""


def test_wildcards_in_a_query_are_plain_characters():
    assert search_pattern("a_%\\") == r"% a\_\%\\%"


def test_the_usual_reading_comes_first():
    assert pinyin_keys("曾明") == ["zm", "cm", "zengming", "cengming"]


@given(st.text(max_size=60))
def test_search_text_fits_its_column_whatever_the_name(name):
    assert len(search_text(name)) <= SEARCH_TEXT_LIMIT
