"""Long work that a person waits for.

    @runner.runs("register_import", refusals=(FamiliesError,))
    def import_register(job, progress):
        for n, row in enumerate(rows):
            progress(n, total=len(rows), step="读入")
            ...
        return {"persons": n}                                  # becomes job.result; or Answer(...), or Wait(...)

The handler runs in one transaction together with the job's mark "done": cancelled, failed or killed, it leaves nothing.
`progress` writes through a connection of its own, so pages see it at once, and raises JobCancelled when the user has
pressed cancel. Exclusion is exact, by an advisory lock that dies with the connection; the lease only says when a job whose
worker vanished is begun anew.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.core.files.base import File
from django.db import connection, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from audit.context import Acting, request_of
from jobs.errors import JobCancelled, NoHandler, WorkerStopping, WrongJobState, describe, place_of
from jobs.models import Job

logger = logging.getLogger(__name__)

LEASE_SECONDS = 60
MOST_ATTEMPTS = 3
_LOCK_CLASS = 20260416  # first half of the advisory lock; the second is the job's id
_PAUSE_SECONDS = 0.25  # between two progress reports


@dataclass(frozen=True)
class Answer:
    """The job is done: what it says, and perhaps a file for the user."""

    result: dict[str, Any] = field(default_factory=dict)
    file: File | None = None


@dataclass(frozen=True)
class Wait:
    """The job needs the user's choice (`reply` goes on with it); its changes so far are kept."""

    result: dict[str, Any] = field(default_factory=dict)


Handler = Callable[[Job, "Progress"], dict[str, Any] | Answer | Wait]


@dataclass(frozen=True)
class _Kind:
    handler: Handler
    refusals: tuple[type[Exception], ...]


_kinds: dict[str, _Kind] = {}


def runs(kind: str, *, refusals: tuple[type[Exception], ...] = ()) -> Callable[[Handler], Handler]:
    """Register the handler of a kind of job. `refusals` are errors whose text is written for the user."""

    def register(handler: Handler) -> Handler:
        _kinds[kind] = _Kind(handler, refusals)
        return handler

    return register


def _kind(kind: str) -> _Kind:
    try:
        return _kinds[kind]
    except KeyError:
        raise NoHandler(f"Nobody runs jobs of the kind {kind!r}") from None


def enqueue(
    kind: str,
    title: str,
    *,
    by_id: int | None,
    params: dict[str, Any] | None = None,
    file: File | None = None,
    sha256: str = "",
) -> Job:
    """Queue a job in the caller's transaction; a worker begins it after the commit.

    The user's language is kept in params["language"]. Raises NoHandler for an unknown kind.
    """
    _kind(kind)
    return Job.objects.create(
        kind=kind,
        title=title,
        params={"language": translation.get_language()} | (params or {}),
        input_file=file or "",
        input_sha256=sha256,
        requested_by_id=by_id,
    )


@transaction.atomic
def cancel(job_id: int) -> None:
    """Stop a job: at once when it has not begun, at its next progress report when it runs. Cancelling twice is fine."""
    waiting = (Job.State.QUEUED, Job.State.WAITING)
    stopped = Job.objects.filter(pk=job_id, state__in=waiting).update(
        state=Job.State.CANCELLED, cancel_requested=True, result={}, finished_at=timezone.now()
    )
    if stopped:
        _forget_input(job_id)
    else:
        Job.objects.filter(pk=job_id, state=Job.State.RUNNING).update(cancel_requested=True)


@transaction.atomic
def reply(job_id: int, **choice: Any) -> None:
    """Give a waiting job the user's choice and queue it again. Raises WrongJobState when it does not wait."""
    job = Job.objects.select_for_update().filter(pk=job_id, state=Job.State.WAITING).first()
    if job is None:
        raise WrongJobState(_("这项任务不在等你选择，可能已经办完。请刷新看看。"))
    job.params |= choice
    job.state, job.attempts, job.leased_until = Job.State.QUEUED, 0, None
    job.save(update_fields=["params", "state", "attempts", "leased_until"])


class Progress:
    """Handed to the handler; calling it reports, and notices that the user or the operator wants the work to stop."""

    def __init__(self, job_id: int, stopping: threading.Event | None = None) -> None:
        self._job_id, self._stopping = job_id, stopping
        self._connection = connection.copy()
        self._said_at = 0.0

    def __call__(self, done: int, *, total: int | None = None, step: str | None = None) -> None:
        """Raises JobCancelled, WorkerStopping. Cheap: most calls only look at the clock."""
        if time.monotonic() - self._said_at < _PAUSE_SECONDS and done != total:
            return
        self._said_at = time.monotonic()
        with self._connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE jobs_job SET done_units = %s, total_units = coalesce(%s, total_units), step = coalesce(%s, step),
                       leased_until = now() + %s * interval '1 second'
                WHERE id = %s RETURNING cancel_requested
                """,
                [done, total, step[:80] if step is not None else None, LEASE_SECONDS, self._job_id],
            )
            row = cursor.fetchone()
        if row and row[0]:
            raise JobCancelled(_("已取消，什么都没有改。"))
        if self._stopping is not None and self._stopping.is_set():
            raise WorkerStopping("the worker was told to stop")

    def close(self) -> None:
        self._connection.close()


_CLAIM = """
UPDATE jobs_job SET state = 'running', attempts = attempts + 1, leased_until = now() + %(lease)s * interval '1 second',
       started_at = coalesce(started_at, now()), done_units = 0
WHERE id = %(id)s AND (state = 'queued' OR (state = 'running' AND (leased_until < now()
      OR leased_until > now() + %(lease)s * interval '1 second'))) RETURNING attempts
"""  # A lease longer than any was written before the machine's clock was set back.

_NEXT = """
SELECT id FROM jobs_job
WHERE (state = 'queued' AND (leased_until IS NULL OR leased_until < now()))
   OR (state = 'running' AND (leased_until < now() OR leased_until > now() + %s * interval '1 second'))
ORDER BY id LIMIT %s
"""


def due(limit: int = 1) -> list[int]:
    """Jobs that wait for a worker, or whose worker has vanished."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [LEASE_SECONDS, limit])
        return [row[0] for row in cursor.fetchall()]


def set_aside(job_id: int, seconds: float) -> None:
    """The job was handed to a broker: do not offer it again before that."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE jobs_job SET leased_until = now() + %s * interval '1 second' WHERE id = %s AND state = 'queued'",
            [seconds, job_id],
        )


def run(job_id: int, stopping: threading.Event | None = None) -> bool:
    """Run one job to its end. False: it has ended already, or another worker is at it."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"id": job_id, "lease": LEASE_SECONDS})
        claimed = cursor.fetchone()
    if claimed is None:
        return False
    if claimed[0] > MOST_ATTEMPTS:
        _end(job_id, Job.State.FAILED, _("这项任务办了几次都中断了，没有改动任何数据。请告诉系统管理员。"))
        return True
    job = Job.objects.get(pk=job_id)
    kind = _kind(job.kind)
    progress = Progress(job_id, stopping)
    with translation.override(job.params.get("language")):
        try:
            return _run_locked(job, kind, progress)
        except JobCancelled as error:
            _end(job_id, Job.State.CANCELLED, str(error))
        except WorkerStopping:
            Job.objects.filter(pk=job_id).update(state=Job.State.QUEUED, leased_until=None, attempts=job.attempts - 1)
        except kind.refusals as error:
            _end(job_id, Job.State.FAILED, str(error))
        finally:
            progress.close()
    return True


@transaction.atomic
def _run_locked(job: Job, kind: _Kind, progress: Progress) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK_CLASS, job.pk % 2**31])
        if not cursor.fetchone()[0]:
            return False  # its worker is slow, not dead
    with request_of(lambda: Acting(by_id=job.requested_by_id)):
        answer = kind.handler(job, progress)
    if isinstance(answer, dict):
        answer = Answer(answer)
    job.refresh_from_db(fields=["done_units", "total_units", "step", "cancel_requested"])
    job.result, job.error, job.leased_until = answer.result, "", None
    if isinstance(answer, Wait):
        job.state = Job.State.WAITING
    else:
        job.state, job.finished_at = Job.State.DONE, timezone.now()
        job.done_units = job.total_units
        if answer.file is not None:
            job.result_file.save(answer.file.name, answer.file, save=False)
    job.save()
    if job.state == Job.State.DONE:
        _forget_input(job.pk)
    return True


def failed(job_id: int, error: BaseException) -> None:
    """An error that nobody expected: the user learns that nothing was changed and whom to tell; the log learns where."""
    logger.error("job %s failed: %s at %s", job_id, describe(error).split(":")[0], place_of(error))
    _end(
        job_id, Job.State.FAILED, _("程序出错，没有改动任何数据。请把任务编号 %(id)d 告诉系统管理员。") % {"id": job_id}
    )


@transaction.atomic
def _end(job_id: int, state: str, error: str) -> None:
    """It came to nothing, so what a preview said of people goes as well."""
    Job.objects.filter(pk=job_id).update(
        state=state, error=error, result={}, leased_until=None, finished_at=timezone.now()
    )
    _forget_input(job_id)


def _forget_input(job_id: int) -> None:
    """What was uploaded may name thousands of people in clear: the file goes with the end of its job, its digest stays."""
    name = Job.objects.values_list("input_file", flat=True).get(pk=job_id)
    if name:
        Job.objects.filter(pk=job_id).update(input_file="")
        transaction.on_commit(lambda: Job._meta.get_field("input_file").storage.delete(name))
