"""Keys that are made on the machine and stay there: one JSON file, mode 0600, in the data directory."""

import base64
import json
import os
import secrets
from pathlib import Path


class Secrets:
    """Named random keys in one file. A name is created on first use and never changes afterwards.

    Several processes may start at once: the file is replaced atomically, and whoever comes second reads
    what the first one wrote.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, str] = {}

    def bytes(self, name: str, length: int = 32) -> bytes:
        """The key `name` as raw bytes."""
        return base64.b64decode(self._get(name, length))

    def text(self, name: str, length: int = 48) -> str:
        """The key `name` as base64 text."""
        return self._get(name, length)

    def _get(self, name: str, length: int) -> str:
        if name not in self._known:
            self._known = self._read()
        if name not in self._known:
            self._create(name, length)
        return self._known[name]

    def _read(self) -> dict[str, str]:
        try:
            return json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}

    def _create(self, name: str, length: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            _lock_exclusively(lock)
            known = self._read()
            known.setdefault(name, base64.b64encode(secrets.token_bytes(length)).decode())
            draft = self.path.with_suffix(f".{os.getpid()}.tmp")
            with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
                json.dump(known, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, self.path)
            self._known = known
        finally:
            os.close(lock)


def _lock_exclusively(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: two first starts at the same instant are the operator's own
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)
