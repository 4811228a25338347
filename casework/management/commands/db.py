"""The database server: start it, stop it, look at it, back it up, archive it, bring it back."""

import json
import os
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from audit.console import JsonCommand
from casework import embedded_postgres as embedded
from casework.after_restore import is_marked, look_over
from casework.database import laws, rights
from casework.embedded_postgres import Database, EmbeddedPostgresError
from casework.embedded_postgres.place import RESTORED, mark_restored

ELSEWHERE = "The database server is managed elsewhere: DATABASE_URL is set."
ITS_ADMINISTRATOR = (
    f"{ELSEWHERE} Its administrator makes base backups and archives its log; docs/operations.md says what is needed."
)
VERBS = {  # {verb: what its one word is, "?" where it may be left out}
    "start": "",
    "stop": "",
    "status": "",
    "rights": "",
    "laws": "",
    "backup": "?new file or folder",
    "restore": "the backup file",
    "archive": "on, off or status",
    "base-backup": "",
    "restore-to": "a moment (2026-04-15T14:30:00, local time unless it says +08:00) or latest",
    "prune-backups": "",
}


class Command(JsonCommand):
    help = "Start, stop or look at the database; back it up with its keys and files, or restore such a backup."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("verb", choices=VERBS)
        parser.add_argument("what", nargs="?", help=_words_of_verbs())
        parser.add_argument("--yes", action="store_true", help="restore: replace a database that has tables")
        parser.add_argument("--to", type=Path, help="archive on, base-backup, prune-backups: the archive's folder")
        parser.add_argument("--within", type=int, default=60, help="archive on: seconds that a lost disk may cost")
        parser.add_argument("--from", type=Path, dest="source", help="restore-to: the archive's folder")
        parser.add_argument("--into", type=Path, help="restore-to: the new data folder")
        parser.add_argument("--keep", type=int, help="prune-backups: how many base backups stay")

    def handle(self, *, verb: str, what: str | None, **options: Any) -> None:
        self.is_quiet = options["json"]
        expected = VERBS[verb]
        if verb == "restore" and what is None:
            raise CommandError("Which file? manage.py db restore FILE")
        if what is None and expected and not expected.startswith("?"):
            raise CommandError(f"manage.py db {verb} WHAT: {expected}")
        if what is not None and not expected:
            raise CommandError(f"manage.py db {verb} takes no {what!r}.")
        began = time.monotonic()
        try:
            answer = self._do(verb, what, options)
        except (EmbeddedPostgresError, OSError) as error:  # a disk that is full, a folder that may not be written
            raise CommandError(str(error)) from error
        self._tell({"ok": True, **answer, "seconds": round(time.monotonic() - began, 2)})

    def _do(self, verb: str, what: str | None, options: dict[str, Any]) -> dict[str, Any]:
        is_embedded = not os.environ.get("DATABASE_URL")
        if verb == "rights":
            return self._rights(is_embedded)
        if verb == "laws":
            return {"laws": laws.write(), "file": str(laws.FILE)}
        if verb in ("backup", "restore"):
            if is_embedded:
                embedded.start(settings.DATA_DIR, say=self._say)
            return self._whole(verb, Path(what) if what else None, options)
        if verb in ("archive", "base-backup", "restore-to", "prune-backups"):
            if not is_embedded:
                raise EmbeddedPostgresError(ITS_ADMINISTRATOR)
            return self._piece_by_piece(verb, what, options)
        if not is_embedded:
            return {"managed": "elsewhere", "message": ELSEWHERE} | (_reachable() if verb == "status" else {})
        if verb == "status":
            return {"managed": "here"} | embedded.status(settings.DATA_DIR)
        act = embedded.start if verb == "start" else embedded.stop
        return {"managed": "here"} | act(settings.DATA_DIR, say=self._say)

    def _rights(self, is_embedded: bool) -> dict[str, Any]:
        """Of use after a restore: a backup says nothing of roles, and `migrate` may have nothing to do."""
        if is_embedded:
            embedded.start(settings.DATA_DIR, say=self._say)
        if not rights.owns_the_tables(connection):
            raise CommandError("Only the owner of the tables can say who may use them: CASEWORK_OWNER_DATABASE_URL.")
        return {"rights": "given" if rights.grant(connection) else "not given: this login may not make roles"}

    def _whole(self, verb: str, file: Path | None, options: dict[str, Any]) -> dict[str, Any]:
        database = Database.of_django(settings.DATABASES["default"])
        if verb == "backup":
            return embedded.backup(database, settings.DATA_DIR, to=file, say=self._say)
        # Before, so that a restore that is killed half-way is frozen as well; what was refused has changed nothing.
        had_mark = is_marked()
        mark_restored(settings.DATA_DIR, source=str(file), reached=None)
        try:
            done = embedded.restore(database, settings.DATA_DIR, file, yes=options["yes"], say=self._say)
        except EmbeddedPostgresError:
            if not had_mark:
                (settings.DATA_DIR / RESTORED).unlink()
            raise
        return done | look_over(settings.DATA_DIR, say=self._say, is_quick=True)

    def _piece_by_piece(self, verb: str, what: str | None, options: dict[str, Any]) -> dict[str, Any]:
        data_dir, to = settings.DATA_DIR, options["to"]
        if verb == "prune-backups":
            if options["keep"] is None:
                raise CommandError("How many stay? manage.py db prune-backups --keep 3")
            return embedded.prune(data_dir, options["keep"], to)
        if verb == "restore-to":
            return self._restore_to(what, options)
        embedded.start(data_dir, say=self._say)
        if verb == "base-backup":
            return embedded.base_backup(data_dir, to, say=self._say)
        if what == "on":
            return embedded.archive_on(data_dir, to, options["within"], say=self._say)
        if what == "off":
            return embedded.archive_off(data_dir, say=self._say)
        if what == "status":
            return embedded.archive_look(data_dir)
        raise CommandError("manage.py db archive on|off|status")

    def _restore_to(self, what: str, options: dict[str, Any]) -> dict[str, Any]:
        source, into = options["source"], options["into"]
        if source is None or into is None:
            raise CommandError("manage.py db restore-to latest --from ARCHIVE --into NEW_DATA_FOLDER")
        into = into.resolve()
        if into == settings.DATA_DIR:
            raise CommandError("A restore goes into a new folder, never over the one in use.")
        done = embedded.restore_to(_moment(what), source.resolve(), into, say=self._say)
        mark_restored(into, source=done["restored_from"], reached=done["reached"])
        return done | look_over(into, say=self._say)

    def _say(self, text: str) -> None:
        if not self.is_quiet:
            self.stdout.write(f"  {text}")

    def _tell(self, answer: dict) -> None:
        if self.is_quiet:
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
            return
        for name, value in answer.items():
            if name != "ok" and value is not None:
                self.stdout.write(f"{name}: {value}")


def _reachable() -> dict:
    try:
        with closing(Database.of_django(settings.DATABASES["default"]).connect()) as connection:
            version = connection.get_parameter_status("server_version")
    except EmbeddedPostgresError as error:
        return {"reachable": False, "reason": str(error)}
    return {"reachable": True, "version": version}


def _moment(text: str) -> datetime | None:
    """A moment as it was typed, or None for `latest`. Raises CommandError."""
    if text == "latest":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text!r} is no moment. Like this: 2026-04-15T14:30:00, or latest") from None
    return moment if moment.tzinfo else timezone.make_aware(moment)


def _words_of_verbs() -> str:
    return "; ".join(f"{verb}: {words.lstrip('?')}" for verb, words in VERBS.items() if words)
