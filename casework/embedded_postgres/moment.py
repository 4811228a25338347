"""Back to a moment: a base backup and the archive's log make the database of any moment since, in a data folder of its own.

Nothing that runs is touched, and nothing damaged is used: the base backup is compared with its manifest, each piece of the
log with the sum that was taken from its source.
"""

import gzip
import hashlib
import os
import re
import shutil
import zlib
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from . import beside
from .account import Account, account_for, acting_as
from .archiving import WAL
from .base_backup import BaseBackup, alone, base_backups, position_of, programs_for
from .errors import BadBackup, EmbeddedPostgresError, ServerDidNotStart
from .manifest import verify
from .place import Place, Say, locked, mark_restored, place_of, silent
from .server import DATABASE, connect, make_folders, start_under_lock

LOG = "log"  # folder in the server's home: what is replayed
NOT_REACHED = "recovery ended before configured recovery target was reached"
_PIECE = re.compile(r"[0-9A-F]{24}")

_RECOVERY = """\
# Written by `manage.py db restore-to`; removed when it is done.
restore_command = 'gzip -dc ../log/%f.gz > "%p"'
recovery_target_timeline = 'latest'
recovery_target_action = 'promote'
hot_standby = off
{target}
"""


def restore_to(moment: datetime | None, archive: Path, data_dir: Path, say: Say = silent) -> dict:
    """Make a new data folder with the database as it was at `moment` (None: as late as the archive goes); it runs then.

    Returns {restored_from, asked, reached, wal, files}: `reached` is when the last transaction that came back was committed,
    None when none came after the base backup. Raises BadBackup: damaged; EmbeddedPostgresError: the folder is in use, there
    is no base backup that old, or the archive does not reach that far.
    """
    data_dir = Path(data_dir).resolve()
    _refuse_what_is_there(data_dir)
    with alone(archive):
        backup = _base_for(moment, archive)
        programs = programs_for(backup.postgresql)
        say(f"verifying the base backup of {backup.begun:%Y-%m-%d %H:%M:%S} UTC")
        verify(backup.cluster, programs, backup.manifest_sha256)
        data_dir.mkdir(mode=0o755 if os.getuid() == 0 else 0o700, parents=True, exist_ok=True)
        place = place_of(data_dir)
        with locked(data_dir, say):
            account = account_for(place.home)
            make_folders(place, account)
            say("verifying the log")
            pieces = _stage_log(archive, backup, place, account, must_be_whole=moment is None)
            say("copying the base backup")
            _stage_cluster(backup, place, account)
            files = beside.bring_back(archive, data_dir)
            mark_restored(data_dir, source=str(backup.folder), reached=None)  # before there is anything to pay from
            say(f"replaying {pieces} pieces of the log")
            _replay(moment, place, account, say)
    with closing(connect(place)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_last_xact_replay_timestamp()")
        reached = cursor.fetchone()[0]
    _tidy(place, account)
    return {
        "restored_from": str(backup.folder),
        "asked": moment.astimezone(UTC).isoformat() if moment else "latest",
        "reached": reached.astimezone(UTC).isoformat() if reached else None,
        "data_dir": str(data_dir),
        "wal": pieces,
        "files": files,
    }


def _refuse_what_is_there(data_dir: Path) -> None:
    if data_dir.exists() and any(data_dir.iterdir()):
        raise EmbeddedPostgresError(
            f"{data_dir} is not empty. A restore goes into a new folder; look at it, then use it."
        )


def _base_for(moment: datetime | None, archive: Path) -> BaseBackup:
    if not (archive / WAL).is_dir():
        raise BadBackup(f"{archive} is no archive of this program.")
    fitting = [backup for backup in base_backups(archive) if moment is None or backup.ended <= moment]
    if not fitting:
        found = base_backups(archive)
        first = f"The oldest ended at {found[0].ended.isoformat()}." if found else "There is none at all."
        raise EmbeddedPostgresError(f"No base backup in {archive} is that old. {first}")
    return fitting[-1]


def _stage_log(archive: Path, backup: BaseBackup, place: Place, account: Account, *, must_be_whole: bool) -> int:
    """Copy the log that follows the base backup to where the server may read it, up to the first piece that is damaged or
    missing. With `must_be_whole` that is refused: what comes after it would be lost without a word."""
    to = place.home / LOG
    with acting_as(account):
        to.mkdir(mode=0o700)
    names = {piece.name.removesuffix(".gz") for piece in (archive / WAL).glob("*.gz")}
    count, expected, last = 0, int(position_of(backup.wal)[:8] + position_of(backup.wal)[14:], 16), None
    for name in sorted(name for name in names if not _PIECE.fullmatch(name)):  # where timelines branch off
        if not name.endswith(".backup"):
            _stage(archive, name, to, account)
    for name in sorted((name for name in names if _PIECE.fullmatch(name)), key=lambda name: (position_of(name), name)):
        if position_of(name) < position_of(backup.wal):
            continue
        number = int(position_of(name)[:8] + position_of(name)[14:], 16)
        trouble = "is missing" if number > expected else ""
        if not trouble:
            try:
                _stage(archive, name, to, account)
            except BadBackup as error:
                trouble = str(error)
        if trouble:
            if must_be_whole:
                raise BadBackup(
                    f"The log in {archive / WAL} is damaged before or at {name}: {trouble} "
                    + (f"It is sound until about {last.isoformat()}: ask for a moment before that." if last else "")
                )
            break
        expected, count = number + 1, count + 1
        last = datetime.fromtimestamp((archive / WAL / f"{name}.gz").stat().st_mtime, UTC)
    return count


def _stage(archive: Path, name: str, to: Path, account: Account) -> None:
    source = archive / WAL / f"{name}.gz"
    target = to / source.name
    shutil.copyfile(source, target)
    os.chown(target, account.uid, account.gid)
    try:
        with gzip.open(target) as piece:
            digest = hashlib.file_digest(piece, "sha256").hexdigest()
        noted = (archive / WAL / f"{name}.sha256").read_text().strip()
    except (OSError, EOFError, ValueError, zlib.error) as error:
        target.unlink()
        raise BadBackup(f"{source} cannot be read: {error}.") from error
    if digest != noted:
        target.unlink()
        raise BadBackup(f"{source} differs from the sum that was taken when it was written.")


def _stage_cluster(backup: BaseBackup, place: Place, account: Account) -> None:
    draft = place.home / f"cluster.{os.getpid()}.new"
    shutil.copytree(backup.cluster, draft, symlinks=True)
    if not account.is_us:
        for folder, _names, files in os.walk(draft):
            for path in (Path(folder), *(Path(folder, name) for name in files)):
                os.chown(path, account.uid, account.gid, follow_symlinks=False)
    draft.chmod(0o700)
    draft.rename(place.cluster)


def _replay(moment: datetime | None, place: Place, account: Account, say: Say) -> None:
    target = f"recovery_target_time = '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'" if moment else ""
    with acting_as(account):
        (place.config / "recovery.conf").write_text(_RECOVERY.format(target=target))
        (place.cluster / "recovery.signal").touch(0o600)
    try:
        start_under_lock(place, say)
    except ServerDidNotStart as error:
        if NOT_REACHED in str(error):
            raise EmbeddedPostgresError(
                "The archive does not reach that moment, or its log is damaged before it. Nothing was committed after its "
                f"end: ask for an earlier moment, or for `latest`. {place.data_dir} can be deleted."
            ) from error
        raise


def _tidy(place: Place, account: Account) -> None:
    with acting_as(account):
        (place.config / "recovery.conf").unlink()
        shutil.rmtree(place.home / LOG)
    with closing(connect(place, DATABASE)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_reload_conf()")
