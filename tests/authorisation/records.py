"""What the addresses name: one record of each kind and state here, prepared by a first crew that the cells do not ask again.

`build` returns {name of the record: the parts of its address}. Elsewhere, each village has a family with a name that occurs
nowhere else (its canary), with a case, and money on its way, so that a list that forgets to narrow has something to show.
"""

import datetime
import hashlib
import io
from types import SimpleNamespace
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone

from access import break_glass
from access import services as access
from access.models import Delegation
from audit import clock
from casework import payments, services_log
from casework.auditing import jobs as rule_jobs
from casework.auditing import questions, running, sampling
from casework.inspection import services as packs
from casework.inspection.models import InspectionPack, PackVolume
from casework.models import Case, CaseDocument, Measure, PublicNotice, SurveyDraft
from casework.relatives import flags, register
from casework.retention import erasing, periods
from casework.rosters import building, deciding, paying
from casework.services_log import Service
from families import services as families
from families.models import Household, Lead
from families.relatives.declaring import Relative
from flows.models import ProgrammeVersion
from flows.services import draft_version
from funds import (
    bank_balance,
    bank_files,
    bank_formats,
    bank_lists,
    budget,
    countersigning,
    imprest,
    proposals,
    providers,
    receipts,
    recoveries,
    stock,
    stocktake,
)
from funds import services as funds
from funds.models import (
    BankTask,
    Fund,
    ImprestFloat,
    Payment,
    PaymentBatch,
    Recovery,
    StockItem,
    StockStore,
    Transfer,
)
from jobs import runner
from jobs.models import Job
from tests.authorisation.places import VILLAGES, Person, Places
from tests.casework.placing import put
from tests.casework.relatives import kin
from tests.casework.relatives.kin import BORN
from tests.casework.test_damaged_photos import photo
from tests.casework.test_no_dead_ends import emergency
from tests.casework.test_people_gone import dies, leaves
from tests.casework.test_rosters import plan
from tests.desks.test_funds import payment_of
from tests.funds.floats import a_float, allocation_of, decided, handed_out
from tests.funds.floats import key as a_key
from tests.funds.sent import PayLine
from tests.funds.shelves import a_store, an_item, counted, stocked
from tests.funds.test_bank_files import answer, row
from tests.world import START, World, case_now, id_number, make_staff

NOW = datetime.date(2026, 5, 6)  # April can be closed, notices have ended, the holiday is over
AFTER_NOTICE = START + datetime.timedelta(days=4)
RARE = "龘靐齉爩鱻麤灪龖"  # one for each village, in no text of ours
CANARIES = {village: f"江{RARE[n]}{RARE[n]}" for n, village in enumerate(VILLAGES)}

# Every state in which somebody has something to do, besides those that an ordinary case passes on its way (domain §4.2).
ON_THE_WAY = (
    *("lead", "triaged", "draft", "registered", "village_review", "village_notice"),
    *("township_review", "township_decision", "county_review", "county_decision", "county_countersign", "fund_reserved"),
)  # fmt: skip

Parts = dict[str, Any]


def named(world: World, village: str) -> Household:
    """A family with the canary of its village for a name."""
    household = world.household()
    household.head.name = household.head_name = CANARIES[village]
    household.head.save()
    household.save()
    return household


def elsewhere(places: Places) -> None:
    """A family, a case that waits for money, one on the notice board, one that waits for the township, in each other village."""
    other = funds.open_fund("CARE-B", "邻源关怀基金", source="fiscal", unit=places.units["B"])
    funds.receive(other, 50_000_000, key="receive:B")
    for fund, short in ((other, "T3"), (Fund.objects.get(code="CARE"), "T2")):
        funds.allocate(
            fund, 4_000_000, programme="disaster_relief", unit=places.units[short], year=2026, key=f"allocate:{short}"
        )
    for village in VILLAGES:
        world = places.crews.get(village)
        if village == "V1":
            continue
        if world is None:
            canary_only(places, village)
            continue
        for state in ("lead", "village_notice", "township_review", "county_review", "fund_reserved"):
            world.brought_to(state, household=named(world, village), amount_fen=AMOUNTS.get(state, 100_000))


def canary_only(places: Places, village: str) -> None:
    world = places.crews["V1"]
    place = places.units[village]
    household = world.household(place)
    household.head.name = household.head_name = CANARIES[village]
    household.head.save()
    household.save()


# The tier decides how far up a case goes; these amounts reach the state that is wanted.
AMOUNTS = {"county_review": 2_000_000, "county_decision": 2_000_000, "county_countersign": 4_000_000}


class Records:
    """Builds what lies here; each method one subject, `at` is what it leaves."""

    def __init__(self, places: Places) -> None:
        self.places, self.world = places, places.crews["V1"]
        self.at: dict[str, Parts] = {"nothing": {}, "guide": {"name": "village"}, "frame": {"frame": "form"}}

    def here(self, role: str) -> Any:
        return self.places.person(role).staff

    def case(self, state: str, **more: Any) -> Case:
        more.setdefault("amount_fen", AMOUNTS.get(state, 100_000))
        return self.world.brought_to(state, household=named(self.world, "V1"), **more)

    def paid(self) -> Case:
        case = self.case("fund_reserved")
        batch = self.batch(case, upto="released")
        payments.record_answers(
            [payments.Answer(payment_of(case).pk, True)], by=self.world.cashier, key=f"paid:{batch.pk}"
        )
        return case_now(case)

    def batch(self, *cases: Case, upto: str = "draft", **more: Any) -> PaymentBatch:
        made = payments.build_batch(
            [case.pk for case in cases], by=self.world.fund_manager, key=f"batch-{cases[0].pk:08}", **more
        )
        if upto != "draft":
            payments.check_batch(made.pk, by=self.world.fund_checker, key=f"check:{made.pk}")
        if upto == "released":
            payments.release_batch(made.pk, by=self.world.cashier, key=f"release:{made.pk}")
        return made

    def keep(self, record: str, /, **parts: Any) -> None:
        self.at[record] = parts

    # ------------------------------------------------------------------ cases

    def cases(self) -> None:
        for state in ON_THE_WAY:
            with clock.frozen_at(NOW if state == "village_notice" else START):  # the board shows what runs
                self.keep(f"case_{state}", pk=self.case(state).pk)
        ready = Case.objects.get(pk=self.at["case_draft"]["pk"])
        self.world.survey(ready.household)
        self.world.papers(ready, *ready.rules.documents.get("register", []))
        self.world.deliberate(Case.objects.get(pk=self.at["case_village_review"]["pk"]))
        self.keep("case_to_deliberate", pk=self.case("village_review").pk)
        notice = PublicNotice.objects.get(case_id=self.at["case_village_notice"]["pk"])
        self.keep("notice", code=self.places.units["V1"].code, pk=notice.pk)
        objected = self.case("village_notice")
        self.world.do(objected, "object", None, reason="他家有车", data={"raised_by": "", "contact": ""})
        self.keep("case_objection", pk=objected.pk)
        self.keep("objected_notice", code=self.places.units["V1"].code, pk=objected.notices.get().pk)
        returned = self.case("village_review")
        self.world.do(returned, "village_return", "village_head", reason="补一张照片")
        self.keep("case_returned", pk=returned.pk)
        refused = self.case("township_decision")
        self.world.do(refused, "refuse", "township_approver", reason="不符合", reason_code="other")
        self.keep("case_refused", pk=refused.pk)
        appealed = self.case("township_decision")
        self.world.do(appealed, "refuse", "township_approver", reason="不符合", reason_code="other")
        self.world.do(appealed, "appeal", "village_clerk", reason="不服")
        self.keep("case_appeal", pk=appealed.pk)
        closed = put(self.case("registered"), "closed")
        self.keep("case_closed", pk=closed.pk)
        self.keep("case_paid", pk=self.paid().pk)
        visited = self.paid()
        self.world.do(visited, "visit", "village_clerk", data={"satisfaction": 5, "words": "钱收到了"})
        self.keep("case_follow_up", pk=visited.pk)
        leaving = self.paid()
        self.world.do(leaving, "visit", "village_clerk", data={"satisfaction": 5, "words": "钱收到了"})
        self.world.do(leaving, "propose_exit", "village_clerk", reason="房子修好了")
        self.keep("case_exit_review", pk=leaving.pk)
        back = self.case("fund_reserved")
        self.batch(back, upto="released")
        payments.record_answers(
            [payments.Answer(payment_of(back).pk, False, "已销户")], by=self.world.cashier, key="back"
        )
        self.keep("case_payment_returned", pk=back.pk)
        with clock.frozen_at(NOW):
            self.keep("case_emergency_released", pk=emergency(self.world).pk)
        asked_back = self.paid()
        self.world.do(asked_back, "reclaim", "township_approver", reason="查出收入瞒报", data={"amount_fen": 50_000})
        self.keep("case_recovery", pk=asked_back.pk)
        care = self.world.open("family_care", household=named(self.world, "V1"))
        self.keep("case_care", pk=care.pk)

    def file(self) -> None:
        """What hangs on one case and its family."""
        draft = Case.objects.get(pk=self.at["case_draft"]["pk"])
        kept = Case.objects.get(pk=self.at["case_registered"]["pk"])
        household = kept.household
        self.keep("family", pk=household.pk)
        spouse = household.members.get(relation="配偶").person
        self.keep("member", pk=household.pk, person=spouse.pk)
        document = CaseDocument.objects.filter(case=kept).first()
        if document is None:
            self.world.papers(kept, "application")
            document = CaseDocument.objects.get(case=kept)
        self.keep("document", pk=document.document_id)
        picture = families.add_document(
            household,
            ContentFile(photo(), name="a.jpg"),
            kind="house_photo",
            by=self.world.village_clerk,
            content_type="image/jpeg",
        )
        CaseDocument.objects.create(case=kept, document=picture, kind="house_photo", added_on=START)
        self.keep("picture", pk=picture.pk)
        measure = Measure.objects.create(
            case_id=self.at["case_care"]["pk"], domain="livelihood", title="修屋顶", need_words="漏雨"
        )
        self.keep("measure", pk=measure.case_id, measure_id=measure.pk, verb="start")
        self.keep("survey_of_family", pk=draft.household_id)
        self.keep("survey_page", pk=draft.household_id, code="visit")
        dead, gone = named(self.world, "V1"), named(self.world, "V1")
        dies(self.world, dead.members.get(relation="配偶"))
        self.keep("dead_member", pk=dead.pk, person=dead.members.get(relation="配偶").person_id)
        leaves(self.world, gone.members.get(relation="配偶"))
        self.keep("gone_member", pk=gone.pk, person=gone.members.get(relation="配偶").person_id)
        served = self.case("fund_reserved")
        facts = Service(START, "上门助餐", 60, 1_500, "本人")
        entry = services_log.record(served.pk, facts, by=self.world.village_clerk, key="service:1")
        self.keep("service", pk=served.pk, entry_id=entry.pk)
        self.keep("service_month", pk=served.pk, year=2026, month=4)
        self.keep("account_of_case", pk=self.at["case_registered"]["pk"])
        self.keep("family_without_case", pk=named(self.world, "V1").pk)
        self.keep("audited_record", kind="case", pk=kept.pk)

    # ------------------------------------------------------------------ money

    def money(self) -> None:
        world, county = self.world, self.places.units["A"]
        fund = world.fund
        allocation = fund.allocations.get(programme="disaster_relief")
        self.keep("fund", fund_id=fund.pk)
        self.keep("fund_then", pk=fund.pk)
        self.keep("figure", fund_id=fund.pk, name="committed")
        self.keep("allocation", allocation_id=allocation.pk)
        self.keep("county_allocation", allocation_id=funds.allocate(
            fund, 2_000_000, programme="", unit=county, year=2026, key="allocate:county").pk)  # fmt: skip
        received = Transfer.objects.filter(kind="receive").latest("pk")
        self.keep("entry", pk=received.pk)
        self.keep("mistake", transfer_id=received.pk)
        how = {"by": world.fund_manager, "reason": "调整", "document_no": "财〔2026〕8号"}
        made = budget.propose_hand_back(fund, 100_000, key="proposal", **how)
        self.keep("proposal", proposal_id=made.pk)
        gift = funds.open_fund("GIFT", "助学捐赠", source="raised", unit=county)
        self.keep("gift_fund", fund_id=gift.pk)
        donor = receipts.add_donor(county, "company", "爱心企业甲", key="d1")
        self.keep("donor", donor_id=donor.pk)
        campaign = receipts.open_campaign(gift, "冬衣", purpose_words="给孩子添冬衣", starts_on=START)
        income = receipts.Income("donation", 10_000, START, donor=donor, receipt_no="No.1", campaign=campaign)
        made = receipts.record(gift, income, by=world.fund_manager, key="receipt:1")
        self.keep("campaign", campaign_id=campaign.pk)
        self.keep("receipt", receipt_id=made.pk)
        ended = receipts.open_campaign(
            gift, "春耕", purpose_words="种子", starts_on=START - datetime.timedelta(days=30)
        )
        receipts.close_campaign(ended)
        self.keep("ended_campaign", campaign_id=ended.pk)
        home = providers.record(
            name="禾源县夕阳红养老院", kind="care_home", unit=county, bank="禾丰农商银行", account_no="9999990000000000022", by=world.fund_manager,
        )  # fmt: skip
        self.keep("provider", provider_id=home.pk)
        served = Case.objects.get(pk=self.at["service"]["pk"])
        Case.objects.filter(pk=served.pk).update(provider=home)
        self.keep("provider_month", provider_id=home.pk, year=2026, month=4)
        waits = Case.objects.get(pk=self.at["case_fund_reserved"]["pk"])
        self.keep("waiting_case", case_id=waits.pk)

    def batches(self) -> None:
        world = self.world
        listed = self.case("fund_reserved")
        draft = self.batch(listed)
        self.keep("batch_draft", batch_id=draft.pk)
        self.keep("case_in_payment", pk=listed.pk)
        self.keep("payment_listed", payment_id=payment_of(listed).pk)
        self.keep("batch_checked", batch_id=self.batch(self.case("fund_reserved"), upto="checked").pk)
        sent = self.case("fund_reserved")
        self.keep("batch_sent", batch_id=self.batch(sent, upto="released").pk)
        self.keep("payment_sent", payment_id=payment_of(sent).pk)
        in_hand = self.case("fund_reserved")
        cash = self.batch(in_hand, upto="released", cash_reason="老人没有账户")
        self.keep("batch_cash", batch_id=cash.pk)
        self.keep("payment_cash", payment_id=payment_of(in_hand).pk)
        owed = Recovery.objects.get(subject=f"case:{self.at['case_recovery']['pk']}")
        self.keep("recovery", case_id=self.at["case_recovery"]["pk"])
        settled = self.paid()
        world.do(settled, "reclaim", "township_approver", reason="瞒报", data={"amount_fen": 50_000})
        recovered = Recovery.objects.get(subject=settled.subject)
        with clock.frozen_at(NOW):
            recoveries.record(recovered.pk, 50_000, key="recovered")
        self.keep("recovered", case_id=settled.pk)
        assert owed.pk != recovered.pk

    def bank(self) -> None:
        bank_formats.seed()
        world, cashier = self.world, self.here("cashier")
        sent = Payment.objects.get(pk=self.at["payment_sent"]["payment_id"])
        line = PayLine(sent.key, sent.payee_name, "9999990000000000001", sent.amount_fen, sent.bank)
        content = answer(row(line, reference="R-1"), row(PayLine("X-1", "江乙", "9999990000000000002", 100, "x")))
        self.keep("bank_job", pk=self.a_job("bank_answer", cashier, content, bank="COMMON").pk)
        odd = answer(row(PayLine("X-9", "江丙", "9999990000000000003", 100, "x"), status="怪话"))
        self.keep("bank_job_words", pk=self.a_job("bank_answer", cashier, odd, bank="COMMON").pk)
        strange = "甲,乙,丙\r\n1,2,3\r\n".encode("gb18030")
        self.keep("bank_job_columns", pk=self.a_job("bank_answer", cashier, strange, bank="COMMON").pk)
        paid = self.case("fund_reserved")
        self.batch(paid, upto="released")
        said = payment_of(paid)
        posted = answer(
            row(PayLine(said.key, said.payee_name, self.number(said), said.amount_fen, said.bank), reference="R-2"),
            row(PayLine("X-2", "江丁", "9999990000000000004", 100, "x")),
        )
        judged = bank_files.judge(ContentFile(posted), "COMMON")
        file = bank_files.post(judged, by=world.cashier, filename="a.csv", sha256=hashlib.sha256(posted).hexdigest())
        self.keep("bank_file", pk=file.pk)
        task = BankTask.objects.filter(file=file).first() or BankTask.objects.first()
        self.keep("bank_task", pk=task.pk)
        made = Job.objects.create(
            kind="bank_list", title="清单", state="queued", requested_by_id=cashier.pk,
            params={"batch": self.at["batch_sent"]["batch_id"], "bank": "HFNS", "reason": "x", "purpose": "x"},
        )  # fmt: skip
        self.keep("bank_list_job", pk=made.pk)
        exported = self.case("fund_reserved")
        file = bank_lists.export(
            self.batch(exported, upto="released"),
            "HFNS",
            by=world.cashier,
            reason="交银行",
            purpose="救助",
            out=io.BytesIO(),
        )
        done = Job.objects.create(
            kind="bank_list", title="清单", state="done", requested_by_id=cashier.pk, result={"file": file.pk},
            params={"batch": file.batch_id}, result_file=ContentFile(b"x", name="list.csv"),
        )  # fmt: skip
        self.keep("bank_list_done", pk=done.pk)

    def number(self, payment: Payment) -> str:
        from access import vault

        return vault.unseal(bytes(payment.account_sealed), row=f"funds_payment|account|{payment.uid}")

    def a_job(self, kind: str, by: Any, content: bytes, **params: Any) -> Job:
        job = runner.enqueue(
            kind, kind, by_id=by.pk, params={"filename": "a.csv", **params}, file=ContentFile(content, name="a.csv"),
            sha256=hashlib.sha256(content).hexdigest(),
        )  # fmt: skip
        runner.run(job.pk)
        job.refresh_from_db()
        return job

    def books(self) -> None:
        world, county = self.world, self.places.units["A"]
        self.keep("month", unit_id=county.pk, year=2026, month=4)
        self.keep("year", unit_id=county.pk, year=2026)
        account = bank_balance.record_account(
            unit=county, name="专户", bank="禾丰农商银行", account_no="9999990000000000099", opened_on=START, by=world.fund_manager
        )  # fmt: skip
        bank_balance.place(world.fund, account, since=START, by=world.fund_manager)
        self.keep("bank_account", account_id=account.pk)
        april = datetime.date(2026, 4, 30)
        with clock.frozen_at(NOW):
            fen = bank_balance.books_fen(account, april)
            stated = bank_balance.state_balance(
                account, on=april, balance_fen=fen, reference="4", by=world.fund_manager
            )
            self.keep("stated", stated_id=stated.pk)
            other = bank_balance.record_account(
                unit=county, name="零户", bank="禾丰农商银行", account_no="9999990000000000088", opened_on=START, by=world.fund_manager
            )  # fmt: skip
            none = bank_balance.state_balance(other, on=april, balance_fen=0, reference="4", by=world.fund_manager)
            self.keep("reconciliation", pk=bank_balance.prepare(none, [], by=world.fund_manager, key=a_key()).pk)
        self.keep("statement_job", pk=Job.objects.create(
            kind="statement_file", title="x", state="queued", requested_by_id=self.here("fund_manager").pk, params={}).pk)  # fmt: skip
        done = Job.objects.create(
            kind="statement_file", title="x", state="done", requested_by_id=self.here("fund_manager").pk, params={},
            result={"filename": "a.csv"}, result_file=ContentFile(b"x", name="a.csv"),
        )  # fmt: skip
        self.keep("statement_file", pk=done.pk)

    def floats(self) -> None:
        world = self.world
        box = a_float(world, 500_000, 100_000)
        self.keep("float", float_id=box.pk)
        with clock.frozen_at(NOW):
            counted_ = imprest.count(box, cash_fen=100_000, bank_fen=0, by=world.township_clerk, key=a_key())
        proposal = imprest.propose_limit(
            allocation_of(world, "education_grant"),
            100_000,
            world.township_clerk,
            by=world.fund_manager,
            key=a_key(),
            reason="备灾",
        )
        proposals.confirm(proposal.pk, by=world.fund_checker)
        uncounted = ImprestFloat.objects.exclude(pk=box.pk).get()
        imprest.advance(uncounted, 30_000, by=world.fund_manager, key=a_key(), document_no="禾备 2")
        self.keep("float_uncounted", float_id=uncounted.pk)
        self.keep("imprest_count", count_id=counted_.pk, float_id=box.pk)
        spent = handed_out(world, box, decided(world, 50_000, "case:900001"))
        imprest.accept(spent.subject)
        self.keep("refill", refill_id=imprest.ask_refill(box, by=world.township_clerk, key=a_key()).pk)
        spent = handed_out(world, box, decided(world, 20_000, "case:900002"))
        imprest.accept(spent.subject)  # so that there is something to ask for

    # ------------------------------------------------------------------ lists

    def lists(self) -> None:
        world = self.world
        funds.allocate(
            world.fund,
            2_000_000,
            programme="visit_condolence",
            unit=self.places.units["A"],
            year=2026,
            key="allocate:visits",
        )
        for number, event in enumerate(("spring_festival", "mid_autumn", "double_ninth", "family_day", "other_visit")):
            self.a_list(number, event)
        self.a_list_without_an_account()

    def a_list(self, number: int, event: str) -> None:
        """0 a draft, 1 put up, 2 approved, 3 in a batch for cash that was released, 4 in a batch that was made."""
        world = self.world
        more = {"channel": "cash", "cash_reason": "老人不会用卡"} if number == 3 else {}
        roster = building.create(plan(world, event=event, **more), by=world.township_clerk, key=f"list:{number}")
        household = named(world, "V1")
        building.fill_by_numbers(roster.pk, [household.household_no], by=world.township_clerk)
        line = roster.lines.get()
        because = {"words": "", "accepted_because": "有人登记了回避，由别人办"}  # whoever is recused in the matrix
        building.change_line(line, amount_fen=line.amount_fen, **because, by=world.township_clerk)
        name = ("draft", "put_up", "approved", "cash", "listed")[number]
        self.keep(f"roster_{name}", roster_id=roster.pk)
        self.keep(f"line_{name}", line_id=line.pk)
        if number == 0:
            return
        deciding.put_up(roster.pk, place="村委会公告栏", by=world.township_clerk)
        if number == 1:
            return
        with clock.frozen_at(AFTER_NOTICE):
            deciding.approve(roster.pk, by=world.township_approver)
            if number == 2:
                return
            bank = "" if number == 3 else "禾丰农商银行"
            batch = paying.build(roster.pk, by=world.fund_manager, key=f"list-batch:{number}", bank=bank)
            if number == 4:
                self.keep("roster_payment_listed", payment_id=batch.payments.get().pk)
                return
            payments.check_batch(batch.pk, by=world.fund_checker, key="list-check")
            payments.release_batch(batch.pk, by=world.cashier, key="list-release")
        self.keep("roster_payment", payment_id=batch.payments.get().pk)

    def a_list_without_an_account(self) -> None:
        """Somebody's account was written down after she came onto the list."""
        roster = building.create(plan(self.world, year=2027), by=self.world.township_clerk, key="list:no account")
        self.keep("roster_no_account", roster_id=roster.pk)
        household = named(self.world, "V1")
        household.accounts.update(is_active=False)
        building.fill_by_numbers(roster.pk, [household.household_no], by=self.world.township_clerk)
        household.accounts.update(is_active=True)

    # ------------------------------------------------------------------ goods

    def goods(self) -> None:
        world = self.world
        store, other = a_store(world), a_store(world, "QH2")
        quilt = an_item(world)
        stocked(world, store, quilt, 100)
        to = stock.Handout(
            self.household.household_no, self.household.head_name, world.village, self.household.head_name, ""
        )
        slips = [stock.issue(store, [(quilt, 2)], to=to, by=world.township_clerk, key=a_key()) for _n in range(2)]
        stock.sign(slips[1], how="signature", signer="本人", sha256="0" * 64, by=world.township_clerk)
        phone = an_item(world, "应急手机", "部", category="device", is_loaned=True)
        stocked(world, store, phone, 5)
        lent = stock.issue(store, [(phone, 1)], to=to, by=world.township_clerk, key=a_key(), due_back_on=NOW)
        self.keep("slip_lent", slip_id=lent.pk)
        sent = stock.transfer_out(store, [(quilt, 1)], to_store=other, by=world.township_clerk, key=a_key())
        self.keep("store", store_id=store.pk)
        self.keep("goods_item", store_id=store.pk, item_id=quilt.pk)
        self.keep("handing_out", store_id=store.pk, household_id=self.household.pk)
        self.keep("slip", slip_id=slips[0].pk)
        self.keep("slip_signed", slip_id=slips[1].pk)
        self.keep("slip_on_its_way", slip_id=sent.pk)
        third, fourth = a_store(world, "QH3"), a_store(world, "QH4")
        for one in (third, fourth):
            stocked(world, one, quilt, 10)
        opened = stocktake.open_count(third, by=self.here("storekeeper"), key=a_key())
        self.keep("count", count_id=opened.pk)
        done = counted(world, fourth, {quilt: 10})
        self.keep("count_to_confirm", count_id=done.pk, step="confirm")

    def second_persons(self) -> None:
        """Goods that were handed out by two, in the running month; their slip is signed, with a picture."""
        with clock.frozen_at(NOW):
            asked, objected = self.by_two(1), self.by_two(2)
            countersigning.object_to(objected, by=self.here("storekeeper"), words="那天我在县里")
        self.keep("second_person", pk=asked)
        self.keep("second_person_objects", pk=objected)

    def by_two(self, quantity: int) -> int:
        """The number of the question to the storekeeper, who handed it out together with the first crew's clerk."""
        world, store = self.world, StockStore.objects.get(pk=self.at["store"]["store_id"])
        quilt = StockItem.objects.get(pk=self.at["goods_item"]["item_id"])
        family = self.household
        to = stock.Handout(family.household_no, family.head_name, world.village, family.head_name, "")
        slip = stock.issue(
            store, [(quilt, quantity)], to=to, by=world.township_clerk, key=a_key(), witness=self.here("storekeeper")
        )
        signed = families.add_document(
            family,
            ContentFile(photo(), name="a.jpg"),
            kind="cash_receipt",
            by=world.township_clerk,
            content_type="image/jpeg",
        )
        stock.sign(
            slip, how="signature", signer="本人", sha256=signed.sha256, by=world.township_clerk, document_id=signed.pk
        )
        return slip.countersign.pk

    @property
    def household(self) -> Household:
        return Household.objects.get(pk=self.at["family"]["pk"])

    # ------------------------------------------------------------------ the house

    def house(self) -> None:
        world = self.world
        staff = access.create_staff("somebody", "某某", "k" * 32, by=world.sysadmin).staff
        post = access.appoint(staff, "village_head", self.places.units["V2"], by=world.sysadmin)
        self.keep("account", pk=staff.pk, what="password")
        self.keep("post", pk=post.pk)
        stored = ProgrammeVersion.objects.filter(programme="education_grant").latest("pk").parameters
        version = draft_version(
            "education_grant", stored, valid_from=NOW + datetime.timedelta(days=30), by=world.sysadmin
        )
        self.keep("version", pk=version.pk)
        self.keep("programme", code="disaster_relief")
        importing = Job.objects.create(
            kind="register_import", title="户籍", state="waiting", requested_by_id=self.here("township_clerk").pk,
            result={"errors": [], "warnings": []}, params={"filename": "a.csv"},
        )  # fmt: skip
        self.keep("import_job", pk=importing.pk)
        approving = Job.objects.create(
            kind="approve_roster", title="名册", state="queued", requested_by_id=self.here("township_approver").pk,
            params={"roster": self.at["roster_put_up"]["roster_id"]},
        )  # fmt: skip
        self.keep("roster_job", job_id=approving.pk)

    def waiting(self) -> None:
        """What a second administrator is to confirm, and a post that is lent (docs/adr/0024)."""
        staff = access.create_staff("hopeful", "候任", "h" * 32, by=self.world.sysadmin).staff
        post = access.appoint(staff, "township_approver", self.places.units["T1"], by=self.world.sysadmin)
        assert post.waits
        self.keep("waiting_post", kind="post", pk=post.pk)
        asked = access.grant(
            make_staff("asked_for", "要看一件的"), "view_case", Case.objects.earliest("pk"),
            until=NOW + datetime.timedelta(days=30), reason="抽查", approved_by=self.here("county_approver"),
            by=self.world.sysadmin,
        )  # fmt: skip
        self.keep("asked_grant", kind="grant", pk=asked.pk)
        deputy = self.places.person("village_clerk", "delegate").staff
        self.keep("delegation", pk=Delegation.objects.get(delegate=deputy).pk)

    def glass(self) -> None:
        """The clerk of the neighbouring village has looked into the first one (docs/adr/0025)."""
        clerk = self.places.crews["V2"].village_clerk
        request = SimpleNamespace(user=clerk, session={})
        row = break_glass.begin(request, self.places.units["V1"], reason="山洪冲了路，要找到这几家的老人转移")
        self.keep("looked_into", pk=row.pk)

    def auditing(self) -> None:
        """A call for help that nobody answered, found by a run over the county; a question about it, and a sample."""
        world, county = self.world, self.places.units["A"]
        lead = Lead.objects.create(
            village=world.village, source="villager", words="断了柴火", reported_on=START - datetime.timedelta(days=20)
        )
        made = running.run(county, by=world.auditor)
        hit = made.hits.get(subject=f"lead:{lead.pk}")
        self.keep("hit", hit_id=hit.pk)
        self.keep("rule", code="returned_unresolved")
        job = Job.objects.create(
            kind=rule_jobs.KIND, title="审计规则", state="done", requested_by_id=self.here("auditor").pk,
            params={"unit": county.pk}, result={"run": made.pk},
        )  # fmt: skip
        self.keep("rules_job", job_id=job.pk)
        asked = questions.ask(
            self.places.units["T1"], "township_approver", "线索", "为什么没有人去看？",
            due_on=NOW + datetime.timedelta(days=10), by=world.auditor, key="question", subjects=[hit.subject], rule=hit.rule,
        )  # fmt: skip
        self.keep("question", question_id=asked.pk)
        frame = sampling.Frame(county, "cases", START, NOW, 0)
        drawn = sampling.draw(frame, size=2, seed="2026050", seed_source="县政府网站 4 月 15 日", by=world.auditor)
        self.keep("sample", sample_id=drawn.pk)

    def relatives(self) -> None:
        """Declarations of the village's officer and of a cadre on paper; cases of a relative, of one known too late, of one
        that the family named (docs/adr/0031)."""
        world = self.world
        cadre = register.register_cadre(
            "肖会计", id_number(BORN, 71), unit=world.village, post="委员", by=world.township_clerk
        )
        paper = register.declare_for(cadre, Relative("江远亲", id_number(BORN, 72), "parent"), by=world.township_clerk)
        own = register.declare_own(Relative("江远亲", id_number(BORN, 73), "sibling"), by=world.village_clerk)
        self.keep("cadre", pk=cadre.pk)
        self.keep("declaration", pk=own.pk)
        self.keep("declaration_on_paper", pk=paper.pk)
        late = self.case("township_decision")
        kin.member(late.household, id_number(BORN, 74))
        kin.declared(world.village_head, id_number(BORN, 74))
        self.keep("flag_late", pk=late.relative_flags.get().pk)
        known = self.case("registered")
        kin.member(known.household, id_number(BORN, 75))
        kin.declared(self.places.crews["V2"].village_head, id_number(BORN, 75))
        self.keep("flag", pk=known.relative_flags.get().pk)
        named_one = self.case("registered")
        named_one.survey = world.survey(named_one.household, is_cadre_relative=True, cadre_relative_of="一位干部")
        flags.raise_for_applicant(named_one, by=world.village_clerk)
        self.keep("flag_unknown", pk=named_one.relative_flags.get().pk)

    def packs(self) -> None:
        """One that the county had made, as it is kept: what is in it is nobody's concern here."""
        county, digest = self.places.units["A"], hashlib.sha256(b"pack").hexdigest()
        job = Job.objects.create(
            kind=packs.KIND, title="迎检包", state="waiting", requested_by_id=self.here("auditor").pk, params={"count": 1}, result={},
        )  # fmt: skip
        self.keep("pack_job", job_id=job.pk)
        pack = InspectionPack.objects.create(
            number="J2026-09999", side="county", unit=county, title="全县", chosen={}, reason="省里来检查", case_count=1,
            file_count=1, volume_count=1, page_count=1, problem_count=0, size_bytes=4, manifest_sha256=digest,
            made_by=self.here("county_approver"), made_on=NOW, made_at=timezone.now(), key="job-0",
        )  # fmt: skip
        volume = PackVolume(pack=pack, n=1, size_bytes=4, sha256=digest)
        volume.file.save("packs/J2026-09999.zip", ContentFile(b"pack"), save=False)
        volume.save()
        self.keep("pack", pack_id=pack.pk)
        self.keep("pack_volume", pack_id=pack.pk, n=1)

    def drafts(self, people: list[Person]) -> None:
        """An unfinished survey of everybody who surveys; each sees her own alone."""
        for person in people:
            if person.role in ("village_clerk", "resident_cadre") and person.relation in (
                "here",
                "delegate",
                "recused",
            ):
                SurveyDraft.objects.create(
                    household_id=self.at["survey_of_family"]["pk"], staff=person.staff, case_id=self.at["case_draft"]["pk"], answers={}
                )  # fmt: skip

    # ------------------------------------------------------------------ files that have expired

    def retention(self) -> None:
        periods.enter("refused_file", 5, valid_from=START, basis="禾源县档案局〔2026〕1号")
        for record in ("expired_file", "erasure"):
            case = put(self.case("registered"), "withdrawn", closed_on=datetime.date(2019, 6, 1))
            case.household.is_hardship, case.household.severity = False, ""
            case.household.save()
            self.keep(record, household_id=case.household_id)
        self.keep("erasure", pk=erasing.propose(case.household_id, by=self.world.county_reviewer).pk)

    def everything(self) -> dict[str, Parts]:
        for step in (
            self.cases,
            self.file,
            self.money,
            self.batches,
            self.bank,
            self.books,
            self.floats,
            self.lists,
            self.goods,
            self.second_persons,
            self.house,
            self.waiting,
            self.glass,
            self.auditing,
            self.relatives,
            self.packs,
            self.retention,
        ):
            step()
        self.drafts(self.places.people)
        return self.at
