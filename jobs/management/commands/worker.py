"""Do what was promised: deliver the outbox, run jobs and timers, until stopped."""

import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from jobs.worker import Worker


class Command(BaseCommand):
    help = (
        "Deliver the outbox, run jobs and timers until SIGTERM. With CELERY_BROKER_URL the work is published to Celery."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="say nothing at start and end")

    def handle(self, *, quiet: bool, **options: Any) -> None:
        worker = Worker()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        if not quiet:
            self.stdout.write(f"worker: {'publishing to the broker' if settings.CELERY_BROKER_URL else 'working'}")
            self.stdout.flush()
        is_sound = worker.run()
        if not quiet:
            self.stdout.write("worker: stopped")
        if not is_sound:
            sys.exit(1)
