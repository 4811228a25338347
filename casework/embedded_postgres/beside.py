"""What belongs to the database and is not in it: the keys, without which nothing can be read, and the uploaded files.

A file keeps its name and its content, and so does a key; but a key that was renewed may be retired, and a moment before that
needs it. So every state of the key file is kept, and all keys of all states are brought back; `manage.py keys retire` takes
the old ones away again. What retention erased is brought back with its moment as well, and is erased anew.
"""

import filecmp
import io
import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from .archiving import FILES, KEYS
from .backup import SECRETS
from .errors import BadBackup


def keep(data_dir: Path, archive: Path) -> int:
    """Copy new files and changed keys of `data_dir` into the archive, to the disk; returns how many were copied."""
    return _keep_keys(Path(data_dir), archive / KEYS) + sum(1 for _file in _keep_files(Path(data_dir), archive))


def bring_back(archive: Path, data_dir: Path) -> int:
    """Put the newest keys and all files of the archive into `data_dir`; returns how many files. Raises BadBackup."""
    states = sorted((archive / KEYS).glob("secrets-*.json"))
    if not states:
        raise BadBackup(f"There are no keys in {archive / KEYS}. Without them the database cannot be read.")
    known: dict[str, str] = {}
    for state in states:
        known |= json.loads(state.read_text())
    _write(data_dir / SECRETS, json.dumps(known, indent=1).encode())
    brought = 0
    for file in _regular_files(archive / FILES):
        _copy(file, data_dir / FILES / file.relative_to(archive / FILES))
        brought += 1
    return brought


def _keep_keys(data_dir: Path, to: Path) -> int:
    keys = data_dir / SECRETS
    newest = max(to.glob("secrets-*.json"), default=None)
    if not keys.exists() or (newest and filecmp.cmp(keys, newest, shallow=False)):
        return 0
    _copy(keys, to / f"secrets-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.json")
    return 1


def _keep_files(data_dir: Path, archive: Path) -> Iterator[Path]:
    for file in _regular_files(data_dir / FILES):
        target = archive / FILES / file.relative_to(data_dir / FILES)
        if not target.exists():
            _copy(file, target)
            yield target


def _regular_files(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*")) if file.is_file() and not file.is_symlink())


def _copy(source: Path, target: Path) -> None:
    """A whole file or none; only its owner may read it."""
    with open(source, "rb") as whole:
        _write(target, whole)


def _write(target: Path, content: BinaryIO | bytes) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}.draft")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as to:
        shutil.copyfileobj(io.BytesIO(content) if isinstance(content, bytes) else content, to)
        to.flush()
        os.fsync(to.fileno())
    os.replace(draft, target)
