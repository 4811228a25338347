"""The rule pack: what is planted is found, and nothing where everything went as it should."""

import datetime
import io
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import IntegrityError, connection, transaction
from PIL import Image, ImageEnhance

from access import services as access
from audit import clock
from audit.models import Entry
from casework.auditing import running
from casework.auditing.models import RuleHit, RuleParameter, RuleRun, RuleVerdict
from casework.auditing.rules import RULES
from casework.demo import problem_village
from casework.demo.pictures import picture
from casework.demo.stage import Stage
from casework.errors import BadCaseData, NotYourTurn
from casework.models import CaseEvent
from families import services as families
from families.looks import look_of
from families.models import Household, HouseholdMember, Person
from tests.owner import take_off
from tests.world import START, World, make_staff


def found(world: World, code: str, **lines: int) -> list[RuleHit]:
    """What one rule finds in the whole county today, with these lines drawn elsewhere."""
    today, rule = clock.today(), RULES[code]
    drawn = running.parameters(world.county, today).get(code, {}) | lines
    rows = running.look(rule, running.villages_of(world.county), today, drawn)
    return [
        RuleHit(rule=code, village_id=place, subject=subject, day=day, facts=facts)
        for place, subject, day, facts in rows
    ]


@pytest.fixture
def village(world: World) -> World:
    """Enough families for the story of the problem village, and one that is not in need."""
    for role in ("village_head", "resident_cadre"):
        staff = make_staff(f"other_{role}", f"other {role}")
        access.appoint(staff, role, world.other_village, by=None, valid_from=datetime.date(2026, 1, 1))
    for _n in range(problem_village.NEEDED):
        world.household()
    Household.objects.filter(pk=world.household().pk).update(is_hardship=False, severity="")
    return world


@pytest.mark.usefixtures("as_the_owner")  # whoever loads the demo
def test_every_planted_fault_is_found_and_nothing_in_the_village_beside_it(village: World) -> None:
    stage = Stage()
    for n in range(2):
        problem_village._paid(
            stage, village.household(village.other_village), START - datetime.timedelta(days=60 + n), 200_000
        )
    problem_village.plant(village.village)

    made = running.run(village.county, by=village.auditor)

    assert {code: n for code, n in made.counts.items() if n} == problem_village.PLANTED
    assert set(made.hits.values_list("village", flat=True)) == {village.village.pk}
    for hit in made.hits.all():
        assert "%" not in RULES[hit.rule].sentence(hit.facts)


def test_nothing_is_found_where_everything_went_as_it_should(world: World) -> None:
    problem_village._paid(Stage(), world.household(), START - datetime.timedelta(days=60), 200_000)

    made = running.run(world.county, by=world.auditor)

    assert not any(made.counts.values()) and set(made.counts) == set(RULES)
    assert Entry.objects.filter(table="casework_rulerun", row_id=made.pk).exists()


def test_the_pack_asks_once_for_each_rule(world: World, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(len(RULES) + 12):
        running.run(world.county, by=world.auditor)


# --- rules that the village's story does not tell


def test_one_person_in_two_files_is_found(world: World) -> None:
    home, other = world.household(), world.household(world.other_village)
    twin = Person.objects.create(
        name=home.head.name, birth_date=home.head.birth_date, sex=home.head.sex, no_id_reason="没有办"
    )
    HouseholdMember.objects.create(household=other, person=twin, relation="亲戚", valid_from=START)

    (hit,) = found(world, "two_files")

    assert (hit.subject, hit.village_id) == (f"person:{twin.pk}", world.other_village.pk)


def test_the_same_cause_twice_in_a_year_is_found(world: World) -> None:
    home, stage = world.household(), Stage()
    first = problem_village._paid(stage, home, START - datetime.timedelta(days=80), 150_000)
    with clock.frozen_at(START - datetime.timedelta(days=30)):
        stage.visit(first)
        stage.leave(first)
    again = problem_village._paid(stage, home, START - datetime.timedelta(days=25), 120_000, visits=0)

    (hit,) = found(world, "same_cause_twice")

    assert hit.subject == again.subject and hit.facts["times"] == 2


def test_money_into_the_account_of_somebody_who_works_here_is_found(world: World) -> None:
    home = world.household()
    case = problem_village._paid(Stage(), home, START - datetime.timedelta(days=60), 150_000)
    other_clerk = world.staff["other_clerk"]
    Person.objects.filter(pk=home.head_id).update(person_key=other_clerk.person_key)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    (hit,) = found(world, "staff_account")

    assert hit.subject.startswith("payment:") and hit.facts["amount_fen"] == case.amount_fen


def test_a_payment_that_the_bank_never_answered_is_found(world: World) -> None:
    case = world.brought_to("fund_reserved")
    with clock.frozen_at(START + datetime.timedelta(days=10)):
        payment = Stage().to_bank(case)

    assert found(world, "answer_unknown") == []
    with clock.frozen_at(START + datetime.timedelta(days=41)):
        (hit,) = found(world, "answer_unknown")

    assert hit.subject == f"payment:{payment.pk}" and hit.facts["days"] == 31


def test_an_objection_that_nobody_answers_is_found(world: World) -> None:
    case = world.brought_to("village_notice")
    world.do(case, "object", "village_clerk", reason="听说他家有车")

    with clock.frozen_at(START + datetime.timedelta(days=11)):
        (hit,) = found(world, "objection_unanswered")

    assert hit.subject == case.subject


def _signed(case: Any, n: int, by: Any) -> None:
    """A signature of this very minute, as no service would write it."""
    take_off("casework_caseevent", "casework_act_guard")
    CaseEvent.objects.create(
        case=case,
        n=1000 + n,
        action="approve",
        from_state="township_decision",
        to_state="fund_reserved",
        by=by,
        by_role="township_approver",
        person_key=by.person_key,
        key=f"haste:{n}",
        business_date=clock.real_today(),
    )


def test_many_signatures_in_a_few_minutes_are_found(world: World) -> None:
    case = world.open()
    for n in range(6):
        _signed(case, n, world.township_approver)

    assert found(world, "burst") == []
    (hit,) = found(world, "burst", times=6)

    assert hit.subject == case.subject and hit.facts["times"] == 6


def test_a_signature_outside_of_the_hours_is_found(world: World) -> None:
    case = world.open()
    _signed(case, 1, world.township_approver)

    (hit,) = found(world, "at_night", from_hour=0)

    assert hit.subject == case.subject


def test_whoever_surveyed_and_signed_is_found(world: World) -> None:
    case = world.brought_to("township_review")
    _signed(case, 1, world.village_clerk)

    (hit,) = found(world, "surveyed_and_decided")

    assert hit.subject == case.subject


def test_a_photo_that_was_made_brighter_and_smaller_is_found(world: World) -> None:
    original = picture("house_photo", "a house")
    with Image.open(io.BytesIO(original)) as image:
        out = io.BytesIO()
        ImageEnhance.Brightness(image.resize((400, 300))).enhance(1.05).save(out, "JPEG", quality=75)
    homes = [world.household(), world.household(world.other_village), world.household()]
    for home, content in zip(homes, (original, out.getvalue(), picture("house_photo", "another house")), strict=True):
        families.add_document(
            home, ContentFile(content, name="x"), kind="house_photo", by=world.village_clerk, content_type="image/png"
        )

    hits = found(world, "photo_alike")

    assert {hit.village_id for hit in hits} == {world.village.pk, world.other_village.pk} and len(hits) == 2
    assert found(world, "photo_twice") == []


def test_a_picture_that_shows_nothing_has_no_look() -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 40), "white").save(out, "PNG")

    assert look_of(out.getvalue()) is None


# --- what people say about it


def test_an_explained_hit_stays_explained_until_its_facts_change(world: World) -> None:
    home, other = world.household(), world.household()
    account = home.accounts.get()
    number = families.vault.unseal(account.number_sealed, row=account.number_row)
    families.record_account(other, other.head, number, kind="card", bank="禾丰农商银行", by=world.township_clerk)
    first = running.run(world.county, by=world.auditor)
    for hit in first.hits.all():
        running.explain(hit, because="母子两户，看过户口簿", by=world.auditor)
    made = running.run(world.county, by=world.auditor)

    assert running.standing(made)["shared_account"] == running.Standing(0, 0, 2)
    third = world.household()
    families.record_account(third, third.head, number, kind="card", bank="禾丰农商银行", by=world.township_clerk)
    later = running.run(world.county, by=world.auditor)

    assert running.standing(later)["shared_account"] == running.Standing(3, 1, 0)


def test_a_day_more_is_no_other_fact(world: World) -> None:
    case = world.brought_to("village_notice")
    world.do(case, "object", "village_clerk", reason="听说他家有车")
    with clock.frozen_at(START + datetime.timedelta(days=11)):
        (hit,) = running.run(world.county, by=world.auditor).hits.all()
        running.explain(hit, because="已经当面答复，正在补书面的", by=world.auditor)
    with clock.frozen_at(START + datetime.timedelta(days=12)):
        made = running.run(world.county, by=world.auditor)

    assert running.standing(made)["objection_unanswered"].explained == 1


def test_a_line_is_drawn_elsewhere_from_a_day_on_for_a_unit(world: World) -> None:
    rule = RULES["lead_unanswered"]
    running.set_parameter(world.county, rule, "days", 7, because="县里规定七天", by=world.auditor)

    assert running.parameters(world.village, clock.today())["lead_unanswered"]["days"] == 7
    assert running.parameters(world.county, START - datetime.timedelta(days=1))["lead_unanswered"]["days"] == 15


@pytest.mark.parametrize("who", ["township_approver", "sysadmin", "fund_manager"])
def test_nobody_else_runs_explains_or_draws_lines(world: World, who: str) -> None:
    hit = RuleHit.objects.create(
        run=running.run(world.county, by=world.auditor), rule="burst", village=world.village, subject="case:1", facts={}
    )
    steps = (
        lambda by: running.run(world.county, by=by),
        lambda by: running.explain(hit, because="看过", by=by),
        lambda by: running.set_parameter(world.county, RULES["burst"], "times", 99, because="x", by=by),
    )
    for step in steps:
        with pytest.raises(NotYourTurn):
            step(world.staff[who])
    assert RuleRun.objects.count() == 1 and not RuleVerdict.objects.exists() and not RuleParameter.objects.exists()


def test_an_explanation_says_why(world: World) -> None:
    hit = RuleHit.objects.create(
        run=running.run(world.county, by=world.auditor), rule="burst", village=world.village, subject="case:1", facts={}
    )
    with pytest.raises(BadCaseData):
        running.explain(hit, because="  ", by=world.auditor)
    assert not RuleVerdict.objects.exists()


@pytest.mark.usefixtures("as_the_owner")
@pytest.mark.parametrize("table", ["casework_rulerun", "casework_rulehit", "casework_ruleparameter"])
def test_what_was_found_cannot_be_taken_away_in_sql(world: World, table: str) -> None:
    made = running.run(world.county, by=world.auditor)
    RuleHit.objects.create(run=made, rule="burst", village=world.village, subject="case:1", facts={})
    running.set_parameter(world.county, RULES["burst"], "times", 99, because="x", by=world.auditor)

    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET id = id"):
        with pytest.raises(Exception, match="append-only|cannot"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_a_parameter_without_a_reason_is_refused_in_sql(world: World) -> None:
    with pytest.raises(IntegrityError, match="a_parameter_says_why"), transaction.atomic():
        RuleParameter.objects.create(
            unit=world.county, rule="burst", name="times", value=1, valid_from=START, because="", set_by=world.auditor
        )
