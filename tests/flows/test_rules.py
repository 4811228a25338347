"""Parameters, tiers, the calendar and the versions of the rules."""

import datetime
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from audit import clock, verify
from audit.context import acting
from flows import calendar
from flows.errors import BadParameters, BadVersion, CalendarMissing
from flows.models import ProgrammeVersion, WorkingDay
from flows.parameters import Parameters, Period
from flows.programmes import PROGRAMMES
from flows.services import draft_version, publish_version, version_in_force
from tests.world import START, World, make_staff

RULES = Parameters()  # T1 to 3,000 yuan, T2 to 20,000
RUNGS = {
    "T1": ["approve"],
    "T2": ["approve", "review", "confirm"],
    "T3": ["approve", "review", "confirm", "countersign"],
}


@pytest.mark.parametrize("programme", ["disaster_relief", "education_grant", "elderly_support"])
@pytest.mark.parametrize(
    ("amount_fen", "available_fen", "has_conflict", "tier"),
    [
        (1, None, False, "T1"),
        (299_999, None, False, "T1"),
        (300_000, None, False, "T1"),
        (300_001, None, False, "T2"),
        (1_999_999, None, False, "T2"),
        (2_000_000, None, False, "T2"),
        (2_000_001, None, False, "T3"),
        (200_000, 1_000_000, False, "T1"),  # exactly 20 % of what is left
        (200_001, 1_000_000, False, "T3"),
        (199_999, 1_000_000, False, "T1"),
        (300_001, 1_500_005, False, "T2"),
        (300_001, 1_500_004, False, "T3"),
        (1, 0, False, "T3"),  # nothing is left
        (1, None, True, "T3"),
        (300_000, 10**12, True, "T3"),
    ],
)
def test_every_boundary_takes_exactly_its_rungs(
    programme: str, amount_fen: int, available_fen: int | None, has_conflict: bool, tier: str
) -> None:
    assert RULES.tier(amount_fen, available_fen=available_fen, has_conflict=has_conflict) == tier

    spec, state, signed = PROGRAMMES[programme], "township_decision", []
    while state != "fund_reserved":
        main = next(e for e in spec.actions(state) if e.is_main)
        signed.append(main.action)
        state = spec.target(state, main.action, tier=tier)
    assert signed == RUNGS[tier]


@given(amount_fen=st.integers(1, 10**9), more_fen=st.integers(0, 10**9), available_fen=st.integers(0, 10**10))
def test_more_money_never_needs_fewer_signatures(amount_fen: int, more_fen: int, available_fen: int) -> None:
    lower = RULES.tier(amount_fen, available_fen=available_fen)
    assert lower <= RULES.tier(amount_fen + more_fen, available_fen=available_fen)
    assert RULES.tier(amount_fen, available_fen=available_fen, has_conflict=True) == "T3"


@pytest.mark.parametrize(
    "wrong",
    [
        {"births": 2},
        {"number_of_children": 2},
        {"one_child_bonus_fen": 100},
        {"emergency_cap_fen": 300_001},
        {"t1_limit_fen": 2_000_001},
        {"t2_limit_fen": 10_000_001},
        {"emergency_cap_fen": -1},
        {"unit_amount_fen": 10_000_001},
        {"unit_amount_fen": -1},
        {"follow_up_days": [30, 7]},
        {"follow_up_days": [0]},
        {"quorum_percent": 101},
        {"majority_percent": -1},
        {"large_share_percent": 120},
        {"notice": {"days": -1, "unit": "calendar"}},
        {"notice": {"days": 7, "unit": "lunar"}},
        {"notice": {"days": 7, "unit": "working", "births": 1}},
        {"notice": 7},
        {"deadlines": {"draft": {"days": 99_999}}},
        {"deadlines": {"draft": 3}},
        {"deadlines": 3},
    ],
)
def test_parameters_that_make_no_sense_are_refused(wrong: dict) -> None:
    with pytest.raises(BadParameters):
        Parameters.from_json(wrong)


def test_parameters_survive_being_stored() -> None:
    rules = Parameters(deadlines={"draft": Period(3)}, documents={"register": ["application"]})

    assert Parameters.from_json(rules.to_json()) == rules


def test_rules_that_name_what_the_programme_lacks_are_refused(world: World) -> None:
    for strange in ({"deadlines": {"makeup": {"days": 3}}}, {"documents": {"emergency_release": ["application"]}}):
        with pytest.raises(BadParameters, match="makeup|emergency_release"):
            draft_version("education_grant", strange, valid_from=START, by=world.sysadmin)


# --- the calendar ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2026-04-15", 3, "2026-04-20"),  # Wednesday; a weekend between
        ("2026-04-17", 1, "2026-04-20"),  # Friday to Monday
        ("2026-04-15", 0, "2026-04-15"),
    ],
)
def test_working_days_leave_out_weekends(world: World, start: str, days: int, end: str) -> None:
    assert calendar.add(datetime.date.fromisoformat(start), Period(days)) == datetime.date.fromisoformat(end)


def test_a_make_up_weekend_is_a_working_day_and_a_holiday_is_not(world: World) -> None:
    weekends_worked = WorkingDay.objects.filter(is_working=True, date__week_day__in=[1, 7], date__year=2026)
    weekdays_off = WorkingDay.objects.filter(is_working=False, date__week_day__in=[2, 3, 4, 5, 6], date__year=2026)
    assert weekends_worked.exists() and weekdays_off.exists()
    for row in weekends_worked:
        before = row.date - datetime.timedelta(days=1)
        assert calendar.add(before, Period(1)) == row.date
    for row in weekdays_off:
        assert calendar.add(row.date - datetime.timedelta(days=1), Period(1)) > row.date


def test_calendar_days_count_every_day(world: World) -> None:
    assert calendar.add(datetime.date(2026, 9, 29), Period(7, "calendar")) == datetime.date(2026, 10, 6)


def test_a_year_that_nobody_has_loaded_is_refused_in_words(world: World) -> None:
    with pytest.raises(CalendarMissing, match="2027") as refusal:
        calendar.add(datetime.date(2026, 12, 30), Period(5))

    assert "import_calendar" in str(refusal.value) and refusal.value.year == 2027
    assert calendar.add(datetime.date(2026, 12, 30), Period(5, "calendar")) == datetime.date(2027, 1, 4)


def test_loading_a_calendar_again_keeps_who_changed_which_day(world: World, tmp_path: Path) -> None:
    file = tmp_path / "days.csv"
    file.write_text("date,is_working_day,name\n2026-05-04,1,\n2026-05-06,1,\n2028-01-03,0,元旦\n", encoding="utf-8")
    before = WorkingDay.history.count()

    with acting(world.sysadmin):
        calendar.load(file)
        calendar.load(file)

    written = WorkingDay.history.order_by("history_id")[before:]
    assert [(row.date.isoformat(), row.history_type, row.history_user_id) for row in written] == [
        ("2028-01-03", "+", world.sysadmin.pk),
        ("2026-05-04", "~", world.sysadmin.pk),
    ]
    assert not WorkingDay.history.filter(history_change_reason__startswith="bypassed").exists()
    assert verify.of_stream("calendar:2026") == verify.of_stream("calendar:2028") == []


def test_days_left_are_negative_after_the_deadline(world: World) -> None:
    assert calendar.working_days_left(START, START) == 0
    assert calendar.working_days_left(START, datetime.date(2026, 4, 20)) == 3
    assert calendar.working_days_left(datetime.date(2026, 4, 20), START) == -3


# --- versions --------------------------------------------------------------------------------------------------------


def draft(world: World, **more: object) -> ProgrammeVersion:
    parameters = ProgrammeVersion.objects.get(programme="disaster_relief", number=1).parameters
    more.setdefault("valid_from", START)
    more.setdefault("by", world.sysadmin)
    return draft_version("disaster_relief", parameters, **more)


def test_the_author_does_not_publish_in_any_account(world: World) -> None:
    version = draft(world)
    twin = make_staff("sysadmin_b", "x", key=world.sysadmin.person_key)

    for person in (world.sysadmin, twin):
        with pytest.raises(BadVersion, match="起草人"):
            publish_version(version.pk, by=person)
    with (
        pytest.raises(IntegrityError, match="author_is_not_publisher"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            """UPDATE flows_programmeversion
               SET publisher_id = %s, publisher_person_key = author_person_key, published_on = %s WHERE id = %s""",
            [twin.pk, START, version.pk],
        )
    assert publish_version(version.pk, by=world.sysadmin_2).published_on == START


def test_a_version_is_published_once_and_not_into_the_past(world: World) -> None:
    version = publish_version(draft(world).pk, by=world.sysadmin_2)
    with pytest.raises(BadVersion, match="已经发布"):
        publish_version(version.pk, by=world.sysadmin_2)

    late = draft(world, valid_from=START - datetime.timedelta(days=1))
    with pytest.raises(BadVersion, match="过去"):
        publish_version(late.pk, by=world.sysadmin_2)


def test_a_draft_and_a_later_version_do_not_govern_today(world: World) -> None:
    draft(world)
    later = publish_version(draft(world, valid_from=datetime.date(2026, 6, 1)).pk, by=world.sysadmin_2)

    assert version_in_force("disaster_relief", START).number == 1
    assert version_in_force("disaster_relief", datetime.date(2026, 5, 31)).number == 1
    assert version_in_force("disaster_relief", datetime.date(2026, 6, 1)) == later


def test_where_nothing_is_published_nothing_is_opened(world: World) -> None:
    with pytest.raises(BadVersion, match="还没有发布"):
        version_in_force("disaster_relief", datetime.date(2025, 12, 31))


def test_a_case_may_be_worked_on_only_while_the_calendar_reaches(world: World) -> None:
    """On the last day of a loaded year the next deadline lies beyond it: a clear refusal, and nothing is left behind."""
    from tests.casework.placing import traces

    case = world.open()
    before = traces()
    with clock.frozen_at(datetime.date(2026, 12, 31)), pytest.raises(CalendarMissing), transaction.atomic():
        world.do(case, "triage", "village_clerk")

    assert traces() == before
