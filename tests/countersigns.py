"""The second person of what two do, for tests: whoever was asked answers in her own name."""

import hashlib
import itertools
from typing import Any

from casework import second_person
from funds import countersigning
from funds.models import Countersign

_serial = itertools.count(1)


def a_receipt() -> str:
    """The fingerprint of a receipt that nobody has used."""
    return hashlib.sha256(f"receipt {next(_serial)}".encode()).hexdigest()


def asked() -> Countersign:
    """The question that was asked last."""
    return Countersign.objects.select_related(*countersigning.WITH_ITS_THING).order_by("-id")[0]


def confirmed() -> Countersign:
    """The second person asked last says: it was so."""
    return _answered(True, "", None)


def objected(words: str = "我那天没有去", by: Any = None) -> Countersign:
    """She says that it was not; or `by`, who withdraws it."""
    return _answered(False, words, by)


def _answered(confirms: bool, words: str, by: Any) -> Countersign:
    last = asked()
    second_person.answer(last, by=by or last.asked, key=f"second:{next(_serial)}", confirms=confirms, words=words)
    return asked()
