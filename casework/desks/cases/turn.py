"""Whose turn it is, until when, and what she does next: the one solid block of the case page.

Where somebody may not act, the sentence says why and who can.
"""

import datetime
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from access.roles import title_of
from access.scope import posts_of
from audit import clock
from casework.bank_words import returned_words
from casework.days import day_short
from casework.desks.acts import new_key
from casework.desks.cases.forms import is_one_press
from casework.desks.cases.in_parts import Plan
from casework.desks.cases.mending import first_to_mend, places, returned_by
from casework.desks.cases.story import holders
from casework.due import deadline, notice_words
from casework.models import Case, CaseEvent, Deliberation, PublicNotice
from casework.parts import CHECKED_IN, GOING_ON
from casework.preparing import may_prepare
from casework.reissuing import returned_payment, waits_for_village, why_not_again
from casework.steps.file import missing_papers
from casework.steps.parts import CHECKS
from families.models import BankAccount, Survey
from flows import calendar
from flows.spec import Edge
from flows.states import ACTIONS, ROLE_SYSTEM, STATES

# What to do, in a sentence, where the verb on the button does not say it.
TO_DO = {
    "triage": (_l("定下办哪一项"), _l("看看是不是归这一项帮扶。")),
    "start_survey": (_l("约好另一个人，上门去看"), _l("入户调查要两个人。")),
    "register": (_l("材料齐了，登记"), _l("定下金额和原因。")),
    "submit": (_l("报给村民评议"), _l("报上去以后，材料不能随便改。")),
    "endorse": (_l("看过评议记录，签意见"), _l("同意就公示，不同意就退回。")),
    "resubmit": (_l("只改退回说的地方"), _l("别的不用动。")),
    "correct_account": (_l("上门看一下存折"), _l("户名要和收款人一样。")),
    "visit": (_l("上门看一看"), _l("钱用上了吗，还有什么难处。")),
    "check_instalment": (_l("去看一看，核查这一期"), _l("进度、在读、服务单，看到什么写什么。")),
    "resume": (_l("问清楚了，恢复发放"), _l("原因没有了才恢复；不该再发的，由乡镇经办停止。")),
}
# Decisions of the offices, which have a page of their own with the evidence beside the decision.
DECISIONS = {
    "township": frozenset({"check", "approve", "approve_plan", "approve_exit", "dismiss_objection"}),
    "county": frozenset({"review", "confirm", "countersign", "overturn_refusal"}),
}


VISITS_AHEAD = 3  # days before a visit is due that it becomes what to do
CHECKS_AHEAD = 14  # days before a part is due that looking whether it may be paid becomes what to do


@dataclass(frozen=True)
class Step:
    """What to press next. With a `key` pressing it is the act itself; without, it opens a page."""

    title: Any
    text: Any
    url: str
    label: Any
    icon: str = ""
    key: str = ""


def turn_of(
    case: Case,
    user: Any,
    edges: list[tuple[Edge, str]],
    events: list[CaseEvent],
    notice: PublicNotice | None,
    step: Step | None,
    plan: Plan,
) -> dict[str, Any]:
    """The `turn` of parts/_turn.html; `step` is what next_step() found for this person."""
    state = STATES[case.state]
    turn = {"state": case.state, "state_label": state.title, "tone": state.tone, "title": state.sentence}
    if not case.is_open:
        return turn | _ended(case, events, edges)
    if case.state == "returned":
        turn |= _returned(case, events, step)
    if case.state == "payment_returned":
        turn |= _sent_back(case)
    if plan.parts and case.state in CHECKED_IN:
        turn |= _next_part(case, plan)
    if case.state == "suspended":
        turn |= _suspended(events, plan)
    if case.state in ("village_notice", "exit_notice") and notice is not None:
        turn |= _on_the_board(case, notice)
    else:
        turn |= _until(case) | _whose(case, user, step)
    if step is not None:
        turn["do"] = asdict(step)
    return turn


def _ended(case: Case, events: list[CaseEvent], edges: list[tuple[Edge, str]]) -> dict[str, Any]:
    last = events[-1] if events else None
    found: dict[str, Any] = {}
    if last and last.reason and case.state in ("refused", "withdrawn", "cancelled"):
        found["text"] = _("「%(words)s」") % {"words": last.reason}
    if case.closed_on:
        found |= {"due_text": day_short(case.closed_on), "due_label": _("哪天办完的")}
    return found


def _returned(case: Case, events: list[CaseEvent], step: Step | None) -> dict[str, Any]:
    """What was asked for, and for whoever mends it, the places where it is mended."""
    event = returned_by(events)
    if event is None:
        return {}
    return {
        "text": _("「%(words)s」") % {"words": event.reason},
        "text_by": _("，").join(filter(None, (event.by.name if event.by else "", day_short(event.business_date)))),
        "quoted": True,
        "also": [place for place in places(case).values() if place.url != step.url] if step else [],
    }


def _sent_back(case: Case) -> dict[str, Any]:
    """While the village mends the account, what the bank said; then what the second attempt still waits for."""
    back = returned_payment(case)
    if back is None or waits_for_village(case, back):
        return {"text": returned_words(back.returned_reason)} if back else {}
    return {"title": _("账户核对过了，等重发"), "text": why_not_again(case, back)}


def _next_part(case: Case, plan: Plan) -> dict[str, Any]:
    """What the next part waits for, in place of what is said of help that is paid at once."""
    part = plan.next
    if part is None:
        return {}
    found = {"text": plan.next_words()}
    if case.state == "fund_reserved":
        found["title"] = (
            _("已批准，钱已留好，分期付") if not part.waits_for_check else _("已批准，钱已留好，等核查第一期")
        )
    elif part.waits_for_check:
        found["title"] = _("付了一部分，等核查下一期")
    return found


def _suspended(events: list[CaseEvent], plan: Plan) -> dict[str, Any]:
    """Why it was suspended, and by whom; what was not paid meanwhile is paid when it goes on."""
    event = next((event for event in reversed(events) if event.action == "suspend"), None)
    if event is None:
        return {}
    return {
        "text": _("「%(words)s」") % {"words": event.reason},
        "text_by": _("，").join(filter(None, (event.by.name if event.by else "", day_short(event.business_date)))),
        "quoted": True,
    }


def _on_the_board(case: Case, notice: PublicNotice) -> dict[str, Any]:
    return {
        "title": notice_words(notice.starts_on, notice.ends_on, clock.today()),
        "who": _("等时间到"),
        "who_note": _("谁也不能提前"),
        "due_label": _("哪天期满"),
        "due_text": _("%(day)s 24 点") % {"day": day_short(notice.ends_on)},
        "due_note": _("之后自动到乡里") if notice.kind == PublicNotice.Kind.VILLAGE else _("之后自动结案"),
    }


def _until(case: Case) -> dict[str, Any]:
    if case.due_on is None:
        return {}
    due = deadline(case.due_on, clock.today())
    return {
        "due": case.due_on,
        "due_note": due.words,
        "due_tone": {"act": "bad", "soon": "soon"}.get(due.tone, ""),
        "late": due.words if due.level in ("severe", "overdue") else "",
    }


def _whose(case: Case, user: Any, step: Step | None) -> dict[str, Any]:
    role = case.turn_role
    if role in ("", ROLE_SYSTEM):
        return {"who": _("等系统")}
    people = holders(case, role)
    names = _("、").join(staff.name for staff in people) or title_of(role)
    if step is not None:
        return {"who": _("你"), "who_note": user.name}
    mine = any(post.role == role and post.reaches(case) for post in posts_of(user))
    note = _("你这里现在没有要做的") if not mine else ""
    return {"who": f"{title_of(role)} {names}" if people else names, "who_note": note}


# ---------------------------------------------------------------- the next step


def next_step(case: Case, user: Any, edges: list[tuple[Edge, str]], events: list[CaseEvent], plan: Plan) -> Step | None:
    """What this person does next, or None when it is not her turn or she is barred."""
    free = [edge for edge, why_not in edges if not why_not and not plan.why_not(edge.action)]
    main = next((edge for edge in free if edge.is_main), None)
    if case.state == "village_review":
        return _at_the_deliberation(case, user, main)
    if case.state == "payment_returned":
        return _paying_again(case, free)
    if main is None:
        main = next((e for e in free if ACTIONS[e.action].tone == "go" and case.turn_role in e.roles), None)
    if main is None and case.state in GOING_ON and _has_visit_due(case):
        main = next((e for e in free if e.action == "visit"), None)
        return _press(case, "visit") if main else None
    if main is None:
        main = _second_step_of_paying(case, free)
    if main is None or _is_visit_ahead(case, main) or _is_check_ahead(main, plan):
        return None
    before = None
    if main.action in ("register", "submit", "submit_makeup"):
        before = _before(case, main)
    if main.action == "resubmit":
        before = _mend_first(case, events)
    return before or _press(case, main.action)


def _is_visit_ahead(case: Case, main: Edge) -> bool:
    """The next visit is weeks away: it may be recorded, but it is not what to do now."""
    ahead = datetime.timedelta(days=VISITS_AHEAD)
    return main.action == "visit" and case.due_on is not None and case.due_on > clock.today() + ahead


def _has_visit_due(case: Case) -> bool:
    """While help goes on in parts, visits have their own days beside the deadline of the next part."""
    soon = clock.today() + datetime.timedelta(days=VISITS_AHEAD)
    return case.visits.filter(visited_on__isnull=True, due_on__lte=soon).exists()


def _is_check_ahead(main: Edge, plan: Plan) -> bool:
    """The part is paid months from now: it may be looked at, but it is not what to do today."""
    ahead = datetime.timedelta(days=CHECKS_AHEAD)
    return main.action == CHECKS and plan.next is not None and plan.next.row.due_on > clock.today() + ahead


def _mend_first(case: Case, events: list[CaseEvent]) -> Step | None:
    place = first_to_mend(case, returned_by(events))
    return place and Step(place.title, _("补好了，再重新上报。"), place.url, place.label, place.icon)


def _second_step_of_paying(case: Case, free: list[Edge]) -> Edge | None:
    return next((e for e in free if e.action in ("check_payment", "release_payment")), None)


def _paying_again(case: Case, free: list[Edge]) -> Step | None:
    """The account first, which is the village's; the second attempt after that, as the fund desk lists it."""
    back = returned_payment(case)
    waits = back is None or waits_for_village(case, back)
    if not waits and why_not_again(case, back):
        return None
    wanted = "correct_account" if waits else "reissue"
    if not any(edge.action == wanted for edge in free):
        return None
    step = _press(case, wanted)
    if waits and case.provider_id:
        return replace(step, title=_("跟收款单位核对账户"), text=_("新账户由资金管理登记、核对，再在这里选。"))
    return step


def _at_the_deliberation(case: Case, user: Any, main: Edge | None) -> Step | None:
    held = Deliberation.objects.filter(case=case, round=case.notice_round + 1).exists()
    if not held:
        if not may_prepare(case, user):
            return None
        return Step(
            _("开会评议，记下票数"),
            _("亲属要回避，名字写进记录。"),
            reverse("cases:deliberation", args=[case.pk]),
            _("记评议"),
            "people",
        )
    return _press(case, main.action) if main is not None else None


def _before(case: Case, main: Edge) -> Step | None:
    """What must be there first: a survey, the papers, an account, a plan."""
    if main.action != "submit" and not _has_fresh_survey(case):
        return Step(
            _("上门调查，填调查表"),
            _("两个人一起去。"),
            reverse("village:survey_begin", args=[case.household_id]) + f"?case={case.pk}",
            _("填调查表"),
            "house-check",
        )
    missing = missing_papers(case, main.action)
    if missing:
        return Step(
            _("还缺：%(papers)s") % {"papers": _("、").join(missing)},
            _("拍清楚，四个角都要拍到。"),
            reverse("cases:papers", args=[case.pk]),
            _("去拍照"),
            "camera",
        )
    if (
        case.rules.pays_to == ["family"]
        and case.spec.has_money
        and not BankAccount.objects.filter(household_id=case.household_id, is_active=True).exists()
    ):
        return Step(
            _("登记收款账户"),
            _("看着存折填，填两遍。"),
            reverse("village:account", args=[case.household_id]) + f"?next={_page(case)}",
            _("登记账户"),
            "bank",
        )
    if not case.spec.has_money and not case.measures.exclude(state="dropped").exists():
        return Step(
            _("写帮扶计划"),
            _("群众需要什么，就帮什么。"),
            reverse("cases:plan", args=[case.pk]),
            _("写计划"),
            "list",
        )
    return None


def _has_fresh_survey(case: Case) -> bool:
    latest = Survey.objects.filter(household_id=case.household_id).order_by("-version").first()
    return latest is not None and calendar.add(latest.surveyed_on, case.rules.survey_valid) >= clock.today()


def _press(case: Case, action: str) -> Step:
    for office, decisions in DECISIONS.items():
        if action in decisions:
            url = reverse(f"{office}:review", args=[case.pk])
            return Step(_("看过证据，再做决定"), _("照片、评议、公示、账户都要看。"), url, _("去审核"), "stamp")
    title, text = TO_DO.get(action, (ACTIONS[action].verb, ""))
    key = new_key() if is_one_press(action) else ""
    return Step(title, text, reverse("cases:act", args=[case.pk, action]), ACTIONS[action].verb, key=key)


def _page(case: Case) -> str:
    return reverse("cases:detail", args=[case.pk])


def other_acts(case: Case, edges: list[tuple[Edge, str]], step: Step | None, plan: Plan) -> list[dict[str, Any]]:
    """Everything else that she may do now, as plain links."""
    done = step.url if step else ""
    found = []
    for edge, why_not in edges:
        url = reverse("cases:act", args=[case.pk, edge.action])
        # A second attempt is offered as the next step, or it is too early for it.
        if not why_not and url != done and edge.action != "reissue" and not plan.why_not(edge.action):
            found.append({"label": ACTIONS[edge.action].verb, "url": url, "tone": ACTIONS[edge.action].tone})
    return found


def without_deliberation() -> Exists:
    """Condition: no deliberation recorded for the case's present round."""
    return ~Exists(Deliberation.objects.filter(case=OuterRef("pk"), round=OuterRef("notice_round") + 1))
