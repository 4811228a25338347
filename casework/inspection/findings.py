"""What a run of the rules and the auditors' questions say of many cases at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from casework.auditing import running
from casework.auditing.models import Question, QuestionEntry, RuleHit, RuleRun
from casework.days import full_day
from casework.models import Case
from casework.typeset import Table
from funds.models import Payment


@dataclass(frozen=True)
class Findings:
    """What a run of the rules and the auditors' questions say of cases; only auditors' packs have them."""

    run: RuleRun | None
    hits: dict[int, list[RuleHit]]
    verdicts: dict[int, Any]
    questions: dict[int, list[Question]]


NO_FINDINGS = Findings(None, {}, {}, {})


def findings_of(unit: Any, cases: Iterable[Case], run: RuleRun | None) -> Findings:
    """What the run and the questions say of these cases: a handful of queries, whatever the number of cases."""
    by_subject: dict[str, list[int]] = {}
    cases = list(cases)
    for case in cases:
        for subject in (case.subject, f"household:{case.household_id}", f"person:{case.beneficiary_id}"):
            by_subject.setdefault(subject, []).append(case.pk)
    paid = Payment.objects.filter(subject__in=[case.subject for case in cases]).values_list("pk", "subject")
    for pk, subject in paid:
        by_subject.setdefault(f"payment:{pk}", []).append(int(subject.removeprefix("case:")))
    found = list(run.hits.filter(subject__in=by_subject).order_by("id")) if run else []
    hits: dict[int, list[RuleHit]] = {}
    for hit in found:
        for case_id in by_subject[hit.subject]:
            hits.setdefault(case_id, []).append(hit)
    asked: dict[int, list[Question]] = {}
    level = unit.level
    for question in Question.objects.filter(**{f"unit__{level}": unit}).prefetch_related("entries__by").order_by("id"):
        for case_id in {pk for subject in question.subjects for pk in by_subject.get(subject, ())}:
            asked.setdefault(case_id, []).append(question)
    return Findings(run, hits, running.explained(found), asked)


def question_table(question: Question) -> Table:
    kinds = {QuestionEntry.Kind.ASK: _("问"), QuestionEntry.Kind.ANSWER: _("答"), QuestionEntry.Kind.CLOSE: _("了结")}
    return Table(
        [f"{question.number} {question.title}", _("谁"), _("哪天"), _("说了什么")],
        [
            (kinds[entry.kind], entry.by.name, full_day(entry.entered_on), entry.words)
            for entry in question.entries.all()
        ],
        wide=(3,),
    )
