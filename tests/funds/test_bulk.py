"""The verbs for long lists leave what the single ones leave, and are refused what those are refused."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, models, transaction

from access import vault
from audit.context import acting
from audit.models import Entry
from audit.verify import verify
from funds import budget, bulk, imprest, instalments, ledger
from funds import services as funds
from funds.errors import Earmarked, FundShort, NoFund, WrongPaymentState
from funds.models import Payment, PaymentBatch, Reservation, Transfer
from tests.funds.floats import a_float, decided, handed_out
from tests.world import START, World

MANY = 130  # more than a hundred rows are chained as a set


def payee(n: int, recorded_by: str = "somebody") -> funds.Payee:
    number = f"999999{n:013d}"
    return funds.Payee(
        name=f"江正{n}",
        person_key=f"person-{n}",
        account_no=number,
        account_index=vault.blind_index("account", number),
        account_kind="card",
        bank="禾丰农商银行",
        recorded_by_key=recorded_by,
    )


def wanted(world: World, prefix: str, count: int = MANY, fen: int = 300) -> list[bulk.Wanted]:
    return [
        bulk.Wanted(f"{prefix}:{n}", world.village, fen + n, person_key=f"person-{n}", once_key=f"{prefix}-once-{n}")
        for n in range(1, count + 1)
    ]


def reserved(world: World, prefix: str = "roster:1", count: int = MANY, **more: Any) -> list[int]:
    ids = bulk.reserve_many(wanted(world, prefix, count, **more), programme="disaster_relief")
    ledger.settle_now()
    return ids


def batch_of(world: World, number: str = "B1") -> PaymentBatch:
    return funds.open_batch(number=number, title="春节慰问", by=world.fund_manager)


def listed(world: World, prefix: str = "roster:1", count: int = MANY) -> PaymentBatch:
    batch = batch_of(world, prefix)
    ids = reserved(world, prefix, count)
    bulk.list_many((bulk.Listing(pk, payee(n), f"{prefix}:{n}:pay:1") for n, pk in enumerate(ids, start=1)), batch)
    return batch


def released(world: World, batch: PaymentBatch) -> PaymentBatch:
    funds.check_batch(batch, by=world.fund_checker)
    funds.release_batch(batch, by=world.cashier)
    return batch


def sent(world: World, prefix: str = "roster:1", count: int = MANY) -> list[Payment]:
    batch = released(world, listed(world, prefix, count))
    bulk.send_many(batch)
    ledger.settle_now()
    return list(batch.payments.order_by("pk"))


def by_many(world: World) -> None:
    with acting(world.cashier, reason="test"):
        payments = sent(world, "many")
        bulk.credit_many(bulk.Credited(row.pk, f"H{n}", START) for n, row in enumerate(payments[:-4]))
        bulk.bounce_many(bulk.Bounced(row.pk, "R", "户名不符", START) for row in payments[-4:-1])
        bulk.lose_many([payments[-1].pk])
        bulk.release_many([row.reservation_id for row in payments[-4:-1]], reason="不再发放")
        ledger.settle_now()


def one_by_one(world: World) -> None:
    with acting(world.cashier, reason="test"):
        batch = batch_of(world, "single")
        made = [
            funds.reserve(
                subject=one.key,
                key=one.key,
                programme="disaster_relief",
                village=one.village,
                amount_fen=one.amount_fen,
                person_key=one.person_key,
                once_key=one.once_key,
            )
            for one in wanted(world, "single")
        ]
        rows = [
            funds.list_payment(reservation, batch, payee(n), key=f"single:{n}:pay:1")
            for n, reservation in enumerate(made, start=1)
        ]
        released(world, batch)
        for row in rows:
            row.batch = batch
            funds.send(row)
        for n, row in enumerate(rows[:-4]):
            funds.credit(row, bank_reference=f"H{n}", answered_on=START)
        for row in rows[-4:-1]:
            funds.bounce(row, bank_reference="R", reason="户名不符", answered_on=START)
        funds.lose(rows[-1])
        for row in rows[-4:-1]:
            funds.release(row.reservation, reason="不再发放")
        ledger.settle_now()


# What differs between any two rows that say the same.
OWN = {"id", "uid", "history_id", "history_date", "recorded_at", "account_sealed"}
LEADS_TO = {"reservation_id", "payment_id", "batch_id"}


def rows_of(model: type[models.Model], prefix: str) -> list[dict[str, Any]]:
    rows = model.objects.filter(subject__startswith=f"{prefix}:").values()
    return sorted(
        (
            {
                name: str(value).replace(prefix, "") if name in ("key", "subject", "once_key") else value
                for name, value in row.items()
                if name not in OWN | LEADS_TO
            }
            for row in rows
        ),
        key=lambda row: sorted((name, str(value)) for name, value in row.items()),
    )


@pytest.mark.parametrize(
    "model",
    [Reservation, Reservation.history.model, Payment, Payment.history.model, Transfer],
    ids=lambda m: m.__name__,
)
def test_a_list_and_single_payments_leave_equal_rows(world: World, model: type[models.Model]) -> None:
    by_many(world)
    one_by_one(world)

    many = rows_of(model, "many")
    assert len(many) >= MANY
    assert many == rows_of(model, "single")


def test_a_list_and_single_payments_leave_equal_chains(world: World) -> None:
    by_many(world)
    one_by_one(world)

    def chains(prefix: str) -> dict[str, list[tuple[int, str]]]:
        found: dict[str, list[tuple[int, str]]] = {}
        for stream, n, table in (
            Entry.objects.filter(stream__startswith=f"{prefix}:").order_by("id").values_list("stream", "n", "table")
        ):
            found.setdefault(stream.removeprefix(prefix), []).append((n, table))
        return found

    assert len(chains("many")) == MANY
    assert chains("many") == chains("single")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = on")  # a list ends with its transaction; here the test goes on in it
    assert not verify().problems


def test_a_list_moves_the_balances_as_single_payments_do(world: World) -> None:
    def moved(step: Callable[[World], None]) -> ledger.Balance:
        with transaction.atomic():
            step(world)
            allocation = Reservation.objects.latest("pk").allocation
            balance = ledger.allocation_balances([allocation])[allocation.pk]
            assert ledger.check().drift_fen == 0
            transaction.set_rollback(True)
        return balance

    assert moved(by_many) == moved(one_by_one)


def test_an_account_number_of_a_list_opens_in_its_own_row_alone(world: World) -> None:
    one, other = sent(world, count=2)

    assert vault.unseal(one.account_sealed, row=one.account_row) == payee(1).account_no
    with pytest.raises(Exception, match="does not belong to its row"):
        vault.unseal(one.account_sealed, row=other.account_row)


def test_each_line_takes_the_nearest_money_that_is_still_enough_as_one_by_one(world: World) -> None:
    funds.allocate(world.fund, 1_000, programme="disaster_relief", unit=world.village, year=2026, key="near")

    ids = reserved(world, count=5, fen=400)

    funds_of = [Reservation.objects.get(pk=pk).allocation.unit_id for pk in ids]
    assert funds_of == [world.village.pk] * 2 + [world.township.pk] * 3


def test_parts_of_a_planned_decision_are_listed_as_they_are_due(world: World) -> None:
    (pk,) = reserved(world, count=1, fen=999)
    reservation = Reservation.objects.get(pk=pk)
    instalments.plan(reservation, [instalments.Part("1", START, 400), instalments.Part("2", START, 600)])

    bulk.list_many([bulk.Listing(pk, payee(1), "x")], batch_of(world))

    payment = Payment.objects.get(key="x")
    assert (payment.instalment, payment.amount_fen) == (1, 400)


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_list_that_there_is_no_money_for_reserves_nothing(world: World) -> None:
    with pytest.raises(FundShort), transaction.atomic():
        reserved(world, count=3, fen=11_000_000)

    assert not Reservation.objects.filter(key__startswith="roster:1:").exists()
    assert not Transfer.objects.filter(key__startswith="roster:1:").exists()


def test_a_list_without_an_allocation_says_so(world: World) -> None:
    with pytest.raises(NoFund):
        bulk.reserve_many(wanted(world, "roster:1", 1), programme="visit_condolence")


def test_an_earmarked_fund_refuses_a_list_in_words(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fund = funds.open_fund("ILL", "医疗", source="raised", unit=world.county, purposes=["illness"])
    funds.receive(fund, 10_000, key="ill")
    allocation = funds.allocate(
        fund, 10_000, programme="disaster_relief", unit=world.township, year=2026, key="ill:allocate"
    )
    monkeypatch.setattr(ledger, "payable_allocations", lambda *_args, **_more: [(allocation.pk, fund.pk, 10_000)])

    with pytest.raises(Earmarked), transaction.atomic():
        bulk.reserve_many(wanted(world, "roster:1", 1), programme="disaster_relief")


def test_what_may_be_decided_once_is_refused_in_a_list_too(world: World) -> None:
    same = [bulk.Wanted(f"roster:1:{n}", world.village, 100, once_key="twice") for n in (1, 2)]

    with pytest.raises(Exception, match="已经批过一次"), transaction.atomic():
        bulk.reserve_many(same, programme="disaster_relief")


def test_a_line_is_not_paid_twice_at_once(world: World) -> None:
    batch = listed(world, count=2)
    pk = Reservation.objects.get(key="roster:1:1").pk

    with pytest.raises(DatabaseError, match="one_living_payment_an_instalment|payment_within"), transaction.atomic():
        bulk.list_many([bulk.Listing(pk, payee(1), "again")], batch)


def test_a_checked_batch_takes_no_more_lines(world: World) -> None:
    batch = listed(world, count=2)
    funds.check_batch(batch, by=world.fund_checker)

    with pytest.raises(WrongPaymentState):
        bulk.list_many([], batch)


def test_a_list_is_sent_by_a_released_batch_alone(world: World) -> None:
    batch = listed(world, count=2)
    with pytest.raises(WrongPaymentState):
        bulk.send_many(batch)
    batch.state = PaymentBatch.State.RELEASED  # in memory only

    with pytest.raises(DatabaseError, match="not in a released batch"), transaction.atomic():
        bulk.send_many(batch)


def test_who_wrote_down_an_account_does_not_release_the_list(world: World) -> None:
    batch = batch_of(world)
    (pk,) = reserved(world, count=1)
    bulk.list_many([bulk.Listing(pk, payee(1, world.cashier.person_key), "x")], batch)
    funds.check_batch(batch, by=world.fund_checker)

    with pytest.raises(Exception, match="你登记的账户"):
        funds.release_batch(batch, by=world.cashier)


def test_what_is_not_with_the_bank_is_not_answered_and_nothing_of_its_set_is(world: World) -> None:
    one, other = sent(world, count=2)
    bulk.credit_many([bulk.Credited(one.pk, "H", START)])
    ledger.settle_now()

    for answer in (
        lambda: bulk.credit_many([bulk.Credited(other.pk, "H", START), bulk.Credited(one.pk, "H", START)]),
        lambda: bulk.bounce_many(
            [bulk.Bounced(other.pk, "H", "销户", START), bulk.Bounced(one.pk, "H", "销户", START)]
        ),
        lambda: bulk.lose_many([other.pk, one.pk]),
    ):
        with pytest.raises(WrongPaymentState, match=f"{one.key} 现在是「已到账」"), transaction.atomic():
            answer()

    assert Payment.objects.get(pk=other.pk).state == "sent"
    assert Transfer.objects.filter(payment=other).count() == 1


def test_money_under_way_is_not_given_back(world: World) -> None:
    payments = sent(world, count=2)

    with pytest.raises(WrongPaymentState):
        bulk.release_many([row.reservation_id for row in payments], reason="撤回")


def test_what_comes_back_after_a_list_was_released_is_given_back_as_well(world: World) -> None:
    (made,) = reserved(world, count=1, fen=299)
    reservation = Reservation.objects.get(pk=made)
    instalments.plan(reservation, [instalments.Part(f"第 {n} 期", START, 150) for n in (1, 2)])
    batch = batch_of(world)
    payment = funds.list_payment(reservation, batch, payee(1), key="p1")
    released(world, batch)
    bulk.send_many(batch)
    bulk.credit_many([bulk.Credited(payment.pk, "H", START)])
    bulk.release_many([made], reason="不再发放")
    payment = Payment.objects.get(pk=payment.pk)
    funds.claw_back(payment, bank_reference="R", reason="退票", answered_on=START)

    assert bulk.release_many([made], reason="不再发放") == 1
    ledger.settle_now()

    reservation.refresh_from_db()
    assert reservation.released_fen == reservation.amount_fen == 300
    assert list(reservation.transfers.filter(kind="release").values_list("amount_fen", flat=True)) == [150, 150]


def test_a_list_gives_nothing_back_that_a_township_has_handed_out(world: World) -> None:
    box, reservation, settled = a_float(world), decided(world, 1_000), decided(world, 2_000, "case:900002")
    handed_out(world, box, reservation)
    handed_out(world, box, settled)
    imprest.accept(settled.subject)

    with pytest.raises(WrongPaymentState, match="备用金"):
        bulk.release_many([reservation.pk], reason="不再发放")

    assert bulk.release_many([settled.pk], reason="不再发放") == 0
    assert imprest.accept(reservation.subject) == 1_000
    ledger.settle_now()


def test_a_returned_line_goes_out_again_in_place_of_the_first(world: World) -> None:
    first, _other = sent(world, count=2)
    bulk.bounce_many([bulk.Bounced(first.pk, "R", "销户", START)])
    again = batch_of(world, "B2")

    bulk.list_many([bulk.Listing(first.reservation_id, payee(7), "roster:1:1:pay:2", replaces_id=first.pk)], again)

    payment = Payment.objects.get(key="roster:1:1:pay:2")
    assert (payment.replaces, payment.amount_fen, payment.state) == (first, first.amount_fen, "listed")


def test_a_long_list_costs_the_same_statements_a_line_or_a_thousand(world: World) -> None:
    def statements(count: int) -> int:
        with connection.execute_wrapper(seen := _Count()):
            reserved(world, f"roster:{count}", count)
        return seen.n

    statements(1)
    assert statements(2) == statements(400)


class _Count:
    n = 0

    def __call__(self, execute: Any, *args: Any) -> Any:
        self.n += 1
        return execute(*args)


def test_budget_knows_what_a_list_holds(world: World) -> None:
    """What a list promises cannot be taken back from its allocation."""
    (pk, *_rest) = reserved(world, count=2, fen=10_000_000)
    allocation = Reservation.objects.get(pk=pk).allocation

    with pytest.raises(FundShort):
        budget.propose_take_back(allocation, 20_000_000, by=world.fund_manager, key="k", reason="收回")
