"""Erasing an expired file: proposed by one person of the county, confirmed and carried out by another."""

from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from access import confirming, reach
from access.scope import posts_of
from audit import clock, erasure
from audit.context import acting
from audit.models import ErasureOrder
from casework.errors import NotYourTurn, SecondDuty, WrongState
from casework.models import Case, CaseEvent, Deliberation, FollowUpVisit, Measure, Objection, SurveyDraft
from casework.retention import due
from families.models import BankAccount, Document, HelpReceived, Household, HouseholdMeans, Lead, Survey
from jobs import outbox

# As in migration 0019 (AllowErasure); what then stands there is said there.
ERASABLE = {
    "casework_historicalcase": "head_name summary",
    "casework_caseevent": "reason",
    "casework_historicaldeliberation": "recused minutes",
    "casework_historicalobjection": "words raised_by contact answer",
    "casework_historicalmeasure": "detail need_words",
    "casework_historicalfollowupvisit": "words",
}
PROPOSE, CONFIRM = ("county_reviewer", "county_approver"), ("county_approver",)


@transaction.atomic
def propose(household_id: int, *, by: Any) -> ErasureOrder:
    """Propose that an expired file be erased. Proposed again it is the same order. Raises NotYourTurn, WrongState."""
    household = Household.objects.select_for_update().get(pk=household_id)
    _demand(by, household, PROPOSE)
    waiting = ErasureOrder.objects.filter(subject=subject_of(household), done_at=None, dropped_at=None).first()
    if waiting:
        return waiting
    found = _due(household)
    with acting(by, reason="propose_erasure"):
        return ErasureOrder.objects.create(
            subject=subject_of(household),
            streams=_streams(household),
            because=found.kind,
            due_since=found.since,
            basis=found.period.basis,
            proposed_by=by.pk,
            proposer_person_key=by.person_key,
            proposed_at=timezone.now(),
        )


@transaction.atomic
def confirm(order_id: int, *, by: Any) -> ErasureOrder:
    """Confirm it as a second person; in the same transaction it is done, and the files on the disk are promised to go.

    Raises NotYourTurn, SecondDuty for who proposed it, WrongState when it is not due any more, is held, or is settled.
    """
    order = _open(order_id)
    household = Household.objects.select_for_update().get(pk=household_of(order))
    _demand(by, household, CONFIRM)
    if by.person_key == order.proposer_person_key:
        raise SecondDuty(_("这是你提的，要由另一个人核准。"))
    confirming.demand(confirming.Kind.APPROVE)
    _must_be_due_still(household, order)
    with acting(by, reason=f"erasure:{order.pk}"):
        order.confirmed_by, order.confirmer_person_key, order.confirmed_at = by.pk, by.person_key, timezone.now()
        order.save()
        files = _files(household)
        erasure.carry_out(order, rows_of(household), by=by)
        SurveyDraft.objects.filter(household=household).delete()
        if files:
            outbox.put("retention.files", key=f"erasure:{order.pk}", payload={"files": files})
    order.refresh_from_db()
    return order


@transaction.atomic
def drop(order_id: int, *, by: Any) -> ErasureOrder:
    """It is not to be erased, or not now. Raises NotYourTurn, WrongState."""
    order = _open(order_id)
    _demand(by, Household.objects.get(pk=household_of(order)), PROPOSE)
    with acting(by, reason="drop_erasure"):
        order.dropped_at = timezone.now()
        order.save()
    return order


@outbox.handles("retention.files")
def delete_files(payload: dict[str, Any], outbox_id: int) -> None:
    """Take erased papers off the disk; one that another family's paper is as well stays. Done again it changes nothing."""
    for name in payload["files"]:
        if not Document.objects.filter(file=name).exists():
            default_storage.delete(name)


def rows_of(household: Household) -> list[tuple[str, list[int]]]:
    """(written table, ids of the live rows) of everything personal in the file."""
    cases, persons, leads, notices = _parts(household)
    of_family = Q(household=household)
    of_case = Q(case__in=cases)
    rows = [("families_historicalperson", persons), ("families_historicalhousehold", [household.pk])]
    for model, condition in (
        (HouseholdMeans, of_family),
        (HelpReceived, of_family),
        (BankAccount, of_family),
        (Survey, of_family),
        (Document, of_family),
        (Deliberation, of_case),
        (Measure, of_case),
        (FollowUpVisit, of_case),
        (Objection, Q(notice__in=notices)),
    ):
        ids = list(model.objects.filter(condition).values_list("pk", flat=True))
        rows.append((model.history.model._meta.db_table, ids))
    rows += [("families_historicallead", leads), ("casework_historicalcase", cases)]
    return [*rows, (CaseEvent._meta.db_table, list(CaseEvent.objects.filter(of_case).values_list("pk", flat=True)))]


def subject_of(household: Household) -> str:
    return f"household:{household.pk}"


def household_of(order: ErasureOrder) -> int:
    return int(order.subject.partition(":")[2])


def _streams(household: Household) -> list[str]:
    cases, persons, leads, notices = _parts(household)
    named = (("case", cases), ("person", persons), ("lead", leads), ("notice", notices))
    return [subject_of(household), *(f"{kind}:{pk}" for kind, ids in named for pk in ids)]


@reach.beyond()
def _parts(household: Household) -> tuple[list[int], list[int], list[int], list[int]]:
    """Cases, persons, leads and notices that belong to the file."""
    cases = list(Case.objects.filter(household=household).order_by("pk").values_list("pk", flat=True))
    leads = Lead.objects.filter(Q(household=household) | Q(cases__in=cases)).order_by("pk").distinct()
    notices = Case.objects.filter(pk__in=cases, notices__isnull=False).values_list("notices", flat=True)
    return cases, due.persons_of(household), list(leads.values_list("pk", flat=True)), sorted(notices)


def _files(household: Household) -> list[str]:
    return list(Document.objects.filter(household=household).exclude(file="").values_list("file", flat=True).distinct())


def _open(order_id: int) -> ErasureOrder:
    order = ErasureOrder.objects.select_for_update().get(pk=order_id)
    if order.done_at or order.dropped_at:
        raise WrongState(_("这一份已经办过了。"))
    return order


@reach.beyond()
def _due(household: Household) -> due.Due:
    found = due.of(due.expired(Household.objects.filter(pk=household.pk), clock.today()), clock.today())
    if not found:
        raise WrongState(_("这一户的档案还没有到期，不能清除。"))
    if found[0].held:
        raise WrongState(_("现在还不能清除：%(why)s。") % {"why": "；".join(found[0].held)})
    return found[0]


@reach.beyond()
def _must_be_due_still(household: Household, order: ErasureOrder) -> None:
    """What came in since it was proposed counts: a case, a question, a payment."""
    if (
        sorted(order.streams) != sorted(_streams(household))
        or household.is_hardship
        or household.cases.filter(is_open=True).exists()
    ):
        raise WrongState(_("提出以后这一户又有了新的情况，请取消这一份，到期后重新提。"))
    if held := due.holds([household.pk]).get(household.pk):
        raise WrongState(_("现在还不能清除：%(why)s。") % {"why": "；".join(held)})


def _demand(by: Any, household: Household, roles: tuple[str, ...]) -> None:
    if not any(post.role in roles and post.reaches(household) for post in posts_of(by)):
        raise NotYourTurn(_("清除档案由县级经办提出、县级确认岗位核准，你的岗位办不了。"))
