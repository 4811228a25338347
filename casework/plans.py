"""The support plan of a case (一户一策): what is planned, what was delivered, counted apart.

Six is a target that is shown, never a bar (domain A6).
"""

import contextlib
import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from audit import clock
from audit.context import acting
from casework.errors import BadCaseData, ReasonNeeded
from casework.models import Case, Measure
from casework.preparing import preparing

# The measure catalogue (domain P1), by the domains of families.catalogue. A plan may write its own besides.
CATALOGUE: tuple[tuple[str, tuple[Any, ...]], ...] = (
    (
        "livelihood",
        (
            _l("现金救济"),
            _l("米油棉被"),
            _l("取暖补助"),
            _l("小额周转金"),
            _l("种子、苗木、畜禽"),
            _l("市场信息"),
            _l("介绍工作"),
            _l("企业订单"),
            _l("加入产业基地"),
        ),
    ),
    ("education", (_l("助学金"), _l("一对一助学"), _l("文具书包"), _l("职校学位"), _l("志愿者辅导功课"))),
    (
        "health",
        (_l("健康讲座"), _l("体检"), _l("义诊转介"), _l("办理保险"), _l("用药帮助"), _l("陪同看病")),
    ),
    ("environment", (_l("修屋顶墙面"), _l("危房改造"), _l("改水"), _l("改厕"), _l("改灶"), _l("帮助打扫"))),
    ("elderly", (_l("日常照料"), _l("上门问诊"), _l("文娱活动"), _l("养老院床位"), _l("特殊困难帮助"))),
    ("emergency", (_l("应急电话"), _l("应急现金"))),
    (
        "social",
        (
            _l("上门谈心"),
            _l("电话问候"),
            _l("节日走访"),
            _l("丧事慰问"),
            _l("帮办手续"),
            _l("送证上门"),
            _l("转介部门"),
        ),
    ),
)


@dataclass(frozen=True)
class Progress:
    """How far a plan is. `lacks` counts what is missing to the target; it blocks nothing."""

    planned: int
    delivered: int
    target: int

    @property
    def lacks(self) -> int:
        return max(0, self.target - self.planned)


def progress(case: Case, measures: list[Measure] | None = None) -> Progress:
    """Planned counts every measure that is not dropped, the delivered ones included."""
    rows = list(case.measures.all()) if measures is None else measures
    living = [measure for measure in rows if measure.state != Measure.State.DROPPED]
    return Progress(len(living), sum(m.state == Measure.State.DELIVERED for m in living), case.rules.measure_target)


def add_measure(
    case_id: int,
    *,
    by: Any,
    domain: str,
    title: str,
    need_words: str,
    detail: str = "",
    partner: str = "",
    planned_for: datetime.date | None = None,
) -> Measure:
    """Write a measure into the plan. It answers a need in the family's words. Raises BadCaseData when it stands there."""
    if not title.strip():
        raise BadCaseData(_("请写明做什么。"))
    if not need_words.strip():
        raise BadCaseData(_("请写明这是回应这家的哪一个需要，用他们自己的话。"))
    with preparing(case_id, by, reason="plan") as case:
        try:
            with transaction.atomic():
                return Measure.objects.create(
                    case=case,
                    domain=domain,
                    title=title.strip(),
                    detail=detail.strip(),
                    need_words=need_words.strip(),
                    partner=partner.strip(),
                    planned_for=planned_for,
                )
        except IntegrityError as error:
            raise BadCaseData(_("计划里已经有「%(title)s」。") % {"title": title.strip()}) from error


def start_measure(measure_id: int, *, by: Any) -> Measure:
    """The measure is under way."""
    with _living(measure_id, by, "start_measure") as measure:
        measure.state = Measure.State.ACTIVE
        measure.save()
        return measure


def deliver_measure(measure_id: int, *, by: Any, on: datetime.date | None = None, detail: str = "") -> Measure:
    """The measure has reached the family. Doing it twice changes nothing. Raises BadCaseData for a day to come."""
    on = on or clock.today()
    if on > clock.today():
        raise BadCaseData(_("落实日期不能晚于今天。"))
    with _living(measure_id, by, "deliver_measure") as measure:
        if measure.state != Measure.State.DELIVERED:
            measure.state, measure.delivered_on = Measure.State.DELIVERED, on
            measure.detail = detail.strip() or measure.detail
            measure.save()
        return measure


def drop_measure(measure_id: int, *, by: Any, reason: str) -> Measure:
    """Take a measure out of the plan; it stays readable, with the reason. What was delivered cannot be dropped."""
    if not reason.strip():
        raise ReasonNeeded(_("请写明为什么取消。"))
    with _living(measure_id, by, "drop_measure") as measure, acting(by, reason=f"drop_measure: {reason.strip()}"):
        if measure.state == Measure.State.DELIVERED:
            raise BadCaseData(_("已经落实的措施不能取消。"))
        measure.state = Measure.State.DROPPED
        measure.save()
        return measure


@contextlib.contextmanager
def _living(measure_id: int, by: Any, reason: str) -> Iterator[Measure]:
    """The measure, locked with its case, for somebody who may prepare it."""
    case_id = Measure.objects.filter(pk=measure_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise BadCaseData(_("没有这条措施。"))
    with preparing(case_id, by, reason=reason):
        measure = Measure.objects.get(pk=measure_id)
        if measure.state == Measure.State.DROPPED:
            raise BadCaseData(_("这条措施已经取消了。"))
        yield measure
