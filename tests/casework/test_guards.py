"""What is seen only beside the other lines of a batch: what must not be paid, and what somebody has to look at."""

import json
from typing import Any

import pytest
from django.db import transaction

from casework import guards, payments, redflags
from casework.errors import CaseworkError, NotLookedOver, PaymentBarred
from casework.models import Case
from families import services as families
from families.models import HouseholdMember
from flows.services import draft_version, publish_version
from funds.models import Payment, PaymentBatch
from tests.casework.test_no_dead_ends import answer
from tests.casework.test_whole_way import pay
from tests.world import DEMO, START, World, case_now, make_person, make_staff


def rules(world: World, programme: str = "disaster_relief", **changes: Any) -> None:
    stored = json.loads((DEMO / "programmes.json").read_text())[programme]["parameters"] | changes
    version = draft_version(programme, stored, valid_from=START, by=world.sysadmin)
    publish_version(version.pk, by=world.sysadmin_2)


def build(world: World, *cases: Case, key: str = "batch-guarded0", **more: Any) -> PaymentBatch:
    return payments.build_batch([case.pk for case in cases], by=world.fund_manager, key=key, **more)


def barred(world: World, *cases: Case, error: type[CaseworkError] = PaymentBarred) -> str:
    """The batch is refused in words, and nothing of it is left."""
    before = [case_now(case).state for case in cases]
    with pytest.raises(error) as refusal:
        build(world, *cases)
    assert not PaymentBatch.objects.filter(number__endswith="GUARDED0").exists()
    assert not Payment.objects.filter(subject__in=[case.subject for case in cases], state="listed").exists()
    assert [case_now(case).state for case in cases] == before
    return str(refusal.value)


def works_here(case: Case) -> None:
    """Whoever receives the money has an account as staff."""
    make_staff("lives_here", "在岗", case.payee_account.holder.person_key)


@transaction.atomic
def lives_with(case: Case) -> None:
    person = make_person("林干部", START.replace(year=1980), 40_001)
    HouseholdMember.objects.create(household=case.household, person=person, relation="子", valid_from=START)
    make_staff("their_son", "林干部", person.person_key)


def with_account(world: World, number: str, why: str = "") -> Case:
    household = world.household()
    families.record_account(
        household, household.head, number, kind="card", bank="x", by=world.township_clerk, shared_because=why
    )
    return world.brought_to("fund_reserved", household=household)


# --- what must not be paid -------------------------------------------------------------------------------------------


def test_nothing_is_paid_for_a_person_who_died_though_another_one_receives(world: World) -> None:
    household = world.household()
    spouse = household.members.get(relation="配偶").person
    families.record_account(household, spouse, "9999990000000301", kind="card", bank="x", by=world.township_clerk)
    case = world.brought_to("fund_reserved", household=household)
    with transaction.atomic():
        case.beneficiary.died_on = START
        case.beneficiary.save()

    words = barred(world, case, world.brought_to("fund_reserved"))

    assert case.case_no in words and "去世" in words


@pytest.mark.parametrize("how", [works_here, lives_with])
def test_an_account_of_those_who_work_here_is_not_paid_unless_it_was_declared(world: World, how: Any) -> None:
    case = world.brought_to("fund_reserved")
    how(case)

    assert "工作人员" in barred(world, case)
    Case.objects.filter(pk=case.pk).update(has_conflict=True, tier="T3")
    [line] = [guards.line_of(case_now(case), 200_000)]
    assert "staff" not in [finding.code for finding in guards.look_over([line])]


def test_one_account_for_several_payees_needs_its_reason_on_paper(world: World) -> None:
    one, two = with_account(world, "9999990000000302"), with_account(world, "9999990000000302")

    words = barred(world, one, two)

    assert one.case_no in words and two.case_no in words and "0302" in words
    with_a_reason = with_account(world, "9999990000000303"), with_account(world, "9999990000000303", why="替父亲领")
    assert build(world, *with_a_reason).payments.count() == 2


def test_an_account_that_was_paid_for_somebody_else_this_year_is_seen_too(world: World) -> None:
    pay(world, with_account(world, "9999990000000304"))
    other = with_account(world, "9999990000000304")

    assert "谁代谁领" in barred(world, other)


def test_the_same_person_and_cause_is_paid_once_a_year_where_the_rules_say_so(world: World) -> None:
    """Decided before the rule came, so the key in the database does not know of it."""
    household = world.household()
    first = world.brought_to("fund_reserved", household=household)
    pay(world, first, key="batch-thefirst")
    answer(world, first, credited=True, key="yes")
    Case.objects.filter(pk=first.pk).update(is_open=False, closed_on=START)
    rules(world, once_a_year=True)
    second = world.brought_to("fund_reserved", household=household)

    assert "一年一次" in barred(world, second)


def test_the_same_part_is_not_paid_twice(world: World) -> None:
    """PostgreSQL knows one reservation; a case that was decided twice has two."""
    case = world.brought_to("fund_reserved")
    pay(world, case)
    [payment] = Payment.objects.filter(subject=case.subject)

    [finding] = guards.look_over([guards.line_of(case, payment.amount_fen)])

    assert finding.code == "twice" and finding.blocks
    assert guards.look_over(guards.lines_of([payment])) == []  # itself is no second one


@pytest.mark.parametrize("upto", ["draft", "checked"])
def test_what_comes_up_later_stops_the_check_and_the_release(world: World, upto: str) -> None:
    case = world.brought_to("fund_reserved")
    batch = build(world, case)
    if upto == "checked":
        payments.check_batch(batch.pk, by=world.fund_checker, key="c")
    lives_with(case)

    with pytest.raises(PaymentBarred, match=case.case_no):
        if upto == "draft":
            payments.check_batch(batch.pk, by=world.fund_checker, key="c")
        else:
            payments.release_batch(batch.pk, by=world.cashier, key="r")

    batch.refresh_from_db()
    assert batch.state == upto and Payment.objects.get(batch=batch).state == "listed"


# --- what somebody has to look at ------------------------------------------------------------------------------------


def looked_at(world: World, *cases: Case) -> str:
    """Refused until somebody says how she looked; then the words stay in the history of the batch."""
    words = barred(world, *cases, error=NotLookedOver)
    batch = build(world, *cases, looked_over="对着审批表看过")
    with pytest.raises(NotLookedOver):
        payments.check_batch(batch.pk, by=world.fund_checker, key="c")
    payments.check_batch(batch.pk, by=world.fund_checker, key="c", looked_over="又看了一遍")
    payments.release_batch(batch.pk, by=world.cashier, key="r")
    assert payments.how_looked_over(batch) == ["对着审批表看过", "又看了一遍"]
    return words


def test_an_amount_just_under_a_limit_is_looked_at(world: World) -> None:
    assert "紧贴 3,000 元" in looked_at(world, world.brought_to("fund_reserved", amount_fen=299_000))


@pytest.mark.parametrize(
    ("tier", "amount_fen", "line"),
    [
        ("T0", 100_000, "先行救助的最高数"),
        ("T1", 299_000, "多一级审批"),
        ("T3", 4_900_000, "这一项的最高数"),
        ("T1", 100_000, ""),
    ],
)
def test_the_line_that_an_amount_is_close_to_is_named(world: World, tier: str, amount_fen: int, line: str) -> None:
    case = world.open()
    case.tier, case.amount_fen = tier, amount_fen

    assert line in str(redflags.just_under(case).beyond)
    assert bool(redflags.just_under(case).fen) == bool(line)


def test_two_payments_to_one_household_are_looked_at(world: World) -> None:
    household = world.household()
    cases = [
        world.brought_to("fund_reserved", programme, household=household)
        for programme in ("disaster_relief", "elderly_support")
    ]

    assert "这家有 2 笔" in looked_at(world, *cases)


def test_the_same_account_in_two_batches_of_one_day_is_looked_at(world: World) -> None:
    household = world.household()
    build(world, world.brought_to("fund_reserved", household=household), key="batch-another0")
    case = world.brought_to("fund_reserved", "elderly_support", household=household)

    assert "今天也列在批次" in looked_at(world, case)


def test_a_person_near_the_cap_of_the_year_is_looked_at(world: World) -> None:
    rules(world, person_year_cap_fen=240_000)

    assert "2,400" in looked_at(world, world.brought_to("fund_reserved"))


def test_a_payment_without_anything_to_say_needs_no_tick(world: World) -> None:
    case = world.brought_to("fund_reserved")

    assert payments.how_looked_over(build(world, case)) == []


def test_many_lines_ask_no_more_than_few(world: World, django_assert_max_num_queries: Any) -> None:
    rules(world, person_year_cap_fen=240_000, once_a_year=True)

    def line() -> guards.Line:
        chosen = Case.objects.select_related("payee_account__holder", "beneficiary", "provider")
        return guards.line_of(chosen.get(pk=world.brought_to("fund_reserved").pk), 1)

    few = [line()]
    many = few + [line() for _n in range(5)]

    def asked(lines: list[guards.Line]) -> int:
        with django_assert_max_num_queries(9) as queries:
            guards.look_over(lines)
        return len(queries)

    guards.look_over(few)  # the rules are read once a process
    assert asked(few) == asked(many)
