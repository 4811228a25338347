"""The numbers in the funds desk's menu. Each is one capped query."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from casework.desks.funds.reach import (
    answers_left_undecided,
    bank_tasks_in_reach,
    cases_in_reach,
    holds,
    payments_in_reach,
)
from casework.desks.funds.waiting import waiting_cases
from funds import proposals
from funds.models import Payment, PaymentBatch

MOST = 100


def count_waiting(user: Any) -> int:
    """Cases that may be listed, for whoever may list them; what the bank returned counts when its account is mended."""
    if not holds(user, "make"):
        return 0
    mine = ~Q(state="payment_returned") | Q(turn_role="fund_manager")
    return waiting_cases(user).filter(mine).order_by()[:MOST].count()


def batches_for(user: Any) -> QuerySet[PaymentBatch]:
    """Batches that wait for this very user to check or release them, the longest waiting first."""
    me, waits = user.person_key, Q(pk__in=())
    if holds(user, "check"):
        waits |= Q(state="draft")
    if holds(user, "release"):
        waits |= Q(state="checked") & ~Q(checker_person_key=me)
    lines = payments_in_reach(user).filter(batch=OuterRef("pk"), state=Payment.State.LISTED)
    return PaymentBatch.objects.filter(waits, Exists(lines)).exclude(maker_person_key=me).order_by("id")


def my_turn(user: Any) -> int:
    """How many batches wait for her."""
    return batches_for(user).order_by()[:MOST].count()


def count_recoveries(user: Any) -> int:
    return cases_in_reach(user).filter(state="recovery", is_open=True).order_by()[:MOST].count()


def count_bank_tasks(user: Any) -> int:
    """What the banks' answers left open, and answers that nobody has decided in time, for whoever may settle it."""
    if not holds(user, "answer"):
        return 0
    left = answers_left_undecided(user).order_by().values("pk")
    return bank_tasks_in_reach(user).filter(state="open").order_by().values("pk").union(left, all=True)[:MOST].count()


def count_proposals(user: Any) -> int:
    """Entries by two persons that wait for her to be the second."""
    return proposals.to_decide(user).order_by()[:MOST].count()
