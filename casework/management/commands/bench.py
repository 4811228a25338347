import json
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from audit.console import JsonCommand
from benchmarks import act, importing, packing, payments, queue, scratch, verifying

BENCHMARKS: dict[str, Callable[..., dict[str, Any]]] = {
    "act": act.measure,
    "queue": queue.measure,
    "import": importing.measure,
    "verify": verifying.measure,
    "payments": payments.measure,
    "pack": packing.measure,
}


class Command(JsonCommand):
    help = (
        "Measure the speed of the usual work in a scratch database of its own, beside the real one, which is not touched. "
        "See benchmarks/README.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", choices=BENCHMARKS)
        parser.add_argument(
            "--scale",
            type=int,
            help="acts, cases, households, history rows, payees or cases of a pack; each has its own default",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["scale"] is not None and options["scale"] < 1:
            raise CommandError("--scale must be 1 or more.")
        scale = () if options["scale"] is None else (options["scale"],)
        with scratch.database():
            figures = BENCHMARKS[options["name"]](*scale)
            figures["conditions"] = scratch.server()
        self.stdout.write(json.dumps(figures, ensure_ascii=False) if options["json"] else _as_text(figures))


def _as_text(figures: dict[str, Any]) -> str:
    width = max(map(len, figures))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in figures.items())
