"""Imports as jobs: judged first, shown to the user, taken over only as she chooses."""

from pathlib import Path
from typing import Any

from access.models import Staff
from casework.relatives import flags
from families.errors import FamiliesError
from families.importing.ledger_import import import_ledger
from families.importing.register_import import import_register
from families.importing.report import ImportReport
from jobs import runner
from jobs.models import Job

KINDS = {"register_import": import_register, "ledger_import": import_ledger}
MOST_FINDINGS = 5_000  # kept with the job; more of them say the same


def _run(job: Job, progress: runner.Progress) -> dict[str, Any] | runner.Wait:
    """First run: judge, then wait for the choice. After `reply(choice=…)`: "all", or "good" for the good rows alone."""
    choice = job.params.get("choice")
    report = KINDS[job.kind](
        Path(job.input_file.path),
        by=Staff.objects.get(pk=job.requested_by_id),
        filename=job.params.get("filename", ""),
        dry_run=not choice,
        good_rows=choice == "good",
        progress=lambda done, step: progress(done, step=step),
    )
    if choice:
        flags.raise_everywhere()  # close relatives among those who came
    result = _shortened(report)
    return result if choice else runner.Wait(result)


def _shortened(report: ImportReport) -> dict[str, Any]:
    result = report.to_json()
    result["error_count"], result["warning_count"] = len(result["errors"]), len(result["warnings"])
    result["errors"] = result["errors"][:MOST_FINDINGS]
    result["warnings"] = result["warnings"][:MOST_FINDINGS]
    return result


for _kind in KINDS:
    runner.runs(_kind, refusals=(FamiliesError,))(_run)
