"""民主评议: the record of a villagers' deliberation, as the minutes say it."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from audit import clock
from casework.errors import BadCaseData
from casework.models import Case, Deliberation
from casework.preparing import preparing

SESSIONS = frozenset({"registered", "village_review"})


@dataclass(frozen=True)
class Minutes:
    """What was written down. `recused` names who left the room, and why."""

    held_on: datetime.date
    place: str
    host: str
    recorder: str
    due_count: int
    present_count: int
    votes_for: int
    votes_against: int
    votes_abstain: int
    minutes: str
    recused: tuple[str, ...] = ()


def record_deliberation(case_id: int, minutes: Minutes, *, by: Any) -> Deliberation:
    """Keep the record of this round. A session that did not decide may be held again; history keeps the first one.

    Raises BadCaseData when the figures contradict each other or the round is already decided, and what `preparing` raises.
    """
    _check(minutes)
    with preparing(case_id, by, reason="deliberation", states=SESSIONS) as case:
        if minutes.held_on < case.opened_on:
            raise BadCaseData(_("评议日期早于开案日期，请再看一遍。"))
        number = case.notice_round + 1
        session = Deliberation.objects.filter(case=case, round=number).first()
        if session is not None and verdict(session, case) == "passed":
            raise BadCaseData(_("这一轮评议已经记过，并且通过了。"))
        session = session or Deliberation(case=case, round=number)
        for name in Minutes.__dataclass_fields__:
            setattr(session, name, getattr(minutes, name))
        session.recused = list(minutes.recused)
        session.recorded_by = by
        session.save()
        return session


def _check(minutes: Minutes) -> None:
    if minutes.held_on > clock.today():
        raise BadCaseData(_("评议日期不能晚于今天。"))
    if minutes.present_count > minutes.due_count:
        raise BadCaseData(_("到会的人比应到的人多，请再数一遍。"))
    if minutes.votes_for + minutes.votes_against + minutes.votes_abstain > minutes.present_count:
        raise BadCaseData(_("票数加起来比到会的人多，请再数一遍。"))
    if not minutes.minutes.strip():
        raise BadCaseData(_("请写下评议经过。"))


def verdict(session: Deliberation, case: Case) -> str:
    """ "passed", "no_quorum" or "rejected", by the rules that the case was opened under."""
    rules = case.rules
    if (
        session.present_count < rules.quorum_present
        or session.present_count * 100 < session.due_count * rules.quorum_percent
    ):
        return "no_quorum"
    cast = session.votes_for + session.votes_against
    return "passed" if session.votes_for * 100 > cast * rules.majority_percent else "rejected"


def verdict_words(code: str) -> str:
    return {
        "passed": _("评议通过"),
        "no_quorum": _("到会人数不够，要重新评议"),
        "rejected": _("评议没有通过"),
    }[code]
