"""The keys that values are sealed with, and how they are renewed without touching what is sealed (ADR 0034).

A value names its data key by number. Data keys lie in the database, each wrapped by a *root key*, which lies in the data
directory: to open anything both are needed. Renewing makes a new root key, wraps every data key with it, and begins a new
data key for what is written from then on. So neither history, which is chained over its bytes, nor a listed payment, whose
bytes PostgreSQL keeps, has to change, and the old root opens nothing of today's database.

Before the first renewal there is one data key, `sealing_key_1`, in the data directory itself.
"""

import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from access.errors import DecryptionFailed, KeysRefused
from access.models import DataKey
from access.secrets import KeyMissing
from audit.context import acting

_FIRST = "sealing_key_1"
_ROOT = "root_key"
_LOCK = 20260418
_ciphers: dict[int, AESGCM] = {}
_newest: tuple[tuple[int, int], int] = ((0, 0), 0)  # (stamp of the key file, number)


def current() -> int:
    """The number of the data key for what is sealed now. Another process's renewal is seen at the next value."""
    global _newest
    stamp = settings.SECRETS.stamp()
    if _newest[0] != stamp:
        _newest = (stamp, _newest_number() if settings.SECRETS.generations(_ROOT) else 1)
    return _newest[1]


def cipher(number: int) -> AESGCM:
    """The cipher of one data key. Raises DecryptionFailed when it, or the root that it is wrapped with, is missing."""
    if number not in _ciphers:
        _ciphers[number] = AESGCM(_data_key(number))
    return _ciphers[number]


def forget() -> None:
    """What this process remembers, for tests and after a restore."""
    global _newest
    _ciphers.clear()
    _newest = ((0, 0), 0)


@dataclass(frozen=True)
class Renewed:
    root: int
    data_key: int
    wrapped: int  # how many data keys


@transaction.atomic
def renew() -> Renewed:
    """A new root key, every data key wrapped with it, and a new data key in force. What was sealed stays as it is.

    The root is on the disk before a key is wrapped with it, and the old one stays there until `retire`: wherever this is
    cut off, every key still opens. Raises KeysRefused when numbers are used up.
    """
    _one_at_a_time()
    roots = settings.SECRETS.generations(_ROOT)
    root = (roots[-1] if roots else 0) + 1
    new_root = AESGCM(settings.SECRETS.bytes(_root_name(root)))
    with acting(reason="keys rotate"):
        if not DataKey.objects.exists():
            DataKey.objects.create(
                number=1, made_at=timezone.now(), **_wrapped(1, settings.SECRETS.bytes(_FIRST), new_root, root)
            )
        for key in DataKey.objects.select_for_update().exclude(root=root).order_by("number"):
            plain = _unwrapped(key)
            for name, value in _wrapped(key.number, plain, new_root, root).items():
                setattr(key, name, value)
            key.save(update_fields=["wrapped", "root"])
        number = _newest_number() + 1
        if number > 255:
            raise KeysRefused("There are 255 data keys already: values name their key in one byte.")
        DataKey.objects.create(
            number=number, made_at=timezone.now(), **_wrapped(number, secrets.token_bytes(32), new_root, root)
        )
    transaction.on_commit(settings.SECRETS.touch)
    return Renewed(root, number, number)


@transaction.atomic
def retire() -> list[str]:
    """Take the keys out of the data directory that nothing is wrapped with any more; returns their names.

    Raises KeysRefused when a data key does not open with the root that it names.
    """
    _one_at_a_time()
    in_use = set(DataKey.objects.values_list("root", flat=True))
    if not in_use:
        return []
    for key in DataKey.objects.all():
        try:
            _unwrapped(key)
        except DecryptionFailed as error:
            raise KeysRefused(
                f"Data key {key.number} does not open with root {key.root}. Nothing is retired."
            ) from error
    old = [_root_name(n) for n in settings.SECRETS.generations(_ROOT) if n not in in_use and n < max(in_use)]
    old += [_FIRST] if settings.SECRETS.has(_FIRST) else []
    for name in old:
        settings.SECRETS.forget(name)
    return old


def _data_key(number: int) -> bytes:
    key = DataKey.objects.filter(number=number).first()
    if key is not None:
        return _unwrapped(key)
    if number == 1:
        return settings.SECRETS.bytes(_FIRST)
    raise DecryptionFailed(f"There is no data key {number}.")


def _wrapped(number: int, plain: bytes, root: AESGCM, root_number: int) -> dict[str, object]:
    nonce = secrets.token_bytes(12)
    wrapped = nonce + root.encrypt(nonce, plain, _bound_to(number, root_number))
    return {"wrapped": wrapped, "root": root_number}


def _unwrapped(key: DataKey) -> bytes:
    wrapped = bytes(key.wrapped)
    try:
        root = AESGCM(settings.SECRETS.existing(_root_name(key.root)))
        return root.decrypt(wrapped[:12], wrapped[12:], _bound_to(key.number, key.root))
    except (InvalidTag, KeyMissing) as error:
        raise DecryptionFailed(
            f"Data key {key.number} does not open: root {key.root} is missing or another."
        ) from error


def _bound_to(number: int, root: int) -> bytes:
    return f"access_datakey|{number}|{root}".encode()


def _root_name(number: int) -> str:
    return f"{_ROOT}_{number}"


def _newest_number() -> int:
    return DataKey.objects.order_by("-number").values_list("number", flat=True).first() or 1


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
