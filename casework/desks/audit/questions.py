"""Questions and answers: the auditors' side, and that of whoever is asked."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from access.roles import ROLES, Ability, title_of
from access.scope import posts_of
from audit import clock
from casework.auditing import questions
from casework.auditing.models import Question
from casework.auditing.rules import RULES
from casework.desks.acts import base_of
from casework.desks.audit.forms import AskForm, GoOnForm, ReplyForm
from casework.desks.audit.rules import hit_or_404
from casework.desks.audit.subjects import Subjects
from casework.desks.audit.views import PAGE, auditors_only
from casework.errors import REFUSALS
from casework.reach import visible


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Questions in her reach, newest first, with how each stands."""
    rows = (
        questions.with_standing(questions.visible_to(request.user)).select_related("unit", "asked_by").order_by("-id")
    )
    stands = request.GET.get("stands", "")
    if stands in ("ask", "answer", "close"):
        rows = rows.filter(stands=stands)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    chips = [
        {"label": label, "url": f"?stands={code}" if code else "?", "on": stands == code, "count": None}
        for code, label in (("", _("全部")), ("ask", _("等答复")), ("answer", _("等审计看")), ("close", _("已了结")))
    ]
    context = {
        "base": base_of(request.user),
        "page": page,
        "rows": [_row(row) for row in page.object_list],
        "chips": chips,
    }
    return render(request, "audit/questions.html", context)


def _row(row: Question) -> dict[str, Any]:
    late = row.stands == "ask" and row.wanted_by < clock.today()
    words = {"ask": _("等答复"), "answer": _("等审计看"), "close": _("已了结")}
    tones = {"ask": "bad" if late else "soon", "answer": "info", "close": "done"}
    return {
        "question": row,
        "asked": title_of(row.asked_role),
        "words": words[row.stands],
        "tone": tones[row.stands],
        "late": late,
    }


@auditors_only
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, hit_id: int) -> HttpResponse:
    """Ask about what a rule has found, of a post of that village or above it."""
    hit = hit_or_404(request.user, hit_id)
    rule = RULES[hit.rule]
    initial = {"title": str(rule.title), "words": rule.sentence(hit.facts) + "\n" + str(rule.look)}
    form = AskForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = questions.ask(
                questions.place_of(hit.village, given["asked_role"]),
                given["asked_role"],
                given["title"],
                given["words"],
                due_on=given["due_on"],
                by=request.user,
                key=given["key"],
                subjects=[hit.subject],
                rule=hit.rule,
            )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("问出去了，编号 %(no)s。") % {"no": made.number})
            return redirect("questions:question", made.pk)
    return render(request, "audit/ask.html", {"form": form, "hit": hit, "rule": rule, "text": rule.sentence(hit.facts)})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def question(request: HttpRequest, question_id: int) -> HttpResponse:
    """The thread, and what this very person may add to it."""
    rows = questions.with_standing(questions.visible_to(request.user)).select_related("unit", "asked_by")
    found = visible(rows, pk=question_id)
    audits = any(
        Ability.AUDIT_READ in ROLES[post.role].abilities and post.reaches(found.unit) for post in posts_of(request.user)
    )
    form: Any = None
    if audits and found.stands != "close":
        form = GoOnForm(request.POST or None)
    elif found.stands == "ask" and questions.may_reply(found, request.user):
        form = ReplyForm(request.POST or None)
    if request.method == "POST" and form is not None and form.is_valid():
        try:
            _enter(found, form, request.user)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("记下了。"))
            return redirect("questions:question", found.pk)
    listed = [_Listed(subject) for subject in found.subjects]
    subjects = Subjects(listed, request.user) if audits else None
    context = {
        "base": base_of(request.user),
        "row": _row(found),
        "question": found,
        "entries": found.entries.select_related("by"),
        "subjects": [(subjects.words(one.subject), subjects.url(one.subject)) for one in listed] if subjects else [],
        "form": form,
        "audits": audits,
    }
    return render(request, "audit/question.html", context)


class _Listed:
    def __init__(self, subject: str) -> None:
        self.subject = subject


def _enter(found: Question, form: Any, by: Any) -> None:
    given = form.cleaned_data
    if isinstance(form, ReplyForm):
        questions.reply(found, given["words"], by=by)
    elif given["step"] == GoOnForm.AGAIN:
        questions.ask_again(found, given["words"], due_on=given["due_on"], by=by)
    else:
        questions.close(found, given["words"], upheld=given["step"] == GoOnForm.WRONG, by=by)
