"""One file that brings everything back: the database, the keys and the uploaded files.

A backup is a .tar.gz with `database.dump` (pg_dump's own format), `secrets.json`, `files/...` and, last,
`manifest.json` with the SHA-256 of each of them. It holds the keys, so whoever has it can read everything.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from .errors import BadBackup, EmbeddedPostgresError, NotEmpty
from .place import Say, silent
from .programs import Programs, client_programs

FORMAT = 1
SIGNS_OF_DAMAGE = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,  # cut off
    ValueError,  # the manifest is no JSON
    RecursionError,  # or JSON within JSON within JSON
    KeyError,
    TypeError,  # or does not say what a manifest says
    AttributeError,
    FileNotFoundError,  # there is no manifest
    FileExistsError,  # a name twice
    NotADirectoryError,
)
DUMP, SECRETS, FILES, MANIFEST = "database.dump", "secrets.json", "files", "manifest.json"


@dataclass(frozen=True)
class Database:
    """A database on any server."""

    name: str
    address: dict[str, str]  # host, port, user, ssl...: parameters of libpq
    password: str = field(default="", repr=False)

    @classmethod
    def of_django(cls, settings: dict) -> "Database":
        """From an entry of DATABASES."""
        address = {"host": settings.get("HOST"), "port": settings.get("PORT"), "user": settings.get("USER")}
        options = settings.get("OPTIONS", {}).items()  # ?host=/a/socket's/folder&sslmode=require of DATABASE_URL
        address |= {name: value for name, value in options if name in ("host", "port") or name.startswith("ssl")}
        known = {name: str(value) for name, value in address.items() if value}
        return cls(settings["NAME"], known, settings.get("PASSWORD") or "")

    @property
    def dsn(self) -> str:
        """For a command line, where everyone can read it: without the password."""
        return psycopg2.extensions.make_dsn(dbname=self.name, **self.address)

    def connect(self) -> psycopg2.extensions.connection:
        """A connection in autocommit mode. Raises EmbeddedPostgresError: nobody answers."""
        password = {"password": self.password} if self.password else {}
        try:
            connection = psycopg2.connect(self.dsn, **password, connect_timeout=10)
        except psycopg2.OperationalError as error:
            raise EmbeddedPostgresError(f"The database does not answer: {error}".strip()) from error
        connection.autocommit = True
        return connection


def backup(database: Database, data_dir: Path, to: Path | None = None, say: Say = silent) -> dict:
    """Write a backup while the program runs on; returns {path, bytes, sha256, made_at, postgresql, files}.

    `to` is a folder or a new file; by default the folder `backups` of `data_dir`. Only its owner may read it.
    Raises EmbeddedPostgresError: the database does not answer, pg_dump is missing or failed, the file exists.
    """
    made_at = datetime.now(UTC)
    target = _target(data_dir, to, made_at)
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=target.parent) as staging:
        dump = Path(staging) / DUMP
        say("writing out the database")
        version = _dump(database, dump)
        say("packing the database, the keys and the files")
        try:
            # The dump comes first: a file that arrives meanwhile is one too many, which harms nobody.
            parts = {DUMP: dump} | _files_to_keep(data_dir)
            manifest = _pack(parts, draft, {"made_at": made_at.isoformat(), "postgresql": version})
            draft.rename(target)
        finally:
            draft.unlink(missing_ok=True)
    digest = _sha256_of(target)
    target.with_name(target.name + ".sha256").write_text(f"{digest}  {target.name}\n")
    about = {name: manifest[name] for name in ("made_at", "postgresql")}
    files = sum(name.startswith(f"{FILES}/") for name in manifest["contents"])
    return {"path": str(target), "bytes": target.stat().st_size, "sha256": digest, **about, "files": files}


def restore(database: Database, data_dir: Path, source: Path, *, yes: bool = False, say: Say = silent) -> dict:
    """Put a backup in the place of database, keys and files; what was there stays beside it under another name.

    Returns {"restored": path, "kept": {"database": ..., "secrets.json": ..., "files": ...}}, with None for what was not
    there. Nothing is changed until the backup was verified and read completely into a new database.
    Raises BadBackup: damaged; NotEmpty: there are tables and `yes` is False; EmbeddedPostgresError: in use, or failed.
    """
    data_dir = Path(data_dir).resolve()
    word = datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=data_dir) as staging:
        say("verifying the backup")
        _unpack(Path(source), Path(staging))
        with closing(database.connect()) as connection:
            _refuse_if_in_use(connection)
            tables = _tables(connection)
            if tables and not yes:
                raise NotEmpty(
                    f"The database {database.name} has {tables} tables. "
                    "`--yes` replaces it and keeps the old one beside it."
                )
            version = connection.server_version // 10000
        say("reading the database into a new one")
        fresh = replace(database, name=f"{database.name}_restored_{word}")
        _read_into(fresh, database, client_programs(version), Path(staging) / DUMP)
        say("putting it in place")
        kept_database = _swap(database, fresh, f"{database.name}_before_{word}", keep=bool(tables))
        kept = {part: _put(Path(staging) / part, data_dir / part, word) for part in (SECRETS, FILES)}
    return {"restored": str(source), "kept": {"database": kept_database} | kept}


# Writing


def _target(data_dir: Path, to: Path | None, made_at: datetime) -> Path:
    target = Path(to) if to else Path(data_dir) / "backups"
    if to is None or target.is_dir():
        target = target / f"casework-{made_at:%Y%m%d-%H%M%S}.tar.gz"
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if target.exists():
        raise EmbeddedPostgresError(f"{target} exists already.")
    return target


def _dump(database: Database, target: Path) -> str:
    """Write `database` into `target`; returns the server's version."""
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
        programs = client_programs(connection.server_version // 10000)
    # The archive as a whole is compressed. Without owner and rights it can be restored on a server with other roles.
    options = [
        "--format=custom",
        "--compress=0",
        "--no-owner",
        "--no-privileges",
        f"--file={target}",
        f"--dbname={database.dsn}",
    ]
    _run(database, [programs["pg_dump"], *options])
    return version


def _files_to_keep(data_dir: Path) -> dict[str, Path]:
    """{name in the archive: file}"""
    data_dir = Path(data_dir)
    found = {SECRETS: data_dir / SECRETS} if (data_dir / SECRETS).exists() else {}
    uploaded = (file for file in sorted((data_dir / FILES).rglob("*")) if file.is_file() and not file.is_symlink())
    return found | {file.relative_to(data_dir).as_posix(): file for file in uploaded}


def _pack(parts: dict[str, Path], target: Path, about: dict) -> dict:
    contents = {}
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6, format=tarfile.PAX_FORMAT) as archive:
            for name, path in parts.items():
                with open(path, "rb") as source:
                    contents[name] = _add(archive, name, source, os.fstat(source.fileno()))
            manifest = {"format": FORMAT, **about, "contents": contents}
            with tempfile.TemporaryFile() as draft:
                draft.write(json.dumps(manifest, indent=1, ensure_ascii=False).encode())
                draft.seek(0)
                _add(archive, MANIFEST, draft, os.fstat(draft.fileno()))
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _add(archive: tarfile.TarFile, name: str, source: BinaryIO, about: os.stat_result) -> dict:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = about.st_size, int(about.st_mtime), 0o600
    reader = _Digesting(source)
    archive.addfile(entry, reader)
    return {"bytes": entry.size, "sha256": reader.digest.hexdigest()}


class _Digesting:
    """Reads a file and remembers the SHA-256 of what was read."""

    def __init__(self, source: BinaryIO) -> None:
        self.source, self.digest = source, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self.source.read(size)
        self.digest.update(block)
        return block


def _sha256_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# Reading


def _unpack(source: Path, staging: Path) -> None:
    """Unpack `source`, which must hold exactly what its manifest says. Raises BadBackup."""
    if not source.is_file():
        raise BadBackup(f"{source} is not there.")
    _verify_whole(source)
    digests = {}
    try:
        with gzip.open(source) as whole, tarfile.open(fileobj=whole, mode="r:") as archive:
            for entry in archive:
                if not entry.isfile() or not _is_ours(entry.name):
                    raise BadBackup(f"{source} contains {entry.name!r}, which no backup of this program does.")
                target = staging / entry.name
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                reader = _Digesting(archive.extractfile(entry))
                with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                    shutil.copyfileobj(reader, file)
                digests[entry.name] = reader.digest.hexdigest()
            while whole.read(1 << 20):
                pass  # the checksum of the whole stands at its end
        manifest = json.loads((staging / MANIFEST).read_text())
        promised = {name: part["sha256"] for name, part in manifest["contents"].items()}
    except SIGNS_OF_DAMAGE as error:
        raise BadBackup(f"{source} is damaged: {error}. Take another backup file.") from error
    if manifest.get("format") != FORMAT:
        raise BadBackup(f"{source} was made by another version of this program. Update first.")
    digests.pop(MANIFEST)
    differing = sorted(name for name in promised.keys() | digests.keys() if promised.get(name) != digests.get(name))
    if differing or DUMP not in promised:
        raise BadBackup(f"{source} is damaged: {', '.join(differing) or DUMP} differs. Take another backup file.")


def _verify_whole(source: Path) -> None:
    noted = source.with_name(source.name + ".sha256")
    if noted.exists() and noted.read_text().split()[:1] != [_sha256_of(source)]:
        raise BadBackup(f"{source} differs from the SHA-256 in {noted.name}. Take another backup file.")


def _is_ours(name: str) -> bool:
    return name in (DUMP, SECRETS, MANIFEST) or (
        name.startswith(f"{FILES}/") and ".." not in name.split("/") and not re.search(r"//|\\", name)
    )


def _tables(connection: psycopg2.extensions.connection) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_user_tables")
        return cursor.fetchone()[0]


def _refuse_if_in_use(connection: psycopg2.extensions.connection) -> None:
    # A program that runs on would use the keys it has in memory with the data of the backup.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        others = cursor.fetchone()[0]
    if others:
        raise EmbeddedPostgresError(
            f"The database is in use ({others} connections). Stop program and worker first: Ctrl-C in `make run`."
        )


def _read_into(fresh: Database, beside: Database, programs: Programs, dump: Path) -> None:
    """Make the database `fresh`, alike to `beside` on its server, and fill it from `dump`; on failure none is left."""
    with closing(beside.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_encoding_to_char(encoding), datcollate, datctype"
            " FROM pg_database WHERE datname = current_database()"
        )
        alike = cursor.fetchone()
        statement = "CREATE DATABASE {} TEMPLATE template0 ENCODING %s LC_COLLATE %s LC_CTYPE %s"
        try:
            cursor.execute(sql.SQL(statement).format(sql.Identifier(fresh.name)), alike)
        except psycopg2.errors.InsufficientPrivilege as error:
            raise EmbeddedPostgresError(
                "The role of this program may not create a database. For the restore: ALTER ROLE ... CREATEDB."
            ) from error
    try:
        _run(
            fresh,
            [programs["pg_restore"], "--no-owner", "--no-privileges", "--exit-on-error", f"--dbname={fresh.dsn}", dump],
        )
    except EmbeddedPostgresError:
        _drop(fresh, beside)
        raise
    with closing(fresh.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # a dump has no statistics, and without them the first hours are slow


def _swap(database: Database, fresh: Database, kept_name: str, *, keep: bool) -> str | None:
    """Give the name of `database` to `fresh`; an empty former one is dropped, any other kept as `kept_name`."""
    maintenance = replace(database, name="postgres")
    with closing(maintenance.connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = False  # both names change, or none
        try:
            for old, new in ((database.name, kept_name), (fresh.name, database.name)):
                rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                cursor.execute(rename.format(sql.Identifier(old), sql.Identifier(new)))
            connection.commit()
        except psycopg2.Error as error:
            connection.rollback()
            _drop(fresh, maintenance)
            raise EmbeddedPostgresError(f"The database could not be replaced: {error}".strip()) from error
    if keep:
        return kept_name
    _drop(replace(database, name=kept_name), maintenance)
    return None


def _drop(unwanted: Database, beside: Database) -> None:
    with closing(beside.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(unwanted.name)))


def _put(fresh: Path, place: Path, word: str) -> str | None:
    """Move `fresh` to `place`; returns where the former one is now."""
    former = place.with_name(f"{place.name}.before-{word}")
    if place.exists():
        place.rename(former)
    if fresh.exists():
        fresh.rename(place)
    return str(former) if former.exists() else None


def _run(database: Database, command: list) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        env=os.environ | {"LC_ALL": "C"} | ({"PGPASSWORD": database.password} if database.password else {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise EmbeddedPostgresError(f"{Path(command[0]).name} failed: {done.stderr.strip()[-2000:]}")
