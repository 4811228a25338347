"""As whom the server runs: as us, or, because PostgreSQL refuses root, as somebody with fewer rights."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .errors import BelongsToAnother, EmbeddedPostgresError

try:
    import pwd
except ImportError:  # Windows, see place.py
    pwd = None

DEDICATED_USER = "casework-db"


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int

    @property
    def is_us(self) -> bool:
        return self.uid == os.getuid()


def account_for(home: Path) -> Account:
    """Who runs the server whose files are in `home`: its owner, or the one who will own it.

    Raises BelongsToAnother: `home` belongs to another user, and we are not root.
    """
    owner = home.lstat().st_uid if home.exists() else os.getuid()
    if os.getuid() == 0:
        return _by_number(owner) if owner else _unprivileged()
    if owner != os.getuid():
        raise BelongsToAnother(
            f"The database in {home} belongs to the user {_by_number(owner).name}. "
            "Run this as that user or as root, or choose another CASEWORK_DATA_DIR."
        )
    return _by_number(os.getuid())


def us() -> Account:
    return Account("", os.getuid(), os.getgid())


def run_as(account: Account, command: Sequence[str | Path], **options) -> subprocess.CompletedProcess:
    """Run a server program as `account`, away from the caller's folder and PG* variables; captures text."""
    if not account.is_us:
        options |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    defaults = {
        "cwd": "/",
        "env": {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "HOME": "/"},
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
        "errors": "replace",
    }
    return subprocess.run([str(word) for word in command], check=False, **(defaults | options))


@contextmanager
def acting_as(account: Account) -> Iterator[None]:
    """Touch files with the rights of `account` only, so that root follows no link that the server's user planted.

    Changes the whole process for a moment: start no threads inside.
    """
    if account.is_us:
        yield
        return
    groups, gid, uid = os.getgroups(), os.getegid(), os.geteuid()
    os.setgroups([])
    os.setegid(account.gid)
    os.seteuid(account.uid)
    try:
        yield
    finally:
        os.seteuid(uid)
        os.setegid(gid)
        os.setgroups(groups)


def make_folder_for(account: Account, folder: Path) -> None:
    """Make `folder` (mode 0700) as the property of `account`. A folder that is already somebody's is left as it is."""
    if account.is_us:
        folder.mkdir(mode=0o700, exist_ok=True)
        return
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    try:
        there = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise EmbeddedPostgresError(f"{folder} must be a folder and not a link: {error}.") from error
    try:
        # Empty and root's: made here a moment ago, or by a start that was killed right after mkdir.
        if os.fstat(there).st_uid == 0 and not os.listdir(there):
            os.fchown(there, account.uid, account.gid)
    finally:
        os.close(there)


def _by_number(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:
        raise EmbeddedPostgresError(
            f"User number {uid} has no name on this machine, and PostgreSQL needs one. "
            "Add the user to /etc/passwd, or set DATABASE_URL."
        ) from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _by_name(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _unprivileged() -> Account:
    known = _by_name("postgres") or _by_name(DEDICATED_USER) or _create_dedicated() or _by_name("nobody")
    if known is None:
        raise EmbeddedPostgresError(
            "PostgreSQL does not run as root, and there is no user `postgres`, `casework-db` or `nobody`. "
            "Create one of them, run this program as an ordinary user, or set DATABASE_URL."
        )
    return known


def _create_dedicated() -> Account | None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        return None
    shell = next((path for path in ("/usr/sbin/nologin", "/sbin/nologin") if Path(path).exists()), "/bin/false")
    command = [useradd, "--system", "--user-group", "--no-create-home", "--shell", shell, DEDICATED_USER]
    subprocess.run(command, capture_output=True, check=False)  # a read-only /etc is answered by `nobody`
    return _by_name(DEDICATED_USER)
