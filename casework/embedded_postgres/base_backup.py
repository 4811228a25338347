"""Base backups: the database's files as a whole, from which the archive's log goes on. The program runs meanwhile.

    base/<time>/cluster/      as pg_basebackup wrote it, with PostgreSQL's own manifest: a SHA-256 of every file
    base/<time>/about.json    {"begun", "ended", "wal", "timeline", "postgresql", "manifest_sha256"}

A folder gets its name when it was verified, so what has a name is complete.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from . import archiving, beside
from .account import account_for, run_as, us
from .archiving import BASE, WAL
from .errors import BadBackup, EmbeddedPostgresError, NoServerPrograms
from .manifest import sha256_of, verify
from .place import Place, Say, place_of, silent
from .programs import Programs, installed
from .server import ROLE, connect, reconfigure

CLUSTER, ABOUT = "cluster", "about.json"


@dataclass(frozen=True)
class BaseBackup:
    folder: Path
    begun: datetime
    ended: datetime
    wal: str  # the first piece of the log that it needs
    timeline: int
    postgresql: int
    manifest_sha256: str

    @property
    def cluster(self) -> Path:
        return self.folder / CLUSTER


def base_backup(data_dir: Path, archive: Path | None = None, say: Say = silent) -> dict:
    """Write a base backup and verify it; returns {base_backup, bytes, begun, ended, files}.

    `archive` is the chosen one by default. Raises EmbeddedPostgresError.
    """
    place = place_of(data_dir)
    archive = archive_of(data_dir, archive)
    with closing(connect(place)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
        system, major = cursor.fetchone()[0], connection.server_version // 10000
    archiving.prepare(place, archive, system, major)
    reconfigure(place, say)  # a server that an older program started lets nobody copy it
    programs = programs_for(major)
    with alone(archive):
        for leftover in (archive / BASE).glob(".*.draft"):
            shutil.rmtree(leftover)
        begun = datetime.now(UTC)
        draft = archive / BASE / f".{begun:%Y%m%dT%H%M%SZ}.draft"
        draft.mkdir(mode=0o700)
        with contextlib.ExitStack() as undo:  # whatever stops it, half a copy does not stay
            undo.callback(shutil.rmtree, draft, ignore_errors=True)
            say("copying the database's files")
            _copy(place, programs, draft / CLUSTER)
            about = {"begun": begun.isoformat(), "ended": datetime.now(UTC).isoformat(), "postgresql": major}
            about |= _log_of(draft / CLUSTER) | {"manifest_sha256": sha256_of(draft / CLUSTER / "backup_manifest")}
            _write(draft / ABOUT, json.dumps(about, indent=1))
            say("verifying the copy")
            verify(draft / CLUSTER, programs, about["manifest_sha256"])
            say("copying keys and files")
            kept = beside.keep(Path(data_dir), archive)
            target = draft.with_name(draft.name[1:].removesuffix(".draft"))
            draft.rename(target)
            undo.pop_all()
        _settle(archive / BASE)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    return {"base_backup": str(target), "bytes": size, "begun": about["begun"], "ended": about["ended"], "files": kept}


def archive_of(data_dir: Path, archive: Path | None) -> Path:
    known = archiving.chosen(data_dir)
    if archive is None and known is None:
        raise EmbeddedPostgresError(
            "Where to? Say --to FOLDER, or choose one for good: manage.py db archive on --to FOLDER"
        )
    return Path(archive or known["to"]).resolve()


def base_backups(archive: Path) -> list[BaseBackup]:
    """All complete ones, the oldest first. Raises BadBackup: an `about.json` that cannot be read."""
    folders = sorted(folder for folder in (archive / BASE).glob("[0-9]*") if (folder / ABOUT).exists())
    return [_read(folder) for folder in folders]


def prune(data_dir: Path, keep: int, archive: Path | None = None) -> dict:
    """Delete all but the newest `keep` base backups, and the log that none of them needs; keys and files stay.

    Returns {kept, deleted, deleted_wal}. Raises EmbeddedPostgresError.
    """
    if keep < 1:
        raise EmbeddedPostgresError("At least one base backup stays: --keep 1 or more.")
    archive = archive_of(data_dir, archive)
    with alone(archive):
        found = base_backups(archive)
        kept, going = found[-keep:], found[:-keep]
        if not kept:
            raise EmbeddedPostgresError(f"There is no base backup in {archive}, and without one nothing is deleted.")
        for backup in going:  # renamed first: a half deleted one is no backup
            gone = backup.folder.with_name(f".{backup.folder.name}.draft")
            backup.folder.rename(gone)
            shutil.rmtree(gone)
        first = min(position_of(backup.wal) for backup in kept)
        deleted = 0
        for piece in (archive / WAL).iterdir():
            name = piece.name.split(".")[0]
            if re.fullmatch(r"[0-9A-F]{24}", name) and position_of(name) < first:
                piece.unlink()
                deleted += piece.suffix == ".gz"
    return {"kept": [b.folder.name for b in kept], "deleted": [b.folder.name for b in going], "deleted_wal": deleted}


def position_of(wal: str) -> str:
    """Where a piece of the log lies, whatever its timeline: 00000002 000000010000003F -> 000000010000003F."""
    return wal[8:24]


def programs_for(major: int) -> Programs:
    """Programs that copy and verify a server of this major version. Raises NoServerPrograms."""
    for programs in installed("pg_basebackup", "pg_waldump", "postgres"):
        if programs.major == major:
            return programs
    raise NoServerPrograms(
        f"A base backup needs pg_basebackup and pg_waldump of PostgreSQL {major}, and they are not here. "
        f"Run `make setup`, or on Debian `apt-get install postgresql-{major}`."
    )


@contextmanager
def alone(archive: Path) -> Iterator[None]:
    """One base backup, pruning or restore at a time. Raises EmbeddedPostgresError: another is at it."""
    lock = os.open(archive / "busy.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        give_up = time.monotonic() + 5
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up:
                    raise EmbeddedPostgresError(
                        f"Another process works in {archive}. Wait until it has finished."
                    ) from None
                time.sleep(0.1)
        yield
    finally:
        os.close(lock)


def _copy(place: Place, programs: Programs, to: Path) -> None:
    account_for(place.home)  # refuses a foreign one
    where = ["-h", place.socket_dir, "-p", "5432", "-U", ROLE, "--no-password"]
    how = ["--format=plain", "--wal-method=stream", "--checkpoint=fast", "--manifest-checksums=SHA256"]
    done = run_as(us(), [programs["pg_basebackup"], *where, *how, "-D", to])
    if done.returncode != 0:
        raise EmbeddedPostgresError(f"pg_basebackup failed: {done.stderr.strip()[-2000:]}")


def _log_of(cluster: Path) -> dict:
    """{"wal", "timeline"}: where its log begins, as PostgreSQL wrote it into the copy."""
    label = (cluster / "backup_label").read_text()
    wal = re.search(r"^START WAL LOCATION: .* \(file ([0-9A-F]{24})\)$", label, re.MULTILINE)
    timeline = re.search(r"^START TIMELINE: (\d+)$", label, re.MULTILINE)
    return {"wal": wal[1], "timeline": int(timeline[1])}


def _read(folder: Path) -> BaseBackup:
    try:
        about = json.loads((folder / ABOUT).read_text())
        times = {name: datetime.fromisoformat(about.pop(name)) for name in ("begun", "ended")}
        return BaseBackup(folder, **times, **about)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadBackup(f"{folder / ABOUT} is damaged: {error}. Take another base backup.") from error


def _write(path: Path, text: str) -> None:
    with open(path, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    there = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(there)
    finally:
        os.close(there)
