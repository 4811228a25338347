"""Switch the archive on and off, and look at it; what it is stands in archiving.py."""

import json
from contextlib import closing
from pathlib import Path

from . import archiving, beside
from .base_backup import base_backups
from .errors import EmbeddedPostgresError
from .place import Say, place_of, silent, write_atomically
from .server import connect, reconfigure, status


def archive_on(data_dir: Path, to: Path | None, within: int, say: Say = silent) -> dict:
    """Archive the log of the running server to `to` from now on, at most `within` seconds late; returns `archive_look`.

    Raises EmbeddedPostgresError: another database's archive, not writable, or the first piece does not arrive.
    """
    known = archiving.chosen(data_dir)
    if to is None and known is None:
        raise EmbeddedPostgresError("Where to? manage.py db archive on --to FOLDER, best on another disk or machine.")
    if not 1 <= within <= archiving.LONGEST_WITHIN:
        raise EmbeddedPostgresError(f"--within takes 1 to {archiving.LONGEST_WITHIN} seconds.")
    to, place = Path(to or known["to"]).resolve(), place_of(data_dir)
    with closing(connect(place)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
        archiving.prepare(place, to, cursor.fetchone()[0], connection.server_version // 10000)
    write_atomically(place.data_dir / "archive.json", json.dumps({"to": str(to), "within": within}))
    reconfigure(place, say)
    say("waiting for the first piece to arrive")
    with closing(connect(place)) as connection:
        archiving.keep_up(connection)
    beside.keep(place.data_dir, to)
    return archive_look(data_dir)


def archive_off(data_dir: Path, say: Say = silent) -> dict:
    """Archive nothing any more. What is in the archive stays; the next `on` needs a new base backup."""
    place = place_of(data_dir)
    (place.data_dir / "archive.json").unlink(missing_ok=True)
    reconfigure(place, say)
    return archive_look(data_dir)


def archive_look(data_dir: Path) -> dict:
    """What `archiving.look` tells of the running server, and {base_backups, newest_base_backup} of the archive."""
    place = place_of(data_dir)
    if not status(data_dir)["accepting"]:
        raise EmbeddedPostgresError("The database does not run: manage.py db start")
    with closing(connect(place)) as connection:
        answer = archiving.look(place, connection)
    if answer["archive"]:
        found = base_backups(Path(answer["archive"]))
        answer |= {"base_backups": len(found), "newest_base_backup": found[-1].ended.isoformat() if found else None}
    return answer


def archive_things(data_dir: Path) -> int | None:
    """Copy new uploaded files and keys to the archive; how many, or None while nothing is archived."""
    known = archiving.chosen(data_dir)
    return None if known is None else beside.keep(Path(data_dir), Path(known["to"]))
