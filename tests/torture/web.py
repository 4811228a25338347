"""The real web server, in a process or a thread of its own, and a browser that presses one button and tries again."""

import http.client
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import Client

TOKEN = "a" * 32  # a browser's CSRF cookie, which its forms repeat
_HIDDEN = re.compile(r'<input type="hidden" name="(key|seen)" value="([^"]*)"')


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Nobody reads it."""


def listen() -> socket.socket:
    """A socket that outlives the servers which answer on it, so that a browser waits for the next one."""
    door = socket.create_server(("127.0.0.1", 0), backlog=128)
    door.set_inheritable(True)
    return door


def warm_up(staff: Any, path: str) -> None:
    """Load what the first request would, so that every server that is forked from here answers at once."""
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    client.get(path)


def serve(door: socket.socket) -> None:
    """Answer on that socket until killed."""
    _server(door).serve_forever(poll_interval=0.05)


@contextmanager
def serving(door: socket.socket) -> Iterator[None]:
    """Answer on that socket within the block, in threads of this process."""
    server = _server(door)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def _server(door: socket.socket) -> ThreadedWSGIServer:
    server = _Server(door.getsockname(), _Quiet, bind_and_activate=False)
    server.socket.close()
    server.socket = door
    server.server_name, server.server_port = door.getsockname()
    server.setup_environ()
    server.set_app(_closing(get_wsgi_application()))
    return server


class _Server(ThreadedWSGIServer):
    daemon_threads = True

    def handle_error(self, *args: Any) -> None:
        """A browser that went away is none."""


def _closing(application: Any) -> Any:
    """A thread answers one request and ends; its connection ends with it."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        try:
            return list(application(environ, start_response))
        finally:
            connections.close_all()

    return answer


@dataclass
class Browser:
    """Logged in as somebody. `statuses` are all answers it was given."""

    door: socket.socket
    staff: Any
    statuses: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        client = Client()
        client.force_login(self.staff, backend="django.contrib.auth.backends.ModelBackend")
        self.cookies = f"sessionid={client.cookies['sessionid'].value}; csrftoken={TOKEN}"

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """(status, body) of one request. Raises OSError or HTTPException when the server died over it."""
        link = http.client.HTTPConnection(*self.door.getsockname(), timeout=30)
        headers = {"Cookie": self.cookies}
        try:
            if form is None:
                link.request("GET", path, headers=headers)
            else:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
                link.request("POST", path, urlencode(form | {"csrfmiddlewaretoken": TOKEN}), headers)
            answer = link.getresponse()
            body = answer.read().decode()
        finally:
            link.close()
        self.statuses.append(answer.status)
        return answer.status, body

    def insist(self, path: str, form: dict[str, str] | None = None, *, seconds: float = 60) -> tuple[int, str]:
        """Ask until there is an answer, with the same form, as a person who presses the button again."""
        until = time.monotonic() + seconds
        while True:
            try:
                return self.ask(path, form)
            except (OSError, http.client.HTTPException):
                if time.monotonic() > until:
                    raise
                time.sleep(0.005)

    def decision(self, case_id: int) -> dict[str, str]:
        """The form of the review page, filled in with "approve"."""
        status, body = self.insist(f"/township/review/{case_id}/")
        assert status == 200, status
        return dict(_HIDDEN.findall(body)) | {"decision": "approve"}
