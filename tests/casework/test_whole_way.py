"""One long worked example for each way through: the figures are ones a bookkeeper can check."""

import datetime

import pytest

from audit import clock
from casework import payments
from casework.models import Case
from funds import ledger
from tests.world import START, World, case_now


def pay(world: World, case: Case, key: str = "batch-aaaaaaaa") -> None:
    batch = payments.build_batch([case.pk], by=world.fund_manager, key=key)
    payments.check_batch(batch.pk, by=world.fund_checker, key=f"{key}:check")
    payments.release_batch(batch.pk, by=world.cashier, key=f"{key}:release")


def test_a_small_relief_goes_from_lead_to_closing(world: World) -> None:
    case = world.brought_to("fund_reserved", amount_fen=200_000)
    pay(world, case)
    payment = case_now(case).pk and world_payment(case)
    payments.record_answers([payments.Answer(payment.pk, True, bank_reference="HF1")], by=world.cashier, key="answer")
    world.do(case, "visit", "village_clerk", data={"satisfaction": 5, "words": "钱收到了"})
    world.do(case, "propose_exit", "village_clerk", reason="房子修好了")
    world.do(case, "approve_exit", "township_approver")

    case = case_now(case)
    assert case.state == "closed" and not case.is_open and case.tier == "T1"
    allocation = next(iter(ledger.allocation_balances([payment.reservation.allocation]).values()))
    assert allocation.paid_fen == 200_000
    assert allocation.allocated_fen == 30_000_000 - 200_000
    assert ledger.check().drift_fen == 0


def world_payment(case: Case):
    from funds.models import Payment

    return Payment.objects.filter(subject=case.subject).latest("id")


@pytest.mark.parametrize(
    ("amount_fen", "tier"), [(300_000, "T1"), (300_001, "T2"), (2_000_000, "T2"), (2_000_001, "T3")]
)
def test_each_amount_takes_exactly_its_rungs(world: World, amount_fen: int, tier: str) -> None:
    case = world.brought_to("fund_reserved", amount_fen=amount_fen)

    assert case.tier == tier
    signed = list(
        case.events.filter(action__in=["approve", "review", "confirm", "countersign"]).values_list("action", flat=True)
    )
    assert (
        signed
        == {
            "T1": ["approve"],
            "T2": ["approve", "review", "confirm"],
            "T3": ["approve", "review", "confirm", "countersign"],
        }[tier]
    )


def test_in_an_emergency_the_money_comes_first_and_the_papers_follow(world: World) -> None:
    case = world.open("disaster_relief")
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    account = case.household.accounts.get(is_active=True)
    world.do(
        case,
        "emergency_release",
        "township_approver",
        reason="房子塌了，没有地方住",
        data={"amount_fen": 100_000, "account_id": account.pk},
    )
    pay(world, case)
    payments.record_answers([payments.Answer(world_payment(case).pk, True)], by=world.cashier, key="answer")

    assert case_now(case).state == "makeup"
    assert case_now(case).makeup_due_on == datetime.date(2026, 4, 29)  # ten working days

    survey = world.survey(case.household)
    world.papers(case, "application", "damage_photo")
    world.do(case, "submit_makeup", "village_clerk", data={"survey_id": survey.pk, "cause": "disaster"})
    world.deliberate(case)
    world.do(case, "endorse", "village_head")
    with clock.frozen_at(START + datetime.timedelta(days=8)):
        world.do(case, "end_notice", None)
        world.do(case, "check", "township_clerk")
        world.do(case, "approve", "township_approver_2")
    assert case_now(case).state == "paid"
    assert ledger.check().drift_fen == 0
