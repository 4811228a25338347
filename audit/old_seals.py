"""Seals from before there was a tree: each covers the entries of a range of transactions, hashed one after the other.

None is made any more (audit.checkpoints makes those over the tree); what was printed is still checked.
"""

import datetime
import hashlib
from dataclasses import dataclass

from django.db import connection

from audit.models import Checkpoint


@dataclass(frozen=True)
class Seal:
    """The facts of an old checkpoint that its hash covers."""

    previous: bytes | None
    first_xid: int
    horizon_xid: int
    after_id: int
    through_id: int
    is_takeover: bool
    entries: int
    total: int
    root: bytes
    made_at: datetime.datetime

    def hash(self) -> bytes:
        facts = (
            "checkpoint",
            (self.previous or b"").hex(),
            self.first_xid,
            self.horizon_xid,
            self.after_id,
            self.through_id,
            int(self.is_takeover),
            self.entries,
            self.total,
            self.root.hex(),
            self.made_at.astimezone(datetime.UTC).isoformat(timespec="microseconds"),
        )
        return hashlib.sha256("|".join(map(str, facts)).encode()).digest()

    def follows(self, previous: Checkpoint | None) -> bool:
        if previous is None:
            return (self.previous, self.first_xid, self.after_id, self.total) == (None, 0, 0, self.entries)
        return (
            self.previous == bytes(previous.hash)
            and self.first_xid == previous.horizon_xid
            and self.after_id == (previous.through_id if previous.is_takeover else previous.after_id)
            and self.total == previous.total + self.entries
        )


def seal_of(checkpoint: Checkpoint) -> Seal:
    return Seal(
        previous=bytes(checkpoint.previous) if checkpoint.previous is not None else None,
        first_xid=checkpoint.first_xid,
        horizon_xid=checkpoint.horizon_xid,
        after_id=checkpoint.after_id,
        through_id=checkpoint.through_id,
        is_takeover=checkpoint.is_takeover,
        entries=checkpoint.entries,
        total=checkpoint.total,
        root=bytes(checkpoint.root),
        made_at=checkpoint.made_at,
    )


def fold(
    first_xid: int, horizon_xid: int, after_id: int, through_id: int | None, is_takeover: bool
) -> tuple[int, int, bytes]:
    """(number, highest id, SHA-256 over the hashes in the order of their ids) of the entries that an old seal covers.

    `through_id` None: as far as there are any. A restored database counted transactions anew, so its first seal took over
    whatever no earlier one covers: what the old database had not sealed (by transaction) and what was new (by id).
    """
    if is_takeover:
        condition = "(xid >= %(first)s::text::xid8 OR id > (SELECT coalesce(max(through_id), 0) FROM audit_checkpoint WHERE through_id < %(through)s))"
    else:
        condition = "xid >= %(first)s::text::xid8 AND xid < %(horizon)s::text::xid8"
    digest, count, highest = hashlib.sha256(), 0, after_id
    facts = {
        "first": first_xid,
        "horizon": horizon_xid,
        "after": after_id,
        "through": through_id if through_id is not None else 2**63 - 1,
    }
    with connection.chunked_cursor() as cursor:
        cursor.itersize = 100
        cursor.execute(_BLOCKS.format(condition=condition), facts)
        for last_id, size, hashes in cursor:
            digest.update(hashes)
            count += size
            highest = last_id
    return count, highest, digest.digest()


# a thousand hashes at a time, joined by the server: the digest is that of all of them in a row
_BLOCKS = """
SELECT max(id), count(*), string_agg(hash, '' ORDER BY id)
FROM (SELECT id, hash, (row_number() OVER (ORDER BY id) - 1) / 1000 AS block FROM audit_entry
      WHERE id > %(after)s AND id <= %(through)s AND {condition}) e
GROUP BY block ORDER BY block
"""
