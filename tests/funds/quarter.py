"""One quarter of the county's care fund, as its bookkeeper would write it down. Yuan; the ledger has fen.

April  15  received 1,000,000; 300,000 each set aside for relief, grants and the elderly
       20  promised 5,000 (case 1, first village) and 3,000 (case 2, other village); both sent; case 1 credited
May     1  April is closed: 995,000 held, of it 3,000 in payment
        6  the bank returns case 2; 7 sent again and credited
        8  the bank returns case 1, reported as credited in April; its paper is of 30 April
       12  received 200,000;  15  50,000 of the grants taken back
June    1  May is closed: 1,197,000 held
        3  case 1 sent again and credited
        5  promised 1,000 (case 3), given back whole
       10  99 received by mistake and reversed;  12  2,000 advanced to the township
       20  10,000 handed back
       30  1,182,000 held, of it 2,000 in the township's hands
"""

import datetime
from typing import Any

from audit.context import acting
from funds import budget, proposals
from funds import services as funds
from funds.models import Allocation, Payment, Period, Transfer
from tests.funds.books import answer, close, on, payment, reserve, settle
from tests.funds.floats import a_float
from tests.world import World

IN_THE_BANK = {"april": 995_000_00, "may": 1_197_000_00, "june": 1_180_000_00}
HELD = {4: 995_000_00, 5: 1_197_000_00}  # at the end of a month


def run(world: World) -> dict[str, Any]:
    """{name: what it was} of the payments and closed months."""
    one, two, april = _april(world)
    with on(5, 6):
        answer(two, "returned")
    with on(5, 7):
        again = payment(world, two.reservation, "credited")
    with on(5, 8):
        answer(one, "clawed back", datetime.date(2026, 4, 30))
    with on(5, 12), acting(world.fund_manager, reason="receive"):
        funds.receive(world.fund, 200_000_00, key="second", document_no="财社〔2026〕7 号")
    with on(5, 15):
        grants = Allocation.objects.get(programme="education_grant")
        _confirmed(world, budget.propose_take_back, grants, 50_000_00)
    with on(6, 1):
        may = close(world, 2026, 5)
    _june(world, one)
    return {"one": one, "two": two, "again": again, "april": april, "may": may}


def _april(world: World) -> tuple[Payment, Payment, Period]:
    with on(4, 20):
        one = payment(world, reserve(world, 5_000_00, "case:1"), "credited")
        two = payment(world, reserve(world, 3_000_00, "case:2", world.other_village))
    with on(5, 1):
        return one, two, close(world, 2026, 4)


def _june(world: World, one: Payment) -> None:
    with on(6, 3):
        payment(world, one.reservation, "credited")
    with on(6, 5):
        given_up = reserve(world, 1_000_00, "case:3")
        funds.release(given_up, reason="不需要了")
    with on(6, 10):
        funds.receive(world.fund, 99_00, key="mistake")
        _confirmed(world, budget.propose_reversal, Transfer.objects.get(key="mistake"))
    with on(6, 12):
        a_float(world, 5_000_00, 2_000_00)
        settle()
    with on(6, 20):
        _confirmed(world, budget.propose_hand_back, world.fund, 10_000_00)


def _confirmed(world: World, propose: Any, *what: Any) -> None:
    made = propose(
        *what, by=world.fund_manager, key=f"{propose.__name__}:{what}"[:80], reason="按文件办", document_no="文 1 号"
    )
    proposals.confirm(made.pk, by=world.fund_checker)
