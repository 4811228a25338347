"""A township with money in hand, for tests: what it holds is stated by the test."""

import datetime
import itertools
from typing import Any

from access import services as access
from access.models import Staff
from funds import countersigning, imprest, proposals
from funds import services as funds
from funds.models import Allocation, ImprestFloat, ImprestSpend, Reservation
from tests.countersigns import a_receipt
from tests.world import START, World, make_staff

_serial = itertools.count(1)


def key() -> str:
    return f"imprest:test:{next(_serial)}"


def allocation_of(world: World, programme: str = "disaster_relief") -> Allocation:
    return Allocation.objects.select_related("fund__unit", "unit").get(programme=programme, unit=world.township)


def limited(world: World, limit_fen: int, custodian: Any = None) -> ImprestFloat:
    """Two persons set the limit of 青禾乡's float for disaster relief."""
    proposal = imprest.propose_limit(
        allocation_of(world),
        limit_fen,
        custodian or world.township_clerk,
        by=world.fund_manager,
        key=key(),
        reason="备灾",
    )
    proposals.confirm(proposal.pk, by=world.fund_checker)
    return ImprestFloat.objects.get(allocation=allocation_of(world))


def a_float(world: World, limit_fen: int = 500_000, advanced_fen: int = 500_000) -> ImprestFloat:
    second_clerk(world)  # who hands out does not check the papers
    box = limited(world, limit_fen)
    imprest.advance(box, advanced_fen, by=world.fund_manager, key=key(), document_no="禾备 1")
    return box


def second_clerk(world: World) -> Staff:
    found = Staff.objects.filter(username="clerk_2").first()
    if found is None:
        found = make_staff("clerk_2", "clerk 2")
        access.appoint(found, "township_clerk", world.township, by=None, valid_from=datetime.date(2026, 1, 1))
    return found


def decided(world: World, amount_fen: int, subject: str = "case:900001") -> Reservation:
    return funds.reserve(
        subject=subject, key=key(), programme="disaster_relief", village=world.village, amount_fen=amount_fen
    )


def second(world: World) -> Staff:
    """The township's association secretary: she has no part in any case."""
    found = Staff.objects.filter(username="secretary").first()
    if found is None:
        found = make_staff("secretary", "沈清和")
        access.appoint(found, "association_officer", world.township, by=None, valid_from=START)
    return found


def handed_out(
    world: World,
    box: ImprestFloat,
    reservation: Reservation,
    *,
    overdue: int = 0,
    cap_fen: int = 100_000,
    confirmed: bool = True,
) -> ImprestSpend:
    """The custodian and the secretary give it; `confirmed` says whether the secretary has said so herself."""
    paid = imprest.spend(
        box,
        reservation,
        funds.Handover((world.township_clerk, second(world)), START, "家里", "signature", "江正一", a_receipt()),
        payee_name="江正一",
        cap_fen=cap_fen,
        overdue_makeups=overdue,
        due_on=START,
    )
    if confirmed:
        countersigning.confirm(paid.countersign.pk, by=second(world))
    return paid
