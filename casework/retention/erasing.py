"""Erasing an expired file: proposed by one person of the county, confirmed by another, carried out by the worker.

    propose     the county says that a file goes
    confirm     another one says so too; the order stands, and the worker is promised to carry it out
    carry_out   in the worker, which alone may erase (casework.database.rights): if the file is still due and not held

All of it is asked beyond the reach of the county: a person of the file may live, and be helped, in another one by now.
Who may say what is asked of her posts, as everywhere.
"""

import posixpath
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from access import confirming, reach
from access.models import Staff
from access.scope import Bar, Post, post_for
from audit import clock, erasure
from audit.context import acting
from audit.models import ErasureOrder
from casework.errors import NotYourTurn, SecondDuty, WrongState
from casework.models import Case, CaseEvent, Deliberation, FollowUpVisit, Measure, Objection, SurveyDraft
from casework.retention import due
from families.models import BankAccount, Document, HelpReceived, Household, HouseholdMeans, Lead, Survey
from jobs import outbox

# As in migration 0023 (AllowErasure); what then stands there is said there.
ERASABLE = {
    "casework_historicalcase": "head_name summary",
    "casework_caseevent": "reason",
    "casework_historicaldeliberation": "recused minutes",
    "casework_historicalobjection": "words raised_by contact answer",
    "casework_historicalmeasure": "detail need_words",
    "casework_historicalfollowupvisit": "words",
}
PROPOSE, CONFIRM = ("county_reviewer", "county_approver"), ("county_approver",)


PAPERS = "documents/"  # where families.Document keeps them
_REFUSED = "erasure_refused: "  # how the history of an order begins that the worker did not carry out


@transaction.atomic
@reach.beyond()
def propose(household_id: int, *, by: Any) -> ErasureOrder:
    """Propose that an expired file be erased. Proposed again it is the same order. Raises NotYourTurn, WrongState."""
    household = Household.objects.select_for_update(no_key=True).get(pk=household_id)
    post = _demand(by, household, PROPOSE)
    waiting = open_orders().filter(subject=subject_of(household)).first()
    if waiting:
        return waiting
    found = _due(household)
    with acting(by, on_behalf_of=post.principal, reason="propose_erasure"):
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
@reach.beyond()
def confirm(order_id: int, *, by: Any) -> ErasureOrder:
    """Confirm it as a second person; the worker is promised to carry it out.

    Raises NotYourTurn, SecondDuty for who proposed it or stands in for her, WrongState when it is not due any more, is held,
    or is settled.
    """
    order = _unsettled(order_id)
    household = Household.objects.select_for_update(no_key=True).get(pk=household_of(order))
    post = _demand(by, household, CONFIRM, after=[order.proposer_person_key])
    confirming.demand(confirming.Kind.APPROVE)
    _must_be_due_still(household, order)
    with acting(by, on_behalf_of=post.principal, reason=f"erasure:{order.pk}"):
        order.confirmed_by, order.confirmer_person_key, order.confirmed_at = by.pk, by.person_key, timezone.now()
        order.save()
    outbox.put("retention.erase", key=f"erase:{order.pk}", payload={"order": order.pk})
    return order


@transaction.atomic
@reach.beyond()
def drop(order_id: int, *, by: Any) -> ErasureOrder:
    """It is not to be erased, or not now. Raises NotYourTurn, WrongState."""
    order = _unsettled(order_id)
    post = _demand(by, Household.objects.get(pk=household_of(order)), PROPOSE)
    with acting(by, on_behalf_of=post.principal, reason="drop_erasure"):
        order.dropped_at = timezone.now()
        order.save()
    return order


@outbox.handles("retention.erase")
def carry_out(payload: dict[str, Any], outbox_id: int) -> None:
    """Erase what two persons ordered, and promise that its papers go; drop the order when it is not due any more or is held.

    What nobody has confirmed, or what is settled, is left as it is.
    """
    order = ErasureOrder.objects.select_for_update().get(pk=payload["order"])
    if order.confirmed_by is None or order.done_at or order.dropped_at:
        return
    household = Household.objects.select_for_update(no_key=True).get(pk=household_of(order))
    try:
        _must_be_due_still(household, order)
    except WrongState as refusal:
        with acting(reason=f"{_REFUSED}{refusal}"):
            order.dropped_at = timezone.now()
            order.save()
        return
    files = _files(household)
    erasure.carry_out(order, rows_of(household), by=Staff.objects.get(pk=order.confirmed_by))
    SurveyDraft.objects.filter(household=household).delete()
    if files:
        outbox.put("retention.files", key=f"erasure:{order.pk}", payload={"files": files})


def open_orders() -> QuerySet[ErasureOrder]:
    """Those that are neither carried out nor dropped."""
    return ErasureOrder.objects.filter(done_at=None, dropped_at=None)


def refused() -> QuerySet[ErasureOrder]:
    """Those that were confirmed and not carried out: nobody but the worker drops such a one."""
    return ErasureOrder.objects.filter(confirmed_by__isnull=False, dropped_at__isnull=False)


def why_refused(order: ErasureOrder) -> str:
    """Why the worker did not carry it out; "" where it did, or has not tried yet."""
    if order.dropped_at is None or order.confirmed_by is None:
        return ""
    return (order.history.latest("history_id").history_change_reason or "").removeprefix(_REFUSED)


@outbox.handles("retention.files")
def delete_files(payload: dict[str, Any], outbox_id: int) -> None:
    """Take erased papers off the disk; one that another family's paper is as well stays. Done again it changes nothing.

    A page may write promises, so none is believed: whatever is named in another way than papers are (a pack, a job's file, a
    paper that is still in use by a way round) raises SuspiciousFileOperation, and nothing goes.
    """
    for name in payload["files"]:
        if not name.startswith(PAPERS) or posixpath.normpath(name) != name:
            raise SuspiciousFileOperation(f"outbox {outbox_id} names a file that is no paper")
    for name in payload["files"]:
        if not Document.objects.filter(file=name).exists():
            default_storage.delete(name)


@reach.beyond()
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


def _unsettled(order_id: int) -> ErasureOrder:
    order = ErasureOrder.objects.select_for_update().get(pk=order_id)
    if order.confirmed_by or order.done_at or order.dropped_at:
        raise WrongState(_("这一份已经办过了。"))
    return order


def _due(household: Household) -> due.Due:
    found = due.of(due.over(Household.objects.filter(pk=household.pk), clock.today()), clock.today())
    if not found:
        raise WrongState(_("这一户的档案还没有到期，不能清除。"))
    if found[0].held:
        raise WrongState(_("现在还不能清除：%(why)s。") % {"why": "；".join(found[0].held)})
    return found[0]


def _must_be_due_still(household: Household, order: ErasureOrder) -> None:
    """What came in since it was proposed counts: a case, a question, a payment, another period."""
    found = _due(household)
    if (found.kind, found.since, found.period.basis) != (order.because, order.due_since, order.basis):
        raise WrongState(_("提出以后保管的规定改了，这一份不能用了，要按新的规定重新提。"))
    if sorted(order.streams) != sorted(_streams(household)):
        raise WrongState(_("提出以后这一户又有了新的情况，这一份不能用了，到期后重新提。"))


def _demand(by: Any, household: Household, roles: tuple[str, ...], *, after: Iterable[str] = ()) -> Post:
    found = post_for(by, roles, household, after=after)
    if found == Bar.NO_POST:
        raise NotYourTurn(_("清除档案由县级经办提出、县级确认岗位核准，你的岗位办不了。"))
    if found == Bar.STANDS_IN:
        raise SecondDuty(_("你是替提出的人代班，不能核准他提出的。要由另一个人核准。"))
    if isinstance(found, Bar):
        raise SecondDuty(_("这是你提的，要由另一个人核准。"))
    return found
