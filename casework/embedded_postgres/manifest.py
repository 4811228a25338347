"""Compare a base backup with the manifest that PostgreSQL wrote into it, byte by byte.

What pg_verifybackup does; that of the wheel (PostgreSQL 18.4) dies of a segmentation fault.
"""

import hashlib
import json
from pathlib import Path

from .account import run_as, us
from .errors import BadBackup
from .programs import Programs

MANIFEST = "backup_manifest"
NOT_LISTED = (MANIFEST, "postgresql.auto.conf")  # as pg_verifybackup has it; and the log, which is verified as such


def verify(cluster: Path, programs: Programs, manifest_sha256: str) -> None:
    """Every file is there with its size and SHA-256, none is added, and the log that it needs can be read.

    Raises BadBackup, and names one file.
    """
    manifest = _manifest(cluster, manifest_sha256)
    promised = {entry["Path"]: entry for entry in manifest["Files"]}
    found = {file.relative_to(cluster).as_posix(): file for file in cluster.rglob("*") if not file.is_dir()}
    added = [path for path in found.keys() - promised.keys() - set(NOT_LISTED) if not path.startswith("pg_wal/")]
    if added:
        raise _damaged(cluster, f"{min(added)} does not belong to it")
    for path, entry in promised.items():
        file = found.get(path)
        if file is None or file.is_symlink():
            raise _damaged(cluster, f"{path} is missing")
        if file.stat().st_size != entry["Size"] or sha256_of(file) != entry["Checksum"]:
            raise _damaged(cluster, f"{path} differs")
    for reach in manifest["WAL-Ranges"]:
        _verify_log(cluster, programs, reach)


def sha256_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(cluster: Path, manifest_sha256: str) -> dict:
    path = cluster / MANIFEST
    try:
        whole = path.read_bytes()
        manifest = json.loads(whole)
        # The last line holds the SHA-256 of all lines before it.
        body = whole[: whole.rstrip(b"\n").rindex(b"\n") + 1]
        is_sound = manifest["Manifest-Checksum"] == hashlib.sha256(body).hexdigest()
        algorithms = {entry["Checksum-Algorithm"] for entry in manifest["Files"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(cluster, f"its manifest cannot be read ({error})") from error
    if not is_sound or algorithms != {"SHA256"} or hashlib.sha256(whole).hexdigest() != manifest_sha256:
        raise _damaged(cluster, "its manifest differs")
    return manifest


def _verify_log(cluster: Path, programs: Programs, reach: dict) -> None:
    options = ["--quiet", "--path", cluster / "pg_wal", "--timeline", reach["Timeline"]]
    done = run_as(us(), [programs["pg_waldump"], *options, "--start", reach["Start-LSN"], "--end", reach["End-LSN"]])
    if done.returncode != 0:
        raise _damaged(cluster, f"its log cannot be read: {done.stderr.strip()[-300:]}")


def _damaged(cluster: Path, what: str) -> BadBackup:
    return BadBackup(f"The base backup {cluster.parent} is damaged: {what}. Take another base backup.")
