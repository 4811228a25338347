"""kill -9, again and again, while money is on its way; afterwards nothing is lost and nothing went out twice.

kill_workers(kills=300, seed=7)          the worker that empties the outbox and is the relay to the bank
kill_web(kills=40, seed=7)               the web server, while an approver presses buttons and her browser tries again
"""

import random
import threading
import time
from dataclasses import dataclass, field

from django.db import connection

from audit import clock
from casework.models import CaseEvent
from funds import ledger
from funds.models import Reservation, Transfer
from tests.torture import disburse, web
from tests.torture.nursery import Nursery
from tests.world import START, load_world


@dataclass
class Fallen:
    kills: int = 0
    in_hand: int = 0  # kills that met work under way
    acknowledged: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


def kill_workers(*, kills: int, seed: int, payments: int | None = None) -> Fallen:
    """Two workers at a time, one of them killed at a random moment, until so many have died; then the rest is finished."""
    dice, began, fallen = random.Random(seed), time.monotonic(), Fallen()
    payments = payments or max(4, kills // 4)
    with Nursery({"worker": disburse.work}) as nursery:
        disburse.prepare(payments)
        workers = [nursery.start("worker"), nursery.start("worker")]
        while fallen.kills < kills:
            if fallen.kills % 6 == 0 and _bank_was_told():  # now it knows, and we do not yet know that it does
                fallen.in_hand += 1
                doomed, workers = workers, []
            else:
                is_at_work = _work_begins()
                time.sleep(dice.uniform(0, 0.08))
                fallen.in_hand += is_at_work
                doomed = [workers.pop(0)]
            for pid in doomed:
                nursery.kill(pid)
                workers.append(nursery.start("worker"))
            fallen.kills += len(doomed)
            disburse.hurry()
    disburse.finish()
    fallen.wrong, fallen.seconds = disburse.wrong(payments), time.monotonic() - began
    return fallen


def _work_begins(patience: float = 0.5) -> bool:
    """Wait until a worker has a transaction open: a moment by the clock alone would come too early on a slow machine."""
    until = time.monotonic() + patience
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute(_AT_WORK)
            if cursor.fetchone()[0]:
                return True
            time.sleep(0.002)
    return False


def _bank_was_told(patience: float = 0.5) -> bool:
    """Wait until the bank is told once more."""
    until, before = time.monotonic() + patience, disburse.told()
    while time.monotonic() < until:
        if disburse.told() > before:
            return True
        time.sleep(0.001)
    return False


_AT_WORK = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
               AND backend_type = 'client backend' AND xact_start IS NOT NULL)
"""


def kill_web(*, kills: int, seed: int, cases: int = 8) -> Fallen:
    """An approver decides case after case; the server dies under her, her browser repeats the same form until it is answered."""
    dice, began, fallen = random.Random(seed), time.monotonic(), Fallen()
    world = load_world()
    with clock.frozen_at(START):
        clock.move_to(START)
        waiting = [world.brought_to("township_decision", amount_fen=200_000) for _n in range(cases)]
        browser = web.Browser(door := web.listen(), world.township_approver)
        web.warm_up(world.township_approver, f"/township/review/{waiting[0].pk}/")
    with Nursery({"web": lambda: web.serve(door)}) as nursery:
        pid = nursery.start("web")
        forms = {case.pk: browser.decision(case.pk) for case in waiting}
        over, lock = threading.Event(), threading.Lock()

        def press() -> None:
            """Every form, again and again: what was done already must be found, and not done anew."""
            while not over.is_set():
                for pk, form in forms.items():
                    status, _body = browser.insist(f"/township/review/{pk}/", form)
                    with lock:
                        fallen.acknowledged += status == 302
                        if status not in (200, 302):  # 200: the page as it is after what was not acknowledged
                            fallen.wrong.append(f"case {pk}: {status}")

        person = threading.Thread(target=press)
        person.start()
        while fallen.kills < kills:
            time.sleep(dice.uniform(0.02, 0.5))
            nursery.kill(pid)
            fallen.kills += 1
            pid = nursery.start("web")
        over.set()
        person.join()
    door.close()
    fallen.wrong += _wrong_approvals([case.pk for case in waiting])
    fallen.seconds = time.monotonic() - began
    return fallen


def _wrong_approvals(cases: list[int]) -> list[str]:
    """Cases without exactly one approval, one reservation and its money."""
    found = []
    for pk in cases:
        acts = CaseEvent.objects.filter(case_id=pk, action="approve").count()
        kept = list(Reservation.objects.filter(subject=f"case:{pk}").values_list("amount_fen", flat=True))
        moved = Transfer.objects.filter(subject=f"case:{pk}").count()
        if (acts, kept, moved) != (1, [200_000], 1):
            found.append(f"case {pk}: {acts} approvals, reservations {kept}, {moved} transfers")
    checked = ledger.check()
    return found + ([str(checked)] if checked.drift_fen or checked.negative_accounts else [])
