"""A cable between Django and PostgreSQL that is cut at the one moment that matters, around a COMMIT.

with laid() as cable:
    cable.cut("after")         PostgreSQL commits, and its answer is lost
    cable.cut("before")        the order to commit is lost

Killing a server meets the first of these once in many thousand times; here it is certain.
"""

import select
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.db import connection, connections

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"  # as it goes over the wire
SOCKET = ".s.PGSQL."


class Cable:
    """Carries bytes both ways. `cuts`: how often it was cut."""

    def __init__(self, door: socket.socket, host: str, port: str) -> None:
        self.door, self.host, self.port = door, host, port
        self.moment, self.cuts = "", 0
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self, moment: str) -> None:
        """At the next COMMIT: "before" PostgreSQL reads it, or "after" it has done it."""
        self.moment = moment

    def _listen(self) -> None:
        with suppress(OSError):  # the door is closed in the end
            while True:
                client, _address = self.door.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with suppress(OSError), client, self._server() as server:
            while True:
                for side in select.select([client, server], [], [])[0]:
                    data = side.recv(1 << 16)
                    if not data or side is client and COMMIT in data and self._cuts(server, data):
                        return
                    (server if side is client else client).sendall(data)

    def _cuts(self, server: socket.socket, data: bytes) -> bool:
        moment, self.moment = self.moment, ""
        if moment == "after":
            server.sendall(data)
            server.recv(1 << 16)  # it says that it has committed, and nobody hears it
        self.cuts += bool(moment)
        return bool(moment)

    def _server(self) -> socket.socket:
        if not self.host.startswith("/"):
            return socket.create_connection((self.host, int(self.port)))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{self.host}/{SOCKET}{self.port}")
        return server


@contextmanager
def laid() -> Iterator[Cable]:
    """Within the block Django talks to its database through a cable."""
    usual = dict(connection.settings_dict)
    host, port = usual["HOST"] or "127.0.0.1", str(usual["PORT"] or 5432)
    with tempfile.TemporaryDirectory(prefix="cable-", dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as door:
        path = Path(folder) / f"{SOCKET}{port}"
        door.bind(str(path))
        door.listen()
        connections.close_all()
        connection.settings_dict.update(HOST=folder, PORT=port)
        try:
            yield Cable(door, host, port)
        finally:
            connections.close_all()
            connection.settings_dict.update(usual)
            with suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
