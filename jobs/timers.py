"""Things to do every so often, once for all workers.

    @timers.every(300, "checkpoint")
    def seal() -> dict: ...

A timer's function is safe to repeat: a worker may be killed in the middle of it, and `manage.py tick` runs all of them.
What it returns is kept as its result; what it raises is kept as its error and shown by readiness.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from jobs.errors import NoHandler, describe, place_of
from jobs.models import TimerRun

logger = logging.getLogger(__name__)

LEASE_SECONDS = 600
QUICK_SECONDS = 30  # a timer due more often than that does not wait for the others
Function = Callable[[], dict[str, Any] | None]


@dataclass(frozen=True)
class Timer:
    name: str
    seconds: int
    function: Function


_timers: dict[str, Timer] = {}


def every(seconds: int, name: str) -> Callable[[Function], Function]:
    """Register `function` to run every `seconds`, in the order of registration when several are due."""

    def register(function: Function) -> Function:
        _timers[name] = Timer(name, seconds, function)
        return function

    return register


def names(*, is_quick: bool | None = None) -> list[str]:
    """All timers; or those alone that are (or are not) due every few seconds."""
    return [name for name, timer in _timers.items() if is_quick is None or (timer.seconds < QUICK_SECONDS) == is_quick]


def timer_of(name: str) -> Timer:
    try:
        return _timers[name]
    except KeyError:
        raise NoHandler(f"There is no timer {name!r}") from None


_CLAIM = """
INSERT INTO jobs_timerrun AS t (name, every_seconds, leased_until, result, error)
VALUES (%(name)s, %(seconds)s, now() + %(lease)s * interval '1 second', '{}', '')
ON CONFLICT (name) DO UPDATE SET leased_until = excluded.leased_until, every_seconds = excluded.every_seconds
WHERE (t.last_run_at IS NULL OR t.last_run_at + %(seconds)s * interval '1 second' <= now() OR t.last_run_at > now() OR %(at_once)s)
  AND (t.leased_until IS NULL OR t.leased_until < now() OR t.leased_until > now() + %(lease)s * interval '1 second' OR %(at_once)s)
RETURNING 1
"""  # A last run or a lease that lies in the future was written before the machine's clock was set back.


def claim(name: str, *, at_once: bool = False) -> bool:
    """Whether this worker is the one to run the timer now; `at_once` does not wait for its time."""
    timer = timer_of(name)
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"name": name, "seconds": timer.seconds, "lease": LEASE_SECONDS, "at_once": at_once})
        return cursor.fetchone() is not None


def run(name: str) -> dict[str, Any]:
    """Run a claimed timer and keep its result."""
    result = timer_of(name).function() or {}
    _ended(name, result=result)
    return result


def failed(name: str, error: BaseException) -> None:
    logger.error("timer %s failed: %s at %s", name, type(error).__name__, place_of(error))
    _ended(name, error=describe(error))


def _ended(name: str, *, result: dict[str, Any] | None = None, error: str = "") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE jobs_timerrun SET last_run_at = now(), leased_until = NULL, error = %s, "
            "result = coalesce(%s::jsonb, result) WHERE name = %s",
            [error, json.dumps(result) if result is not None else None, name],
        )


def run_of(name: str) -> TimerRun | None:
    return TimerRun.objects.filter(name=name).first()
