"""The rule pack at the auditor's desk: what it found, what explains it, and where the lines are drawn."""

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.models import OrgUnit
from access.roles import ROLES, Ability
from access.scope import posts_of
from audit import clock
from casework.auditing import jobs, running
from casework.auditing.models import RuleHit
from casework.auditing.rules import RULES, Rule
from casework.desks.audit.forms import ExplainForm, ParameterForm
from casework.desks.audit.subjects import Subjects
from casework.desks.audit.views import PAGE, auditors_only
from casework.errors import REFUSALS
from casework.http import reload_soon, row_number
from casework.reach import units_in, visible
from jobs.models import Job


def units_of(user: Any) -> list[OrgUnit]:
    """Where she audits, the highest unit first."""
    ids = [post.unit_id for post in posts_of(user) if Ability.AUDIT_READ in ROLES[post.role].abilities]
    return sorted(OrgUnit.objects.filter(pk__in=ids), key=lambda unit: running.LEVELS.index(unit.level))


def unit_of(request: HttpRequest) -> OrgUnit:
    """The unit that the address names, of those where she audits; the highest otherwise."""
    wanted, units = row_number(request.GET.get("unit")), units_of(request.user)
    for unit in units:
        if wanted in (None, unit.pk):
            return unit
    raise Http404


def rule_or_404(code: str) -> Rule:
    if code not in RULES:
        raise Http404
    return RULES[code]


@auditors_only
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """All rules with what the last run found; what nobody has explained comes first."""
    unit = unit_of(request)
    made = running.latest(unit)
    found = running.standing(made) if made else {}
    lines = running.parameters(unit, made.as_of) if made else {}
    rows = [
        {
            "rule": rule,
            "found": found.get(rule.code),
            "lines": [
                (param.title, lines.get(rule.code, {}).get(param.name, param.default), param.unit)
                for param in rule.params
            ],
        }
        for rule in RULES.values()
    ]
    rows.sort(key=lambda row: not (row["found"] and row["found"].open))
    context = {
        "unit": unit,
        "units": units_of(request.user),
        "run": made,
        "rows": rows,
        "open": sum(one.open for one in found.values()),
        "new": sum(one.new for one in found.values()),
    }
    return render(request, "audit/rules.html", context)


@auditors_only
@require_POST
def run(request: HttpRequest) -> HttpResponse:
    """Run the pack over her unit, as a job."""
    return redirect("audit:rules_job", jobs.start(unit_of(request), by=request.user).pk)


@auditors_only
@require_safe
def job(request: HttpRequest, job_id: int) -> HttpResponse:
    """How far the run is."""
    found = visible(Job.objects.filter(kind=jobs.KIND, requested_by_id=request.user.pk), pk=job_id)
    is_running = found.state in (Job.State.QUEUED, Job.State.RUNNING)
    context = {
        "base": "base_desk.html",
        "found": found,
        "job": {
            "title": found.title,
            "done": found.done_units,
            "total": found.total_units,
            "unit": _("条规则"),
            "note": found.step,
            "is_finished": not is_running,
            "result_url": "" if is_running else f"{reverse('audit:rules')}?unit={found.params['unit']}",
            "result_label": _("看结果"),
        },
    }
    response = render(request, "rosters/job.html", context)
    return reload_soon(response) if is_running else response


@auditors_only
@require_safe
def rule(request: HttpRequest, code: str) -> HttpResponse:
    """What one rule found, each with its sentence and a way to the record."""
    asked, unit = rule_or_404(code), unit_of(request)
    made = running.latest(unit)
    hits = (
        made.hits.filter(rule=code).select_related("village").order_by("village__code", "-day", "id")
        if made
        else RuleHit.objects.none()
    )
    page = Paginator(hits, PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    subjects, verdicts = Subjects(shown, request.user), running.explained(shown)
    context = {
        "rule": asked,
        "unit": unit,
        "run": made,
        "page": page,
        "rows": [
            {
                "hit": hit,
                "text": asked.sentence(hit.facts),
                "subject": subjects.words(hit.subject),
                "url": subjects.url(hit.subject),
                "verdict": verdicts.get(hit.pk),
            }
            for hit in shown
        ],
        "lines": running.parameters(unit, made.as_of if made else clock.today()).get(code, {}),
    }
    return render(request, "audit/rule.html", context)


def hit_or_404(user: Any, hit_id: int) -> RuleHit:
    """A hit in a village of her reach."""
    condition = units_in(user, Ability.AUDIT_READ, "village__")
    if condition is None:
        raise Http404
    return visible(RuleHit.objects.filter(condition).select_related("village", "run__unit"), pk=hit_id)


@auditors_only
@require_http_methods(["GET", "HEAD", "POST"])
def explain(request: HttpRequest, hit_id: int) -> HttpResponse:
    """It was looked into and is in order; it stays so while the facts stay the same."""
    hit = hit_or_404(request.user, hit_id)
    asked, form = rule_or_404(hit.rule), ExplainForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            running.explain(hit, because=form.cleaned_data["because"], by=request.user)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect(f"{reverse('audit:rule', args=[hit.rule])}?unit={hit.run.unit_id}")
    subjects = Subjects([hit], request.user)
    context = {
        "hit": hit,
        "rule": asked,
        "text": asked.sentence(hit.facts),
        "subject": subjects.words(hit.subject),
        "url": subjects.url(hit.subject),
        "form": form,
    }
    return render(request, "audit/explain.html", context)


@auditors_only
@require_http_methods(["GET", "HEAD", "POST"])
def parameters(request: HttpRequest, code: str) -> HttpResponse:
    """Where the lines of one rule are drawn in her unit."""
    asked, unit = rule_or_404(code), unit_of(request)
    if not asked.params:
        raise Http404
    now = running.parameters(unit, clock.today())[code]
    form = ParameterForm(asked, now, request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            for param in asked.params:
                if given[param.name] != now[param.name]:
                    running.set_parameter(
                        unit, asked, param.name, given[param.name], because=given["because"], by=request.user
                    )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect(f"{reverse('audit:rule', args=[code])}?unit={unit.pk}")
    return render(
        request,
        "audit/parameters.html",
        {"rule": asked, "unit": unit, "form": form, "fields": [form[p.name] for p in asked.params]},
    )
