"""The household survey, one subject a page. Each page is kept as it is left; nothing is a finding until it was read over.

begin -> members -> causes -> … -> needs -> visit -> check -> families.services.record_survey
"""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from access.models import Staff
from casework import papers
from casework.desks.acts import base_of, refuse
from casework.desks.cases.surveys import said
from casework.desks.village.survey_forms import VISIT, day_of, form_of, second_surveyors
from casework.errors import REFUSALS
from casework.http import row_number
from casework.models import Case, SurveyDraft
from casework.preparing import surveyor_of
from casework.queries import visible_case, visible_household
from families import catalogue, survey_form
from families import services as families
from families.errors import BadSurvey
from families.models import Household, Survey
from families.services import Findings

PAGES = (*(subject.code for subject in survey_form.SUBJECTS), VISIT)
_PHOTOS = {"house_photo": "house_photo", "other_photo": "visit_photo"}


@login_required
@require_http_methods(["GET", "HEAD"])
@never_cache
def begin(request: HttpRequest, pk: int) -> HttpResponse:
    """Take up the draft, or begin one for the case that asks for it."""
    household = _surveyed(request, pk)
    draft = _draft(household, request.user)
    asked = row_number(request.GET.get("case"))
    if asked:
        draft.case = visible_case(request.user, asked)
        if draft.case.household_id != household.pk:
            raise Http404
    elif draft.case_id is None:
        draft.case = Case.objects.filter(household=household, is_open=True, state__in=("draft", "makeup")).first()
    draft.save()
    first_open = next((code for code in PAGES if code not in draft.answers), None)
    return redirect("village:survey", pk, first_open) if first_open else redirect("village:survey_check", pk)


def _surveyed(request: HttpRequest, pk: int) -> Household:
    household = visible_household(request.user, pk)
    try:
        surveyor_of(household, request.user)
    except REFUSALS as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    return household


def _draft(household: Household, user: Any) -> SurveyDraft:
    draft, _created = SurveyDraft.objects.get_or_create(household=household, staff=user)
    return draft


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def page(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """One page. Kept, it leads to the next one, or back to the check page when it came from there."""
    if code not in PAGES:
        raise Http404
    household = _surveyed(request, pk)
    draft = _draft(household, request.user)
    last = household.surveys.order_by("-version").first()
    known = draft.answers.get(code) or (_answers_of(last, code) if last else {})
    form = form_of(code)(
        request.POST or None,
        request.FILES or None,
        household=household,
        user=request.user,
        facts=known,
        initial={name: value for name, value in known.items() if name != "members"},
    )
    if request.method == "POST" and form.is_valid() and _kept(request, draft, code, form):
        checking = request.POST.get("then") == "check" or all(name in draft.answers for name in PAGES)
        if checking:
            return redirect("village:survey_check", pk)
        following = PAGES[PAGES.index(code) + 1 :] or [name for name in PAGES if name not in draft.answers]
        return redirect("village:survey", pk, following[0])
    number = PAGES.index(code) + 1
    context = {
        "household": household,
        "form": form,
        "code": code,
        "heading": survey_form.SUBJECT[code].question if code != VISIT else _("谁去的？这家同意吗？"),
        "number": number,
        "of": len(PAGES),
        "previous": reverse("village:survey", args=[pk, PAGES[number - 2]]) if number > 1 else "",
        "then": request.GET.get("then", request.POST.get("then", "")),
        "saved_at": draft.saved_at if draft.answers else None,
        "from_last": last if last and code not in draft.answers else None,
        "photos": household.documents.filter(kind__in=_PHOTOS.values(), subject="").count() if code == VISIT else 0,
        "base": base_of(request.user),
    }
    return render(request, "village/survey.html", context, status=422 if form.errors else 200)


def _answers_of(survey: Survey, code: str) -> dict[str, Any]:
    """What the last version answered on a page; the visit itself is always told anew."""
    if code == VISIT:
        return {
            "consent_how": survey.consent_how,
            "is_cadre_relative": "yes" if survey.is_cadre_relative else "no",
            "cadre_relative_of": survey.cadre_relative_of,
        }
    names = {field.name for field in survey_form.SUBJECT[code].fields}
    found = {name: value for name, value in survey.facts.items() if name in names}
    if code == "members":
        found["members"] = survey.facts.get("members", [])
    if code == "needs":
        found["needs_words"] = survey.needs_words
    return found


def _kept(request: HttpRequest, draft: SurveyDraft, code: str, form: Any) -> bool:
    for field, kind in _PHOTOS.items():
        if code == VISIT and form.cleaned_data.get(field):
            try:
                papers.add_family_photo(draft.household, form.cleaned_data[field], kind=kind, by=request.user)
            except REFUSALS as refusal:
                refuse(form, refusal, field)
    if form.errors:
        return False
    draft.answers[code] = form.answers()
    draft.save()
    return True


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def check(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything on one page, each with its way back; recorded once it was read over."""
    household = _surveyed(request, pk)
    if request.method == "POST" and not SurveyDraft.objects.filter(household=household, staff=request.user).exists():
        messages.info(request, _("这份调查表已经存好了。"))
        return redirect("cases:family", pk)
    draft = _draft(household, request.user)
    refusal_text = ""
    if request.method == "POST":
        try:
            survey, case_id = _record(draft, request.user)
        except REFUSALS as refusal:
            refusal_text = str(refusal)
        else:
            messages.success(
                request,
                _("调查表存好了，第 %(n)d 版。%(names)s 都记在上面。")
                % {"n": survey.version, "names": _("、").join((survey.surveyor.name, survey.second_surveyor.name))},
            )
            return redirect("cases:detail", case_id) if case_id else redirect("cases:family", pk)
    context = {
        "household": household,
        "draft": draft,
        "parts": _summary(draft, request.user),
        "open": [code for code in PAGES if code not in draft.answers],
        "refusal": refusal_text,
        "base": base_of(request.user),
    }
    return render(request, "village/survey_check.html", context, status=422 if refusal_text else 200)


@transaction.atomic
def _record(draft: SurveyDraft, user: Any) -> tuple[Survey, int | None]:
    """Make the draft a finding and let it go. Raises BadSurvey while a page is still open."""
    draft = SurveyDraft.objects.select_for_update().get(pk=draft.pk)
    if any(code not in draft.answers for code in PAGES):
        raise BadSurvey(_("还有没填的页，请先填完。"))
    visit, needs = draft.answers[VISIT], draft.answers["needs"]
    second = Staff.objects.filter(pk=visit["second"], is_active=True).first()
    offered = {pk for _village, people in second_surveyors(draft.household, user) for pk, _words in people}
    if second is None or str(second.pk) not in offered:
        raise BadSurvey(_("一起去的人现在没有调查的岗位，请另选一个。"))
    surveyor_of(draft.household, user)
    surveyor_of(draft.household, second, anywhere=True)
    facts: dict[str, Any] = {}
    for code in PAGES:
        if code != VISIT:
            facts |= {name: value for name, value in draft.answers[code].items() if name != "needs_words"}
    findings = Findings(
        surveyed_on=day_of(visit),
        facts=facts,
        needs_words=needs["needs_words"],
        consent_given=visit["consent_given"],
        consent_how=visit["consent_how"],
        is_cadre_relative=visit["is_cadre_relative"] == "yes",
        cadre_relative_of=visit["cadre_relative_of"],
    )
    survey = families.record_survey(
        draft.household, findings, by=user, second=second, change_reason=visit["change_reason"]
    )
    case_id = draft.case_id
    draft.delete()
    return survey, case_id


def _summary(draft: SurveyDraft, user: Any) -> list[dict[str, Any]]:
    """[{title, url, facts}] of what was answered so far."""
    parts = []
    for code in PAGES:
        given = draft.answers.get(code)
        url = reverse("village:survey", args=[draft.household_id, code]) + "?then=check"
        if given is None:
            title = survey_form.SUBJECT[code].title if code != VISIT else _("谁去的")
            parts.append({"title": title, "url": url, "facts": [], "is_open": True})
        elif code == VISIT:
            parts.append({"title": _("谁去的"), "url": url, "facts": _visit_facts(draft, user)})
        else:
            parts.append({"title": survey_form.SUBJECT[code].title, "url": url, "facts": _facts(code, given)})
    return parts


def _facts(code: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    facts = [
        {"label": answer.label, "value": said(answer.kind, answer.value)}
        for answer in survey_form.answers(survey_form.SUBJECT[code], given)
    ]
    for name, told in survey_form.member_answers(given):
        words = _("，").join(f"{answer.label} {said(answer.kind, answer.value)}" for answer in told)
        facts.append({"label": name, "value": words or _("没有问")})
    if given.get("needs_words"):
        facts.append({"label": _("自己的话"), "value": _("「%(words)s」") % {"words": given["needs_words"]}})
    return facts


def _visit_facts(draft: SurveyDraft, user: Any) -> list[dict[str, Any]]:
    visit = draft.answers[VISIT]
    second = Staff.objects.filter(pk=visit["second"]).first()
    facts = [
        {"label": _("哪天去的"), "value": visit["surveyed_on"]},
        {"label": _("调查人"), "value": _("、").join(filter(None, (user.name, second.name if second else "")))},
        {"label": _("同意"), "value": catalogue.title(catalogue.CONSENT, visit["consent_how"])},
        {
            "label": _("干部亲属"),
            "value": visit["cadre_relative_of"] if visit["is_cadre_relative"] == "yes" else _("不是"),
        },
    ]
    if visit["change_reason"]:
        facts.append({"label": _("为什么再填一份"), "value": visit["change_reason"]})
    return facts


@login_required
@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Throw the draft away; what was recorded before stays."""
    household = visible_household(request.user, pk)
    SurveyDraft.objects.filter(household=household, staff=request.user).delete()
    messages.info(request, _("没填完的这一份不要了。以前存过的都还在。"))
    return redirect("cases:family", pk)
