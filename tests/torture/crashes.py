"""PostgreSQL itself is killed under load, on a server of its own with fsync and synchronous commits.

    crash(crashes=5, seed=7)

Whoever was told "done" finds it there afterwards. Whoever was told nothing asks again with the same key: what had been
committed is found, what had not is done now, and neither is there twice.
"""

import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import IntegrityError, InterfaceError, OperationalError, connection, connections, transaction

from audit import clock
from audit.context import acting
from casework import embedded_postgres as embedded
from casework.acting import act
from casework.embedded_postgres import Database, server
from casework.embedded_postgres.place import Place, place_of
from casework.models import CaseEvent
from funds import ledger, services
from funds.models import Reservation, Transfer
from tests.torture import scratch
from tests.world import START, World, load_world

FEN = 700
PROGRAMME = "crash"


@dataclass
class Crashed:
    crashes: int = 0
    acknowledged: int = 0
    unknown: int = 0  # asked, and the server died before it answered
    found: int = 0  # of these: had been committed
    seconds: float = 0.0
    longest_recovery: float = 0.0
    wrong: list[str] = field(default_factory=list)


@contextmanager
def own_server() -> Iterator[Path]:
    """Within the block Django works on a copy of its database, on a server of its own that may be killed; its data folder."""
    usual, options = dict(connection.settings_dict), os.environ.pop("PGOPTIONS", None)
    with tempfile.TemporaryDirectory(prefix="casework-torture-", dir="/tmp") as folder:
        data = Path(folder) / "data"
        Path(folder).chmod(0o755)
        data.mkdir()
        embedded.start(data)
        try:
            there = embedded.django_database(data)
            connections.close_all()
            file = embedded.backup(Database.of_django(usual), data)["path"]
            embedded.restore(Database.of_django(there), data, Path(file), yes=True)
            connection.settings_dict.update(there)
            yield data
        finally:
            connections.close_all()
            connection.settings_dict.update(usual)
            scratch.forget()
            if options is not None:
                os.environ["PGOPTIONS"] = options
            embedded.stop(data)
            scratch.remove(place_of(data).home)


def kill_9(place: Place) -> None:
    """Every process of that server at once, as when the power goes."""
    server._end_processes(place)


class Client:
    """Asks for one thing after the other, and for the same thing again when it was not answered."""

    def __init__(self, number: int, run: "Run") -> None:
        self.number, self.run = number, run

    def live(self) -> None:
        with clock.frozen_at(START):
            n = 0
            while not self.run.over.is_set():
                n += 1
                self.insist(f"crash:{self.number}:{n}", self.run.pay)
            connection.close()

    def insist(self, key: str, do: Callable[[str], Any]) -> None:
        asked = 0
        while True:
            try:
                with acting(self.run.world.fund_manager, reason="torture"):
                    had_been_done = do(key)
                break
            except (OperationalError, InterfaceError):
                asked += 1
                connection.close()
                time.sleep(0.02)
        with self.run.lock:
            self.run.done.append(key)
            self.run.crashed.unknown += bool(asked)
            self.run.crashed.found += bool(asked and had_been_done)


class Run:
    def __init__(self, crashed: Crashed) -> None:
        self.crashed, self.world = crashed, load_world()
        self.over, self.lock, self.done = threading.Event(), threading.Lock(), []

    def pay(self, key: str) -> bool:
        """Decide and keep the money; True when its key says that this had been done."""
        try:
            with transaction.atomic():
                services.reserve(
                    subject=f"case:{key}", key=key, programme=PROGRAMME, village=self.world.village, amount_fen=FEN
                )
                ledger.settle_now()
        except IntegrityError:
            kept = Reservation.objects.get(key=key)
            if kept.amount_fen != FEN:
                raise
            return True
        return False


class Approver(Client):
    """The same through act(): a case at a time, each with one key."""

    def __init__(self, cases: list[int], run: Run) -> None:
        super().__init__(-1, run)
        self.cases = cases

    def live(self) -> None:
        with clock.frozen_at(START):
            for pk in self.cases:
                if not self.run.over.wait(0.2):
                    self.insist(f"approve:{pk}", lambda key, pk=pk: self.approve(pk, key))
            connection.close()

    def approve(self, pk: int, key: str) -> bool:
        before = CaseEvent.objects.filter(key=key).exists()
        act(pk, "approve", by=self.run.world.township_approver, key=key)
        return before


def crash(*, crashes: int, seed: int, clients: int = 6, cases: int = 8) -> Crashed:
    dice, began, crashed = random.Random(seed), time.monotonic(), Crashed()
    with own_server() as data:
        run = Run(crashed)
        with clock.frozen_at(START):
            waiting = prepare(run.world, cases)
        people = [Approver(waiting, run), *(Client(number, run) for number in range(clients))]
        threads = [threading.Thread(target=person.live) for person in people]
        for thread in threads:
            thread.start()
        while crashed.crashes < crashes:
            time.sleep(dice.uniform(0.3, 1.2))
            kill_9(place_of(data))
            crashed.crashes += 1
            died = time.monotonic()
            embedded.start(data)
            crashed.longest_recovery = max(crashed.longest_recovery, time.monotonic() - died)
        time.sleep(0.3)
        run.over.set()
        for thread in threads:
            thread.join()
        connection.close()  # this one died with its server
        crashed.acknowledged = len(run.done)
        crashed.wrong = wrong(run.done)
    crashed.seconds = time.monotonic() - began
    return crashed


def prepare(world: World, cases: int) -> list[int]:
    """Money for the clients, and cases that wait for the approver."""
    fund = services.open_fund("CRASH", "torture", source="fiscal", unit=world.county)
    services.receive(fund, 10**12, key="crash:in")
    services.allocate(fund, 10**12, programme=PROGRAMME, unit=world.township, year=2026, key="crash:to")
    return [world.brought_to("township_decision", amount_fen=200_000).pk for _n in range(cases)]


def wrong(acknowledged: list[str]) -> list[str]:
    """Acknowledged things that are gone, and anything that is there twice or unasked."""
    found = []
    there = dict(Reservation.objects.filter(programme=PROGRAMME).values_list("key", "amount_fen"))
    approved = list(CaseEvent.objects.filter(key__startswith="approve:").values_list("key", flat=True))
    told = set(acknowledged)
    if lost := told - set(there) - set(approved):
        found.append(f"{len(lost)} acknowledged payments are lost, for example {min(lost)}")
    if more := (set(there) | set(approved)) - told:
        found.append(f"{len(more)} payments that nobody was told of, for example {min(more)}")
    moved = Transfer.objects.filter(reservation__programme=PROGRAMME)
    if moved.count() != len(there) or sum(moved.values_list("amount_fen", flat=True)) != len(there) * FEN:
        found.append(f"{moved.count()} transfers for {len(there)} decisions")
    for key in approved:
        count = Reservation.objects.filter(subject=f"case:{key.removeprefix('approve:')}").count()
        if count != 1:
            found.append(f"{key}: {count} reservations")
    checked = ledger.check()
    return found + ([str(checked)] if checked.drift_fen or checked.negative_accounts else [])
