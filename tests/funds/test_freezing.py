"""After a restore payments stand still, until the bank was asked and two persons lift it."""

import datetime
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone

from audit.verify import verify
from casework.database.laws import changed_laws
from funds import bank_balance, bulk, freezing, proposals
from funds import services as funds
from funds.errors import NotYours, PaymentsFrozen, SamePerson, WrongProposal
from funds.models import Payment, PaymentBatch, PaymentFreeze, Transfer
from tests.funds.books import answer, on, payment, reserve, settle, sql
from tests.funds.test_bank_balance import an_account, prepared, stated
from tests.funds.test_payment_laws import listed
from tests.world import START, World

DAY = START
BEFORE = datetime.timedelta(days=-1)


def frozen(world: World) -> PaymentFreeze:
    return freezing.freeze(source="casework-20260415.tar.gz", at=timezone.now())


def checked(world: World) -> Payment:
    made = listed(world)
    funds.check_batch(made.batch, by=world.fund_checker)
    return made


def reconciled(world: World, day: datetime.date = DAY, *, account: Any = None, key: str = "k") -> None:
    account = account or an_account(world)
    sheet = prepared(world, stated(world, account, day, bank_balance.books_fen(account, day)), key=key)
    bank_balance.review(sheet.pk, by=world.fund_checker)


def lifting(world: World, key: str = "lift") -> Any:
    return freezing.propose_lifting(world.county, by=world.fund_manager, key=key, reason="和银行对过账")


def refuses(statement: str, match: str, *params: Any) -> None:
    with pytest.raises(DatabaseError, match=match):
        sql(statement, *params)


def test_nothing_is_released_after_a_restore(world: World) -> None:
    made = checked(world)
    frozen(world)

    with pytest.raises(PaymentsFrozen, match="先和银行对账"):
        funds.release_batch(made.batch, by=world.cashier)

    assert PaymentBatch.objects.get(pk=made.batch_id).state == "checked"
    assert made.batch.history.filter(state="released").count() == 0


def test_nothing_that_was_released_before_is_sent(world: World) -> None:
    made = checked(world)
    funds.release_batch(made.batch, by=world.cashier)
    frozen(world)

    for send in (lambda: funds.send(made), lambda: bulk.send_many(made.batch)):
        with pytest.raises(PaymentsFrozen):
            send()

    assert Payment.objects.get(pk=made.pk).state == "listed"
    assert not Transfer.objects.filter(kind="send", payment=made).exists()


def test_the_banks_answers_are_taken_meanwhile(world: World) -> None:
    made = payment(world, reserve(world, 5_000, "case:1"))
    frozen(world)

    answer(made, "credited")
    settle()

    assert Payment.objects.get(pk=made.pk).state == "credited"


def test_postgresql_refuses_as_well(world: World) -> None:
    made = checked(world)
    frozen(world)

    person = world.cashier
    refuses(
        "UPDATE funds_paymentbatch SET state = 'released', releaser_id = %s, releaser_person_key = %s, released_on = %s"
        " WHERE id = %s",
        "payments are frozen", person.pk, person.person_key, DAY, made.batch_id,
    )  # fmt: skip
    refuses("UPDATE funds_payment SET state = 'sent', sent_on = %s WHERE id = %s", "payments are frozen", DAY, made.pk)


def test_lifting_takes_a_reconciliation_and_two_persons(world: World) -> None:
    made = checked(world)
    found = frozen(world)
    reconciled(world)

    proposal = lifting(world)
    with pytest.raises(SamePerson):
        proposals.confirm(proposal.pk, by=world.fund_manager)
    assert freezing.open_freezes().exists()
    proposals.confirm(proposal.pk, by=world.fund_checker)

    found.refresh_from_db()
    assert (found.lifted_on, found.proposal_id) == (DAY, proposal.pk)
    assert [row.proposal_id for row in found.history.order_by("history_id")] == [None, proposal.pk]
    funds.release_batch(made.batch, by=world.cashier)
    assert PaymentBatch.objects.get(pk=made.batch_id).state == "released"


def test_without_an_account_nothing_can_be_reconciled(world: World) -> None:
    frozen(world)

    with pytest.raises(WrongProposal, match="还没有登记银行账户"):
        lifting(world)


@pytest.mark.parametrize(
    "what", ["written before the restore", "of an earlier day", "of one account of two", "not reviewed"]
)
def test_a_sheet_that_says_too_little_does_not_lift(world: World, what: str) -> None:
    account = an_account(world)
    if what == "written before the restore":
        reconciled(world, account=account)
    frozen(world)
    if what == "of an earlier day":
        reconciled(world, DAY + BEFORE, account=account)
    if what == "of one account of two":
        reconciled(world, account=account)
        bank_balance.record_account(
            unit=world.county, name="另一户", bank="禾丰农商银行", account_no="9999990000000099999",
            opened_on=datetime.date(2026, 1, 1), by=world.fund_manager,
        )  # fmt: skip
    if what == "not reviewed":
        prepared(world, stated(world, account, DAY, bank_balance.books_fen(account, DAY)))

    with pytest.raises(WrongProposal, match="调节表"):
        lifting(world)


def test_a_second_restore_is_not_lifted_by_an_older_proposal(world: World) -> None:
    frozen(world)
    account = an_account(world)
    reconciled(world, account=account)
    proposal = lifting(world)
    with on(4, 16):
        frozen(world)
        reconciled(world, datetime.date(2026, 4, 16), account=account, key="again")

        with pytest.raises(WrongProposal, match="又恢复过一次"):
            proposals.confirm(proposal.pk, by=world.fund_checker)

    assert freezing.open_freezes().count() == 2


def test_lifting_is_proposed_once(world: World) -> None:
    frozen(world)
    reconciled(world)
    lifting(world)

    with pytest.raises(WrongProposal, match="正等第二个人"):
        lifting(world, key="again")


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("DELETE FROM funds_paymentfreeze", "lifted, not deleted"),
        ("UPDATE funds_paymentfreeze SET frozen_on = '2026-01-01'", "stays as it was written"),
        ("UPDATE funds_paymentfreeze SET last_reconciliation = -1", "stays as it was written"),
        ("UPDATE funds_paymentfreeze SET lifted_on = '2026-04-15'", "lifted by two persons"),
        (
            "UPDATE funds_paymentfreeze SET lifted_on = '2026-04-15', proposal_id = (SELECT max(id) FROM funds_proposal)",
            "lifted by two persons",
        ),
    ],
)
def test_no_client_lifts_a_freeze(world: World, statement: str, match: str) -> None:
    frozen(world)
    reconciled(world)
    lifting(world)  # proposed, not confirmed

    refuses(statement, match)

    assert freezing.open_freezes().count() == 1


def test_a_confirmed_proposal_alone_does_not_lift_in_raw_sql(world: World) -> None:
    frozen(world)
    reconciled(world)
    proposal = lifting(world)
    proposals.confirm(proposal.pk, by=world.fund_checker)
    with on(4, 16):
        frozen(world)

    refuses(
        "UPDATE funds_paymentfreeze SET lifted_on = '2026-04-16', proposal_id = %s WHERE proposal_id IS NULL",
        "the bank was not asked", proposal.pk,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value", "law"),
    [("lifted_on", "2026-04-15", "freeze_lifted_by_a_proposal"), ("source", "", "freeze_names_its_backup")],
)
def test_a_freeze_is_written_whole(world: World, column: str, value: str, law: str) -> None:
    frozen(world)

    others = "restored_at, frozen_on, last_reconciliation" + ("" if column == "source" else ", source")
    refuses(
        f"INSERT INTO funds_paymentfreeze ({others}, {column}) SELECT {others}, %s FROM funds_paymentfreeze", law, value
    )


def test_the_auditor_sees_when_the_law_is_gone_or_off(world: World) -> None:
    assert not list(changed_laws())
    sql("DROP TRIGGER funds_frozen ON funds_payment")
    sql("ALTER TABLE funds_paymentfreeze DISABLE TRIGGER funds_lifted_once")

    assert {(problem.table, problem.message.split("：")[1]) for problem in changed_laws()} == {
        ("funds_payment", "trigger funds_frozen"),
        ("funds_paymentfreeze", "trigger funds_lifted_once"),
    }


def test_a_freeze_stands_in_the_trail(world: World) -> None:
    frozen(world)
    settle()

    assert verify().problems == []


def test_whoever_makes_no_payments_proposes_nothing(world: World) -> None:
    frozen(world)
    reconciled(world)

    with pytest.raises(NotYours):
        freezing.propose_lifting(world.county, by=world.village_clerk, key="x", reason="想付")
