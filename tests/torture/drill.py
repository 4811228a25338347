"""The restore drill: work goes on, the machine dies, and the archive alone has to bring everything back.

    drill(seconds=6, seed=7)

Whoever was told "done" is found again: all of them where the disk survived, all but the last seconds where only the archive
did. The trail has the same links and seals, the books add up, payments stand still, and a damaged backup is refused.
"""

import random
import shutil
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

from audit import checkpoints, clock
from casework import after_restore
from casework import embedded_postgres as embedded
from casework.embedded_postgres import Database
from casework.embedded_postgres.errors import BadBackup
from casework.embedded_postgres.place import place_of
from tests.torture import crashes, scratch
from tests.world import START

WITHIN = 2  # seconds; an office has 60
LONGEST_LOSS = 60.0
CLIENTS = 3


@dataclass
class Drilled:
    acknowledged: int = 0
    restored: int = 0
    lost_seconds: float = 0.0  # of work that was acknowledged and only the dead disk knew
    seconds_to_restore: float = 0.0
    wrong: list[str] = field(default_factory=list)


class Acknowledged(list):
    """The keys in the order in which somebody was told, with the time."""

    def __init__(self) -> None:
        super().__init__()
        self.at: dict[str, float] = {}

    def append(self, key: str) -> None:
        super().append(key)
        self.at[key] = time.time()


def drill(*, seconds: float, seed: int) -> Drilled:
    dice, drilled = random.Random(seed), Drilled()
    with crashes.own_server() as data:
        archive = data.parent / "archive"
        shutil.copy(settings.DATA_DIR / "secrets.json", data)  # what is sealed in the copied database
        embedded.archive_on(data, archive, WITHIN)
        backup = Path(embedded.base_backup(data)["base_backup"])
        run, done = crashes.Run(crashes.Crashed()), Acknowledged()
        run.done = done
        with clock.frozen_at(START):
            crashes.prepare(run.world, cases=0)
            sealed = checkpoints.seal()
        threads = [threading.Thread(target=crashes.Client(n, run).live) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        time.sleep(seconds * dice.uniform(0.4, 0.6))
        moment = time.time()
        time.sleep(seconds / 2)
        crashes.kill_9(place_of(data))
        died = time.time()
        told = dict(done.at)
        try:
            _from_the_archive_alone(drilled, data, archive, told, moment, died, bytes(sealed.hash).hex())
        finally:
            embedded.start(data)  # the disk has survived after all
            run.over.set()
            for thread in threads:
                thread.join()
            connection.close()
        drilled.acknowledged = len(done)
        drilled.wrong += crashes.wrong(done)
        drilled.wrong += _links_differ(data, data.parent / "latest")
        drilled.wrong += _takes_damage(archive, backup, data.parent / "damaged")
        for name in ("latest", "moment"):
            embedded.stop(data.parent / name)
            scratch.remove(place_of(data.parent / name).home)
    return drilled


def _from_the_archive_alone(
    drilled: Drilled, data: Path, archive: Path, told: dict[str, float], moment: float, died: float, root: str
) -> None:
    began = time.monotonic()
    latest, then = data.parent / "latest", data.parent / "moment"
    embedded.restore_to(None, archive, latest)
    drilled.seconds_to_restore = time.monotonic() - began
    embedded.restore_to(datetime.fromtimestamp(moment, UTC), archive, then)
    found, at_moment = _kept(latest), _kept(then)
    drilled.restored = len(found)
    lost = [at for key, at in told.items() if key not in found]
    drilled.lost_seconds = died - min(lost) if lost else 0.0
    if drilled.lost_seconds > LONGEST_LOSS:
        drilled.wrong.append(f"{len(lost)} are lost, the first told {drilled.lost_seconds:.0f} s before the end")
    if missing := [key for key, at in told.items() if at < moment and key not in at_moment]:
        drilled.wrong.append(f"{len(missing)} that were told before the moment are not there at the moment")
    if early := [key for key in at_moment if told.get(key, died) > moment + 1]:
        drilled.wrong.append(f"{len(early)} of after the moment are there at the moment")
    for place in (latest, then):
        looked = after_restore.look_over(place, say=lambda _text: None)
        if (looked["ledger"], looked["audit"]) != ("sound", "sound") or not looked["payments"].startswith("frozen"):
            drilled.wrong.append(f"{place.name}: {looked}")
        if root not in _column(place, "SELECT encode(hash, 'hex') FROM audit_checkpoint"):
            drilled.wrong.append(f"{place.name}: the seal from before is not there")


def _kept(place: Path) -> set[str]:
    return set(_column(place, f"SELECT key FROM funds_reservation WHERE programme = '{crashes.PROGRAMME}'"))


def _links_differ(data: Path, restored: Path) -> list[str]:
    """Links of the restored trail that the database it came from does not have; its own freeze is one of its own."""
    links = "SELECT stream || ' ' || n || ' ' || encode(hash, 'hex') FROM audit_entry WHERE stream NOT LIKE 'freeze:%'"
    more = set(_column(restored, links)) - set(_column(data, links))
    return [f"{len(more)} links of the trail differ, for example {min(more)}"] if more else []


def _takes_damage(archive: Path, backup: Path, into: Path) -> list[str]:
    largest = max((backup / "cluster" / "base").rglob("*"), key=lambda file: file.stat().st_size)
    whole = bytearray(largest.read_bytes())
    whole[len(whole) // 2] ^= 1
    largest.write_bytes(whole)
    try:
        embedded.restore_to(None, archive, into)
    except BadBackup:
        return []
    return ["a backup with a flipped bit was taken"]


def _column(place: Path, statement: str) -> list[str]:
    with closing(Database.of_django(embedded.django_database(place)).connect()) as there, there.cursor() as cursor:
        cursor.execute(statement)
        return [row[0] for row in cursor.fetchall()]
