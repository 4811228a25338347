"""Check the trail, seal it now, or give it to somebody who checks it himself."""

import argparse
import datetime
import getpass
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from audit import anchors, bundle, checkpoints, console_replay, erasure
from audit.console import JsonCommand
from audit.context import Acting, request_of
from audit.errors import AuditError
from audit.verify import verify

SHOWN = 50


class Command(JsonCommand):
    help = (
        "verify: prove that nothing was changed after it was written. replay: build today's rows anew from history and "
        "compare them. checkpoint: seal what was written so far. "
        "export: a bundle that anybody can check without this program. anchor: the day's seal, to be kept elsewhere."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        verbs = parser.add_subparsers(dest="verb", required=True)
        proof = verbs.add_parser("verify", help="prove that nothing was changed after it was written")
        proof.add_argument(
            "--anchor",
            action="append",
            default=[],
            help='from a paper: "SIZE ROOT" (16 digits or more), or a fingerprint',
        )
        again = verbs.add_parser(
            "replay", help="build every row anew from its history and compare it with the live one"
        )
        again.add_argument("--table", default="", metavar="T", help="one table, for example casework_case")
        again.add_argument("--as-of", metavar="MOMENT", help="2026-04-15, the whole of that day, or 2026-04-15T09:30")
        sealing = verbs.add_parser("checkpoint", help="seal what was written so far")
        export = verbs.add_parser("export", help="write a bundle: events, proofs, seals, balances, verifier")
        export.add_argument("--to", type=Path, required=True, metavar="FILE.zip")
        what = export.add_mutually_exclusive_group()
        what.add_argument("--case", metavar="NO", help="one case with its household, batches and objections")
        what.add_argument("--fund", metavar="CODE", help="one fund with all its movements and balances")
        what.add_argument("--since", type=datetime.date.fromisoformat, help="first day on which it was recorded")
        export.add_argument("--until", type=datetime.date.fromisoformat, help="last day; with --since")
        export.add_argument("--reveal", metavar="REASON", default="", help="with every value in clear; why")
        export.add_argument("--by", help="username of whoever exports, for the access log; else the machine's user")
        anchor = verbs.add_parser("anchor", help="write the day's seal to a file, and mail it where that is set up")
        anchor.add_argument("--to", type=Path, metavar="DIR", help="folder; else CASEWORK_ANCHOR_DIR")
        for verb in (proof, again, sealing, export, anchor):  # may stand after the verb as well
            verb.add_argument(
                "--json", action="store_true", default=argparse.SUPPRESS, help="answer with one JSON object"
            )

    def handle(self, *, verb: str, **options: Any) -> None:
        self.is_json = options["json"]
        try:
            if verb == "checkpoint":
                self._checkpoint()
            elif verb == "export":
                self._export(options)
            elif verb == "anchor":
                self._tell(asdict(anchors.publish(options["to"])))
            elif verb == "replay":
                if console_replay.tell(self.stdout, options["table"], options["as_of"], is_json=self.is_json):
                    sys.exit(1)
            elif self._problems(options["anchor"]):
                sys.exit(1)
        except (AuditError, OSError) as refusal:
            raise CommandError(str(refusal)) from refusal

    def _problems(self, printed: list[str]) -> int:
        report = verify(anchors=printed)
        if self.is_json:
            self.stdout.write(json.dumps(asdict(report), ensure_ascii=False))
        else:
            for problem in report.problems[:SHOWN]:
                where = " ".join(str(part) for part in (problem.table, problem.row, problem.stream) if part)
                self.stdout.write(f"{problem.kind}: {where}: {problem.message}")
            for told in erasure.all_done():
                order = told.order
                self.stdout.write(
                    f"erased on {order.confirmed_at:%Y-%m-%d} by staff {order.proposed_by}+{order.confirmed_by}: "
                    f"{order.subject}, {told.rows} rows, because of {order.because}, due since {order.due_since}"
                )
            self.stdout.write(
                f"{report.rows} rows, {report.erased} erased, {len(report.problems)} problems, {report.seconds} s"
            )
        return len(report.problems)

    def _checkpoint(self) -> None:
        entries, made = checkpoints.seal_all(everything=True, most=10_000)
        last = made or checkpoints.latest()
        self._tell(
            {
                "entries": entries,
                "total": last.total if last else 0,
                "fingerprint": last.fingerprint if last else None,
                "root": bytes(last.root).hex() if last else None,
                "hash": bytes(last.hash).hex() if last else None,
                "public_key": checkpoints.public_key().hex(),
            }
        )

    def _export(self, options: dict[str, Any]) -> None:
        with request_of(lambda: self._acting(options["by"])):
            exported = bundle.export(options["to"], self._selection(options), reveal=options["reveal"])
        self._tell(asdict(exported))

    def _selection(self, options: dict[str, Any]) -> bundle.Selection:
        since, until = options["since"], options["until"]
        if bool(since) != bool(until) or (since and until < since):
            raise CommandError("--since and --until go together, the first day and the last.")
        if since:
            first = datetime.datetime.combine(since, datetime.time.min, timezone.get_default_timezone())
            last = datetime.datetime.combine(until, datetime.time.min, timezone.get_default_timezone())
            return bundle.between(first, last + datetime.timedelta(days=1))
        for name in ("case", "fund"):
            if options[name]:
                return bundle.selected(name, options[name])
        return bundle.WHOLE

    def _acting(self, username: str | None) -> Acting:
        if not username:
            return Acting(by_id=0, by_name=f"{getpass.getuser()} (shell)")
        found = get_user_model().objects.filter(username=username, is_active=True).first()
        if found is None:
            raise CommandError(f"There is no active account {username}.")
        return Acting(by_id=found.pk, by_name=str(found))

    def _tell(self, answer: dict[str, Any]) -> None:
        if self.is_json:
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        else:
            for name, value in answer.items():
                self.stdout.write(f"{name}: {value}")
