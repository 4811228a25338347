"""Rules of the numbers that identify people, households, organisations and accounts (GB 11643, GB 32100, ISO 7812)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from families import errors
from families.identifiers import (
    check_character,
    credit_code_check_holds,
    normalise_name,
    passes_luhn,
    read_account_number,
    read_credit_code,
    read_household_number,
    read_phone,
    read_resident_id,
)

TODAY = date(2026, 3, 31)
VALID_IDS = [
    "11010519491231002X",  # printed in the standard
    "440524188001010014",  # printed in the standard
    "999999194802150016",
    "999999195208300020",
    "999999201009170030",
    "999999198501010042",
    "99999919600101008X",
    "999999201602290084",  # leap day
]

days = st.dates(date(1900, 1, 1), TODAY)


@st.composite
def resident_ids(draw):
    first_seventeen = f"{draw(st.integers(110000, 999999))}{draw(days):%Y%m%d}{draw(st.integers(1, 999)):03d}"
    return first_seventeen + check_character(first_seventeen)


# --- Resident ID number


@pytest.mark.parametrize("number", VALID_IDS)
def test_printed_and_invented_numbers_are_accepted(number):
    assert read_resident_id(number, today=TODAY).number == number


def test_birth_date_and_sex_are_read_from_the_number():
    woman = read_resident_id("99999919600101008X", today=TODAY)
    man = read_resident_id("999999201009170030", today=TODAY)

    assert (woman.birth_date, woman.sex) == (date(1960, 1, 1), "f")
    assert (man.birth_date, man.sex) == (date(2010, 9, 17), "m")


def test_an_old_number_of_fifteen_digits_is_extended_and_remembered():
    old = read_resident_id("999999480215001", today=TODAY)

    assert old.number == "999999194802150016"
    assert old.previous == "999999480215001"


@pytest.mark.parametrize(
    "text",
    [
        "99999919600101008x",
        "９９９９９９１９６００１０１００８Ｘ",
        "999999 19600101 008X",
        " 99999919600101008X\u200b\n",
    ],
)
def test_small_x_full_width_and_blanks_are_accepted(text):
    assert read_resident_id(text, today=TODAY).number == "99999919600101008X"


@pytest.mark.parametrize(
    ("text", "refusal", "sentence"),
    [
        ("999999194802150017", errors.IdChecksum, "身份证号码校验位不正确，请核对证件"),
        ("999999195202300020", errors.IdImpossibleDate, "身份证号码中的出生日期不存在（2月30日）"),
        ("99999919480215001", errors.IdLength, "身份证号码为 17 位，应为 18 位（或旧 15 位）"),
        ("9999991948O2150016", errors.IdCharacters, "身份证号码中有字母 O，应为数字 0"),
        ("99999919480215X016", errors.IdCharacters, "身份证号码中有“X”，只能是数字，最后一位可以是 X"),
        ("99999948021500X", errors.IdCharacters, "身份证号码中有“X”，只能是数字，最后一位可以是 X"),
        ("٩٩٩٩٩٩194802150016", errors.IdCharacters, "身份证号码中有“٩”，只能是数字，最后一位可以是 X"),
        ("", errors.IdLength, "身份证号码为 0 位，应为 18 位（或旧 15 位）"),
    ],
)
def test_a_wrong_number_is_refused_with_its_reason(text, refusal, sentence):
    with pytest.raises(refusal) as refused:
        read_resident_id(text, today=TODAY)

    assert str(refused.value) == sentence


def test_somebody_of_tomorrow_is_refused_and_of_today_is_not():
    tomorrow = f"999999{TODAY + timedelta(days=1):%Y%m%d}001"
    today = f"999999{TODAY:%Y%m%d}001"

    with pytest.raises(errors.IdInFuture):
        read_resident_id(tomorrow + check_character(tomorrow), today=TODAY)
    assert read_resident_id(today + check_character(today), today=TODAY).birth_date == TODAY


@given(resident_ids())
def test_every_number_with_its_check_character_is_accepted(number):
    assert read_resident_id(number, today=TODAY).number == number


@given(resident_ids(), st.integers(0, 17), st.integers(1, 9))
def test_every_single_digit_error_is_found(number, place, shift):
    wrong = str((int(number[place].replace("X", "0")) + shift) % 10)

    with pytest.raises(errors.IdNumberRefused):
        read_resident_id(number[:place] + wrong + number[place + 1 :], today=TODAY)


@given(resident_ids(), st.integers(0, 15))
def test_every_swap_of_two_neighbouring_digits_is_found(number, place):
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]

    if swapped != number:
        with pytest.raises(errors.IdNumberRefused):
            read_resident_id(swapped, today=TODAY)


@given(st.text(max_size=24))
def test_any_text_is_read_or_refused_but_never_breaks(text):
    try:
        read_resident_id(text, today=TODAY)
    except errors.IdNumberRefused as refused:
        assert str(refused)


# --- Other numbers


def test_a_household_number_falls_into_village_group_and_serial():
    number = read_household_number(" 9901012012010010035")

    assert (number.village_code, number.group_no, number.serial) == ("990101201201", "001", "0035")


@pytest.mark.parametrize("text", ["", "990101201201001003", "99010120120100100355", "9901012012010010O35"])
def test_a_household_number_of_another_shape_is_refused(text):
    with pytest.raises(errors.HouseholdNumberMalformed):
        read_household_number(text)


@pytest.mark.parametrize("card", ["79927398713", "9999990000000000014", "9999990000000000022", "9999990000000014"])
def test_card_numbers_pass_luhn(card):
    assert passes_luhn(card)


@given(st.text("0123456789", min_size=12, max_size=19), st.data())
def test_luhn_finds_every_single_digit_error(body, data):
    card = next(body + digit for digit in "0123456789" if passes_luhn(body + digit))
    place = data.draw(st.integers(0, len(card) - 1))
    wrong = str((int(card[place]) + data.draw(st.integers(1, 9))) % 10)

    assert not passes_luhn(card[:place] + wrong + card[place + 1 :])


def test_an_account_is_read_without_blanks_and_a_short_one_refused():
    assert read_account_number("9999 9901 1274 0972 202") == "9999990112740972202"
    with pytest.raises(errors.AccountMalformed):
        read_account_number("见存折")


@pytest.mark.parametrize(
    "code",
    ["91350100M000100Y43", "91110000101623741K", "51999999000000019H", "919999990000000353", "129999990000000433"],
)
def test_credit_codes_hold_their_check_character(code):
    assert credit_code_check_holds(read_credit_code(code.lower()))
    assert not credit_code_check_holds(code[:-1] + ("0" if code[-1] != "0" else "1"))


@pytest.mark.parametrize("text", ["91350100M000100Y4", "91350100I000100Y43", ""])
def test_a_credit_code_of_another_shape_is_refused(text):
    with pytest.raises(errors.CreditCodeMalformed):
        read_credit_code(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("１３９ 1234 5678", "13912345678"),
        ("+86 139-1234-5678", "13912345678"),
        ("0851-1234567", "0851-1234567"),
        ("01012345678", "010-12345678"),
        ("085112345678", "0851-12345678"),
    ],
)
def test_mobile_and_landline_numbers_are_read(text, number):
    assert read_phone(text) == number


@pytest.mark.parametrize("text", ["", "12345678901", "1391234567", "没有"])
def test_other_phone_numbers_are_refused(text):
    with pytest.raises(errors.PhoneMalformed):
        read_phone(text)


# --- Names


@pytest.mark.parametrize("dot", "\u00b7\u2022\u30fb\uff0e\u2027")
def test_five_ways_to_type_the_middle_dot_are_one(dot):
    assert normalise_name(f"尼亚孜{dot} 肉孜") == "尼亚孜·肉孜"
