"""What is paid is what was decided and listed, in raw SQL too: purposes, payments, batches, and the money that goes with them."""

import datetime

import pytest
from django.db import transaction

from casework import payments
from funds import bulk
from funds import services as funds
from funds.errors import WrongDay
from funds.models import Payment, Transfer
from tests.casework.test_no_dead_ends import answer
from tests.casework.test_whole_way import pay
from tests.funds.test_ledger import INSERT, account, refuses, reserve
from tests.world import START, World

ONE_DAY = datetime.timedelta(days=1)


def listed(world: World, key: str = "batch-aaaaaaaa") -> Payment:
    case = world.brought_to("fund_reserved")
    payments.build_batch([case.pk], by=world.fund_manager, key=key)
    return Payment.objects.get(subject=case.subject)


def sent(world: World) -> Payment:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    return Payment.objects.get(subject=case.subject)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE funds_fund SET programmes = '{elderly_support}'",
        "UPDATE funds_fund SET source = 'raised'",
        "UPDATE funds_allocation SET programme = 'family_care' WHERE programme = 'disaster_relief'",
        "UPDATE funds_allocation SET unit_id = (SELECT unit_id FROM funds_fund LIMIT 1)",
        "UPDATE funds_allocation SET year = 2027",
    ],
)
def test_money_keeps_the_purpose_it_was_given_for(world: World, statement: str) -> None:
    refuses(statement, match="keeps its purpose")


def test_what_a_reservation_gave_back_is_not_held_again(world: World) -> None:
    funds.release(reserve(world, 100), reason="撤回")

    refuses("UPDATE funds_reservation SET released_fen = 0", match="not held again")
    assert funds.held_reservation("case:1") is None


@pytest.mark.parametrize(
    "column",
    [
        "uid = gen_random_uuid()",
        "account_sealed = 'x'",
        "account_last4 = '0000'",
        "account_kind = 'passbook'",
        "bank = 'x'",
        "account_recorded_by_key = 'x'",
        "instalment = 2",
        "listed_on = listed_on - 1",
    ],
)
def test_the_account_that_was_listed_stays(world: World, column: str) -> None:
    listed(world)
    refuses(f"UPDATE funds_payment SET {column}", match="not changed")


def test_what_the_bank_answered_stays(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")

    refuses("UPDATE funds_payment SET bank_reference = 'forged'", match="not changed")
    refuses("UPDATE funds_payment SET answered_on = '2026-01-01'", match="not changed")


@pytest.mark.parametrize("day", [datetime.date(1999, 1, 1), START - ONE_DAY, START + ONE_DAY])
def test_nobody_answers_before_the_money_was_sent_or_tomorrow(world: World, day: datetime.date) -> None:
    payment = sent(world)
    steps = [
        lambda: funds.credit(payment, bank_reference="R", answered_on=day),
        lambda: funds.bounce(payment, bank_reference="R", reason="户名不符", answered_on=day),
        lambda: bulk.credit_many([bulk.Credited(payment.pk, "R", day)]),
        lambda: bulk.bounce_many([bulk.Bounced(payment.pk, "R", "户名不符", day)]),
    ]

    for step in steps:
        with pytest.raises(WrongDay, match="日期"), transaction.atomic():
            step()

    payment = Payment.objects.get(pk=payment.pk)
    assert (payment.state, payment.answered_on) == ("sent", None)
    assert not Transfer.objects.filter(payment=payment, kind__in=("settle", "bounce")).exists()


def test_what_came_back_came_back_after_it_was_sent(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    payment = Payment.objects.get(subject=case.subject)

    with pytest.raises(WrongDay):
        funds.claw_back(payment, bank_reference="R", reason="户名不符", answered_on=START - ONE_DAY)

    assert Payment.objects.get(pk=payment.pk).state == "credited"
    assert not Transfer.objects.filter(kind="clawback").exists()


COPY = """INSERT INTO funds_payment (uid, key, subject, instalment, amount_fen, state, payee_name, account_sealed, account_index,
    account_last4, account_kind, bank, account_recorded_by_key, listed_on, bank_reference, returned_reason, batch_id, replaces_id,
    reservation_id) SELECT gen_random_uuid(), 'bad', {subject}, {instalment}, {amount_fen}, '{state}', payee_name, account_sealed,
    account_index, account_last4, account_kind, bank, account_recorded_by_key, listed_on, '', 'x', batch_id, {replaces}, reservation_id
    FROM funds_payment"""


def a_bad_copy(**changed: str) -> str:
    return COPY.format(
        **{"subject": "subject", "instalment": "2", "amount_fen": "amount_fen", "state": "listed", "replaces": "NULL"}
        | changed
    )


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"state": "credited"}, "does not begin"),
        ({"state": "sent"}, "does not begin"),
        ({}, "not what was reserved"),  # the same decision paid in a second instalment
        ({"amount_fen": "1", "subject": "'case:999'"}, "not what was reserved"),
    ],
)
def test_a_payment_begins_on_a_list_and_within_its_reservation(
    world: World, changed: dict[str, str], match: str
) -> None:
    listed(world)
    refuses(a_bad_copy(**changed), match=match)
    assert Payment.objects.count() == 1


def test_no_payment_joins_a_batch_that_was_checked(world: World) -> None:
    payment = listed(world)
    payments.check_batch(payment.batch_id, by=world.fund_checker, key="c")

    refuses(a_bad_copy(amount_fen="1"), match="does not begin")


def test_only_a_payment_that_came_back_is_replaced(world: World) -> None:
    payment = listed(world)
    payments.act(
        int(payment.subject.removeprefix("case:")), "unlist_payment", by=world.fund_manager, key="u", reason="x"
    )

    refuses(a_bad_copy(replaces="id"), match="did not come back")


def test_no_payment_is_answered_without_its_money(world: World) -> None:
    sent(world)

    refuses("UPDATE funds_payment SET state = 'credited'", match="no money moved")
    refuses("UPDATE funds_payment SET state = 'returned', returned_reason = 'x'", match="no money moved")


def test_no_money_leaves_without_a_payment(world: World) -> None:
    made = reserve(world, 100)
    row = ("bad", "send", account("committed").pk, account("in_payment").pk, 100, "case:1", made.pk, None, "")

    refuses(INSERT, *row, match="to no payment")


@pytest.mark.parametrize(
    "column",
    [
        "maker_person_key = 'x'",
        "maker_id = releaser_id",
        "checker_id = maker_id, checker_person_key = 'x'",
        "releaser_person_key = 'x'",
        "made_on = made_on - 1",
    ],
)
def test_who_acted_on_a_batch_is_not_changed(world: World, column: str) -> None:
    sent(world)
    refuses(f"UPDATE funds_paymentbatch SET {column}", match="not changed")


def test_a_batch_begins_as_a_draft_and_names_its_persons(world: World) -> None:
    payment = listed(world)
    insert = """INSERT INTO funds_paymentbatch (number, title, state, made_on, maker_id, maker_person_key, checker_id,
        checker_person_key, releaser_id, releaser_person_key)
        SELECT 'bad', '', '{state}', made_on, maker_id, {maker}, {others} FROM funds_paymentbatch"""

    refuses(
        insert.format(state="released", maker="maker_person_key", others="maker_id, 'b', maker_id, 'c'"),
        match="does not begin as a draft",
    )
    refuses(
        insert.format(state="draft", maker="'somebody'", others="NULL, NULL, NULL, NULL"),
        match="somebody else's account",
    )
    refuses(
        "UPDATE funds_paymentbatch SET state = 'checked', checker_id = %s, checker_person_key = 'somebody'",
        world.fund_checker.pk,
        match="somebody else's account",
    )
    payment.batch.refresh_from_db()
    assert payment.batch.state == "draft"
