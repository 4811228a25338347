"""What real counties disagree on: the parameters of a programme version, checked when they are written.

Stored as JSON in ProgrammeVersion.parameters; amounts in fen.
"""

import datetime
from calendar import monthrange
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Self

from django.utils.translation import gettext as _

from flows.errors import BadParameters
from flows.spec import Spec


@dataclass(frozen=True)
class Period:
    days: int
    unit: str = "working"  # or "calendar"

    def __post_init__(self) -> None:
        if self.unit not in ("working", "calendar") or not 0 <= self.days <= 3660:
            raise BadParameters(_("天数要在 0 到 3660 之间，按工作日或自然日算。"))


@dataclass(frozen=True)
class PaymentPlan:
    """Help that is paid in parts. One part is the whole at once; without `percents` the parts are equal.

    By term: parts=2, every_months=6, needs_check=True (still enrolled). By progress: percents=[30, 40, 30],
    labels=["开工", "主体完工", "竣工验收"], needs_check=True. Each month: parts=12, every_months=1.
    """

    parts: int = 1
    percents: list[int] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    every_months: int = 0
    needs_check: bool = False
    first_needs_check: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.parts <= 36 or not 0 <= self.every_months <= 12:
            raise BadParameters(_("分期要在 1 到 36 期之间，每期相隔 0 到 12 个月。"))
        if self.percents and (len(self.percents) != self.parts or sum(self.percents) != 100 or min(self.percents) <= 0):
            raise BadParameters(_("各期的百分比要与期数一样多，都大于 0，加起来是 100。"))
        if self.labels and len(self.labels) != self.parts:
            raise BadParameters(_("各期的名称要与期数一样多。"))

    def laid_out(self, amount_fen: int, begins: datetime.date) -> list[tuple[str, datetime.date, int, bool]]:
        """[(label, due on, fen, needs a check)]; [] when it is paid at once. Rounding goes to the last part.

        A part that the rules do not name is labelled with its number; whoever shows it finds the words.
        """
        if self.parts == 1 and not self.first_needs_check:
            return []
        shares = [amount_fen * percent // 100 for percent in self.percents] or [amount_fen // self.parts] * self.parts
        shares[-1] += amount_fen - sum(shares)
        return [
            (
                self.labels[n] if self.labels else str(n + 1),
                months_later(begins, n * self.every_months),
                share,
                self.needs_check if n else self.first_needs_check,
            )
            for n, share in enumerate(shares)
        ]


def months_later(day: datetime.date, months: int) -> datetime.date:
    """The same day some months later, or the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))


class Stored:
    """A frozen dataclass of rules that a version stores as JSON."""

    periods: ClassVar[tuple[str, ...]] = ()  # the fields that are a Period

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Raises BadParameters for a name that does not exist (a rule about births, say) or a wrong value."""
        unknown = set(stored) - {one.name for one in fields(cls)}
        if unknown:
            raise BadParameters(_("没有这样的规则：%(names)s。") % {"names": _("、").join(sorted(unknown))})
        try:
            periods = {name: Period(**stored[name]) for name in cls.periods if name in stored}
            return cls(**{**stored, **periods, **cls._read(stored)})
        except (TypeError, ValueError) as error:
            raise BadParameters(str(error)) from error

    @classmethod
    def _read(cls, stored: dict[str, Any]) -> dict[str, Any]:
        """What of it is neither a plain value nor a period."""
        return {}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


RELATIVES_GO = ("up", "top")


@dataclass(frozen=True)
class Parameters(Stored):
    """One dated set of rules of a programme. `documents` maps an action to the papers that must be there before it."""

    periods: ClassVar[tuple[str, ...]] = (
        "notice",
        "exit_notice",
        "makeup",
        "appeal_within",
        "survey_valid",
        "account_wait",
        "deadline_otherwise",
    )

    emergency_cap_fen: int = 100_000
    t1_limit_fen: int = 300_000
    t2_limit_fen: int = 2_000_000
    unit_amount_fen: int = 0  # a fixed amount for each case; 0: the amount is proposed
    cap_fen: int = 10_000_000  # no single case above this
    large_share_percent: int = 20  # above this share of the money available a case is T3 whatever its amount
    notice: Period = Period(7, "calendar")
    exit_notice: Period = Period(7, "calendar")
    makeup: Period = Period(10, "working")
    appeal_within: Period = Period(60, "calendar")
    survey_valid: Period = Period(365, "calendar")
    account_wait: Period = Period(1, "working")
    deadlines: dict[str, Period] = field(default_factory=dict)  # {state: period}
    deadline_otherwise: Period = Period(5, "working")
    documents: dict[str, list[str]] = field(default_factory=dict)  # {action: [document kinds]}
    quorum_present: int = 5  # people at a deliberation
    quorum_percent: int = 50  # of those who are due
    majority_percent: int = 50  # more than this share of the votes cast for it
    follow_up_days: list[int] = field(default_factory=lambda: [30, 90])  # calendar days after payment
    measure_target: int = 6
    minimum_age: int = 0
    payments: PaymentPlan = PaymentPlan()
    pays_to: list[str] = field(default_factory=lambda: ["family"])  # or kinds of provider: school, hospital, …
    person_year_cap_fen: int = 0  # of all programmes together for one person in one year; 0: none
    once_a_year: bool = False  # the same person and cause of hardship
    not_together_with: list[str] = field(default_factory=list)  # programmes that exclude this one within a year
    service_hours_a_day: int = 12  # what a provider's people can give one family in a day
    relatives_go: str = "top"  # the case of a worker's close relative: "up" one tier, or to the "top"
    relatives_visited: bool = True  # the county goes to see such a family before its money is decided

    def __post_init__(self) -> None:
        if not 0 <= self.emergency_cap_fen <= self.t1_limit_fen <= self.t2_limit_fen <= self.cap_fen:
            raise BadParameters(_("几道线要一道比一道高：先行救助上限、小额线、一般线、单件上限。"))
        if self.unit_amount_fen > self.cap_fen or self.unit_amount_fen < 0:
            raise BadParameters(_("固定金额要在 0 和单件上限之间。"))
        if sorted(self.follow_up_days) != self.follow_up_days or any(day <= 0 for day in self.follow_up_days):
            raise BadParameters(_("回访的天数要从小到大，都大于 0。"))
        if not 1 <= self.service_hours_a_day <= 24:
            raise BadParameters(_("一天的服务要在 1 到 24 小时之间。"))
        if self.person_year_cap_fen < 0 or not self.pays_to:
            raise BadParameters(_("每人每年的上限不能是负数，付给谁至少要选一样。"))
        if self.relatives_go not in RELATIVES_GO:
            raise BadParameters(_("近亲属的个案要么升一级，要么升到最高一级。"))
        for name in ("quorum_percent", "majority_percent", "large_share_percent"):
            if not 0 <= getattr(self, name) <= 100:
                raise BadParameters(_("百分比要在 0 到 100 之间。"))

    @classmethod
    def _read(cls, stored: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if "payments" in stored:
            found["payments"] = PaymentPlan(**stored["payments"])
        if "deadlines" in stored:
            found["deadlines"] = {state: Period(**period) for state, period in dict(stored["deadlines"]).items()}
        return found

    def check_against(self, spec: Spec) -> None:
        """Raises BadParameters when deadlines or documents name states or actions that the spec does not have."""
        strange = set(self.deadlines) - set(spec.states)
        strange |= set(self.documents) - {edge.action for edge in spec.edges}
        if strange:
            raise BadParameters(
                _("%(programme)s 没有这样的步骤：%(names)s。")
                % {"programme": spec.title, "names": _("、").join(sorted(strange))}
            )

    def deadline(self, state: str) -> Period:
        """How long a case may stay in a state."""
        return self.deadlines.get(state, self.deadline_otherwise)

    def tier(self, amount_fen: int, *, available_fen: int | None = None, has_conflict: bool = False) -> str:
        """The tier of an amount (domain §2.0): T1 up to its limit, T2 up to its limit, else T3.

        An amount above `large_share_percent` of the money available is T3 whatever its size; a conflict of interest goes up.
        """
        tier = self._tier_of_amount(amount_fen, available_fen)
        return self.tier_for_relatives(tier) if has_conflict else tier

    def _tier_of_amount(self, amount_fen: int, available_fen: int | None) -> str:
        if available_fen is not None and amount_fen * 100 > available_fen * self.large_share_percent:
            return "T3"
        if amount_fen <= self.t1_limit_fen:
            return "T1"
        return "T2" if amount_fen <= self.t2_limit_fen else "T3"

    def tier_for_relatives(self, tier: str) -> str:
        """The tier of a worker's close relatives, from what it would be otherwise. An emergency stays one."""
        if tier in ("", "T0", "T3"):
            return tier
        return "T2" if (self.relatives_go, tier) == ("up", "T1") else "T3"
