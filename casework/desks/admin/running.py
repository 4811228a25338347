"""Whether everything runs: units, the calendar, the business clock of the demo, and the health of the installation."""

import datetime
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Max, Min, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_http_methods, require_safe

from access import reach
from access.errors import AccessError
from access.models import Appointment, OrgUnit
from access.roles import Ability
from access.units import import_org_units
from audit import clock
from audit.checkpoints import latest as latest_checkpoint
from audit.context import acting
from casework.desks.admin.forms import ClockForm, FileForm
from casework.desks.admin.people import in_force
from casework.desks.admin.reach import administrators, staff_in_reach, units_in_reach
from casework.queries import COUNT_LIMIT
from flows import calendar
from flows.errors import FlowsError
from flows.models import ProgrammeVersion
from jobs import tasks
from jobs.health import troubles
from jobs.models import Job, Outbox, TimerRun

SILENT_AFTER = datetime.timedelta(minutes=10)
NEXT_YEAR_FROM_MONTH = 10  # the State Council publishes the next year's holidays in autumn


@require_safe
@administrators()
def home(request: HttpRequest) -> HttpResponse:
    """What waits for an administrator, and whether anything is wrong."""
    today = clock.today()
    reach = staff_in_reach(request.user)
    counts = reach.aggregate(
        active=Count("pk", filter=Q(is_active=True)), closed=Count("pk", filter=Q(is_active=False))
    )
    ending = (
        Appointment.objects.filter(
            unit__in=units_in_reach(request.user),
            confirmed_on__isnull=False,
            valid_to__gte=today,
            valid_to__lte=today + datetime.timedelta(days=30),
        )
        .select_related("staff", "unit")
        .order_by("valid_to")[:10]
    )
    context = {
        "counts": counts,
        "drafts": ProgrammeVersion.objects.filter(published_on__isnull=True).select_related("author"),
        "ending": ending,
        "alarms": [check for check in checks() if not check["is_ok"]],
        "first_login": reach.filter(must_change_password=True, is_active=True).count(),
    }
    return render(request, "admin/home.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@administrators()
def units(request: HttpRequest) -> HttpResponse:
    """The tree, one level at a time, and the import of units from a file."""
    reach = units_in_reach(request.user)
    form = FileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        with uploaded(form.cleaned_data["file"]) as path:
            try:
                with acting(request.user, reason="import_org_units"):
                    done = import_org_units(path, by=request.user)
            except AccessError as refusal:
                form.add_error("file", str(refusal))
            else:
                messages.success(
                    request,
                    _("单位导入完：新增 %(new)d，改动 %(changed)d，没变 %(same)d。")
                    % {"new": done.created, "changed": done.changed, "same": done.unchanged},
                )
                return redirect("administration:units")
    unit = _chosen_unit(request, reach)
    below = reach.filter(parent=unit) if unit else _roots(reach)
    posts = Count("appointments", filter=Q(appointments__valid_to__isnull=True), distinct=True)
    rows = below.annotate(posts=posts, below=Count("children", distinct=True)).order_by("code")
    context = {
        "form": form,
        "unit": unit,
        "crumbs": _crumbs(unit, reach),
        "rows": rows[: COUNT_LIMIT + 1],
        "posts": unit.appointments.filter(in_force(clock.today())).select_related("staff").order_by("role")
        if unit
        else [],
    }
    return render(request, "admin/units.html", context)


def _chosen_unit(request: HttpRequest, reach: Any) -> OrgUnit | None:
    code = request.GET.get("unit", "")
    if not code:
        return None
    unit = reach.filter(code=code).first()
    if unit is None:
        raise Http404
    return unit


def _roots(reach: Any) -> Any:
    """Her own units: those whose parent is not hers."""
    return reach.exclude(parent__in=reach.values("pk"))


def _crumbs(unit: OrgUnit | None, reach: Any) -> list[dict[str, str]]:
    if unit is None:
        return []
    above = [getattr(unit, f"{level}_id") for level in ("province", "prefecture", "county", "township", "village")]
    names = {row.pk: row for row in reach.filter(pk__in=[key for key in above if key])}
    chain = [names[key] for key in above if key in names and key != unit.pk]
    crumbs = [{"label": _("全部单位"), "url": "?"}] + [{"label": row.name, "url": f"?unit={row.code}"} for row in chain]
    return [*crumbs, {"label": unit.name, "url": ""}]


@contextmanager
def uploaded(file: Any) -> Iterator[Path]:
    """The upload as a file on disk, for importers that read paths."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as kept:
        for chunk in file.chunks():
            kept.write(chunk)
        kept.flush()
        yield Path(kept.name)


@require_http_methods(["GET", "HEAD", "POST"])
@administrators(Ability.PROGRAMME_MANAGE)
def working_days(request: HttpRequest) -> HttpResponse:
    """Which years deadlines can be counted in; a year's file replaces the days that it names."""
    form = FileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        with uploaded(form.cleaned_data["file"]) as path:
            try:
                days = calendar.load(path)
            except FlowsError as refusal:
                form.add_error("file", str(refusal))
            else:
                messages.success(request, _("导入了 %(n)d 天。") % {"n": days})
                return redirect("administration:calendar")
    context = {"form": form, "years": calendar.loaded_years(), "missing": missing_years()}
    return render(request, "admin/calendar.html", context)


def missing_years() -> list[int]:
    """Years that deadlines will soon run into, and that are not loaded whole."""
    today = clock.today()
    wanted = [today.year] + ([today.year + 1] if today.month >= NEXT_YEAR_FROM_MONTH else [])
    whole = {year.year for year in calendar.loaded_years() if year.is_whole}
    return [year for year in wanted if year not in whole]


# Seals and what leaves the house wait for no day, and a page may not write them (casework/database/rights.py).
_WORKER_ALONE = frozenset({"archive", "checkpoint", "checkpoint_all", "anchor"})


def _moved_to(date: datetime.date | None) -> HttpResponse:
    """What the new day brings about is there when the page comes back, not when the worker next looks."""
    clock.move_to(date)
    with reach.beyond():  # timers are nobody's page
        tasks.run_every_timer(without=_WORKER_ALONE)
    return redirect("administration:clock")


@require_http_methods(["GET", "HEAD", "POST"])
@administrators()
def business_clock(request: HttpRequest) -> HttpResponse:
    """Move the business date of the demo, for everybody."""
    if not (settings.DEMO or settings.TESTING):
        raise Http404
    form = ClockForm(request.POST or None, initial={"date": clock.today()})
    if request.method == "POST":
        jump = request.POST.get("jump", "")
        if jump == "real":
            return _moved_to(None)
        if jump in ("1", "7", "30"):
            return _moved_to(clock.today() + datetime.timedelta(days=int(jump)))
        if form.is_valid():
            return _moved_to(form.cleaned_data["date"])
    return render(request, "admin/clock.html", {"form": form, "real": clock.real_today()})


TIMERS = {
    "posts": _l("到期的岗位和授权收回"),
    "notices": _l("公示期满，送到乡里"),
    "exit_notices": _l("退出公示期满，结案"),
    "relatives": _l("近亲属跟申请的家庭比对"),
    "help_in_parts": _l("人去世、迁走的，停发"),
    "deadlines": _l("超期提醒"),
    "checkpoint": _l("封存记录"),
    "archive": _l("文件抄到归档"),
    "checkpoint_all": _l("找没有封存的记录"),
    "anchor": _l("每天的封存码送出去"),
}


@require_safe
@administrators()
def health(request: HttpRequest) -> HttpResponse:
    """Everything that must go on by itself, with a word for what does not."""
    running = Job.objects.filter(state__in=("queued", "running", "waiting")).order_by("-pk")[:20]
    context = {
        "now": timezone.now(),
        "checks": checks(),
        "troubles": troubles(),
        "jobs": running,
        "timers": [{"run": run, "title": TIMERS.get(run.name, run.name)} for run in TimerRun.objects.order_by("name")],
    }
    return render(request, "admin/health.html", context)


def checks() -> list[dict[str, Any]]:
    """The worker, the outbox, the seal, the calendar, the demo clock: each a sentence and whether it is well."""
    return [check() for check in (_worker, _outbox, _seal, _calendar, _demo)]


def _worker() -> dict[str, Any]:
    seen = max(
        filter(
            None,
            (
                TimerRun.objects.aggregate(seen=Max("last_run_at"))["seen"],
                Outbox.objects.order_by("-pk")[:200].aggregate(seen=Max("done_at"))["seen"],
            ),
        ),
        default=None,
    )
    is_ok = seen is not None and timezone.now() - seen < SILENT_AFTER
    text = "" if is_ok else _("后台程序没有在运行。请启动：manage.py worker。")
    return {"title": _("后台程序"), "is_ok": is_ok, "at": seen, "value": "", "text": text}


def _outbox() -> dict[str, Any]:
    waiting = Outbox.objects.filter(done_at__isnull=True).order_by("pk")
    found = Outbox.objects.filter(pk__in=waiting.values("pk")[: COUNT_LIMIT + 1]).aggregate(
        n=Count("pk"), oldest=Min("created_at"), failing=Count("pk", filter=Q(attempts__gt=0))
    )
    is_late = found["oldest"] is not None and timezone.now() - found["oldest"] > SILENT_AFTER
    text = _("有 %(n)d 件试过没有办成。") % {"n": found["failing"]} if found["failing"] else ""
    text = text or (_("最早的一件等了很久。") if is_late else "")
    return {
        "title": _("等着办的后台事"),
        "is_ok": not is_late and not found["failing"],
        "at": found["oldest"],
        "value": f"{COUNT_LIMIT}+" if found["n"] > COUNT_LIMIT else str(found["n"]),
        "text": text,
    }


def _seal() -> dict[str, Any]:
    last = latest_checkpoint()
    is_ok = last is not None and timezone.now() - last.made_at < datetime.timedelta(days=2)
    return {
        "title": _("最近一次封存"),
        "is_ok": is_ok,
        "at": last.made_at if last else None,
        "value": last.fingerprint if last else "",
        "text": "" if is_ok else _("历史记录两天没有封存了。后台程序会每天封存。"),
    }


def _calendar() -> dict[str, Any]:
    missing = missing_years()
    text = _("缺 %(years)s 年，期限会算不出来。") % {"years": _("、").join(map(str, missing))} if missing else ""
    years = sorted(year.year for year in calendar.loaded_years() if year.is_whole)
    return {
        "title": _("工作日历"),
        "is_ok": not missing,
        "at": None,
        "value": _("、").join(map(str, years)),
        "text": text,
    }


def _demo() -> dict[str, Any]:
    if not settings.DEMO:
        return {"title": _("运行方式"), "is_ok": True, "at": None, "value": _("正式"), "text": ""}
    return {"title": _("运行方式"), "is_ok": True, "at": None, "value": _("演示：日期可以改"), "text": ""}
