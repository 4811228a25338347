"""Cases of the demo in the midst of their ways, so that every desk has work on its first morning."""

import datetime
from collections.abc import Iterable, Iterator

from django.db import transaction

from audit import clock
from casework.demo import goods, imprest
from casework.demo.stage import Stage
from casework.demo.township import FIRST_DAY
from casework.models import Case
from families.models import Household

_WORDS = (
    ("大风掀了屋顶，屋里漏雨", "disaster", "把屋顶修好", 180_000),
    ("冰雹打坏了大棚", "disaster", "把大棚搭起来", 260_000),
    ("山水冲了院墙", "disaster", "把院墙砌好", 120_000),
    ("老房子塌了一间", "disaster", "先有地方住，再修房", 1_200_000),
    ("灶房着火", "accident", "重新置办家当", 480_000),
    ("一场大病花光了积蓄", "illness", "把药接上", 290_000),
)


@transaction.atomic
def tell(households: Iterable[Household]) -> int:
    """Open cases and leave each at another place; returns how many. `households` must have heads with ID numbers."""
    families = iter(households := list(households))
    stage, told = Stage(), 0
    for days_ago, stop in _PLOT:
        words, cause, needs, amount_fen = _WORDS[told % len(_WORDS)]
        with clock.frozen_at(FIRST_DAY - datetime.timedelta(days=days_ago)):
            _leave_at(stage, next(families), stop, words, cause, needs, amount_fen)
        told += 1
    goods.hand_out(reversed(households[:told]))
    for days_ago, looks in _HOUSES:
        _rebuild(stage, next(families), days_ago, looks)
        told += 1
    imprest.hand_out(households[told:][-2:])
    return told


# (how many days before the first day it was opened, where it stands now)
_PLOT: tuple[tuple[int, str], ...] = (
    (1, "draft"),
    (3, "draft"),
    (4, "registered"),
    (2, "village_review"),
    (6, "village_review"),
    (5, "village_notice"),
    (3, "village_notice"),
    (12, "returned"),
    (10, "township_review"),
    (11, "township_review"),
    (16, "township_review"),
    (10, "township_decision"),
    (13, "township_decision"),
    (11, "county_review"),
    (12, "county_decision"),
    (10, "fund_reserved"),
    (11, "fund_reserved"),
    (14, "fund_reserved"),
    (12, "in_payment"),
    (14, "payment_returned"),
    (15, "paid"),
    (60, "follow_up"),
    (3, "objection"),
    (90, "closed"),
)


# Houses that are paid for by progress: (how many days before the first day the case was opened, {on which day before the
# first day somebody looked: what was seen}). The last part of the first one waits, and the first part of the second.
_HOUSES: tuple[tuple[int, dict[int, str]], ...] = (
    (48, {36: "老房已拆，地基挖好，材料进场。", 4: "主体砌到顶，屋架上好，按图施工。"}),
    (11, {}),
)


def _rebuild(stage: Stage, household: Household, days_ago: int, looks: dict[int, str]) -> None:
    opened = FIRST_DAY - datetime.timedelta(days=days_ago)
    with clock.frozen_at(opened):
        case = stage.open(household, "housing_aid", words="土坯房，墙裂了，鉴定不能住人")
        stage.file(case, amount_fen=1_800_000, cause="disaster", needs="趁天好把房子翻修了")
        stage.do(case, "submit")
        stage.village(case)
        ended = stage.end_notice(case)
    with clock.frozen_at(ended):
        stage.sign(case)
    for before, found in looks.items():
        with clock.frozen_at(FIRST_DAY - datetime.timedelta(days=before)):
            stage.look(case, found)
            stage.answer(case, stage.to_bank(case))


def _leave_at(
    stage: Stage, household: Household, stop: str, words: str, cause: str, needs: str, amount_fen: int
) -> None:
    if stop in ("county_review", "county_decision"):
        amount_fen = max(amount_fen, 800_000)
    case = stage.open(household, "disaster_relief", words=words)
    for reached in _steps(stage, case, cause, needs, amount_fen, stop):
        if reached == stop:
            return


def _steps(stage: Stage, case: Case, cause: str, needs: str, amount_fen: int, stop: str) -> Iterator[str]:
    """The ordinary way; yields the state after each step. Days pass as they would."""
    yield case.state
    stage.file(case, amount_fen=amount_fen, cause=cause, needs=needs)
    yield case.state
    stage.do(case, "submit")
    yield case.state
    with clock.frozen_at(clock.today() + datetime.timedelta(days=1)):
        stage.village(case)
    yield case.state
    if stop == "objection":
        stage.do(case, "object", reason="听说这家在镇上有房子，请核实")
        yield case.state
    with clock.frozen_at(stage.end_notice(case)):
        yield case.state
        if stop == "returned":
            stage.do(case, "return", reason="受灾照片看不清裂口，请站远一点再拍一张")
            yield case.state
        while case.state in (
            "township_review",
            "township_decision",
            "county_review",
            "county_decision",
            "county_countersign",
        ):
            before = case.state
            action = {"township_review": "check", "township_decision": "approve", "county_review": "review"}.get(
                before, "confirm" if before == "county_decision" else "countersign"
            )
            stage.do(case, action)
            yield case.state
        payment = stage.to_bank(case)
        yield case.state
        if stop == "payment_returned":
            stage.answer(case, payment, credited=False, reason="账号户名不符")
            yield case.state
        stage.answer(case, payment)
        yield case.state
    with clock.frozen_at(clock.today() + datetime.timedelta(days=25)):
        stage.visit(case)
        yield case.state
        stage.leave(case)
        yield case.state
