"""Run every timer once, now, and deliver what the outbox holds: a worker's round for the demo, tests and cron."""

import json
import sys
import time
from typing import Any

from audit.console import JsonCommand
from jobs import tasks, timers
from jobs.worker import Worker


class Command(JsonCommand):
    help = "Run every timer once and deliver the outbox."

    def handle(self, **options: Any) -> None:
        began = time.monotonic()
        done = [_run(name) for name in timers.names()]
        answer = {
            "timers": done,
            "delivered": Worker().drain(),
            "seconds": round(time.monotonic() - began, 3),
        }
        if options["json"]:
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        else:
            for timer in done:
                self.stdout.write(f"{timer['name']}: {timer['error'] or timer['result']}")
            self.stdout.write(f"outbox: {answer['delivered']} delivered")
        if any(timer["error"] for timer in done):
            sys.exit(1)


def _run(name: str) -> dict[str, Any]:
    began = time.monotonic()
    timers.claim(name, at_once=True)
    tasks.run_timer.apply(args=[name])
    run = timers.run_of(name)
    return {
        "name": name,
        "seconds": round(time.monotonic() - began, 3),
        "result": run.result,
        "error": run.error,
    }
