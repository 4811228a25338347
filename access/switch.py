"""A setting that is on, off, or on from a day."""

import datetime


def read_switch(text: str) -> bool | datetime.date:
    """True, False, or the day from which it is on. Raises ValueError for anything else: a safeguard is not guessed."""
    word = text.strip().lower()
    if word in ("on", "1", "true", "yes"):
        return True
    if word in ("off", "0", "false", "no"):
        return False
    try:
        return datetime.date.fromisoformat(word)
    except ValueError as error:
        raise ValueError(f"CASEWORK_SECOND_FACTOR is on, off or a day like 2027-01-01, not {text!r}") from error
