"""Cells of files that people open in a spreadsheet."""

from typing import Any


def plain_cell(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula: a dangerous beginning gets an apostrophe before it."""
    text = str(value)
    return (
        f"'{text}"
        if text.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
        else text
    )
