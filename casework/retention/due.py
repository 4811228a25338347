"""Which families' files have expired, and which of them are held. A few queries, whatever the size of the county.

Whether somebody lives or is helped elsewhere is asked beyond the reach of whoever asks: what her county does not see of a
person would be erased as well. Which families she may ask about is for the caller to say (`households`).
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat
from django.utils.translation import gettext as _

from access import reach
from audit.models import ErasureOrder
from casework.auditing import questions
from casework.models import Case, Objection, Question
from casework.retention.models import RetentionPeriod
from casework.retention.periods import in_force
from families.models import Household, HouseholdMember
from funds.models import Payment, Recovery

ON_THE_WAY = ("listed", "sent", "unknown")
Kind = RetentionPeriod.Kind
GONE = "已清除"  # stands in an erased name, in every language; see the migrations with AllowErasure


@dataclass(frozen=True)
class Due:
    """A file that has expired. `since`: the first day after its period; `held`: why it is kept all the same, in words."""

    household: Household
    kind: str
    period: RetentionPeriod
    since: datetime.date
    held: list[str]


def expired(households: QuerySet[Household], day: datetime.date) -> QuerySet[Household]:
    """Of these, the families whose file is `over` and whose erasure does not wait. To be read within reach.beyond()."""
    return over(households, day).exclude(Exists(_waits()))


def over(households: QuerySet[Household], day: datetime.date) -> QuerySet[Household]:
    """Of these, the families all of whose cases ended longer ago than their file is kept, oldest first in `last_closed_on`.

    Not those whose erasure is done (who comes back is registered anew and has a name again), nor those who are registered
    as in hardship. To be read within reach.beyond().
    """
    cases = Case.objects.filter(household=OuterRef("pk"))
    condition = Q()
    for kind, period in in_force(day).items():
        condition |= Q(last_closed_on__lt=_years_before(day, period.years), was_aided=kind == Kind.AIDED)
    if not condition:
        return households.none()
    return (
        households.filter(is_hardship=False)
        .exclude(head_name=GONE)
        .annotate(
            last_closed_on=Subquery(cases.order_by("-closed_on").values("closed_on")[:1]),
            was_aided=Exists(cases.filter(events__to_state__in=("paid", "follow_up", "emergency_released"))),
        )
        .filter(condition)
        .exclude(Exists(cases.filter(is_open=True)))
        .order_by("last_closed_on", "pk")
    )


@reach.beyond()
def of(households: Iterable[Household], day: datetime.date) -> list[Due]:
    """Each with its kind, since when, and what holds it. `households` are of `expired`."""
    rows, periods = list(households), in_force(day)
    held = holds([row.pk for row in rows])
    found = []
    for row in rows:
        kind = Kind.AIDED if row.was_aided else Kind.REFUSED
        since = _years_before(row.last_closed_on, -periods[kind].years) + datetime.timedelta(days=1)
        found.append(Due(row, kind, periods[kind], since, held.get(row.pk, [])))
    return found


@reach.beyond()  # what holds a file lies wherever its people moved to
def holds(ids: list[int]) -> dict[int, list[str]]:
    """{household: why its file may not be erased yet}: questions of auditors, money, disputes, persons with open cases."""
    cases = dict(Case.objects.filter(household__in=ids).values_list("pk", "household_id"))
    found: dict[int, list[str]] = {}

    def hold(household: int, why: str) -> None:
        if why not in found.setdefault(household, []):
            found[household].append(why)

    subjects = {f"case:{pk}": household for pk, household in cases.items()} | {f"household:{pk}": pk for pk in ids}
    about = Question.objects.none()
    for subject in subjects:
        about |= Question.objects.filter(subjects__contains=[subject])
    for question in questions.with_standing(about).exclude(stands="close") if subjects else ():
        for subject in set(question.subjects) & subjects.keys():
            hold(subjects[subject], _("审计的提问 %(n)s 没有了结") % {"n": question.number})
    for subject in Recovery.objects.filter(subject__in=subjects, ended_on__isnull=True).values_list(
        "subject", flat=True
    ):
        hold(subjects[subject], _("有钱还没有追回"))
    for subject in Payment.objects.filter(subject__in=subjects, state__in=ON_THE_WAY).values_list("subject", flat=True):
        hold(subjects[subject], _("有钱还在路上"))
    open_disputes = Objection.objects.filter(notice__case__in=cases, upheld__isnull=True)
    for case in open_disputes.values_list("notice__case_id", flat=True):
        hold(cases[case], _("有异议没有答复"))
    elsewhere = Case.objects.filter(is_open=True, beneficiary__memberships__household__in=ids)
    for household in elsewhere.values_list("beneficiary__memberships__household_id", flat=True):
        if household in ids:
            hold(household, _("家里有人还有没办完的事"))
    return found


@reach.beyond()
def persons_of(household: Household) -> list[int]:
    """Who goes with the file: its head and members, but for those who live in another family now."""
    members = HouseholdMember.objects.filter(household=household).values_list("person_id", flat=True)
    lives_elsewhere = HouseholdMember.objects.filter(valid_to__isnull=True).exclude(household=household)
    gone = set(lives_elsewhere.filter(person__in=members).values_list("person_id", flat=True))
    heads = set(Household.objects.exclude(pk=household.pk).filter(head__in=members).values_list("head_id", flat=True))
    return sorted(({*members, household.head_id}) - gone - heads)


def _waits() -> QuerySet[ErasureOrder]:
    """An order about the household of the outer query that nobody has decided."""
    subject = Concat(Value("household:"), Cast(OuterRef("pk"), CharField()))
    return ErasureOrder.objects.filter(subject=subject, done_at__isnull=True, dropped_at__isnull=True)


def _years_before(day: datetime.date, years: int) -> datetime.date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # the 29th of February
        return day.replace(year=day.year - years, day=28)
