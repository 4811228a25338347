"""The village desk: today's work, finding a family, opening a case, writing down an account."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from access.roles import ROLES, Desk
from access.scope import posts_of
from audit import clock
from casework import second_person
from casework.desks.acts import base_of, refuse, way_back
from casework.desks.village.finding import find_families, hits_of
from casework.desks.village.forms import AccountForm, OpenForm
from casework.desks.village.work import (
    MENDING,
    VISITING,
    accounts_to_mend,
    by_urgency,
    cell,
    waiting_for_others,
    work_of,
)
from casework.errors import REFUSALS
from casework.models import Case, SurveyDraft
from casework.opening import open_case
from casework.parts import GOING_ON
from casework.preparing import surveyor_of
from casework.queries import PAGE, cases_in_reach, visible_household
from families import services as families
from flows.programmes import PROGRAMMES
from flows.spec import MAY_OPEN
from flows.states import STATES

AT_ONCE = 200  # more than this a village does not have on one day


def _village_only(user: Any) -> None:
    if not any(ROLES[post.role].desk == Desk.VILLAGE for post in posts_of(user)):
        raise PermissionDenied(_("这里是村里的工作台，要有村级专干、驻村干部或村书记的岗位才能进。"))


@login_required
@require_GET
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """What to do today: the big button, what was sent back, visits due, my turn; then the families of late."""
    _village_only(request.user)
    today = clock.today()
    work = list(work_of(request.user)[:AT_ONCE])
    recent = list(cases_in_reach(request.user).select_related("household__group").order_by("-pk")[:5])
    drafts = list(SurveyDraft.objects.filter(staff=request.user).exclude(answers={}).select_related("household")[:5])
    return render(
        request,
        "village/home.html",
        {
            "cells": _kinds_of_work(work, today),
            "total": len(work),
            "drafts": drafts,
            "others": waiting_for_others(request.user).order_by()[:100].count(),
            "recent": [cell(case, today, by_state=True) for case in recent],
            "surveys": any(post.role in MAY_OPEN for post in posts_of(request.user)),
        },
    )


def _kinds_of_work(work: list[Case], today: Any) -> list[dict[str, Any]]:
    """One cell for each kind of work, with the most urgent case named."""
    kinds = (
        ("return", _("退回给我"), [c for c in work if c.state in MENDING]),
        ("clock", _("到期回访"), [c for c in work if c.state in (*VISITING, *GOING_ON)]),
        ("pen", _("轮到我办"), [c for c in work if c.state not in (*MENDING, *VISITING, *GOING_ON)]),
    )
    cells = []
    for icon, title, cases in kinds:
        if cases:
            first = cell(cases[0], today)
            cells.append(
                {
                    "icon": icon,
                    "title": title,
                    "url": first["url"] if len(cases) == 1 else reverse("village:todo"),
                    "pill": first["pill"],
                    "tone": first["tone"],
                    "text": _("%(name)s家，%(sentence)s")
                    % {"name": cases[0].head_name, "sentence": STATES[cases[0].state].sentence},
                    "number": len(cases),
                    "unit": _("件"),
                }
            )
    return cells


@login_required
@require_GET
@never_cache
def todo(request: HttpRequest) -> HttpResponse:
    """Everything that waits for me, the most urgent first."""
    _village_only(request.user)
    page = Paginator(work_of(request.user), PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "groups": by_urgency(list(page.object_list), clock.today()),
        "accounts": accounts_to_mend(request.user),
        "countersigns": second_person.mine(request.user),
    }
    return render(request, "village/todo.html", context)


@login_required
@require_GET
@never_cache
def waiting(request: HttpRequest) -> HttpResponse:
    """What others have in hand."""
    _village_only(request.user)
    page = Paginator(waiting_for_others(request.user), PAGE).get_page(request.GET.get("page"))
    today = clock.today()
    return render(
        request, "village/waiting.html", {"page": page, "cells": [cell(c, today, by_state=True) for c in page]}
    )


@login_required
@require_GET
@never_cache
def find(request: HttpRequest) -> HttpResponse:
    """One box: name, pinyin, household number, group, the tail of an ID number. Own village only, by scope()."""
    _village_only(request.user)
    asked = request.GET.get("q", "").strip()[:60]
    page = Paginator(find_families(request.user, asked), PAGE).get_page(request.GET.get("page"))
    hits = hits_of(list(page.object_list), request.user)
    return render(request, "village/find.html", {"q": asked, "page": page, "hits": hits})


# ---------------------------------------------------------------- a family


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def open_a_case(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose the programme, the person, and write what the family says."""
    household = visible_household(request.user, pk)
    if not any(post.role in MAY_OPEN and post.reaches(household) for post in posts_of(request.user)):
        raise PermissionDenied(_("只有本村专干、驻村干部或乡镇经办能开案。"))
    form = OpenForm(request.POST or None, household=household)
    already = list(cases_in_reach(request.user).filter(household=household, is_open=True).select_related("beneficiary"))
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        try:
            case = open_case(
                household,
                cleaned["programme"],
                by=request.user,
                key=cleaned["key"],
                beneficiary=form.person(),
                words=cleaned["words"],
                source=cleaned["source"],
            )
        except REFUSALS as refusal:
            refuse(form, refusal)
        else:
            messages.success(
                request,
                _("开好了，编号 %(no)s。下一步：%(sentence)s。")
                % {"no": case.case_no, "sentence": STATES[case.state].sentence},
            )
            return redirect("cases:detail", pk=case.pk)
    context = {
        "household": household,
        "form": form,
        "already": [{"case": case, "title": PROGRAMMES[case.programme].title} for case in already],
        "base": base_of(request.user),
    }
    return render(request, "village/open.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def account(request: HttpRequest, pk: int) -> HttpResponse:
    """Where the family's money goes; an account that another family uses must be explained."""
    household = visible_household(request.user, pk)
    back = way_back(request, reverse("cases:family", args=[household.pk]))
    form = AccountForm(request.POST or None, household=household)
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        try:
            with transaction.atomic():
                surveyor_of(household, request.user)
                families.record_account(
                    household,
                    form.holder(),
                    cleaned["number"],
                    kind=cleaned["kind"],
                    bank=cleaned["bank"],
                    by=request.user,
                    shared_because=cleaned["shared_because"],
                )
        except REFUSALS as refusal:
            refuse(form, refusal, "number")
        else:
            messages.success(request, _("账户记好了。以前的账户停用，还查得到。"))
            return redirect(back)
    context = {"household": household, "form": form, "next": back, "base": base_of(request.user)}
    return render(request, "village/account.html", context, status=422 if form.errors else 200)
