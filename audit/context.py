"""Who is acting, and why: known to every history row without being passed through every call."""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Acting:
    by_id: int | None = None
    by_name: str = ""
    on_behalf_of_id: int | None = None
    reason: str = ""
    address: str | None = None


_NOBODY = Acting()
_current: ContextVar["Acting | Callable[[], Acting]"] = ContextVar("acting", default=_NOBODY)


def current() -> Acting:
    """The act in progress; an empty one when nobody is known (a migration, say)."""
    value = _current.get()
    if callable(value):
        value = value()
        _current.set(value)
    return value


@contextlib.contextmanager
def acting(by: Any = None, *, on_behalf_of: Any = None, reason: str = "") -> Iterator[None]:
    """History rows written in the block name `by` (anything with a primary key), the principal and the reason."""
    here = current()
    token = _current.set(
        replace(
            here,
            by_id=by.pk if by is not None else here.by_id,
            by_name=str(by) if by is not None else here.by_name,
            on_behalf_of_id=on_behalf_of.pk if on_behalf_of is not None else here.on_behalf_of_id,
            reason=reason or here.reason,
        )
    )
    try:
        yield
    finally:
        _current.reset(token)


@contextlib.contextmanager
def request_of(resolve: Callable[[], Acting]) -> Iterator[None]:
    """Like `acting`, but asks only if a history row is written: most pages write none."""
    token = _current.set(resolve)
    try:
        yield
    finally:
        _current.reset(token)
