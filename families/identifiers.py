"""Numbers that identify people, households, organisations and accounts: their rules.

Pure functions over text. A refusal is a subclass of `families.errors.ValueRefused` and explains itself.
"""

import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from families import errors

# Full-width forms (U+FF01 to U+FF5E) to the same characters in half width.
HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
INVISIBLE = re.compile(r"[\s\u200b-\u200d\u2060\ufeff]+")
ASCII_DIGITS = re.compile(r"[0-9]+")


def compact(text: str) -> str:
    """`text` in half width, without white space and invisible characters."""
    if text.isascii() and text.isalnum():
        return text  # a million times in a register
    return INVISIBLE.sub("", text.translate(HALF_WIDTH))


# --- Resident ID number, GB 11643-1999 -------------------------------------------------------------------------------

ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CHECK_CHARACTERS = "10X98765432"
LOOKALIKES = {"O": "0", "D": "0", "I": "1", "L": "1", "Z": "2", "S": "5", "B": "8"}
DEMO_REGION = "999999"  # assigned to no place; numbers that begin with it are invented


class ResidentId(NamedTuple):
    """A resident ID number that holds together.

    `number` has 18 characters; `previous` is the 15-digit number that it was made from, or empty.
    """

    number: str
    birth_date: date
    sex: str  # "m" or "f"
    previous: str


def read_resident_id(text: str, *, today: date) -> ResidentId:
    """Check a resident ID number as people write it, and read what it says.

    Full-width digits, blanks and a small x are accepted, and so is the old number of 15 digits (1989), which gains the
    century and the check character. Raises a subclass of `errors.IdNumberRefused`.
    """
    number = compact(text).upper()
    previous = ""
    if len(number) == 15:
        _refuse_other_characters(number)
        previous = number
        number = f"{number[:6]}19{number[6:]}"
        number += check_character(number)
    elif len(number) != 18:
        raise errors.IdLength(length=len(number))
    else:
        _refuse_other_characters(number)

    birth_date, birth_sum = _birth(number[6:14])
    if birth_date is None:
        raise errors.IdImpossibleDate(month=int(number[10:12]), day=int(number[12:14]))
    if birth_date > today:
        raise errors.IdInFuture
    order_sum, sex = _order(number[14:17])
    if ID_CHECK_CHARACTERS[(_region_sum(number[:6]) + birth_sum + order_sum) % 11] != number[17]:
        raise errors.IdChecksum
    return ResidentId(number, birth_date, sex, previous)


def check_character(first_seventeen: str) -> str:
    """The check character of an ID number (ISO 7064, MOD 11-2)."""
    return ID_CHECK_CHARACTERS[_weighted(first_seventeen, 0) % 11]


def _refuse_other_characters(number: str) -> None:
    digits = number[:-1] if len(number) == 18 and number[-1] == "X" else number
    if ASCII_DIGITS.fullmatch(digits):
        return
    found = next(character for character in digits if not ASCII_DIGITS.fullmatch(character))
    if found in LOOKALIKES:
        raise errors.IdLookalike(found=found, digit=LOOKALIKES[found])
    raise errors.IdCharacters(found=found)


# The weighted sum falls into region, birth date and order, and each of them repeats within a township: a register of
# 300,000 people has one region, some 30,000 birth dates and 1,000 orders. Remembering the three parts is what makes
# checking it a matter of seconds.


def _weighted(digits: str, start: int) -> int:
    return sum(int(digit) * ID_WEIGHTS[place] for place, digit in enumerate(digits, start))


@lru_cache(maxsize=4096)
def _region_sum(region: str) -> int:
    return _weighted(region, 0)


@lru_cache(maxsize=65536)
def _birth(digits: str) -> tuple[date | None, int]:
    try:
        birth_date = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        birth_date = None
    return birth_date, _weighted(digits, 6)


@lru_cache(maxsize=1000)
def _order(digits: str) -> tuple[int, str]:
    return _weighted(digits, 14), "m" if int(digits) % 2 else "f"


# --- Household number ------------------------------------------------------------------------------------------------


class HouseholdNumber(NamedTuple):
    """A household number taken apart. `group_no` and `serial` keep their leading zeros."""

    number: str
    village_code: str
    group_no: str
    serial: str


def read_household_number(text: str) -> HouseholdNumber:
    """Check a household number: 19 digits, village 12, group 3, serial 4. Raises `errors.HouseholdNumberMalformed`."""
    number = compact(text)
    if len(number) != 19 or not ASCII_DIGITS.fullmatch(number):
        raise errors.HouseholdNumberMalformed
    return HouseholdNumber(number, number[:12], number[12:15], number[15:])


# --- Accounts --------------------------------------------------------------------------------------------------------


def read_account_number(text: str) -> str:
    """The digits of a card or passbook account, without blanks and hyphens. Raises `errors.AccountMalformed`."""
    number = compact(text).replace("-", "")
    if not 8 <= len(number) <= 32 or not ASCII_DIGITS.fullmatch(number):
        raise errors.AccountMalformed
    return number


def passes_luhn(digits: str) -> bool:
    """Whether a card number holds its check digit (ISO/IEC 7812-1). Only warn: passbook accounts do not follow it."""
    if not ASCII_DIGITS.fullmatch(digits):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


# --- Unified social credit code, GB 32100-2015 -----------------------------------------------------------------------

CREDIT_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT_CODE = re.compile(rf"[{CREDIT_CHARACTERS}]{{18}}")


def read_credit_code(text: str) -> str:
    """A unified social credit code in capitals. Raises `errors.CreditCodeMalformed` for its length and characters."""
    code = compact(text).upper()
    if not CREDIT_CODE.fullmatch(code):
        raise errors.CreditCodeMalformed
    return code


def credit_code_check_holds(code: str) -> bool:
    """Whether the last character of a well-formed code is right. Only warn: some genuine codes are said to fail."""
    weighted = sum(CREDIT_CHARACTERS.index(character) * pow(3, place, 31) for place, character in enumerate(code[:17]))
    return CREDIT_CHARACTERS[-weighted % 31] == code[17]


# --- Telephone -------------------------------------------------------------------------------------------------------

MOBILE = re.compile(r"(?:\+?86)?(1[3-9][0-9]{9})")
LANDLINE = re.compile(r"(010|02[0-9]|0[3-9][0-9]{2})-?([0-9]{7,8})")


def read_phone(text: str) -> str:
    """A mobile number as 11 digits, or a landline as `0851-1234567`. Raises `errors.PhoneMalformed`.

    Several households may share a number: a relative's phone is better than none.
    """
    digits = compact(text)
    if mobile := MOBILE.fullmatch(digits.replace("-", "")):
        return mobile[1]
    if landline := LANDLINE.fullmatch(digits):
        return f"{landline[1]}-{landline[2]}"
    raise errors.PhoneMalformed


# --- Names -----------------------------------------------------------------------------------------------------------

# One dot in a minority name, five ways to type it: U+00B7, U+2022, U+30FB, U+FF0E, U+2027.
DOT = "\u00b7"
DOTS = "\u00b7\u2022\u30fb\uff0e\u2027"
ONE_DOT = str.maketrans(DOTS, DOT * len(DOTS))


def normalise_name(text: str) -> str:
    """A name for comparing: one kind of middle dot, no blanks. Traditional and rare characters stay as they are."""
    return INVISIBLE.sub("", text.translate(ONE_DOT))
