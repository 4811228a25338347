"""A bank's answer at the desk: uploaded, judged, looked at in three columns, decided line by line, and then posted."""

import hashlib
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.models import Staff
from audit import clock
from casework.bank_jobs import ANSWER
from casework.bank_words import returned_words
from casework.desks.funds.bank_forms import AnswerUploadForm, ColumnsForm, WordsForm
from casework.desks.funds.reach import (
    answers_left_undecided,
    answers_seen_whole,
    bank_files_in_reach,
    bank_lines_in_reach,
    bank_tasks_in_reach,
    demand,
    demand_money,
    holds,
    payments_in_reach,
)
from casework.desks.funds.tables import cases_of
from casework.errors import REFUSALS
from casework.http import reload_soon
from casework.reach import visible
from funds import bank_files, bank_formats
from funds.banking.formats import IN
from funds.banking.headings import LABELS
from funds.banking.matching import WORDS
from funds.banking.reasons import OUTCOME_WORDS, STORED_WORDS
from funds.models import BankFile, BankLine, BankTask
from jobs import runner
from jobs.errors import JobsError
from jobs.models import Job

PAGE = 50
ALIVE = (Job.State.QUEUED, Job.State.RUNNING, Job.State.WAITING)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """The upload, what one has under way, and every answer that was posted."""
    user = request.user
    demand_money(user)
    may_post = holds(user, "answer")
    banks = bank_formats.banks(IN, clock.today())
    form = AnswerUploadForm(request.POST or None, request.FILES or None, banks=banks) if may_post else None
    if request.method == "POST":
        demand(user, "answer")
        if form.is_valid():
            try:
                return redirect("funds:bank_job", _enqueue(request, form).pk)
            except REFUSALS as refusal:
                form.add_error("file", str(refusal))
    files = bank_files_in_reach(user).filter(kind=BankFile.Kind.ANSWER).select_related("made_by")
    page = Paginator(files, PAGE).get_page(request.GET.get("page"))
    names, sums = dict(banks), _sums_of(list(page), user)
    return render(
        request,
        "funds/bank.html",
        {
            "form": form,
            "jobs": Job.objects.filter(kind=ANSWER, requested_by_id=user.pk, state__in=ALIVE).order_by("-id")[:20],
            "undecided": _undecided(user),
            "page": page,
            "files": [{"file": file, "bank": names.get(file.bank, file.bank), **sums[file.pk]} for file in page],
        },
        status=422 if form is not None and form.errors else 200,
    )


def _undecided(user: Any) -> list[dict[str, Any]]:
    """Answers that nobody has decided in time, the oldest first: whose they are and for how long. Two queries."""
    jobs = list(answers_left_undecided(user).order_by("created_at")[:PAGE])
    names = dict(Staff.objects.filter(pk__in={job.requested_by_id for job in jobs}).values_list("pk", "name"))
    today = clock.today()
    return [
        {
            "job": job,
            "who": names.get(job.requested_by_id, ""),
            "is_mine": job.requested_by_id == user.pk,
            "days": (today - timezone.localtime(job.created_at).date()).days,
        }
        for job in jobs
    ]


def _sums_of(files: list[BankFile], user: Any) -> dict[int, dict[str, int]]:
    """{file: what its lines within reach add up to}; of one that she sees whole the file itself knows."""
    whole = set(answers_seen_whole(user).filter(pk__in=[file.pk for file in files]).values_list("pk", flat=True))
    counts = {file.pk: file.counts if file.pk in whole else {} for file in files}
    fen = {file.pk: file.sums_fen if file.pk in whole else {} for file in files}
    parts = bank_lines_in_reach(user).filter(file__in=set(counts) - whole).order_by().values_list("file", "result")
    for pk, result, n, sum_fen in parts.annotate(Count("id"), Sum("amount_fen", default=0)):
        counts[pk][result], fen[pk][result] = n, sum_fen
    return {pk: _sums(counts[pk], fen[pk]) for pk in counts}


def _sums(counts: dict[str, int], fen: dict[str, int]) -> dict[str, int]:
    failed = ("matched_failed", "matched_returned")
    return {
        "lines": sum(counts.values()),
        "credited": counts.get("matched_success", 0),
        "credited_fen": fen.get("matched_success", 0),
        "returned": sum(counts.get(result, 0) for result in failed),
        "returned_fen": sum(fen.get(result, 0) for result in failed),
        "exceptions": counts.get("exception", 0),
    }


def _enqueue(request: HttpRequest, form: AnswerUploadForm) -> Job:
    """Pressed twice, it is one job. Raises AlreadyPosted for bytes that were posted under any name."""
    file, bank = form.cleaned_data["file"], form.cleaned_data["bank"]
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    sha256 = digest.hexdigest()
    bank_files.refuse_what_was_posted(sha256)
    mine = Job.objects.filter(kind=ANSWER, requested_by_id=request.user.pk, input_sha256=sha256, state__in=ALIVE)
    known = mine.filter(params__bank=bank).first()
    if known is not None:
        return known
    with transaction.atomic():
        return runner.enqueue(
            ANSWER,
            _("银行回单 %(name)s") % {"name": file.name[:80]},
            by_id=request.user.pk,
            params={"filename": file.name[:120], "bank": bank},
            file=file,
            sha256=sha256,
        )


def _own_job(request: HttpRequest, pk: int, *states: str) -> Job:
    """Somebody else's upload answers like one that does not exist."""
    demand_money(request.user)
    found = Job.objects.filter(pk=pk, kind=ANSWER, requested_by_id=request.user.pk).first()
    if found is None or (states and found.state not in states):
        raise Http404
    return found


@login_required
@require_safe
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """Progress; then the columns to be named, or the three columns of the match; then what was posted."""
    found = _own_job(request, pk)
    if found.state == Job.State.DONE:
        return redirect("funds:bank_file", found.result["file"])
    if found.state == Job.State.WAITING and found.result.get("stage") == "headings":
        return _headings_page(request, found, None)
    if found.state == Job.State.WAITING:
        return _preview(request, found, None)
    context = {"job": found, "running": found.state in (Job.State.QUEUED, Job.State.RUNNING)}
    response = render(request, "funds/bank_running.html", context)
    return reload_soon(response) if context["running"] else response


def _headings_page(request: HttpRequest, found: Job, form: ColumnsForm | None) -> HttpResponse:
    rows = found.result["rows"]
    form = form or ColumnsForm(rows=rows, columns=found.result["columns"])
    return render(
        request,
        "funds/bank_columns.html",
        {
            "job": found,
            "rows": rows[:8],
            "form": form,
            "bank": bank_formats.bank_name(found.params["bank"]),
            "missing": _("、").join(str(LABELS[field]) for field in found.result.get("missing", ())),
        },
        status=422 if form.errors else 200,
    )


def _preview(request: HttpRequest, found: Job, words_form: WordsForm | None) -> HttpResponse:
    seen = found.result
    unknown, other = list(seen["unknown_words"]), list(seen["other_words"])[:20]
    if words_form is None and (unknown or other):
        words_form = WordsForm(statuses=unknown, reasons=other)
    probable = Paginator(seen["probable"], PAGE).get_page(request.GET.get("page"))
    unmatched = Paginator(seen["unmatched"], PAGE).get_page(request.GET.get("rest"))
    silent = Paginator(seen["no_answer"], PAGE).get_page(request.GET.get("silent"))
    ids = {row["payment"] for row in (*probable, *unmatched) if row["payment"]} | set(silent)
    payments = {row.pk: row for row in payments_in_reach(request.user).filter(pk__in=ids)}
    counts, sums = seen["counts"], seen["sums_fen"]
    groups = [
        {"words": label, "n": counts[result], "fen": sums.get(result, 0)}
        for result, label in (
            ("matched_success", _("到账")),
            ("matched_failed", _("银行没有付出")),
            ("matched_returned", _("退票")),
            ("already_recorded", _("以前登记过，不再记")),
        )
        if counts.get(result)
    ]
    return render(
        request,
        "funds/bank_preview.html",
        {
            "job": found,
            "seen": seen,
            "bank": bank_formats.bank_name(found.params["bank"]),
            "groups": groups,
            "reasons": [(returned_words(STORED_WORDS[code]), n) for code, n in seen["reasons"].items() if n],
            "probable": _with_payment(probable, payments, _decided(found)),
            "probable_page": probable,
            "unmatched": _with_payment(unmatched, payments, {}),
            "unmatched_page": unmatched,
            "silent": [payments[pk] for pk in silent if pk in payments],
            "silent_page": silent,
            "words_form": words_form,
            "is_ours": seen.get("is_ours", True),
            "may_be_posted": not _is_barred(seen),
        },
        status=422 if words_form is not None and words_form.errors else 200,
    )


def _is_barred(seen: dict[str, Any]) -> bool:
    return bool(seen.get("findings") or seen.get("unknown_words") or not seen.get("is_ours", True))


def _with_payment(rows: Any, payments: dict[int, Any], decided: dict[str, str]) -> list[dict[str, Any]]:
    return [
        row
        | {
            "sent": payments.get(row["payment"]),
            "said": OUTCOME_WORDS[row["outcome"]],
            "decided": decided.get(str(row["line"]), ""),
        }
        for row in rows
    ]


def _decided(found: Job) -> dict[str, str]:
    """{line: yes or no} of what was decided on earlier pages of this preview."""
    return found.params.get("decided", {})


@login_required
@require_POST
def columns(request: HttpRequest, pk: int) -> HttpResponse:
    """Which column is what, remembered for the bank; then the file is judged again."""
    demand(request.user, "answer")
    found = _own_job(request, pk, Job.State.WAITING)
    if found.result.get("stage") != "headings":
        return redirect("funds:bank_job", pk)
    form = ColumnsForm(request.POST, rows=found.result["rows"], columns=found.result["columns"])
    if not form.is_valid():
        return _headings_page(request, found, form)
    try:
        with open(found.input_file.path, "rb") as source:
            bank_formats.remember_columns(source, found.params["bank"], form.cleaned_data, by=request.user)
    except REFUSALS as refusal:
        form.add_error(None, str(refusal))
        return _headings_page(request, found, form)
    return _again(request, found, confirm="")


@login_required
@require_POST
def words(request: HttpRequest, pk: int) -> HttpResponse:
    """What the bank's words mean, remembered for these headings; then the file is judged again."""
    demand(request.user, "answer")
    found = _own_job(request, pk, Job.State.WAITING)
    if found.result.get("stage") != "preview":
        return redirect("funds:bank_job", pk)
    seen = found.result
    form = WordsForm(request.POST, statuses=seen["unknown_words"], reasons=list(seen["other_words"])[:20])
    if not form.is_valid():
        return _preview(request, found, form)
    statuses, reasons = form.said()
    try:
        bank_formats.teach(found.params["bank"], seen["signature"], statuses, reasons, by=request.user)
    except REFUSALS as refusal:
        form.add_error(None, str(refusal))
        return _preview(request, found, form)
    return _again(request, found, confirm="")


@login_required
@require_POST
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Post what was seen. Every probable line that may be decided has its yes or no; pages keep theirs."""
    demand(request.user, "answer")
    found = _own_job(request, pk)
    if found.state != Job.State.WAITING:  # pressed twice
        return redirect("funds:bank_job", pk)
    seen = found.result
    decided = _decided(found) | {
        str(row["line"]): request.POST[f"line-{row['line']}"]
        for row in seen.get("probable", ())
        if row["may_decide"] and request.POST.get(f"line-{row['line']}") in ("yes", "no")
    }
    open_lines = [
        row["line"] for row in seen.get("probable", ()) if row["may_decide"] and str(row["line"]) not in decided
    ]
    if request.POST.get("fingerprint") != seen.get("fingerprint") or _is_barred(seen):
        messages.error(request, _("这一页放得太久了，请重新看一遍再确认。"))
        return redirect("funds:bank_job", pk)
    if open_lines:
        Job.objects.filter(pk=pk, state=Job.State.WAITING).update(params=found.params | {"decided": decided})
        messages.error(request, _("还有 %(n)d 行没有定：是，还是不是？请逐行选。") % {"n": len(open_lines)})
        return redirect("funds:bank_job", pk)
    accepted = [int(line) for line, said in decided.items() if said == "yes"]
    return _again(request, found, confirm=seen["fingerprint"], accepted=accepted, decided=decided)


def _again(request: HttpRequest, found: Job, **choice: Any) -> HttpResponse:
    """Judge once more, or post; what the preview showed of people is not kept beyond that."""
    try:
        with transaction.atomic():
            runner.reply(found.pk, **choice)
            Job.objects.filter(pk=found.pk).update(result={})
    except JobsError as error:
        messages.error(request, str(error))
    return redirect("funds:bank_job", found.pk)


@login_required
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave the file aside; what the preview showed of it goes with it."""
    late = answers_left_undecided(request.user).filter(pk=pk).first()  # anybody who may post it lays it aside by then
    found = late or _own_job(request, pk)
    runner.cancel(found.pk)
    Job.objects.filter(pk=found.pk, state=Job.State.CANCELLED).update(result={})
    messages.success(request, _("已放下，没有记账。"))
    return redirect("funds:bank")


@login_required
@require_safe
def file(request: HttpRequest, pk: int) -> HttpResponse:
    """A posted answer: its lines within reach, each leading to its payment and its case."""
    user = request.user
    found = visible(bank_files_in_reach(user).filter(kind=BankFile.Kind.ANSWER).select_related("made_by"), pk=pk)
    chosen = request.GET.get("verdict", "")
    rows = bank_lines_in_reach(user).filter(file=found).select_related("payment", "task").order_by("n")
    if chosen in BankLine.Verdict.values:
        rows = rows.filter(verdict=chosen)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    lines = list(page.object_list)
    cases = cases_of([line.payment for line in lines if line.payment], user)
    tasks = bank_tasks_in_reach(user).filter(file=found, state=BankTask.State.OPEN).count()
    chips = [{"label": _("全部"), "url": "?", "on": not chosen}] + [
        {"label": label, "url": f"?verdict={value}", "on": chosen == value} for value, label in BankLine.Verdict.choices
    ]
    return render(
        request,
        "funds/bank_file.html",
        {
            "file": found,
            "bank": bank_formats.bank_name(found.bank),
            "sums": _sums_of([found], user)[found.pk],
            "chips": chips,
            "page": page,
            "lines": [
                {
                    "line": line,
                    "case": cases.get(line.payment_id),
                    "name": line.name or (line.payment.payee_name if line.payment else ""),
                    "said": OUTCOME_WORDS[line.outcome],
                    "why": str(WORDS[line.cause]) if line.cause in WORDS else "",
                    "tone": {"matched": "ok", "probable": "soon", "unmatched": "act"}[line.verdict],
                }
                for line in lines
            ],
            "tasks": tasks,
            "may_settle": holds(user, "answer"),
        },
    )
