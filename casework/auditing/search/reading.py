"""What a typed text may be. One text may be several things: eight digits are a part of a household's number and a bank's serial."""

import datetime
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from access import vault
from audit import clock
from casework.http import day_of
from families.folding import fold
from funds.money import MoneyError, parse_yuan

CASE_NO = re.compile(r"\d{4}-\d{6}")
AMOUNT = re.compile(r"([\d,.]+万?)\s*(?:[-~～—到至]\s*([\d,.]+万?)\s*)?元")
ROSTER = re.compile(r"(?:roster:|名册\s*)(\d{1,12})(?::(\d{1,9}))?")
CHINESE = re.compile(r"[\u3400-\u9fff\U00020000-\U000323af]")
ID_NUMBER = re.compile(r"\d{17}[\dX]")
ACCOUNT = re.compile(r"\d{10,25}")
FIRST_YEAR = 2000
LONGEST = 80


@dataclass(frozen=True)
class Asked:
    """What is looked for; what is empty does not count. Amounts in fen, both ends included."""

    q: str = ""
    least_fen: int | None = None
    most_fen: int | None = None
    first_day: datetime.date | None = None
    last_day: datetime.date | None = None

    def __bool__(self) -> bool:
        return bool(self.q.strip()) or self.has_bounds

    @property
    def has_bounds(self) -> bool:
        return any(bound is not None for bound in (self.least_fen, self.most_fen, self.first_day, self.last_day))


@dataclass(frozen=True)
class Reading:
    """The things that the text may be; None or empty: it is none of that kind."""

    text: str = ""
    name: str = ""  # folded; letters are the start of pinyin or initials
    person_key: str | None = None
    account_index: str | None = None
    account_end: str = ""
    code: str = ""  # a number of ours or of a bank, in capitals
    case_numbers: tuple[str, ...] = ()
    roster: tuple[int, int | None] | None = None
    document_no: str = ""
    bounds: dict[str, Any] = field(default_factory=dict)

    @property
    def is_words(self) -> bool:
        """Whether something is looked for besides bounds."""
        return bool(self.text) and not self.bounds


def is_personal(typed: str) -> bool:
    """Whether it may be a whole identity or account number, which belongs into no address. A household's number is none."""
    code = "".join(unicodedata.normalize("NFKC", typed).split()).upper()
    digits = code.replace("-", "")
    return bool(ID_NUMBER.fullmatch(code) or (ACCOUNT.fullmatch(digits) and not CASE_NO.fullmatch(code)))


def read(typed: str) -> Reading:
    """Pure but for the keyed fingerprints and the business year."""
    text = unicodedata.normalize("NFKC", typed).strip()[:LONGEST]
    if not text:
        return Reading()
    if bounds := _amount(text) or _day(text):
        return Reading(text, bounds=bounds)
    code = "".join(text.split()).upper()
    if not any(character.isdigit() for character in text):
        return Reading(text, name=fold(text), code=code if code.isascii() else "", document_no=text)
    digits = code.replace("-", "")
    roster = ROSTER.fullmatch(code.lower())
    return Reading(
        text,
        name=fold(text) if CHINESE.search(text) else "",
        person_key=vault.person_key(code) if ID_NUMBER.fullmatch(code) else None,
        account_index=vault.blind_index("account", digits) if ACCOUNT.fullmatch(digits) else None,
        account_end=code if len(code) == 4 and code.isdecimal() else "",
        code=code,
        case_numbers=_case_numbers(code),
        roster=(int(roster[1]), int(roster[2]) if roster[2] else None) if roster else None,
        document_no=text,
    )


def _amount(text: str) -> dict[str, Any]:
    """1,234.50元 · 2000到5000元 · 1.5万元: only with its unit, for plain figures are numbers of papers."""
    found = AMOUNT.fullmatch(text)
    if found is None:
        return {}
    try:
        least = parse_yuan(found[1])
        return {"least_fen": least, "most_fen": parse_yuan(found[2]) if found[2] else least}
    except MoneyError:
        return {}


def _day(text: str) -> dict[str, Any]:
    day = day_of(text)
    return {"first_day": day, "last_day": day} if day else {}


def _case_numbers(code: str) -> tuple[str, ...]:
    """A whole number, or the end of one in any year."""
    if CASE_NO.fullmatch(code):
        return (code,)
    if code.isdecimal() and len(code) <= 6:
        return tuple(f"{year}-{int(code):06d}" for year in range(FIRST_YEAR, clock.today().year + 1))
    return ()
