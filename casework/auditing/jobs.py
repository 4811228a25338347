"""The pack takes its time: a job that the auditor watches."""

from typing import Any

from django.utils.translation import gettext as _

from access.models import OrgUnit, Staff
from casework.auditing import running
from casework.auditing.rules import RULES
from casework.errors import REFUSALS
from jobs import runner
from jobs.models import Job

KIND = "run_rules"


@runner.runs(KIND, refusals=REFUSALS)
def run(job: Job, progress: runner.Progress) -> dict[str, Any]:
    """Params: unit."""
    unit, total = OrgUnit.objects.get(pk=job.params["unit"]), len(RULES)
    progress(0, total=total, step=_("逐条规则检查"))
    made = running.run(
        unit, by=Staff.objects.get(pk=job.requested_by_id), progress=lambda done: progress(done, total=total)
    )
    return {"run": made.pk}


def start(unit: OrgUnit, *, by: Any) -> Job:
    """Queue a run; the one that waits or runs already for this unit, if there is one. Raises NotYourTurn."""
    running.demand_auditor(by, unit)
    waiting = Job.objects.filter(
        kind=KIND, requested_by_id=by.pk, params__unit=unit.pk, state__in=(Job.State.QUEUED, Job.State.RUNNING)
    ).first()
    name = (_("审计规则") + f" · {unit.name}")[:120]
    return waiting or runner.enqueue(KIND, name, by_id=by.pk, params={"unit": unit.pk})
