"""Promises kept after the commit.

outbox.put("case.acted", key="act:17:5", payload={...})     inside the transaction that makes the promise
@outbox.handles("case.acted")                                 in the app that keeps it
"""

import datetime
import json
from collections.abc import Callable
from typing import Any

from django.db import transaction

from jobs.errors import NoHandler

Handler = Callable[[dict[str, Any], int], None]
_handlers: dict[str, Handler] = {}


_PUT = """
INSERT INTO jobs_outbox (topic, key, payload, created_at, not_before, attempts, error)
VALUES (%s, %s, %s, clock_timestamp(), %s, 0, '') ON CONFLICT (key) DO NOTHING
"""


def put(
    topic: str, *, key: str, payload: dict[str, Any] | None = None, not_before: datetime.datetime | None = None
) -> None:
    """Promise `topic` once for `key`; promising it again changes nothing. Must run inside a transaction.

    An effect outside this database must carry the outbox id that its handler is given as its idempotency key.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("outbox.put() belongs into the transaction that makes the promise")
    with transaction.get_connection().cursor() as cursor:
        cursor.execute(_PUT, [topic, key, json.dumps(payload or {}), not_before])


def handles(topic: str) -> Callable[[Handler], Handler]:
    """Register `handler(payload, outbox_id)`; it runs in one transaction with the mark "done"."""

    def register(handler: Handler) -> Handler:
        _handlers[topic] = handler
        return handler

    return register


def handler_of(topic: str) -> Handler:
    try:
        return _handlers[topic]
    except KeyError:
        raise NoHandler(f"Nobody handles the outbox topic {topic!r}") from None
