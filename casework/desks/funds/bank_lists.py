"""The list of a released batch for its bank: at once when it is short, as a job when it is long."""

import tempfile
from contextlib import ExitStack
from typing import Any, BinaryIO

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.roles import Ability
from access.scope import can
from audit import clock
from casework.bank_jobs import LIST, problems_of
from casework.desks.confirming import Kind, ask, is_confirmed
from casework.desks.funds.bank_forms import ListForm
from casework.desks.funds.batches import batch_row
from casework.desks.funds.reach import payments_in_reach
from casework.desks.funds.tables import cases_of
from casework.errors import REFUSALS
from casework.http import reload_soon
from funds import bank_formats, bank_lists
from funds.banking.errors import ListRefused
from funds.banking.formats import OUT
from funds.errors import NotYours
from funds.models import BankFile, PaymentBatch
from jobs import runner
from jobs.models import Job

AT_ONCE = 2_000  # lines that are written while the browser waits


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def export(request: HttpRequest, batch_id: int) -> HttpResponse:
    """With whole account numbers, for a stated reason that stays in the access log."""
    row = batch_row(request, batch_id)
    try:
        bank_lists.demand_accounts(row.batch, request.user)
    except NotYours as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    if row.batch.state != PaymentBatch.State.RELEASED:
        raise Http404
    made_for = bank_lists.bank_of(row.batch)
    banks = [bank for bank in bank_formats.banks(OUT, clock.today()) if made_for in ("", bank[0])]
    form = ListForm(request.POST or None, banks=banks, initial={"purpose": row.batch.title[:20]})
    form = ask(request, form, Kind.EXPORT)
    problems: list[dict[str, Any]] = []
    if request.method == "POST" and form.is_valid() and is_confirmed(request, form, Kind.EXPORT):
        try:
            if row.count > AT_ONCE:
                return redirect("funds:bank_list", _enqueue(request, row.batch, form.cleaned_data).pk)
            return _written(request, row.batch, form.cleaned_data)
        except ListRefused as refused:
            form.add_error(None, str(refused))
            problems = _named(request, problems_of(row.batch, refused))
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
    lists = bank_lists.made_for(row.batch)
    context = {"row": row, "batch": row.batch, "form": form, "problems": problems, "lists": lists}
    return render(request, "funds/export.html", context, status=422 if form.errors else 200)


def _written(request: HttpRequest, batch: PaymentBatch, given: dict[str, Any]) -> HttpResponse:
    with ExitStack() as until_written:
        file = until_written.enter_context(tempfile.TemporaryFile())
        made = bank_lists.export(
            batch, given["bank"], by=request.user, reason=given["reason"], purpose=given["purpose"], out=file
        )
        until_written.pop_all()  # from here on the response closes it
    return _download(file, made.filename)


def _download(file: Any, name: str) -> HttpResponse:
    response = FileResponse(file, as_attachment=True, filename=name, content_type="application/octet-stream")
    response["Cache-Control"] = "no-store"
    return response


def _enqueue(request: HttpRequest, batch: PaymentBatch, given: dict[str, Any]) -> Job:
    """Pressed twice, it is one job."""
    mine = Job.objects.filter(
        kind=LIST, requested_by_id=request.user.pk, params__batch=batch.pk, params__bank=given["bank"],
        state__in=(Job.State.QUEUED, Job.State.RUNNING),
    )  # fmt: skip
    with transaction.atomic():
        return mine.first() or runner.enqueue(
            LIST,
            _("银行清单 %(number)s") % {"number": batch.number},
            by_id=request.user.pk,
            params={"batch": batch.pk, **given},
        )


def _named(request: HttpRequest, problems: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each problem with its payment and its case."""
    ids = {one["payment"] for one in problems}
    payments = {row.pk: row for row in payments_in_reach(request.user).filter(pk__in=ids)}
    cases = cases_of(payments.values(), request.user)
    return [one | {"payment": payments.get(one["payment"]), "case": cases.get(one["payment"])} for one in problems]


def _own_job(request: HttpRequest, pk: int) -> Job:
    found = Job.objects.filter(pk=pk, kind=LIST, requested_by_id=request.user.pk).first()
    if found is None or not can(request.user, Ability.ACCOUNT_VIEW):
        raise Http404
    return found


@login_required
@require_safe
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """Progress; then the file, or what the bank would reject."""
    found = _own_job(request, pk)
    running = found.state in (Job.State.QUEUED, Job.State.RUNNING)
    context = {
        "job": found,
        "running": running,
        "problems": _named(request, found.result.get("problems", [])),
        "batch": PaymentBatch.objects.get(pk=found.params["batch"]),
    }
    response = render(request, "funds/bank_list.html", context)
    return reload_soon(response) if running else response


@login_required
@require_POST
def take(request: HttpRequest, pk: int) -> HttpResponse:
    """The file, once: whole account numbers do not stay lying on the server."""
    found = _own_job(request, pk)
    file = _taken(found)
    if file is None:
        messages.error(request, _("这份清单取过了。还要的话，请写明原因再导出一次。"))
        return redirect("funds:bank_list", pk)
    return _download(file, BankFile.objects.get(pk=found.result["file"]).filename)


def _taken(job: Job) -> BinaryIO | None:
    """What the job has made, which from now on is nowhere else; None when somebody (a second click, say) has taken it."""
    if job.state != Job.State.DONE or not job.result_file:
        return None
    name, storage = job.result_file.name, job.result_file.storage
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    try:
        with storage.open(name) as stored:
            for chunk in stored.chunks():
                file.write(chunk)
    except FileNotFoundError:
        return None
    if not Job.objects.filter(pk=job.pk, result_file=name).update(result_file=""):
        return None
    storage.delete(name)
    file.seek(0)
    return file


@login_required
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    found = _own_job(request, pk)
    runner.cancel(found.pk)
    messages.success(request, _("已取消，没有生成清单。"))
    return redirect("funds:batch", found.params["batch"])
