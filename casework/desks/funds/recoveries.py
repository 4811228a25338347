"""Money that has to come back: what is owed, what came, what was agreed, what two persons write off."""

from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from casework.acting import possible_actions
from casework.desks.funds.figures import case_id_of
from casework.desks.funds.forms import AgreeForm, ReasonForm, RecoverForm, WriteOffForm
from casework.desks.funds.reach import cases_in_reach, demand, demand_money, posts_for, recoveries_in_reach, why_not
from casework.desks.funds.single import one_act
from casework.errors import REFUSALS
from casework.models import Case
from casework.reach import visible
from flows.parameters import months_later
from funds import recoveries as services
from funds import services as funds
from funds.models import Proposal, Recovery
from funds.refusals import in_plain_words

PAGE = 50
STATE = "recovery"
PROPOSAL_TONES = {"proposed": "soon", "confirmed": "ok", "refused": "act", "withdrawn": "end"}


@dataclass
class Owed:
    """One recovery with its case, for a list; `recovery` is None for a case of before they were kept."""

    case: Case
    recovery: Recovery | None
    paid_fen: int = 0
    parts: list[services.AgreedPart] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)

    @property
    def owed_fen(self) -> int:
        return self.recovery.owed_fen if self.recovery else self.paid_fen

    @property
    def open_fen(self) -> int:
        return self.recovery.open_fen if self.recovery else self.paid_fen

    @property
    def next_part(self) -> services.AgreedPart | None:
        return next((part for part in self.parts if part.missing_fen), None)


@login_required
@require_safe
def recoveries(request: HttpRequest) -> HttpResponse:
    """What still has to come back, the most urgent first; ?done=1 what is settled."""
    user, done = request.user, request.GET.get("done") == "1"
    demand_money(user)
    if done:
        rows = recoveries_in_reach(user).filter(ended_on__isnull=False).order_by("-ended_on", "-id")
    else:
        rows = cases_in_reach(user).filter(state=STATE, is_open=True).select_related("village").order_by("due_on", "id")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    found = _of_recoveries(list(page.object_list), user) if done else _of_cases(list(page.object_list))
    return render(
        request,
        "funds/recoveries.html",
        {
            "page": page,
            "rows": found,
            "sums": {
                "owed": sum(row.owed_fen for row in found),
                "recovered": sum(row.recovery.recovered_fen for row in found if row.recovery),
                "written_off": sum(row.recovery.written_off_fen for row in found if row.recovery),
                "open": sum(row.open_fen for row in found),
            },
            "chips": [
                {"label": _("还没追完的"), "url": "?", "on": not done},
                {"label": _("追完的"), "url": "?done=1", "on": done},
            ],
            "why_not": why_not(user, "make"),
        },
    )


def _of_recoveries(found: list[Recovery], user: Any) -> list[Owed]:
    ids = [case_id_of(recovery.subject) for recovery in found]
    cases = cases_in_reach(user).select_related("village").in_bulk([pk for pk in ids if pk])
    return [
        Owed(cases[pk], recovery, parts=services.agreed_parts(recovery))
        for pk, recovery in zip(ids, found, strict=True)
        if pk in cases
    ]


def _of_cases(cases: list[Case]) -> list[Owed]:
    """Three queries for all: what is owed, what was paid, what is proposed."""
    subjects = [case.subject for case in cases]
    known = {recovery.subject: recovery for recovery in Recovery.objects.filter(subject__in=subjects).order_by("id")}
    paid = funds.paid_fen(subjects)
    proposed = _proposals([recovery.pk for recovery in known.values()])
    return [
        Owed(
            case,
            recovery := known.get(case.subject),
            paid.get(case.subject, 0),
            services.agreed_parts(recovery) if recovery else [],
            proposed.get(recovery.pk, []) if recovery else [],
        )
        for case in cases
    ]


def _proposals(recovery_ids: list[int]) -> dict[int, list[Proposal]]:
    """{recovery id: its write-off proposals, the newest first}"""
    found: dict[int, list[Proposal]] = {}
    rows = Proposal.objects.filter(kind="write_off", details__recovery__in=recovery_ids)
    for proposal in rows.select_related("proposed_by", "decided_by").order_by("-id"):
        found.setdefault(proposal.details["recovery"], []).append(proposal)
    return found


def _case(request: HttpRequest, case_id: int) -> Case:
    return visible(cases_in_reach(request.user).select_related("village"), pk=case_id)


def _still_owed_fen(case: Case) -> int | None:
    """None for a case of before recoveries were kept."""
    recovery = Recovery.objects.filter(subject=case.subject).order_by("-id").first()
    return recovery.open_fen if recovery else None


def _owed(case: Case) -> Recovery:
    recovery = Recovery.objects.filter(subject=case.subject).order_by("-id").first()
    if recovery is None:
        raise Http404
    return recovery


@login_required
@require_safe
def recovery(request: HttpRequest, case_id: int) -> HttpResponse:
    """One recovery: its figures, what was agreed, what came back, and what can be done next."""
    case = _case(request, case_id)
    owed = _owed(case)
    here = reverse("funds:recover", args=[case.pk])
    acts = {edge.action: why for edge, why in possible_actions(case, request.user)}
    proposals = _proposals([owed.pk]).get(owed.pk, [])
    is_open = case.state == STATE and owed.open_fen > 0
    return render(
        request,
        "funds/recovery.html",
        {
            "case": case,
            "recovery": owed,
            "parts": services.agreed_parts(owed, written_off_fen=services.written_off_since_agreed(owed)),
            "entries": services.entries_of(owed).select_related("recorded_by"),
            "proposals": [(proposal, PROPOSAL_TONES[proposal.state]) for proposal in proposals],
            "barred": acts.get("record_recovery", ""),
            "may": not why_not(request.user, "make") and acts.get("record_recovery") == "",
            "is_open": is_open,
            "may_finish": case.state == STATE and owed.open_fen == 0 and acts.get("finish_recovery") == "",
            "waits": any(proposal.state == "proposed" for proposal in proposals),
            "why_not": why_not(request.user, "make"),
            "here": here,
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def record(request: HttpRequest, case_id: int) -> HttpResponse:
    """A part came back; it is free again for the same purpose."""
    case = _case(request, case_id)
    return one_act(
        request,
        case,
        "record_recovery",
        RecoverForm(request.POST or None),
        title=_("记一笔追回"),
        note=_("钱回到原来的分配里。还有没收回的，以后再记。"),
        done=_("追回的钱记好了。"),
        then=reverse("funds:recover", args=[case.pk]),
        data=lambda given: {"amount_fen": given["amount_fen"], "document_no": given["document_no"]},
        owed_fen=_still_owed_fen(case),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def finish(request: HttpRequest, case_id: int) -> HttpResponse:
    """Nothing is open any more: the case is closed."""
    case = _case(request, case_id)
    return one_act(
        request,
        case,
        "finish_recovery",
        ReasonForm(request.POST or None),
        title=_("追回完毕，结案"),
        note=_("该追的都追回了，或者由两个人核销了。这一件结案。"),
        done=_("这一件已结案。"),
        then=reverse("funds:recoveries"),
        owed_fen=_still_owed_fen(case),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def agree(request: HttpRequest, case_id: int) -> HttpResponse:
    """What the family will pay back, and when."""
    case, owed = _demand_open(request, case_id)

    def carry_out(given: dict[str, Any]) -> None:
        n = given["parts"]
        shares = [owed.open_fen // n] * (n - 1)
        shares.append(owed.open_fen - sum(shares))
        days = [months_later(given["first_on"], part * given["every_months"]) for part in range(n)]
        services.agree(owed.pk, list(zip(days, shares, strict=True)), by=request.user, reason=given["reason"])

    return _one_form(
        request,
        case,
        owed,
        AgreeForm(request.POST or None),
        carry_out,
        title=_("商定分期还"),
        note=_("把还欠的钱平均分成几次，尾数在最后一次。以前商定的留在历史里。"),
        done=_("商定的分期记好了。"),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def write_off(request: HttpRequest, case_id: int) -> HttpResponse:
    """Nobody can pay it back: proposed here, decided by a second person."""
    case, owed = _demand_open(request, case_id)

    def carry_out(given: dict[str, Any]) -> None:
        services.propose_write_off(
            owed,
            given["amount_fen"],
            by=request.user,
            key=f"write_off:{given['key']}",
            reason=given["reason"],
            document_no=given["document_no"],
        )

    return _one_form(
        request,
        case,
        owed,
        WriteOffForm(request.POST or None),
        carry_out,
        title=_("提出核销"),
        note=_("钱不会动。由另一个人核准以后，这部分不再追。"),
        done=_("提出了，等另一个人核准。"),
    )


def _demand_open(request: HttpRequest, case_id: int) -> tuple[Case, Recovery]:
    """The case and what is owed. Raises PermissionDenied for who does not manage money of this place, Http404 when settled."""
    case = _case(request, case_id)
    demand(request.user, "make")
    if not any(post.reaches(case) for post in posts_for(request.user, "make")):
        raise PermissionDenied(_("这一件由这个地方的资金管理办。"))
    if case.state != STATE:
        raise Http404
    return case, _owed(case)


def _one_form(
    request: HttpRequest, case: Case, owed: Recovery, form: Any, carry_out: Any, *, title: str, note: str, done: str
) -> HttpResponse:
    here = reverse("funds:recover", args=[case.pk])
    if request.method == "POST" and form.is_valid():
        try:
            with in_plain_words(), transaction.atomic():
                carry_out(form.cleaned_data)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, done)
            return redirect(here)
    return render(
        request,
        "funds/one_act.html",
        {
            "form": form,
            "case": case,
            "title": title,
            "note": note,
            "barred": "",
            "back": here,
            "owed_fen": owed.open_fen,
        },
    )
