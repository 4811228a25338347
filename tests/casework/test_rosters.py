"""Lists of people who are helped together: made, put up, approved, paid, answered, and what is refused on the way."""

import datetime
import io
import itertools
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.db.models import Count, Q
from PIL import Image

from access import reach
from access import services as access
from access.models import OrgUnit
from audit import clock
from audit.verify import of_stream
from casework import handing_out, limits, payments
from casework.bank_words import not_taken
from casework.errors import (
    ApprovalVoid,
    BadCaseData,
    NotYourTurn,
    PaymentBarred,
    SecondDuty,
    TooEarly,
    WrongState,
)
from casework.relatives import register
from casework.rosters import answers, building, deciding, findings, paying, signing
from casework.rosters.building import Plan
from casework.rosters.models import Roster, RosterLine
from families import services as families
from families.models import BankAccount, Document, Household
from flows.errors import BadParameters
from flows.lists import ListParameters
from flows.models import ProgrammeVersion
from flows.parameters import Period
from flows.services import draft_version, publish_version, version_in_force
from funds import bank_files, ledger, providers
from funds import services as funds
from funds.bank_files import Said
from funds.banking.reasons import CREDITED, RETURNED
from funds.errors import FundShort, SamePerson, WrongDay, WrongPaymentState
from funds.models import CashHandover, Payment, PaymentBatch, Reservation
from tests.casework.relatives.kin import a_number, declared, member
from tests.countersigns import confirmed as confirmed_by_the_second
from tests.funds.test_ledger import refuses
from tests.world import START, World, make_staff

AFTER_NOTICE = START + datetime.timedelta(days=4)  # Sunday; three days lie between
LATER = START + datetime.timedelta(days=6)


def plan(world: World, **more: Any) -> Plan:
    return Plan(
        **(
            {
                "kind": "visit_condolence",
                "title": "春节慰问名册",
                "event": "spring_festival",
                "year": 2026,
                "unit": world.township,
                "channel": "bank",
                "amount_fen": 300_00,
                "severe_fen": 500_00,
            }
            | more
        )
    )


def money(world: World, fen: int = 10_000_000, programme: str = "visit_condolence") -> None:
    funds.allocate(world.fund, fen, programme=programme, unit=world.county, year=2026, key=f"allocate:{programme}")


def drafted(world: World, households: int = 3, key: str = "k1", **more: Any) -> Roster:
    """A list of some households of the village, one of them severe."""
    made = [world.household() for _n in range(households)]
    Household.objects.filter(pk=made[0].pk).update(severity="severe")
    roster = building.create(plan(world, **more), by=world.township_clerk, key=key)
    building.fill_by_rule(roster.pk, by=world.township_clerk)
    return Roster.objects.get(pk=roster.pk)


def approved(world: World, households: int = 3, **more: Any) -> Roster:
    money(world)
    roster = drafted(world, households, **more)
    deciding.put_up(roster.pk, place="村委会公告栏", by=world.township_clerk)
    with clock.frozen_at(AFTER_NOTICE):
        return deciding.approve(roster.pk, by=world.township_approver)


def listed(world: World, households: int = 3, **more: Any) -> tuple[Roster, PaymentBatch]:
    roster = approved(world, households, **more)
    with clock.frozen_at(AFTER_NOTICE):
        return roster, paying.build(
            roster.pk, by=world.fund_manager, key="k" * 8, bank=more.get("bank", "禾丰农商银行")
        )


def checked(world: World, households: int = 3, **more: Any) -> tuple[Roster, PaymentBatch]:
    roster, batch = listed(world, households, **more)
    with clock.frozen_at(AFTER_NOTICE):
        return roster, payments.check_batch(batch.pk, by=world.fund_checker, key="c")


def with_the_bank(world: World, households: int = 3, **more: Any) -> tuple[Roster, PaymentBatch]:
    roster, batch = checked(world, households, **more)
    with clock.frozen_at(AFTER_NOTICE):
        return roster, payments.release_batch(batch.pk, by=world.cashier, key="r")


def line(roster: Roster, n: int = 1) -> RosterLine:
    return RosterLine.objects.get(roster=roster, n=n)


# --- the whole way ---------------------------------------------------------------------------------------------------


def test_a_festival_list_goes_from_rule_to_the_banks_last_answer(world: World) -> None:
    roster, batch = with_the_bank(world)
    rows = list(batch.payments.order_by("id"))
    assert [row.amount_fen for row in rows] == [500_00, 300_00, 300_00]
    assert {row.state for row in rows} == {"sent"}

    with clock.frozen_at(LATER):
        payments.record_answers(
            [
                payments.Answer(rows[0].pk, True, bank_reference="H1"),
                payments.Answer(rows[1].pk, True, bank_reference="H2"),
                payments.Answer(rows[2].pk, False, "已销户"),
            ],
            by=world.cashier,
            key="a",
        )

    balance = ledger.balances([world.fund])[world.fund.pk]
    assert (balance.paid_fen, balance.committed_fen, balance.in_payment_fen) == (800_00, 300_00, 0)
    assert ledger.check().drift_fen == 0
    assert not of_stream(line(roster).key)
    assert RosterLine.history.filter(roster=roster).count() == 3


def test_a_returned_line_goes_out_again_to_another_account_after_a_working_day(world: World) -> None:
    roster, batch = with_the_bank(world, 2)
    first = batch.payments.order_by("id").first()
    with clock.frozen_at(AFTER_NOTICE):
        payments.record_answers([payments.Answer(first.pk, False, "已销户")], by=world.cashier, key="a")
    assert list(paying.returned(Q())) == [first]
    assert not paying.payable(roster), "the same account is not tried again"
    household = line(roster).household
    with clock.frozen_at(LATER):
        families.record_account(
            household,
            line(roster).person,
            "9999990000000000777",
            kind="card",
            bank="青禾农商行",
            by=world.village_clerk,
        )
        assert not paying.payable(roster), "not on the day on which it was written down"

    with clock.frozen_at(LATER + datetime.timedelta(days=1)):
        assert not paying.payable(roster), "not before somebody else has signed it"
        signing.sign_again(line(roster), because="看过存折", by=world.township_approver)
        (found,) = paying.payable(roster)
        again = paying.build(roster.pk, by=world.fund_manager, key="z" * 8, bank=found.bank)

    payment = again.payments.get()
    assert (payment.replaces, payment.key, payment.bank) == (first, f"{line(roster).key}:pay:2", "青禾农商行")
    assert payment.account_recorded_by_key == world.village_clerk.person_key
    assert not paying.returned(Q()).exists()


def test_money_for_an_insurer_is_one_reservation_and_one_payment(world: World) -> None:
    insurer, roster = insured(world)

    batch = paying.build(roster.pk, by=world.fund_manager, key="k" * 8)

    assert Reservation.objects.get(subject=roster.subject).amount_fen == roster.total_fen == 150_00
    payment = batch.payments.get()
    assert (payment.provider, payment.payee_name, payment.amount_fen) == (insurer, insurer.name, 150_00)
    assert not paying.payable(roster)


def test_money_for_an_insurer_that_came_back_goes_to_its_account_of_today(world: World) -> None:
    insurer, roster = insured(world)
    batch = paying.build(roster.pk, by=world.fund_manager, key="k" * 8)
    payments.check_batch(batch.pk, by=world.fund_checker, key="c")
    payments.release_batch(batch.pk, by=world.cashier, key="r")
    first = batch.payments.get()
    payments.record_answers([payments.Answer(first.pk, False, "已销户")], by=world.cashier, key="a")
    assert not paying.payable(roster) and not paying.is_mended(first := Payment.objects.get(pk=first.pk), None)

    providers.end(insurer, by=world.fund_manager)
    again = checked_insurer(world, "9999990000000000002", "青禾农商行")
    assert paying.is_mended(first, None) and not paying.payable(roster), "not on the day on which it was written down"
    with clock.frozen_at(START + datetime.timedelta(days=1)):
        assert [one.bank for one in paying.payable(roster)] == ["青禾农商行"]
        second = paying.build(roster.pk, by=world.fund_manager, key="z" * 8).payments.get()

    assert (second.provider, second.replaces, second.account_index) == (again, first, again.account_index)
    assert second.account_recorded_by_key == world.fund_manager.person_key
    assert not paying.payable(roster)


def test_an_insurers_account_that_nobody_has_compared_is_not_paid(world: World) -> None:
    insurer, roster = insured(world)
    providers.end(insurer, by=world.fund_manager)
    providers.record(
        name=insurer.name, kind="insurer", unit=world.county, bank="x", account_no="9999990000000000003",
        by=world.fund_manager,
    )  # fmt: skip

    with clock.frozen_at(LATER):
        assert not paying.payable(roster)
        with pytest.raises(BadCaseData, match="没有能付的"):
            paying.build(roster.pk, by=world.fund_manager, key="k" * 8)


def insured(world: World) -> tuple[Any, Roster]:
    insurer = checked_insurer(world)
    money(world, programme="insurance_support")
    roster = drafted(
        world,
        kind="insurance_support",
        event="accident",
        channel="provider",
        provider=insurer,
        amount_fen=50_00,
        severe_fen=50_00,
    )
    return insurer, deciding.approve(roster.pk, by=world.township_approver)


def checked_insurer(world: World, account_no: str = "9999990000000000001", bank: str = "禾丰农商银行") -> Any:
    made = providers.record(
        name="禾丰保险", kind="insurer", unit=world.county, bank=bank, account_no=account_no, by=world.fund_manager,
    )  # fmt: skip
    return providers.check(made, by=world.fund_checker)


def test_cash_is_listed_without_an_account_and_counts_when_it_was_handed_over(world: World) -> None:
    roster, batch = with_the_bank(world, 1, channel="cash", cash_reason="老人不会用卡")

    payment = batch.payments.get()
    assert (payment.account_index, bytes(payment.account_sealed), payment.state) == ("", b"", "sent")
    with clock.frozen_at(LATER):
        for _press in range(2):
            handed(world, payment)
        assert Payment.objects.get(pk=payment.pk).state == "sent"
        confirmed_by_the_second()

    assert Payment.objects.get(pk=payment.pk).state == "credited"
    given = CashHandover.objects.get()
    assert (given.payer_one, given.payer_two) == (world.village_clerk, world.resident_cadre)
    receipt = Document.objects.get(subject=line(roster).key)
    assert (receipt.sha256, receipt.household) == (given.receipt_sha256, line(roster).household)
    assert ledger.balances([world.fund])[world.fund.pk].paid_fen == payment.amount_fen


def handed(world: World, payment: Payment, **more: Any) -> CashHandover:
    return paying.hand_over(
        payment.pk,
        **(
            {
                "by": world.village_clerk,
                "second": world.resident_cadre,
                "receipt": picture(),
                "handed_on": LATER,
                "place": "家里",
                "signed_how": "thumbprint",
                "received_by": "本人",
            }
            | more
        ),
    )


_pictures = itertools.count()


def picture() -> SimpleUploadedFile:
    content = io.BytesIO()
    Image.new("RGB", (40, 40), (next(_pictures) % 250, 200, 90)).save(content, "PNG")
    return SimpleUploadedFile("receipt.png", content.getvalue(), "image/png")


@pytest.mark.parametrize(
    ("one", "two", "refusal", "words"),
    [
        ("village_clerk", "village_head", BadCaseData, "不是村委会的"),
        ("village_head", "village_clerk", BadCaseData, "不是村委会的"),
        ("resident_cadre", "other_clerk", BadCaseData, "发钱的岗位"),
        ("other_clerk", "township_clerk", NotYourTurn, "两个人一起"),
        ("auditor", "township_clerk", NotYourTurn, "两个人一起"),
        ("township_clerk", "township_clerk", SamePerson, "不能是同一个人"),
    ],
)
def test_the_village_committee_alone_hands_out_no_cash(
    world: World, one: str, two: str, refusal: type[Exception], words: str
) -> None:
    _roster, batch = with_the_bank(world, 1, channel="cash", cash_reason="老人不会用卡")
    payment = batch.payments.get()

    with clock.frozen_at(LATER), pytest.raises(refusal, match=words), transaction.atomic():
        handed(world, payment, by=getattr(world, one), second=getattr(world, two))

    assert Payment.objects.get(pk=payment.pk).state == "sent"
    assert not CashHandover.objects.exists() and not Document.objects.filter(kind="receipt").exists()


def test_cash_is_not_handed_out_before_it_was_released_nor_otherwise_a_second_time(world: World) -> None:
    _roster, batch = with_the_bank(world, 1, channel="cash", cash_reason="老人不会用卡")
    payment = batch.payments.get()
    with clock.frozen_at(LATER):
        with pytest.raises(WrongDay, match="才交出去"), transaction.atomic():
            handed(world, payment, handed_on=START)
        assert not Document.objects.filter(kind="receipt").exists()
        handed(world, payment)

        with pytest.raises(WrongState, match="已经有人记过"), transaction.atomic():
            handed(world, payment, by=world.township_clerk)

    assert Document.objects.filter(kind="receipt").count() == 1


def test_no_handover_lies_before_the_release_of_its_cash(world: World) -> None:
    with_the_bank(world, 1, channel="cash", cash_reason="老人不会用卡")
    refuses(
        "INSERT INTO funds_cashhandover (payment_id, payer_one_id, payer_one_key, payer_two_id, payer_two_key, handed_on, place,"
        " signed_how, received_by, receipt_sha256) SELECT p.id, a.id, a.person_key, b.id, b.person_key, p.sent_on - 1, 'x', 'signature',"
        " 'x', 'x' FROM funds_payment p, access_staff a, access_staff b"
        " WHERE p.state = 'sent' AND a.username = 'fund_manager' AND b.username = 'township_clerk'",
        match="before the release",
    )


def test_whoever_released_the_cash_of_a_list_hands_out_none_of_it(world: World) -> None:
    """Neither as the first nor as the second; and the second holds a post that hands out cash there today."""
    roster, batch = with_the_bank(world, 1, channel="cash", cash_reason="老人不会用卡")
    payment = batch.payments.get()
    with clock.frozen_at(LATER):
        for persons in ({"by": world.cashier}, {"second": world.cashier}):
            with pytest.raises(SamePerson, match="放行"), transaction.atomic():
                handed(world, payment, **persons)
        with pytest.raises(BadCaseData, match="发钱的岗位"), transaction.atomic():
            handed(world, payment, second=world.county_reviewer)
        assert world.county_reviewer not in handing_out.second_persons(line(roster).household, world.cashier)
    refuses(
        "INSERT INTO funds_cashhandover (payment_id, payer_one_id, payer_one_key, payer_two_id, payer_two_key, handed_on, place,"
        " signed_how, received_by, receipt_sha256) SELECT p.id, a.id, a.person_key, b.id, b.person_key, p.sent_on, 'x', 'signature',"
        " 'x', 'x' FROM funds_payment p, access_staff a, access_staff b"
        " WHERE p.state = 'sent' AND a.username = 'township_clerk' AND b.username = 'cashier'",
        match="who released cash does not hand it out",
    )

    assert not CashHandover.objects.exists() and not Document.objects.filter(kind="receipt").exists()


def test_cash_that_nobody_took_may_go_out_again(world: World) -> None:
    roster, batch = with_the_bank(world, 2, channel="cash", cash_reason="老人不会用卡")
    first = batch.payments.order_by("id").first()
    with clock.frozen_at(LATER):
        answer = payments.Answer(first.pk, False, not_taken("人不在家"))
        payments.record_answers([answer], by=world.cashier, key="a")
        assert ledger.balances([world.fund])[world.fund.pk].in_payment_fen == 300_00
        (found,) = paying.payable(roster)
        again = paying.build(roster.pk, by=world.fund_manager, key="z" * 8)

    assert (found.count, found.total_fen) == (1, 500_00)
    assert again.payments.get().replaces == first


# --- making a list ---------------------------------------------------------------------------------------------------


def test_one_person_is_on_one_list_of_an_event(world: World) -> None:
    first = drafted(world)
    second = building.create(plan(world), by=world.township_clerk, key="k2")

    assert building.preview(second, by=world.township_clerk).count == 0
    assert building.preview(second, by=world.township_clerk).on_other_lists == 3
    assert building.fill_by_rule(second.pk, by=world.township_clerk) == 0
    number = line(first).household.household_no
    assert building.fill_by_numbers(second.pk, [number, "000"], by=world.township_clerk) == (
        0,
        [f"{number}：这家已经有人在另一份同一事项的名册上。", "000：这个地方没有这一户，请核对户编号。"],
    )
    other_year = building.create(plan(world, year=2027), by=world.township_clerk, key="k3")
    assert building.fill_by_rule(other_year.pk, by=world.township_clerk) == 3


def test_whoever_was_taken_out_may_come_onto_another_list(world: World) -> None:
    first = drafted(world)
    building.take_out(line(first), reason="村里另有安排", by=world.township_clerk)
    second = building.create(plan(world), by=world.township_clerk, key="k2")

    assert building.fill_by_rule(second.pk, by=world.township_clerk) == 1


def test_the_village_adds_its_own_people_and_nobody_elses(world: World) -> None:
    here, there = world.household(), world.household(world.other_village)
    roster = building.create(plan(world), by=world.township_clerk, key="k1")
    numbers = [here.household_no, there.household_no]

    added, problems = building.fill_by_numbers(roster.pk, numbers, by=world.village_clerk, unit=world.village)

    assert added == 1
    assert problems == [f"{there.household_no}：这个地方没有这一户，请核对户编号。"]
    with pytest.raises(NotYourTurn):
        building.fill_by_numbers(roster.pk, numbers, by=world.village_clerk, unit=world.other_village)
    with pytest.raises(NotYourTurn):
        building.create(plan(world), by=world.village_clerk, key="k9")


def test_pressing_twice_makes_one_list(world: World) -> None:
    made = [building.create(plan(world), by=world.township_clerk, key="same") for _n in range(2)]

    assert made[0] == made[1]
    assert Roster.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": "medical"},
        {"amount_fen": 2_000_01},
        {"channel": "cash"},
        {"channel": "provider"},
        {"kind": "insurance_support", "event": "medical", "channel": "bank", "amount_fen": 100, "severe_fen": 100},
        {"kind": "insurance_support", "event": "medical", "channel": "provider", "amount_fen": 100, "severe_fen": 100},
    ],
)
def test_a_list_keeps_to_what_its_kind_allows(world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadCaseData):
        building.create(plan(world, **wrong), by=world.township_clerk, key="k1")


# --- findings --------------------------------------------------------------------------------------------------------


def test_each_finding_is_found_on_its_line(world: World) -> None:
    roster = drafted(world, 6)
    dead, gone, bare, shared, staff, poor = roster.lines.select_related("person", "household", "account")
    with transaction.atomic():
        dead.person.died_on = START
        dead.person.save()
        gone.household.members.filter(person=gone.person).update(valid_to=START)
        BankAccount.objects.filter(pk=bare.account_id).update(is_active=False)
        other = world.household()
        BankAccount.objects.filter(household=other).update(number_index=shared.account.number_index)
        make_staff("cadre", "x", staff.person.person_key)
        Household.objects.filter(pk=poor.household_id).update(is_hardship=False, severity="")

    assert findings.counts(roster) == {
        "dead": 1, "not_member": 1, "no_account": 1, "shared": 1, "staff": 1, "not_hardship": 1,
    }  # fmt: skip
    found = findings.of_lines(roster, [row.pk for row in (dead, gone, bare, shared, staff, poor)])
    assert [[one.code for one in found[row.pk]] for row in (dead, gone, bare, shared, staff, poor)] == [
        ["dead"], ["not_member"], ["no_account"], ["shared"], ["staff"], ["not_hardship"],
    ]  # fmt: skip
    assert findings.lines_with(roster, "staff") == [staff.pk]
    with pytest.raises(BadCaseData, match="收款人已去世 1"):
        deciding.put_up(roster.pk, place="村委会", by=world.township_clerk)


@pytest.mark.parametrize("who", ["member", "payee", "holder", "recused"])
def test_a_declared_relative_on_a_list_wants_a_reason(world: World, who: str) -> None:
    roster = drafted(world, 2)
    row, number = line(roster), a_number()
    if who == "member":
        member(row.household, number)
    elif who == "recused":
        access.recuse(world.cashier.person_key, row.household.household_no, relation="外甥", by=world.cashier)
    else:
        theirs = row.person if who == "payee" else member(world.household(), number).person
        with transaction.atomic():
            theirs.set_id_number(number)
            theirs.save()
            BankAccount.objects.filter(pk=row.account_id).update(holder=theirs)
    with reach.only(reach.of(world.township_clerk)):
        assert "relative" not in findings.counts(roster) or who == "recused"
    found = declared(world.cashier, number)

    with reach.only(reach.of(world.township_clerk)):
        assert findings.lines_with(roster, "relative") == [row.pk]
    with pytest.raises(BadCaseData, match="工作人员的近亲属"):
        deciding.put_up(roster.pk, place="村委会", by=world.township_clerk)
    building.change_line(
        row, amount_fen=200_00, words="", accepted_because="关系核对过，确属困难", by=world.township_clerk
    )
    assert findings.counts(roster) == {}

    register.end(found, reason="不是亲戚，写错了", by=world.county_approver)
    assert findings.lines_with(roster, "relative") == ([row.pk] if who == "recused" else [])


def test_a_reason_answers_a_finding_that_is_not_blocking(world: World) -> None:
    roster = drafted(world, 1)
    row = line(roster)
    make_staff("cadre", "x", row.person.person_key)
    assert findings.counts(roster) == {"staff": 1}

    building.change_line(
        row, amount_fen=200_00, words="", accepted_because="退休多年，确属困难", by=world.township_clerk
    )

    assert findings.counts(roster) == {}
    deciding.put_up(roster.pk, place="村委会", by=world.township_clerk)


def test_a_new_account_is_taken_over_before_the_approval(world: World) -> None:
    roster = drafted(world, 1)
    row = line(roster)
    account = families.record_account(
        row.household, row.person, "9999990000000000777", kind="card", bank="x", by=world.village_clerk
    )
    assert findings.counts(roster) == {"no_account": 1}

    assert building.look_up_accounts(roster.pk, by=world.township_clerk) == 1
    assert line(roster).account == account


# --- approving -------------------------------------------------------------------------------------------------------


def test_approval_waits_for_the_notice_and_covers_what_was_put_up(world: World) -> None:
    money(world)
    roster = drafted(world)
    with pytest.raises(TooEarly, match="先张榜"):
        deciding.approve(roster.pk, by=world.township_approver)
    deciding.put_up(roster.pk, place="村委会", by=world.township_clerk)
    last_day = START + datetime.timedelta(days=3)
    with clock.frozen_at(last_day), pytest.raises(TooEarly, match="2026-04-18 24 点"):
        deciding.approve(roster.pk, by=world.township_approver)
    building.take_out(line(roster), reason="搬走", by=world.township_clerk)

    with clock.frozen_at(AFTER_NOTICE), pytest.raises(ApprovalVoid, match="重新张榜"):
        deciding.approve(roster.pk, by=world.township_approver)

    assert not Reservation.objects.filter(programme="visit_condolence").exists()


def test_who_prepares_does_not_approve(world: World) -> None:
    roster = drafted(world)
    access.appoint(world.township_clerk, "township_approver", world.township, by=None, valid_from=START)
    clerk = type(world.township_clerk).objects.get(pk=world.township_clerk.pk)

    with pytest.raises(SecondDuty):
        deciding.approve(roster.pk, by=clerk)


def test_a_list_without_money_is_not_approved(world: World) -> None:
    money(world, 300_00)
    roster = drafted(world, 2)
    deciding.put_up(roster.pk, place="村委会", by=world.township_clerk)

    with clock.frozen_at(AFTER_NOTICE), pytest.raises(FundShort):
        deciding.approve(roster.pk, by=world.township_approver)

    roster.refresh_from_db()
    assert roster.is_draft
    assert not Reservation.objects.filter(programme="visit_condolence").exists()


def test_pressing_approve_twice_reserves_once(world: World) -> None:
    roster = approved(world)

    deciding.approve(roster.pk, by=world.township_approver)

    assert Reservation.objects.filter(programme="visit_condolence").count() == 3


def test_a_cancelled_list_gives_its_money_and_its_people_back(world: World) -> None:
    roster = approved(world)

    deciding.cancel(roster.pk, reason="活动改期", by=world.township_approver)

    assert ledger.balances([world.fund])[world.fund.pk].committed_fen == 0
    second = building.create(plan(world), by=world.township_clerk, key="k2")
    assert building.preview(second, by=world.township_clerk).count == 3


def test_a_list_that_is_being_paid_is_not_cancelled(world: World) -> None:
    roster, _batch = with_the_bank(world)

    with pytest.raises(WrongPaymentState):
        deciding.cancel(roster.pk, reason="活动改期", by=world.township_approver)


def test_one_line_may_be_stopped_and_the_list_stays_as_approved(world: World) -> None:
    roster = approved(world)

    deciding.stop_line(line(roster), reason="去世", by=world.township_approver)

    (left,) = paying.payable(roster)
    assert (left.count, left.total_fen) == (2, 600_00)
    assert line(roster).state == "on"


# --- paying ----------------------------------------------------------------------------------------------------------


def test_who_decided_a_list_does_not_pay_it(world: World) -> None:
    roster = approved(world)
    access.appoint(world.township_approver, "fund_manager", world.county, by=None, valid_from=START)
    approver = type(world.township_approver).objects.get(pk=world.township_approver.pk)
    with pytest.raises(SecondDuty):
        paying.build(roster.pk, by=approver, key="k" * 8)
    paying.build(roster.pk, by=world.fund_manager, key="k" * 8, bank="禾丰农商银行")

    refuses(
        "UPDATE funds_paymentbatch SET state = 'checked', checker_id = %s, checker_person_key = %s, checked_on = now()",
        approver.pk,
        approver.person_key,
        match="does not pay it",
    )


def test_who_died_after_the_approval_is_neither_listed_nor_sent(world: World) -> None:
    roster = approved(world)
    dead = line(roster).person
    batch = paying.build(roster.pk, by=world.fund_manager, key="k" * 8, bank="禾丰农商银行")
    with transaction.atomic():
        dead.died_on = START
        dead.save()

    with pytest.raises(PaymentBarred, match="去世"):
        payments.check_batch(batch.pk, by=world.fund_checker, key="c")

    assert set(batch.payments.values_list("state", flat=True)) == {"listed"}


def test_who_holds_the_account_and_died_is_not_paid_for_somebody_else(world: World) -> None:
    roster, batch = checked_for_a_spouse(world)
    holder = line(roster).account.holder
    assert holder != line(roster).person
    with transaction.atomic():
        holder.died_on = START
        holder.save()

    with clock.frozen_at(AFTER_NOTICE), pytest.raises(PaymentBarred, match=f"{holder.name} 登记为"):
        payments.release_batch(batch.pk, by=world.cashier, key="r")

    assert set(batch.payments.values_list("state", flat=True)) == {"listed"}


def checked_for_a_spouse(world: World) -> tuple[Roster, PaymentBatch]:
    """One line whose money goes to the account of the person's spouse, with the reason why."""
    money(world)
    roster = drafted(world, 1)
    row = line(roster)
    spouse = row.household.members.exclude(person=row.person).get().person
    families.record_account(
        row.household, spouse, "9999990000000000779", kind="card", bank="禾丰农商银行", by=world.village_clerk
    )
    building.look_up_accounts(roster.pk, by=world.township_clerk)
    building.change_line(
        line(roster), amount_fen=300_00, words="", accepted_because="卧床，由配偶代领", by=world.township_clerk
    )
    deciding.put_up(roster.pk, place="村委会", by=world.township_clerk)
    with clock.frozen_at(AFTER_NOTICE):
        deciding.approve(roster.pk, by=world.township_approver)
        batch = paying.build(roster.pk, by=world.fund_manager, key="k" * 8, bank="禾丰农商银行")
        return roster, payments.check_batch(batch.pk, by=world.fund_checker, key="c")


def test_another_countys_cashier_answers_for_no_list_of_ours(world: World) -> None:
    _roster, batch = with_the_bank(world, 2)
    stranger = stranger_cashier(world)
    first = batch.payments.order_by("id").first()

    with clock.frozen_at(LATER):
        with pytest.raises(NotYourTurn, match="当地的出纳"):
            payments.record_answers([payments.Answer(first.pk, True, bank_reference="H1")], by=stranger, key="a")
        payments.record_answers([payments.Answer(first.pk, True, bank_reference="H1")], by=world.cashier, key="b")
        back = Said(2, first.pk, first.subject, RETURNED, CREDITED, "已销户", "H2", LATER)
        with pytest.raises(NotYourTurn, match="当地的出纳"):
            answers.post_lists([back], by=stranger, key="c")

    assert dict(batch.payments.values_list("state").annotate(n=Count("pk"))) == {"credited": 1, "sent": 1}
    assert not bank_files.with_bank("HFNS", stranger).exists()
    assert bank_files.with_bank("HFNS", world.cashier).count() == bank_files.with_bank("HFNS").count() == 2


def stranger_cashier(world: World) -> Any:
    county = OrgUnit.objects.create(
        code="990102", name="邻县", level="county", parent=world.county.parent, valid_from=START,
        province_id=world.county.province_id, prefecture_id=world.county.prefecture_id,
    )  # fmt: skip
    county.county = county
    county.save()
    made = make_staff("stranger_cashier", "邻县出纳")
    access.appoint(made, "cashier", county, by=None, valid_from=START)
    return made


def another_account(world: World, roster: Roster, number: str = "9999990000000000778", n: int = 1, **more: Any) -> Any:
    row = line(roster, n)
    values = {"kind": "card", "bank": "禾丰农商银行", "by": world.village_clerk} | more
    return families.record_account(row.household, row.person, number, **values)


def renamed(roster: Roster) -> Any:
    person = line(roster).person
    person.name = "赵取款"
    with transaction.atomic():
        person.save()
    return person


# --- what PostgreSQL holds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("UPDATE casework_roster SET total_fen = 1", "as it was decided"),
        ("UPDATE casework_roster SET approved_by_id = prepared_by_id", "somebody else|as it was decided"),
        (
            "UPDATE casework_roster SET state = 'draft', approved_on = NULL, approver_person_key = NULL, approved_by_id = NULL",
            "as it was decided",
        ),
        ("UPDATE casework_rosterline SET amount_fen = 1", "stays"),
        ("UPDATE casework_rosterline SET state = 'out', out_reason = 'x'", "stays"),
        ("UPDATE casework_rosterline SET account_id = NULL", "stays"),
        ("DELETE FROM casework_rosterline", "never deleted"),
        (
            "INSERT INTO casework_rosterline (roster_id, n, event_key, household_id, village_id, person_id, amount_fen, words,"
            " accepted_because, state, out_reason) SELECT roster_id, 99, event_key, household_id, village_id,"
            " (SELECT max(id) FROM families_person), 1, '', '', 'on', '' FROM casework_rosterline LIMIT 1",
            "joins a draft",
        ),
    ],
)
def test_an_approved_list_is_not_changed(world: World, statement: str, match: str) -> None:
    approved(world)
    refuses(statement, match=match)


def test_no_signature_covers_other_lines_than_there_are(world: World) -> None:
    drafted(world)
    refuses(
        "UPDATE casework_roster SET state = 'approved', approved_on = now(), approved_digest = 'x', line_count = 3, total_fen = 1,"
        " approved_by_id = s.id, approver_person_key = s.person_key FROM access_staff s WHERE s.username = 'township_approver'",
        match="does not cover",
    )


APPROVE = (
    "UPDATE casework_roster r SET state = 'approved', approved_digest = casework_roster_digest(r.id), line_count = x.n, total_fen = x.fen,"
    " approved_by_id = s.id, approver_person_key = s.person_key, approved_on = {day}{more} FROM access_staff s,"
    " (SELECT count(*) AS n, sum(amount_fen) AS fen FROM casework_rosterline WHERE state = 'on') x WHERE s.username = 'township_approver'"
)


@pytest.mark.parametrize(
    ("day", "more"),
    [
        ("'2026-04-15'", ""),
        ("'2026-04-18'", ""),  # its last day, which ends at 24:00
        ("'2026-04-19'", ", notice_ends_on = NULL"),
        ("'2026-04-19'", ", posted_digest = ''"),
        ("'2026-04-18'", ", notice_ends_on = '2026-04-17'"),
        ("'2026-04-18'", ", posted_on = '2026-04-14', notice_ends_on = '2026-04-17'"),
    ],
)
def test_no_list_is_approved_before_its_notice_has_run(world: World, day: str, more: str) -> None:
    deciding.put_up(drafted(world).pk, place="村委会", by=world.township_clerk)

    refuses(APPROVE.format(day=day, more=more), match="notice of list .* has not run")


def test_what_is_approved_is_what_hung_and_within_the_rules(world: World) -> None:
    roster = drafted(world)
    refuses(APPROVE.format(day="'2026-04-19'", more=""), match="notice of list .* has not run")  # it never hung
    deciding.put_up(roster.pk, place="村委会", by=world.township_clerk)
    building.take_out(line(roster), reason="搬走", by=world.township_clerk)
    refuses(APPROVE.format(day="'2026-04-19'", more=""), match="notice of list .* has not run")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE casework_rosterline SET amount_fen = 200001 WHERE n = 2")
    refuses(APPROVE.format(day="'2026-04-19'", more=""), match="above what its rules allow")


def test_a_list_is_made_under_the_published_rules_of_its_kind(world: World) -> None:
    drafted(world)
    cash = building.create(plan(world, channel="cash", cash_reason="老人不会用卡"), by=world.township_clerk, key="k2")
    insurance = version_in_force("insurance_support", START)
    unpublished = draft_version("visit_condolence", {}, valid_from=START, by=world.sysadmin)
    mean = rules(world, allows_cash=False)
    for version, match in (
        ("NULL", "published rules"),
        (insurance.pk, "published rules"),
        (unpublished.pk, "published rules"),
        (mean.pk, "allow no cash"),
    ):
        refuses(
            COPY.format(person="preparer_person_key", state="draft", version=version) + f" WHERE id = {cash.pk}",
            match=match,
        )
    refuses(f"UPDATE casework_roster SET version_id = {mean.pk}", match="as it was decided")


COLUMNS = (
    "kind, title, event, year, channel, cash_reason, amount_fen, severe_fen, made_on, posted_place, posted_digest, approved_digest,"
    " line_count, total_fen, cancel_reason, province_id, prefecture_id, county_id, township_id, village_id"
)
COPY = (
    f"INSERT INTO casework_roster (key, state, cancelled_on, prepared_by_id, preparer_person_key, version_id, {COLUMNS})"
    " SELECT 'x', '{state}', now(), prepared_by_id, {person}, {version}, "
    + COLUMNS.replace("cancel_reason", "'x'")
    + " FROM casework_roster"
)


def rules(world: World, programme: str = "visit_condolence", **changes: Any) -> ProgrammeVersion:
    """Another version of the rules of a kind of list, in force from today."""
    before = version_in_force(programme, START).parameters
    made = draft_version(programme, before | changes, valid_from=START, by=world.sysadmin)
    return publish_version(made.pk, by=world.sysadmin_2)


def test_a_list_keeps_the_rules_it_was_made_under(world: World) -> None:
    money(world)
    old = drafted(world, 1)
    rules(world, cap_fen=400_00, notice={"days": 0, "unit": "calendar"}, allows_cash=False)

    with pytest.raises(BadCaseData, match="最多 400"):
        building.create(plan(world), by=world.township_clerk, key="k2")
    with pytest.raises(BadCaseData, match="不发现金"):
        building.create(plan(world, channel="cash", cash_reason="x", severe_fen=1), by=world.township_clerk, key="k2")
    new = building.create(plan(world, event="mid_autumn", severe_fen=400_00), by=world.township_clerk, key="k2")
    building.fill_by_rule(new.pk, by=world.township_clerk)
    assert deciding.approve(new.pk, by=world.township_approver).state == "approved"
    assert findings.counts(old) == {}
    with pytest.raises(TooEarly, match="张榜"):
        deciding.approve(old.pk, by=world.township_approver)


def test_rules_of_lists_that_make_no_sense_are_refused(world: World) -> None:
    for wrong in ({"cap_fen": 0}, {"person_year_cap_fen": -1}, {"births": 1}, {"notice": 3}):
        with pytest.raises(BadParameters):
            ListParameters.from_json(wrong)
    with pytest.raises(BadParameters, match="不发现金"):
        draft_version("insurance_support", {"allows_cash": True}, valid_from=START, by=world.sysadmin)
    stored = ListParameters(cap_fen=1, notice=Period(3), allows_cash=True)
    assert ListParameters.from_json(stored.to_json()) == stored


def test_what_a_person_was_given_this_year_counts_on_a_list(world: World) -> None:
    rules(world, person_year_cap_fen=550_00)
    money(world)
    first = drafted(world, 3)
    poor = line(first, 2).person
    with connection.cursor() as cursor:  # a person whose ID number nobody knows
        cursor.execute(
            "UPDATE families_person SET person_key = NULL, id_number_sealed = NULL, id_last4 = '', no_id_reason = '补办中'"
            " WHERE id = %s",
            [poor.pk],
        )
    building.change_line(
        line(first, 2), amount_fen=300_00, words="", accepted_because="村里都认识", by=world.township_clerk
    )
    deciding.put_up(first.pk, place="村委会", by=world.township_clerk)
    second = building.create(plan(world, event="mid_autumn"), by=world.township_clerk, key="k2")
    building.fill_by_rule(second.pk, by=world.township_clerk)
    building.change_line(
        line(second, 2), amount_fen=250_01, words="", accepted_because="村里都认识", by=world.township_clerk
    )
    building.change_line(line(second, 3), amount_fen=250_00, words="", accepted_because="", by=world.township_clerk)
    deciding.put_up(second.pk, place="村委会", by=world.township_clerk)
    with clock.frozen_at(AFTER_NOTICE):
        deciding.approve(first.pk, by=world.township_approver)

        assert findings.counts(second) == {"over_year_cap": 2}
        with pytest.raises(BadCaseData, match="每人每年的上限 2"), transaction.atomic():
            deciding.approve(second.pk, by=world.township_approver)

    assert Reservation.objects.filter(person_key=f"person:{poor.pk}").get().amount_fen == 300_00
    assert limits.helped([f"person:{poor.pk}"], 2026) == {f"person:{poor.pk}": {"visit_condolence": 300_00}}
    assert Roster.objects.get(pk=second.pk).is_draft


def test_what_an_insurer_is_paid_for_a_person_counts_for_the_year(world: World) -> None:
    _insurer, roster = insured(world)
    person = line(roster).person
    rules(world, person_year_cap_fen=349_99)
    second = building.create(plan(world), by=world.township_clerk, key="k2")
    building.fill_by_rule(second.pk, by=world.township_clerk)

    assert limits.helped([person.person_key], 2026) == {person.person_key: {"insurance_support": 50_00}}
    assert findings.counts(second) == {"over_year_cap": 3}


def test_a_list_begins_as_a_draft_in_its_own_persons_names(world: World) -> None:
    drafted(world)
    of = {"version": "version_id"}
    refuses(COPY.format(state="cancelled", person="preparer_person_key", **of), match="does not begin as a draft")
    refuses(COPY.format(state="draft", person="'x'", **of), match="somebody else")


def test_the_batch_of_a_list_is_not_exchanged(world: World) -> None:
    with_the_bank(world)
    refuses("UPDATE casework_rosterbatch SET bank = 'x'", match="not changed")


def test_lists_take_as_many_statements_for_many_as_for_few(world: World) -> None:
    def statements(households: int, key: str) -> int:
        for _n in range(households):
            world.household()
        seen = []
        roster = building.create(
            plan(world, event="mid_autumn", year=2026 + households), by=world.township_clerk, key=key
        )

        def watch(execute: Any, *args: Any) -> Any:
            seen.append(1)
            return execute(*args)

        with connection.execute_wrapper(watch):
            building.fill_by_rule(roster.pk, by=world.township_clerk)
            findings.counts(roster)
        return len(seen)

    assert statements(2, "a") == statements(9, "b")


def test_an_approved_list_stays_as_a_wrong_state_in_words(world: World) -> None:
    roster = approved(world)
    with pytest.raises(WrongState, match="已批准"):
        building.fill_by_rule(roster.pk, by=world.township_clerk)
    with pytest.raises(DatabaseError), transaction.atomic():
        RosterLine.objects.filter(roster=roster).update(words="x")
