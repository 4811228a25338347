"""Numbers of questions and samples: counted up within a year, without a gap."""

from typing import Any

from audit import clock, once


def next_number(model: Any, letter: str) -> str:
    """The next number of this year, S2026-00001. Whoever wants one at the same moment waits for the end of this transaction:
    a lock on the newest row would not do, since a waiter goes on with the row that she found, and the first of a year finds none.
    """
    start = f"{letter}{clock.today().year}-"
    once.wait_for(f"number:{start}")
    last = model.objects.filter(number__startswith=start).order_by("-number").first()
    return f"{start}{(int(last.number.removeprefix(start)) if last else 0) + 1:05d}"
