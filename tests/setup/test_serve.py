"""`make run` finds a free port, keeps its children alive and takes them along when it goes."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from django.core.management.base import CommandError

from casework.management.commands import serve


@pytest.fixture
def taken_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def within_seconds(seconds: float, happens: Callable[[], bool]) -> bool:
    give_up = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.02)
    return True


def test_a_taken_port_is_passed_over(taken_port, monkeypatch):
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.delenv("HOST", raising=False)
    monkeypatch.setattr(serve, "PORTS", range(taken_port, taken_port + 20))

    host, port = serve._free_address()

    assert host == "127.0.0.1"
    assert port > taken_port


def test_a_port_that_was_asked_for_and_is_taken_is_refused(taken_port, monkeypatch):
    monkeypatch.setenv("PORT", str(taken_port))

    with pytest.raises(CommandError, match=f"127.0.0.1:{taken_port} is taken"):
        serve._free_address()


def test_a_child_that_dies_is_started_again_after_a_pause_that_grows():
    said: list[str] = []
    child = serve.Child("worker", ["sleep", "60"])
    child.start()
    first = child.process.pid

    child.process.kill()
    child.process.wait()
    child.revive(said.append)
    assert child.is_dead()
    child.rest_until = time.monotonic() - 1
    child.revive(said.append)

    assert not child.is_dead()
    assert child.process.pid != first
    child.process.kill()
    child.process.wait()
    child.revive(said.append)
    assert said == [
        "worker ended with status -9; it starts again in 1 s.",
        "worker ended with status -9; it starts again in 2 s.",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
def test_the_children_end_when_the_command_is_killed():
    code = (
        "import os, time; os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'casework.settings')\n"
        "import django; django.setup()\n"
        "from casework.management.commands.serve import Child\n"
        "child = Child('worker', ['sleep', '60']); child.start(); print(child.process.pid, flush=True); time.sleep(60)"
    )
    command = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    child = int(command.stdout.readline())

    command.send_signal(signal.SIGKILL)
    command.wait()

    assert within_seconds(5, lambda: not _lives(child))


def test_children_that_do_not_listen_are_killed_in_the_end(monkeypatch):
    monkeypatch.setattr(serve, "SECONDS_TO_END", 0.3)
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    deaf = serve.Child("worker", ["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"])
    deaf.start()
    time.sleep(0.3)

    serve._end([deaf])

    for name, handler in before.items():
        signal.signal(name, handler)
    assert deaf.process.returncode == -signal.SIGKILL


def _lives(number: int) -> bool:
    try:
        with open(f"/proc/{number}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
