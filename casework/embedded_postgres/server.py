"""Start, stop and look at the embedded server.

Whether a server lives is never read from a process number, because numbers are reused and corpses keep theirs. It is
read from a lock: the launcher opens `alive.lock`, locks it and hands it down to PostgreSQL, so it is taken exactly as
long as one process of that server lives. Whether it answers is found out by connecting.
"""

import os
import shutil
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path

import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from . import archiving
from .account import Account, account_for, acting_as, make_folder_for, run_as
from .errors import BelongsToAnother, EmbeddedPostgresError, ServerDidNotStart
from .locks import try_lock
from .place import IS_LINUX, ROOT_HOMES, Place, Say, locked, names_home, place_of, refuse_foreign_socket_dir, silent
from .programs import Programs, make_root_homes, readable_by, server_programs

DATABASE = "casework"
ROLE = "casework"
ROLES = (
    ROLE,
    "casework_web",
    "casework_worker",
    "casework_auditor",
)  # made by the migrations (casework.database.rights)
PATIENCE_FOR_RECOVERY = 3600  # seconds; after a power cut or in a restore PostgreSQL replays its log before it answers
PATIENCE_FOR_LAUNCH = 60  # seconds until a main process must be there
PATIENCE_FOR_LEFTOVERS = 5  # seconds until processes that outlived their server are ended
LONGEST_LOG = 10_000_000  # bytes

SETTINGS = """\
# Written by every `manage.py db start`; own settings belong into ALTER SYSTEM.
include '{cluster}/postgresql.conf'
hba_file = '{config}/pg_hba.conf'
ident_file = '{config}/pg_ident.conf'
listen_addresses = ''
unix_socket_directories = '{socket_dir}'
unix_socket_permissions = 0700
port = 5432
max_connections = 100
shared_buffers = 128MB
jit = off
# In files: systemd empties /dev/shm for a user who logs out, and containers have little of it.
dynamic_shared_memory_type = mmap
fsync = on
timezone = 'UTC'
# The log may name a failed constraint, but neither the statement nor the row: they hold personal data.
log_min_error_statement = panic
log_error_verbosity = terse
log_checkpoints = off
log_line_prefix = '%m [%p] '
logging_collector = off
# Always on, so that `db archive on` needs no restart; `true` keeps nothing. PostgreSQL works inside its data folder.
archive_mode = on
archive_command = '{archive_command}'
archive_timeout = {archive_timeout}
include_if_exists '{config}/recovery.conf'
"""
HBA = "local all all peer map=casework\nlocal replication all peer map=casework\n"


def start(data_dir: Path, say: Say = silent) -> dict:
    """Make sure that the server of `data_dir` runs and has its database; make both when there are none.

    Returns what `status` returns. Raises EmbeddedPostgresError: see its subclasses.
    """
    place = place_of(data_dir)
    with locked(place.data_dir, say):
        start_under_lock(place, say)
    return status(data_dir)


def stop(data_dir: Path, say: Say = silent) -> dict:
    """End the server of `data_dir` after its open transactions were rolled back; returns what `status` returns.

    Raises EmbeddedPostgresError: it belongs to another user, or does not end.
    """
    place = place_of(data_dir)
    with locked(place.data_dir, say):
        if place.home.exists():
            account_for(place.home)  # refuses a foreign one
            _stop_under_lock(place, say)
    return status(data_dir)


def status(data_dir: Path) -> dict:
    """{running, accepting, version, data_dir, home, socket_dir, log, database_bytes}.

    `version` and `database_bytes` are None unless the server answers this user.
    """
    place = place_of(data_dir)
    answer = {
        "running": place.home.exists() and _is_alive(place),
        "accepting": False,
        "version": None,
        "data_dir": str(place.data_dir),
        "home": str(place.home),
        "socket_dir": str(place.socket_dir),
        "log": str(place.log),
        "database_bytes": None,
    }
    if not answer["running"]:
        return answer
    try:
        connection = connect(place)
    except psycopg2.OperationalError:
        return answer
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            answer["version"] = cursor.fetchone()[0]
            cursor.execute("SELECT sum(pg_database_size(oid))::bigint FROM pg_database WHERE datname = %s", [DATABASE])
            answer["database_bytes"] = cursor.fetchone()[0]
            answer["accepting"] = True
    finally:
        connection.close()
    return answer


def connect(place: Place, database: str = "postgres") -> psycopg2.extensions.connection:
    """A connection in autocommit mode. Raises psycopg2.OperationalError."""
    where = {"host": str(place.socket_dir), "port": 5432, "user": ROLE, "dbname": database}
    connection = psycopg2.connect(**where, connect_timeout=10, application_name="casework db")
    connection.autocommit = True
    return connection


def reconfigure(place: Place, say: Say = silent) -> None:
    """Let the running server follow a changed configuration; one that was started by an older program is restarted.

    Raises EmbeddedPostgresError: nobody answers.
    """
    with locked(place.data_dir, say):
        account = account_for(place.home)
        with acting_as(account):
            _write_config(place, account)
        with closing(connect(place)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_reload_conf()")
            cursor.execute("SHOW archive_mode")
            if cursor.fetchone()[0] == "on":
                return
        say("restarting PostgreSQL once, so that it can archive")
        _stop_under_lock(place, say)
        start_under_lock(place, say)


# Starting


def start_under_lock(place: Place, say: Say) -> None:
    account = account_for(place.home)
    if not (_is_alive(place) and _becomes_ready(place, say, PATIENCE_FOR_LEFTOVERS)):
        _launch(place, account, say)
        if not _becomes_ready(place, say, PATIENCE_FOR_LAUNCH):
            raise ServerDidNotStart(f"PostgreSQL ended while it was starting. {_end_of_log(place)}")
    _let_in(place, account)
    _create_database(place)


def _let_in(place: Place, account: Account) -> None:
    """A server that an older program started has not heard of the newer roles."""
    file = place.config / "pg_ident.conf"
    if file.read_text() == (wanted := _who_may_be_whom(account)):
        return
    with acting_as(account):
        file.write_text(wanted)
    with closing(connect(place)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_reload_conf()")


def _launch(place: Place, account: Account, say: Say) -> None:
    """Start the server; whoever calls has seen that none lives. Does not wait until it answers."""
    has_cluster = (place.cluster / "PG_VERSION").exists()
    major = int((place.cluster / "PG_VERSION").read_text()) if has_cluster else None
    programs = readable_by(account, server_programs(major), say)
    make_folders(place, account)
    if not has_cluster:
        _stop_unreachable(place, say)
        _create_cluster(place, account, programs, say)
    say(f"starting PostgreSQL {programs.major} as {account.name}")
    with acting_as(account):
        _write_config(place, account)
        _rotate_log(place)
        # Nobody holds the lock: whatever these files name, a corpse or a stranger with a reused number, is not ours.
        for stale in (place.cluster / "postmaster.pid", place.socket, place.socket_lock):
            stale.unlink(missing_ok=True)
        alive = os.open(place.alive_lock, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    try:
        while not try_lock(alive):  # a `status` is just looking
            time.sleep(0.01)
        command = [programs["postgres"], "-D", place.cluster, "-c", f"config_file={place.config / 'postgresql.conf'}"]
        # The shell goes at once, so that PostgreSQL is nobody's child; pg_ctl would do, but trips over a quote in a path.
        detach = ["/bin/sh", "-c", 'log=$1; shift; exec "$@" </dev/null >>"$log" 2>&1 &', "sh", place.log]
        run_as(account, [*detach, *command], pass_fds=(alive,), start_new_session=True, stdout=None, stderr=None)
    finally:
        os.close(alive)  # not unlocked: PostgreSQL and its children hold it from here on


def make_folders(place: Place, account: Account) -> None:
    if place.home.parent == ROOT_HOMES:
        make_root_homes()
    make_folder_for(account, place.home)
    with acting_as(account):
        for folder in (place.config, place.socket_dir):
            folder.mkdir(mode=0o700, exist_ok=True)
        (place.home / "origin").write_text(f"{place.data_dir}\n")
    refuse_foreign_socket_dir(place)


def _create_cluster(place: Place, account: Account, programs: Programs, say: Say) -> None:
    """Make the database files beside their place and move them there when complete: a killed start leaves no half."""
    say(f"creating the database files in {place.home}")
    draft = place.home / f"cluster.{os.getpid()}.new"
    with acting_as(account):
        for leftover in place.home.glob("cluster.*.new"):
            _remove(leftover)
    command = [programs["initdb"], "-D", draft, "-U", ROLE, "--auth=peer", "--encoding=UTF8", "--data-checksums"]
    done = run_as(account, [*command, "--no-instructions", *_locale_options(programs.major)])
    if done.returncode != 0:
        raise ServerDidNotStart(f"initdb ended with status {done.returncode}: {done.stderr.strip()[-2000:]}")
    with acting_as(account):
        draft.rename(place.cluster)


def _remove(folder: Path) -> None:
    """Remove what a killed start left, although its initdb may still be writing there for a moment."""
    give_up = time.monotonic() + 30
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
        if time.monotonic() > give_up:
            raise EmbeddedPostgresError(f"{folder} cannot be removed. Remove it and start again.")
        time.sleep(0.02)


def _locale_options(major: int) -> list[str]:
    if major >= 17:  # the same order of letters on every machine, whatever its C library
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--locale=C.UTF-8"] if IS_LINUX else ["--locale=C"]


def _write_config(place: Place, account: Account) -> None:
    paths = {"cluster": place.cluster, "config": place.config, "socket_dir": place.socket_dir}
    quoted = {name: str(path).replace("\\", "\\\\").replace("'", "''") for name, path in paths.items()}
    (place.config / "postgresql.conf").write_text(SETTINGS.format(**quoted, **archiving.settings_for(place)))
    (place.config / archiving.SCRIPT).write_text(archiving.script_for(place))
    (place.config / "pg_hba.conf").write_text(HBA)
    (place.config / "pg_ident.conf").write_text(_who_may_be_whom(account))


def _who_may_be_whom(account: Account) -> str:
    """Whoever owns the server, and root, may log in as any role of this program, and as nobody else."""
    owners = sorted({account.name, "root"})
    return "".join(f'casework "{name}" {role}\n' for name in owners for role in ROLES)


def _rotate_log(place: Place) -> None:
    if place.log.exists() and place.log.stat().st_size > LONGEST_LOG:
        place.log.replace(place.log.with_suffix(".log.1"))


def _becomes_ready(place: Place, say: Say, patience: float) -> bool:
    """Wait until the living server takes connections; False when it ended instead.

    What is left of a server that nobody can reach any more is ended after `patience` seconds.
    """
    began = told = hopeful = time.monotonic()
    while True:
        try:
            connect(place).close()
            return True
        except psycopg2.OperationalError as error:
            if "authentication failed" in str(error):
                raise BelongsToAnother(f"The database server does not let this user in: {error}".strip()) from error
            if not _is_alive(place):
                return False
            now = time.monotonic()
            if now > began + PATIENCE_FOR_RECOVERY:
                raise ServerDidNotStart(f"PostgreSQL does not answer: {error} {_end_of_log(place)}") from error
        if _will_answer(place):
            hopeful = now
        elif now > hopeful + patience:
            _stop_under_lock(place, say)
            return False
        if now > told + 5:
            told = now
            say(f"PostgreSQL is not ready yet ({now - began:.0f} s)")
        time.sleep(0.02)


def _create_database(place: Place) -> None:
    connection = connect(place)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    finally:
        connection.close()


def _end_of_log(place: Place) -> str:
    try:
        with open(place.log, "rb") as file:
            file.seek(max(0, place.log.stat().st_size - 1500))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return "There is no log."
    return f"The end of {place.log}:\n{text}"


# Is it there?


def _is_alive(place: Place) -> bool:
    """Whether any process of this server lives."""
    try:
        lock = os.open(place.alive_lock, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except PermissionError as error:
        raise BelongsToAnother(f"This user may not look into {place.home}.") from error
    try:
        return not try_lock(lock, shared=True)
    finally:
        os.close(lock)


def _will_answer(place: Place) -> bool:
    """Whether a main process lives, and listens where we connect: a renamed data folder has left it elsewhere."""
    if _postmaster(place) is None:
        return False
    told = (place.cluster / "postmaster.pid").read_text().split("\n")
    return len(told) < 5 or told[4] in ("", str(place.socket_dir))


# Ending


def _stop_under_lock(place: Place, say: Say) -> None:
    if not _is_alive(place):
        return
    for name, how, patience in (("fast", signal.SIGINT, 60), ("immediate", signal.SIGQUIT, 20)):
        postmaster = _postmaster(place)
        if postmaster is not None:
            say(f"stopping PostgreSQL ({name})")
            os.kill(postmaster, how)
        if _ends_within(place, patience if postmaster else PATIENCE_FOR_LEFTOVERS):
            return
    _end_processes(place)
    if not _ends_within(place, 10):
        raise EmbeddedPostgresError(f"PostgreSQL does not end. {_end_of_log(place)}")


def _ends_within(place: Place, seconds: float) -> bool:
    give_up = time.monotonic() + seconds
    while _is_alive(place):
        if time.monotonic() > give_up:
            return False
        time.sleep(0.02)
    return True


def _postmaster(place: Place) -> int | None:
    """The number of the living main process; a number that was reused by a stranger is no answer."""
    try:
        number = int((place.cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return number if _is_postgres_in(place.cluster, number) else None


def _is_postgres_in(cluster: Path, number: int) -> bool:
    if not IS_LINUX:
        command = ["ps", "-o", "command=", "-p", str(number)]
        listed = subprocess.run(command, capture_output=True, text=True, check=False)
        return "postgres" in listed.stdout and str(cluster) in listed.stdout
    process = Path("/proc", str(number))
    try:
        # PostgreSQL works inside its data folder, also after somebody renamed that folder.
        return (process / "cwd").samefile(cluster) and (process / "exe").readlink().name.startswith("postgres")
    except OSError:  # not there, a corpse, or another user's
        return False


def _end_processes(place: Place) -> None:
    """Kill what outlived its main process, such as a long query: its shared memory is worthless by now."""
    if not IS_LINUX:
        return
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _is_postgres_in(place.cluster, int(process.name)):
            os.kill(int(process.name), signal.SIGKILL)


def _stop_unreachable(place: Place, say: Say) -> None:
    """End servers of root whose data folder was deleted, or deleted and made anew: they would run on for nobody."""
    if place.home.parent != ROOT_HOMES:
        return
    for origin in ROOT_HOMES.glob("*/origin"):
        home, data_dir = origin.parent, Path(origin.read_text().strip())
        if home != place.home and not names_home(data_dir, home):
            say(
                f"the data folder {data_dir} of the database in {home} is gone; delete the database if nobody misses it"
            )
            _stop_under_lock(Place(data_dir, home, home / "unknown"), say)
