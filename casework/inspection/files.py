"""The files of a pack: volumes of a strict ZIP (audit.strict_zip), each with a signed list of what is in it.

Volume after volume: members; manifest.json with name, size and SHA-256 of each of them and the SHA-256 of the volume before;
manifest.sig, Ed25519 with the key of the seals over `casework pack 1` and the manifest's SHA-256, each with its line end.
The last volume says so. So a whole pack is checked from its last manifest back, with casework/inspection/standalone.
"""

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from audit import checkpoints
from audit.bundle import canonical
from audit.errors import BundleTooLarge
from audit.strict_zip import StrictZip
from casework.errors import NoRoom

FORMAT = "casework-pack-1"
STANDALONE = Path(__file__).parent / "standalone"
AT_THE_HEAD = ("README.txt", "verify_pack.py")
BLOCK = 1 << 20


@dataclass(frozen=True)
class Volume:
    """One finished file, not yet under its name."""

    n: int
    path: Path
    size: int
    sha256: str
    manifest_sha256: str


class PackWriter:
    """Writes volumes under unfinished names; a new one is begun between two cases when one is full.

    Raises NoRoom when the disk is full. `close` finishes the last volume; `forget` removes whatever was written.
    """

    def __init__(self, facts: dict[str, Any], *, volume_bytes: int) -> None:
        self._facts, self._most = facts, volume_bytes
        self.volumes: list[Volume] = []
        self.members = 0
        self._begin()

    def _begin(self) -> None:
        self._path = folder() / f"{self._facts['key']}-{len(self.volumes) + 1}.unfinished"
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "w+b")
        self._zip = StrictZip(self._file)
        for name in AT_THE_HEAD:
            self.add(name, [(STANDALONE / name).read_bytes()])

    def add(self, name: str, parts: Iterable[bytes]) -> tuple[int, str]:
        """Stream one member; returns (size, SHA-256)."""
        try:
            member = self._zip.add(name, parts)
        except BundleTooLarge as error:
            raise NoRoom(_("一个文件超过 4 GB，装不进去。请把范围分小一点。")) from error
        except OSError as error:
            raise self._full(error) from error
        self.members += 1
        return member.size, member.sha256

    def next_case(self) -> None:
        """Between two cases: go on with a new volume when this one is full."""
        if len(self._zip.members) > len(AT_THE_HEAD) and self._file.tell() >= self._most:
            self._finish(is_last=False)
            self._begin()

    def close(self, summary: dict[str, Any]) -> list[Volume]:
        self._finish(is_last=True, summary=summary)
        return self.volumes

    def forget(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        for path in {self._path, *(volume.path for volume in self.volumes)}:
            path.unlink(missing_ok=True)

    def _finish(self, *, is_last: bool, summary: dict[str, Any] | None = None) -> None:
        manifest = canonical(
            self._facts
            | {
                "format": FORMAT,
                "is_last": is_last,
                "members": [
                    {"name": member.name, "sha256": member.sha256, "size": member.size} for member in self._zip.members
                ],
                "previous": self.volumes[-1].sha256 if self.volumes else "",
                "public_key": checkpoints.public_key().hex(),
                "summary": summary or {},
                "volume": len(self.volumes) + 1,
            }
        )
        digest = hashlib.sha256(manifest).hexdigest()
        signature = checkpoints.sign(f"casework pack 1\n{digest}\n".encode())
        self.add("manifest.json", [manifest])
        self.add("manifest.sig", [f"{signature.hex()}\n".encode()])
        try:
            self._zip.close()
            size = self._file.tell()
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._full(error) from error
        self._file.seek(0)
        sha256 = hashlib.file_digest(self._file, "sha256").hexdigest()
        self._file.close()
        self.volumes.append(Volume(len(self.volumes) + 1, self._path, size, sha256, digest))

    def _full(self, error: OSError) -> Exception:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return error
        return NoRoom(_("磁盘满了，没有做成，什么也没有留下。请系统管理员腾出地方，再做一次。"))


def folder() -> Path:
    """Where packs lie: beside the papers, never served by URL."""
    place = Path(settings.MEDIA_ROOT) / "packs"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return place


def blocks(file: Any) -> Iterator[bytes]:
    """A file piece by piece."""
    while block := file.read(BLOCK):
        yield block
