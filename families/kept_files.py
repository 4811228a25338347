"""Are the files still what their rows say? For audit.verify, which sees rows alone."""

import hashlib
from collections.abc import Iterator

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage

from audit.verify import KINDS, Problem
from families.models import Document


def changed_files() -> Iterator[Problem]:
    """Documents whose file is gone or has other bytes than were fingerprinted; one file in memory at a time, piece by piece.

    What was erased by order names no file any more; that it was ordered is audit.erasure's to prove.
    """
    known = (
        Document.objects.exclude(file="")
        .order_by("pk")
        .values_list("pk", "household_id", "file", "size_bytes", "sha256")
    )
    for pk, household_id, name, size, sha256 in known.iterator(chunk_size=500):
        what = _fault(name, size, sha256)
        if what:
            yield Problem(what, Document._meta.db_table, pk, f"household:{household_id}", str(KINDS[what]))


def _fault(name: str, size: int, sha256: str) -> str:
    try:
        with default_storage.open(name) as file:
            same = file.size == size and hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except (OSError, SuspiciousFileOperation):  # gone, not a file, or a name that leads out of our folder
        return "file_missing"
    return "" if same else "file_edited"
