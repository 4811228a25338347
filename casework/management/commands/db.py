"""The database server: start it, stop it, look at it, back it up, bring it back."""

import json
import os
import time
from contextlib import closing
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from audit.console import JsonCommand
from casework import embedded_postgres as embedded
from casework.embedded_postgres import Database, EmbeddedPostgresError

ELSEWHERE = "The database server is managed elsewhere: DATABASE_URL is set."


class Command(JsonCommand):
    help = "Start, stop or look at the database; back it up with its keys and files, or restore such a backup."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("verb", choices=("start", "stop", "status", "backup", "restore"))
        parser.add_argument("file", nargs="?", help="backup: new file or folder; restore: the backup file")
        parser.add_argument("--yes", action="store_true", help="restore: replace a database that has tables")

    def handle(self, *, verb: str, file: str | None, yes: bool, **options) -> None:
        self.is_quiet = options["json"]
        if verb == "restore" and file is None:
            raise CommandError("Which file? manage.py db restore FILE")
        began = time.monotonic()
        try:
            answer = self._do(verb, Path(file) if file else None, yes)
        except (EmbeddedPostgresError, OSError) as error:  # a disk that is full, a folder that may not be written
            raise CommandError(str(error)) from error
        self._tell({"ok": True, **answer, "seconds": round(time.monotonic() - began, 2)})

    def _do(self, verb: str, file: Path | None, yes: bool) -> dict:
        is_embedded = not os.environ.get("DATABASE_URL")
        if verb in ("backup", "restore"):
            if is_embedded:
                embedded.start(settings.DATA_DIR, say=self._say)
            database = Database.of_django(settings.DATABASES["default"])
            if verb == "backup":
                return embedded.backup(database, settings.DATA_DIR, to=file, say=self._say)
            return embedded.restore(database, settings.DATA_DIR, file, yes=yes, say=self._say)
        if not is_embedded:
            return {"managed": "elsewhere", "message": ELSEWHERE} | (_reachable() if verb == "status" else {})
        if verb == "status":
            return {"managed": "here"} | embedded.status(settings.DATA_DIR)
        act = embedded.start if verb == "start" else embedded.stop
        return {"managed": "here"} | act(settings.DATA_DIR, say=self._say)

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
