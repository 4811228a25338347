"""The log of a provider's services: written down when signed for, never changed, withdrawn while no payment has counted it."""

import datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from audit import clock
from casework import services_log
from casework.desks.cases.forms import CheckForm
from casework.errors import BadCaseData, KeyReused, NotYourTurn, ReasonNeeded, SecondDuty, TooEarly, WrongState
from casework.models import Case, ServiceEntry
from casework.services_log import Service
from funds.models import Payment, Reservation
from tests.casework.test_help_in_parts import decided, paid_once
from tests.owner import owner
from tests.world import START, World, case_now

CARE = {"parts": 2, "every_months": 1, "needs_check": True, "first_needs_check": True}
TODAY = START + datetime.timedelta(days=10)


@pytest.fixture
def case(world: World) -> Case:
    with clock.frozen_at(START):
        return decided(world, CARE)


@pytest.fixture(autouse=True)
def ten_days_later() -> Any:
    with clock.frozen_at(TODAY):
        yield


def served(world: World, case: Case, *, by: str = "village_clerk", key: str = "a", **more: Any) -> ServiceEntry:
    facts = {"served_on": TODAY, "what": "上门助餐", "minutes": 60, "amount_fen": 1_500, "signed_by": "本人"} | more
    return services_log.record(case.pk, Service(**facts), by=world.staff[by], key=f"service:{key}")


def test_a_service_is_written_down_once_however_often_the_button_is_pressed(world: World, case: Case) -> None:
    first, second = served(world, case), served(world, case)

    assert first == second and case.services.count() == 1
    assert first.recorder_person_key == world.village_clerk.person_key
    assert first.history.get().history_change_reason == "record_service"


def test_the_key_of_another_cases_service_is_refused(world: World, case: Case) -> None:
    served(world, case)
    with clock.frozen_at(START):
        other = world.brought_to("fund_reserved", amount_fen=100_000)

    with pytest.raises(KeyReused):
        served(world, other)
    assert not other.services.exists()


def test_who_records_services_does_not_check_the_part_that_pays_them(world: World, case: Case) -> None:
    """The township clerk signed for the check before the decision; recording is the other side of it."""
    with pytest.raises(SecondDuty):
        served(world, case, by="township_clerk")
    assert not case.services.exists()


def test_nobody_else_records(world: World, case: Case) -> None:
    for role in ("fund_manager", "other_clerk", "county_reviewer"):
        with pytest.raises(NotYourTurn):
            served(world, case, by=role, key=role)


def test_no_service_of_a_day_to_come_or_long_past_or_before_the_decision(world: World, case: Case) -> None:
    with pytest.raises(TooEarly):
        served(world, case, served_on=TODAY + datetime.timedelta(days=1))
    with pytest.raises(BadCaseData, match="批准以后"):
        served(world, case, served_on=START - datetime.timedelta(days=1))
    with clock.frozen_at(TODAY + datetime.timedelta(days=60)), pytest.raises(BadCaseData, match="一个月以内"):
        served(world, case, served_on=TODAY)
    assert not case.services.exists()


def test_one_family_gets_no_more_hours_in_a_day_than_can_be_given(world: World, case: Case) -> None:
    served(world, case, minutes=11 * 60)
    with pytest.raises(BadCaseData, match="超过一天 12 小时"):
        served(world, case, key="b", minutes=61)
    served(world, case, key="c", minutes=60)
    served(world, case, key="d", minutes=60, served_on=TODAY - datetime.timedelta(days=1))

    assert case.services.count() == 3


def test_only_between_the_decision_and_the_end(world: World, case: Case) -> None:
    other = world.brought_to("township_review")
    with pytest.raises(WrongState):
        served(world, other)


def test_what_was_done_before_help_was_suspended_may_still_be_written_down(world: World, case: Case) -> None:
    from tests.casework.test_help_in_parts import paid_once

    world.do(case, "check_instalment", "township_clerk", reason="看过")
    paid_once(world, case, "one")
    world.do(case_now(case), "suspend", "township_clerk", reason="住院")
    with clock.frozen_at(TODAY + datetime.timedelta(days=3)):
        served(world, case, served_on=TODAY)
        with pytest.raises(WrongState, match="暂停"):
            served(world, case, key="b", served_on=TODAY + datetime.timedelta(days=1))


def test_a_wrong_entry_is_withdrawn_with_a_reason_and_counts_no_more(world: World, case: Case) -> None:
    entry = served(world, case, minutes=12 * 60)
    with pytest.raises(ReasonNeeded):
        services_log.withdraw(entry.pk, by=world.village_clerk, reason=" ")
    services_log.withdraw(entry.pk, by=world.village_clerk, reason="时间记错了")
    served(world, case, key="b", minutes=60, amount_fen=2_000)

    entry.refresh_from_db()
    assert (entry.withdrawn_on, entry.withdraw_reason) == (TODAY, "时间记错了")
    assert services_log.sums(services_log.unbilled(case)) == {"count": 1, "minutes": 60, "amount_fen": 2_000}
    world.do(case, "check_instalment", "township_clerk", reason="核对了服务单")
    assert list(case.services.values_list("minutes", "instalment")) == [(720, None), (60, 1)]


def test_what_was_billed_is_not_withdrawn(world: World, case: Case) -> None:
    entry = served(world, case)
    world.do(case, "check_instalment", "township_clerk", reason="核对了服务单")

    with pytest.raises(WrongState, match="第 1 期"):
        services_log.withdraw(entry.pk, by=world.village_clerk, reason="记错了")


def test_services_above_the_plan_of_a_part_wait_for_the_next_one(world: World, case: Case) -> None:
    """Each part is 500 yuan. What one part does not pay whole is not marked as paid."""
    for n, amount_fen in enumerate((30_000, 15_000, 10_000)):
        served(world, case, key=str(n), amount_fen=amount_fen, served_on=TODAY - datetime.timedelta(days=3 - n))

    form = CheckForm(case=case, user=world.township_clerk, action="check_instalment")
    assert (form.served_fen, form.payable_fen) == (55_000, 45_000)
    event = world.do(case, "check_instalment", "township_clerk", reason="核对了服务单")

    assert event.data == {"part": 1, "amount_fen": 45_000, "services": 2}
    billed = case.services.order_by("served_on").values_list("amount_fen", "instalment")
    assert list(billed) == [(30_000, 1), (15_000, 1), (10_000, None)]
    assert services_log.sums(services_log.unbilled(case))["amount_fen"] == 10_000
    paid_once(world, case, "one")
    with clock.frozen_at(START + datetime.timedelta(days=35)):
        world.do(case, "check_instalment", "township_clerk", reason="核对了服务单")
        paid_once(world, case, "two")

    assert list(case.services.order_by("served_on").values_list("instalment", flat=True)) == [1, 1, 2]
    assert list(Payment.objects.values_list("instalment", "amount_fen").order_by("id")) == [(1, 45_000), (2, 10_000)]
    assert Reservation.objects.get().released_fen == 45_000 and case_now(case).state == "paid"


@pytest.mark.parametrize(("amount_fen", "paid"), [(None, 50_000), (40_000, 40_000)])
def test_a_service_that_is_dearer_than_the_part_is_paid_as_far_as_it_goes(
    world: World, case: Case, amount_fen: int | None, paid: int
) -> None:
    for n in (1, 2):
        served(world, case, key=str(n), amount_fen=60_000)
    data = {} if amount_fen is None else {"amount_fen": amount_fen}

    event = world.do(case, "check_instalment", "township_clerk", reason="核对了服务单", data=data)

    assert (event.data["amount_fen"], event.data["services"]) == (paid, 1)


@pytest.mark.parametrize("change", ["minutes = 61", "amount_fen = 1", "served_on = served_on - 1", "signed_by = 'x'"])
def test_postgresql_keeps_a_service_as_it_was_signed_for(world: World, case: Case, change: str) -> None:
    served(world, case)

    with pytest.raises(DatabaseError) as refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE casework_serviceentry SET {change}")
    assert refusal.value.__cause__.diag.constraint_name == "service_stays_as_signed"


def test_postgresql_deletes_no_service(world: World, case: Case) -> None:
    served(world, case)

    with (
        pytest.raises(DatabaseError, match="never deleted"),
        transaction.atomic(),
        owner(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM casework_serviceentry")
