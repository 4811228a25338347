"""Searching kind by kind, a page at a time, by key; and writing down that it was searched."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from access import vault
from audit.context import acting
from audit.models import AccessLog
from audit.services import record_access
from casework.auditing.search.kinds import KINDS, Kind
from casework.auditing.search.people import People, people_of
from casework.auditing.search.reading import Asked, Reading, read

PAGE = 20
FIRST = 6  # of each kind while all kinds are shown


@dataclass(frozen=True)
class Hit:
    """One thing that was found, and why. `told`: title, about, url, and where there is one note, amount_fen, on."""

    pk: int
    told: dict[str, Any]
    because: str


@dataclass
class Group:
    """A page of one kind. `before` is the key under which the next page goes on; None: there is no more."""

    kind: Kind
    hits: list[Hit] = field(default_factory=list)
    before: int | None = None


@dataclass
class Found:
    groups: list[Group]
    too_many: bool = False  # people of that name: the text narrows nothing down

    @property
    def count(self) -> int:
        return sum(len(group.hits) for group in self.groups)


def find(user: Any, asked: Asked, kind: str = "", before: int | None = None) -> Found:
    """The newest of each kind, or a whole page of one kind under the key `before`. Nothing was asked: nothing is found."""
    if not asked:
        return Found([])
    reading = read(asked.q)
    people, too_many = people_of(reading)
    chosen = [KINDS[kind]] if kind in KINDS else list(KINDS.values())
    size = PAGE if kind in KINDS else FIRST
    groups = [_page(user, one, asked, reading, people, size, before) for one in chosen]
    return Found([group for group in groups if group.hits], too_many)


def _page(
    user: Any, kind: Kind, asked: Asked, reading: Reading, people: People, size: int, before: int | None
) -> Group:
    rows, bounds = kind.rows(user), _bounds(kind, asked, reading)
    if rows is None or bounds is None:
        return Group(kind)
    rows = rows.filter(bounds)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    conditions = list(kind.found_by(reading, people)) if reading.is_words else [("", Q())]
    because: dict[int, list[str]] = {}
    for why, condition in conditions:
        for pk in rows.filter(condition).order_by("-pk").values_list("pk", flat=True)[: size + 1]:
            because.setdefault(pk, []).append(why)
    keys = sorted(because, reverse=True)
    return Group(
        kind,
        [Hit(pk, kind.told(row), "；".join(because[pk])) for pk, row in _loaded(kind, keys[:size])],
        keys[size - 1] if len(keys) > size else None,
    )


def _loaded(kind: Kind, keys: list[int]) -> list[tuple[int, Any]]:
    """They were found within reach; now with what is said of them, one query."""
    rows = kind.model.objects.select_related(*kind.joined) if kind.joined else kind.model.objects
    found = rows.in_bulk(keys)
    return [(pk, found[pk]) for pk in keys]


def _bounds(kind: Kind, asked: Asked, reading: Reading) -> Q | None:
    """The bounds as a condition; None where the kind has no such thing and so does not fit."""
    found = {
        name: reading.bounds.get(name, getattr(asked, name))
        for name in ("least_fen", "most_fen", "first_day", "last_day")
    }
    amounts = {"gte": found["least_fen"], "lte": found["most_fen"]}
    days = {"gte": found["first_day"], "lte": found["last_day"]}
    condition = Q()
    for fields, sides in ((filter(None, (kind.amount,)), amounts), (kind.days, days)):
        given = {side: value for side, value in sides.items() if value is not None}
        names = list(fields)
        if given and not names:
            return None
        for name in names if given else ():
            condition &= Q(**{f"{name}__{side}": value for side, value in given.items()})
    return condition


@transaction.atomic
def record(user: Any, asked: Asked, found: Found) -> AccessLog:
    """Write down that she searched: the keyed fingerprint of what was asked (the text may be a whole number), how many were
    found, and the SHA-256 of which, shortened.
    """
    text = "|".join(
        str(part or "") for part in (asked.q.strip(), asked.least_fen, asked.most_fen, asked.first_day, asked.last_day)
    )
    ids = ",".join(f"{group.kind.code}:{hit.pk}" for group in found.groups for hit in group.hits)
    with acting(user):
        return record_access(
            kind=AccessLog.Kind.SEARCH,
            subject="search",
            fields=f"search,{vault.blind_index('search', text)},{found.count},{_digest(ids)}",
            reason=_("审计查找"),
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
