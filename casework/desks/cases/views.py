"""One case: its page, the acts, its papers, plan, deliberation and surveys. Out of reach is absent: Http404."""

from itertools import zip_longest
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from access.roles import ROLES, title_of
from casework import papers, plans
from casework.acting import APPROVALS, possible_actions
from casework.deliberations import SESSIONS, Minutes, record_deliberation, verdict, verdict_words
from casework.desks.acts import base_of, refuse, way_back, what_next
from casework.desks.cases import surveys
from casework.desks.cases.file_forms import DeliberationForm, MeasureForm, PaperForm, RevealForm
from casework.desks.cases.forms import ActForm, AtTheBatchForm, BySecondPersonForm, carry_out_once, done_before, form_of
from casework.desks.cases.in_parts import plan_of, what_ends
from casework.desks.cases.mending import returned_by
from casework.desks.cases.page import missing_now, page_of, paper_tile
from casework.desks.cases.turn import TO_DO
from casework.desks.confirming import Kind, ask, is_confirmed
from casework.errors import REFUSALS
from casework.models import Case, CaseEvent, Deliberation, Measure
from casework.preparing import may_prepare
from casework.queries import visible_case
from casework.steps.file import missing_papers
from casework.visibility import sight
from families import catalogue
from families import services as families
from families.models import Survey
from flows.spec import Edge
from flows.states import ACTIONS, ROLE_ANYONE, STATES
from funds.models import Payment


@login_required
@require_GET
@never_cache
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The whole story of a case."""
    case = visible_case(request.user, pk)
    return render(request, "cases/detail.html", page_of(case, request.user) | {"base": base_of(request.user)})


# ---------------------------------------------------------------- acts


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def act(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """The form of one action, and the act itself. A refusal stands on the form, with everything that was typed."""
    case = visible_case(request.user, pk)
    if action not in ACTIONS:
        raise Http404
    back = way_back(request, reverse("cases:detail", args=[case.pk]))
    if request.method == "POST" and done_before(case, request.POST.get("key", "")):
        messages.success(request, what_next(action, case))
        return redirect(back)
    why_not = _why_not(case, request.user, action)
    if why_not:
        return _refusal_page(request, case, action, why_not)
    if form_of(action, case) is AtTheBatchForm:
        return redirect("funds:batch", Payment.objects.filter(subject=case.subject).latest("id").batch_id)
    if form_of(action, case) is BySecondPersonForm:
        return redirect("countersigns:home")
    form = form_of(action, case)(
        request.POST or None, request.FILES or None, case=case, user=request.user, action=action
    )
    if action in APPROVALS:
        ask(request, form, Kind.APPROVE)
    if request.method == "POST" and form.is_valid() and _hers(request, form) and _carried_out(form):
        messages.success(request, what_next(action, Case.objects.get(pk=case.pk)))
        return redirect(back)
    status = 422 if request.method == "POST" else 200
    return render(request, "cases/act.html", _act_page(request, case, action, form), status=status)


def _hers(request: HttpRequest, form: ActForm) -> bool:
    return form.action not in APPROVALS or is_confirmed(request, form, Kind.APPROVE)


def _carried_out(form: ActForm) -> bool:
    try:
        carry_out_once(form)
    except REFUSALS as refusal:
        refuse(form, refusal)
        return False
    return True


def _why_not(case: Case, user: Any, action: str) -> str:
    """ "" when the action is hers to take; otherwise the sentence why not."""
    edge: Edge | None = case.spec.table.get((case.state, action))
    if edge is None:
        return _("这件事现在是「%(state)s」，不能「%(action)s」。可能别人刚办过，请回个案页看看。") % {
            "state": STATES[case.state].title,
            "action": ACTIONS[action].verb,
        }
    if ROLE_ANYONE in edge.roles:
        return ""
    for possible, barred in possible_actions(case, user):
        if possible.action == action:
            return barred or plan_of(case).why_not(action)
    roles = _("或").join(title_of(role) for role in edge.roles if role in ROLES)
    if not roles:
        return _("这一步由系统到时候自动办，谁也不能提前。")
    return _("这一步由%(roles)s办，你没有这里的这个岗位。") % {"roles": roles}


def _refusal_page(request: HttpRequest, case: Case, action: str, why_not: str) -> HttpResponse:
    context = {"case": case, "verb": ACTIONS[action].verb, "why_not": why_not, "base": base_of(request.user)}
    status = 409 if (case.state, action) not in case.spec.table else 403
    return render(request, "cases/not_now.html", context, status=status)


def _act_page(request: HttpRequest, case: Case, action: str, form: ActForm) -> dict[str, Any]:
    seen = sight(request.user, case)
    session = (
        Deliberation.objects.filter(case=case, round=case.notice_round + 1).first() if action == "endorse" else None
    )
    wants_papers = action in ("register", "resubmit", "submit_makeup") and may_prepare(case, request.user)
    return {
        "case": case,
        "action": ACTIONS[action],
        "form": form,
        "sight": seen,
        "next": request.POST.get("next") or request.GET.get("next", ""),
        "base": base_of(request.user),
        "about": TO_DO.get(action, ("", ""))[1] if not form.visible_fields() else "",
        "returned": _returned(case) if action == "resubmit" else None,
        "session": session,
        "verdict": verdict_words(verdict(session, case)) if session else "",
        "missing": missing_papers(case, action) if wants_papers else [],
        "wants_papers": wants_papers,
        "account": getattr(form, "account", None),
        "needs_account": hasattr(form, "account")
        and form.account is None
        and case.spec.has_money
        and "family" in case.rules.pays_to,
        "no_survey": hasattr(form, "surveys") and not form.surveys,
        "ends": what_ends(plan_of(case)) if action == "stop_payments" else "",
    }


def _returned(case: Case) -> CaseEvent | None:
    """The remark with which the case came back, while it is being mended."""
    return returned_by(list(case.events.select_related("by"))) if case.state == "returned" else None


# ---------------------------------------------------------------- papers


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def case_papers(request: HttpRequest, pk: int) -> HttpResponse:
    """Named slots for what the rules demand, and one for whatever else proves something."""
    case = visible_case(request.user, pk)
    _only_preparers(case, request.user)
    kinds = wanted_kinds(case)
    form = PaperForm(request.POST or None, request.FILES or None, kinds=kinds, wanted=_wanted(case))
    if request.method == "POST" and form.is_valid() and _papers_kept(request, case, form):
        return redirect("cases:papers" if missing_now(case) else "cases:detail", pk=case.pk)
    there = [paper_tile(row.document, row.kind) for row in case.papers.select_related("document__added_by")]
    context = {
        "case": case,
        "form": form,
        "returned": _returned(case),
        "slots": [form[kind] for kind, _title, _is_there in kinds],
        "there": there,
        "takes_papers": papers.open_for_papers(case),
        "base": base_of(request.user),
    }
    return render(request, "cases/papers.html", context, status=422 if form.errors else 200)


def wanted_kinds(case: Case) -> list[tuple[str, str, bool]]:
    """[(kind, title, is there)]: what the rules want first, then what this stretch of the way usually has."""
    usual = {
        "village_review": ["review_minutes"],
        "village_notice": ["notice_photo"],
        "payment_returned": ["account_copy"],
        "between_payments": ["progress_photo", "visit_photo", "receipt"],
        "suspended": ["visit_photo"],
        "paid": ["visit_photo", "receipt"],
        "follow_up": ["visit_photo", "receipt"],
    }.get(case.state, ["house_photo", "account_copy"])
    there = set(case.papers.values_list("kind", flat=True))
    kinds = list(dict.fromkeys([*_wanted(case), *usual]))
    return [(kind, catalogue.title(catalogue.DOCUMENTS, kind), kind in there) for kind in kinds]


def _wanted(case: Case) -> list[str]:
    return [kind for kinds in case.rules.documents.values() for kind in kinds]


def _papers_kept(request: HttpRequest, case: Case, form: PaperForm) -> bool:
    """Keep what can be kept and name what cannot; a photo that proves something elsewhere is named, not refused."""
    uploads = form.uploads()
    if not uploads:
        form.add_error(None, _("一份材料也没有选。"))
        return False
    kept = []
    for field, kind, upload in uploads:
        try:
            kept.append(papers.add_paper(case.pk, upload, kind=kind, by=request.user))
        except REFUSALS as refusal:
            refuse(form, refusal, field)
    if kept:
        messages.success(request, _("存好了 %(n)d 份材料。") % {"n": len(kept)})
    if any(papers.used_elsewhere(paper.document) for paper in kept):
        messages.warning(request, _("有一张照片别的户也用过。请确认没有拿错；审核的人看得到。"))
    return not form.errors


@login_required
@require_GET
@never_cache
def document(request: HttpRequest, pk: int) -> HttpResponse:
    """A paper itself; that she opened it is in the access log before the first byte."""
    found = papers.readable_document(request.user, pk)
    if found is None:
        raise Http404
    is_image = found.content_type.startswith("image/")
    ending = {"image/jpeg": "jpg", "application/pdf": "pdf"}.get(found.content_type, "bin")
    response = FileResponse(
        papers.open_file(request.user, found),
        as_attachment=not is_image,
        filename=f"{found.kind}-{found.pk}.{ending}",
        content_type=found.content_type if is_image or ending == "pdf" else "application/octet-stream",
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_GET
@never_cache
def picture(request: HttpRequest, pk: int) -> HttpResponse:
    """A paper, small, inside a page."""
    found = papers.readable_document(request.user, pk)
    small = papers.picture(found) if found is not None else None
    if small is None:
        raise Http404
    response = HttpResponse(small, content_type="image/jpeg")
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


# ---------------------------------------------------------------- plan, deliberation, surveys


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def plan(request: HttpRequest, pk: int) -> HttpResponse:
    """The support plan: what is planned, what was delivered, and a form for the next measure."""
    case = visible_case(request.user, pk)
    form = MeasureForm(request.POST or None, case=case)
    if request.method == "POST":
        _only_preparers(case, request.user)
        if form.is_valid():
            try:
                measure = plans.add_measure(case.pk, by=request.user, **form.cleaned())
            except REFUSALS as refusal:
                refuse(form, refusal)
            else:
                messages.success(request, _("写进计划了：%(title)s。") % {"title": measure.title})
                return redirect("cases:plan", pk=case.pk)
    measures = list(case.measures.all())
    context = {
        "case": case,
        "form": form,
        "measures": measures,
        "plan": plans.progress(case, measures),
        "prepares": may_prepare(case, request.user),
        "base": base_of(request.user),
    }
    return render(request, "cases/plan.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def measure(request: HttpRequest, pk: int, measure_id: int, verb: str) -> HttpResponse:
    """Start, deliver or drop one measure."""
    case = visible_case(request.user, pk)
    row = get_object_or_404(Measure, pk=measure_id, case=case)
    try:
        if verb == "start":
            plans.start_measure(row.pk, by=request.user)
        elif verb == "deliver":
            plans.deliver_measure(row.pk, by=request.user)
        else:
            plans.drop_measure(row.pk, by=request.user, reason=request.POST.get("reason", ""))
    except REFUSALS as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("改好了：%(title)s。") % {"title": row.title})
    return redirect("cases:plan", pk=case.pk)


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def deliberation(request: HttpRequest, pk: int) -> HttpResponse:
    """The record of the villagers' deliberation of this round."""
    case = visible_case(request.user, pk)
    _only_preparers(case, request.user)
    if case.state not in SESSIONS:
        why_not = _("现在是「%(state)s」，不用记评议。") % {"state": STATES[case.state].title}
        context = {"case": case, "verb": _("记评议"), "why_not": why_not, "base": base_of(request.user)}
        return render(request, "cases/not_now.html", context, status=409)
    form = DeliberationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            session = record_deliberation(case.pk, Minutes(**form.cleaned()), by=request.user)
        except REFUSALS as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, _("记好了。%(verdict)s。") % {"verdict": verdict_words(verdict(session, case))})
            return redirect("cases:detail", pk=case.pk)
    context = {"case": case, "form": form, "rules": case.rules, "base": base_of(request.user)}
    return render(request, "cases/deliberation.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def survey(request: HttpRequest, pk: int) -> HttpResponse:
    """Every version of the family's survey, and what changed. What a post shows only with a reason, a POST with one shows."""
    case = visible_case(request.user, pk)
    seen = sight(request.user, case)
    if not seen.family:
        raise PermissionDenied(_("调查表由村、乡镇、县的经办和审计看。付款用不着它。"))
    form = (
        RevealForm(request.POST or None, label=_("为什么要看身体和心情")) if seen.with_reason - seen.secrecies else None
    )
    form = ask(request, form, Kind.UNMASK)
    rows = _revealed(request, form, case) if form and request.method == "POST" else None
    if rows is not None:
        seen, form = seen.after_reason(), None
    rows = surveys.versions(case.household) if rows is None else rows
    context = {
        "case": case,
        "sight": seen,
        "form": form,
        "versions": [
            {
                "row": row,
                "parts": surveys.sheet(row, seen),
                "changes": surveys.changes(older, row, seen) if older else [],
            }
            for row, older in zip_longest(rows, rows[1:])
        ],
        "base": base_of(request.user),
    }
    response = render(request, "cases/survey.html", context, status=422 if form and form.errors else 200)
    response["Cache-Control"] = "private, no-store"
    return response


def _revealed(request: HttpRequest, form: RevealForm, case: Case) -> list[Survey] | None:
    """The surveys, once the reason is in the access log; None when it does not do."""
    if not form.is_valid() or not is_confirmed(request, form, Kind.UNMASK):
        return None
    try:
        return families.reveal_surveys(case.household, by=request.user, reason=form.cleaned_data["reason"])
    except REFUSALS as refusal:
        form.add_error("reason", str(refusal))
        return None


def _only_preparers(case: Case, user: Any) -> None:
    if not may_prepare(case, user):
        raise PermissionDenied(_("这件事由本村专干或驻村干部办；办完的个案只能看。"))
