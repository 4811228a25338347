"""Making a list: its frame, its people, one line changed or taken out."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from access.models import OrgUnit
from access.scope import posts_of
from casework.desks.acts import base_of
from casework.desks.funds.forms import ReasonForm
from casework.desks.rosters.forms import FillForm, LineForm, NewForm
from casework.desks.rosters.reach import line_or_404, own_villages, posts_here, roster_or_404
from casework.errors import REFUSALS
from casework.models import Roster
from casework.rosters import building, findings
from funds.models import Provider


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The frame of a list; its people come on the next page."""
    posts = [post for post in posts_of(request.user) if post.role == building.PREPARES]
    if not posts:
        raise PermissionDenied(_("名册由乡镇经办编制。"))
    townships = [post.unit_id for post in posts]
    units = OrgUnit.objects.filter(
        Q(pk__in=townships) | Q(level="village", township__in=townships), valid_to__isnull=True
    ).order_by("code")
    counties = OrgUnit.objects.filter(pk__in=townships).values("county")
    providers = Provider.objects.filter(
        Q(unit__in=townships) | Q(unit__in=counties), checked_on__isnull=False, ended_on__isnull=True
    )
    form = NewForm(request.POST or None, units=units, providers=providers)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        kind, _colon, event = given["event"].partition(":")
        fields = ("title", "year", "unit", "channel", "amount_fen", "severe_fen", "cash_reason", "provider")
        plan = building.Plan(kind=kind, event=event, **{name: given[name] for name in fields})
        try:
            roster = building.create(plan, by=request.user, key=f"roster:{given['key']}")
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("名册建好了。下一步：把人加进来。"))
            return redirect("rosters:fill", roster.pk)
    context = {"base": base_of(request.user), "form": form, "title": _("新建名册"), "verb": _("建好，下一步加人")}
    return render(request, "rosters/form.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def fill(request: HttpRequest, roster_id: int) -> HttpResponse:
    """Add people by rule or by number; counts and sums are shown before anybody is added."""
    roster = roster_or_404(request.user, roster_id)
    if not roster.is_draft:
        raise Http404
    unit = _unit_of(request.user, roster)
    form = FillForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            added, problems = _added(roster, form.cleaned_data, unit, request.user)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, ngettext("加了 %(n)d 人。", "加了 %(n)d 人。", added) % {"n": added})
            for problem in problems[:20]:
                messages.warning(request, problem)
            return redirect("rosters:roster", roster.pk)
    context = {
        "base": base_of(request.user),
        "roster": roster,
        "form": form,
        "place": unit or roster.village,
        "previews": [
            {"label": label, "of": building.preview(roster, by=request.user, severity=severity, unit=unit)}
            for severity, label in (
                ("", _("全部困难户")),
                ("hardship", _("困难户（不含重困）")),
                ("severe", _("重困户")),
            )
        ],
    }
    return render(request, "rosters/fill.html", context, status=422 if form.errors else 200)


def _unit_of(user: Any, roster: Roster) -> OrgUnit | None:
    """None: the whole place of the list; else the village whose people the user proposes. Raises PermissionDenied."""
    if posts_here(user, roster, building.PREPARES):
        return None
    villages = own_villages(user)
    if not villages:
        raise PermissionDenied(_("这份名册由乡镇经办编制；村级专干提本村的人。"))
    return villages[0]


def _added(roster: Roster, given: dict[str, Any], unit: OrgUnit | None, by: Any) -> tuple[int, list[str]]:
    if given["how"] == "numbers":
        return building.fill_by_numbers(roster.pk, given["numbers"], by=by, unit=unit)
    return building.fill_by_rule(roster.pk, by=by, severity=given["how"], unit=unit), []


@login_required
@require_POST
def accounts(request: HttpRequest, roster_id: int) -> HttpResponse:
    """Take over the accounts that the households use now. Pressed twice, the second time changes nothing."""
    roster = roster_or_404(request.user, roster_id)
    try:
        changed = building.look_up_accounts(roster.pk, by=request.user)
    except REFUSALS as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, ngettext("更新了 %(n)d 个账户。", "更新了 %(n)d 个账户。", changed) % {"n": changed})
    return redirect("rosters:roster", roster.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def line(request: HttpRequest, line_id: int) -> HttpResponse:
    """One line of a draft: amount, remark, why a finding does not stand against it."""
    found = line_or_404(request.user, line_id)
    if not found.roster.is_draft or found.state != "on":
        raise Http404
    form = LineForm(
        request.POST or None,
        initial={"amount_fen": found.amount_fen, "words": found.words, "accepted_because": found.accepted_because},
    )
    if request.method == "POST" and form.is_valid():
        given = {name: value for name, value in form.cleaned_data.items() if name != "key"}
        try:
            building.change_line(found, by=request.user, **given)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("记好了。"))
            return redirect("rosters:roster", found.roster_id)
    context = {
        "base": base_of(request.user),
        "line": found,
        "roster": found.roster,
        "form": form,
        "findings": findings.of_lines(found.roster, [found.pk])[found.pk],
    }
    return render(request, "rosters/line.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def take_out(request: HttpRequest, line_id: int) -> HttpResponse:
    """A line off a draft, with its reason."""
    found = line_or_404(request.user, line_id)
    if not found.roster.is_draft or found.state != "on":
        raise Http404
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            building.take_out(found, reason=form.cleaned_data["reason"], by=request.user)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("已移出。这个人可以列入别的名册。"))
            return redirect("rosters:roster", found.roster_id)
    context = {
        "base": base_of(request.user),
        "form": form,
        "roster": found.roster,
        "line": found,
        "title": _("移出名册"),
        "verb": _("移出"),
    }
    return render(request, "rosters/form.html", context, status=422 if form.errors else 200)
