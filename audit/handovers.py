"""From one key of the seals to the next: a statement that both of them sign, so that old seals go on being checked (ADR 0034).

A handover says: log, old key, new key, size of the tree, hash of the seal over it, time. Seals over trees up to that size are
the old key's, larger ones the new one's. The log keeps its name, the hash of its first key. Whoever knows any one of the keys
follows the statements forward and back to all others, here as in audit/standalone/verify_bundle.py.
"""

import datetime
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from audit.models import Handover

_KEY_NAME = "checkpoint_key"


def utc(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True)
class Statement:
    """What both keys sign the hash of."""

    log_id: bytes
    old_key: bytes
    new_key: bytes
    size: int
    seal: bytes
    made_at: datetime.datetime

    def hash(self) -> bytes:
        facts = (
            "casework handover 1",
            self.log_id.hex(),
            self.old_key.hex(),
            self.new_key.hex(),
            self.size,
            self.seal.hex(),
        )
        return hashlib.sha256("".join(f"{fact}\n" for fact in (*facts, utc(self.made_at))).encode()).digest()


class Keys:
    """The keys of the seals as the handovers tell them, read once."""

    def __init__(self) -> None:
        self.handovers = list(Handover.objects.order_by("n"))

    @property
    def generation(self) -> int:
        return self.handovers[-1].n if self.handovers else 1

    def private(self) -> Ed25519PrivateKey:
        """The key that signs now. Raises KeyMissing when it was handed over to one that is not in the key file."""
        if self.generation == 1:
            return Ed25519PrivateKey.from_private_bytes(settings.SECRETS.bytes(_KEY_NAME))
        return Ed25519PrivateKey.from_private_bytes(settings.SECRETS.existing(key_name(self.generation)))

    def first(self) -> bytes:
        """The public key that the log has its name from."""
        return bytes(self.handovers[0].old_key) if self.handovers else raw(self.private())

    def of_size(self, size: int) -> Ed25519PublicKey:
        """Whose seal over a tree of `size` must be."""
        for handover in self.handovers:
            if size <= handover.size:
                return Ed25519PublicKey.from_public_bytes(bytes(handover.old_key))
        if not self.handovers:
            return self.private().public_key()
        return Ed25519PublicKey.from_public_bytes(bytes(self.handovers[-1].new_key))

    def faults(self) -> list[Handover]:
        """Handovers that are not signed by both, do not follow one another, or do not lead to the key in use."""
        wrong, before = [], None
        log_id = hashlib.sha256(self.first()).digest()
        for handover in self.handovers:
            follows = bytes(handover.old_key) == (bytes(before.new_key) if before else self.first())
            grows = before is None or handover.size >= before.size
            if not (follows and grows and bytes(handover.log_id) == log_id and is_signed(handover)):
                wrong.append(handover)
            before = handover
        if (
            before is not None
            and before not in wrong
            and (not settings.SECRETS.has(key_name(before.n)) or raw(self.private()) != bytes(before.new_key))
        ):
            wrong.append(before)
        return wrong


def key_name(generation: int) -> str:
    return _KEY_NAME if generation == 1 else f"{_KEY_NAME}_{generation}"


def raw(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of its public half."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def is_signed(handover: Handover) -> bool:
    """Whether both keys signed just this."""
    stated = statement_of(handover).hash()
    try:
        for key, signature in ((handover.old_key, handover.old_signature), (handover.new_key, handover.new_signature)):
            Ed25519PublicKey.from_public_bytes(bytes(key)).verify(bytes(signature), stated)
    except (InvalidSignature, ValueError):
        return False
    return True


def statement_of(handover: Handover) -> Statement:
    return Statement(
        bytes(handover.log_id),
        bytes(handover.old_key),
        bytes(handover.new_key),
        handover.size,
        bytes(handover.seal),
        handover.made_at,
    )


def facts(handover: Handover) -> dict[str, object]:
    """As it stands in a bundle."""
    return {
        "log": bytes(handover.log_id).hex(),
        "made_at": utc(handover.made_at),
        "new_key": bytes(handover.new_key).hex(),
        "new_signature": bytes(handover.new_signature).hex(),
        "old_key": bytes(handover.old_key).hex(),
        "old_signature": bytes(handover.old_signature).hex(),
        "seal": bytes(handover.seal).hex(),
        "size": handover.size,
    }
