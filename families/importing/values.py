"""Values as people type them into a ledger: dates, amounts, group names, lists of words.

Pure functions. A value is read exactly or refused; nothing is guessed.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from families import errors
from families.folding import to_simplified
from families.identifiers import HALF_WIDTH, compact

DATE = re.compile(r"([0-9]{4})[年.\-/]([0-9]{1,2})[月.\-/]([0-9]{1,2})[日号]?|([0-9]{4})([0-9]{2})([0-9]{2})")


def read_date(value: object) -> date | None:
    """A date cell, `2026.3.5`, `2026年3月5日`, `2026-03-05`, `2026/3/5` or `20260305`, also full-width; None for blank.

    Raises `errors.DateImpossible` for 30 February and the like, `errors.DateUnreadable` for anything else: a month
    without its day is not a date.
    """
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = as_text(value)
    digits = compact(text)
    if not digits:
        return None
    match = DATE.fullmatch(digits)
    if match is None:
        raise errors.DateUnreadable(text=text)
    year, month, day = (int(part) for part in match.groups() if part)
    try:
        return date(year, month, day)
    except ValueError:
        raise errors.DateImpossible(text=text) from None


class Amount(NamedTuple):
    """Money in fen. A lower bound stands for 余, "and a bit more"."""

    fen: int
    is_lower_bound: bool


FEN_PER_YUAN = 100
LARGEST_FEN = 10**13
SCALES = {None: 1, "百": 100, "千": 1000, "万": 10_000}
AMOUNT = re.compile(
    r"[￥¥]?(?P<number>-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,13})(?:\.[0-9]{1,6})?)"
    r"(?P<more>[余多])?(?P<scale>[百千万])?(?P<over>[余多])?(?P<yuan>元)?整?"
)


def read_amount(value: object, *, unit_fen: int = FEN_PER_YUAN) -> Amount | None:
    """A number, `1.2万`, `3000元`, `9,900`, `10万余元` or full-width digits as fen; None for blank.

    `unit_fen` is what a bare number counts, from the heading: 100 for 元, 1,000,000 for 万元. Raises
    `errors.AmountUnreadable`, also for parts of a fen.
    """
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        fen = Decimal(repr(value)) * unit_fen
        exact = round(fen) if fen.is_finite() else None
        # A sum of binary fractions may miss a whole fen by a hair; more than a hair is a part of a fen.
        if exact is None or abs(fen - exact) > Decimal("0.0001") or abs(exact) > LARGEST_FEN:
            raise errors.AmountUnreadable(text=as_text(value))
        return Amount(exact, is_lower_bound=False)
    text = as_text(value)
    digits = to_simplified(compact(text))
    if not digits:
        return None
    match = AMOUNT.fullmatch(digits)
    if match is None:
        raise errors.AmountUnreadable(text=text)
    says_its_unit = match["scale"] or match["yuan"]
    unit = SCALES[match["scale"]] * FEN_PER_YUAN if says_its_unit else unit_fen
    fen = Decimal(match["number"].replace(",", "")) * unit
    if fen != round(fen) or abs(fen) > LARGEST_FEN:
        raise errors.AmountUnreadable(text=text)
    return Amount(int(fen), is_lower_bound=bool(match["more"] or match["over"]))


GROUP = re.compile(r"第?([0-9]{1,3}|[一二三四五六七八九十]{1,3})(?:村民)?小?[组队]?")
NUMERALS = {numeral: value for value, numeral in enumerate("一二三四五六七八九", 1)}


def read_group_no(value: object) -> str | None:
    """The number of a villager group, three digits: 三组, 3组, 第十二村民小组 or 3. None when it is none of these."""
    match = GROUP.fullmatch(to_simplified(compact(as_text(value))))
    if match is None:
        return None
    digits = match[1]
    if digits.isdigit():
        return f"{int(digits):03d}"
    tens, ten, ones = digits.partition("十")
    if not ten:
        return f"{NUMERALS[digits]:03d}" if digits in NUMERALS else None
    if tens not in {"", *NUMERALS} or ones not in {"", *NUMERALS}:
        return None
    return f"{NUMERALS.get(tens, 1) * 10 + NUMERALS.get(ones, 0):03d}"


WORD_ENDS = re.compile(r"[、;,/\s]+")
COUNTED = re.compile(r"(.+?)(?:\(([0-9]{1,3})[次个]?\))?")


def split_words(value: object) -> list[str]:
    """The words of a list cell, in Simplified characters and half width: 因病、因殘；因学."""
    return [word for word in WORD_ENDS.split(to_simplified(as_text(value)).translate(HALF_WIDTH)) if word]


def read_counted(word: str) -> tuple[str, int]:
    """走访探望(3次) as (走访探望, 3); a word without a count stands for one."""
    match = COUNTED.fullmatch(word)
    return (match[1], int(match[2] or 1)) if match else (word, 1)


# What makes a spreadsheet program take a text for a formula, in half and full width.
FORMULA_SIGNS = {
    "=": _("等号"), "＝": _("全角等号"), "+": _("加号"), "＋": _("全角加号"),
    "-": _("减号"), "－": _("全角减号"), "@": _("@ 号"), "＠": _("全角 @ 号"),
}  # fmt: skip


def as_text(value: object) -> str:
    """What a cell shows: 12 for 12.0, nothing for nothing."""
    if value is None:
        return ""
    return str(shown_number(value)).strip()


def shown_number(value: object) -> object:
    """A whole number as a spreadsheet shows it, to 15 digits: 9.99999194105194e17 as 999999194105194000."""
    if isinstance(value, float) and value.is_integer():
        return int(Decimal(repr(value)))
    return value
