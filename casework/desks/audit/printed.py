"""Codes that stand on papers, compared with what is kept: size and root of a seal, its fingerprint, or a notice's words."""

import unicodedata
from dataclasses import dataclass, field
from typing import Any

from audit import checkpoints as seals
from audit.models import Checkpoint
from casework.desks.public.notices import number_of
from casework.digests import digest_of
from casework.models import PublicNotice
from casework.search import audited_cases

SHORTEST = 12  # digits of a notice's code
MOST = 5  # notices of the same words, one for each time they were published


@dataclass(frozen=True)
class Published:
    """A notice whose code was typed, and whether its words still give that code."""

    notice: PublicNotice
    number: str
    is_intact: bool


@dataclass(frozen=True)
class Found:
    """What a typed code belongs to; nothing of either kind: it is unknown."""

    seal: Checkpoint | None = None
    notices: list[Published] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.seal is not None or bool(self.notices)


def found_by(typed: str, user: Any) -> Found:
    """The seal, or the notices of cases within the auditor's reach, that this code was printed for."""
    if seal := seals.of_short_form(unicodedata.normalize("NFKC", typed)):
        return Found(seal=seal)
    code = "".join(c for c in unicodedata.normalize("NFKC", typed).lower() if c.isalnum())
    if len(code) < SHORTEST or set(code) - set("0123456789abcdef"):
        return Found()
    seal = seals.of_fingerprint(code)
    if seal is not None:
        return Found(seal=seal)
    rows = PublicNotice.objects.filter(digest__startswith=code, case__in=audited_cases(user)).select_related("case")
    return Found(
        notices=[
            Published(notice, number_of(notice), digest_of(notice.facts) == notice.digest)
            for notice in rows.order_by("-id")[:MOST]
        ]
    )
