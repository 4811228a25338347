"""What `make run` does: from nothing, or from yesterday's data, to an address that can be opened in a browser."""

import ctypes
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import environ
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection, connections

from casework import embedded_postgres as embedded
from casework.embedded_postgres import EmbeddedPostgresError
from casework.models import Case
from funds import bank_formats

PORTS = range(8000, 8100)
SECONDS_TO_ANSWER = 60
SECONDS_TO_END = 20
LONGEST_PAUSE = 30.0  # seconds before a child that keeps dying is started again
LONG_LIFE = 60.0  # seconds after which a death is taken for an accident


class Command(BaseCommand):
    help = (
        "Prepare database and pages, then run the web server and the worker until Ctrl-C. For trying out, see README."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--demo", action="store_true", help="load the demo if the database is empty (CASEWORK_DEMO=1)"
        )

    def handle(self, *, demo: bool, **options) -> None:
        for name in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.default_int_handler)  # like Ctrl-C
        began = time.monotonic()
        children: list[Child] = []
        try:
            self._prepare(demo=environ.Env().bool("CASEWORK_DEMO", default=demo))
            children = _children(*(address := _free_address()))
            self._start(children, address)
            self._announce(address, time.monotonic() - began)
            while True:
                time.sleep(0.5)
                for child in children:
                    child.revive(self._write)
        except KeyboardInterrupt:
            self._write("\n正在停止 · Stopping")
        finally:
            _end(children)
        self._write("已停止；数据库还在运行。 · Stopped; the database keeps running (manage.py db stop ends it).")

    def _prepare(self, *, demo: bool) -> None:
        with self._step("数据库", "Database"):
            self._start_database()
        with self._step("数据表", "Tables"):
            call_command("migrate", interactive=False, verbosity=0)
            bank_formats.seed()  # those of a newer version as well
        if demo and _is_unfinished():
            with self._step("演示数据", "Demo data"):
                call_command("demo")
        with self._step("页面样式", "Styles and scripts"):
            call_command("collectstatic", interactive=False, verbosity=0)
        connections.close_all()

    def _start_database(self) -> None:
        try:
            if os.environ.get("DATABASE_URL"):
                connection.ensure_connection()
            else:
                embedded.start(settings.DATA_DIR, say=lambda text: self._write(f"    {text}"))
        except (EmbeddedPostgresError, OperationalError) as error:
            raise CommandError(str(error)) from error

    def _start(self, children: list["Child"], address: tuple[str, int]) -> None:
        with self._step("网页服务和后台任务", "Web server and worker"):
            for child in children:
                child.start()
            give_up = time.monotonic() + SECONDS_TO_ANSWER
            while not _answers(address):
                dead = next((child.name for child in children if child.is_dead()), None)
                if dead or time.monotonic() > give_up:
                    raise CommandError(f"The {dead or 'web server'} did not start; its reason stands above.")
                time.sleep(0.1)

    def _announce(self, address: tuple[str, int], seconds: float) -> None:
        self._write(f"\n请打开 · Open   {_url(address)}   ({seconds:.1f} s)")
        if settings.DEMO:
            self._write("演示账号见登录页 · Demo accounts: see the login page")
        self._write("按 Ctrl-C 停止 · Ctrl-C stops it\n")

    @contextmanager
    def _step(self, chinese: str, english: str) -> Iterator[None]:
        self._write(f"· {chinese} · {english}")
        began = time.monotonic()
        yield
        self._write(f"    {time.monotonic() - began:.1f} s")

    def _write(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


class Child:
    """A process that is started again when it dies."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name, self.command = name, command
        self.process: subprocess.Popen | None = None
        self.started_at = self.rest_until = self.pause = 0.0

    def start(self) -> None:
        # A session of its own: Ctrl-C reaches this command alone, which ends its children in order.
        self.process = subprocess.Popen(
            self.command, cwd=settings.BASE_DIR, start_new_session=True, preexec_fn=_end_with_parent
        )
        self.started_at, self.rest_until = time.monotonic(), 0.0

    def is_dead(self) -> bool:
        return self.process.poll() is not None

    def revive(self, say: Callable[[str], None]) -> None:
        """Start it again if it died: at once after a long life, else after a pause that doubles."""
        if not self.is_dead():
            return
        now = time.monotonic()
        if not self.rest_until:
            self.pause = 1.0 if now - self.started_at > LONG_LIFE else min(LONGEST_PAUSE, self.pause * 2 or 1.0)
            self.rest_until = now + self.pause
            say(f"{self.name} ended with status {self.process.returncode}; it starts again in {self.pause:.0f} s.")
        elif now > self.rest_until:
            self.start()


def _is_unfinished() -> bool:
    """Whether the database is empty, or the demo was interrupted. Real work is never mixed with the demo."""
    if not get_user_model().objects.exists():
        return True
    return (settings.DATA_DIR / "demo").exists() and not Case.objects.exists()


def _children(host: str, port: int) -> list[Child]:
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    options = ["--workers", "2", "--threads", "4", "--timeout", "60", "--graceful-timeout", "10", "--no-control-socket"]
    web = ["-m", "gunicorn", "casework.wsgi:application", "--bind", bind, "--log-level", "warning", *options]
    children = [Child("web server", [sys.executable, *web])]
    if "worker" in get_commands():
        children.append(Child("worker", [sys.executable, "manage.py", "worker"]))
    if settings.CELERY_BROKER_URL:  # the worker only publishes then
        celery = ["-m", "celery", "-A", "casework.celery", "worker", "--concurrency", "2", "--loglevel", "WARNING"]
        children.append(Child("Celery worker", [sys.executable, *celery]))
    return children


def _end(children: list[Child]) -> None:
    """Ask all to finish what they are doing, then end those that did not."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)  # an impatient second Ctrl-C would leave them behind
    started = [child.process for child in children if child.process]
    for process in started:
        process.terminate()
    give_up = time.monotonic() + SECONDS_TO_END
    for process in started:
        try:
            process.wait(max(0.1, give_up - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _end_with_parent() -> None:
    """In a new child: ask Linux for a SIGTERM should this command be killed with -9."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _free_address() -> tuple[str, int]:
    """HOST and PORT of the environment; without PORT the first free one from 8000 on."""
    host = os.environ.get("HOST") or "127.0.0.1"
    wanted = os.environ.get("PORT")
    for port in [int(wanted)] if wanted else PORTS:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except PermissionError as error:
                raise CommandError(f"Port {port} needs more rights. Choose one above 1023: PORT=8000.") from error
            except OSError:
                continue
            return host, port
    raise CommandError(f"{host}:{wanted or f'{PORTS[0]}-{PORTS[-1]}'} is taken. Choose another one, as in PORT=8200.")


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _url(address: tuple[str, int]) -> str:
    host = _reachable(address[0])
    return f"http://[{host}]:{address[1]}/" if ":" in host else f"http://{host}:{address[1]}/"


def _answers(address: tuple[str, int]) -> bool:
    visit = http.client.HTTPConnection(_reachable(address[0]), address[1], timeout=10)
    try:
        visit.request("GET", "/healthz")
        return visit.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        visit.close()
