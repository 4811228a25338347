"""单独登记: the open cases of close relatives, what somebody has to find out or look at, and the county's visit."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.models import Staff
from access.roles import Ability
from casework.desks.acts import base_of, refuse, way_back
from casework.desks.relatives.forms import HomeCheckForm, IdentifyForm, ReasonForm, ReviewForm
from casework.desks.relatives.lists import keepers
from casework.desks.relatives.menu import WAITS
from casework.desks.township.views import CappedPaginator
from casework.errors import REFUSALS
from casework.links import case_url
from casework.models import HomeCheck, RelativeFlag
from casework.queries import PAGE, cases_in_reach, visible_case
from casework.reach import units_in, visible
from casework.relatives import reviewing, takers, visits
from casework.relatives.visits import Seen
from families.models import Cadre
from flows.kin import RELATIONS
from flows.states import ACTIONS, STATES

MOST_PEOPLE = 300  # of those who work within reach, to choose from


def flags_in_reach(user: Any) -> QuerySet[RelativeFlag]:
    return RelativeFlag.objects.filter(case__in=cases_in_reach(user))


@keepers
@require_safe
@never_cache
def cases(request: HttpRequest) -> HttpResponse:
    """The register of flagged cases; ?wait=1 those in which something is to be found out."""
    rows = flags_in_reach(request.user).filter(ended_on__isnull=True)
    wait = request.GET.get("wait") == "1"
    if wait:
        rows = rows.filter(WAITS)
    seen = Exists(HomeCheck.objects.filter(case=OuterRef("case")))
    rows = rows.select_related("case__village").annotate(is_visited=seen).order_by("-id")
    page = CappedPaginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [
            {
                "flag": flag,
                "relation": RELATIONS.get(flag.relation, flag.relation),
                "state": STATES[flag.case.state],
                "wants_visit": not flag.is_visited and flag.case.spec.has_money and flag.case.rules.relatives_visited,
            }
            for flag in page
        ],
        "wait": wait,
        "now": timezone.now(),
        "base": base_of(request.user),
    }
    return render(request, "relatives/cases.html", context)


@keepers
@require_safe
@never_cache
def flag(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, _flag(request, pk))


def _flag(request: HttpRequest, pk: int) -> RelativeFlag:
    rows = flags_in_reach(request.user).select_related("case__village", "reviewed_by", "ended_by", "declaration")
    return visible(rows, pk=pk)


def _page(request: HttpRequest, found: RelativeFlag, **bound: Any) -> HttpResponse:
    user, case = request.user, found.case
    looks = reviewing.may_look_into(found, user) and found.ended_on is None
    is_unknown = not found.person_key
    context = {
        "flag": found,
        "case": case,
        "case_url": case_url(case.pk),
        "relation": RELATIONS.get(found.relation, found.relation),
        "state": STATES[case.state],
        "acts": _acts(found),
        "why_not": reviewing.may_review(found, user) if found.waits_for_review else "",
        "review_form": bound.get("review") or (ReviewForm() if found.waits_for_review else None),
        "identify_form": bound.get("identify") or (_identify_form(request) if looks and is_unknown else None),
        "end_form": bound.get("end")
        or (ReasonForm() if looks and is_unknown and found.source == "applicant" else None),
        "checks": list(case.home_checks.select_related("visitor")),
        "may_visit": visits.may_record(case, user),
        "takers": takers.takers(case),
        "base": base_of(user),
    }
    status = 422 if any(form.errors for form in bound.values()) else 200
    return render(request, "relatives/flag.html", context, status=status)


def _acts(found: RelativeFlag) -> list[dict[str, Any]]:
    if not found.person_key:
        return []
    acts = found.case.events.filter(person_key=found.person_key).order_by("n")
    return [
        {"business_date": act.business_date, "done": ACTIONS[act.action].done if act.action in ACTIONS else _("开案")}
        for act in acts
    ]


def _identify_form(request: HttpRequest, data: Any = None) -> IdentifyForm:
    return IdentifyForm(data, people=[(key, words) for key, (_person, words) in _people(request.user).items()])


def _people(user: Any) -> dict[str, tuple[Any, str]]:
    """{choice: (person, words)}: accounts with a post and cadres within reach."""
    place = units_in(user, Ability.RELATIVES_VIEW, "appointments__unit__")
    cadre_place = units_in(user, Ability.RELATIVES_VIEW, "unit__")
    if place is None or cadre_place is None:
        return {}
    staff = Staff.objects.filter(place, is_active=True).distinct().order_by("name", "pk")[:MOST_PEOPLE]
    cadres = Cadre.objects.filter(cadre_place, valid_to__isnull=True).select_related("unit").order_by("name", "pk")
    found: dict[str, tuple[Any, str]] = {f"staff:{one.pk}": (one, one.name) for one in staff}
    for one in cadres[:MOST_PEOPLE]:
        found[f"cadre:{one.pk}"] = (
            one,
            _("%(name)s，%(place)s%(post)s") % {"name": one.name, "place": one.unit.name, "post": one.post},
        )
    return found


@keepers
@require_POST
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """One tier up says whether earlier acts stand."""
    form = ReviewForm(request.POST)
    return _carry_out(
        request,
        pk,
        "review",
        form,
        lambda given: reviewing.review(pk, stands=given["verdict"] == "stands", words=given["words"], by=request.user),
        _("写好了。这一件可以接着办，或者退回重办。"),
    )


@keepers
@require_POST
def identify(request: HttpRequest, pk: int) -> HttpResponse:
    """Whom the family meant."""
    return _carry_out(
        request,
        pk,
        "identify",
        _identify_form(request, request.POST),
        lambda given: reviewing.identify(
            pk, person=_people(request.user)[given["person"]][0], relation=given["relation"], by=request.user
        ),
        _("查清楚了：这一位以后不经手这家的事。"),
    )


@keepers
@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """They are not related after all."""
    return _carry_out(
        request,
        pk,
        "end",
        ReasonForm(request.POST),
        lambda given: reviewing.end(pk, words=given["reason"], by=request.user),
        _("记好了，不用再查。"),
    )


def _carry_out(request: HttpRequest, pk: int, name: str, form: Any, verb: Any, done: str) -> HttpResponse:
    found = _flag(request, pk)
    if not form.is_valid():
        return _page(request, found, **{name: form})
    try:
        verb(form.cleaned_data)
    except REFUSALS as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    messages.success(request, done)
    return redirect("relatives:flag", pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def home_check(request: HttpRequest, pk: int) -> HttpResponse:
    """What the county saw at the family's home."""
    case = visible_case(request.user, pk)
    if not visits.may_record(case, request.user):
        raise PermissionDenied(_("入户核查由管这里的县级经办，在批钱以前记。"))
    form = HomeCheckForm(request.POST or None)
    back = way_back(request, case_url(case.pk))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            visits.record(
                case.pk,
                Seen(given["visited_on"], given["with_whom"], given["words"], given["as_reported"]),
                by=request.user,
            )
        except REFUSALS as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, _("入户核查记好了。"))
            return redirect(back)
    context = {"case": case, "form": form, "back": back, "base": base_of(request.user)}
    return render(request, "relatives/home_check.html", context, status=422 if form.errors else 200)
