"""One rule of the pack: what it asks of the database, with which parameters, and how it is said."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from casework.days import day_short
from funds.money import yuan


@dataclass(frozen=True)
class Param:
    """A line that real counties draw elsewhere. `unit` in words: days, percent, cases."""

    name: str
    title: Any
    default: int
    unit: Any


@dataclass(frozen=True)
class Rule:
    """`sql` gives (village_id, subject, day, facts) for the villages %(villages)s as of %(today)s; each parameter stands
    in it as %(name)s. `told` is a sentence over the facts; keys that end in _fen and _on come in words. `more` are values
    that are not for anybody to choose, such as the limits of published rules.
    """

    code: str
    title: Any
    why: Any  # what it may mean
    look: Any  # where to look, what explains it
    told: Any
    sql: str
    params: tuple[Param, ...] = ()
    more: Callable[[], dict[str, Any]] = dict

    def sentence(self, facts: dict[str, Any]) -> str:
        return str(self.told) % {name: _in_words(name, value) for name, value in facts.items()}


def _in_words(name: str, value: Any) -> str:
    if value is None:
        return _("没有写")
    if name.endswith("_fen"):
        return yuan(int(value))
    if name.endswith("_on"):
        return day_short(datetime.date.fromisoformat(value))
    return str(value)
