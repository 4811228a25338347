"""Payments stand still after a restore, until two persons lift that.

The books have come back as they were at some moment. What went to the bank after it, they do not know, and would send
again. So nothing is released and nothing sent before every account of the unit was reconciled with the bank's paper of the
day of the restore or later, by sheets that were written after it. The bank's answers are taken meanwhile: they tell what
happened. migrations/0031 keeps the same in PostgreSQL.
"""

import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit import clock
from audit.context import acting
from funds import proposals
from funds.errors import PaymentsFrozen, WrongProposal
from funds.models import DepositAccount, PaymentFreeze, Proposal, Reconciliation
from funds.refusals import LAWS


@transaction.atomic
def freeze(*, source: str, at: datetime.datetime, reached: datetime.datetime | None = None) -> PaymentFreeze:
    """Payments stand still from now on. `source` names the backup, `reached` up to when the books came back."""
    with acting(reason="restore"):
        return PaymentFreeze.objects.create(
            restored_at=at,
            reached=reached,
            source=source[:200],
            frozen_on=clock.today(),
            last_reconciliation=Reconciliation.objects.aggregate(last=Max("pk", default=0))["last"],
        )


def open_freezes() -> QuerySet[PaymentFreeze]:
    """The newest first; none: payments go their way."""
    return PaymentFreeze.objects.filter(proposal__isnull=True)


def refuse_while_frozen() -> None:
    """Raises PaymentsFrozen."""
    if open_freezes().exists():
        raise PaymentsFrozen(str(LAWS["payments_frozen"][1]))


def still_to_reconcile() -> list[DepositAccount]:
    """Accounts without a reviewed sheet that counts for every open freeze."""
    frozen = open_freezes().aggregate(day=Max("frozen_on"), last=Max("last_reconciliation"))
    if frozen["day"] is None:
        return []
    counts = Reconciliation.objects.filter(state="reviewed", on__gte=frozen["day"], pk__gt=frozen["last"])
    return list(_accounts(frozen["day"]).exclude(pk__in=counts.values("account")))


def _accounts(day: datetime.date) -> QuerySet[DepositAccount]:
    """Those that had not ended before the day."""
    return DepositAccount.objects.filter(Q(ended_on__isnull=True) | Q(ended_on__gte=day))


def why_not_lift() -> str:
    """ "" or the sentence what has to be done first."""
    newest = open_freezes().first()
    if newest is None:
        return _("现在没有冻结。")
    if not _accounts(newest.frozen_on).exists():
        return _("还没有登记银行账户，没法对账。请先在「银行余额」登记账户，再编调节表。")
    accounts = still_to_reconcile()
    if accounts:
        return ngettext(
            "还有 %(n)d 个银行账户，没有用 %(day)s 或以后的对账单编好并复核调节表。",
            "还有 %(n)d 个银行账户，没有用 %(day)s 或以后的对账单编好并复核调节表。",
            len(accounts),
        ) % {"n": len(accounts), "day": newest.frozen_on}
    return ""


@transaction.atomic
def propose_lifting(unit: Any, **how: Any) -> Proposal:
    """Propose to let payments go on. Raises WrongProposal before every account is reconciled, NotYours."""
    if not Proposal.objects.filter(key=how["key"]).exists():
        _refuse_too_early()
        if Proposal.objects.filter(kind="lift_freeze", state="proposed").exists():
            raise WrongProposal(_("解除冻结已经提出，正等第二个人核准。"))
    return proposals.propose("lift_freeze", unit=unit, details={"freezes": _numbers()}, **how)


@proposals.carries_out("lift_freeze")
def _lift(proposal: Proposal) -> dict[str, Any]:
    """A restore that came after the proposal is not lifted by it."""
    _refuse_too_early()
    if _numbers() != proposal.details["freezes"]:
        raise WrongProposal(_("提出以后又恢复过一次数据。请撤回，重新对账后再提。"))
    for one in open_freezes().select_for_update():
        one.lifted_on, one.proposal = clock.today(), proposal
        one.save()
    return {"freezes": proposal.details["freezes"]}


def _numbers() -> list[int]:
    return sorted(open_freezes().values_list("pk", flat=True))


def _refuse_too_early() -> None:
    reason = why_not_lift()
    if reason:
        raise WrongProposal(reason)
