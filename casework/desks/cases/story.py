"""What happened to a case, for reading: the timeline with names, reasons and dates, what comes next, the strip of steps."""

from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from access.models import Staff
from access.roles import title_of
from audit import clock
from casework.days import day_short, moment
from casework.desks.cases.in_parts import Plan
from casework.models import Case, CaseEvent
from casework.steps.parts import CHECKS
from casework.visibility import Sight
from flows.states import ACTIONS, STATES
from funds.money import yuan

# The way as a neighbour would tell it: (states that belong to the stop, its name)
STOPS = (
    (("lead", "triaged"), _l("有人提起")),
    (("draft",), _l("入户调查")),
    (("registered",), _l("登记")),
    (("emergency_released",), _l("先行救助")),
    (("village_review",), _l("村民评议")),
    (("village_notice", "objection"), _l("公示")),
    (("township_review", "township_decision"), _l("乡里审")),
    (("county_review", "county_decision", "county_countersign", "appeal"), _l("县里定")),
    (("fund_reserved",), _l("留好钱")),
    (("in_payment", "payment_returned", "between_payments", "suspended"), _l("付钱")),
    (("paid", "follow_up"), _l("回访")),
    (("exit_review", "exit_notice", "closed"), _l("结案")),
)
_STOP_TONE = {"returned", "refused", "objection", "payment_returned", "withdrawn", "cancelled", "recovery", "suspended"}
SHOWS_AMOUNT = {"approve", "confirm", "countersign", "register", "emergency_release", "pay_from_imprest"}
FAMILY_SPEAKS = ("open", "visit", "object")  # acts whose words are the family's or a neighbour's
SHOWS_PAYMENT = {"payment_credited", "cash_handed", "confirm_cash", "payment_bounced", "payment_clawed_back"}
AHEAD = 3


def events_of(case: Case) -> list[CaseEvent]:
    """The acts of a case, oldest first, with the people who took them."""
    return list(case.events.select_related("by", "on_behalf_of").order_by("n"))


def strip(case: Case, events: list[CaseEvent], plan: Plan) -> list[dict[str, Any]]:
    """The stops of this case's way, each with the day it was reached; what lies ahead is dashed. Where help is paid in
    parts, its stop says how many."""
    reached = {}
    for event in events:
        reached.setdefault(event.to_state, event.business_date)
    has_emergency = "emergency_released" in reached
    needs_county = case.tier in ("T2", "T3") or bool({"county_review", "appeal"} & set(reached))
    now = _stop_of(case, events)
    steps, passed = [], False
    for n, (states, title) in enumerate(STOPS):
        if not set(states) & set(case.spec.states):
            continue
        if "emergency_released" in states and not has_emergency:
            continue
        if "county_review" in states and not needs_county:
            continue
        day = next((reached[state] for state in states if state in reached), None)
        look = "now" if n == now else ("next" if passed or day is None else "")
        passed = passed or n == now
        note = day_short(day) if day else ""
        if plan.parts and "in_payment" in states and day:
            note = plan.note
        steps.append({"label": title, "note": note, "state": look})
    if not case.is_open:
        steps = [step for step in steps if step["state"] != "next"]
    return around_now(steps)


WINDOWS = (3, 5, 8)  # how many stops a screen may show: a phone in English, a phone, the middle of three columns


def around_now(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mark with `room` the smallest window around the present stop that a step belongs to; the style sheet hides the rest."""
    now = next((n for n, step in enumerate(steps) if step["state"] == "now"), len(steps) - 1)
    for n, step in enumerate(steps):
        step["room"] = next((size for size in WINDOWS if n - _first(now, size, len(steps)) in range(size)), "all")
    return steps


def _first(now: int, size: int, count: int) -> int:
    return max(0, min(now - (size - 1) // 2, count - size))


def _stop_of(case: Case, events: list[CaseEvent]) -> int:
    """Where the case stands on the strip; a side state stands where it left the way."""
    states = [case.state, *(event.from_state for event in reversed(events))]
    for state in states:
        for n, (members, _title) in enumerate(STOPS):
            if state in members:
                return n
    return 0


def ahead(case: Case, plan: Plan) -> list[dict[str, Any]]:
    """The next stops of the ordinary way, the farthest first."""
    found, state, left = [], case.state, plan.open_count
    spec = case.spec
    while case.is_open and len(found) < AHEAD:
        mains = [edge for edge in spec.actions(state) if edge.is_main]
        if not mains:
            break
        target = mains[0].target
        if not isinstance(target, str):
            if target.fact == "outcome":  # a payment that arrives: is it the last one?
                left -= 1
            known = {
                "tier": case.tier or "T1",
                "return_to": case.return_to or "township_review",
                "outcome": "between_payments" if left > 0 else "paid",
            }
            target = target.targets.get(known[target.fact])
        if target not in STATES or target == state:
            break
        state = target
        role = spec.turn(state)
        found.append(
            {
                "title": STATES[state].title,
                "who": title_of(role) if role and state not in spec.ends else "",
                "tone": "next",
            }
        )
    return found[::-1]


def timeline(
    case: Case, events: list[CaseEvent], sight: Sight, turn: dict[str, Any] | None, plan: Plan
) -> list[dict[str, Any]]:
    """What lies ahead, where it stands, and everything that happened, the latest first."""
    lines = ahead(case, plan)
    paid = {payment.pk: payment.amount_fen for payment in plan.payments}
    labels = {part.row.n: part.row.title for part in plan.parts}
    if turn is not None:
        lines.append({"title": turn["title"], "who": turn.get("who", ""), "tone": "now"})
    return lines + [_told(event, sight, paid, labels) for event in reversed(events)]


def _told(event: CaseEvent, sight: Sight, paid: dict[int, int], labels: dict[int, str]) -> dict[str, Any]:
    is_stop = event.to_state in _STOP_TONE and event.to_state != event.from_state
    action = ACTIONS.get(event.action)
    title = action.done if action else _("开案")
    amount_fen = event.amount_fen if event.action in SHOWS_AMOUNT else 0
    if event.action in SHOWS_PAYMENT:
        amount_fen = paid.get(event.data.get("payment"), event.amount_fen)
    if amount_fen:
        title = _("%(done)s，%(yuan)s 元") % {"done": title, "yuan": yuan(amount_fen)}
    if event.action == CHECKS and event.data.get("part") in labels:
        title = _("%(done)s：%(part)s") % {"done": title, "part": labels[event.data["part"]]}
    quote = event.reason if sight.family or event.action not in FAMILY_SPEAKS else ""
    return {
        "title": title,
        "when": _when(event),
        "who": _who(event),
        "quote": _("「%(words)s」") % {"words": quote} if quote and is_stop else "",
        "text": _("「%(words)s」") % {"words": quote} if quote and not is_stop else "",
        "tone": "stop" if is_stop else "",
    }


def _when(event: CaseEvent) -> str:
    """The day of the event; the moment of entry beside it when that was another day, so that back-dating shows."""
    day = day_short(event.business_date)
    if timezone.localdate(event.recorded_at) == event.business_date:
        return day
    return _("%(day)s（%(moment)s 录入）") % {"day": day, "moment": moment(event.recorded_at)}


def _who(event: CaseEvent) -> str:
    if event.by is None:
        return _("系统") if event.by_role == "system" else _("村民")
    role = title_of(event.by_role) if event.by_role not in ("anyone", "system") else ""
    who = f"{role} {event.by.name}".strip()
    if event.on_behalf_of:
        who = _("%(who)s（代 %(principal)s）") % {"who": who, "principal": event.on_behalf_of.name}
    return who


def holders(case: Case, role: str) -> list[Staff]:
    """Who holds this role in a unit that the case lies in."""
    today = clock.today()
    units = [case.village_id, case.township_id, case.county_id]
    return list(
        Staff.objects.filter(
            Q(appointments__valid_to__isnull=True) | Q(appointments__valid_to__gte=today),
            appointments__role=role,
            appointments__unit_id__in=units,
            appointments__valid_from__lte=today,
            is_active=True,
        ).distinct()[:4]
    )
