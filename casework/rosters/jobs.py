"""Work on long lists as jobs that a person watches; short lists are done at once."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from access.models import Staff
from casework import payments
from casework.errors import REFUSALS
from casework.rosters import deciding, paying
from casework.rosters.models import Roster
from jobs import runner
from jobs.models import Job

LONG = 2_000  # lines from which on a person would wait too long for the page


def _counting(job: Job, progress: runner.Progress, step: str) -> tuple[Roster, Any, Callable[[int], None]]:
    roster = Roster.objects.get(pk=job.params["roster"])
    total = roster.line_count or roster.lines.filter(state="on").count()
    progress(0, total=total, step=step)
    return roster, Staff.objects.get(pk=job.requested_by_id), lambda done: progress(done, total=total)


@runner.runs("approve_roster", refusals=REFUSALS)
def approve(job: Job, progress: runner.Progress) -> dict[str, Any]:
    """Sign and reserve. Params: roster."""
    roster, by, count = _counting(job, progress, _("锁定每一行的钱"))
    return {"roster": deciding.approve(roster.pk, by=by, progress=count).pk}


@runner.runs("build_roster_batch", refusals=REFUSALS)
def build(job: Job, progress: runner.Progress) -> dict[str, Any]:
    """List the payments. Params: roster, bank, key."""
    roster, by, count = _counting(job, progress, _("列入批次"))
    batch = paying.build(roster.pk, by=by, key=job.params["key"], bank=job.params.get("bank", ""), progress=count)
    return {"roster": roster.pk, "batch": batch.pk}


@runner.runs("release_roster_batch", refusals=REFUSALS)
def release(job: Job, progress: runner.Progress) -> dict[str, Any]:
    """Hand a batch to the bank as it was typed when its releaser gave her password. Params: roster, batch, key, count,
    total_fen."""
    typed = payments.Typed(job.params["count"], job.params["total_fen"])
    progress(0, total=typed.count, step=_("交给银行"))
    batch = payments.release_batch(
        job.params["batch"],
        by=Staff.objects.get(pk=job.requested_by_id),
        key=job.params["key"],
        typed=typed,
        progress=lambda done: progress(done, total=typed.count),
    )
    return {"roster": job.params["roster"], "batch": batch.pk}


@transaction.atomic
def start(kind: str, title: str, roster: Roster, *, by: Any, **params: Any) -> Job:
    """Queue one of these for a list, or for one `batch` of it. Pressed twice it is the one that is under way."""
    about = {"roster": roster.pk} | {name: params[name] for name in ("batch",) if name in params}
    Roster.objects.select_for_update().get(pk=roster.pk)
    waiting = Job.objects.filter(
        kind=kind, requested_by_id=by.pk, params__contains=about, state__in=(Job.State.QUEUED, Job.State.RUNNING)
    ).first()
    name = f"{title} · {roster.title}"[:120]
    return waiting or runner.enqueue(kind, name, by_id=by.pk, params={**params, "roster": roster.pk})


def is_long(roster: Roster) -> bool:
    return (roster.line_count or roster.lines.filter(state="on").count()) > LONG
