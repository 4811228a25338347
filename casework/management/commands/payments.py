"""Bank files from scripts: the list of a batch, the bank's answer, a new format. And the freeze after a restore."""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from access.models import Staff
from audit import clock
from audit.console import JsonCommand
from casework.after_restore import freeze_if_marked, is_marked
from casework.errors import REFUSALS
from funds import bank_files, bank_formats, bank_lists, freezing
from funds.banking.errors import ListRefused
from funds.models import BankFormat, PaymentBatch
from funds.money import yuan


class Command(JsonCommand):
    help = (
        "export BATCH: write the bank's list of a released batch. import FILE: post a bank's answer, whole or not at all. "
        "format [FILE]: add a version of a bank's format, list them. freeze: stop all payments after a restore. Exit status 1 on a refusal; then nothing was changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        verbs = parser.add_subparsers(dest="verb", required=True)
        export = verbs.add_parser("export", help="the list of a released batch for a bank")
        export.add_argument("batch", help="its number")
        export.add_argument("--bank", required=True, help="code of the bank")
        export.add_argument("--out", type=Path, help="where to; the name is the batch's otherwise")
        export.add_argument("--reason", default="manage.py payments export", help="stays in the access log")
        export.add_argument("--purpose", default="", help="what the bank prints beside each payment")
        export.add_argument("--by", required=True, help="username of whoever exports; stays in the access log")
        answer = verbs.add_parser("import", help="a bank's answer")
        answer.add_argument("file", type=Path)
        answer.add_argument("--bank", required=True, help="code of the bank")
        answer.add_argument("--dry-run", action="store_true", help="judge the file, post nothing")
        answer.add_argument("--by", help="username of whoever posts; needed unless --dry-run")
        made = verbs.add_parser("format", help="add a version of a bank's format, as JSON (docs/adr/0013); list them")
        made.add_argument("file", type=Path, nargs="?", help="without one the formats of the product are written down")
        made.add_argument("--by", help="username of whoever answers for it")
        frozen = verbs.add_parser("freeze", help="stop all payments until the bank was asked; two persons lift it")
        frozen.add_argument("--why", help="which backup or snapshot was restored, and how")
        frozen.add_argument(
            "--restored", action="store_true", help="only if `db restore` or `db restore-to` left its mark"
        )
        frozen.set_defaults(by=None)
        for verb in (export, answer, made, frozen):  # may stand after the verb as well
            verb.add_argument(
                "--json", action="store_true", default=argparse.SUPPRESS, help="answer with one JSON object"
            )

    def handle(self, *args: Any, **options: Any) -> None:
        by = self._by(options["by"])
        try:
            done = {
                "export": self._export,
                "import": self._import,
                "format": self._format,
                "freeze": self._freeze,
            }[options["verb"]](by, options)
        except (*REFUSALS, OSError) as refusal:
            raise CommandError(self._in_words(refusal)) from refusal
        if options["json"]:
            self.stdout.write(json.dumps({"ok": True, **done}, ensure_ascii=False, default=str))
            return
        for name, value in done.items():
            self.stdout.write(f"{name}: {value}")

    def _by(self, username: str | None) -> Staff | None:
        if not username:
            return None
        found = Staff.objects.filter(username=username, is_active=True).first()
        if found is None:
            raise CommandError(f"There is no active account {username}.")
        return found

    def _in_words(self, refusal: Exception) -> str:
        if isinstance(refusal, ListRefused):
            lines = [f"{problem.line}: {problem.words}" for problem in refusal.problems]
            return "\n".join((str(refusal), *lines))
        return str(refusal)

    def _export(self, by: Staff | None, options: dict[str, Any]) -> dict[str, Any]:
        batch = PaymentBatch.objects.filter(number=options["batch"]).first()
        if batch is None:
            raise CommandError(f"There is no batch {options['batch']}.")
        form = bank_formats.list_format(options["bank"], clock.today())
        out = options["out"] or Path(bank_lists.filename(batch, form.file.kind))
        part = out.with_name(f"{out.name}.part")  # a refused list leaves no file that somebody could send
        try:
            with part.open("w+b") as file:
                made = bank_lists.export(
                    batch, options["bank"], by=by, reason=options["reason"], out=file, purpose=options["purpose"]
                )
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)
        return {
            "batch": batch.number,
            "bank": made.bank,
            "format": made.format_version,
            "file": str(out),
            "sha256": made.sha256,
            "count": made.count,
            "total_fen": made.total_fen,
            "total": yuan(made.total_fen),
        }

    def _import(self, by: Staff | None, options: dict[str, Any]) -> dict[str, Any]:
        if by is None and not options["dry_run"]:
            raise CommandError("Say who posts it: --by USERNAME. With --dry-run nobody does.")
        with options["file"].open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            if options["dry_run"]:
                return self._told(bank_files.judge(file, options["bank"], by=by), sha256, options)
            bank_files.refuse_what_was_posted(sha256)
            return self._posted(file, sha256, by, options)

    @transaction.atomic
    def _posted(self, file: BinaryIO, sha256: str, by: Staff | None, options: dict[str, Any]) -> dict[str, Any]:
        """Probable lines are for a person to look at; here nobody does, so they become tasks."""
        bank_files.one_at_a_time()
        judged = bank_files.judge(file, options["bank"], by=by)
        made = bank_files.post(judged, by=by, filename=options["file"].name, sha256=sha256)
        return self._told(judged, sha256, options) | {
            "posted": True,
            "bank_file": made.pk,
            "tasks": made.tasks.count(),
        }

    def _told(self, judged: bank_files.Judged, sha256: str, options: dict[str, Any]) -> dict[str, Any]:
        sent = bank_files.approved(judged.batches)
        return {
            "file": options["file"].name,
            "sha256": sha256,
            "bank": judged.bank,
            "format": judged.form.version,
            "header_row": judged.layout.line,
            "lines": judged.count,
            "sent_payments": sent.count,
            "sent_fen": sent.total_fen,
            "counts": dict(judged.counts),
            "sums_fen": dict(judged.sums_fen),
            "reasons": dict(judged.reasons),
            "no_answer": [payment.serial for payment in judged.no_answer],
            "findings": [{"line": one.line, "code": one.code, "words": one.words} for one in judged.findings],
            "unknown_words": judged.unknown_words,
            "may_be_posted": judged.may_be_posted,
            "posted": False,
        }

    def _freeze(self, by: Staff | None, options: dict[str, Any]) -> dict[str, Any]:
        if options["restored"]:
            made = freeze_if_marked()
            if made is None and is_marked():
                raise CommandError(
                    "The database has no table for a freeze yet: manage.py migrate makes it, and freezes."
                )
        elif options["why"]:
            made = freezing.freeze(source=options["why"], at=timezone.now())
        else:
            raise CommandError(
                "Say what was restored: manage.py payments freeze --why 'snapshot of the server of 1 May'"
            )
        return {"frozen": freezing.open_freezes().count(), "made": made.pk if made else None}

    def _format(self, by: Staff | None, options: dict[str, Any]) -> dict[str, Any]:
        if options["file"] is None:
            added = bank_formats.seed()
        elif by is None:
            raise CommandError("Say who answers for it: --by USERNAME.")
        else:
            bank_formats.add(options["file"].read_bytes(), by=by)
            added = 1
        columns = ("code", "direction", "version", "valid_from", "name")
        return {"added": added, "formats": list(BankFormat.objects.values(*columns))}
