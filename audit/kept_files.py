"""Is a file still what its row says? For whatever hands files out, and for `audit.verify`, which else sees rows alone."""

import hashlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.db.models import QuerySet

from audit.verify import KINDS, Problem


def is_as_written(file: BinaryIO | Any, size: int, sha256: str) -> bool:
    """Reads an open file to its end, piece by piece, and goes back to its beginning."""
    digest, read = hashlib.sha256(), 0
    while block := file.read(1 << 20):
        digest.update(block)
        read += len(block)
    file.seek(0)
    return read == size and digest.hexdigest() == sha256


def changed_files(rows: QuerySet, kind: str, owner: str) -> Iterator[Problem]:
    """Rows with `file`, `size_bytes` and `sha256` whose file is gone or has other bytes than were fingerprinted; one file in
    memory at a time, piece by piece. `owner` is the column of the number in their chain's name, f"{kind}:{number}".
    """
    table = rows.model._meta.db_table
    known = rows.exclude(file="").order_by("pk").values_list("pk", owner, "file", "size_bytes", "sha256")
    for pk, number, name, size, sha256 in known.iterator(chunk_size=500):
        what = _fault(name, size, sha256)
        if what:
            yield Problem(what, table, pk, f"{kind}:{number}", str(KINDS[what]))


def _fault(name: str, size: int, sha256: str) -> str:
    try:
        with default_storage.open(name) as file:
            same = is_as_written(file, size, sha256)
    except (OSError, SuspiciousFileOperation):  # gone, not a file, or a name that leads out of our folder
        return "file_missing"
    return "" if same else "file_edited"
