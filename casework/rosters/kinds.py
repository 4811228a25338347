"""Help that is given by lists instead of cases: what kinds there are, and what each allows. Pure data.

Money is allocated to the code of a kind as it is to a programme (domain P10 to P12).
"""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Kind:
    """One kind of list. `notice_days` calendar days lie between posting and approval; 0: it is posted afterwards."""

    code: str
    title: Any
    cap_fen: int  # the most for one person on one list
    events: tuple[tuple[str, Any], ...]  # a person is on one list of an event and year
    allows_cash: bool = False
    pays_provider: bool = False
    notice_days: int = 0


KINDS: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind(
            "visit_condolence",
            _("走访慰问"),
            cap_fen=2_000_00,
            events=(
                ("spring_festival", _("春节")),
                ("mid_autumn", _("中秋")),
                ("double_ninth", _("重阳")),
                ("family_day", _("5·29 协会活动日")),
                ("other_visit", _("其他走访")),
            ),
            allows_cash=True,
            notice_days=3,
        ),
        Kind(
            "insurance_support",
            _("系列保险"),
            cap_fen=1_000_00,
            events=(("medical", _("医疗保险")), ("accident", _("意外保险")), ("old_age", _("养老保险"))),
            pays_provider=True,
        ),
        Kind(
            "skills_training",
            _("技能培训"),
            cap_fen=5_000_00,
            events=(("first_half", _("上半年")), ("second_half", _("下半年"))),
            pays_provider=True,
        ),
    )
}

EVENTS = {code: title for kind in KINDS.values() for code, title in kind.events}
