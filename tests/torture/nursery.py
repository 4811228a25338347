"""A process that has everything loaded and forks workers that can be killed: a fresh Python would take seconds each.

    with Nursery({"worker": work}) as nursery:
        pid = nursery.start("worker")
        nursery.kill(pid)                    # kill -9

It is forked before this process has threads or database connections, and serves one order after the other.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from multiprocessing import Pipe

from django.db import connections


class Nursery:
    def __init__(self, roles: dict[str, Callable[[], None]]) -> None:
        self.roles = roles
        connections.close_all()  # else parent and children would talk over one connection
        self.orders, theirs = Pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self.orders.close()
            self._serve(theirs)
        theirs.close()
        self.living: set[int] = set()

    def _serve(self, orders: object) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are taken away by themselves
        try:
            while role := orders.recv():
                pid = os.fork()
                if pid == 0:
                    orders.close()
                    self._live(role)
                orders.send(pid)
        finally:
            os._exit(0)

    def _live(self, role: str) -> None:
        """Work until killed. Never returns into the code that forked us."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            self.roles[role]()
        finally:
            os._exit(1)

    def start(self, role: str) -> int:
        self.orders.send(role)
        pid = self.orders.recv()
        self.living.add(pid)
        return pid

    def kill(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        while _is_there(pid):
            time.sleep(0.001)
        self.living.discard(pid)

    def __enter__(self) -> "Nursery":
        return self

    def __exit__(self, *error: object) -> None:
        for pid in list(self.living):
            self.kill(pid)
        self.orders.send("")
        os.waitpid(self.pid, 0)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
