"""Puts the proper persons to work on a case: each act by somebody in office who holds no other duty in it.

Used by the demo and by `manage.py walkthrough`; everything goes through the same services as the pages.
"""

import datetime
import itertools
import uuid
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.db.models import Q

from access.models import Appointment, Staff
from audit import clock
from audit.context import acting
from casework import papers, payments
from casework.acting import act
from casework.demo.pictures import picture
from casework.models import Case, CaseDocument, CaseDuty, Deliberation, Measure
from casework.opening import open_case
from families import services as families
from families.models import BankAccount, Household, Person
from funds.models import Payment

PLAN = (
    ("livelihood", "爱心物资", "过冬的棉被和粮油"),
    ("health", "家庭医生签约", "有人定期上门看看"),
    ("health", "免费体检", "想知道身体怎么样"),
    ("environment", "危房修缮", "屋顶漏雨"),
    ("social", "走访探望", "平时没有人说话"),
    ("social", "心理疏导", "晚上睡不着"),
    ("elderly", "助餐服务", "自己做饭不方便"),
)

# What the guards of a batch may ask somebody to look at (casework.guards).
LOOKED_OVER = "对照审批表和户口簿核对过"


class Stage:
    """One run. `salt` keeps the keys of several runs apart."""

    def __init__(self) -> None:
        self.salt = uuid.uuid4().hex[:8]
        self.count = itertools.count(1)

    def key(self) -> str:
        return f"stage:{self.salt}:{next(self.count)}"

    # --- people

    def somebody(self, case: Case, *roles: str) -> Staff:
        """The first in office for one of the roles here who is free to take this act as a person."""
        today = clock.today()
        places = [case.village_id, case.township_id, case.county_id]
        posts = (
            Appointment.objects.filter(role__in=roles, unit__in=places, valid_from__lte=today)
            .filter(Q(valid_to__isnull=True) | Q(valid_to__gte=today))
            .select_related("staff")
            .order_by("pk")
        )
        held = dict(CaseDuty.objects.filter(case=case).values_list("person_key", "duty"))
        duty = getattr(self, "_duty", "")
        for post in sorted(posts, key=lambda post: roles.index(post.role)):
            if held.get(post.staff.person_key) in (None, duty):
                return post.staff
        raise LookupError(f"nobody in office for {' or '.join(roles)}")

    def do(self, case: Case, action: str, *, by: Staff | None = None, **more: Any) -> None:
        """Take one action by the proper person."""
        _again(case)
        edge = case.spec.edge(case.state, action)
        self._duty = edge.duty
        if by is None and "system" not in edge.roles and "anyone" not in edge.roles:
            by = self.somebody(case, *edge.roles)
        act(case.pk, action, by=by, key=self.key(), **more)
        _again(case)

    # --- the file

    def open(self, household: Household, programme: str, *, words: str, beneficiary: Person | None = None) -> Case:
        clerk = Appointment.objects.get(role="village_clerk", unit_id=household.village_id, valid_to__isnull=True).staff
        case = open_case(household, programme, by=clerk, key=self.key(), words=words, beneficiary=beneficiary)
        self.do(case, "triage", by=clerk)
        self.do(case, "start_survey", by=clerk)
        return case

    def survey(self, case: Case, *, needs: str, reason: str = "补正", **facts: Any) -> int:
        """A survey by the clerk and the resident cadre; returns its key."""
        self._duty = "prepare"
        household = case.household
        size = household.members.filter(valid_to__isnull=True).count()
        first = household.surveys.count() == 0
        survey = families.record_survey(
            household,
            families.Findings(
                surveyed_on=clock.today(),
                facts={"household_size": size, "causes": [case.cause or "illness"], **facts},
                needs_words=needs,
                consent_given=True,
                consent_how="signature",
            ),
            by=self.somebody(case, "village_clerk"),
            second=self.somebody(case, "resident_cadre"),
            change_reason="" if first else reason,
        )
        return survey.pk

    def account(self, case: Case) -> int:
        """The household's account; one is written down by the township clerk when there is none."""
        known = BankAccount.objects.filter(household=case.household, is_active=True).first()
        return known.pk if known else self.new_account(case)

    def new_account(self, case: Case) -> int:
        digits = f"999999{case.household_id:07d}{next(self.count):05d}"
        for check in "0123456789":
            if _luhn(digits + check):
                digits += check
                break
        self._duty = "prepare"
        return families.record_account(
            case.household, case.beneficiary if case.beneficiary.person_key else case.household.head, digits,
            kind="card", bank="禾丰农商银行", by=self.somebody(case, "village_clerk"),
        ).pk  # fmt: skip

    def papers(self, case: Case, action: str = "register") -> None:
        """A picture for every paper that the rules want."""
        self._duty = "prepare"
        clerk = self.somebody(case, "village_clerk")
        for kind in case.rules.documents.get(action, []):
            if case.papers.filter(kind=kind).exists():
                continue
            document = families.add_document(
                case.household,
                ContentFile(picture(kind, f"{case.case_no} {kind} {next(self.count)}"), name=f"{kind}.png"),
                kind=kind, by=clerk, subject=case.subject, content_type="image/png", taken_on=clock.today(),
            )  # fmt: skip
            with transaction.atomic(), acting(clerk, reason="paper"):
                CaseDocument.objects.create(case=case, document=document, kind=kind, added_on=clock.today())

    def plan(self, case: Case) -> None:
        self._duty = "prepare"
        with transaction.atomic(), acting(self.somebody(case, "village_clerk"), reason="plan"):
            for domain, title, need in PLAN:
                Measure.objects.create(case=case, domain=domain, title=title, need_words=need)

    def deliver(self, case: Case) -> None:
        """Every planned measure is delivered today."""
        self._duty = "prepare"
        with transaction.atomic(), acting(self.somebody(case, "village_clerk"), reason="deliver"):
            for measure in case.measures.filter(state="planned"):
                measure.state, measure.delivered_on = "delivered", clock.today()
                measure.save()

    def file(self, case: Case, *, amount_fen: int = 0, cause: str = "illness", needs: str = "想把屋顶修好") -> None:
        """Survey, papers, account (or plan), then registered."""
        case.cause = cause
        data: dict[str, Any] = {"survey_id": self.survey(case, needs=needs), "cause": cause}
        if case.spec.has_money:
            data |= {"amount_fen": amount_fen, "account_id": self.account(case)}
        else:
            self.plan(case)
        self.papers(case)
        self.do(case, "register", data=data)

    # --- the village, the offices, the money

    def village(self, case: Case) -> None:
        """Deliberation, the head's signature and the notice, which ends the day after its last day."""
        self.deliberate(case)
        self.do(case, "endorse")

    def deliberate(self, case: Case) -> None:
        self._duty = "prepare"
        clerk = self.somebody(case, "village_clerk")
        head = Appointment.objects.get(role="village_head", unit_id=case.village_id, valid_to__isnull=True).staff
        with transaction.atomic(), acting(clerk, reason="deliberation"):
            Deliberation.objects.create(
                case=case, round=case.notice_round + 1, held_on=clock.today(), place="村委会会议室", host=head.name,
                recorder=clerk.name, due_count=13, present_count=11, votes_for=10, votes_against=0, votes_abstain=1,
                minutes="听取情况介绍，核对家庭收入和困难原因，到会代表逐一发言后表决。", recorded_by=clerk,
            )  # fmt: skip

    def end_notice(self, case: Case) -> datetime.date:
        """Wait for the end of the open notice; returns the day on which it ended."""
        notice = case.notices.get(ended_on__isnull=True)
        day = notice.ends_on + datetime.timedelta(days=1)
        with clock.frozen_at(day):
            self.do(case, "end_exit_notice" if notice.kind == "exit" else "end_notice")
        return day

    def sign(self, case: Case) -> None:
        """Every signature that the tier asks for."""
        for state, action in (
            ("township_review", "check"),
            ("township_decision", "approve"),
            ("county_review", "review"),
            ("county_decision", "confirm"),
            ("county_countersign", "countersign"),
        ):
            if case.state == state:
                self.do(case, action)

    def to_bank(self, case: Case) -> Payment:
        """List, check and release the payment of one case."""
        self._duty = "list_payment"
        batch = payments.build_batch(
            [case.pk],
            by=self.somebody(case, "fund_manager"),
            key=self.key() + uuid.uuid4().hex[:8],
            looked_over=LOOKED_OVER,
        )
        self._duty = "check_payment"
        payments.check_batch(batch.pk, by=self.somebody(case, "fund_checker"), key=self.key(), looked_over=LOOKED_OVER)
        self._duty = "release_payment"
        payments.release_batch(batch.pk, by=self.somebody(case, "cashier"), key=self.key())
        _again(case)
        return Payment.objects.filter(subject=case.subject).latest("id")

    def answer(self, case: Case, payment: Payment, *, credited: bool = True, reason: str = "") -> None:
        self._duty = "release_payment"
        payments.record_answers(
            [payments.Answer(payment.pk, credited, reason=reason, bank_reference=f"HF{payment.pk:010d}")],
            by=self.somebody(case, "cashier"), key=self.key(),
        )  # fmt: skip
        _again(case)

    def look(self, case: Case, found: str, *, kind: str = "progress_photo") -> None:
        """Somebody of the township has looked whether the next part is due, and took a picture."""
        self.do(case, "check_instalment", reason=found)
        image = SimpleUploadedFile(f"{kind}.png", picture(kind, f"{case.case_no} {kind} {next(self.count)}"))
        papers.add_proof(case, image, kind=kind, by=case.events.latest("n").by)

    def visit(self, case: Case, words: str = "钱收到了，谢谢") -> None:
        self.do(
            case, "visit", data={"satisfaction": 5, "knew_could_apply": True, "used_as_meant": True, "words": words}
        )

    def leave(self, case: Case) -> None:
        """Proposed, agreed to, and published where the programme says so."""
        self.do(case, "propose_exit", reason="目标达到，这家同意")
        self.do(case, "approve_exit")
        if case.state == "exit_notice":
            self.end_notice(case)


def _again(case: Case) -> None:
    """Read the case anew, its protected state included (refresh_from_db would try to assign it)."""
    case.__dict__.update(Case.objects.get(pk=case.pk).__dict__)


def _luhn(digits: str) -> bool:
    total = 0
    for n, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if n % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
