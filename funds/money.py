"""Money in words and figures. Pure functions over whole fen (1 yuan = 100 fen); no float anywhere."""

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal

from django.utils.translation import gettext as _

from funds.errors import MoneyError

FEN_PER_YUAN = 100
FEN_PER_WAN = 10_000 * FEN_PER_YUAN
LONGEST_FIGURE = 60  # characters; enough for zeros in front
TOO_MUCH_FEN = 10**14  # ten thousand 亿 yuan; the printed papers stop there too

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ((1000, "仟"), (100, "佰"), (10, "拾"), (1, ""))
_SECTIONS = ((10**8, "亿"), (10**4, "万"), (1, ""))
_FIGURE = re.compile(r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.(?P<part>[0-9]+))?(?P<wan>万?)")


def yuan(amount_fen: int) -> str:
    """Yuan in figures, with the fen only where there are any: 1490000 -> "14,900", 1490050 -> "14,900.50"."""
    whole, part = divmod(abs(amount_fen), FEN_PER_YUAN)
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{whole:,}" + (f".{part:02}" if part else "")


def wan(amount_fen: int) -> str:
    """Ten thousands of yuan (万元), rounded half up to two decimals, without trailing zeros: 78549999 -> "78.55"."""
    rounded = (Decimal(amount_fen) / FEN_PER_WAN).quantize(Decimal("0.01"), ROUND_HALF_UP)
    figure = f"{rounded:,f}".rstrip("0").rstrip(".")
    return "0" if figure == "-0" else figure


def capitals(amount_fen: int) -> str:
    """The amount in Chinese capitals as banks and papers want it: 1490000 -> 「壹万肆仟玖佰元整」.

    Source: 中国人民银行《正确填写票据和结算凭证的基本规定》. Where it allows 零 or none, our papers decide.
    Raises MoneyError for a negative amount and from ten thousand 亿 yuan upwards.
    """
    if amount_fen < 0:
        raise MoneyError(_("负数不能写成大写金额。"))
    if amount_fen >= TOO_MUCH_FEN:
        raise MoneyError(_("金额太大，写不成大写。请核对。"))
    whole, rest = divmod(amount_fen, FEN_PER_YUAN)
    jiao, fen = divmod(rest, 10)
    words = _whole_in_capitals(whole)
    if whole:
        words += "元"
    if not rest:
        return (words or "零元") + "整"
    if jiao:
        words += _DIGITS[jiao] + "角"
    elif whole:
        words += "零"
    return words + (_DIGITS[fen] + "分" if fen else "整")


def _whole_in_capitals(whole: int) -> str:
    words = ""
    gap = False  # a zero was passed over, and the next digit must say so
    for base, unit in _SECTIONS:
        section = whole // base % 10_000
        if not section:
            gap = bool(words)
            continue
        for place, place_word in _PLACES:
            digit = section // place % 10
            if digit:
                words += ("零" if gap else "") + _DIGITS[digit] + place_word
                gap = False
            else:
                gap = bool(words)
        words += unit
    return words


def parse_yuan(text: str) -> int:
    """What a person typed as an amount of yuan, in fen: "1.49万元", "１４，９００", "¥14,900.50".

    Raises MoneyError whose text says what to do instead.
    """
    plain = re.sub(r"\s", "", _plainly(text))
    plain = plain.removeprefix("¥").removesuffix("整").removesuffix("元")
    if not plain:
        raise MoneyError(_("请填金额，例如 14900。"))
    if plain.startswith(("-", "−", "负")):
        raise MoneyError(_("金额不能是负数。"))
    match = _FIGURE.fullmatch(plain)
    if not match:
        raise MoneyError(_("金额要填数字，例如 14900 或 14900.50。"))
    fen_per_unit, places = (FEN_PER_WAN, 6) if match["wan"] else (FEN_PER_YUAN, 2)
    part = (match["part"] or "").rstrip("0")
    if len(part) > places:
        raise MoneyError(_("金额最多到分，小数点后只能有两位。"))
    if len(match["whole"]) > LONGEST_FIGURE:
        raise MoneyError(_("金额太大，请核对是不是多写了几个零。"))
    amount_fen = int(match["whole"].replace(",", "")) * fen_per_unit + int(part.ljust(places, "0"))
    if amount_fen >= TOO_MUCH_FEN:
        raise MoneyError(_("金额太大，请核对是不是多写了几个零。"))
    return amount_fen


def _plainly(text: str) -> str:
    """Full-width letters and digits as ordinary ones, character by character; 1² or ㊿, whose digits say no amount, stay."""
    return "".join(
        plain if len(plain := unicodedata.normalize("NFKC", one)) == 1 and unicodedata.category(one) != "No" else one
        for one in text
    )
