"""The lists of the two offices: what waits, what is late, what was objected to, appealed, filed or released in advance."""

import datetime
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from access.models import Recusal, Staff
from access.roles import title_of
from access.scope import posts_of
from audit import clock
from casework import redflags, second_person
from casework.acting import APPROVALS, act, possible_actions
from casework.desks.confirming import Kind, ask, is_confirmed
from casework.desks.township import evidence, lists
from casework.desks.township.forms import BatchForm, RecusalForm, ReleaseForm
from casework.desks.township.office import Office, places_of
from casework.desks.township.review import seen_digest
from casework.desks.township.rows import Rows
from casework.digests import digest_of
from casework.errors import REFUSALS, CaseworkError
from casework.http import row_number
from casework.models import Alert, Case, CaseEvent, Objection
from casework.queries import COUNT_LIMIT, PAGE, cases_in_reach, households_in_reach, overdue_makeups, visible_case
from casework.relatives import register
from casework.visibility import sight
from flows.programmes import PROGRAMMES
from flows.states import STATES
from funds import ledger

BATCH_AT_MOST = 50


class CappedPaginator(Paginator):
    """Counts no further than the lists show: "1000+". Pages beyond that are reached by narrowing the list."""

    @property
    def count(self) -> int:
        if not hasattr(self, "_count"):
            self._count = self.object_list.order_by()[: COUNT_LIMIT + 1].count()
        return self._count


def page_of(request: HttpRequest, rows: QuerySet) -> Any:
    return CappedPaginator(rows, PAGE).get_page(request.GET.get("page"))


@require_safe
def queue(request: HttpRequest, *, office: Office) -> HttpResponse:
    """What waits for her, most urgent first."""
    filters = lists.Filters.read(request.GET, request.user, office)
    waiting = filters.narrow(lists.office_queue(request.user, office), request.user, office)
    words = lists.DueWords()
    counts = lists.count(waiting, words)
    paginator = CappedPaginator(Rows(request.user, office, filters), PAGE)
    paginator._count = counts.total
    page = paginator.get_page(request.GET.get("page"))
    context = {
        "office": office,
        "filters": filters,
        "chips": filters.chips(office.url("queue")),
        "places": places_of(request.user, office),
        "programmes": PROGRAMMES.values(),
        "counts": counts,
        "page": page,
        "groups": lists.groups(list(page), counts, words, lambda case: office.url("review", case.pk) + filters.query),
        "is_narrowed": bool(filters.query),
        "countersigns": second_person.mine(request.user),
    }
    return render(request, "township/queue.html", context)


@require_safe
def find(request: HttpRequest, *, office: Office) -> HttpResponse:
    """Any case within reach, by name, number or state; also what is not her turn."""
    asked = request.GET.get("q", "").strip()[:60]
    state = request.GET.get("state", "")
    cases = cases_in_reach(request.user).select_related("village").order_by("-id")
    if asked:
        folded = asked.lower()
        cases = cases.filter(
            Q(case_no=asked)
            | Q(case_no__endswith=asked)
            | Q(head_name__contains=asked)
            | Q(household__search__contains=folded)
            | Q(household_no=asked)
        )
    if state in STATES:
        cases = cases.filter(state=state)
    page = page_of(request, cases)
    rows = [{"case": case, "url": office.url("review", case.pk), "state": STATES[case.state]} for case in page]
    context = {"office": office, "q": asked, "state": state, "states": STATES.values(), "page": page, "rows": rows}
    return render(request, "township/find.html", context)


@require_safe
def overdue(request: HttpRequest, *, office: Office) -> HttpResponse:
    """Every open case whose deadline has passed, whosever turn it is, with whom the worker has told."""
    told = Prefetch("alerts", Alert.objects.filter(settled_on__isnull=True).order_by("-level"), to_attr="open_alerts")
    cases = (
        cases_in_reach(request.user)
        .filter(is_open=True, due_on__lt=clock.today())
        .order_by("due_on", "id")
        .select_related("village", "township")
        .prefetch_related(told)
    )
    escalated = request.GET.get("escalated") == "1"
    if escalated:
        cases = cases.filter(Exists(Alert.objects.filter(case=OuterRef("pk"), settled_on__isnull=True, level__gte=2)))
    page = page_of(request, cases)
    words = lists.DueWords()
    rows = [
        {
            "case": case,
            "url": office.url("review", case.pk),
            "state": STATES[case.state],
            "turn": title_of(case.turn_role),
            "due": words.of(case.due_on),
            "alert": case.open_alerts[0] if case.open_alerts else None,
            "told": title_of(case.open_alerts[0].role) if case.open_alerts else "",
        }
        for case in page
    ]
    chips = [
        {
            "label": _("只看已上报的"),
            "on": escalated,
            "removes": escalated,
            "url": office.url("overdue") + ("" if escalated else "?escalated=1"),
        }
    ]
    return render(request, "township/overdue.html", {"office": office, "page": page, "rows": rows, "chips": chips})


@require_safe
def objections(request: HttpRequest, *, office: Office) -> HttpResponse:
    """Objections that nobody has answered yet; the village that surveyed does not judge them."""
    open_ones = Prefetch(
        "notice__case", Case.objects.select_related("village").annotate(is_barred=lists.barred(request.user))
    )
    waiting = (
        Objection.objects.filter(
            answered_on__isnull=True, notice__case__in=cases_in_reach(request.user).filter(state="objection")
        )
        .order_by("raised_on", "id")
        .select_related("notice")
        .prefetch_related(open_ones)
    )
    page = page_of(request, waiting)
    words = lists.DueWords()
    rows = [
        {
            "objection": row,
            "case": row.notice.case,
            "url": office.url("review", row.notice.case_id),
            "due": words.of(row.notice.case.due_on),
        }
        for row in page
    ]
    return render(request, "township/objections.html", {"office": office, "page": page, "rows": rows})


@require_safe
def releases(request: HttpRequest, *, office: Office) -> HttpResponse:
    """Money before papers: at the township the drafts that may need it, everywhere what was released and is made up."""
    cases = cases_in_reach(request.user).select_related("village", "township")
    drafts = (
        cases.filter(state="draft", programme__in=[code for code, spec in PROGRAMMES.items() if spec.has_emergency])
        .select_related("lead")
        .order_by("due_on", "id")
    )
    page = page_of(request, cases.filter(tier="T0").order_by("-id"))
    found = {
        event.case_id: event
        for event in CaseEvent.objects.filter(case__in=list(page), action="emergency_release").select_related("by")
    }
    rows = [
        {
            "case": case,
            "url": office.url("review", case.pk),
            "state": STATES[case.state],
            "event": found.get(case.pk),
            "is_late": case.state == "makeup" and case.makeup_due_on and case.makeup_due_on < clock.today(),
        }
        for case in page
    ]
    may_release = any(post.role == "township_approver" for post in posts_of(request.user))
    context = {"office": office, "page": page, "rows": rows, "may_release": may_release}
    if office.level == "township":
        context["drafts"] = CappedPaginator(drafts, PAGE).get_page(request.GET.get("drafts"))
    return render(request, "township/releases.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def release(request: HttpRequest, *, office: Office, case_id: int) -> HttpResponse:
    """Approve help before the papers, up to the cap of the rules."""
    case = visible_case(request.user, case_id)
    allowed = {edge.action: why for edge, why in possible_actions(case, request.user)}
    if case.state != "draft" or "emergency_release" not in {edge.action for edge in case.spec.actions("draft")}:
        raise Http404
    account = case.household.accounts.filter(is_active=True).select_related("holder").first()
    why_not = allowed.get("emergency_release", _("先行救助由乡镇审批批准，你没有这里的这个岗位。"))
    form = ReleaseForm(
        request.POST or None, case=case, initial={"key": f"release:{uuid4()}", "amount_fen": case.amount_fen or None}
    )
    form = ask(request, form, Kind.APPROVE)
    if (
        request.method == "POST"
        and not why_not
        and account
        and form.is_valid()
        and is_confirmed(request, form, Kind.APPROVE)
    ):
        try:
            act(
                case.pk,
                "emergency_release",
                by=request.user,
                key=form.cleaned_data["key"],
                reason=form.cleaned_data["reason"],
                data={"amount_fen": form.cleaned_data["amount_fen"], "account_id": account.pk},
            )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("%(name)s：已批准先行救助，资金已锁定，等付款。") % {"name": case.head_name})
            return redirect(office.url("releases"))
    context = {
        "office": office,
        "case": case,
        "form": None if why_not or not account else form,
        "why_not": why_not,
        "account": account,
        "cap_fen": case.rules.emergency_cap_fen,
        "makeup": case.rules.makeup,
        "payable_fen": ledger.payable_fen(case.programme, case.village, clock.today()),
        "family": evidence.family(case, sight(request.user, case)),
        "late": overdue_makeups(case.township_id).count(),
    }
    return render(request, "township/release.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def recusals(request: HttpRequest, *, office: Office) -> HttpResponse:
    """Her own declared relations, a form for another, and the register of the office."""
    case = None
    asked = row_number(request.GET.get("case"))
    if asked:
        case = visible_case(request.user, asked)
    form = RecusalForm(request.POST or None, initial={"household_no": case.household_no} if case else None)
    if request.method == "POST" and form.is_valid():
        number = form.cleaned_data["household_no"].strip()
        named = Q(household_no=number) | Q(
            pk__in=cases_in_reach(request.user).filter(case_no=number).values("household")
        )
        household = households_in_reach(request.user).filter(named).first()
        if household is None:
            form.add_error("household_no", _("没有找到这一户，请核对编号。"))
        else:
            register.recuse(household, relation=form.cleaned_data["relation"], by=request.user)
            messages.success(request, _("已登记：%(name)s家的事你不再经手。") % {"name": household.head_name})
            return redirect(office.url("recusals"))
    in_reach = households_in_reach(request.user)
    kept = Recusal.objects.filter(ended_on__isnull=True, household_no__in=in_reach.values("household_no")).order_by(
        "-declared_on", "-id"
    )
    page = page_of(request, kept)
    numbers, persons = {row.household_no for row in page}, {row.person_key for row in page}
    heads = dict(in_reach.filter(household_no__in=numbers).values_list("household_no", "head_name"))
    names = dict(Staff.objects.filter(person_key__in=persons).order_by("-pk").values_list("person_key", "name"))
    rows = [
        {
            "recusal": row,
            "head": heads.get(row.household_no, ""),
            "name": names.get(row.person_key, ""),
            "mine": row.person_key == request.user.person_key,
        }
        for row in page
    ]
    context = {"office": office, "form": form, "page": page, "rows": rows, "case": case}
    return render(request, "township/recusals.html", context)


@require_safe
def appeals(request: HttpRequest, *, office: Office) -> HttpResponse:
    """Refusals that the family does not accept; the county looks again."""
    cases = (
        cases_in_reach(request.user)
        .filter(state="appeal", is_open=True)
        .order_by("due_on", "id")
        .select_related("village", "township")
    )
    page = page_of(request, cases)
    latest: dict[tuple[int, str], CaseEvent] = {}
    for event in (
        CaseEvent.objects.filter(case__in=list(page), action__in=("refuse", "appeal"))
        .select_related("by")
        .order_by("n")
    ):
        latest[event.case_id, event.action] = event
    words = lists.DueWords()
    rows = [
        {
            "case": case,
            "url": office.url("review", case.pk),
            "due": words.of(case.due_on),
            "refused": latest.get((case.pk, "refuse")),
            "appealed": latest.get((case.pk, "appeal")),
        }
        for case in page
    ]
    return render(request, "township/appeals.html", {"office": office, "page": page, "rows": rows})


@require_safe
def filed(request: HttpRequest, *, office: Office) -> HttpResponse:
    """备案: small amounts that the townships decided themselves, month by month."""
    first = _month(request.GET.get("month", ""))
    following = (first.replace(day=28) + datetime.timedelta(days=4)).replace(day=1)
    approvals = (
        CaseEvent.objects.filter(
            action="approve",
            business_date__gte=first,
            business_date__lt=following,
            to_state="fund_reserved",
            case__in=cases_in_reach(request.user).filter(tier="T1"),
        )
        .select_related("case__village", "case__township", "by")
        .order_by("business_date", "id")
    )
    page = page_of(request, approvals)
    total_fen = sum(approvals[:COUNT_LIMIT].values_list("amount_fen", flat=True))
    previous = (first - datetime.timedelta(days=1)).replace(day=1)
    context = {
        "office": office,
        "page": page,
        "rows": [
            {
                "event": event,
                "case": event.case,
                "url": office.url("review", event.case_id),
                "state": STATES[event.case.state],
            }
            for event in page
        ],
        "month": first,
        "previous": previous,
        "following": following if following <= clock.today() else None,
        "total_fen": total_fen if page.paginator.count <= COUNT_LIMIT else None,
    }
    return render(request, "township/filed.html", context)


def _month(text: str) -> Any:
    """The first day of "2026-04", of this month by default. Raises Http404 for what is no month."""
    if not text:
        return clock.today().replace(day=1)
    try:
        first = datetime.date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise Http404 from error
    if not datetime.MINYEAR < first.year < datetime.MAXYEAR:  # has no month before or after it
        raise Http404
    return first


@require_http_methods(["GET", "HEAD", "POST"])
def batch(request: HttpRequest, *, office: Office) -> HttpResponse:
    """Several small cases of one programme without anything to verify: listed, added up, counted, decided together."""
    programme = request.GET.get("programme", "")
    if programme and programme not in PROGRAMMES:
        raise Http404
    cases, action = _simple_cases(request.user, office, programme) if programme else ([], "")
    wanted = set(map(row_number, request.POST.getlist("case"))) - {None}
    chosen = [case for case in cases if not wanted or case.pk in wanted]
    form = None
    if cases:
        seen = digest_of([[case.pk, seen_digest(case)] for case in cases])
        form = BatchForm(
            request.POST or None,
            expected=len(chosen),
            initial={"key": f"batch:{uuid4()}", "seen": seen},
        )
        if action in APPROVALS:
            form = ask(request, form, Kind.APPROVE)
        if request.method == "POST" and form.is_valid():
            if form.cleaned_data["seen"] != seen:
                form.add_error(None, _("名单有变动，请重新看一遍。"))
                form.data = form.data.copy()
                form.data["seen"] = seen
            elif _decide_all(request, chosen, action, form):
                return redirect(office.url("queue"))
    elif request.method == "POST":
        messages.info(request, _("这一批已经办过了。"))
        return redirect(office.url("queue"))
    context = {
        "office": office,
        "programme": PROGRAMMES.get(programme),
        "programmes": PROGRAMMES.values(),
        "cases": cases,
        "chosen": {case.pk for case in chosen},
        "total_fen": sum(case.amount_fen for case in chosen),
        "form": form,
        "limit": BATCH_AT_MOST,
    }
    return render(request, "township/batch.html", context)


_SIMPLE = {"township_clerk": ("township_review", "check"), "township_approver": ("township_decision", "approve")}


def _simple_cases(user: Any, office: Office, programme: str) -> tuple[list[Case], str]:
    """The first cases of one programme and state that are small, hers to decide, and clear of warnings."""
    for role, (state, action) in _SIMPLE.items():
        if not any(post.role == role for post in posts_of(user)):
            continue
        waiting = lists.office_queue(user, office).filter(programme=programme, state=state, tier="T1", turn_role=role)
        waiting = (
            waiting.exclude(lists.barred(user))
            .select_related("survey", "payee_account", "beneficiary", "village")
            .prefetch_related("papers")
        )
        rows = list(waiting[:BATCH_AT_MOST])
        checks = redflags.weigh(rows, user=user)
        simple = [case for case in rows if not redflags.warnings(checks[case.pk])]
        if simple:
            return simple, action
    return [], ""


def _decide_all(request: HttpRequest, cases: list[Case], action: str, form: BatchForm) -> bool:
    """All or nothing: one refusal leaves every case as it was, and is told with the case's name."""
    if action in APPROVALS and not is_confirmed(request, form, Kind.APPROVE):
        return False
    try:
        with transaction.atomic():
            for case in cases:
                try:
                    act(case.pk, action, by=request.user, key=f"{form.cleaned_data['key']}:{case.pk}")
                except REFUSALS as refusal:
                    raise _BatchStopped(f"{case.head_name}（{case.case_no}）：{refusal}") from refusal
    except _BatchStopped as stopped:
        form.add_error(None, str(stopped))
        return False
    messages.success(request, ngettext("%(n)d 件都办好了。", "%(n)d 件都办好了。", len(cases)) % {"n": len(cases)})
    return True


class _BatchStopped(CaseworkError):
    """One case of a batch was refused; the whole batch is taken back."""
