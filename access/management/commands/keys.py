"""Renew the keys, see how they stand, and take the old ones away (ADR 0034, docs/operations.md)."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from access import data_keys, resealing
from access.errors import AccessError
from access.models import DataKey
from access.secrets import KeyMissing, numbered
from audit import checkpoints, handovers
from audit.console import JsonCommand
from audit.errors import AuditError

KINDS = ("values", "seals", "sessions")
_SESSIONS = "django_secret_key"


class Command(JsonCommand):
    help = (
        "rotate: new keys, while everybody goes on working. status: which keys there are and what lies under them. "
        "retire: take the old ones out of the key file. values: ID and account numbers; seals: the signatures on the trail; "
        "sessions: who is signed in. The key of fingerprints is not renewed, see ADR 0034."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("verb", choices=("rotate", "status", "retire"))
        parser.add_argument(
            "kinds", nargs="*", metavar="KIND", help=f"{', '.join(KINDS)}; all of them when none is named"
        )

    def handle(self, *, verb: str, kinds: list[str], **options: Any) -> None:
        self.is_json = options["json"]
        if unknown := set(kinds) - set(KINDS):
            raise CommandError(f"There is no key of {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}.")
        try:
            self.tell(getattr(self, f"_{verb}")(kinds or KINDS))
        except (AccessError, AuditError, KeyMissing, OSError) as refusal:
            raise CommandError(str(refusal)) from refusal

    def _rotate(self, kinds: list[str]) -> dict[str, Any]:
        done: dict[str, Any] = {}
        if "values" in kinds:
            done |= self._rotate_values()
        if "seals" in kinds:
            checkpoints.seal_all()
            done["seals"] = f"key {checkpoints.hand_over().n}: {checkpoints.public_key().hex()}"
        if "sessions" in kinds:
            newest = (settings.SECRETS.generations(_SESSIONS) or [1])[-1]
            settings.SECRETS.text(numbered(_SESSIONS, newest + 1))
            done["sessions"] = f"key {newest + 1}, in force when the processes start again"
        return done

    def _rotate_values(self) -> dict[str, Any]:
        """One that was cut off is finished first: what lies under an older key is brought under the newest."""
        renewed = None if self._left_over() else data_keys.renew()
        settings.SECRETS.touch()
        resealed = resealing.reseal()
        newest = data_keys.current()
        return {
            "values": f"data key {newest}"
            + (f", root {renewed.root}" if renewed else ", begun before and finished now"),
            "resealed": resealed,
        }

    def _left_over(self) -> int:
        """Values that should lie under the newest key and do not."""
        newest = data_keys.current()
        return sum(
            count
            for column in resealing.sealed_columns()
            if not column.stays
            for number, count in resealing.by_key(column).items()
            if newest > 1 and number != newest
        )

    def _status(self, kinds: list[str]) -> dict[str, Any]:
        keys = handovers.Keys()
        told: dict[str, Any] = {}
        if "values" in kinds:
            told["roots in the file"] = settings.SECRETS.generations("root_key")
            told["data keys"] = {key.number: f"root {key.root}" for key in DataKey.objects.order_by("number")} or {
                1: "in the file"
            }
            told |= {column.name: resealing.by_key(column) for column in resealing.sealed_columns()}
        if "seals" in kinds:
            told["seals"] = {
                1 + n: key
                for n, key in enumerate([keys.first().hex(), *(bytes(h.new_key).hex() for h in keys.handovers)])
            }
            told["old seal keys in the file"] = [
                n for n in range(1, keys.generation) if settings.SECRETS.has(handovers.key_name(n))
            ]
        if "sessions" in kinds:
            told["sessions"] = settings.SECRETS.generations(_SESSIONS)
        return told

    def _retire(self, kinds: list[str]) -> dict[str, Any]:
        gone: list[str] = []
        if "values" in kinds:
            if left := self._left_over():
                raise CommandError(
                    f"{left} values still lie under an older key. Run `manage.py keys rotate values` to the end first."
                )
            gone += data_keys.retire()
        if "seals" in kinds:
            gone += checkpoints.forget_old_keys()
        if "sessions" in kinds:
            for number in settings.SECRETS.generations(_SESSIONS)[:-1]:
                settings.SECRETS.forget(numbered(_SESSIONS, number))
                gone.append(numbered(_SESSIONS, number))
        return {"retired": gone}

    def tell(self, answer: dict[str, Any]) -> None:
        if self.is_json:
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        else:
            for name, value in answer.items():
                self.stdout.write(f"{name}: {value}")
