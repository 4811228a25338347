"""Lists of people who are helped together: made, put up, approved, paid, answered, and what is refused on the way."""

import datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Q

from audit import clock
from audit.verify import of_stream
from casework import payments
from casework.errors import ApprovalVoid, BadCaseData, NotYourTurn, SecondDuty, TooEarly, WrongState
from casework.rosters import building, deciding, findings, paying
from casework.rosters.building import Plan
from casework.rosters.models import Roster, RosterLine
from families import services as families
from families.models import BankAccount, Household
from funds import ledger, providers
from funds import services as funds
from funds.errors import FundShort, WrongPaymentState
from funds.models import Payment, PaymentBatch, Reservation
from tests.funds.test_ledger import refuses
from tests.world import START, World, make_staff

AFTER_NOTICE = START + datetime.timedelta(days=3)
NEXT_WORKING_DAY = START + datetime.timedelta(days=5)  # the Monday after
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
        (found,) = paying.payable(roster)
        again = paying.build(roster.pk, by=world.fund_manager, key="z" * 8, bank=found.bank)

    payment = again.payments.get()
    assert (payment.replaces, payment.key, payment.bank) == (first, f"{line(roster).key}:pay:2", "青禾农商行")
    assert payment.account_recorded_by_key == world.village_clerk.person_key
    assert not paying.returned(Q()).exists()


def test_money_for_an_insurer_is_one_reservation_and_one_payment(world: World) -> None:
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

    roster = deciding.approve(roster.pk, by=world.township_approver)
    batch = paying.build(roster.pk, by=world.fund_manager, key="k" * 8)

    assert Reservation.objects.get(subject=roster.subject).amount_fen == roster.total_fen == 150_00
    payment = batch.payments.get()
    assert (payment.provider, payment.payee_name, payment.amount_fen) == (insurer, insurer.name, 150_00)
    assert not paying.payable(roster)


def checked_insurer(world: World) -> Any:
    made = providers.record(
        name="禾丰保险", kind="insurer", unit=world.county, bank="禾丰农商银行", account_no="9999990000000000001",
        by=world.fund_manager,
    )  # fmt: skip
    return providers.check(made, by=world.fund_checker)


def test_cash_is_listed_without_an_account_and_counts_when_it_was_handed_over(world: World) -> None:
    roster, batch = with_the_bank(world, 1, channel="cash", cash_reason="老人不会用卡")

    payment = batch.payments.select_related("batch", "reservation__allocation").get()
    assert (payment.account_index, bytes(payment.account_sealed), payment.state) == ("", b"", "sent")
    with clock.frozen_at(LATER):
        funds.hand_over(
            payment,
            funds.Handover(
                (world.village_clerk, world.resident_cadre), AFTER_NOTICE, "家里", "thumbprint", "本人", "a" * 64
            ),
        )
        ledger.settle_now()
    assert Payment.objects.get(pk=payment.pk).state == "credited"


# --- making a list ---------------------------------------------------------------------------------------------------


def test_one_person_is_on_one_list_of_an_event(world: World) -> None:
    first = drafted(world)
    second = building.create(plan(world), by=world.township_clerk, key="k2")

    assert building.preview(second).count == 0
    assert building.preview(second).on_other_lists == 3
    assert building.fill_by_rule(second.pk, by=world.township_clerk) == 0
    number = line(first).household.household_no
    assert building.fill_by_numbers(second.pk, [number, "000"], by=world.township_clerk) == (
        0,
        [f"{number}：已经在另一份同一事项的名册上。", "000：这个地方没有这一户，请核对户编号。"],
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
    assert len(problems) == 1
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
    with pytest.raises(TooEarly, match="2026-04-18"):
        deciding.approve(roster.pk, by=world.township_approver)
    building.take_out(line(roster), reason="搬走", by=world.township_clerk)

    with clock.frozen_at(AFTER_NOTICE), pytest.raises(ApprovalVoid, match="重新张榜"):
        deciding.approve(roster.pk, by=world.township_approver)

    assert not Reservation.objects.filter(programme="visit_condolence").exists()


def test_who_prepares_does_not_approve(world: World) -> None:
    from access import services as access

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
    assert building.preview(second).count == 3


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
    from access import services as access

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
    payments.check_batch(batch.pk, by=world.fund_checker, key="c")

    with pytest.raises(BadCaseData, match="登记为去世"):
        payments.release_batch(batch.pk, by=world.cashier, key="r")

    assert set(batch.payments.values_list("state", flat=True)) == {"listed"}


def test_an_account_changed_after_the_approval_waits_a_working_day_and_keeps_its_holder(world: World) -> None:
    roster = approved(world, 1)
    row = line(roster)
    spouse = row.household.members.exclude(person=row.person).get().person
    families.record_account(row.household, spouse, "9999990000000000778", kind="card", bank="x", by=world.village_clerk)

    with clock.frozen_at(LATER):
        assert not paying.payable(roster)


def test_an_answer_that_comes_twice_changes_nothing(world: World) -> None:
    _roster, batch = with_the_bank(world, 2)
    answers = [payments.Answer(row.pk, True, bank_reference="H") for row in batch.payments.all()]

    with clock.frozen_at(LATER):
        for key in ("a", "b"):
            payments.record_answers(answers, by=world.cashier, key=key)

    assert ledger.balances([world.fund])[world.fund.pk].paid_fen == 800_00


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


def test_a_list_begins_as_a_draft_in_its_own_persons_names(world: World) -> None:
    drafted(world)
    columns = "kind, title, event, year, channel, amount_fen, severe_fen, made_on, posted_place, posted_digest, approved_digest,"
    columns += " line_count, total_fen, cancel_reason, province_id, prefecture_id, county_id, township_id, village_id"
    copy = (
        f"INSERT INTO casework_roster (key, state, cancelled_on, prepared_by_id, preparer_person_key, {columns})"
        " SELECT 'x', '{state}', now(), prepared_by_id, {person}, "
        + columns.replace("cancel_reason", "'x'")
        + " FROM casework_roster"
    )
    refuses(copy.format(state="cancelled", person="preparer_person_key"), match="does not begin as a draft")
    refuses(copy.format(state="draft", person="'x'"), match="somebody else")


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
