"""Reading ahead changes neither the items nor where an error comes."""

from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from families.importing.ahead import ahead

word = ContextVar("word", default="")


def test_the_items_come_in_order_and_one_is_made_ahead() -> None:
    made = []

    def items() -> Iterator[int]:
        for n in range(5):
            made.append(n)
            yield n

    taken = []
    for item in ahead(items()):
        taken.append(item)
        assert len(made) <= item + 2

    assert taken == [0, 1, 2, 3, 4]


def test_an_error_comes_in_the_place_of_its_item() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    rows = ahead(items())

    assert next(rows) == 1
    with pytest.raises(ValueError, match="broken"):
        next(rows)


def test_the_thread_knows_the_context_of_its_caller() -> None:
    word.set("here")

    assert list(ahead(word.get() for _ in range(2))) == ["here", "here"]
