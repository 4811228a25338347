"""Where the embedded database of a data folder lives, and where it answers.

The data folder holds `postgres.json`, which names both. The name of the socket folder carries a random word: when the
data folder is deleted under a running server and made anew, the dying server removes its own socket, not the new one.
"""

import json
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .errors import BelongsToAnother, EmbeddedPostgresError
from .locks import try_lock

IS_LINUX = sys.platform == "linux"
ROOT_HOMES = Path("/var/lib/casework")
RESTORED = "restored.json"  # in the data folder, from a restore until its freeze stands in the database
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 103  # bytes; macOS allows 103, Linux 107

Say = Callable[[str], None]


def silent(text: str) -> None:
    """Progress lines for nobody."""


@dataclass(frozen=True)
class Place:
    data_dir: Path
    home: Path  # belongs to the user who runs the server, as does everything in it
    socket_dir: Path

    @property
    def cluster(self) -> Path:
        return self.home / "cluster"

    @property
    def config(self) -> Path:
        return self.home / "config"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    @property
    def alive_lock(self) -> Path:
        return self.home / "alive.lock"

    @property
    def socket(self) -> Path:
        return self.socket_dir / SOCKET_NAME

    @property
    def socket_lock(self) -> Path:
        return self.socket_dir / f"{SOCKET_NAME}.lock"

    @property
    def pointer(self) -> Path:
        return self.data_dir / "postgres.json"


def django_database(data_dir: Path) -> dict:
    """The entry of DATABASES for the embedded server of `data_dir`. Starts nothing.

    Raises EmbeddedPostgresError: Windows, or the socket folder has been taken by another user.
    """
    place = place_of(data_dir)
    refuse_foreign_socket_dir(place)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "casework",
        "USER": "casework",
        "PASSWORD": "",
        "HOST": str(place.socket_dir),
        "PORT": "5432",
    }


def place_of(data_dir: Path) -> Place:
    """Read where the database of `data_dir` lives; decide it when asked for the first time."""
    if sys.platform == "win32":
        raise EmbeddedPostgresError(
            "The embedded database runs on Linux and macOS. Here, set DATABASE_URL=postgres://user:password@host:5432/name."
        )
    data_dir = Path(data_dir).resolve()
    known = _read_pointer(data_dir)
    if not _still_holds(known, data_dir):
        known = _decide_under_lock(data_dir)
    return Place(data_dir, data_dir / known["home"], data_dir / known["socket_dir"])


def names_home(data_dir: Path, home: Path) -> bool:
    """Whether `data_dir` is still there and has its database in `home`."""
    known = _read_pointer(data_dir)
    return known is not None and data_dir / known["home"] == home


def refuse_foreign_socket_dir(place: Place) -> None:
    """Raise BelongsToAnother when somebody else could be answering in our socket folder."""
    try:
        there = place.socket_dir.lstat()
    except (FileNotFoundError, PermissionError):
        return  # nothing there yet, or nothing that this user may reach
    owner = place.home.stat().st_uid if place.home.exists() else os.getuid()
    if there.st_uid != owner or there.st_mode & 0o077 or not place.socket_dir.is_dir() or place.socket_dir.is_symlink():
        raise BelongsToAnother(
            f"The socket folder {place.socket_dir} belongs to another user or is open to others. "
            f"Remove it, or delete {place.pointer} so that another one is chosen."
        )


@contextmanager
def locked(data_dir: Path, say: Say = silent, patience: float = 300) -> Iterator[None]:
    """One starter, stopper or restorer per data folder at a time; the lock goes when its holder ends, however it ends.

    Raises EmbeddedPostgresError: another process has kept it for `patience` seconds.
    """
    path = data_dir / "postgres.lock"
    try:
        lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except PermissionError as error:
        raise BelongsToAnother(_other_owner(path)) from error
    try:
        _wait_for(lock, path, say, patience)
        yield
    finally:
        os.close(lock)


def _wait_for(lock: int, path: Path, say: Say, patience: float) -> None:
    began, told = time.monotonic(), False
    while not try_lock(lock):
        if time.monotonic() > began + patience:
            raise EmbeddedPostgresError(
                f"Another process has been holding {path} for {patience:.0f} s. End it and try again."
            )
        if not told:
            say("waiting for another process that is starting or stopping the database")
            told = True
        time.sleep(0.05)


def _other_owner(path: Path) -> str:
    nearest = path if path.exists() else path.parent
    return (
        f"{nearest} belongs to the user with number {nearest.stat().st_uid} and this program runs as {os.getuid()}. "
        "Run it as that user, or choose another CASEWORK_DATA_DIR."
    )


def _read_pointer(data_dir: Path) -> dict | None:
    path = data_dir / "postgres.json"
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise BelongsToAnother(_other_owner(path)) from error
    except ValueError as error:
        raise EmbeddedPostgresError(
            f"{path} is damaged ({error}). Delete it if a folder `postgres` is beside it."
        ) from error


def _still_holds(known: dict | None, data_dir: Path) -> bool:
    if known is None or known["data_dir"] != str(data_dir):
        return False
    if (data_dir / known["home"]).exists():
        return True
    # Nothing was started yet, and who starts it now, root or not, may differ from who looked first.
    return Path(known["home"]).is_absolute() == _must_live_elsewhere(data_dir)


def _decide_under_lock(data_dir: Path) -> dict:
    data_dir.mkdir(parents=True, exist_ok=True)
    with locked(data_dir):
        known = _read_pointer(data_dir)
        if not _still_holds(known, data_dir):
            known = _decide(data_dir, known)
            write_atomically(data_dir / "postgres.json", json.dumps(known, indent=1))
    return known


def _decide(data_dir: Path, before: dict | None) -> dict:
    """A first decision, or a new one because the data folder was moved or copied from `before["data_dir"]`."""
    word = secrets.token_hex(4)
    home = data_dir / "postgres"
    if before is not None and Path(before["home"]).is_absolute() and Path(before["home"]).exists():
        home = _home_of_moved_folder(before)
    elif not home.exists() and _must_live_elsewhere(data_dir):
        home = ROOT_HOMES / word
    socket_dir = home / f"run-{word}"
    if not _fits_a_socket(socket_dir):
        socket_dir = Path("/tmp") / f"casework-{word}"  # not gettempdir(): TMPDIR differs between a shell and a service
    return {
        "data_dir": str(data_dir),
        "home": _relative_if_inside(home, data_dir),
        "socket_dir": _relative_if_inside(socket_dir, data_dir),
    }


def _must_live_elsewhere(data_dir: Path) -> bool:
    """Whether root's server, which runs as somebody else, cannot work inside the data folder."""
    fits = _fits_a_socket(data_dir / "postgres" / "run-00000000")
    return os.getuid() == 0 and not (fits and _everyone_may_pass(data_dir))


def _everyone_may_pass(folder: Path) -> bool:
    return all(there.stat().st_mode & 0o001 for there in (folder, *folder.parents))


def _relative_if_inside(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _home_of_moved_folder(before: dict) -> Path:
    former = Path(before["data_dir"])
    if (former / "postgres.json").exists():
        raise EmbeddedPostgresError(
            f"This data folder is a copy of {former}, and their one database is in {before['home']}. "
            "To copy data use `manage.py db backup` and `manage.py db restore`; "
            "to begin with an empty database delete postgres.json in the copy."
        )
    return Path(before["home"])


def _fits_a_socket(socket_dir: Path) -> bool:
    # A comma would separate two hosts, a quote or a space would need three kinds of escaping.
    path = str(socket_dir / SOCKET_NAME)
    return len(os.fsencode(path)) <= LONGEST_SOCKET_PATH and re.fullmatch(r"[A-Za-z0-9/._+-]+", path) is not None


def mark_restored(data_dir: Path, *, source: str, reached: str | None) -> None:
    """Leave the mark of a restore; `reached` is the moment (ISO) up to which the database came back, if it is known."""
    about = {"source": source, "reached": reached, "at": datetime.now(UTC).isoformat()}
    write_atomically(data_dir / RESTORED, json.dumps(about))


def write_atomically(path: Path, text: str) -> None:
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    with open(draft, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
