"""What lies in the box, counted every month beside the books, its difference explained, and reviewed by another person."""

import datetime
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils.translation import gettext as _

from audit import clock
from audit.context import acting
from funds import duties
from funds.errors import ImprestBlocked, WrongPaymentState
from funds.imprest.floats import demand_custodian, holding, locked
from funds.models import ImprestCount, ImprestFloat


def latest_counts(floats: Iterable[ImprestFloat]) -> dict[int, list[ImprestCount]]:
    """{float id: its newest reviewed count and the one that waits for review}, one query for all."""
    found: dict[int, list[ImprestCount]] = {}
    reviewed = ImprestCount.objects.filter(float=OuterRef("float"), reviewed_on__isnull=False).order_by("-id")
    newest = (
        ImprestCount.objects.filter(float__in=list(floats))
        .filter(Q(reviewed_on__isnull=True) | Q(pk=Subquery(reviewed.values("pk")[:1])))
        .select_related("counter", "reviewer")
        .order_by("-id")
    )
    for count in newest:
        found.setdefault(count.float_id, []).append(count)
    return found


def last_month(today: datetime.date) -> datetime.date:
    """The first day of the month before this one."""
    return (today.replace(day=1) - datetime.timedelta(days=1)).replace(day=1)


def why_not_counted(box: ImprestFloat, counts: Iterable[ImprestCount], today: datetime.date) -> str:
    """ "" or what is wrong with the counts of a float: it is counted every month, and a difference is explained.

    A float that was opened this month or the last needs no count yet.
    """
    counts = list(counts)
    if any(count.reviewed_on is None and count.difference_fen and not count.explanation for count in counts):
        return _("盘点有差额，还没有写明原因。")
    days = [count.counted_on for count in counts if count.reviewed_on is not None]
    if max([box.opened_on, *days]) < last_month(today):
        return _("上个月没有盘点，或者盘点没有人复核。每个月要盘点一次。")
    return ""


@transaction.atomic
def count(box: ImprestFloat, *, cash_fen: int, bank_fen: int, by: Any, key: str, explanation: str = "") -> ImprestCount:
    """What the custodian found today, beside the books of this moment. The same key is one count.

    Raises SamePerson for anybody else, WrongPaymentState while the last count waits for its review.
    """
    box = locked(box.pk)
    known = ImprestCount.objects.filter(key=key).first()
    if known:
        return known
    demand_custodian(box, by)
    if box.counts.filter(reviewed_on__isnull=True).exists():
        raise WrongPaymentState(_("上一次盘点还没有人复核，复核以后再盘。"))
    now = holding(box)
    with acting(by, reason="imprest_count"):
        return ImprestCount.objects.create(
            key=key,
            float=box,
            counted_on=clock.today(),
            cash_fen=cash_fen,
            bank_fen=bank_fen,
            book_fen=now.book_fen,
            awaited_fen=now.awaited_fen,
            explanation=explanation.strip(),
            counter=by,
            counter_person_key=by.person_key,
        )


@transaction.atomic
def explain(counted: ImprestCount, explanation: str, *, by: Any) -> None:
    """Why there is more or less than there should be. Raises WrongPaymentState once it was reviewed, SamePerson."""
    box = locked(counted.float_id)
    counted = ImprestCount.objects.get(pk=counted.pk)
    demand_custodian(box, by)
    if counted.reviewed_on is not None:
        raise WrongPaymentState(_("这次盘点已经复核，不能再改。"))
    if not explanation.strip():
        raise WrongPaymentState(_("请写明差额的原因。"))
    counted.explanation = explanation.strip()
    with acting(by, reason="imprest_explain"):
        counted.save()


@transaction.atomic
def review(counted: ImprestCount, *, by: Any) -> ImprestCount:
    """Another person has looked into the box, too. Pressed twice it is reviewed once.

    Raises SamePerson for the counter, NotYours, ImprestBlocked while a difference is not explained.
    """
    box = locked(counted.float_id)
    counted = ImprestCount.objects.get(pk=counted.pk)
    if counted.reviewed_on is not None:
        return counted
    same_person = _("盘点的人不能自己复核，请另一个人来。")
    place = box.allocation.unit
    post = duties.demand(by, "review_imprest", place, after=[counted.counter_person_key], same_person=same_person)
    if counted.difference_fen and not counted.explanation:
        raise ImprestBlocked(_("差额还没有写明原因，请保管的人先写。"))
    counted.reviewed_on, counted.reviewer, counted.reviewer_person_key = clock.today(), by, by.person_key
    with acting(by, on_behalf_of=post.principal, reason="imprest_review"):
        counted.save()
    return counted
