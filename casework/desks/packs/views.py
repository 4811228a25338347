"""Choosing what goes into a pack, watching it being made, taking a copy of it."""

import functools
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.roles import Ability
from access.scope import can
from audit import checkpoints
from casework.desks.confirming import Kind, ask, is_confirmed
from casework.desks.packs.forms import PackForm
from casework.errors import REFUSALS
from casework.http import reload_soon, row_number
from casework.inspection import services
from casework.inspection.choosing import MOST
from casework.inspection.models import InspectionPack, PackVolume
from casework.reach import visible
from casework.trail import read_words
from casework.watermark import WhyForm
from jobs import runner
from jobs.models import Job

PAGE = 25
COPIES = 50


def makers_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For whoever makes packs somewhere; for everybody else these pages do not exist."""

    @login_required
    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not services.may_make(request.user):
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@makers_only
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The packs in her reach, the newest first, and those of hers that are being made."""
    page = Paginator(services.packs_in_reach(request.user).order_by("-id"), PAGE).get_page(request.GET.get("page"))
    running = (Job.State.QUEUED, Job.State.RUNNING)
    jobs = Job.objects.filter(kind=services.KIND, requested_by_id=request.user.pk, state__in=running).order_by("-id")
    return render(request, "packs/home.html", {"page": page, "jobs": jobs[:10]})


@makers_only
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """What goes in, and why; then a job makes it."""
    units, audits = services.units_of(request.user), can(request.user, Ability.AUDIT_READ)
    initial = {name: request.GET[name] for name in ("by", "unit", "numbers", "sample", "rule") if request.GET.get(name)}
    form = ask(request, PackForm(units, request.POST or None, initial=initial, audits=audits), Kind.EXPORT)
    if request.method == "POST" and form.is_valid() and is_confirmed(request, form, Kind.EXPORT):
        try:
            made = services.order(form.chosen(), reason=form.cleaned_data["reason"], by=request.user)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("packs:job", made.pk)
    context = {"form": form, "audits": audits, "most": MOST}
    return render(request, "packs/new.html", context, status=422 if form.errors else 200)


def _own_job(request: HttpRequest, job_id: int) -> Job:
    return visible(Job.objects.filter(kind=services.KIND, requested_by_id=request.user.pk), pk=job_id)


@makers_only
@require_safe
def job(request: HttpRequest, job_id: int) -> HttpResponse:
    """How far it is; then where the pack lies."""
    found = _own_job(request, job_id)
    is_running = found.state in (Job.State.QUEUED, Job.State.RUNNING)
    made = row_number(str((found.result or {}).get("pack", "")))
    context = {
        "found": found,
        "job": {
            "title": found.title,
            "done": found.done_units,
            "total": found.total_units or found.params["count"],
            "unit": _("件"),
            "note": found.step,
            "is_finished": not is_running,
            "cancel_url": reverse("packs:cancel", args=[found.pk]),
            "result_url": reverse("packs:pack", args=[made]) if made else "",
            "result_label": _("看这一包"),
        },
    }
    response = render(request, "packs/job.html", context)
    return reload_soon(response) if is_running else response


@makers_only
@require_POST
def cancel(request: HttpRequest, job_id: int) -> HttpResponse:
    runner.cancel(_own_job(request, job_id).pk)
    messages.success(request, _("已取消。写到一半的都会删掉。"))
    return redirect("packs:job", job_id)


def _pack(request: HttpRequest, pack_id: int) -> InspectionPack:
    return visible(services.packs_in_reach(request.user), pk=pack_id)


@makers_only
@require_safe
def pack(request: HttpRequest, pack_id: int) -> HttpResponse:
    """What is in it, its digests, how it is checked, and who has a copy."""
    found = _pack(request, pack_id)
    volumes = list(found.volumes.all())
    copies = list(services.copies_of(found)[:COPIES])
    for entry in copies:
        entry.words = read_words(entry)
    context = {
        "pack": found,
        "volumes": volumes,
        "names": " ".join(volume.filename for volume in volumes),
        "public_key": checkpoints.public_key().hex(),
        "copies": copies,
    }
    return render(request, "packs/pack.html", context)


@makers_only
@require_http_methods(["GET", "HEAD", "POST"])
def take(request: HttpRequest, pack_id: int, n: int) -> HttpResponse:
    """One volume, for a stated reason: the very bytes that were made."""
    found = _pack(request, pack_id)
    volume: PackVolume = visible(found.volumes.all(), n=n)
    form = ask(request, WhyForm(request.POST or None), Kind.EXPORT)
    if request.method == "POST" and form.is_valid() and is_confirmed(request, form, Kind.EXPORT):
        try:
            file = services.take(volume, reason=form.cleaned_data["reason"], by=request.user)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            response = FileResponse(file, as_attachment=True, filename=volume.filename, content_type="application/zip")
            response["Cache-Control"] = "no-store"
            return response
    context = {"form": form, "pack": found, "volume": volume}
    return render(request, "packs/take.html", context, status=422 if form.errors else 200)
