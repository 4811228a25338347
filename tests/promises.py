"""Keeping promises of the outbox with the rights of the worker, which may do what no page may: it alone erases."""

from casework.database.logins import LOGINS, WORKER
from jobs import delivery
from jobs.models import Outbox
from tests.owner import owner


def keep(topic: str) -> int:
    """Keep all that was promised and is not kept, as `manage.py worker` does. Returns how many."""
    with owner(LOGINS[WORKER]):
        return sum(
            delivery.deliver(pk)
            for pk in list(Outbox.objects.filter(topic=topic, done_at=None).values_list("pk", flat=True))
        )
