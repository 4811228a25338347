"""The township's money in hand in the demo: a limit set by two, a count each month, one family's papers accepted; of the other
family's money the second person has not said yet that it was so, and its papers are to come."""

import datetime
import uuid

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from access.models import Staff
from audit import clock
from casework import papers
from casework.demo.pictures import picture
from casework.demo.stage import Stage
from casework.models import Case
from families.models import Household
from funds import countersigning, imprest, proposals
from funds.models import Allocation, Countersign, ImprestFloat

LIMIT_FEN = 2_000_000
# (why at once, how much): the papers of the first are accepted, those of the second are to come
_EMERGENCIES = (("夜里灶房着火，没有地方做饭", 80_000), ("大风掀了屋顶，老人没有地方住", 100_000))


def hand_out(households: list[Household]) -> None:
    """Two emergencies, one for each of two families, paid at once. Running it again changes nothing."""
    allocation = (
        Allocation.objects.filter(programme="disaster_relief", unit__level="township")
        .select_related("fund__unit", "unit")
        .first()
    )
    if allocation is None or len(households) < len(_EMERGENCIES) or ImprestFloat.objects.exists():
        return
    stage, today = Stage(), clock.today()
    clerk, approver = Staff.objects.get(username="linyp"), Staff.objects.get(username="qinlan")
    with clock.frozen_at(today - datetime.timedelta(days=60)):
        box = _opened(allocation, clerk)
    (burnt, fire), (blown, storm) = zip(households, _EMERGENCIES, strict=True)
    with clock.frozen_at(today - datetime.timedelta(days=43)):
        case = _paid_at_once(stage, burnt, clerk, *fire)
        _confirmed(case)
        _papers_accepted(stage, case)
    with clock.frozen_at(today - datetime.timedelta(days=21)):
        asked = imprest.ask_refill(box, by=clerk, key="demo:imprest:refill")
        imprest.pay_refill(asked, by=Staff.objects.get(username="gucheng"), bank_reference="HF2026032500017")
    with clock.frozen_at(today.replace(day=1) - datetime.timedelta(days=1)):
        _counted(box, clerk, approver)
    with clock.frozen_at(today - datetime.timedelta(days=3)):
        _paid_at_once(stage, blown, clerk, *storm)


def _opened(allocation: Allocation, custodian: Staff) -> ImprestFloat:
    proposal = imprest.propose_limit(
        allocation,
        LIMIT_FEN,
        custodian,
        by=Staff.objects.get(username="suyf"),
        key="demo:imprest:limit",
        reason="按人口定额，用于先行救助",
        document_no="禾财社〔2026〕5号",
    )
    proposals.confirm(proposal.pk, by=Staff.objects.get(username="xujing"))
    box = ImprestFloat.objects.get(allocation=allocation)
    imprest.advance(
        box,
        LIMIT_FEN,
        by=Staff.objects.get(username="suyf"),
        key="demo:imprest:advance",
        document_no="禾财社〔2026〕5号",
    )
    return box


def _paid_at_once(stage: Stage, household: Household, clerk: Staff, words: str, amount_fen: int) -> Case:
    case = stage.open(household, "disaster_relief", words=words)
    data = {"amount_fen": amount_fen, "account_id": stage.account(case)}
    stage.papers(case, "emergency_release")
    stage.do(case, "emergency_release", reason=words, data=data)
    with transaction.atomic():
        receipt = SimpleUploadedFile("receipt.png", picture("receipt", f"{case.case_no} {uuid.uuid4().hex[:8]}"))
        paper = papers.add_receipt(case, receipt, by=clerk)
        stage.do(
            case,
            "pay_from_imprest",
            by=clerk,
            data={
                "second_payer": Staff.objects.get(username="shenqh").pk,
                "document_id": paper.document_id,
                "place": "家里",
                "signed_how": "thumbprint",
                "received_by": household.head_name,
            },
        )
    return case


def _confirmed(case: Case) -> None:
    """The second person says so herself."""
    (asked,) = Countersign.objects.filter(subject=case.subject).select_related("asked")
    countersigning.confirm(asked.pk, by=asked.asked)


def _papers_accepted(stage: Stage, case: Case) -> None:
    case.cause = "disaster"
    data = {"survey_id": stage.survey(case, needs="把灶房修好"), "cause": "disaster"}
    stage.papers(case, "submit_makeup")
    stage.papers(case)
    stage.do(case, "submit_makeup", data=data)
    stage.village(case)
    with clock.frozen_at(stage.end_notice(case)):
        stage.sign(case)


def _counted(box: ImprestFloat, clerk: Staff, approver: Staff) -> None:
    """The money lies partly in the box, the rest at the bank."""
    now = imprest.holding(box).on_hand_fen
    cash_fen = min(now, 300_000)
    made = imprest.count(box, cash_fen=cash_fen, bank_fen=now - cash_fen, by=clerk, key="demo:imprest:count")
    imprest.review(made, by=approver)
