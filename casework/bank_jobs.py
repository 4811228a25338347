"""Bank files as jobs: an answer is judged, shown, and posted only as somebody has seen it; a long list is written aside."""

import datetime
import re
import tempfile
from collections import Counter
from typing import Any

from django.core.files.base import File
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from access.models import Staff
from casework.due import still_in_time_from
from casework.errors import REFUSALS
from flows.parameters import Period
from funds import bank_files, bank_lists
from funds.bank_files import Judged
from funds.banking.errors import HeadingsUnknown, ListRefused
from funds.banking.matching import MATCHED, Verdict
from funds.banking.reasons import OTHER
from funds.models import BankFile, PaymentBatch
from jobs import runner
from jobs.models import Job

DECIDED_WITHIN = Period(3, "working")  # then it is raised to everybody who may post it
ANSWER, LIST = "bank_answer", "bank_list"
MOST_SHOWN = 2_000  # lines of a column that are kept with the job; more of them say the same
LONG_NUMBER = re.compile(r"[0-9]{4,}(?=[0-9]{4})")


@runner.runs(ANSWER, refusals=REFUSALS)
def answer(job: Job, progress: runner.Progress) -> dict[str, Any] | runner.Wait:
    """First run: judge and wait. After `reply(confirm=fingerprint, accepted=[…])`: post, if nothing has moved meanwhile."""
    bank, confirmed = job.params["bank"], job.params.get("confirm", "")
    if confirmed:
        bank_files.one_at_a_time()
    bank_files.refuse_what_was_posted(job.input_sha256)
    by = Staff.objects.get(pk=job.requested_by_id)
    with open(job.input_file.path, "rb") as source:
        try:
            judged = bank_files.judge(source, bank, by=by, tell=lambda done, total: progress(done, total=total))
        except HeadingsUnknown as unknown:
            return runner.Wait(_headings(unknown))
    if not confirmed:
        return runner.Wait(_seen(judged))
    if confirmed != judged.fingerprint:
        return runner.Wait(_seen(judged) | {"moved": True})
    file = bank_files.post(
        judged,
        by=by,
        filename=job.params["filename"],
        sha256=job.input_sha256,
        accepted=job.params.get("accepted", ()),
        tell=lambda done, total: progress(done, total=total),
    )
    return {"file": file.pk}


def undecided(today: datetime.date) -> QuerySet[Job]:
    """Answers that wait longer than DECIDED_WITHIN for somebody to look at them; what was posted meanwhile waits for nobody."""
    first = datetime.datetime.combine(still_in_time_from(today, DECIDED_WITHIN), datetime.time())
    posted = BankFile.objects.filter(kind=BankFile.Kind.ANSWER, sha256=OuterRef("input_sha256"))
    waiting = Job.objects.filter(kind=ANSWER, state=Job.State.WAITING, created_at__lt=timezone.make_aware(first))
    return waiting.exclude(Exists(posted))


def _headings(unknown: HeadingsUnknown) -> dict[str, Any]:
    """The first rows, for whoever says which column is what. Account numbers in them keep four digits."""
    return {
        "stage": "headings",
        "rows": [[LONG_NUMBER.sub("…", cell)[:60] for cell in row[:60]] for row in unknown.rows],
        "columns": unknown.columns,
        "missing": unknown.missing,
    }


def _seen(judged: Judged) -> dict[str, Any]:
    """What the preview shows. Names stand only beside lines that a person has to look at."""
    approved, listed = bank_files.approved(judged.batches), bank_files.listed(judged.batches)
    to_decide = {verdict.line.line for verdict in judged.to_decide()}
    by_reason: Counter[str] = Counter()
    for verdict in judged.verdicts:
        if verdict.column == MATCHED and verdict.reason:
            by_reason[verdict.reason] += 1
    columns: dict[str, list[dict[str, Any]]] = {"probable": [], "unmatched": []}
    counts = Counter(verdict.column for verdict in judged.verdicts)
    fen = Counter[str]()
    for verdict in judged.verdicts:
        fen[verdict.column] += verdict.line.amount_fen or 0
        if verdict.column != MATCHED and len(columns[verdict.column]) < MOST_SHOWN:
            columns[verdict.column].append(_shown(verdict, verdict.line.line in to_decide))
    return {
        "stage": "preview",
        "fingerprint": judged.fingerprint,
        "is_ours": judged.is_ours,
        "signature": judged.layout.signature,
        "lines": judged.count,
        "total_fen": judged.total_fen,
        "column_counts": counts,
        "column_fen": fen,
        "counts": judged.counts,
        "sums_fen": judged.sums_fen,
        "reasons": by_reason,
        "approved": [approved.count, approved.total_fen],
        "listed": [listed.count, listed.total_fen] if listed else None,
        "batches": list(PaymentBatch.objects.filter(pk__in=judged.batches).values_list("pk", "number")),
        "findings": [finding.words for finding in judged.findings],
        "unknown_words": judged.unknown_words,
        "other_words": Counter(v.line.words for v in judged.verdicts if v.line.reason == OTHER and v.line.words),
        "no_answer": [payment.key for payment in judged.no_answer[:MOST_SHOWN]],
        "no_answer_count": len(judged.no_answer),
        "no_answer_fen": sum(payment.amount_fen for payment in judged.no_answer),
        **columns,
    }


def _shown(verdict: Verdict, may_decide: bool) -> dict[str, Any]:
    line = verdict.line
    return {
        "line": line.line,
        "serial": line.serial,
        "name": line.name,
        "last4": line.account[-4:],
        "amount_fen": line.amount_fen,
        "outcome": line.outcome,
        "status": " ".join(filter(None, (line.status, line.words))),
        "words": verdict.words,
        "payment": verdict.payment.key if verdict.payment else None,
        "may_decide": may_decide,
    }


@runner.runs(LIST, refusals=REFUSALS)
def write_list(job: Job, progress: runner.Progress) -> dict[str, Any] | runner.Answer:
    """A list that is too long to wait for. What the bank would reject is the result, and then there is no file."""
    params = job.params
    batch = PaymentBatch.objects.get(pk=params["batch"])
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the runner stores it after this returns
    try:
        made = bank_lists.export(
            batch,
            params["bank"],
            by=Staff.objects.get(pk=job.requested_by_id),
            reason=params["reason"],
            purpose=params["purpose"],
            out=file,
            tell=lambda done, total: progress(done, total=total),
        )
    except ListRefused as refused:
        return {"problems": problems_of(batch, refused), "count": refused.details["count"]}
    return runner.Answer({"file": made.pk}, File(file, name=made.filename))


def problems_of(batch: PaymentBatch, refused: ListRefused) -> list[dict[str, Any]]:
    """What the bank would reject, with the payment that each is about (None: the whole list)."""
    ids = list(bank_lists.lines_of(batch).values_list("pk", flat=True))
    return [
        {"line": one.line, "payment": ids[one.line - 1] if one.line else None, "words": one.words}
        for one in refused.problems
    ]
