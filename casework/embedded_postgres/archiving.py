"""The archive: every change of the database is copied, within a minute, to a folder that should lie on another disk.

    archive/archive.json        which database it belongs to
    archive/wal/                PostgreSQL's log, piece by piece: NAME.gz, and NAME.sha256 of what is in it
    archive/base/<time>/        base backups, see base_backup.py
    archive/files/ keys/        uploaded files and keys, see beside.py

No piece in it is ever overwritten. What was chosen stands in `archive.json` of the data folder, {"to", "within"}.
"""

import json
import os
import shlex
import time
from contextlib import closing
from pathlib import Path

import psycopg2.extensions

from .account import account_for, make_folder_for, run_as
from .errors import EmbeddedPostgresError
from .place import Place, write_atomically

SCRIPT = "archive.sh"
LONGEST_WITHIN = 60  # seconds that a lost disk may cost
WAL, BASE, KEYS, FILES = "wal", "base", "keys", "files"

# PostgreSQL calls it with the path and the name of a piece, again and again until it succeeds. A sum that is taken from the
# source, and a copy that is compared with it before it gets its name, so that a bad copy is no copy.
_SCRIPT = """\
#!/bin/sh
# Written by `manage.py db archive`: archive.sh PATH NAME. Succeeds when the copy is on the disk, and never replaces one.
set -eu
to={to}
whole="$to/$2.gz"
draft="$to/.$2.draft"
settle() {{ sync "$@" 2>/dev/null || sync; }}
if [ -e "$whole" ]; then
    if gzip -dc "$whole" | cmp -s - "$1"; then settle "$to"; exit 0; fi
    echo "archive: $2 is there already and differs; it is not replaced" >&2
    exit 1
fi
(sha256sum <"$1" 2>/dev/null || shasum -a 256 <"$1") | cut -d ' ' -f 1 >"$draft.sha256"
gzip -1 -c "$1" >"$draft"
gzip -dc "$draft" | cmp -s - "$1"
settle "$draft" "$draft.sha256"
mv -f "$draft.sha256" "$to/$2.sha256"
ln "$draft" "$whole" 2>/dev/null || mv -n "$draft" "$whole"
rm -f "$draft"
settle "$to"
"""


def chosen(data_dir: Path) -> dict | None:
    """{"to": folder, "within": seconds}, or None while nothing is archived."""
    try:
        return json.loads((Path(data_dir) / "archive.json").read_text())
    except (FileNotFoundError, PermissionError):  # a folder that cannot be read is refused by the start, in words
        return None


def settings_for(place: Place) -> dict[str, object]:
    """What postgresql.conf says about the archive."""
    archive = chosen(place.data_dir)
    if archive is None:
        return {"archive_command": "true", "archive_timeout": 0}
    return {"archive_command": f"sh ../config/{SCRIPT} %p %f", "archive_timeout": archive["within"]}


def script_for(place: Place) -> str:
    archive = chosen(place.data_dir)
    return _SCRIPT.format(to=shlex.quote(f"{archive['to'] if archive else '/nonexistent'}/{WAL}"))


def prepare(place: Place, to: Path, system: str, major: int) -> None:
    """Make the folders of an archive, or find them. Raises EmbeddedPostgresError: another database's, or not writable."""
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    about = to / "archive.json"
    known = json.loads(about.read_text()) if about.exists() else None
    if known is not None and known["system"] != system:
        raise EmbeddedPostgresError(f"{to} is the archive of another database. Choose another folder.")
    if known is None and any(to.iterdir()):
        raise EmbeddedPostgresError(f"{to} is not empty and is no archive. Choose an empty folder.")
    if known is None:
        write_atomically(about, json.dumps({"format": 1, "system": system, "postgresql": major}))
    for name in (BASE, KEYS, FILES):
        (to / name).mkdir(mode=0o700, exist_ok=True)
    account = account_for(place.home)
    make_folder_for(account, to / WAL)
    if not account.is_us:
        os.chmod(to, 0o711)  # the server's user passes through to the one folder that is its own
    probe = to / WAL / ".probe"
    done = run_as(account, ["/bin/sh", "-c", 'echo >"$1" && rm "$1"', "sh", probe])
    if done.returncode != 0:
        raise EmbeddedPostgresError(
            f"The database server, which runs as {account.name}, cannot write to {to / WAL}: {done.stderr.strip()} "
            "Let it pass through the folders above (chmod o+x), or choose another folder."
        )


def look(place: Place, connection: psycopg2.extensions.connection) -> dict:
    """{archive, within, archived, last, last_at, failed, failed_at, waiting}: how far the archive is behind.

    `waiting` counts finished pieces that are not there yet; `failed` is the last piece that could not be copied.
    """
    archive = chosen(place.data_dir)
    if archive is None:
        return {"archive": None}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT archived_count, last_archived_wal, last_archived_time,"
            " CASE WHEN last_failed_time > coalesce(last_archived_time, '-infinity') THEN last_failed_wal END,"
            " CASE WHEN last_failed_time > coalesce(last_archived_time, '-infinity') THEN last_failed_time END,"
            " (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready') FROM pg_stat_archiver"
        )
        archived, last, last_at, failed, failed_at, waiting = cursor.fetchone()
    return {
        "archive": archive["to"],
        "within": archive["within"],
        "archived": archived,
        "last": last,
        "last_at": last_at and last_at.isoformat(),
        "failed": failed,
        "failed_at": failed_at and failed_at.isoformat(),
        "waiting": waiting,
    }


def keep_up(connection: psycopg2.extensions.connection, patience: float = 60) -> None:
    """End the piece that is being written and wait until it is archived. Raises EmbeddedPostgresError."""
    with closing(connection.cursor()) as cursor:
        cursor.execute("SELECT pg_walfile_name(pg_switch_wal())")
        wanted = cursor.fetchone()[0]
        give_up = time.monotonic() + patience
        while True:
            cursor.execute("SELECT coalesce(last_archived_wal, ''), last_failed_wal FROM pg_stat_archiver")
            last, failed = cursor.fetchone()
            if last[:24] >= wanted:
                return
            if time.monotonic() > give_up:
                raise EmbeddedPostgresError(
                    f"{wanted} was not archived within {patience:.0f} s (last failure: {failed or 'none'}). "
                    "The server's log says why; free space on the archive's disk, or look at its owner."
                )
            time.sleep(0.05)
