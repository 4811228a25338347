"""Check the books, or print what a fund was, what came and went, and what it is."""

import datetime
import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from audit import clock
from audit.console import JsonCommand
from funds import ledger, statements
from funds.models import Fund


class Command(JsonCommand):
    help = (
        "check: recompute every balance and every closed month from the transfers; exit status 1 when the books are not sound. "
        "statement FUND --from DAY --to DAY: opening, movements, closing of a fund, by its code."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("verb", choices=("check", "statement"))
        parser.add_argument("fund", nargs="?", help="code of the fund")
        parser.add_argument("--from", dest="first", help="first day, for example 2026-01-01 (default: 1 January)")
        parser.add_argument("--to", dest="last", help="last day, included (default: today)")

    def handle(self, **options: Any) -> None:
        if options["verb"] == "statement":
            self._statement(**options)
        elif options["fund"]:
            raise CommandError("check asks for no fund: it checks the whole of the books.")
        else:
            self._check(**options)

    def _check(self, **options: Any) -> None:
        found = ledger.check()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found)))
        else:
            for name, value in asdict(found).items():
                self.stdout.write(f"{name}: {value}")
        if not found.is_sound:
            sys.exit(1)

    def _statement(self, **options: Any) -> None:
        if not options["fund"]:
            raise CommandError("Say which fund, by its code: ledger statement CARE --from 2026-01-01 --to 2026-03-31")
        fund = Fund.objects.filter(code=options["fund"]).first()
        if fund is None:
            raise CommandError(f"There is no fund with the code {options['fund']!r}.")
        last = _day(options["last"], "--to") or clock.today()
        first = _day(options["first"], "--from") or last.replace(month=1, day=1)
        if first > last:
            raise CommandError(f"--from {first} is after --to {last}.")
        found = statements.of_funds([fund.pk]).between(first, last)
        if options["json"]:
            self.stdout.write(json.dumps(_facts(fund, found), ensure_ascii=False))
        else:
            self.stdout.write("\n".join(_table(fund, found)))
        if not found.ties:
            sys.exit(1)


def _day(text: str | None, option: str) -> datetime.date | None:
    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{option} {text!r} is no day. Write it as 2026-03-31.") from error


def _facts(fund: Fund, found: statements.Statement) -> dict[str, Any]:
    return {
        "fund": fund.code,
        "from": found.first.isoformat(),
        "to": found.last.isoformat(),
        "opening_fen": found.opening_fen,
        "lines": [asdict(line) for line in found.lines],
        "stages": [asdict(stage) | {"closing_fen": stage.closing_fen} for stage in found.stages],
        "in_fen": found.in_fen,
        "out_fen": found.out_fen,
        "closing_fen": found.closing_fen,
        "held_fen": found.held_fen,
        "ties": found.ties,
    }


def _table(fund: Fund, found: statements.Statement) -> list[str]:
    """Lines for a terminal, in yuan."""
    signs = {statements.IN: "+", statements.OUT: "-", statements.WITHIN: " "}
    rows = [("opening", "", "", found.opening_fen)]
    rows += [
        (
            f"{line.kind}{' (reversal)' if line.is_reversal else ''}",
            signs[line.direction],
            str(line.count),
            line.amount_fen,
        )
        for line in found.lines
    ]
    rows.append(("closing", "", "", found.closing_fen))
    printed = [f"{name:<32}{count:>8}  {sign or ' '}{_yuan(fen):>20}" for name, sign, count, fen in rows]
    words = "agrees with the balances" if found.ties else f"DOES NOT AGREE with the balances ({_yuan(found.held_fen)})"
    return [f"{fund.code} {found.first} to {found.last}, yuan", *printed, words]


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100:,}.{abs(fen) % 100:02}"
