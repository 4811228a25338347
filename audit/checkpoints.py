"""Seals on the trail: signed statements about the tree over all of it. Each covers the one before.

A chain shows that something in its middle was changed; only a seal shows that its end was cut off, and only a seal whose
root has left the office (printed on a notice or a roster, mailed as the day's anchor) shows that everything was made anew.

A seal says: log, size, root, hash of the seal before, time; signed with Ed25519 by a key that is not in the database. Two
seals over one growing tree are consistent; whoever signs two histories is found by anybody who holds a seal of each.
"""

import datetime
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Func, TextField, Value
from django.utils import timezone

from audit import leaves, old_seals
from audit.errors import NothingSealed, TreeIsBroken
from audit.handovers import Keys, key_name, raw, utc
from audit.handovers import Statement as HandoverStatement
from audit.models import Checkpoint, Handover
from audit.regrowing import Regrown
from audit.sealer import as_sealer

_LOCK = 20260417


@dataclass(frozen=True)
class Statement:
    """What is signed. `previous` is None for the very first seal."""

    log_id: bytes
    size: int
    root: bytes
    previous: bytes | None
    made_at: datetime.datetime

    def text(self) -> str:
        facts = ("casework checkpoint 1", self.log_id.hex(), self.size, self.root.hex(), (self.previous or b"").hex())
        return "".join(f"{fact}\n" for fact in (*facts, utc(self.made_at)))

    def hash(self) -> bytes:
        return hashlib.sha256(self.text().encode()).digest()


@transaction.atomic
def seal(*, everything: bool = False, limit: int = leaves.BATCH) -> Checkpoint | None:
    """Append the finished entries that have no leaf yet, at most `limit`, and sign the tree.

    None: there is none, or another worker is sealing at this moment. `everything` looks at all entries again instead of
    those since the last seal. Raises TreeIsBroken when the stored tree is not the one that was sealed last.
    """
    with as_sealer():
        return _seal(everything, limit)


def _seal(everything: bool, limit: int) -> Checkpoint | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return None
    last = latest()
    horizon = _horizon()
    first = leaves.size()
    _must_be_what_was_sealed(first, last)
    entries = leaves.append(first, since_xid=None if everything else _settled(last), limit=limit)
    if not entries:
        return None
    keys = Keys()
    made = Statement(
        log_id=hashlib.sha256(keys.first()).digest(),
        size=first + entries,
        root=leaves.Stored(first + entries).root(),
        previous=bytes(last.hash) if last else None,
        made_at=timezone.now(),
    )
    return Checkpoint.objects.create(
        log_id=made.log_id,
        horizon_xid=horizon if entries < limit else None,
        entries=entries,
        total=made.size,
        root=made.root,
        previous=made.previous,
        hash=made.hash(),
        signature=keys.private().sign(made.hash()),
        made_at=made.made_at,
    )


def seal_all(*, everything: bool = False, most: int = 50) -> tuple[int, Checkpoint | None]:
    """Seal, batch by batch, each in a transaction of its own, until nothing is left or `most` were made.

    Returns how many entries were sealed, and the last seal made.
    """
    entries, last = 0, None
    for _n in range(most):
        made = seal(everything=everything)
        if made is None:
            break
        entries, last = entries + made.entries, made
        if made.horizon_xid is not None:
            break
    return entries, last


def _must_be_what_was_sealed(size: int, last: Checkpoint | None) -> None:
    """Never sign a second history: what was changed stays found by the seal that stands on it."""
    sealed = last.total if last and last.is_of_tree else 0
    if size != sealed or (size and leaves.Stored(size).root() != bytes(last.root)):
        raise TreeIsBroken(
            f"The stored tree has {size} leaves and is not the one sealed last ({sealed}). Nothing is sealed any more; "
            "run `manage.py audit verify` and keep a copy of the database."
        )


def _settled(last: Checkpoint | None) -> int | None:
    """All entries of earlier transactions have leaves; None when that is not known (a first seal, a restored database).

    It spares looking at the whole trail each time and is believed for a day: then everything is looked at.
    """
    if last is None or not last.is_of_tree or last.horizon_xid is None or last.horizon_xid > _next_transaction():
        return None
    return last.horizon_xid


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


def latest() -> Checkpoint | None:
    """The last seal, whose short form is printed on papers that leave the office."""
    return Checkpoint.objects.order_by("-id").first()


def faults(grown: Regrown | None = None) -> Iterator[tuple[Checkpoint, str]]:
    """(checkpoint, fault) of each seal that does not hold, oldest first.

    Faults: chain (it does not follow the one before), hash (its facts were changed), signature (it was not made with this
    installation's key), cut (fewer or more entries than it sealed), root (the tree does not give its root any more, so it
    is not consistent with the others). The tree is made anew from the leaves; stored tiles are not believed.
    """
    keys = Keys()
    previous: Checkpoint | None = None
    grown = grown or Regrown()
    for checkpoint in Checkpoint.objects.order_by("id").iterator(chunk_size=500):
        yield from ((checkpoint, fault) for fault in _own_faults(checkpoint, previous, keys))
        if not checkpoint.is_of_tree:
            yield from ((checkpoint, fault) for fault in _old_faults(checkpoint))
        elif (root := grown.root_at(checkpoint.total)) is None:
            yield checkpoint, "cut"
        elif root != bytes(checkpoint.root):
            yield checkpoint, "root"
        previous = checkpoint
    if previous is not None and grown.has_more_than(previous.total if previous.is_of_tree else 0):
        yield previous, "cut"


def _own_faults(checkpoint: Checkpoint, previous: Checkpoint | None, keys: Keys) -> Iterator[str]:
    sealed = _statement_of(checkpoint) if checkpoint.is_of_tree else old_seals.seal_of(checkpoint)
    follows = _follows(checkpoint, previous) if checkpoint.is_of_tree else sealed.follows(previous)
    if not follows:
        yield "chain"
    if sealed.hash() != bytes(checkpoint.hash):
        yield "hash"
    if not _is_signed(keys.of_size(checkpoint.total if checkpoint.is_of_tree else 0), checkpoint):
        yield "signature"


def _old_faults(checkpoint: Checkpoint) -> Iterator[str]:
    sealed = old_seals.seal_of(checkpoint)
    count, _highest, root = old_seals.fold(
        sealed.first_xid, sealed.horizon_xid, sealed.after_id, sealed.through_id, sealed.is_takeover
    )
    if count != sealed.entries:
        yield "cut"
    elif root != sealed.root:
        yield "root"


def _statement_of(checkpoint: Checkpoint) -> Statement:
    return Statement(
        log_id=bytes(checkpoint.log_id),
        size=checkpoint.total,
        root=bytes(checkpoint.root),
        previous=bytes(checkpoint.previous) if checkpoint.previous is not None else None,
        made_at=checkpoint.made_at,
    )


def _follows(checkpoint: Checkpoint, previous: Checkpoint | None) -> bool:
    size = previous.total if previous and previous.is_of_tree else 0
    hash_before = bytes(previous.hash) if previous else None
    stated = bytes(checkpoint.previous) if checkpoint.previous is not None else None
    return stated == hash_before and checkpoint.total == size + checkpoint.entries


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
    for column in ("root", "hash"):
        hexadecimal = Func(column, Value("hex"), function="encode", output_field=TextField())
        found = (
            Checkpoint.objects.annotate(digits=hexadecimal)
            .filter(digits__startswith=digits, **{"log_id__isnull": column == "hash"})
            .first()
        )
        if found:
            return found
    return None


def is_known(printed: str) -> bool:
    """Whether the tree still is what a paper says of it: "SIZE ROOT", at least 16 digits of it, or a fingerprint alone.

    With the size the root is asked of the tree, so nothing depends on which seals are still there.
    """
    short = short_form(printed)
    if short is None:
        return of_fingerprint(printed) is not None
    size, root = short
    return 0 < size <= leaves.size() and leaves.Stored(leaves.size()).root(size).hex().startswith(root)


def short_form(printed: str) -> tuple[int, str] | None:
    """(size, beginning of the root) of what stands at the foot of a paper; None for anything else."""
    size, _, rest = printed.strip().lower().replace(":", " ").partition(" ")
    root = rest.strip().split(" ")[0]
    is_one = size.isascii() and size.isdigit() and 16 <= len(root) <= 64 and set(root) <= set("0123456789abcdef")
    return (int(size), root) if is_one and len(size) < 16 else None


def of_short_form(printed: str) -> Checkpoint | None:
    """The seal over so many leaves with this root."""
    short = short_form(printed)
    found = Checkpoint.objects.filter(log_id__isnull=False, total=short[0]).first() if short else None
    return found if found and bytes(found.root).hex().startswith(short[1]) else None


def log_id() -> bytes:
    """Which log it is: the SHA-256 of its first public key, as in RFC 6962."""
    return hashlib.sha256(Keys().first()).digest()


def public_key() -> bytes:
    """The 32 bytes with which anybody can check a seal's signature."""
    return raw(_private_key())


def sign(message: bytes) -> bytes:
    """Sign something else than a seal with the same key; `message` begins with what it is."""
    return _private_key().sign(message)


@transaction.atomic
def hand_over() -> Handover:
    """A new key for the seals, which the old one names and which agrees. The old private key stays until `forget_old_keys`.

    The new key is on the disk before it is named, so wherever this is cut off the key in use is there. Raises TreeIsBroken,
    and NothingSealed when there is no seal that could be handed over.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    last, keys = latest(), Keys()
    if last is None or not last.is_of_tree:
        raise NothingSealed("Nothing is sealed yet. Run `manage.py audit checkpoint` first.")
    _must_be_what_was_sealed(leaves.size(), last)
    old, n = keys.private(), keys.generation + 1
    new = Ed25519PrivateKey.from_private_bytes(settings.SECRETS.bytes(key_name(n)))
    stated = HandoverStatement(bytes(last.log_id), raw(old), raw(new), last.total, bytes(last.hash), timezone.now())
    return Handover.objects.create(
        n=n, **vars(stated), old_signature=old.sign(stated.hash()), new_signature=new.sign(stated.hash())
    )


def forget_old_keys() -> list[str]:
    """Take the private keys that were handed over out of the key file; returns their names. What they signed stays checked."""
    old = [key_name(n) for n in range(1, Keys().generation) if settings.SECRETS.has(key_name(n))]
    for name in old:
        settings.SECRETS.forget(name)
    return old


def _private_key() -> Ed25519PrivateKey:
    return Keys().private()
