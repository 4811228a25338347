"""What is not in the table of a programme is refused, whoever asks; what is in it is for its role, in its place, alone."""

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction

from access import services as access
from access.models import Staff
from casework.acting import act, possible_actions
from casework.errors import REFUSALS, KeyReused, NoSuchCase, NotYourTurn, ReasonNeeded, WrongState
from casework.models import Case, CaseEvent
from flows.programmes import PROGRAMMES
from flows.spec import NEVER, Choice
from flows.states import ACTIONS, ROLE_ANYONE, ROLE_SYSTEM, STATES
from tests.casework.placing import put, traces
from tests.world import ROLES_AT, START, World, case_now, make_staff


class Undo(Exception):
    """Takes back what a test has just done."""


@pytest.mark.parametrize("programme", PROGRAMMES)
def test_every_pair_that_is_not_in_the_programme_is_refused_and_leaves_nothing(world: World, programme: str) -> None:
    spec = PROGRAMMES[programme]
    case = world.open(programme)
    before = traces()
    refused = 0

    for state in STATES:
        put(case, state)
        for action in ACTIONS:
            if (state, action) not in spec.table:
                with pytest.raises(WrongState):
                    act(case.pk, action, by=world.village_clerk, key="k", reason="r", reason_code="c")
                refused += 1

    assert refused == len(STATES) * len(ACTIONS) - len(spec.table)
    assert traces() == before


def test_an_action_that_nobody_has_heard_of_is_refused(world: World) -> None:
    with pytest.raises(WrongState):
        world.do(world.open(), "abracadabra", "village_clerk")


def test_a_case_that_does_not_exist_is_no_case(world: World) -> None:
    with pytest.raises(NoSuchCase):
        act(999_999_999, "triage", by=world.village_clerk, key="k")


@pytest.mark.parametrize("programme", PROGRAMMES)
def test_what_is_impossible_for_a_tier_is_refused_and_leaves_nothing(world: World, programme: str) -> None:
    """Money that was paid first cannot be kept by taking the application back."""
    case = world.open(programme)
    before = traces()
    tried = 0

    for edge in case.spec.edges:
        if isinstance(edge.target, Choice) and NEVER in edge.target.targets.values():
            for fact in (fact for fact, to in edge.target.targets.items() if to == NEVER):
                put(case, edge.source, **{edge.target.fact: fact})
                with pytest.raises(REFUSALS), transaction.atomic():
                    world.do(case, edge.action, edge.roles[0], reason="r", reason_code="c")
                tried += 1

    assert traces() == before
    assert tried == (20 if case.spec.has_emergency else 4 if case.spec.has_money else 0)


@pytest.mark.parametrize("programme", ["disaster_relief", "family_care", "elderly_support"])
def test_every_action_is_for_its_roles_alone(world: World, programme: str) -> None:
    """The right role is at most told that something is missing; everybody else, that it is not her turn."""
    case = world.open(programme)
    people = {role: world.staff[role] for role in (*ROLES_AT, "sysadmin")}

    for edge in case.spec.edges:
        put(case, edge.source, amount_fen=100_000)
        for role, person in people.items():
            outcome = outcome_of(case, edge.action, person)
            if ROLE_ANYONE in edge.roles or role in edge.roles:
                assert outcome is not NotYourTurn, (edge.source, edge.action, role)
            else:
                assert outcome is NotYourTurn, (edge.source, edge.action, role, outcome)


def outcome_of(case: Case, action: str, person: Staff | None) -> type | None:
    """The class of the refusal, or None; whatever was done is taken back."""
    try:
        with transaction.atomic():
            act(case.pk, action, by=person, key="who", reason="因为", reason_code="other")
            raise Undo
    except Undo:
        return None
    except (*REFUSALS, ObjectDoesNotExist) as refusal:
        return type(refusal)


def test_the_worker_takes_only_its_own_steps(world: World) -> None:
    case = world.open("elderly_support")

    for edge in case.spec.edges:
        put(case, edge.source)
        outcome = outcome_of(case, edge.action, None)
        own = {ROLE_SYSTEM, ROLE_ANYONE} & set(edge.roles)
        assert (outcome is not NotYourTurn) if own else (outcome is NotYourTurn), (edge.source, edge.action)


def test_the_same_role_in_another_place_has_no_turn(world: World) -> None:
    """Another village, and another township with every one of its roles."""
    case = world.open()
    other = world.other_village
    strangers = {"village_clerk": world.other_clerk}
    for role in ("village_head", "resident_cadre"):
        strangers[role] = make_staff(f"other_{role}", "x")
        access.appoint(strangers[role], role, other, by=None)

    for edge in case.spec.edges:
        for role in set(edge.roles) & set(strangers):
            put(case, edge.source)
            if ROLE_ANYONE not in edge.roles:
                assert outcome_of(case, edge.action, strangers[role]) is NotYourTurn
                assert possible_actions(case_now(case), strangers[role]) == []


def test_a_post_that_has_ended_has_no_turn_the_day_after(world: World) -> None:
    from audit import clock

    case = world.open()
    access.end_appointment(world.village_clerk.appointments.get(), on=START, by=world.sysadmin, reason="换届")
    assert outcome_of(case, "triage", world.village_clerk) is None
    with clock.frozen_at(START.replace(day=16)):
        assert outcome_of(case, "triage", Staff.objects.get(pk=world.village_clerk.pk)) is NotYourTurn


def test_an_inactive_account_has_no_turn(world: World) -> None:
    case = world.open()
    world.village_clerk.is_active = False

    assert outcome_of(case, "triage", world.village_clerk) is NotYourTurn


def test_what_must_say_why_is_refused_without_it(world: World) -> None:
    case = world.open()
    before = traces()

    with pytest.raises(ReasonNeeded):
        world.do(case, "dismiss", "village_clerk", reason="   ")

    assert traces() == before and case_now(case).state == "lead"


def test_the_same_key_twice_is_one_act(world: World) -> None:
    case = world.open()

    first = world.do(case, "triage", "village_clerk", key="press-1")
    between = traces()
    again = world.do(case, "triage", world.village_clerk, key="press-1")

    assert again == first and traces() == between


def test_a_key_is_not_lent_to_another_act_case_or_person(world: World) -> None:
    case, other = world.open(), world.open()
    world.do(case, "triage", "village_clerk", key="press-1")
    before = traces()

    with pytest.raises(KeyReused):
        world.do(case, "start_survey", "village_clerk", key="press-1")
    with pytest.raises(KeyReused):
        world.do(other, "triage", "village_clerk", key="press-1")
    with pytest.raises(KeyReused):
        world.do(case, "triage", "township_clerk", key="press-1")

    assert traces() == before


def test_a_second_press_with_a_new_key_finds_the_case_gone_on(world: World) -> None:
    case = world.open()
    world.do(case, "triage", "village_clerk")

    with pytest.raises(WrongState, match="已分办"):
        world.do(case, "triage", world.village_clerk)

    assert CaseEvent.objects.filter(case=case).count() == 2


def test_a_state_is_not_set_by_assignment(world: World) -> None:
    case = world.open()
    with pytest.raises(AttributeError):
        case.state = "paid"


def test_buttons_follow_the_policy(world: World) -> None:
    """What is shown as possible is not refused for the person; what she may not do is explained or left out."""
    case = world.brought_to("township_review")

    shown = {edge.action: why for edge, why in possible_actions(case, world.township_clerk)}

    assert shown == {"check": "", "return": ""}
    assert {edge.action for edge, _why in possible_actions(case, world.village_clerk)} == {"withdraw"}
    assert possible_actions(case, world.auditor) == []
    assert possible_actions(case, world.other_clerk) == []
