"""A batch is made, checked and released as a whole, by three persons; pressing twice is pressing once."""

import datetime

import pytest
from django.db import IntegrityError, connection, transaction

from audit import clock
from casework import payments
from casework.errors import BadCaseData, KeyReused, NoSuchCase
from casework.models import CaseEvent
from funds.models import Payment, PaymentBatch, Transfer
from tests.world import START, World, case_now


def test_checking_and_releasing_twice_is_doing_it_once(world: World) -> None:
    case = world.brought_to("fund_reserved")
    batch = payments.build_batch([case.pk], by=world.fund_manager, key="twice-aaaaaaaa")
    for _press in range(2):
        assert payments.build_batch([case.pk], by=world.fund_manager, key="twice-aaaaaaaa").pk == batch.pk
    for _press in range(2):
        payments.check_batch(batch.pk, by=world.fund_checker, key="check")
    for _press in range(2):
        payments.release_batch(batch.pk, by=world.cashier, key="release")

    assert Payment.objects.filter(subject=case.subject).count() == 1
    assert Transfer.objects.filter(subject=case.subject, kind="send").count() == 1
    assert (
        CaseEvent.objects.filter(case=case, action__in=["list_payment", "check_payment", "release_payment"]).count()
        == 3
    )


def test_pressed_again_after_midnight_it_is_the_batch_of_the_day_before(world: World) -> None:
    case = world.brought_to("fund_reserved")
    batch = payments.build_batch([case.pk], by=world.fund_manager, key="twice-aaaaaaaa")

    with clock.frozen_at(START + datetime.timedelta(days=1)):
        assert payments.build_batch([case.pk], by=world.fund_manager, key="twice-aaaaaaaa").pk == batch.pk
    assert PaymentBatch.objects.count() == 1


def test_another_submission_with_the_same_number_is_not_answered_with_its_batch(world: World) -> None:
    one, two = world.brought_to("fund_reserved"), world.brought_to("fund_reserved")
    payments.build_batch([one.pk], by=world.fund_manager, key="one-aaaaaaaa")

    with pytest.raises(KeyReused):
        payments.build_batch([two.pk], by=world.fund_manager, key="two-aaaaaaaa")
    assert PaymentBatch.objects.count() == 1 and case_now(two).state == "fund_reserved"


def test_somebody_elses_key_is_not_answered_with_her_batch(world: World) -> None:
    case = world.brought_to("fund_reserved")
    payments.build_batch([case.pk], by=world.fund_manager, key="mine-aaaaaaaa")

    with pytest.raises(KeyReused):
        payments.build_batch([case.pk], by=world.fund_checker, key="hers-aaaaaaaa")


def test_a_case_that_is_not_there_is_not_left_out_in_silence(world: World) -> None:
    case = world.brought_to("fund_reserved")

    with pytest.raises(NoSuchCase):
        payments.build_batch([case.pk, case.pk + 1_000], by=world.fund_manager, key="gone-aaaaaaaa")
    assert not PaymentBatch.objects.exists() and case_now(case).state == "fund_reserved"


@pytest.mark.parametrize(("action", "role"), [("check_payment", "fund_checker"), ("release_payment", "cashier")])
def test_no_line_is_checked_or_released_past_its_batch(world: World, action: str, role: str) -> None:
    case = world.brought_to("fund_reserved")
    batch = payments.build_batch([case.pk], by=world.fund_manager, key="line-aaaaaaaa")

    with pytest.raises(BadCaseData):
        world.do(case, action, role)
    assert case_now(case).acts == case.acts + 1  # the listing, nothing since
    assert PaymentBatch.objects.get(pk=batch.pk).state == "draft"


@pytest.mark.parametrize("state", ["sent", "credited", "returned"])
def test_postgresql_lets_no_payment_leave_before_its_batch_is_released(world: World, state: str) -> None:
    case = world.brought_to("fund_reserved")
    payments.build_batch([case.pk], by=world.fund_manager, key="sql-aaaaaaaa")

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE funds_payment SET state = %s, returned_reason = 'x'", [state])
