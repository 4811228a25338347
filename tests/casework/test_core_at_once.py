"""Several people at once, in real transactions: exactly one wins, the others are told, nothing is doubled."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from access.models import OrgUnit
from audit import clock
from casework import payments
from casework.acting import act
from casework.errors import CaseworkError, KeyReused, WrongState
from casework.models import Case, CaseDuty, CaseEvent
from casework.opening import open_case
from flows.models import CaseProcess
from funds import ledger
from funds import services as funds
from funds.errors import FundsError, FundShort
from funds.models import Payment, Reservation, Transfer
from jobs.models import Outbox
from tests.world import START, World, build_world, case_now, load_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def town(transactional_db: None) -> World:
    if OrgUnit.objects.exists():
        return load_world()
    with transaction.atomic():
        return build_world()


def all_at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """Run every job in a thread with a connection of its own; [result or refusal]."""
    gate, results = threading.Barrier(len(jobs)), [None] * len(jobs)

    def run(n: int, job: Callable[[], Any]) -> None:
        with clock.frozen_at(START):
            try:
                gate.wait(20)
                results[n] = job()
            except (CaseworkError, FundsError) as refusal:
                results[n] = refusal
            finally:
                connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_of_eight_people_exactly_one_wins(town: World) -> None:
    case = town.open()
    people = [town.village_clerk, town.township_clerk] * 4
    jobs = [lambda who=who, n=n: act(case.pk, "triage", by=who, key=f"press-{n}") for n, who in enumerate(people)]

    results = all_at_once(*jobs)

    won = [r for r in results if isinstance(r, CaseEvent)]
    assert len(won) == 1 and sum(isinstance(r, WrongState) for r in results) == 7, results
    assert case_now(case).state == "triaged"
    assert CaseEvent.objects.filter(case=case, action="triage").count() == 1
    assert Outbox.objects.filter(key=f"act:{case.pk}:2").count() == 1
    process = CaseProcess.objects.get(case_id=case.pk)
    assert [t.flow_task.name for t in process.task_set.filter(finished__isnull=True)] == ["triaged"]
    assert case_now(case).history.count() == 2


def test_the_same_press_eight_times_is_one_act(town: World) -> None:
    case = town.open()

    results = all_at_once(*[lambda: act(case.pk, "triage", by=town.village_clerk, key="the same") for _ in range(8)])

    assert {r.pk for r in results} == {CaseEvent.objects.get(action="triage").pk}


def test_one_key_for_several_cases_at_once_serves_one_of_them(town: World) -> None:
    cases = [town.open() for _n in range(6)]

    results = all_at_once(
        *(lambda case=case: act(case.pk, "triage", by=town.village_clerk, key="the-same") for case in cases)
    )

    assert sorted(type(result).__name__ for result in results) == ["CaseEvent", *["KeyReused"] * 5]
    assert [case_now(case).state for case in cases].count("triaged") == 1
    assert CaseEvent.objects.filter(key="the-same").count() == 1


def test_the_same_opening_eight_times_is_one_case(town: World) -> None:
    household = town.household()
    jobs = [lambda: open_case(household, "disaster_relief", by=town.village_clerk, key="open-once")] * 8

    assert {case.pk for case in all_at_once(*jobs)} == {Case.objects.get().pk}
    with pytest.raises(KeyReused):
        open_case(town.household(), "disaster_relief", by=town.village_clerk, key="open-once")


def test_two_people_spend_the_last_yuan_and_one_of_them_succeeds(town: World) -> None:
    """Two cases, each with its own approver; the money is enough for one."""
    cases = [town.brought_to("township_decision", amount_fen=200_000) for _ in range(2)]
    left = ledger.payable_fen("disaster_relief", town.village, START) - 300_000
    with transaction.atomic():
        funds.reserve(subject="case:0", key="rest", programme="disaster_relief", village=town.village, amount_fen=left)

    results = all_at_once(
        lambda: act(cases[0].pk, "approve", by=town.township_approver, key="a"),
        lambda: act(cases[1].pk, "approve", by=town.township_approver_2, key="b"),
    )

    assert sum(isinstance(r, CaseEvent) for r in results) == 1, results
    assert sum(isinstance(r, FundShort) for r in results) == 1, results
    assert sorted(case_now(case).state for case in cases) == ["fund_reserved", "township_decision"]
    assert Reservation.objects.exclude(subject="case:0").count() == 1
    assert ledger.payable_fen("disaster_relief", town.village, START) == 100_000
    assert ledger.check().drift_fen == 0 and ledger.check().negative_accounts == 0


def test_one_person_in_two_accounts_takes_two_duties_in_none_of_the_races(town: World) -> None:
    """The same natural person checks payment and releases the sibling batch at once: her key holds one duty a case."""
    from access import services as access
    from tests.world import make_staff

    case = town.brought_to("township_review")
    twin = make_staff("twin", "x", key=town.township_clerk.person_key)
    access.appoint(twin, "village_clerk", town.village, by=None)

    all_at_once(
        lambda: act(case.pk, "check", by=town.township_clerk, key="a"),
        lambda: act(case.pk, "withdraw", by=twin, key="b", reason="撤"),
    )

    assert CaseDuty.objects.filter(case=case, person_key=twin.person_key).count() == 1


def test_two_cashiers_release_a_batch_and_the_money_leaves_once(town: World) -> None:
    from access import services as access
    from tests.world import make_staff

    case = town.brought_to("fund_reserved")
    second = make_staff("cashier_2", "x")
    access.appoint(second, "cashier", town.county, by=None)
    batch = payments.build_batch([case.pk], by=town.fund_manager, key="batch-aaaaaaaa")
    payments.check_batch(batch.pk, by=town.fund_checker, key="c")

    results = all_at_once(
        lambda: payments.release_batch(batch.pk, by=town.cashier, key="r1"),
        lambda: payments.release_batch(batch.pk, by=second, key="r2"),
    )

    assert sum(isinstance(r, (CaseworkError, FundsError)) for r in results) == 1, results
    assert Transfer.objects.filter(kind="send").count() == 1
    assert Payment.objects.get().state == "sent" and ledger.check().drift_fen == 0
