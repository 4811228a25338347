"""What the bank returns after the rest was given back can be given back, too."""

from audit import clock
from funds import instalments, ledger
from funds import services as funds
from funds.models import Payment, Reservation
from tests.funds.test_ledger import reserve
from tests.world import World


def paid(world: World, made: Reservation) -> Payment:
    batch = funds.open_batch(number="B1", title="", by=world.fund_manager)
    payee = funds.Payee("江正", None, "9999990000000000001", "x", "card", "禾丰农商银行", "nobody")
    payment = funds.list_payment(made, batch, payee, key="p1")
    funds.check_batch(batch, by=world.fund_checker)
    funds.release_batch(batch, by=world.cashier)
    funds.send(payment)
    funds.credit(payment, bank_reference="1", answered_on=clock.today())
    ledger.settle_now()
    return payment


def test_a_part_that_comes_back_after_the_others_were_released_is_released_as_well(world: World) -> None:
    made = reserve(world, 100)
    instalments.plan(made, [instalments.Part(f"{n}", clock.today(), 50) for n in (1, 2)])
    payment = paid(world, made)
    before = ledger.allocation_balances([made.allocation])[made.allocation_id]
    funds.release(made, reason="搬走了")
    funds.claw_back(payment, bank_reference="2", reason="退票", answered_on=clock.today())

    funds.release(made, reason="不再发放")
    ledger.settle_now()

    made.refresh_from_db()
    after = ledger.allocation_balances([made.allocation])[made.allocation_id]
    assert (
        made.released_fen == 100
        and list(made.transfers.filter(kind="release").values_list("amount_fen")) == [(50,)] * 2
    )
    assert (after.allocated_fen - before.allocated_fen, after.committed_fen, after.paid_fen) == (100, 0, 0)
    assert ledger.check().drift_fen == 0
