"""Seals on the trail: each covers what was written since the one before, and the one before itself.

A chain shows that something in its middle was changed; only a seal shows that its end was cut off, and only a seal whose
fingerprint has left the office (printed on a notice or a roster) shows that everything was made anew.

A seal covers finished transactions alone: those below the oldest one still running in this database. Numbers of rows
would not do: a slow transaction commits a lower number after a quick one was sealed.
"""

import datetime
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Func, TextField, Value
from django.utils import timezone

from audit.models import Checkpoint

_LOCK = 20260417
_KEY_NAME = "checkpoint_key"


@dataclass(frozen=True)
class Seal:
    """The facts of a checkpoint that its hash covers."""

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


@transaction.atomic
def seal() -> Checkpoint | None:
    """Seal every entry of finished transactions that no checkpoint covers yet.

    None: there is none, or another worker is sealing at this moment.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return None
    last = Checkpoint.objects.order_by("-id").first()
    is_takeover = last is not None and _next_transaction() < last.horizon_xid
    if is_takeover:
        with connection.cursor() as cursor:  # nobody writes while the old and the new numbering meet
            cursor.execute("LOCK TABLE audit_entry IN SHARE MODE")
    horizon = _horizon()
    first = last.horizon_xid if last else 0
    after = _first_free_id(last)
    entries, through, root = fold(first, horizon, after, None, is_takeover)
    if not entries:
        return None
    made = Seal(
        previous=bytes(last.hash) if last else None,
        first_xid=first,
        horizon_xid=horizon,
        after_id=after,
        through_id=through,
        is_takeover=is_takeover,
        entries=entries,
        total=(last.total if last else 0) + entries,
        root=root,
        made_at=timezone.now(),
    )
    signature = _private_key().sign(made.hash())
    return Checkpoint.objects.create(**made.__dict__, hash=made.hash(), signature=signature)


def _next_transaction() -> int:
    """The number that the server has reached. A restored database begins anew, below what its seals know."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        return cursor.fetchone()[0]


# Transactions of other databases on the same server count in the same numbers and write nothing here. One is left out
# only when its lock names a backend that surely works elsewhere; prepared ones and those that just end count as ours.
# A lock shows the lower 32 bits of the number.
_HORIZON = """
WITH here AS MATERIALIZED (SELECT pg_current_snapshot() AS snapshot),
running AS MATERIALIZED (SELECT xid::text::bigint AS xid FROM here, pg_snapshot_xip(snapshot) AS xid),
elsewhere AS MATERIALIZED (
    SELECT l.transactionid::text::bigint AS low FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted
      AND a.datid <> (SELECT oid FROM pg_database WHERE datname = current_database()))
SELECT least(
    (SELECT pg_snapshot_xmax(snapshot)::text::bigint FROM here),
    pg_current_xact_id_if_assigned()::text::bigint,
    (SELECT min(xid) FROM running WHERE xid % (1::bigint << 32) NOT IN (SELECT low FROM elsewhere)))
"""


def _horizon() -> int:
    """Every transaction of this database with a lower number has ended."""
    with connection.cursor() as cursor:
        cursor.execute(_HORIZON)
        return cursor.fetchone()[0]


def _first_free_id(last: Checkpoint | None) -> int:
    """Entries up to this id were numbered by an earlier database and are all sealed."""
    if last is None:
        return 0
    return last.through_id if last.is_takeover else last.after_id


def fold(
    first_xid: int, horizon_xid: int, after_id: int, through_id: int | None, is_takeover: bool
) -> tuple[int, int, bytes]:
    """(number, highest id, SHA-256 over the hashes in the order of their ids) of the entries that a seal covers.

    `through_id` None: as far as there are any. A restored database counts transactions anew, so its first seal takes over
    whatever no earlier one covers: what the old database had not sealed (by transaction) and what is new (by id).
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


def latest() -> Checkpoint | None:
    """The last seal, whose fingerprint is printed on papers that leave the office."""
    return Checkpoint.objects.order_by("-id").first()


def faults() -> Iterator[tuple[Checkpoint, str]]:
    """(checkpoint, fault) of each seal that does not hold, oldest first.

    Faults: chain (it does not follow the one before), hash (its facts were changed), signature (it was not made with this
    installation's key), cut (fewer or more entries than it sealed), root (other entries than it sealed).
    """
    public = _private_key().public_key()
    previous: Checkpoint | None = None
    for checkpoint in Checkpoint.objects.order_by("id").iterator(chunk_size=500):
        sealed = _seal_of(checkpoint)
        if not _follows(sealed, previous):
            yield checkpoint, "chain"
        if sealed.hash() != bytes(checkpoint.hash):
            yield checkpoint, "hash"
        if not _is_signed(public, checkpoint):
            yield checkpoint, "signature"
        count, _highest, root = fold(
            sealed.first_xid, sealed.horizon_xid, sealed.after_id, sealed.through_id, sealed.is_takeover
        )
        if count != sealed.entries:
            yield checkpoint, "cut"
        elif root != sealed.root:
            yield checkpoint, "root"
        previous = checkpoint


def _seal_of(checkpoint: Checkpoint) -> Seal:
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


def _follows(sealed: Seal, previous: Checkpoint | None) -> bool:
    if previous is None:
        return (sealed.previous, sealed.first_xid, sealed.after_id, sealed.total) == (None, 0, 0, sealed.entries)
    return (
        sealed.previous == bytes(previous.hash)
        and sealed.first_xid == previous.horizon_xid
        and sealed.after_id == _first_free_id(previous)
        and sealed.total == previous.total + sealed.entries
    )


def _is_signed(public: Ed25519PublicKey, checkpoint: Checkpoint) -> bool:
    try:
        public.verify(bytes(checkpoint.signature), bytes(checkpoint.hash))
    except InvalidSignature:
        return False
    return True


def of_fingerprint(fingerprint: str) -> Checkpoint | None:
    """The seal whose fingerprint (16 or more hexadecimal digits of it) was printed on a paper."""
    digits = fingerprint.strip().lower().replace(" ", "")
    if len(digits) < 16:
        return None
    hexadecimal = Func("hash", Value("hex"), function="encode", output_field=TextField())
    return Checkpoint.objects.annotate(digits=hexadecimal).filter(digits__startswith=digits).first()


def public_key() -> bytes:
    """The 32 bytes with which anybody can check a seal's signature."""
    return _private_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _private_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(settings.SECRETS.bytes(_KEY_NAME))
