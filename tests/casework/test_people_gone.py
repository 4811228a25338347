"""Somebody of a family dies or moves away: who writes it down, what stops, and how a mistake is taken back."""

import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from access import services as access
from audit import clock
from casework import payments, people_gone
from casework.errors import ApprovalVoid, NotYourTurn, PaymentBarred, Recused
from casework.models import Case
from families.errors import PersonRefused, ReasonNeeded
from families.models import Document, HouseholdMember
from funds import ledger
from funds.models import Reservation
from jobs.models import Outbox
from jobs.worker import Worker
from tests.casework.test_damaged_photos import photo
from tests.casework.test_help_in_parts import later, monthly
from tests.casework.test_model_agrees import agrees
from tests.casework.test_rosters import drafted
from tests.casework.test_whole_way import pay
from tests.world import START, World, case_now

YESTERDAY = START - datetime.timedelta(days=1)


def head_of(case: Case) -> HouseholdMember:
    return case.household.members.get(person=case.beneficiary)


def dies(world: World, member: HouseholdMember, **more: Any) -> None:
    given = {"died_on": YESTERDAY, "known_by": "family", "by": world.village_clerk} | more
    people_gone.record_death(member, **given)


def leaves(world: World, member: HouseholdMember, **more: Any) -> None:
    given = {"left_on": YESTERDAY, "reason": "出嫁，迁到外县", "by": world.resident_cadre} | more
    people_gone.record_departure(member, **given)


# --- a death ---------------------------------------------------------------------------------------------------------


def test_a_death_is_written_down_once_with_how_it_is_known(world: World) -> None:
    member = world.household().members.get(relation="配偶")
    before = member.person.history.count()

    for _press in range(2):
        dies(world, member)

    person = member.person
    person.refresh_from_db()
    entry = person.history.latest("history_id")
    assert (person.died_on, person.death_known_by) == (YESTERDAY, "family")
    assert person.history.count() == before + 1
    assert (entry.history_user_id, entry.history_change_reason) == (world.village_clerk.pk, "record_death")
    assert Outbox.objects.filter(topic="person.gone").count() == 1


def test_the_paper_of_a_death_is_kept_with_the_family(world: World) -> None:
    member = world.household().members.get(relation="配偶")

    dies(world, member, known_by="paper", paper=SimpleUploadedFile("paper.jpg", photo()), by=world.township_clerk)

    paper = Document.objects.get(household=member.household)
    assert (paper.kind, paper.added_by) == ("death_paper", world.township_clerk)


@pytest.mark.parametrize("day", [START + datetime.timedelta(days=1), datetime.date(1900, 1, 1)])
def test_a_day_on_which_nobody_can_have_died_is_refused(world: World, day: datetime.date) -> None:
    member = world.household().members.get(relation="配偶")

    with pytest.raises(PersonRefused, match="不能晚于今天"):
        dies(world, member, died_on=day)

    member.person.refresh_from_db()
    assert member.person.died_on is None and not Outbox.objects.filter(topic="person.gone").exists()


def test_another_day_is_a_correction_not_a_second_death(world: World) -> None:
    member = world.household().members.get(relation="配偶")
    dies(world, member)

    with pytest.raises(PersonRefused, match="先由乡镇经办更正"):
        dies(world, member, died_on=START)


@pytest.mark.parametrize("role", ["village_head", "township_approver", "other_clerk", "cashier", "auditor"])
def test_who_does_not_work_with_the_family_writes_down_nothing(world: World, role: str) -> None:
    member = world.household().members.get(relation="配偶")

    for write in (dies, leaves):
        with pytest.raises(NotYourTurn):
            write(world, member, by=world.staff[role])

    member.refresh_from_db()
    assert (member.person.died_on, member.valid_to) == (None, None)


def test_a_relative_leaves_it_to_others(world: World) -> None:
    household = world.household()
    access.recuse(world.village_clerk.person_key, household.household_no, relation="侄女", by=world.sysadmin)

    with pytest.raises(Recused):
        dies(world, household.members.get(relation="配偶"))


def test_monthly_help_ends_as_soon_as_the_death_is_written_down(world: World) -> None:
    case = monthly(world)
    told = people_gone.what_stops(case.household, case.beneficiary, died=True)
    assert told == [f"{case.spec.title} {case.case_no}：还没有付的 2 期、一共 600 元不再付，系统自己停。付过的不动。"]

    with later(1):
        dies(world, head_of(case))
        with pytest.raises(ApprovalVoid, match="去世"), transaction.atomic():
            payments.build_batch([case.pk], by=world.fund_manager, key="batch-deadbody")
        Worker().drain()

    agrees(case)
    assert case_now(case).state == "paid"
    assert Reservation.objects.get(subject=case.subject).released_fen == 60_000 and ledger.check().drift_fen == 0


def test_a_payment_that_was_listed_is_not_released_after_the_death(world: World) -> None:
    case = world.brought_to("fund_reserved")
    batch = payments.build_batch([case.pk], by=world.fund_manager, key="batch-aaaaaaaa")
    payments.check_batch(batch.pk, by=world.fund_checker, key="c")
    assert "不能放行" in people_gone.what_stops(case.household, case.beneficiary, died=True)[0]

    dies(world, head_of(case))

    with pytest.raises((PaymentBarred, ApprovalVoid), match="去世"):
        payments.release_batch(batch.pk, by=world.cashier, key="r")
    assert case_now(case).state == "in_payment"


def test_what_the_bank_has_already_and_what_still_waits_is_told(world: World) -> None:
    sent, waiting = world.brought_to("fund_reserved"), world.brought_to("township_review")
    pay(world, sent)

    assert "已经交给银行" in people_gone.what_stops(sent.household, sent.beneficiary, died=True)[0]
    assert "不能再付钱" in people_gone.what_stops(waiting.household, waiting.beneficiary, died=True)[0]
    spouse = sent.household.members.get(relation="配偶").person
    assert people_gone.what_stops(sent.household, spouse, died=True) == []


def test_the_line_of_a_list_is_told(world: World) -> None:
    line = drafted(world).lines.first()

    (told,) = people_gone.what_stops(line.household, line.person, died=True)

    assert "名册《春节慰问名册》" in told


def test_a_mistaken_death_is_taken_back_by_the_township_with_a_reason(world: World) -> None:
    member = world.household().members.get(relation="配偶")
    dies(world, member)

    with pytest.raises(NotYourTurn):  # it lets money go out again
        people_gone.take_back_death(member, reason="同名的人去世", by=world.village_clerk)
    with pytest.raises(ReasonNeeded):
        people_gone.take_back_death(member, reason="错了", by=world.township_clerk)
    people_gone.take_back_death(member, reason="同名的人去世", by=world.township_clerk)

    person = member.person
    person.refresh_from_db()
    entries = list(person.history.order_by("history_id").values_list("died_on", "history_change_reason"))
    assert (person.died_on, person.death_known_by) == (None, None)
    assert entries[-2:] == [(YESTERDAY, "record_death"), (None, "take_back_death: 同名的人去世")]
    with pytest.raises(PersonRefused, match="没有登记去世"):
        people_gone.take_back_death(member, reason="再来一次", by=world.township_clerk)
    dies(world, member, died_on=START)
    assert Outbox.objects.filter(topic="person.gone").count() == 2


# --- a move away -----------------------------------------------------------------------------------------------------


def test_monthly_help_ends_as_soon_as_the_move_is_written_down(world: World) -> None:
    case = monthly(world)
    assert "系统自己停" in people_gone.what_stops(case.household, case.beneficiary, died=False)[0]

    for _press in range(2):
        leaves(world, head_of(case))
    Worker().drain()

    agrees(case)
    member = head_of(case)
    assert member.valid_to == YESTERDAY
    assert member.history.latest("history_id").history_change_reason == "record_departure: 出嫁，迁到外县"
    assert case_now(case).state == "paid" and ledger.check().drift_fen == 0


def test_a_move_that_cannot_be_is_refused(world: World) -> None:
    member = world.household().members.get(relation="配偶")

    with pytest.raises(PersonRefused, match="不能晚于今天"):
        leaves(world, member, left_on=START + datetime.timedelta(days=1))
    with pytest.raises(ReasonNeeded):
        leaves(world, member, reason="走")
    dies(world, member)
    with pytest.raises(PersonRefused, match="不用登记迁走"):
        leaves(world, member)

    member.refresh_from_db()
    assert member.valid_to is None


def test_a_mistaken_move_is_taken_back_unless_the_person_lives_elsewhere(world: World) -> None:
    member, elsewhere = world.household().members.get(relation="配偶"), world.household()
    leaves(world, member)
    people_gone.take_back_departure(member, reason="只是出门打工", by=world.township_clerk)
    member.refresh_from_db()
    assert member.valid_to is None

    leaves(world, member)
    HouseholdMember.objects.create(household=elsewhere, person=member.person, relation="儿媳", valid_from=START)
    with clock.frozen_at(START), pytest.raises(PersonRefused, match="别的户"):
        people_gone.take_back_departure(member, reason="只是出门打工", by=world.township_clerk)
