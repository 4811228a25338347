"""A list pays only what was signed of it, and nobody for her own family."""

import dataclasses
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from access import services as access
from audit import clock
from audit.context import acting
from audit.verify import of_stream
from casework import guards, payments
from casework.errors import (
    BadCaseData,
    NotYourTurn,
    PaymentBarred,
    Recused,
    SecondDuty,
    WrongState,
)
from casework.rosters import building, deciding, paying, signing
from casework.rosters.models import Roster, RosterLine
from families import services as families
from funds import ledger
from funds import services as funds
from funds.models import CashHandover, Payment, PaymentBatch, Reservation
from tests.casework.test_rosters import (
    AFTER_NOTICE,
    APPROVE,
    LATER,
    another_account,
    approved,
    checked,
    drafted,
    handed,
    line,
    listed,
    money,
    plan,
    renamed,
    with_the_bank,
)
from tests.funds.test_ledger import refuses
from tests.world import START, World, make_staff

# --- nobody for her own family ---------------------------------------------------------------------------------------


def family_of(world: World, row: RosterLine, how: str, role: str, unit: Any) -> Any:
    """Somebody in office who is the person on a line, lives with her, or is kept from her case as a relative."""
    if how == "herself":
        key = row.person.person_key
    else:
        key = row.household.members.exclude(person=row.person).get().person.person_key if how == "at home" else "kin"
    made = make_staff(f"kin_{role}", "亲属", key)
    access.appoint(made, role, unit, by=None, valid_from=START)
    if how == "relative":
        access.recuse(made.person_key, row.household.household_no, relation="兄弟", by=world.township_approver)
    return made


@pytest.mark.parametrize("how", ["herself", "at home", "relative"])
def test_nobody_prepares_a_line_of_her_own_family(world: World, how: str) -> None:
    roster = drafted(world, 2)
    row = line(roster)
    clerk = family_of(world, row, how, "township_clerk", world.township)
    other = building.create(plan(world, event="mid_autumn"), by=clerk, key="own")

    assert building.preview(other, by=clerk).count == building.fill_by_rule(other.pk, by=clerk) == 1
    number = row.household.household_no
    assert building.fill_by_numbers(other.pk, [number], by=clerk) == (
        0,
        [f"{number}：这是你家，按规定要回避，请由别人加。"],
    )
    with pytest.raises(Recused, match="第 1 行是你家的"), transaction.atomic():
        building.change_line(row, amount_fen=2_000_00, words="", accepted_because="本人困难", by=clerk)
    with pytest.raises(Recused, match="第 1 行是你家的"), transaction.atomic():
        building.take_out(row, reason="x", by=clerk)

    assert (line(roster).amount_fen, line(roster).state) == (row.amount_fen, "on")
    assert not other.lines.filter(household=row.household).exists()


@pytest.mark.parametrize("how", ["herself", "at home", "relative"])
def test_nobody_approves_a_list_with_her_own_family(world: World, how: str) -> None:
    money(world)
    roster = drafted(world, 2)
    approver = family_of(world, line(roster), how, "township_approver", world.township)
    for row in roster.lines.all():
        building.change_line(row, amount_fen=300_00, words="", accepted_because="核过", by=world.township_clerk)
    deciding.put_up(roster.pk, place="村委会", by=world.township_clerk)

    with clock.frozen_at(AFTER_NOTICE), pytest.raises(Recused, match="第 1 行是你家的"):
        deciding.approve(roster.pk, by=approver)

    assert (
        Roster.objects.get(pk=roster.pk).is_draft
        and not Reservation.objects.filter(subject__startswith="roster").exists()
    )
    refuses(
        APPROVE.format(day="'2026-04-19'", more="").replace("'township_approver'", "'kin_township_approver'"),
        match="for her own family",
    )
    with clock.frozen_at(AFTER_NOTICE):
        signed = deciding.approve(roster.pk, by=world.township_approver)
        with pytest.raises(Recused), transaction.atomic():
            signing.sign_again(line(signed), because="x", by=approver)
        with pytest.raises(Recused), transaction.atomic():
            deciding.stop_line(line(signed), reason="x", by=approver)


@pytest.mark.parametrize("how", ["at home", "relative"])
def test_nobody_pays_a_list_with_her_own_family(world: World, how: str) -> None:
    money(world)
    roster = drafted(world, 2)
    row = line(roster)
    building.change_line(row, amount_fen=300_00, words="", accepted_because="儿媳在县里上班", by=world.township_clerk)
    deciding.put_up(roster.pk, place="村委会", by=world.township_clerk)
    with clock.frozen_at(AFTER_NOTICE):
        deciding.approve(roster.pk, by=world.township_approver)
        kin = family_of(world, row, how, "fund_manager", world.county)
        with pytest.raises(Recused, match="第 1 行"), transaction.atomic():
            paying.build(roster.pk, by=kin, key="q" * 8, bank="禾丰农商银行")
        batch = paying.build(roster.pk, by=world.fund_manager, key="k" * 8, bank="禾丰农商银行")
        for role, step in (("fund_checker", payments.check_batch), ("cashier", payments.release_batch)):
            access.appoint(kin, role, world.county, by=None, valid_from=START)
            again = type(kin).objects.get(pk=kin.pk)
            with pytest.raises(Recused, match="第 1 行"), transaction.atomic():
                step(batch.pk, by=again, key=role)
            if role == "fund_checker":
                payments.check_batch(batch.pk, by=world.fund_checker, key="c", looked_over="看过")

    batch.refresh_from_db()
    assert batch.state == "checked"
    refuses(
        "UPDATE funds_paymentbatch SET state = 'released', releaser_id = %s, releaser_person_key = %s, released_on = now()",
        kin.pk,
        kin.person_key,
        match="for her own family",
    )


@pytest.mark.parametrize("place", ["first", "second"])
def test_nobody_hands_out_cash_to_her_own_family(world: World, place: str) -> None:
    roster, batch = with_the_bank(world, 1, channel="cash", cash_reason="老人不会用卡")
    kin = family_of(world, line(roster), "relative", "township_clerk", world.township)
    two = {"by": kin, "second": world.resident_cadre} if place == "first" else {"second": kin}

    with clock.frozen_at(LATER), pytest.raises(Recused, match="亲属"), transaction.atomic():
        handed(world, batch.payments.get(), **two)

    assert not CashHandover.objects.exists()


# --- what was signed is what is paid ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["account", "name", "spouse"])
def test_a_line_that_is_no_longer_as_signed_is_not_paid_until_another_person_signs_it_again(
    world: World, how: str
) -> None:
    roster = approved(world, 2)
    signed = deciding.digest(roster)
    if how == "account":
        another_account(world, roster)
    elif how == "name":
        renamed(roster)
    else:
        spouse = line(roster).household.members.exclude(person=line(roster).person).get().person
        families.record_account(
            line(roster).household, spouse, "9999990000000000778", kind="card", bank="x", by=world.village_clerk
        )

    with clock.frozen_at(LATER):
        assert signing.unsigned(roster) == {line(roster).pk}
        assert [one.count for one in paying.payable(roster)] == [1]
        assert (deciding.digest(roster) == signed) is (
            how != "name"
        )  # the line itself names the account that was signed
        again = signing.sign_again(line(roster), because="看过存折，问过本人", by=world.township_approver)
        assert sum(one.count for one in paying.payable(roster)) == 2

    assert (again.signed_by, again.signed_on, again.payee_name) == (
        world.township_approver,
        LATER,
        line(roster).person.name,
    )
    assert signing.unsigned(roster) == set() and not of_stream(line(roster).key)


def test_one_clerk_turns_no_approved_list_to_her_own_account(world: World) -> None:
    roster = approved(world, 3)
    for n in (1, 2, 3):
        another_account(world, roster, n=n, shared_because="x")

    with clock.frozen_at(LATER), pytest.raises(BadCaseData, match="重新签字"), transaction.atomic():
        paying.build(roster.pk, by=world.fund_manager, key="k" * 8, bank="禾丰农商银行")

    assert not Payment.objects.filter(subject__startswith=roster.subject).exists()


def test_an_account_that_changes_while_it_is_listed_stops_check_and_release(world: World) -> None:
    roster, batch = listed(world, 2)
    another_account(world, roster)

    with clock.frozen_at(LATER), pytest.raises(PaymentBarred, match="第 1 行 .*签字以后"):
        payments.check_batch(batch.pk, by=world.fund_checker, key="c")

    assert PaymentBatch.objects.get(pk=batch.pk).state == "draft"


def test_an_account_that_changes_after_the_check_stops_the_release(world: World) -> None:
    roster, batch = checked(world, 2)
    another_account(world, roster)

    with clock.frozen_at(LATER), pytest.raises(PaymentBarred, match="第 1 行 .*签字以后"), transaction.atomic():
        payments.release_batch(batch.pk, by=world.cashier, key="r")

    assert set(batch.payments.values_list("state", flat=True)) == {"listed"}
    with pytest.raises(WrongState, match="正在付"), transaction.atomic():
        signing.sign_again(line(roster), because="x", by=world.township_approver)


def test_who_wrote_the_account_down_or_prepared_the_list_does_not_sign_it_again(world: World) -> None:
    roster = approved(world, 1)
    another_account(world, roster, by=world.township_approver)
    for who, refusal in (
        (world.township_approver, SecondDuty),
        (world.township_clerk, SecondDuty),
        (world.village_clerk, NotYourTurn),
    ):
        with pytest.raises(refusal), transaction.atomic():
            signing.sign_again(line(roster), because="x", by=who)
    with pytest.raises(BadCaseData, match="怎么核对"), transaction.atomic():
        signing.sign_again(line(roster), because=" ", by=world.township_approver_2)

    signing.sign_again(line(roster), because="看过存折", by=world.township_approver_2)

    assert line(roster).signatures.count() == 2


def test_those_who_work_here_are_paid_on_a_list_only_with_a_reason_that_was_signed(world: World) -> None:
    roster = approved(world, 2)
    make_staff("cadre", "在岗", line(roster).person.person_key)

    with clock.frozen_at(AFTER_NOTICE), pytest.raises(PaymentBarred, match="工作人员"), transaction.atomic():
        paying.build(roster.pk, by=world.fund_manager, key="k" * 8, bank="禾丰农商银行")
    signing.sign_again(line(roster), because="公益岗位，确属困难", by=world.township_approver)

    with clock.frozen_at(AFTER_NOTICE):
        batch = paying.build(roster.pk, by=world.fund_manager, key="k" * 8, bank="禾丰农商银行")
        assert payments.check_batch(batch.pk, by=world.fund_checker, key="c").state == "checked"


def test_an_account_that_two_families_share_is_paid_with_a_reason_that_was_signed(world: World) -> None:
    roster = approved(world, 2)
    for n in (1, 2):
        another_account(world, roster, n=n)

    with clock.frozen_at(LATER):
        for n in (1, 2):
            signing.sign_again(line(roster, n), because="两家都由儿子代领", by=world.township_approver)
        batch = paying.build(roster.pk, by=world.fund_manager, key="k" * 8, bank="禾丰农商银行")
        unexplained = [dataclasses.replace(one, signed_because="") for part in payments.lines_of(batch) for one in part]

    assert guards.look_over_sets(payments.lines_of(batch)) == []
    assert [one.code for one in guards.look_over(unexplained)] == ["shared", "shared"]


SIGN = (
    "INSERT INTO casework_rostersignature (line_id, account_id, payee_name, holder_name, account_index, because, signed_by_id,"
    " signer_person_key, signed_on) SELECT l.id, a.id, {name}, h.name, a.number_index, {because}, s.id, s.person_key, now()"
    " FROM casework_rosterline l JOIN families_person p ON p.id = l.person_id JOIN families_bankaccount a ON a.household_id = l.household_id"
    " AND {account} JOIN families_person h ON h.id = a.holder_id, access_staff s WHERE l.n = 1 AND s.username = '{who}'"
)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "'赵取款'"},
        {"account": "NOT a.is_active"},
        {"who": "township_clerk"},  # prepared the list
        {"who": "village_clerk"},  # wrote the account down
        {"because": "''"},
    ],
)
def test_no_signature_says_what_is_not_so(world: World, wrong: dict[str, str]) -> None:
    another_account(world, approved(world, 1))
    right = {"name": "p.name", "account": "a.is_active", "who": "township_approver", "because": "'x'"}

    refuses(SIGN.format(**right | wrong), match="a signature names what is so")
    refuses("UPDATE casework_rostersignature SET because = 'x'", match="append-only")


def test_no_payment_of_a_list_goes_elsewhere_than_it_was_signed(world: World) -> None:
    roster = approved(world, 1)
    held = Reservation.objects.get(subject=line(roster).key)
    account = line(roster).account
    right = funds.Payee(account.holder.name, account.holder.person_key, "1", account.number_index, "card", "x", "")

    with acting(world.fund_manager):
        batch = funds.open_batch(number="X1", title="", by=world.fund_manager, cash_reason=None)
        for wrong in ({"name": "赵取款"}, {"account_index": "0" * 32}):
            with pytest.raises(DatabaseError, match="where it was signed to go"), transaction.atomic():
                funds.list_payment(held, batch, dataclasses.replace(right, **wrong), key="x")
        assert funds.list_payment(held, batch, right, key="x").state == "listed"


def test_an_answer_that_comes_twice_changes_nothing(world: World) -> None:
    _roster, batch = with_the_bank(world, 2)
    said = [payments.Answer(row.pk, True, bank_reference="H") for row in batch.payments.all()]

    with clock.frozen_at(LATER):
        for key in ("a", "b"):
            payments.record_answers(said, by=world.cashier, key=key)

    assert ledger.balances([world.fund])[world.fund.pk].paid_fen == 800_00
