"""Sealed values: AES-256-GCM bound to their row, and keyed blind indexes to find them without opening them.

A sealed value is `version byte | number of its data key | nonce (12) | ciphertext and tag`. The associated data names table,
column and row, so a ciphertext copied to another row does not open. Which key a number stands for, and how keys are
renewed: access.data_keys.
"""

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from django.conf import settings

from access import data_keys
from access.errors import DecryptionFailed

_VERSION = 1
_index_key: bytes | None = None


def seal(text: str, *, row: str) -> bytes:
    """Encrypt `text` for `row`, for example "families_person|id_number|<uuid>"."""
    nonce, number = secrets.token_bytes(12), data_keys.current()
    sealed = data_keys.cipher(number).encrypt(nonce, text.encode(), row.encode())
    return bytes((_VERSION, number)) + nonce + sealed


def unseal(sealed: bytes, *, row: str) -> str:
    """Decrypt what was sealed for this very row.

    Raises DecryptionFailed when the value was moved from another row, altered, or its key is missing.
    """
    sealed = bytes(sealed)
    if len(sealed) < 30 or sealed[0] != _VERSION:
        raise DecryptionFailed("This is not a sealed value of this program.")
    try:
        return data_keys.cipher(sealed[1]).decrypt(sealed[2:14], sealed[14:], row.encode()).decode()
    except InvalidTag as error:
        raise DecryptionFailed(f"The sealed value of {row.split('|')[0]} does not belong to its row.") from error


def blind_index(kind: str, text: str) -> str:
    """Keyed fingerprint (32 hexadecimal digits) of a normalised value; equal values of one kind give equal fingerprints."""
    global _index_key
    if _index_key is None:
        _index_key = settings.SECRETS.bytes("blind_index_key")
    return hmac.digest(_index_key, f"{kind}:{text}".encode(), hashlib.sha256)[:16].hex()


def person_key(id_number: str) -> str:
    """The key of a natural person: the blind index of her normalised 18-character ID number."""
    return blind_index("person", id_number)
