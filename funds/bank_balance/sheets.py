"""The sheet that brings both sides to one figure: one person prepares it, another reviews it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from access.scope import Post
from audit import clock
from audit.context import acting
from funds import duties
from funds.bank_balance.deposits import books_fen
from funds.bank_balance.open_items import Item, Side, derived
from funds.errors import WrongReconciliation
from funds.models import DepositAccount, OpenItem, Reconciliation, StatedBalance


@transaction.atomic
def prepare(stated: StatedBalance, items: Iterable[Item], *, by: Any, key: str) -> Reconciliation:
    """Write down a reconciliation with its items; an unreviewed one of the same day is replaced.

    Whether it agrees is for all to see, it need not yet. Derived items are given as `derived` names them: what their ref, side
    or sum says is not believed. Raises NotYours, WrongReconciliation.
    """
    account = DepositAccount.objects.select_for_update().get(pk=stated.account_id)
    known = Reconciliation.objects.filter(key=key).first()  # now that nobody else is preparing one
    if known:
        return known
    post = duties.demand(by, "reconcile", account.unit)
    before = account.reconciliations.filter(on=stated.on, state__in=("prepared", "reviewed")).first()
    if before and before.state == "reviewed":
        raise WrongReconciliation(_("这一天已经复核过，不能再编。"))
    items = _believed(items, derived(account, stated.on))
    sums = {side: sum(item.amount_fen for item in items if item.side == side) for side in Side.values}
    with acting(by, on_behalf_of=post.principal, reason="prepare_reconciliation"):
        if before:
            before.state = "replaced"
            before.save()
        made = Reconciliation.objects.create(
            key=key,
            account=account,
            on=stated.on,
            stated=stated,
            bank_fen=stated.balance_fen,
            books_fen=books_fen(account, stated.on),
            **{f"{side}_fen": fen for side, fen in sums.items()},
            prepared_by=by,
            preparer_person_key=by.person_key,
            prepared_on=clock.today(),
        )
        OpenItem.objects.bulk_create(
            OpenItem(
                reconciliation=made,
                n=n,
                side=item.side,
                ref=item.ref,
                name=item.name[:80],
                amount_fen=item.amount_fen,
                since=item.since,
                reason=item.reason,
                settled_by=item.settled_by,
            )
            for n, item in enumerate(items, start=1)
        )
    return made


def _believed(items: Iterable[Item], known: list[Item]) -> list[Item]:
    by_ref = {item.ref: item for item in known if item.ref}
    believed = []
    for item in items:
        if item.ref is None:
            if not (item.name.strip() and item.reason.strip() and item.settled_by.strip()) or item.amount_fen <= 0:
                raise WrongReconciliation(_("每一项都要写明是什么、多少钱、为什么、由谁去办。"))
            believed.append(replace(item, name=item.name.strip(), reason=item.reason.strip()))
        elif item.ref in by_ref:
            believed.append(by_ref[item.ref])
        else:
            raise WrongReconciliation(_("有几项刚才变了，没有存。请再看一遍。"))
    return believed


@transaction.atomic
def review(reconciliation_id: int, *, by: Any) -> Reconciliation:
    """A second person has compared it with the bank's paper.

    Raises SamePerson, NotYours, WrongReconciliation while it does not agree.
    """
    found = _open(reconciliation_id, by, Reconciliation.State.REVIEWED)
    if found.state == Reconciliation.State.REVIEWED:
        return found
    post = _second(found, by)
    if found.difference_fen:
        raise WrongReconciliation(_("两边还对不上，差额没有说明，不能复核通过。"))
    if found.books_fen != books_fen(found.account, found.on):
        raise WrongReconciliation(_("编好以后账上又记了这一天的账。请退回重编。"))
    return _answer(found, Reconciliation.State.REVIEWED, by, "", post)


@transaction.atomic
def send_back(reconciliation_id: int, *, by: Any, answer: str) -> Reconciliation:
    """The second person does not agree and says why; it is prepared anew. Raises SamePerson, NotYours, WrongReconciliation."""
    found = _open(reconciliation_id, by, Reconciliation.State.REFUSED)
    if found.state == Reconciliation.State.REFUSED:
        return found
    post = _second(found, by)
    if not answer.strip():
        raise WrongReconciliation(_("请写明为什么退回。"))
    return _answer(found, Reconciliation.State.REFUSED, by, answer.strip(), post)


def _open(reconciliation_id: int, by: Any, wanted: str) -> Reconciliation:
    """The reconciliation, locked: still to be reviewed, or answered so by this very person before."""
    found = Reconciliation.objects.select_for_update().get(pk=reconciliation_id)
    if found.state == wanted and found.reviewed_by_id == by.pk:
        return found
    if found.state != Reconciliation.State.PREPARED:
        raise WrongReconciliation(_("这一份现在是「%(state)s」，不能再办。") % {"state": found.get_state_display()})
    return found


def why_not_review(found: Reconciliation, user: Any) -> str:
    """ "" or why she may not be its second person."""
    return duties.why_not(user, "reconcile", found.account.unit, after=[found.preparer_person_key])


def _second(found: Reconciliation, by: Any) -> Post:
    words = _("编制和复核不能是同一个人。请由另一个人复核。")
    return duties.demand(by, "reconcile", found.account.unit, after=[found.preparer_person_key], same_person=words)


def _answer(found: Reconciliation, state: str, by: Any, answer: str, post: Post) -> Reconciliation:
    found.state, found.answer = state, answer
    found.reviewed_by, found.reviewer_person_key, found.reviewed_on = by, by.person_key, clock.today()
    with acting(by, on_behalf_of=post.principal, reason=f"{state} reconciliation"):
        found.save()
    return found


def latest_of(accounts: QuerySet[DepositAccount]) -> list[Reconciliation]:
    """The newest living reconciliation of each account."""
    living = Reconciliation.objects.filter(account__in=accounts, state__in=("prepared", "reviewed"))
    return list(living.order_by("account_id", "-on").distinct("account_id").select_related("account"))
