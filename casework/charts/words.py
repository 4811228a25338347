"""How wide words will be before anybody draws them. Generous, because a clipped label is worse than a wide margin."""

import unicodedata

_WIDE, _CAPITAL, _LETTER, _THIN = 1.0, 0.74, 0.6, 0.36
_THIN_ONES = frozenset(" .,:;'|!()[]il·")
ELLIPSIS = "…"


def width_of(text: str, size: float) -> float:
    """The width of a line of text in the units of `size`; Chinese characters fill a square."""
    return size * sum(_em(character) for character in text)


def _em(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WFA":
        return _WIDE
    if character in _THIN_ONES:
        return _THIN
    return _CAPITAL if character.isupper() or character in "mw%@&" else _LETTER


def shortened(text: str, room: float, size: float) -> str:
    """The text, or as much of it as fits into `room` with an ellipsis; the whole stands in the mark's title and the table."""
    if width_of(text, size) <= room:
        return text
    kept = text
    while kept and width_of(kept + ELLIPSIS, size) > room:
        kept = kept[:-1]
    return kept.rstrip() + ELLIPSIS
