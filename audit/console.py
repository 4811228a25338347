"""Commands that scripts run: with --json the answer is one JSON object, a refusal too."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError


class JsonCommand(BaseCommand):
    """With --json standard output holds one JSON object; a refusal is {"ok": false, "error", "message"}, exit status 1."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer with one JSON object")

    def execute(self, *args: Any, **options: Any) -> Any:
        try:
            return super().execute(*args, **options)
        except OperationalError as error:
            refusal = CommandError(f"The database does not answer: {error}".strip())
            self._tell_refusal(error, refusal, options)
            raise refusal from error
        except CommandError as refusal:
            self._tell_refusal(refusal.__cause__ or refusal, refusal, options)
            raise

    def _tell_refusal(self, why: BaseException, refusal: CommandError, options: dict[str, Any]) -> None:
        if options.get("json"):
            answer = {"ok": False, "error": type(why).__name__, "message": str(refusal)}
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
