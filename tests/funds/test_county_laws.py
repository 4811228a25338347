"""Parts, providers, cash, recoveries and moved balances: what PostgreSQL refuses by itself, each tried in raw SQL."""

import datetime

import pytest
from django.db import connection, transaction

from audit import clock
from casework import payments
from funds import instalments, ledger, proposals, providers, recoveries
from funds import services as funds
from funds.models import Account, Instalment, Payment, Recovery, Reservation, Transfer
from tests.casework.test_no_dead_ends import answer
from tests.casework.test_whole_way import pay
from tests.funds.test_ledger import INSERT, account, confirmed, refuses, reserve, sql
from tests.world import START, World


def in_parts(world: World, *amounts_fen: int, needs_check: bool = False, key: str = "r1") -> Reservation:
    made = reserve(world, sum(amounts_fen), key=key)
    instalments.plan(made, [instalments.Part(f"{n}", START, fen, needs_check) for n, fen in enumerate(amounts_fen, 1)])
    return made


# --- parts -----------------------------------------------------------------------------------------------------------


def test_parts_are_together_no_more_than_was_decided(world: World) -> None:
    in_parts(world, 60, 40)

    refuses(
        "INSERT INTO funds_instalment (reservation_id, n, label, due_on, amount_fen, needs_check, check_note, cancel_reason)"
        " SELECT reservation_id, 3, 'x', due_on, 1, false, '', '' FROM funds_instalment WHERE n = 1",
        match="more than was decided",
    )
    refuses("UPDATE funds_instalment SET amount_fen = amount_fen + 1", match="not changed")


def test_what_somebody_has_seen_stays(world: World) -> None:
    made = in_parts(world, 60, 40, needs_check=True)
    instalments.check(made.instalments.get(n=1), by=world.township_clerk, note="看过", amount_fen=50)

    for change in ("amount_fen = 40", "check_note = 'x'", "checked_on = '2026-01-01'", "needs_check = false"):
        refuses(f"UPDATE funds_instalment SET {change} WHERE n = 1", match="not changed")


def test_a_part_that_was_cancelled_stays_so(world: World) -> None:
    made = in_parts(world, 60, 40)
    instalments.cancel_unpaid(made, reason="停")

    refuses("UPDATE funds_instalment SET cancelled_on = NULL", match="not changed")


@pytest.mark.parametrize(
    "change", ["amount_fen = amount_fen - 1", "cancelled_on = '2026-04-15', cancel_reason = 'x'", "n = 9"]
)
def test_a_part_that_is_being_paid_stays(world: World, change: str) -> None:
    case = world.brought_to("fund_reserved")
    reservation = Reservation.objects.get(subject=case.subject)
    instalments.plan(reservation, [instalments.Part("一", START, 200_000)])
    payments.build_batch([case.pk], by=world.fund_manager, key="batch-aaaaaaaa")

    refuses(f"UPDATE funds_instalment SET {change}", match="being paid|not changed")


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"instalment": 1, "amount_fen": 59}, {}),
        ({"instalment": 2, "amount_fen": 60}, {}),
        ({"instalment": 3, "amount_fen": 60}, {}),
        ({"instalment": 1, "amount_fen": 60}, {"due_on": "'2026-04-16'"}),
        ({"instalment": 1, "amount_fen": 60}, {"cancelled_on": "'2026-04-15'", "cancel_reason": "'x'"}),
    ],
)
def test_a_payment_is_exactly_a_part_that_is_due(world: World, changes: dict[str, int], parts: dict[str, str]) -> None:
    case = world.brought_to("fund_reserved")
    batch = payments.build_batch([case.pk], by=world.fund_manager, key="batch-aaaaaaaa")
    made = in_parts(world, 60, 40)
    for name, value in parts.items():
        if name == "cancelled_on":
            sql(f"UPDATE funds_instalment SET cancelled_on = {value}, cancel_reason = 'x' WHERE n = 1")
        elif name == "due_on":
            sql(f"UPDATE funds_instalment SET due_on = {value} WHERE n = 1")

    refuses(
        "INSERT INTO funds_payment (uid, key, subject, instalment, amount_fen, state, payee_name, account_sealed, account_index,"
        " account_last4, account_kind, bank, account_recorded_by_key, listed_on, bank_reference, returned_reason, batch_id,"
        " reservation_id) SELECT gen_random_uuid(), 'bad', %s, %s, %s, 'listed', payee_name, account_sealed, account_index,"
        " account_last4, account_kind, bank, account_recorded_by_key, listed_on, '', '', %s, %s FROM funds_payment",
        made.subject,
        changes["instalment"],
        changes["amount_fen"],
        batch.pk,
        made.pk,
        match="no instalment that may be paid",
    )


def test_a_part_that_nobody_looked_at_is_not_paid(world: World) -> None:
    case = world.brought_to("fund_reserved")
    batch = payments.build_batch([case.pk], by=world.fund_manager, key="batch-aaaaaaaa")
    made = in_parts(world, 60, 40, needs_check=True)

    refuses(
        "INSERT INTO funds_payment (uid, key, subject, instalment, amount_fen, state, payee_name, account_sealed, account_index,"
        " account_last4, account_kind, bank, account_recorded_by_key, listed_on, bank_reference, returned_reason, batch_id,"
        " reservation_id) SELECT gen_random_uuid(), 'bad', %s, 1, 60, 'listed', payee_name, account_sealed, account_index,"
        " account_last4, account_kind, bank, account_recorded_by_key, listed_on, '', '', %s, %s FROM funds_payment",
        made.subject,
        batch.pk,
        made.pk,
        match="no instalment that may be paid",
    )


def test_what_is_kept_of_a_decision_in_parts_is_released_once(world: World) -> None:
    made = in_parts(world, 60, 40)
    funds.release(made, reason="停")
    ledger.settle_now()
    funds.release(made, reason="停")

    assert Transfer.objects.filter(reservation=made, kind="release").count() == 1
    assert not Instalment.objects.filter(reservation=made, cancelled_on__isnull=True).exists()
    assert ledger.check().drift_fen == 0


# --- reservations and their money ------------------------------------------------------------------------------------


def test_a_reservation_moves_its_money(world: World) -> None:
    """Kept or given back on paper alone is refused at the commit."""
    made = reserve(world, 100)

    refuses("UPDATE funds_reservation SET released_fen = 1", match="and its money differ")
    refuses(
        "INSERT INTO funds_reservation (key, subject, allocation_id, village_id, programme, amount_fen, released_fen, reserved_on)"
        " VALUES ('paper', 'case:1', %s, %s, 'disaster_relief', 1, 0, '2026-04-15')",
        made.allocation_id,
        world.village.pk,
        match="and its money differ",
    )


@pytest.mark.parametrize(
    "change", ["purpose = 'x'", "person_key = 'x'", "once_key = 'x'", "reserved_on = '2026-04-14'"]
)
def test_what_a_reservation_is_for_stays(world: World, change: str) -> None:
    reserve(world, 100)

    refuses(f"UPDATE funds_reservation SET {change}", match="not changed")


# --- balances --------------------------------------------------------------------------------------------------------


def test_many_entries_of_one_transaction_move_each_account_once(world: World) -> None:
    """And right: in one transaction before and after the balances were asked, and in a savepoint that was undone."""
    before = Account.objects.get(fund=world.fund, kind="available").credit_fen
    with transaction.atomic():
        for n in range(5):
            funds.receive(world.fund, 10, key=f"a{n}")
        with transaction.atomic():
            inner = transaction.savepoint()
            funds.receive(world.fund, 1_000, key="undone")
            transaction.savepoint_rollback(inner)
        funds.receive(world.fund, 7, key="last")

    now = Account.objects.get(fund=world.fund, kind="available")
    assert now.credit_fen == before + 57 and ledger.check().drift_fen == 0


def test_an_entry_under_a_number_of_its_own_choice_is_counted_all_the_same(world: World) -> None:
    """Balances are moved in the order of the numbers, so nobody may choose one."""
    source, available = account("source"), account("available")
    with transaction.atomic(), connection.cursor() as cursor:
        for number, key in ((900_000_000, "high"), (800_000_000, "low")):
            cursor.execute(
                "INSERT INTO funds_transfer (id, key, kind, debit_id, credit_id, amount_fen, subject, reason, document_no,"
                " business_date, recorded_at) VALUES (%s, %s, 'receive', %s, %s, 5, 'fund:1', '', '', '2026-04-15', now())",
                [number, key, source.pk, available.pk],
            )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    assert Transfer.objects.get(key="high").pk < Transfer.objects.get(key="low").pk < 800_000_000
    assert account("available").credit_fen == available.credit_fen + 10 and ledger.check().drift_fen == 0


def test_a_reversal_wants_a_second_person(world: World) -> None:
    original = funds.receive(world.fund, 500, key="mistake")
    row = ("receive", original.credit_id, original.debit_id, 500, "fund:1", None, original.pk, "记错了")

    refuses(INSERT, "mirror", *row, match="not confirmed by a second person")
    confirmed(world)  # something else was confirmed
    refuses(INSERT, "mirror", *row, match="not confirmed by a second person")
    confirmed(world, reverses=original)
    sql(INSERT, "mirror", *row)
    assert ledger.check().drift_fen == 0


def test_what_was_confirmed_once_is_entered_once(world: World) -> None:
    """A confirmed proposal is no licence: not for another amount, another purpose, or a second time."""
    made = confirmed(world)
    assert made.amount_fen == 10**12
    relief, other = account("allocated"), account("allocated", "education_grant")

    refuses(
        INSERT, "x", "deallocate", other.pk, account("available").pk, 1, "fund:1", None, None, "",
        match="not confirmed by a second person",
    )  # fmt: skip
    sql(INSERT, "y", "deallocate", relief.pk, account("available").pk, 1, "fund:1", None, None, "")
    refuses(
        INSERT, "z", "deallocate", relief.pk, account("available").pk, 10**12, "fund:1", None, None, "",
        match="not confirmed by a second person",
    )  # fmt: skip


# --- providers and cash ----------------------------------------------------------------------------------------------


def test_a_provider_is_not_changed_but_recorded_anew(world: World) -> None:
    made = providers.record(
        name="青禾中学",
        kind="school",
        unit=world.county,
        bank="x",
        account_no="9999990000000014",
        by=world.fund_manager,
    )
    providers.check(made, by=world.fund_checker)

    for change in (
        "account_index = 'x'",
        "account_sealed = 'x'",
        "name = 'x'",
        "bank = 'y'",
        "checked_on = '2026-01-01'",
    ):
        refuses(f"UPDATE funds_provider SET {change}", match="recorded anew")


def test_money_goes_to_no_provider_that_nobody_checked(world: World) -> None:
    case = world.brought_to("fund_reserved")
    payments.build_batch([case.pk], by=world.fund_manager, key="batch-aaaaaaaa")
    made = providers.record(
        name="青禾中学",
        kind="school",
        unit=world.county,
        bank="x",
        account_no="9999990000000014",
        by=world.fund_manager,
    )
    listed = Payment.objects.get()
    other = reserve(world, 5, key="other")
    copy = (
        "INSERT INTO funds_payment (uid, key, subject, instalment, amount_fen, state, payee_name, account_sealed, account_index,"
        " account_last4, account_kind, bank, account_recorded_by_key, listed_on, bank_reference, returned_reason, batch_id,"
        " reservation_id, provider_id) SELECT gen_random_uuid(), 'bad', %s, 1, 5, 'listed', %s, account_sealed, %s,"
        " account_last4, account_kind, bank, account_recorded_by_key, listed_on, '', '', batch_id, %s, %s FROM funds_payment"
    )

    refuses(copy, "case:1", made.name, made.account_index, other.pk, made.pk, match="no checked account")
    providers.check(made, by=world.fund_checker)
    refuses(copy, "case:1", made.name, listed.account_index, other.pk, made.pk, match="no checked account")
    refuses(copy, "case:1", "别人", made.account_index, other.pk, made.pk, match="no checked account")


def test_a_list_does_not_turn_from_bank_to_cash(world: World) -> None:
    case = world.brought_to("fund_reserved")
    payments.build_batch([case.pk], by=world.fund_manager, key="batch-aaaaaaaa")

    refuses("UPDATE funds_paymentbatch SET cash_reason = 'x'", match="from bank to cash")


def test_cash_does_not_arrive_by_itself(world: World) -> None:
    case = world.brought_to("fund_reserved")
    batch = payments.build_batch([case.pk], by=world.fund_manager, key="batch-aaaaaaaa", cash_reason="没有账户")
    payments.check_batch(batch.pk, by=world.fund_checker, key="c")
    payments.release_batch(batch.pk, by=world.cashier, key="r")

    refuses("UPDATE funds_payment SET state = 'credited'", match="not handed over by two persons")


# --- what comes back -------------------------------------------------------------------------------------------------


def test_what_was_credited_comes_back_with_its_money_or_not_at_all(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")

    refuses("UPDATE funds_payment SET state = 'returned', returned_reason = 'x'", match="no money moved")
    payment = Payment.objects.select_related("batch", "reservation__allocation").get()
    with transaction.atomic():
        funds.claw_back(payment, bank_reference="T1", reason="已销户", answered_on=START)
        ledger.settle_now()
    assert Payment.objects.get().state == "returned" and ledger.check().drift_fen == 0
    refuses("UPDATE funds_payment SET state = 'credited'", match="does not go from")


def owed(world: World) -> Recovery:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    return recoveries.begin(Reservation.objects.get(), owed_fen=150_000, reason="错付")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("recovered_fen = 1", "money differ"),
        ("written_off_fen = 1", "not changed like this"),
        ("owed_fen = 1", "not changed like this"),
        ("subject = 'case:0'", "not changed like this"),
        ("begun_on = '2026-01-01'", "not changed like this"),
    ],
)
def test_a_debt_goes_down_by_money_or_by_two_persons_alone(world: World, change: str, words: str) -> None:
    owed(world)

    refuses(f"UPDATE funds_recovery SET {change}", match=words)


def test_a_debt_in_parts_ends_when_the_last_fen_is_back_or_written_off(world: World) -> None:
    debt = owed(world)
    recoveries.record(debt.pk, 100_000, key="first", document_no="收据 1")
    assert recoveries.record(debt.pk, 100_000, key="first").key == "first"  # the same slip twice
    made = recoveries.propose_write_off(
        Recovery.objects.get(pk=debt.pk),
        50_000,
        by=world.fund_manager,
        key="w",
        reason="亡故",
        document_no="县〔2026〕2号",
    )
    proposals.confirm(made.pk, by=world.fund_checker)

    debt = Recovery.objects.get(pk=debt.pk)
    assert (debt.recovered_fen, debt.written_off_fen, debt.ended_on) == (100_000, 50_000, START)
    balance = ledger.allocation_balances([debt.reservation.allocation])[debt.reservation.allocation_id]
    assert balance.paid_fen == 100_000 and ledger.check().drift_fen == 0


def test_what_two_persons_wrote_off_once_is_not_written_off_again(world: World) -> None:
    debt = owed(world)
    made = recoveries.propose_write_off(
        debt, 1, by=world.fund_manager, key="w", reason="零头", document_no="县〔2026〕2号"
    )
    proposals.confirm(made.pk, by=world.fund_checker)

    refuses("UPDATE funds_recovery SET written_off_fen = 2", match="not changed like this")

    assert Recovery.objects.get(pk=debt.pk).written_off_fen == 1


def test_what_comes_late_is_entered_in_the_month_that_is_open(world: World) -> None:
    """Paid in April; April is closed in May; the bank takes it back in May. April stays as it was."""
    from funds import periods

    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    with clock.frozen_at(datetime.date(2026, 5, 4)):
        clock.move_to(clock.today())
        closing = periods.propose_closing(world.county, 2026, 4, by=world.fund_manager, key="close", reason="月结")
        proposals.confirm(closing.pk, by=world.fund_checker)
        payment = Payment.objects.select_related("batch", "reservation__allocation").get()
        with transaction.atomic():
            funds.claw_back(payment, bank_reference="T1", reason="已销户", answered_on=datetime.date(2026, 4, 30))
            ledger.settle_now()

    late = Transfer.objects.get(kind="clawback")
    assert (late.business_date, late.payment) == (datetime.date(2026, 5, 4), payment)
    assert periods.changed_periods() == [] and ledger.check().drift_fen == 0
