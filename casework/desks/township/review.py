"""One case under review: the queue on the left, the evidence in the middle, the decision on the right."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from access.roles import title_of
from audit import clock
from casework import redflags
from casework.acting import APPROVALS, act, possible_actions
from casework.desks.confirming import Kind, ask, is_confirmed
from casework.desks.township import evidence, lists
from casework.desks.township.forms import DecisionForm
from casework.desks.township.office import Office
from casework.desks.township.rows import Row, Rows
from casework.digests import digest_of
from casework.errors import REFUSALS, CaseworkError
from casework.links import case_url
from casework.models import Case
from casework.queries import PAGE, visible_case
from casework.visibility import sight
from flows.spec import Edge
from flows.states import ACTIONS, STATES
from funds import ledger
from funds.money import yuan

# Acts of the village that the township could take, too, are taken on the case page.
_NOT_HERE = {"triage", "dismiss", "start_survey", "register", "emergency_release", "withdraw"}
# Checking a part with its pictures, suspending, stopping and asking back: where the money is told.
_ON_THE_CASE_PAGE = {"check_instalment", "suspend", "resume", "stop_payments", "reclaim"}


@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, *, office: Office, case_id: int) -> HttpResponse:
    case = visible_case(request.user, case_id)
    filters = lists.Filters.read(request.GET, request.user, office)
    waiting = filters.narrow(lists.office_queue(request.user, office), request.user, office)
    choice = _choice_of(case, request.user)
    checks = redflags.weigh([case], user=request.user)[case.pk]
    form = _form(request, case, choice, redflags.warnings(checks))
    place = (case.due_on, case.pk)
    if request.method == "POST" and _was_hers(request, case):  # sent again, because the first answer never came
        messages.success(request, _("这件事刚才已经办好了。"))
        return _go_on(request, office, waiting, filters, place)
    if request.method == "POST" and choice.edges and form.is_valid() and _decide(request, case, form):
        return _go_on(request, office, waiting, filters, place)
    words = lists.DueWords()
    rows = Rows(request.user, office, filters)[:PAGE]
    context = _evidence(case, request.user) | _money(case, choice)
    context |= {
        "office": office,
        "case": case,
        "form": form if choice.edges else None,
        "choice": choice,
        "due": words.of(case.due_on),
        "warnings": [_with_link(check, office) for check in redflags.warnings(checks)],
        "in_order": [check for check in checks if check.is_ok],
        "groups": lists.groups(
            rows, None, words, lambda row: office.url("review", row.pk) + filters.query, current=case.pk
        ),
        "counts": lists.count(waiting, words),
        "queue_url": office.url("queue") + filters.query,
        "neighbours": _neighbours(rows, case, office, filters),
        "state": STATES[case.state],
        "tier_words": tier_words(case),
        "story_url": case_url(case.pk),
        "turn": title_of(case.turn_role) if case.turn_role and not choice.edges else "",
    }
    return render(request, "township/review.html", context)


def _with_link(check: redflags.Check, office: Office) -> dict[str, str]:
    link = office.url("review", check.case_id) if check.case_id else f"#{check.anchor}" * bool(check.anchor)
    return {"title": check.title, "text": check.text, "link": link}


_AGREE = (
    *("check", "approve", "approve_plan", "review", "confirm", "countersign"),
    *("approve_exit", "dismiss_objection", "overturn_refusal"),
)
_KEYS = {
    "A": _AGREE,
    "R": ("return", "uphold_objection", "keep_open"),
    "X": ("refuse", "uphold_refusal"),
}


@dataclass(frozen=True)
class Choice:
    """What she may do in this case now, and, where she may not, the sentence why."""

    edges: list[Edge]
    why_not: str = ""
    elsewhere: bool = False  # something may be done, on the case page

    @property
    def main(self) -> Edge | None:
        return next((edge for edge in self.edges if edge.is_main), None)

    @property
    def keys(self) -> list[tuple[str, Any]]:
        """(key, what it chooses here) of the keys that choose something, as static/js/review.js reads them."""
        found = [next((e for e in self.edges if e.action in actions), None) for actions in _KEYS.values()]
        return [(key, ACTIONS[edge.action].verb) for key, edge in zip(_KEYS, found, strict=True) if edge]


def _choice_of(case: Case, user: Any) -> Choice:
    found = [(edge, why) for edge, why in possible_actions(case, user) if edge.action not in _NOT_HERE]
    free = sorted((edge for edge, why in found if not why), key=lambda edge: not edge.is_main)
    edges = [edge for edge in free if edge.action not in _ON_THE_CASE_PAGE]
    why_not = "" if free else next((why for _edge, why in found if why), "")
    return Choice(edges, why_not, elsewhere=len(edges) < len(free))


def seen_digest(case: Case) -> str:
    """The fingerprint of what a reviewer has before her: any act, new survey, paper or account changes it."""
    return digest_of(
        [
            case.acts,
            case.survey_id,
            case.payee_account_id,
            case.provider_id,
            case.amount_fen,
            sorted(paper.pk for paper in case.papers.all()),
        ]
    )


def _form(request: HttpRequest, case: Case, choice: Choice, warnings: list[redflags.Check]) -> DecisionForm:
    asked = {
        "edges": choice.edges,
        "must_explain": bool(warnings),
        "question": _("要核实的，是怎么核实的？") if warnings else "",
    }
    if request.method == "POST":
        form = DecisionForm(request.POST, **asked)
    else:
        form = DecisionForm(initial={"key": f"decide:{uuid4()}", "seen": seen_digest(case)}, **asked)
    if APPROVALS.isdisjoint(edge.action for edge in choice.edges):
        return form
    return ask(request, form, Kind.APPROVE, only_for=_("同意的才填：手机上的六位数，或者一个备用码。"))


def _was_hers(request: HttpRequest, case: Case) -> bool:
    return case.events.filter(key=request.POST.get("key", ""), by=request.user).exists()


def _decide(request: HttpRequest, case: Case, form: DecisionForm) -> bool:
    """One act; a refusal becomes an error of the form, and what she wrote stays."""
    wanted = form.cleaned_data
    if wanted["decision"] in APPROVALS and not is_confirmed(request, form, Kind.APPROVE):
        return False
    try:
        with transaction.atomic():
            # Locked, so that nothing is added between the last look and the signature.
            locked = Case.objects.select_for_update().get(pk=case.pk)
            if wanted["seen"] != seen_digest(locked) and not _was_done(locked, wanted["key"]):
                raise _ChangedMeanwhile(_("你打开以后材料有变动。请把这一页重新看一遍，再决定。"))
            event = act(
                case.pk,
                wanted["decision"],
                by=request.user,
                key=wanted["key"],
                reason=wanted["note"],
                reason_code=wanted.get("reason_code", ""),
            )
    except REFUSALS as refusal:
        form.add_error(None, str(refusal))
        if isinstance(refusal, _ChangedMeanwhile):
            form.data = form.data.copy()
            form.data["seen"] = seen_digest(case)
        return False
    messages.success(
        request,
        _("%(name)s（%(no)s）：%(done)s。现在是「%(state)s」。")
        % {
            "name": case.head_name,
            "no": case.case_no,
            "done": ACTIONS[event.action].done,
            "state": STATES[event.to_state].title,
        },
    )
    return True


class _ChangedMeanwhile(CaseworkError):
    """What she looked at is no longer what lies here."""


def _was_done(case: Case, key: str) -> bool:
    return case.events.filter(key=key).exists()


def _go_on(request: HttpRequest, office: Office, waiting: Any, filters: lists.Filters, place: tuple) -> HttpResponse:
    """Decide and next: the next case of the same filtered queue that she may decide, or the empty queue."""
    following = lists.next_case(waiting, request.user, place)
    if following is None:
        return redirect(office.url("queue") + filters.query)
    return redirect(office.url("review", following.pk) + filters.query)


def _neighbours(rows: list[Row], case: Case, office: Office, filters: lists.Filters) -> dict[str, str]:
    """Where J and K lead."""
    keys = [row.pk for row in rows]
    if case.pk not in keys:
        return {}
    here = keys.index(case.pk)
    found = {}
    if here:
        found["previous"] = office.url("review", keys[here - 1]) + filters.query
    if here + 1 < len(keys):
        found["next"] = office.url("review", keys[here + 1]) + filters.query
    return found


def _evidence(case: Case, user: Any) -> dict[str, Any]:
    events = evidence.events_of(case)
    seen = sight(user, case)
    return {
        "steps": evidence.strip(case, events),
        "changes": evidence.changes_since_return(case, events, seen),
        "papers": evidence.papers(case, seen),
        "family": evidence.family(case, seen),
        "village": evidence.village_opinion(case, events),
        "signatures": evidence.signatures(case, events),
        "earlier": evidence.earlier_help(case),
        "people": case.household.members.filter(valid_to__isnull=True).count(),
        "measures": list(case.measures.all()) if not case.spec.has_money else [],
        "visits": evidence.visits(case) if case.state == "exit_review" else None,
    }


def _money(case: Case, choice: Choice) -> dict[str, Any]:
    """What is there to pay it; only while the money has not been reserved."""
    if not case.spec.has_money or not case.amount_fen or not choice.edges or case.tier == "T0":
        return {}
    if case.state in ("exit_review", "appeal"):
        return {}
    payable_fen = ledger.payable_fen(case.programme, case.village, clock.today())
    return {"payable_fen": payable_fen, "is_short": payable_fen < case.amount_fen}


def tier_words(case: Case) -> str:
    """What the tier of a case means, with its limits."""
    rules = case.rules
    limits = {"t1": yuan(rules.t1_limit_fen), "t2": yuan(rules.t2_limit_fen)}
    return {
        "T0": _("先行救助，钱已先付，补办手续"),
        "T1": _("小额（%(t1)s 元以内，乡里批准，县里备案）"),
        "T2": _("一般（%(t1)s 到 %(t2)s 元，乡里签，县里确认）"),
        "T3": _("大额或要回避（乡里签，县里确认并会签）"),
        "": "",
    }[case.tier] % limits
