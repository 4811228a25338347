"""The way of a payment as a strip of links: each step one click away, for whoever may open it."""

from typing import Any

from django.urls import reverse

from access.roles import Ability
from access.scope import can
from casework.chain import Step
from casework.links import case_url
from casework.models import Case, CaseEvent, Deliberation, PublicNotice, Roster
from families.models import Survey
from funds.models import ImprestSpend, Payment, PaymentBatch

OF_THE_FAMILY = frozenset({"review", "survey"})
# Where a case's own page tells of each step; whoever sees the case sees these.
_ANCHORS = {"payment": "money", "approval": "line", "notice": "notices", "review": "sessions", "survey": "survey"}
_RECORDS = {PublicNotice: "notice", Deliberation: "deliberation", Survey: "survey", ImprestSpend: "handout"}


def strip(steps: list[Step], user: Any, case: Case | None = None, *, sees_family: bool = True) -> list[dict[str, Any]]:
    """What parts/_chain.html draws. `case` None: the payment of a list. Who sees no family learns that there was a review
    and a survey, and when, and no more.
    """
    audits, sees_money = can(user, Ability.AUDIT_READ), can(user, Ability.FUND_VIEW)
    return [
        {
            "title": step.title,
            "words": step.words if sees_family or step.code not in OF_THE_FAMILY else "",
            "on": step.on,
            "state": "" if step.record is not None else "next",
            "url": _url(step, case, audits=audits, sees_money=sees_money)
            if sees_family or step.code not in OF_THE_FAMILY
            else "",
            "photos_url": f"{case_url(case.pk)}#papers" if step.photos and case is not None and sees_family else "",
        }
        for step in steps
    ]


def _url(step: Step, case: Case | None, *, audits: bool, sees_money: bool) -> str:
    """ "" where there is nothing to open, or not for her."""
    record = step.record
    if record is None:
        return ""
    if isinstance(record, PaymentBatch):
        return reverse("funds:batch", args=[record.pk]) if sees_money else ""
    if isinstance(record, Roster):
        return reverse("rosters:print" if step.code == "notice" else "rosters:roster", args=[record.pk])
    if audits:
        if isinstance(record, Payment):
            return reverse("audit:payment", args=[record.pk])
        if isinstance(record, CaseEvent):
            return f"{reverse('audit:trail', args=[record.case_id])}?kind=act#timeline"
        return reverse("audit:record", args=[_RECORDS[type(record)], record.pk])
    return f"{case_url(case.pk)}#{_ANCHORS[step.code]}" if case is not None else ""
