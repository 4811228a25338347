"""A zip file that could have been written in no other way: stored members, fixed dates, nothing between them.

Its verifier (audit/standalone) compares every byte that is no content with the one that must stand there. Any program can
open it. No file is larger than 4 GiB.
"""

import binascii
import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from audit.errors import BundleTooLarge

_LOCAL, _CENTRAL, _END = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s4H2LH")
_VERSION, _MADE_BY, _DATE, _MODE = 20, 3 << 8 | 20, 0x21, 0o100644 << 16  # Unix, 1980-01-01, -rw-r--r--
_MOST_BYTES, _MOST_MEMBERS = 2**32 - 2, 2**16 - 2


@dataclass(frozen=True)
class Member:
    name: str
    size: int
    crc: int
    offset: int
    sha256: str


class StrictZip:
    """Members are streamed into `file`, which must be seekable; `close` writes the directory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.members = file, list[Member]()

    def add(self, name: str, parts: Iterable[bytes]) -> Member:
        """Raises BundleTooLarge."""
        offset = self._file.tell()
        self._file.write(_local(name, 0, 0))
        size, crc, digest = 0, 0, hashlib.sha256()
        for part in parts:
            self._file.write(part)
            size, crc = size + len(part), binascii.crc32(part, crc)
            digest.update(part)
            if offset + size > _MOST_BYTES:
                raise BundleTooLarge("More than 4 GiB. Export a span of days with --since and --until.")
        end = self._file.tell()
        self._file.seek(offset)
        self._file.write(_local(name, crc, size))
        self._file.seek(end)
        member = Member(name, size, crc, offset, digest.hexdigest())
        self.members.append(member)
        if len(self.members) > _MOST_MEMBERS:
            raise BundleTooLarge("Too many members. Export a span of days with --since and --until.")
        return member

    def close(self) -> None:
        begin = self._file.tell()
        for member in self.members:
            self._file.write(_central(member))
        count, size = len(self.members), self._file.tell() - begin
        if begin + size > _MOST_BYTES:
            raise BundleTooLarge("More than 4 GiB. Export a span of days with --since and --until.")
        self._file.write(_END.pack(b"PK\5\6", 0, 0, count, count, size, begin, 0))


def _local(name: str, crc: int, size: int) -> bytes:
    encoded = name.encode("ascii")
    return _LOCAL.pack(b"PK\3\4", _VERSION, 0, 0, 0, _DATE, crc, size, size, len(encoded), 0) + encoded


def _central(member: Member) -> bytes:
    encoded = member.name.encode("ascii")
    facts = (_MADE_BY, _VERSION, 0, 0, 0, _DATE, member.crc, member.size, member.size, len(encoded), 0, 0, 0, 0, _MODE)
    return _CENTRAL.pack(b"PK\1\2", *facts, member.offset) + encoded
