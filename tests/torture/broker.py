"""The same with a broker between: the relay publishes what is promised, Celery's workers do it, and both are killed."""

import random
import time
import uuid

from django.conf import settings
from kombu import Connection

from casework.celery import app
from jobs import worker
from tests.torture import disburse
from tests.torture.kills import Fallen
from tests.torture.nursery import Nursery

CELERY = ["worker", "--pool=solo", "--loglevel=CRITICAL", "--without-gossip", "--without-mingle", "--without-heartbeat"]


def kill(*, url: str, kills: int, seed: int) -> Fallen:
    """One relay and two Celery workers, one of them killed at a random moment, until so many have died."""
    dice, began, fallen = random.Random(seed), time.monotonic(), Fallen()
    queue, payments = f"casework-torture-{uuid.uuid4().hex[:8]}", max(4, kills)
    usual = settings.CELERY_BROKER_URL, app.conf.broker_url, app.conf.task_default_queue
    settings.CELERY_BROKER_URL = app.conf.broker_url = url
    app.conf.task_default_queue = queue
    try:
        with Nursery({"relay": _relay, "celery": lambda: app.worker_main([*CELERY, "-Q", queue])}) as nursery:
            disburse.prepare(payments)
            living = {nursery.start(role): role for role in ("relay", "celery", "celery")}
            while fallen.kills < kills:
                time.sleep(dice.uniform(0.05, 1.0))
                pid = dice.choice(list(living))
                fallen.in_hand += disburse.open_promises() > 0
                nursery.kill(pid)
                fallen.kills += 1
                disburse.hurry()
                role = living.pop(pid)
                living[nursery.start(role)] = role
    finally:
        settings.CELERY_BROKER_URL, app.conf.broker_url, app.conf.task_default_queue = usual
        with Connection(url) as link:
            link.default_channel.queue_delete(queue)
    disburse.finish()
    fallen.wrong, fallen.seconds = disburse.wrong(payments), time.monotonic() - began
    return fallen


def _relay() -> None:
    worker.Worker(broker_lease_seconds=0.5).run()
