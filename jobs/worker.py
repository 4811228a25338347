"""The process that does what was promised: outbox, jobs, timers and quick timers, each in a loop of its own.

Without a broker the loops run the task bodies themselves. With CELERY_BROKER_URL they publish ids to Celery instead, and
offer again what was not done when its lease ran out (the sweeper is the same query). Any number of workers may run.
"""

import logging
import threading
from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from kombu.exceptions import OperationalError as BrokerError

from jobs import delivery, runner, tasks, timers

logger = logging.getLogger(__name__)

OWN_LEASE_SECONDS = 10  # of rows claimed by a worker that delivers them itself, within moments
BATCH = 10
IDLE_SECONDS = 0.5
RETRY_SECONDS = 3.0  # after the database or the broker did not answer


class Worker:
    """`run()` works until `stop()`; `turn_*()` do what is due now, for commands and tests."""

    def __init__(self, *, broker_lease_seconds: float | None = None) -> None:
        self.stopping = threading.Event()
        self._has_crashed = False
        self._publishes = bool(settings.CELERY_BROKER_URL)
        self._broker_lease_seconds = broker_lease_seconds or settings.OUTBOX_LEASE_SECONDS

    def run(self) -> bool:
        """Work until told to stop; then finish the row in hand, roll the running job back to the queue, and return.

        False: a loop met an error that it does not know and all were stopped, so that a supervisor begins anew.
        """
        loops = [
            threading.Thread(target=self._loop, args=(turn,), name=turn.__name__)
            for turn in (self.turn_outbox, self.turn_jobs, self.turn_timers, self.turn_quick_timers)
        ]
        for loop in loops:
            loop.start()
        for loop in loops:
            loop.join()
        return not self._has_crashed

    def stop(self) -> None:
        self.stopping.set()

    def _loop(self, turn: Callable[[], int]) -> None:
        is_known = False
        try:
            while not self.stopping.is_set():
                self._take(turn)
            is_known = True
        finally:
            connection.close()
            if not is_known:  # half a worker would look alive and lose what the other half promised
                self._has_crashed = True
                self.stop()

    def _take(self, turn: Callable[[], int]) -> None:
        try:
            if turn() == 0:
                self.stopping.wait(IDLE_SECONDS)
        except (OperationalError, InterfaceError, BrokerError, OSError) as error:
            logger.warning("%s: %s; trying again", turn.__name__, type(error).__name__)
            connection.close()
            self.stopping.wait(RETRY_SECONDS)

    def turn_outbox(self) -> int:
        """Deliver or publish what is due, a batch at most. Returns how many rows were claimed."""
        lease = self._broker_lease_seconds if self._publishes else OWN_LEASE_SECONDS
        claimed = delivery.claim(limit=BATCH, lease_seconds=lease)
        open_ids = list(claimed)
        try:
            while open_ids and not self.stopping.is_set():
                if self._publishes:
                    tasks.deliver.delay(open_ids[0])
                else:
                    tasks.deliver.apply(args=[open_ids[0]])
                open_ids.pop(0)
        finally:
            if open_ids:
                connection.close_if_unusable_or_obsolete()
                delivery.give_back(open_ids)
        return len(claimed)

    def turn_jobs(self) -> int:
        """Run or publish one job. Returns 0 when none is due."""
        due = runner.due()
        for job_id in due:
            if self._publishes:
                tasks.run_job.delay(job_id)
                runner.set_aside(job_id, self._broker_lease_seconds)
            else:
                tasks.run_job.apply(args=[job_id, self.stopping])
        return len(due)

    def turn_timers(self) -> int:
        """Run the timers whose time has come. Always 0: the next look is after a pause."""
        return self._run_timers(timers.names(is_quick=False))

    def turn_quick_timers(self) -> int:
        """The same for those that are due every few seconds and would come too late behind a long one."""
        return self._run_timers(timers.names(is_quick=True))

    def _run_timers(self, names: list[str]) -> int:
        for name in names:
            if not self.stopping.is_set() and timers.claim(name):
                tasks.run_timer.apply(args=[name])
        return 0

    def drain(self) -> int:
        """Deliver everything that is due now, in this process, whatever the settings say. Returns how many rows."""
        count = 0
        while claimed := delivery.claim(limit=BATCH, lease_seconds=OWN_LEASE_SECONDS):
            for outbox_id in claimed:
                tasks.deliver.apply(args=[outbox_id])
            count += len(claimed)
        return count
