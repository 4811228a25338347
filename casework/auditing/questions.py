"""Questions of auditors: asked of a post at a place, answered by whoever holds it, until the auditor is content.

ask(unit, "township_approver", …, by=auditor)   reply(question, "…", by=approver)
ask_again(question, "…", by=auditor)             close(question, "…", upheld=True, by=auditor)
"""

import datetime
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from access.models import OrgUnit
from access.roles import ROLES, Ability, title_of
from access.scope import posts_of
from audit import clock
from audit.context import acting
from casework.acting import key_reused
from casework.auditing.models import Question, QuestionEntry
from casework.auditing.numbers import next_number
from casework.auditing.running import demand_auditor
from casework.errors import BadCaseData, NotYourTurn, WrongState
from casework.reach import units_in

ASKED = (
    "village_head",
    "township_clerk",
    "township_approver",
    "county_reviewer",
    "county_approver",
    "fund_manager",
    "fund_checker",
    "cashier",
)


@transaction.atomic
def ask(
    unit: OrgUnit,
    asked_role: str,
    title: str,
    words: str,
    *,
    due_on: datetime.date,
    by: Any,
    key: str,
    subjects: Iterable[str] = (),
    rule: str = "",
) -> Question:
    """Ask a post at a place; `key` makes a retry harmless. Raises NotYourTurn, BadCaseData, KeyReused."""
    demand_auditor(by, unit)
    number = next_number(Question, "S")  # first: of the same pressing twice at once the second one finds the first
    known = Question.objects.filter(key=key).first()
    if known:
        if known.asked_by_id != by.pk:
            raise key_reused()
        return known
    if asked_role not in ASKED:
        raise BadCaseData(_("请选问谁。"))
    if not title.strip():
        raise BadCaseData(_("请写一句话说明问什么。"))
    with acting(by, reason="ask_question"):
        made = Question.objects.create(
            number=number,
            unit=unit,
            asked_role=asked_role,
            title=title.strip(),
            due_on=due_on,
            subjects=list(subjects),
            rule=rule,
            asked_by=by,
            asked_on=clock.today(),
            key=key,
        )
        _enter(made, QuestionEntry.Kind.ASK, words, by=by, due_on=due_on)
    return made


def place_of(village: OrgUnit, asked_role: str) -> OrgUnit:
    """Where the post sits that answers for a village: the village, its township, or its county."""
    level = ROLES[asked_role].level
    return getattr(village, level) if level else village


@transaction.atomic
def reply(question: Question, words: str, *, by: Any) -> QuestionEntry:
    """Answer it for the post that was asked. Raises NotYourTurn, WrongState, BadCaseData."""
    if not may_reply(question, by):
        raise NotYourTurn(
            _("这个问题由%(unit)s的%(who)s答复。") % {"unit": question.unit.name, "who": title_of(question.asked_role)}
        )
    last = _last(question)
    if last.kind != QuestionEntry.Kind.ASK:
        raise WrongState(_("这个问题已经答复过，等审计看。") if last.kind == "answer" else _("这个问题已经了结。"))
    with acting(by, reason="answer_question"):
        return _enter(question, QuestionEntry.Kind.ANSWER, words, by=by)


@transaction.atomic
def ask_again(question: Question, words: str, *, due_on: datetime.date, by: Any) -> QuestionEntry:
    """The answer does not do. Raises NotYourTurn, WrongState, BadCaseData."""
    demand_auditor(by, question.unit)
    _refuse_closed(question)
    with acting(by, reason="ask_again"):
        return _enter(question, QuestionEntry.Kind.ASK, words, by=by, due_on=due_on)


@transaction.atomic
def close(question: Question, words: str, *, upheld: bool, by: Any) -> QuestionEntry:
    """How it ends: whether there was something wrong, and what follows. Raises NotYourTurn, WrongState, BadCaseData."""
    demand_auditor(by, question.unit)
    _refuse_closed(question)
    with acting(by, reason="close_question"):
        return _enter(question, QuestionEntry.Kind.CLOSE, words, by=by, upheld=upheld)


def _last(question: Question) -> QuestionEntry:
    Question.objects.select_for_update().get(pk=question.pk)
    return question.entries.order_by("-n").first()


def _refuse_closed(question: Question) -> None:
    if _last(question).kind == QuestionEntry.Kind.CLOSE:
        raise WrongState(_("这个问题已经了结。"))


def _enter(question: Question, kind: str, words: str, *, by: Any, **more: Any) -> QuestionEntry:
    if not words.strip():
        raise BadCaseData(_("请写清楚，不能空着。"))
    if more.get("due_on") and more["due_on"] < clock.today():
        raise BadCaseData(_("答复期限不能早于今天。"))
    last = question.entries.order_by("-n").first()
    return QuestionEntry.objects.create(
        question=question,
        n=(last.n if last else 0) + 1,
        kind=kind,
        words=words.strip(),
        by=by,
        by_person_key=by.person_key,
        entered_on=clock.today(),
        **more,
    )


def may_reply(question: Question, user: Any) -> bool:
    """Whether her post is the one that was asked, there or above, and she is not who asked."""
    return user.person_key != question.asked_by.person_key and any(
        post.role == question.asked_role and post.reaches(question.unit) for post in posts_of(user)
    )


def with_standing(rows: QuerySet) -> QuerySet:
    """Each with `stands` (ask: an answer is wanted; answer: the auditor is to look; close) and `wanted_by`."""
    entries = QuestionEntry.objects.filter(question=OuterRef("pk")).order_by("-n")
    asked = entries.filter(kind=QuestionEntry.Kind.ASK)
    return rows.annotate(stands=Subquery(entries.values("kind")[:1]), wanted_by=Subquery(asked.values("due_on")[:1]))


def visible_to(user: Any) -> QuerySet:
    """Questions in an auditor's reach, and those asked of a post that she holds."""
    condition = units_in(user, Ability.AUDIT_READ, "unit__") or Q(pk__in=[])
    for post in posts_of(user):
        if post.role in ASKED and post.level != "group":
            condition |= Q(asked_role=post.role, **{f"unit__{post.level}": post.unit_id})
    return Question.objects.filter(condition)


def waiting_for(user: Any, most: int = 100) -> int:
    """How many wait for her: to be answered, or, for an auditor, to be looked at. For the menu, asked once a request."""
    if not hasattr(user, "_questions_waiting"):
        user._questions_waiting = _waiting_for(user, most)
    return user._questions_waiting


def _waiting_for(user: Any, most: int) -> int:
    mine = {post.role for post in posts_of(user) if post.role in ASKED}
    audits = units_in(user, Ability.AUDIT_READ) is not None
    if not mine and not audits:
        return 0
    wanted = Q(stands="ask", asked_role__in=mine) & ~Q(asked_by=user.pk)
    if audits:
        wanted |= Q(stands="answer")
    return with_standing(visible_to(user)).filter(wanted).order_by()[:most].count()
