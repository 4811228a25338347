"""Cells of files that people open in a spreadsheet. Every layer writes such files, so the rule stands below them all."""

from typing import Any

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def is_formula_like(text: str) -> bool:
    """Whether a spreadsheet may take the text for a formula."""
    return text.lstrip(" ").startswith(DANGEROUS)


def plain_cell(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula: a dangerous beginning gets an apostrophe before it."""
    text = str(value)
    return f"'{text}" if is_formula_like(text) else text
