"""Cells of a bank's answer as plain values. A value is read exactly or refused; nothing is guessed.

A spreadsheet keeps 15 digits of a number, so an account of 19 digits that arrives as a number has lost its end.
"""

import re
import unicodedata
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from django.utils.translation import gettext as _

from funds.banking.errors import BankingError
from funds.banking.formats import LARGEST_FEN, date_expression
from funds.errors import MoneyError
from funds.money import FEN_PER_YUAN, parse_yuan

SURE_DIGITS: Final = 15  # of a number in a spreadsheet
LONGEST_TEXT: Final = 200
SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]+)?E\+[0-9]+|[0-9]\.[0-9]+E[0-9]+")
DOTS = dict.fromkeys(map(ord, "•‧・･．.∙●᛫⋅｡"), "·")  # between the parts of a name
HIDDEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u202a\u202c\xad"))
BLANKS = re.compile(r"\s+")


class ValueRefused(BankingError):
    """One cell cannot be read. `code` names why."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__()
        self.code = code
        self.message = words


def folded(text: str) -> str:
    """For comparing headings, codes and words: half-width, without blanks, in capitals."""
    if text.isascii():
        return "".join(text.split()).upper()
    return BLANKS.sub("", unicodedata.normalize("NFKC", text.translate(HIDDEN))).upper()


def shown(value: Any) -> str:
    """A cell as its reader sees it; whole numbers without a decimal point."""
    if isinstance(value, str):
        return value.strip() if value.isascii() else value.translate(HIDDEN).strip()
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**SURE_DIGITS:
        return str(int(value))
    return str(value)


def read_text(value: Any) -> str:
    text = " ".join(shown(value).split())
    if len(text) > LONGEST_TEXT:
        raise ValueRefused("too_long", _("内容有 %(length)s 个字，太长。请核对是否错列。") % {"length": len(text)})
    return text


def read_name(value: Any) -> str:
    """A name without blanks, its dots all `·`; rare characters stay as they are."""
    return read_text(value).replace(" ", "").translate(DOTS)


def read_number(value: Any) -> str:
    """An account number or a bank's reference: blanks, dashes, tabs and what keeps a spreadsheet from rounding come off."""
    return read_serial(value).replace("-", "")


def read_serial(value: Any) -> str:
    """Our own number of the payment, in capitals and half-width. Its dashes belong to it."""
    if isinstance(value, float) and (not value.is_integer() or abs(value) >= 10**SURE_DIGITS):
        raise _digits_lost()
    if isinstance(value, str) and len(value) < 60:  # nearly always it is plain already
        plain = value.strip()
        if plain.isascii() and plain.isalnum():
            return plain.upper()
    number = folded(read_text(value)).strip("'`\"=")
    if "E" in number and SCIENTIFIC.fullmatch(number):
        raise _digits_lost()
    return number


def _digits_lost() -> ValueRefused:
    return ValueRefused(
        "digits_lost",
        _(
            "号码在表格里成了数字，后面的位数已经丢失。请从网银重新下载，不要用表格软件另存；要另存的，先把这一列设为文本。"
        ),
    )


def read_amount(value: Any, unit: str) -> int:
    """Whole fen above zero. Raises ValueRefused for anything that is not exactly that."""
    if isinstance(value, float):
        return _amount_of_float(value, unit)
    if not isinstance(value, str):
        raise ValueRefused("amount_unreadable", _("金额不是数字。请核对是否错列。"))
    return _amount_of_text(value, unit)


@lru_cache(maxsize=16_384)
def _amount_of_text(value: str, unit: str) -> int:
    if len(value) > LONGEST_TEXT:
        raise ValueRefused("amount_unreadable", _("金额太长，不是数字。请核对是否错列。"))
    text = value.translate(HIDDEN).strip().lstrip("'")
    if not text:
        raise ValueRefused(
            "amount_missing", _("没有金额。单元格是公式的，请先用 WPS 或 Excel 打开并保存；没有的，请问银行。")
        )
    if unit == "fen":
        digits = unicodedata.normalize("NFKC", text)
        if not re.fullmatch(r"[0-9]{1,40}", digits):
            raise ValueRefused("amount_unreadable", _("金额要是以分为单位的整数。请核对是否错列。"))
        return _within(int(digits))
    try:
        return _within(parse_yuan(text.removesuffix("RMB").removeprefix("RMB").removeprefix("CNY").lstrip("+")))
    except MoneyError as refused:
        raise ValueRefused("amount_unreadable", str(refused)) from refused


def _amount_of_float(value: float, unit: str) -> int:
    # NaN and the infinities fall out here as well.
    if not 0 <= value < LARGEST_FEN:
        raise ValueRefused("amount_unreadable", _("金额是负数或太大。请核对。"))
    exact = value * (1 if unit == "fen" else FEN_PER_YUAN)
    if abs(exact - round(exact)) > 1e-4:
        raise ValueRefused("amount_unreadable", _("金额最多到分，小数点后只能有两位。"))
    return _within(round(exact))


def _within(amount_fen: int) -> int:
    if amount_fen == 0:
        raise ValueRefused("amount_zero", _("金额为 0。请向银行核对这一行。"))
    if amount_fen > LARGEST_FEN:
        raise ValueRefused("amount_unreadable", _("金额太大，请核对是不是多写了几个零。"))
    return amount_fen


def read_day(value: Any, patterns: tuple[str, ...]) -> date | None:
    """The day of a date or time cell; None for blank."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return _day_of_text(shown(value), patterns)


@lru_cache(maxsize=16_384)
def _day_of_text(text: str, patterns: tuple[str, ...]) -> date | None:
    text = unicodedata.normalize("NFKC", text).strip().lstrip("'")
    if not text:
        return None
    for pattern in patterns:
        found = date_expression(pattern).match(text)
        if found:
            try:
                return date(int(found["y"]), int(found["m"]), int(found["d"]))
            except ValueError:
                break
    raise ValueRefused("date_unreadable", _("日期“%(text)s”读不出来。请核对。") % {"text": text[:30]})
