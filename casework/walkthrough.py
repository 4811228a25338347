"""One case of each kind, from the first word to the last, by the proper persons: `manage.py walkthrough`.

Each act is real and stays in the database. Waiting times (notices, account changes) pass on a clock of
this run alone, which begins early enough to end before today.
"""

import datetime
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Q
from django.utils.translation import gettext as _

from audit import checkpoints, clock
from audit.verify import verify
from casework.demo.stage import Stage
from casework.errors import CaseworkError
from casework.models import Case
from families.models import Household, Person
from funds import ledger
from funds import services as funds

_DAYS = 30  # the longest story takes three weeks; none ends after today


class NotHere(CaseworkError):
    """The walkthrough acts in everybody's name, so it runs on demo data alone."""


def walk() -> dict[str, Any]:
    """Take one case of each kind through act() to its end; returns the report that the command prints.

    Raises NotHere outside demo mode or without imported families, and whatever refusal an act raises.
    """
    if not (settings.DEMO or settings.TESTING):
        raise NotHere(_("演练会以各岗位的名义办事，只能在演示数据上运行：先运行 manage.py demo。"))
    begun = time.monotonic()
    stage, cases = Stage(), []
    begins = clock.today() - datetime.timedelta(days=_DAYS)
    for story in STORIES:
        with clock.frozen_at(begins):
            cases.append(story(stage))
    checkpoints.seal_all()  # no worker may run beside a rehearsal
    books, trail = ledger.check(), verify()
    return {
        "cases": [_told(case) for case in cases],
        "ledger": {"drift_fen": books.drift_fen, "transfers": books.transfers},
        "audit": {"problems": trail.problems, "rows": trail.rows},
        "seconds": round(time.monotonic() - begun, 3),
    }


def _told(case: Case) -> dict[str, Any]:
    path: list[str] = []
    for event in case.events.order_by("n"):
        if not path or path[-1] != event.to_state:
            path.append(event.to_state)
    return {
        "case_no": case.case_no,
        "programme": case.programme,
        "path": path,
        "final": case.state,
        "amount_fen": case.amount_fen,
        "paid_fen": funds.paid_fen([case.subject]).get(case.subject, 0),
    }


def care_plan(stage: Stage) -> Case:
    """Family care: a plan of measures, delivered, visited, closed after its notice."""
    case = stage.open(_family("family_care"), "family_care", words="老两口身体不好，儿女在外")
    stage.file(case)
    stage.do(case, "submit")
    stage.do(case, "approve_plan")
    stage.deliver(case)
    stage.visit(case, "有人常来，心里踏实")
    stage.leave(case)
    return case


def emergency(stage: Stage) -> Case:
    """Disaster relief by the fast path: paid at once, the papers made up, ratified by somebody else."""
    case = stage.open(_family("disaster_relief"), "disaster_relief", words="昨晚大风掀了屋顶，没有地方住")
    stage.do(
        case, "emergency_release", reason="房屋不能住人，当天安置",
        data={"amount_fen": 100_000, "account_id": stage.account(case), "cause": "disaster"},
    )  # fmt: skip
    stage.answer(case, stage.to_bank(case))
    stage.papers(case)
    stage.do(case, "submit_makeup", data={"survey_id": stage.survey(case, needs="先有地方住"), "cause": "disaster"})
    return _ordinary_rest(stage, case)


def large_relief(stage: Stage) -> Case:
    """Disaster relief above the second limit: township, county, and a second county signature."""
    case = stage.open(_family("disaster_relief"), "disaster_relief", words="房子塌了两间")
    stage.file(case, amount_fen=2_600_000, cause="disaster", needs="把房子重新盖起来")
    stage.do(case, "submit")
    return _ordinary_rest(stage, case)


def returned_for_correction(stage: Stage) -> Case:
    """An education grant that the township sends back once."""
    household, student = _student()
    case = stage.open(household, "education_grant", words="孩子上学，学费凑不齐", beneficiary=student)
    stage.file(case, cause="schooling", needs="把这学期的学费交上")
    stage.do(case, "submit")
    stage.village(case)
    with clock.frozen_at(stage.end_notice(case)):
        stage.do(case, "return", reason="在读证明看不清，请重拍")
        stage.do(
            case, "resubmit", data={"survey_id": stage.survey(case, needs="把这学期的学费交上", reason="补拍在读证明")}
        )
        stage.sign(case)
        return _paid_and_closed(stage, case)


def returned_payment(stage: Stage) -> Case:
    """Elderly support whose first payment the bank sends back; the account is corrected and the money sent again."""
    household = _family("elderly_support")
    case = stage.open(household, "elderly_support", words="一个人住，走路不方便", beneficiary=household.head)
    stage.file(case, amount_fen=240_000, cause="elderly_alone", needs="有人做饭，有人说话")
    stage.do(case, "submit")
    stage.village(case)
    with clock.frozen_at(stage.end_notice(case)):
        stage.sign(case)
        stage.answer(case, stage.to_bank(case), credited=False, reason="账号户名不符")
        stage.do(case, "correct_account", data={"account_id": stage.new_account(case)})
        with clock.frozen_at(clock.today() + datetime.timedelta(days=4)):
            return _paid_and_closed(stage, case)


def refused(stage: Stage) -> Case:
    """An application that the township refuses, with its reason in writing."""
    household, student = _student()
    case = stage.open(household, "education_grant", words="想申请助学金", beneficiary=student)
    stage.file(case, cause="schooling", needs="学费")
    stage.do(case, "submit")
    stage.village(case)
    with clock.frozen_at(stage.end_notice(case)):
        stage.do(case, "check")
        stage.do(case, "refuse", reason="本学年已由学校全额资助", reason_code="helped_elsewhere")
    return case


def by_progress(stage: Stage) -> Case:
    """Housing aid, paid in three parts as the house goes up, each after the township has looked."""
    case = stage.open(_family("housing_aid"), "housing_aid", words="土坯房，墙裂了，鉴定不能住人")
    stage.file(case, amount_fen=1_800_000, cause="disaster", needs="把房子翻修了")
    stage.do(case, "submit")
    stage.village(case)
    day = stage.end_notice(case)
    with clock.frozen_at(day):
        stage.sign(case)
    for found, kind in (
        ("地基挖好，材料进场", "progress_photo"),
        ("主体砌到顶，屋架上好", "progress_photo"),
        ("竣工，三方验收合格", "acceptance_form"),
    ):
        with clock.frozen_at(day):
            stage.look(case, found, kind=kind)
            stage.answer(case, stage.to_bank(case))
        day += datetime.timedelta(days=5)
    with clock.frozen_at(day):
        return _paid_and_closed(stage, case)


STORIES: tuple[Callable[[Stage], Case], ...] = (
    care_plan,
    emergency,
    large_relief,
    returned_for_correction,
    returned_payment,
    by_progress,
    refused,
)


def _ordinary_rest(stage: Stage, case: Case) -> Case:
    """From the village's deliberation to the end."""
    stage.village(case)
    with clock.frozen_at(stage.end_notice(case)):
        stage.sign(case)
        return _paid_and_closed(stage, case)


def _paid_and_closed(stage: Stage, case: Case) -> Case:
    if case.state in ("fund_reserved", "payment_returned"):
        stage.answer(case, stage.to_bank(case))
    stage.visit(case)
    stage.leave(case)
    return case


def _free(programme: str) -> Any:
    """Households with a sound head and no case of the programme yet, those in hardship first."""
    return (
        Household.objects.filter(head__person_key__isnull=False, head__died_on__isnull=True)
        .annotate(open_cases=Count("cases", filter=Q(cases__programme=programme)))
        .filter(open_cases=0)
        .order_by("-is_hardship", "pk")
        .select_related("head", "village")
    )


def _family(programme: str) -> Household:
    households = _free(programme)
    if programme == "elderly_support":
        households = households.filter(head__birth_date__lte=clock.today() - datetime.timedelta(days=61 * 366))
    household = households.first()
    if household is None:
        raise NotHere(_("还没有导入家庭，先运行 manage.py demo。"))
    return household


def _student() -> tuple[Household, Person]:
    """A household with a child of school age who has no grant yet."""
    youngest, oldest = clock.today().year - 8, clock.today().year - 17
    child = (
        Person.objects.filter(birth_date__year__gte=oldest, birth_date__year__lte=youngest, person_key__isnull=False)
        .filter(memberships__valid_to__isnull=True, memberships__household__head__person_key__isnull=False)
        .exclude(cases__programme="education_grant")
        .annotate(hardship=F("memberships__household__is_hardship"))
        .order_by("-hardship", "pk")
        .first()
    )
    if child is None:
        raise NotHere(_("还没有导入家庭，先运行 manage.py demo。"))
    household = Household.objects.select_related("head", "village").get(
        members__person=child, members__valid_to__isnull=True
    )
    return household, child
