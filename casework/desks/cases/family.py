"""One family: its people masked, its surveys, cases, accounts and papers. Whole numbers only with a reason that is logged."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from access.roles import Ability
from access.scope import posts_of, scope
from audit import clock
from casework import people_gone
from casework.days import day_short
from casework.desks.acts import base_of, way_back
from casework.desks.cases import surveys
from casework.desks.cases.file_forms import RevealForm
from casework.desks.cases.gone import may
from casework.desks.cases.page import paper_tile
from casework.desks.confirming import Kind, ask, is_confirmed
from casework.errors import REFUSALS
from casework.models import Case, SurveyDraft
from casework.queries import cases_in_reach, visible_case, visible_household
from casework.visibility import Sight, sight
from families import catalogue
from families import services as families
from families.models import BankAccount, Household, HouseholdMember
from families.relation_words import relation_words
from flows.programmes import PROGRAMMES
from flows.programmes.parts import SURVEYORS
from flows.spec import MAY_OPEN
from flows.states import STATES

NEWEST = 12


@login_required
@require_GET
@never_cache
def family(request: HttpRequest, pk: int) -> HttpResponse:
    household = visible_household(request.user, pk)
    return render(request, "cases/family.html", family_page(household, request.user))


def family_page(household: Household, user: Any) -> dict[str, Any]:
    """The context of templates/cases/family.html."""
    seen = sight(user, household)
    today = clock.today()
    members = list(household.members.filter(valid_to__isnull=True).select_related("person").order_by("pk"))
    rows = surveys.versions(household)
    roles = {post.role for post in posts_of(user) if post.reaches(household)}
    cases = list(cases_in_reach(user).filter(household=household).order_by("-pk")[:NEWEST])
    return {
        "household": household,
        "sight": seen,
        "members": [_member(row, seen, today) for row in members],
        "moved_away": list(_moved_away(household)),
        "records_people": may(user, household, people_gone.RECORDERS),
        "corrects_people": may(user, household, people_gone.CORRECTORS),
        "versions": rows,
        "latest_parts": surveys.sheet(rows[0], seen) if rows else [],
        "cases": [case_cell(case) for case in cases],
        "accounts": list(household.accounts.select_related("holder", "recorded_by").order_by("-is_active", "-pk")[:5]),
        "papers": [
            paper_tile(row, row.kind)
            for row in household.documents.select_related("added_by").order_by("-pk")[:NEWEST]
            if seen.shows_paper(row.kind)
        ],
        "help_received": list(household.help_received.order_by("-last_on", "-pk")[:NEWEST]),
        "causes": [
            catalogue.title(catalogue.CAUSES, cause)
            for cause in household.causes.filter(valid_to__isnull=True)
            .order_by("-is_main")
            .values_list("cause", flat=True)
        ],
        "draft": SurveyDraft.objects.filter(household=household, staff=user).exclude(answers={}).first(),
        "surveys": bool(roles & set(SURVEYORS)),
        "opens": bool(roles & set(MAY_OPEN)),
        "reveal": RevealForm(),
        "base": base_of(user),
    }


def _member(row: HouseholdMember, seen: Sight, today: Any) -> dict[str, Any]:
    person = row.person
    facts = [_("%(age)d 岁") % {"age": person.age_on(today)}]
    if person.lives_away:
        facts.append(_("外出"))
    if person.died_on:
        facts = [_("%(day)s 去世") % {"day": day_short(person.died_on)}]
        if person.death_known_by:
            facts.append(person.get_death_known_by_display())
    return {
        "person": person,
        "relation": relation_words(row.relation),
        "facts": _("，").join(facts),
        "health": person.get_health_display() if "health" in seen.secrecies and person.health != "healthy" else "",
        "phone": person.phone if seen.phone else "",
    }


def _moved_away(household: Household) -> Iterator[HouseholdMember]:
    """Who left the household last, each once; who came back is not among them."""
    living = household.members.filter(valid_to__isnull=True).values("person")
    left = household.members.filter(valid_to__isnull=False).exclude(person__in=living).select_related("person")
    seen: set[int] = set()
    for row in left.order_by("-valid_to", "-pk")[:NEWEST]:
        if row.person_id not in seen:
            seen.add(row.person_id)
            row.relation_words = relation_words(row.relation)
            yield row


def case_cell(case: Case) -> dict[str, Any]:
    """The `cell` of parts/_cell.html."""
    state = STATES[case.state]
    return {
        "url": reverse("cases:detail", args=[case.pk]),
        "title": PROGRAMMES[case.programme].title,
        "about": case.case_no,
        "text": state.sentence,
        "state": case.state,
        "state_label": state.title,
    }


# ---------------------------------------------------------------- whole numbers


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def reveal_person(request: HttpRequest, pk: int, person: int) -> HttpResponse:
    """Asks for the reason; one whole ID number, shown once, after the reason is in the access log."""
    household = visible_household(request.user, pk)
    if not scope(request.user, Ability.UNMASK).covers(household):
        raise PermissionDenied(_("身份证全号由乡镇、县和审计在写明原因以后看。村里只看后四位。"))
    member = get_object_or_404(household.members.select_related("person"), person_id=person)
    if member.person.id_number_sealed is None:
        raise Http404
    return _revealed(
        request,
        lambda reason: families.reveal_id_number(member.person, by=request.user, reason=reason),
        whose=member.person.name,
        what=_("身份证号码"),
        back=reverse("cases:family", args=[household.pk]),
    )


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def reveal_account(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks for the reason; then the whole account number of a case's payee."""
    case = visible_case(request.user, pk)
    if not sight(request.user, case).can_see_account or case.payee_account is None:
        raise PermissionDenied(_("账号全号由资金和审计在写明原因以后看。别人只看后四位。"))
    account: BankAccount = case.payee_account
    return _revealed(
        request,
        lambda reason: families.reveal_account(account, by=request.user, reason=reason),
        whose=account.holder.name,
        what=_("收款账号"),
        back=reverse("cases:detail", args=[case.pk]),
    )


def _revealed(request: HttpRequest, read: Any, *, whose: str, what: str, back: str) -> HttpResponse:
    """The form, and after a POST with a reason the number. Where she came from (?next=), she goes back to."""
    form = ask(request, RevealForm(request.POST if request.method == "POST" else None), Kind.UNMASK)
    number = ""
    if form.is_valid() and is_confirmed(request, form, Kind.UNMASK):
        try:
            number = read(form.cleaned_data["reason"])
        except REFUSALS as refusal:
            form.add_error("reason", str(refusal))
    context = {
        "form": form,
        "number": number,
        "whose": whose,
        "what": what,
        "back": way_back(request, back),
        "base": base_of(request.user),
    }
    response = render(request, "cases/reveal.html", context, status=422 if form.errors else 200)
    response["Cache-Control"] = "private, no-store"
    return response
