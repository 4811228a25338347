"""The Celery tasks: three thin bodies. Without a broker the worker runs them itself through task.apply().

They carry ids alone: what is to be done stands in the database, so a message that is lost, doubled or late does no harm.
A failure is written down where the work stands (`on_failure`), by Celery and by task.apply() alike.
"""

from typing import Any

from celery import Task, shared_task

from jobs import delivery, runner, timers


class _OfDelivery(Task):
    # Celery would log the text of the error, which may quote a person; on_failure logs its type and place.
    throws = (Exception,)

    def on_failure(self, error: BaseException, task_id: str, args: Any, kwargs: Any, trace: Any) -> None:
        delivery.failed(args[0], error)


class _OfJob(Task):
    throws = (Exception,)

    def on_failure(self, error: BaseException, task_id: str, args: Any, kwargs: Any, trace: Any) -> None:
        runner.failed(args[0], error)


class _OfTimer(Task):
    throws = (Exception,)

    def on_failure(self, error: BaseException, task_id: str, args: Any, kwargs: Any, trace: Any) -> None:
        timers.failed(args[0], error)


@shared_task(base=_OfDelivery, ignore_result=True)
def deliver(outbox_id: int) -> bool:
    """Keep one promise of the outbox."""
    return delivery.deliver(outbox_id)


@shared_task(base=_OfJob, ignore_result=True)
def run_job(job_id: int, stopping: Any = None) -> bool:
    """Run one job. `stopping` is an Event that only a worker without a broker can hand over."""
    return runner.run(job_id, stopping)


@shared_task(base=_OfTimer, ignore_result=True)
def run_timer(name: str) -> dict[str, Any]:
    """Run one timer that was claimed."""
    return timers.run(name)


def run_every_timer(*, without: frozenset[str] = frozenset()) -> None:
    """Run all timers (but those) now, in this process, each once; a failure is kept with its timer as it is in a worker."""
    for name in timers.names():
        if name in without:
            continue
        timers.claim(name, at_once=True)
        run_timer.apply(args=[name])
