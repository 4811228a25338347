"""Hours of it, in scratch databases on the embedded server: `make torture`.

    python -m tests.torture                                         all parts, as much as was promised
    python -m tests.torture --minutes 600                           games without end, until that time is over
    python -m tests.torture --operations 50000 --kills 0 --crashes 0 --attempts 0
    python -m tests.torture --seed 7 ...                            the same again

Every part prints one line. A lost game is kept in tests/torture/kept/ and played first from then on; the status is 1.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "casework.settings")
os.environ["CASEWORK_DEMO"] = "1"  # the clock of a scratch database is moved
os.environ.setdefault("PGOPTIONS", "-c synchronous_commit=off")  # crashes.py has its own server, with all that

import django  # noqa: E402

django.setup()

from tests.torture import broker, crashes, drill, game, kills, last_yuan, machine, scratch  # noqa: E402

PROMISED = {"operations": 2_000_000, "attempts": 100_000, "kills": 10_000, "crashes": 200, "drills": 20}
CHUNK = 10_000  # moves in one copy of the database, and between two lines


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__.splitlines()[0])
    for name, count in PROMISED.items():
        parser.add_argument(f"--{name}", type=int, default=count, help=f"default {count}")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--minutes", type=float, help="stop the games then, whatever --operations says")
    parser.add_argument("--broker", default=os.environ.get("CELERY_BROKER_URL", ""), help="URL of a broker that runs")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    parts: list[tuple[str, Callable[[], tuple[str, list[str]]]]] = []
    if asked.operations:
        parts.append(("games", lambda: _games(asked.operations, asked.seed, asked.minutes)))
    if asked.attempts:
        parts.append(("last yuan", lambda: _last_yuan(asked.attempts, asked.seed)))
    if asked.kills:
        parts.append(
            ("killed workers", lambda: _fallen(kills.kill_workers, kills=asked.kills * 7 // 8, seed=asked.seed))
        )
        web = max(1, asked.kills // 8)
        parts.append(("killed web servers", lambda: _fallen(kills.kill_web, kills=web, seed=asked.seed)))
        if asked.broker:
            parts.append(
                ("killed relays", lambda: _fallen(broker.kill, url=asked.broker, kills=web // 4, seed=asked.seed))
            )
    if asked.crashes:
        parts.append(("killed PostgreSQL", lambda: _crashes(asked.crashes, asked.seed)))
    if asked.drills:
        parts.append(("restore drills", lambda: _drills(asked.drills, asked.seed)))
    is_sound = True
    with scratch.town():
        for name, part in parts:
            began = time.monotonic()
            said, wrong = part()
            is_sound = is_sound and not wrong
            print(
                f"{name}: {said}, {time.monotonic() - began:.0f} s, {'; '.join(wrong) or 'nothing wrong'}", flush=True
            )
    return 0 if is_sound else 1


def _in_a_copy(run: Callable[..., Any], **how: Any) -> Any:
    with scratch.copy():
        return run(**how)


def _games(operations: int, seed: int, minutes: float | None) -> tuple[str, list[str]]:
    counts, until = game.Counts(), time.monotonic() + (minutes or 1e9) * 60
    wrong = []
    with scratch.copy():
        for path in machine.kept():
            machine.replay(path)
    while counts.all < operations and time.monotonic() < until and not wrong:
        began, before = time.monotonic(), counts.all
        try:
            with scratch.copy():  # books of millions of entries would be checked ever more slowly
                machine.play(
                    seed=seed * 1_000_000 + counts.all, moves=min(CHUNK, operations - counts.all), counts=counts
                )
        except game.Disagreement as found:
            wrong = [f"{str(found).splitlines()[0]}; kept in {machine.keep(found.steps, str(found).splitlines()[0])}"]
        rate = (counts.all - before) / (time.monotonic() - began)
        print(f"  {counts.all} operations, {counts.refused} refused, {rate:.0f} a second", flush=True)
    return f"{counts.all} operations, {counts.refused} refused", wrong


def _last_yuan(attempts: int, seed: int) -> tuple[str, list[str]]:
    with scratch.copy():
        outcome = last_yuan.spend(attempts=attempts, seed=seed)
        wrong = outcome.wrong() + last_yuan.cross(attempts=attempts // 10, seed=seed).wrong()
    said = f"{outcome.attempts} attempts of {last_yuan.CLIENTS} clients, {outcome.done} committed, {outcome.refused} refused"
    return said, wrong


def _fallen(run: Callable[..., kills.Fallen], **how: Any) -> tuple[str, list[str]]:
    fallen = _in_a_copy(run, **how)
    return (
        f"{fallen.kills} kills, {fallen.in_hand or fallen.acknowledged} over work in hand or between answers",
        fallen.wrong,
    )


def _crashes(crashed_times: int, seed: int) -> tuple[str, list[str]]:
    crashed = _in_a_copy(crashes.crash, crashes=crashed_times, seed=seed)
    return (
        f"{crashed.crashes} crashes, {crashed.acknowledged} acknowledged, {crashed.unknown} unknown of which {crashed.found}"
        f" had been committed, back within {crashed.longest_recovery:.1f} s"
    ), crashed.wrong


def _drills(count: int, seed: int) -> tuple[str, list[str]]:
    runs = [_in_a_copy(drill.drill, seconds=20.0, seed=seed + n) for n in range(count)]
    told = sum(run.acknowledged for run in runs)
    worst, slowest = max(run.lost_seconds for run in runs), max(run.seconds_to_restore for run in runs)
    said = f"{count} drills, {told} acknowledged, {worst:.1f} s lost with the disk at most, restored within {slowest:.0f} s"
    return said, [words for run in runs for words in run.wrong]


if __name__ == "__main__":
    sys.exit(main())
