"""flows.soundness proves things about a small model of a case. Here real cases and the model walk side by side."""

import datetime

import pytest
from django.db.models import F

from audit import clock
from casework.models import Case
from flows.soundness import Situation, _follow
from funds import instalments
from funds import services as funds
from funds.models import ImprestSpend, Payment
from tests.casework.test_no_dead_ends import answer, emergency, release
from tests.casework.test_whole_way import pay
from tests.world import START, World, case_now


def retraced(case: Case) -> set[Situation]:
    """Where the model may stand after the acts of a real case; fails where a real step is none of the model's."""
    spec = case.spec
    rows = {row.acts: row for row in case.history.order_by("history_id")}
    standing = {Situation(spec.initial)}
    for event in case.events.filter(n__gt=1).order_by("n"):
        after = rows[event.n]
        edge = spec.edge(event.from_state, event.action)
        standing = {
            there
            for here in standing
            for there in _follow(spec, here, edge)
            if (there.state, there.tier, there.published) == (after.state, after.tier, bool(after.published_digest))
            and (after.state != "returned" or there.return_to == after.return_to)
        }
        assert standing, f"the model knows no {event.from_state} -{event.action}-> {after.state} {after.tier}"
    return standing


def money_of(case: Case) -> str:
    payment = Payment.objects.filter(subject=case.subject).exclude(state__in=["cancelled", "returned"]).last()
    if payment:
        if payment.state == "credited" and instalments.open_parts(payment.reservation):
            return "held"  # the next part
        checked = payment.batch.state == "checked"
        return {"listed": "checked" if checked else "listed", "sent": "sent", "credited": "paid"}[payment.state]
    if ImprestSpend.objects.filter(subject=case.subject, back_fen__lt=F("amount_fen")).exists():
        return "paid"
    return "held" if funds.held_reservation(case.subject) else "none"


def agrees(case: Case) -> None:
    case = case_now(case)
    assert {here.money for here in retraced(case)} == {money_of(case)}


@pytest.mark.parametrize("programme", ["disaster_relief", "education_grant", "elderly_support"])
@pytest.mark.parametrize("state", ["village_notice", "fund_reserved"])
def test_on_the_ordinary_way(world: World, programme: str, state: str) -> None:
    agrees(world.brought_to(state, programme))


@pytest.mark.parametrize("amount_fen", [300_000, 300_001, 2_000_001])
def test_on_every_rung(world: World, amount_fen: int) -> None:
    agrees(world.brought_to("fund_reserved", amount_fen=amount_fen))


def test_on_the_way_of_a_plan(world: World) -> None:
    case = world.open("family_care")
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    world._register(case, 0)
    world.do(case, "submit", "village_clerk")
    world.do(case, "return", "township_clerk", reason="补")
    world.do(case, "resubmit", "village_clerk")
    world.do(case, "approve_plan", "township_clerk")
    world.do(case, "visit", "village_clerk")

    agrees(case)


def test_through_objection_return_and_appeal(world: World) -> None:
    case = world.brought_to("village_notice")
    world.do(case, "object", None, reason="x")
    world.do(case, "dismiss_objection", "township_clerk", reason="x")
    with clock.frozen_at(START + datetime.timedelta(days=8)):
        world.do(case, "end_notice", None)
    world.do(case, "return", "township_clerk", reason="x")
    world.do(case, "resubmit", "village_clerk", data={"cause": "disaster"})
    agrees(case)
    world.do(case, "village_return", "village_head", reason="x")
    world.do(case, "resubmit", "village_clerk")
    world.deliberate(case)
    world.do(case, "endorse", "village_head")
    with clock.frozen_at(START + datetime.timedelta(days=8)):
        world.do(case, "end_notice", None)
    world.do(case, "check", "township_clerk")
    world.do(case, "refuse", "township_approver", reason="x", reason_code="other")
    world.do(case, "appeal", "village_clerk", reason="x")
    world.do(case, "overturn_refusal", "county_reviewer", reason="x")
    world.do(case, "review", "county_reviewer")
    world.do(case, "confirm", "county_approver")

    agrees(case)


def test_through_payment_and_back(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    agrees(case)
    answer(world, case, credited=False, key="no")
    agrees(case)
    world.do(case, "send_back", "fund_manager", reason="x")
    agrees(case)


def test_through_an_emergency(world: World) -> None:
    case = emergency(world)
    world.do(case, "send_back", "fund_manager", reason="x")
    agrees(case)
    release(world, case)
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    agrees(case)
    world.do(case, "refuse", "township_approver_2", reason="x", reason_code="other")
    world.do(case, "finish_recovery", "fund_manager", reason="x", data={"amount_fen": 100_000})

    assert {here.recovered for here in retraced(case_now(case))} == {True}
