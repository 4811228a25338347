"""Keys that are made on the machine and stay there: one JSON file, mode 0600, in the data directory."""

import base64
import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


class KeyMissing(LookupError):
    """A key that should be in the file is not: it was retired, or the file is of another installation."""


class Secrets:
    """Named random keys in one file. A name is created on first use and never changes afterwards; it may be forgotten.

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

    def existing(self, name: str) -> bytes:
        """The key `name` as raw bytes; none is made. Raises KeyMissing."""
        if name not in self._known:
            self._known = self._read()
        if name not in self._known:
            raise KeyMissing(f"The key {name} is not in {self.path.name}.")
        return base64.b64decode(self._known[name])

    def has(self, name: str) -> bool:
        """Whether the file has it now, whatever this process remembers."""
        return name in self._read()

    def generations(self, name: str) -> list[int]:
        """The numbers of a key that is renewed, oldest first: 1 is `name` itself, then `name`_2, `name`_3 …"""
        known = self._read()
        numbers = [
            int(key[len(name) + 1 :]) for key in known if key.startswith(f"{name}_") and key[len(name) + 1 :].isdigit()
        ]
        return sorted(([1] if name in known else []) + numbers)

    def forget(self, name: str) -> None:
        """Take a key out of the file for good. What was sealed with it alone opens no more."""
        with self._locked() as known:
            known.pop(name, None)

    def stamp(self) -> tuple[int, int]:
        """Changes whenever the file is written: cheap enough to be asked before each value."""
        try:
            about = os.stat(self.path)
        except FileNotFoundError:
            return (0, 0)
        return (about.st_mtime_ns, about.st_ino)

    def touch(self) -> None:
        """Write the file anew, so that every process looks at what it keeps in memory once more."""
        with self._locked():
            pass

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
        with self._locked() as known:
            known.setdefault(name, base64.b64encode(secrets.token_bytes(length)).decode())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[dict[str, str]]:
        """What is in the file, to be changed; it is replaced as a whole and on the disk before the block ends."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            _lock_exclusively(lock)
            known = self._read()
            yield known
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


def numbered(name: str, number: int) -> str:
    """The name of a generation of a key that is renewed: the first one has the bare name."""
    return name if number == 1 else f"{name}_{number}"
