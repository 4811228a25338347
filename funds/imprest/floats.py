"""The float of a township: its limit by two persons, what it holds, what is advanced to it and what it gives up."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from access.models import Staff
from audit import clock
from audit.context import acting
from funds import duties, ledger, proposals
from funds.errors import ImprestShort, SamePerson, WrongPaymentState, WrongProposal
from funds.models import Allocation, ImprestFloat, Proposal, Transfer
from funds.money import yuan


@dataclass(frozen=True)
class Holding:
    """What a float has, in fen."""

    limit_fen: int
    advanced_fen: int  # given to the township, less what it gave up
    book_fen: int  # on the account
    awaited_fen: int  # of it, not refilled by the bank yet
    handed_out_fen: int  # papers to come

    @property
    def on_hand_fen(self) -> int:
        return self.book_fen - self.awaited_fen

    @property
    def room_fen(self) -> int:
        """What may still be advanced."""
        return self.limit_fen - self.advanced_fen


_HOLDINGS = """
SELECT b.id, b.limit_fen, funds_imprest_book(b.allocation_id, true), funds_imprest_book(b.allocation_id, false),
       funds_imprest_awaited(b.id),
       (SELECT coalesce(sum(s.amount_fen - s.settled_fen - s.back_fen), 0)::bigint FROM funds_imprestspend s
        WHERE s.float_id = b.id AND s.ended_on IS NULL)
FROM funds_imprestfloat b WHERE b.id = ANY (%s)
"""


def holdings(floats: Iterable[ImprestFloat]) -> dict[int, Holding]:
    """{float id: Holding}, one query for all."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLDINGS, [[box.pk for box in floats]])
        return {pk: Holding(*row) for pk, *row in cursor.fetchall()}


def holding(box: ImprestFloat) -> Holding:
    return holdings([box])[box.pk]


def open_float(allocation: Allocation) -> ImprestFloat | None:
    """The float of an allocation, when it has one."""
    return ImprestFloat.objects.filter(allocation=allocation, ended_on__isnull=True).first()


def propose_limit(allocation: Allocation, limit_fen: int, custodian: Any, **how: Any) -> Proposal:
    """Propose what the township may hold of an allocation and who keeps it; 0 ends the float.

    `how` is what every proposal needs: by, key, reason, document_no. Raises WrongProposal.
    """
    if allocation.unit.level != "township":
        raise WrongProposal(_("备用金只能设在分给乡镇的钱里。请先把钱分到乡镇。"))
    if limit_fen < 0:
        raise WrongProposal(_("定额不能小于 0。"))
    if not limit_fen and open_float(allocation) is None:
        raise WrongProposal(_("这里还没有备用金，不用停用。"))
    return proposals.propose(
        "imprest_limit",
        unit=allocation.fund.unit,
        fund=allocation.fund,
        details={"allocation": allocation.pk, "custodian": custodian.pk},
        amount_fen=limit_fen,
        **how,
    )


@proposals.carries_out("imprest_limit")
def _set_limit(proposal: Proposal) -> dict[str, Any]:
    """Raises WrongProposal when the township has more in hand than the new limit."""
    allocation = Allocation.objects.get(pk=proposal.details["allocation"])
    box = open_float(allocation)
    if box is not None:
        box = locked(box.pk)
        now = holding(box)
        if now.advanced_fen > proposal.amount_fen:
            raise WrongProposal(
                _("乡镇手里已经有 %(fen)s 元，比新的定额多。请先让乡镇交回。") % {"fen": yuan(now.advanced_fen)}
            )
        if not proposal.amount_fen and now.awaited_fen:
            raise WrongProposal(_("还有 %(fen)s 元等银行补充，补到以后再停用。") % {"fen": yuan(now.awaited_fen)})
    box = box or ImprestFloat(allocation=allocation, opened_on=clock.today())
    custodian = Staff.objects.get(pk=proposal.details["custodian"])
    box.limit_fen, box.proposal = proposal.amount_fen, proposal
    box.custodian, box.custodian_person_key = custodian, custodian.person_key
    box.ended_on = None if proposal.amount_fen else clock.today()
    box.save()
    return {"float": box.pk}


@transaction.atomic
def advance(box: ImprestFloat, amount_fen: int, *, by: Any, key: str, document_no: str = "") -> Transfer:
    """Give the township money up to its limit. Raises NotYours, ImprestShort, FundShort; the same key is one advance."""
    box = locked(box.pk)
    known = Transfer.objects.filter(key=key).first()
    if known:
        return known
    by_post = duties.demand(by, "make", box.allocation.unit)
    room_fen = holding(box).room_fen
    if not 0 < amount_fen <= room_fen:
        raise ImprestShort(_("最多还能拨 %(fen)s 元，再多就超过定额。") % {"fen": yuan(room_fen)})
    with acting(by, on_behalf_of=by_post.principal, reason="imprest_advance"):
        transfer = post("imprest_advance", box, amount_fen, key=key, document_no=document_no)
        ledger.settle_now()
    return transfer


@transaction.atomic
def give_up(box: ImprestFloat, amount_fen: int, *, by: Any, key: str, document_no: str = "") -> Transfer:
    """The township gives money back to the allocation. Raises NotYours, ImprestShort; the same key is one return."""
    box = locked(box.pk)
    known = Transfer.objects.filter(key=key).first()
    if known:
        return known
    by_post = duties.demand(by, "make", box.allocation.unit)
    on_hand_fen = holding(box).on_hand_fen
    if not 0 < amount_fen <= on_hand_fen:
        raise ImprestShort(_("手里有 %(fen)s 元，最多交回这么多。") % {"fen": yuan(on_hand_fen)})
    with acting(by, on_behalf_of=by_post.principal, reason="imprest_return"):
        transfer = post("imprest_return", box, amount_fen, key=key, document_no=document_no)
        ledger.settle_now()
    return transfer


def locked(float_id: int) -> ImprestFloat:
    """The float, for as long as the transaction lasts. Raises WrongPaymentState when it has ended."""
    box = (
        ImprestFloat.objects.select_for_update(of=("self",), no_key=True)
        .select_related("allocation__fund", "allocation__unit")
        .get(pk=float_id)
    )
    if box.ended_on is not None:
        raise WrongPaymentState(_("这个备用金已经停用。"))
    return box


def post(kind: str, box: ImprestFloat, amount_fen: int, **how: Any) -> Transfer:
    allocation = box.allocation
    how.setdefault("subject", f"fund:{allocation.fund_id}")
    return ledger.post(kind, amount_fen, fund_id=allocation.fund_id, allocation_id=allocation.pk, **how)


def demand_custodian(box: ImprestFloat, by: Any) -> None:
    if box.custodian_person_key != by.person_key:
        raise SamePerson(_("这一步由保管备用金的人办。"))
