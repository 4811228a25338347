"""Help that is given by lists instead of cases: what kinds there are, and what the dated rules of a kind say.

Which kinds there are is code, as programmes are. What counties disagree on is a version, written by one and published by
another like a programme's; a list keeps the one it was made under. Money is allocated to the code of a kind as it is to a
programme (domain P10 to P12).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from flows.errors import BadParameters
from flows.parameters import Period, Stored


@dataclass(frozen=True)
class Kind:
    """One kind of list. A person is on one list of an event and year."""

    code: str
    title: Any
    events: tuple[tuple[str, Any], ...]
    pays_provider: bool = False


KINDS: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind(
            "visit_condolence",
            gettext_lazy("走访慰问"),
            events=(
                ("spring_festival", gettext_lazy("春节")),
                ("mid_autumn", gettext_lazy("中秋")),
                ("double_ninth", gettext_lazy("重阳")),
                ("family_day", gettext_lazy("5·29 协会活动日")),
                ("other_visit", gettext_lazy("其他走访")),
            ),
        ),
        Kind(
            "insurance_support",
            gettext_lazy("系列保险"),
            events=(
                ("medical", gettext_lazy("医疗保险")),
                ("accident", gettext_lazy("意外保险")),
                ("old_age", gettext_lazy("养老保险")),
            ),
            pays_provider=True,
        ),
        Kind(
            "skills_training",
            gettext_lazy("技能培训"),
            events=(("first_half", gettext_lazy("上半年")), ("second_half", gettext_lazy("下半年"))),
            pays_provider=True,
        ),
    )
}

EVENTS = {code: title for kind in KINDS.values() for code, title in kind.events}


@dataclass(frozen=True)
class ListParameters(Stored):
    """One dated set of rules of a kind of list; amounts in fen."""

    periods: ClassVar[tuple[str, ...]] = ("notice", "account_wait")

    cap_fen: int = 100_000  # the most for one person on one list
    person_year_cap_fen: int = 0  # of all help together for one person in one year; 0: none
    notice: Period = Period(3, "calendar")  # before the approval; 0 days: the list is posted afterwards
    account_wait: Period = Period(1, "working")  # between writing down another account and paying to it
    allows_cash: bool = False

    def __post_init__(self) -> None:
        if self.cap_fen <= 0:
            raise BadParameters(_("每人的上限要大于 0。"))
        if self.person_year_cap_fen < 0:
            raise BadParameters(_("每人每年的上限不能是负数。"))

    def check_against(self, kind: Kind) -> None:
        """Raises BadParameters when what a provider is paid would be handed out in cash."""
        if self.allows_cash and kind.pays_provider:
            raise BadParameters(_("「%(kind)s」的钱付给办理单位，不发现金。") % {"kind": kind.title})
