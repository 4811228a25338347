"""Many clients at once for the last money of a fund, each on a connection of its own: exactly what is there goes out.

spend(attempts=2_000, seed=7)        in transactions of their own
cross(attempts=500, seed=7)          the same two accounts from both sides: nobody waits for nobody
approve(cases=12, seed=7)            one approver in many windows of a running web server
"""

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection, transaction

from audit import clock
from audit.context import acting
from casework.models import CaseEvent
from funds import ledger, services
from funds.errors import FundShort
from funds.models import Reservation
from tests.torture import web
from tests.world import START, load_world

YUAN = 100  # fen
CLIENTS = 64


@dataclass
class Outcome:
    attempts: int = 0
    cap: int = 0  # how many could succeed
    done: int = 0
    refused: int = 0
    odd: Counter = field(default_factory=Counter)  # what nobody should see

    def wrong(self) -> list[str]:
        """What does not hold; nothing on sound books."""
        found = [f"{count} × {what}" for what, count in self.odd.items()]
        if self.done != self.cap:
            found.append(f"{self.done} were committed and there was money for {self.cap}")
        if self.done + self.refused + self.odd.total() != self.attempts:
            found.append(f"{self.attempts} attempts have {self.done + self.refused + self.odd.total()} outcomes")
        checked = ledger.check()
        if checked.drift_fen or checked.negative_accounts:
            found.append(str(checked))
        return found


class Crowd:
    """Clients that begin each round at the same moment. `turn(client, round)` is done by each; FundShort is a refusal."""

    def __init__(self, clients: int, outcome: Outcome) -> None:
        self.clients, self.outcome = clients, outcome
        self.lock = threading.Lock()

    def run(self, rounds: int, turn: Callable[[int, int], None], before: Callable[[int], None] | None = None) -> None:
        gate = threading.Barrier(self.clients + 1)

        def client(number: int) -> None:
            with clock.frozen_at(START):
                for n in range(rounds):
                    gate.wait(120)
                    self._try(turn, number, n)
                    gate.wait(120)
                connection.close()

        threads = [threading.Thread(target=client, args=(number,)) for number in range(self.clients)]
        for thread in threads:
            thread.start()
        for n in range(rounds):
            if before:
                before(n)
            gate.wait(120)
            gate.wait(120)
        for thread in threads:
            thread.join()

    def _try(self, turn: Callable[[int, int], None], number: int, n: int) -> None:
        what = ""
        try:
            turn(number, n)
            done = True
        except FundShort:
            done = False
        except Exception as error:  # noqa: BLE001 - whatever it is, a person would have seen an error page
            what = f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"
        with self.lock:
            self.outcome.attempts += 1
            if what:
                self.outcome.odd[what] += 1
            elif done:
                self.outcome.done += 1
            else:
                self.outcome.refused += 1


def spend(*, attempts: int, seed: int, clients: int = CLIENTS) -> Outcome:
    """Again and again a few yuan come in and everybody wants one of them."""
    dice, world, outcome = random.Random(seed), load_world(), Outcome()
    programme = f"last:{seed}"
    with clock.frozen_at(START):
        fund = services.open_fund(f"LAST-{seed}", "torture", source="fiscal", unit=world.county)

    def before(n: int) -> None:
        yuan = dice.randint(1, max(1, clients // 8))
        outcome.cap += yuan
        with clock.frozen_at(START):
            services.receive(fund, yuan * YUAN, key=f"{programme}:in:{n}")
            services.allocate(
                fund, yuan * YUAN, programme=programme, unit=world.township, year=2026, key=f"{programme}:to:{n}"
            )

    def turn(number: int, n: int) -> None:
        key = f"{programme}:{n}:{number}"
        with transaction.atomic(), acting(world.fund_manager, reason="torture"):
            services.reserve(
                subject=f"case:{key}", key=key, programme=programme, village=world.village, amount_fen=YUAN
            )
            ledger.settle_now()

    Crowd(clients, outcome).run(-(-attempts // clients), turn, before)
    kept = Reservation.objects.filter(programme=programme).count()
    if kept != outcome.done:
        outcome.odd[f"{kept} reservations for {outcome.done} that were promised"] += 1
    return outcome


def cross(*, attempts: int, seed: int, clients: int = 16) -> Outcome:
    """Money from an account and back to it, from both sides at once, of decisions that share nothing else.

    All can be done; who locks in the wrong order meets a deadlock.
    """
    world, outcome = load_world(), Outcome(cap=0)
    programme = f"cross:{seed}"
    with clock.frozen_at(START):
        fund = services.open_fund(f"CROSS-{seed}", "torture", source="fiscal", unit=world.county)
        services.receive(fund, 10**9, key=f"{programme}:in")
        services.allocate(fund, 10**8, programme=programme, unit=world.township, year=2026, key=f"{programme}:to")
    held: dict[int, Reservation] = {}

    def turn(number: int, n: int) -> None:
        """Half of them reserve while the others give back what they reserved in the round before. The commit settles."""
        with transaction.atomic(), acting(world.fund_manager, reason="torture"):
            if (number + n) % 2 == 0:
                key = f"{programme}:{n}:{number}"
                held[number] = services.reserve(
                    subject=key, key=key, programme=programme, village=world.village, amount_fen=1
                )
            elif number in held:
                services.release(held.pop(number), reason="torture")

    rounds = -(-attempts // clients)
    outcome.cap = rounds * clients
    Crowd(clients, outcome).run(rounds, turn)
    return outcome


def approve(*, cases: int, seed: int) -> Outcome:
    """The township's approver decides all cases at once, and there is money for a few of them. Nobody meets an error page."""
    dice, world, outcome = random.Random(seed), load_world(), Outcome(cap=1 + random.Random(seed).randrange(cases // 2))
    with clock.frozen_at(START):
        clock.move_to(START)
        waiting = [world.brought_to("township_decision", amount_fen=200_000).pk for _n in range(cases)]
        left = (
            ledger.payable_fen("disaster_relief", world.village, START)
            - outcome.cap * 200_000
            - dice.randrange(200_000)
        )
        with transaction.atomic():
            services.reserve(
                subject="case:0", key="rest", programme="disaster_relief", village=world.village, amount_fen=left
            )
    door = web.listen()
    with web.serving(door):
        browser = web.Browser(door, world.township_approver)
        forms = [(pk, browser.decision(pk)) for pk in waiting]

        def turn(number: int, n: int) -> None:
            pk, form = forms[number]
            status, _body = browser.ask(f"/township/review/{pk}/", form)
            if status >= 500:
                raise RuntimeError(f"{status} for a decision")
            if not Reservation.objects.filter(subject=f"case:{pk}").exists():
                raise FundShort

        Crowd(cases, outcome).run(1, turn)
    approved = CaseEvent.objects.filter(case_id__in=waiting, action="approve").count()
    if approved != outcome.done:
        outcome.odd[f"{approved} approvals for {outcome.done} reservations"] += 1
    return outcome
