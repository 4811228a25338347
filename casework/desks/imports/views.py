"""Imports: choose a file, watch it being judged, read what is wrong cell by cell, then take it over or not."""

import csv
import datetime
import hashlib
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.cells import plain_cell
from casework.fields import AnswerCards
from casework.http import reload_soon
from casework.importing import KINDS
from casework.watermark import taken_by
from families.importing.register_import import may_import
from families.models import ImportBatch
from jobs import runner
from jobs.errors import JobsError
from jobs.models import Job

TITLES = {"register_import": _("导入户籍册"), "ledger_import": _("导入困难户台账")}
MOST_BYTES = 50 * 1024 * 1024
PAGE = 50
_PATIENCE = datetime.timedelta(seconds=20)  # a worker that runs takes a job up within a second


class UploadForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("这是什么表？"),
        choices=[("register_import", _("户籍册（CSV）")), ("ledger_import", _("困难户台账（.xlsx，每村一张表）"))],
        widget=AnswerCards(),
        initial="ledger_import",
    )
    file = forms.FileField(label=_("文件"), help_text=_("先检查，给你看过再导入，不会马上改数据。"))

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(gettext("文件超过 50 MB，请拆开再导入。"))
        return file


def _importers_only(view: Any) -> Any:
    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may_import(request.user):
            raise PermissionDenied(gettext("导入由乡镇经办和县级经办办；系统管理员只在还没有户籍的时候办第一次。"))
        return view(request, *args, **kwargs)

    return guarded


def _own_job(request: HttpRequest, pk: int) -> Job:
    """Somebody else's import answers like one that does not exist."""
    found = Job.objects.filter(pk=pk, requested_by_id=request.user.pk, kind__in=KINDS).first()
    if found is None:
        raise Http404
    return found


@_importers_only
@require_http_methods(["GET", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """The upload form and one's own imports, newest first."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        return redirect("imports:job", pk=_enqueue(request, form).pk)
    jobs = Paginator(Job.objects.filter(requested_by_id=request.user.pk, kind__in=KINDS).order_by("-id"), 20)
    return render(
        request,
        "imports/home.html",
        {"form": form, "jobs": jobs.get_page(request.GET.get("page"))},
        status=422 if form.errors else 200,
    )


def _enqueue(request: HttpRequest, form: UploadForm) -> Job:
    file, kind = form.cleaned_data["file"], form.cleaned_data["kind"]
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    with transaction.atomic():
        return runner.enqueue(
            kind,
            f"{TITLES[kind]} · {file.name}"[:120],
            by_id=request.user.pk,
            params={"filename": file.name[:120]},
            file=file,
            sha256=digest.hexdigest(),
        )


@login_required
@require_GET
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """Progress, then the findings and the choice, then what was taken over."""
    found = _own_job(request, pk)
    result = found.result or {}
    findings = [{**f, "severity": "error"} for f in result.get("errors", [])]
    findings += [{**f, "severity": "warning"} for f in result.get("warnings", [])]
    context = {
        "job": found,
        "result": result,
        "running": found.state in (Job.State.QUEUED, Job.State.RUNNING),
        "nobody_works": found.state == Job.State.QUEUED and timezone.now() - found.created_at > _PATIENCE,
        "page": Paginator(findings, PAGE).get_page(request.GET.get("page")),
        "seen_before": ImportBatch.objects.filter(sha256=found.input_sha256).exclude(sha256="").first(),
    }
    response = render(request, "imports/job.html", context)
    return reload_soon(response) if context["running"] else response


@login_required
@require_POST
def reply(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the file over: `choice` is all, or good for the households without errors."""
    found = _own_job(request, pk)
    choice = request.POST.get("choice")
    if choice not in ("all", "good") or (choice == "all" and found.result.get("error_count")):
        messages.error(request, gettext("这份表里还有错，只能导入没有错的户，或改好再传。"))
        return redirect("imports:job", pk=pk)
    try:
        runner.reply(pk, choice=choice)
    except JobsError as error:
        messages.error(request, str(error))
    return redirect("imports:job", pk=pk)


@login_required
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    runner.cancel(_own_job(request, pk).pk)
    messages.success(request, gettext("已取消，什么都没有改。"))
    return redirect("imports:home")


@login_required
@require_GET
def findings_csv(request: HttpRequest, pk: int) -> HttpResponse:
    """The findings as a list to work through at the desk; it names cells, not people, so it says by itself what it is for."""
    found = _own_job(request, pk)
    with transaction.atomic():
        mark = taken_by(request.user, subject=f"job:{pk}", fields="findings", reason=gettext("改导入的表"))
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="import-{pk}.csv"'
    writer = csv.writer(response)
    writer.writerow(mark.row)
    writer.writerow([gettext("表"), gettext("单元格"), gettext("轻重"), gettext("怎么回事，怎么改")])
    for severity, name in (("errors", gettext("错")), ("warnings", gettext("提醒"))):
        for finding in found.result.get(severity, []):
            writer.writerow([plain_cell(finding["sheet"]), finding["cell"], name, plain_cell(finding["message"])])
    return response
