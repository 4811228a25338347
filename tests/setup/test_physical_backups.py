"""Base backups, the archive of the log, and back to a moment: on a real server, with what goes wrong on real disks."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from casework import embedded_postgres as embedded
from casework.embedded_postgres import EmbeddedPostgresError, archiving, server
from casework.embedded_postgres.account import account_for, acting_as
from casework.embedded_postgres.errors import BadBackup
from casework.embedded_postgres.place import place_of
from tests.setup.test_embedded_postgres import Folder, passable_folder

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="kills through /proc"),
    pytest.mark.xdist_group("embedded_postgres"),
]


class Kept:
    """A database of one table with an archive: 10 rows in the base backup, 10 more at `moment`, 5 after it."""

    def __init__(self, here: Path) -> None:
        self.here, self.folder, self.archive = here, Folder(here / "data"), here / "archive"
        (self.folder.path / "secrets.json").write_text('{"key": "1"}')
        (self.folder.path / "files" / "2026").mkdir(parents=True)
        (self.folder.path / "files" / "2026" / "photo.jpg").write_text("a photo")
        self.folder.start()
        self.folder.query("CREATE TABLE t AS SELECT generate_series(1, 10) AS n")
        embedded.archive_on(self.folder.path, self.archive, within=1)
        self.backup = Path(embedded.base_backup(self.folder.path)["base_backup"])
        self.folder.query("INSERT INTO t SELECT generate_series(1, 10)")
        time.sleep(0.05)
        self.moment = datetime.now(UTC)
        time.sleep(0.05)
        self.folder.query("INSERT INTO t SELECT generate_series(1, 5)")
        (self.folder.path / "files" / "2026" / "later.jpg").write_text("a later photo")
        embedded.archive_things(self.folder.path)
        with server.closing(server.connect(self.folder.place)) as connection:
            archiving.keep_up(connection)

    def restored(self, name: str, moment: datetime | None = None) -> Folder:
        embedded.restore_to(moment, self.archive, self.here / name)
        return Folder(self.here / name)

    def wal(self) -> list[Path]:
        return sorted((self.archive / "wal").glob("0*[0-9A-F].gz"))


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    with passable_folder() as here:
        yield Kept(here)


def rows(folder: Folder) -> int:
    return folder.query("SELECT count(*) FROM t")[0][0]


def flip(file: Path, place: float = 0.5) -> bytes:
    """Change one bit; returns what was there, to be put back."""
    whole = file.read_bytes()
    at = int(len(whole) * place)
    file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    return whole


def test_latest_brings_back_all_that_was_archived(kept: Kept) -> None:
    again = kept.restored("latest")

    assert rows(again) == 25
    assert json.loads((again.path / "secrets.json").read_text()) == {"key": "1"}
    assert (again.path / "files" / "2026" / "later.jpg").read_text() == "a later photo"
    assert again.query("SELECT pg_is_in_recovery()") == [(False,)]
    assert again.query("SHOW archive_command") == [("true",)], "a restored database writes into nobody's archive"
    again.stop()
    again.start()
    assert rows(again) == 25


@pytest.mark.torture
def test_a_moment_brings_back_what_was_there_then(kept: Kept) -> None:
    assert rows(kept.restored("moment", kept.moment)) == 20


@pytest.mark.torture
def test_what_has_been_acknowledged_survives_a_kill_of_the_server(kept: Kept) -> None:
    before = rows(kept.folder)
    server._end_processes(kept.folder.place)

    kept.folder.start()

    assert rows(kept.folder) == before


FLIPPED = {  # where a bit surely matters: the end of a compressed piece is its checksum
    "a piece of the log": 0.9999,
    "the keys of about.json": 0.02,
}


@pytest.mark.parametrize(
    "what", ["a table", "the manifest", "a piece of the log", "the sum of a piece", "the keys of about.json"]
)
def test_one_flipped_bit_is_refused(kept: Kept, what: str) -> None:
    file = {
        "a table": max((kept.backup / "cluster" / "base").rglob("*"), key=lambda one: one.stat().st_size),
        "the manifest": kept.backup / "cluster" / "backup_manifest",
        "a piece of the log": kept.wal()[-1],
        "the sum of a piece": kept.wal()[-1].with_suffix(".sha256"),
        "the keys of about.json": kept.backup / "about.json",
    }[what]
    was = flip(file, FLIPPED.get(what, 0.5))
    try:
        with pytest.raises(BadBackup, match="damaged"):
            kept.restored(f"never-{what.replace(' ', '-')}")
    finally:
        file.write_bytes(was)


@pytest.mark.parametrize("nonsense", ["[1]", "null", "1", "{}", '{"a":' * 100_000])
@pytest.mark.parametrize("name", ["about.json", "cluster/backup_manifest"])
def test_what_says_nothing_of_the_backup_is_refused(kept: Kept, name: str, nonsense: str) -> None:
    file = kept.backup / name
    was = file.read_bytes()
    file.write_text(nonsense)
    try:
        with pytest.raises(BadBackup, match="damaged"):
            kept.restored("never-nonsense")
    finally:
        file.write_bytes(was)


def test_a_missing_piece_is_not_passed_over(kept: Kept) -> None:
    gone = kept.wal()[-2]
    was = gone.read_bytes()
    gone.unlink()
    try:
        with pytest.raises(BadBackup, match="missing"):
            kept.restored("gap")
    finally:
        gone.write_bytes(was)


def test_a_file_that_was_added_or_lost_is_refused(kept: Kept) -> None:
    added = kept.backup / "cluster" / "global" / "extra"
    added.write_text("x")
    with pytest.raises(BadBackup, match="does not belong"):
        kept.restored("added")
    added.unlink()
    lost = kept.backup / "cluster" / "PG_VERSION"
    was = lost.read_bytes()
    lost.unlink()
    with pytest.raises(BadBackup, match="missing"):
        kept.restored("lost")
    lost.write_bytes(was)


@pytest.mark.torture
def test_a_moment_beyond_the_archive_or_before_it_is_refused(kept: Kept) -> None:
    with pytest.raises(EmbeddedPostgresError, match="does not reach"):
        kept.restored("beyond", datetime.now(UTC))
    with pytest.raises(EmbeddedPostgresError, match="that old"):
        kept.restored("before", datetime(2026, 1, 1, tzinfo=UTC))


def test_a_restore_never_goes_over_what_is_there(kept: Kept) -> None:
    before = rows(kept.folder)

    with pytest.raises(EmbeddedPostgresError, match="not empty"):
        embedded.restore_to(None, kept.archive, kept.folder.path)

    assert rows(kept.folder) == before


def test_a_piece_is_never_replaced_by_another(kept: Kept) -> None:
    """PostgreSQL may archive a piece again after a crash: the same is fine, another of that name is refused."""
    place, wal = kept.folder.place, kept.wal()[0]
    name, was = wal.name.removesuffix(".gz"), wal.read_bytes()
    other = place.home / "other"
    with acting_as(account_for(place.home)):
        other.write_text("something else")

    done = subprocess.run(["/bin/sh", place.config / "archive.sh", other, name], capture_output=True, text=True)

    assert done.returncode == 1 and "not replaced" in done.stderr
    assert wal.read_bytes() == was


@pytest.mark.torture
def test_an_archive_belongs_to_one_database(kept: Kept) -> None:
    other = Folder(kept.here / "other-data")
    other.start()

    with pytest.raises(EmbeddedPostgresError, match="another database"):
        embedded.archive_on(other.path, kept.archive, within=1)


@pytest.mark.torture
def test_pruning_keeps_what_the_oldest_kept_backup_needs(kept: Kept) -> None:
    newer = embedded.base_backup(kept.folder.path)
    kept.folder.query("INSERT INTO t SELECT generate_series(1, 3)")
    with server.closing(server.connect(kept.folder.place)) as connection:
        archiving.keep_up(connection)
    expected = rows(kept.folder)
    assert embedded.prune(kept.folder.path, 2)["deleted"] == []

    done = embedded.prune(kept.folder.path, 1)

    assert done["deleted"] == [kept.backup.name] and done["kept"] == [Path(newer["base_backup"]).name]
    assert done["deleted_wal"] > 0
    assert rows(kept.restored("after-pruning")) == expected
    with pytest.raises(EmbeddedPostgresError, match="At least one"):
        embedded.prune(kept.folder.path, 0)
    assert place_of(kept.folder.path).cluster.exists()
