"""Reading on while the database works."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")
_END = object()


def ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items; the next one is made in a thread while the present one is worked on.

    An error in making an item is raised where that item would come. The items must not need a database connection.
    """
    source = iter(items)
    with ThreadPoolExecutor(max_workers=1) as thread:
        coming = thread.submit(copy_context().run, next, source, _END)
        while (item := coming.result()) is not _END:
            coming = thread.submit(copy_context().run, next, source, _END)
            yield item
