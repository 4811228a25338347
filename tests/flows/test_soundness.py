"""Each promise of a sound programme, and a programme that breaks it: the fault is named with the way to it."""

from dataclasses import replace

import pytest
from django.core.management import call_command

from flows import checks
from flows.models import ProgrammeVersion
from flows.programmes import PROGRAMMES, disaster_relief, education_grant, family_care, parts
from flows.soundness import Proof, prove
from flows.spec import NEVER, ROLE_SYSTEM, Edge, Spec, by_tier
from tests.world import World

RELIEF = disaster_relief.SPEC


def changed(source: str, action: str, spec: Spec = RELIEF, **how: object) -> Spec:
    """The spec with one edge changed."""
    edges = tuple(replace(e, **how) if (e.source, e.action) == (source, action) else e for e in spec.edges)
    assert edges != spec.edges
    return replace(spec, edges=edges)


def without(*pairs: tuple[str, str], spec: Spec = RELIEF) -> Spec:
    edges = tuple(e for e in spec.edges if (e.source, e.action) not in pairs)
    assert len(edges) == len(spec.edges) - len(pairs)
    return replace(spec, edges=edges)


def plus(*edges: Edge, spec: Spec = RELIEF) -> Spec:
    return replace(spec, edges=spec.edges + edges)


def faults(spec: Spec) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for fault in prove(spec).faults:
        told.setdefault(fault.promise, []).append(str(fault))
    return told


@pytest.mark.parametrize("code", PROGRAMMES)
def test_every_programme_of_this_installation_is_sound(code: str) -> None:
    assert prove(PROGRAMMES[code]).faults == ()


@pytest.mark.parametrize("code", ["disaster_relief", "elderly_support"])
def test_the_more_money_the_more_people(code: str) -> None:
    """Two who survey, the village, clerk, approver, maker, checker, releaser: 8; the county adds 2; a large sum 1 more.

    In an emergency the one who released it does not accept the papers, and two who hand out the township's money stand in
    for maker, checker and releaser: 8.
    """
    assert dict(prove(PROGRAMMES[code]).persons) == {"T0": 8, "T1": 8, "T2": 10, "T3": 11}


def test_a_programme_without_an_emergency_path_has_no_t0() -> None:
    assert dict(prove(education_grant.SPEC).persons) == {"T1": 8, "T2": 10, "T3": 11}
    assert not {"makeup", "emergency_released"} & set(education_grant.SPEC.states)


def test_words_that_nobody_defined_are_named() -> None:
    assert faults(changed("lead", "triage", target="traiged")) == {"words": ["nobody has defined the state traiged"]}
    assert faults(changed("draft", "register", duty="prepair")) == {"words": ["nobody has defined the duty prepair"]}
    assert "nobody has defined the action jump" in faults(plus(Edge("lead", "jump", "draft", "village_clerk")))["words"]
    assert "nobody has defined the role of triage" in faults(changed("lead", "triage", role=()))["words"]


def test_an_edge_written_twice_is_named() -> None:
    twice = plus(Edge("lead", "triage", "cancelled", "village_clerk"))

    assert faults(twice) == {"words": ["an edge is written twice: lead -triage->"]}


def test_a_role_that_does_not_exist_is_named() -> None:
    assert faults(changed("lead", "triage", role="village_clark")) == {
        "roles": ["there is no role 'village_clark': lead -triage->"]
    }


def test_it_is_always_exactly_one_roles_turn() -> None:
    assert faults(changed("draft", "register", is_main=False)) == {"turn": ["draft needs 1 main action, not none"]}
    assert faults(changed("draft", "withdraw", is_main=True)) == {
        "turn": ["draft needs 1 main action, not register, withdraw"]
    }
    assert faults(changed("refused", "appeal", is_main=True)) == {"turn": ["refused needs 0 main actions, not appeal"]}


def test_a_state_to_which_no_case_comes_is_named() -> None:
    """The emergency's own states, in a programme that cannot release money first."""
    told = faults(without(("draft", "emergency_release")))["reachable"]

    assert "no case ever comes to makeup" in told
    assert "no case ever comes to emergency_released" in told


def test_an_action_that_can_never_be_taken_is_named() -> None:
    never = changed("village_review", "withdraw", target=by_tier(T0="withdrawn", T1=NEVER, T2=NEVER, T3=NEVER))
    never = replace(never, edges=tuple(e for e in never.edges if e.action != "emergency_release"))

    assert "this action can never be taken: village_review -withdraw->" in faults(never)["reachable"]


def test_a_choice_that_forgets_a_tier_is_named_with_the_way_there() -> None:
    forgetful = changed("county_decision", "confirm", target=by_tier(T1="fund_reserved", T2="fund_reserved"))

    (told,) = faults(forgetful)["choice"]
    assert told.startswith(
        "confirm does not say where it leads when tier is T3: lead -triage-> triaged -start_survey->"
    )
    assert told.endswith("county_decision[T3] -confirm-> ?")


def test_what_is_meant_to_be_impossible_says_so() -> None:
    """Money that was paid first cannot be kept by taking the application back."""
    silent = changed("village_review", "withdraw", target=by_tier(T1="withdrawn", T2="withdrawn", T3="withdrawn"))

    assert "withdraw does not say where it leads when tier is T0" in faults(silent)["choice"][0]
    assert RELIEF.edge("village_review", "withdraw").target.targets["T0"] == NEVER


def test_a_correction_that_leads_nowhere_is_named() -> None:
    lost = changed("returned", "resubmit", target=parts.by_return(township_review="township_review"))

    told = faults(lost)["choice"][0]
    assert "resubmit does not say where it leads when return_to is village_review" in told
    assert "village_review[T1] -village_return-> returned[T1] -resubmit-> ?" in told


def test_a_dead_end_is_named_with_the_way_into_it() -> None:
    told = faults(without(("exit_review", "approve_exit"), ("exit_review", "keep_open")))["ends"]

    assert told[0].startswith("no end can be reached: lead -triage-> triaged -start_survey-> draft")
    assert told[0].endswith("-approve-> paid[T0]")  # from here on there is no way out


@pytest.mark.parametrize(
    ("missing", "words", "way"),
    [
        (("makeup", "refuse"), None, None),  # the papers may still be handed in, and refused then
        (("returned", "refuse"), "when the villagers vote no", "emergency_released[T0] -pay_from_imprest-> makeup[T0]"),
        (("payment_returned", "send_back"), None, None),  # a longer way: listed again, taken off, sent back
        (("fund_reserved", "send_back"), None, None),  # the family may withdraw
        (
            ("emergency_released", "send_back"),
            "when the approval became void",
            "-emergency_release-> emergency_released",
        ),
    ],
)
def test_a_case_can_end_even_when_others_say_no(missing: tuple, words: str | None, way: str | None) -> None:
    told = faults(without(missing)).get("ends", [])

    if words is None:
        assert told == []  # there is another way out
    else:
        assert any(words in fault and way in fault for fault in told)


def test_no_payment_leaves_without_the_final_approval() -> None:
    hasty = changed("county_decision", "confirm", target="fund_reserved")

    (told,) = faults(hasty)["approval"]
    assert told.startswith("a payment leaves without the final approval of T3: lead")
    assert told.endswith("-check_payment-> in_payment[T3] -release_payment->")
    assert "countersign" not in told


def test_a_signature_that_was_voided_does_not_count() -> None:
    """Sent back by the fund manager, then straight to the money again."""
    shortcut = changed("fund_reserved", "send_back", target="county_countersign")

    assert "countersign" in faults(shortcut)["approval"][0] or "T" in faults(shortcut)["approval"][0]
    assert "-send_back-> county_countersign" in faults(shortcut)["approval"][0]


def test_no_payment_leaves_without_a_notice_in_the_village() -> None:
    unpublished = changed("registered", "submit", target="township_review")

    (told,) = faults(unpublished)["notice"]
    assert "registered -submit-> township_review[T1] -check->" in told


def test_an_objection_stops_the_notice() -> None:
    deaf = changed("objection", "dismiss_objection", target="township_review")

    assert "-object-> objection[T1] -dismiss_objection-> township_review[T1]" in faults(deaf)["notice"][0]


def test_no_case_ends_while_money_is_under_way() -> None:
    loose = changed("county_countersign", "countersign", target="closed")
    assert "a case ends in closed" not in str(faults(loose).get("money"))  # nothing was reserved
    loose = plus(Edge("fund_reserved", "propose_exit", "closed", "village_clerk", "prepare"))

    (told,) = faults(loose)["money"]
    assert told.startswith("a case ends in closed while the money is held")
    assert told.endswith("fund_reserved[T1] -propose_exit-> closed[T1]")


def test_money_is_there_wherever_a_payment_is_listed() -> None:
    empty = plus(Edge("township_decision", "list_payment", "in_payment", "fund_manager", "list_payment"))

    assert "a payment is listed while the money is none" in faults(empty)["money"][0]


def test_an_emergency_does_not_end_without_ratification_or_recovery() -> None:
    forgiven = changed("makeup", "refuse", target="closed")

    (told,) = faults(forgiven)["emergency"]
    assert told.endswith("-pay_from_imprest-> makeup[T0] -refuse-> closed[T0]")


def test_work_on_the_way_to_payment_carries_a_duty() -> None:
    careless = changed("township_review", "check", duty="")

    assert any(f.endswith("township_review[T1] -check->") for f in faults(careless)["duties"])


@pytest.mark.parametrize(
    ("source", "action", "wrong", "works"),
    [
        ("township_decision", "approve", "prepare", "prepare and approve"),
        ("in_payment", "release_payment", "list_payment", "list_payment and release_payment"),
        ("county_countersign", "countersign", "confirm", "confirm and countersign"),
        ("village_review", "endorse", "prepare", "prepare and village_opinion"),
    ],
)
def test_one_person_cannot_do_two_kinds_of_work(source: str, action: str, wrong: str, works: str) -> None:
    """With the duty misnamed, a person who holds every role finds a way; the counterexample says which acts are hers."""
    told = faults(changed(source, action, duty=wrong))["duties"][-1]

    assert told.startswith(f"one person does both {works}: lead -triage->")
    assert told.count("(she)") == 2


def test_a_programme_that_moves_no_money_is_judged_by_its_own_end() -> None:
    assert faults(changed("township_review", "approve_plan", spec=family_care.SPEC, duty=""))["duties"]


def test_a_timer_needs_no_duty() -> None:
    assert {e.duty for e in RELIEF.edges if ROLE_SYSTEM in e.roles} == {""}


def test_manage_check_names_the_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = changed("makeup", "refuse", target="closed")
    monkeypatch.setitem(checks.PROGRAMMES, "disaster_relief", broken)

    told = checks.programmes_are_sound(None)

    assert [(error.id, error.obj) for error in told] == [("flows.emergency", "disaster_relief")]
    assert "makeup[T0] -refuse-> closed[T0]" in told[0].msg


def test_published_rules_that_name_what_the_programme_lacks_are_found(world: World) -> None:
    assert checks.published_rules_fit_their_programme(None, databases=["default"]) == []
    version = ProgrammeVersion.objects.get(programme="education_grant")
    version.parameters |= {"deadlines": {"makeup": {"days": 3, "unit": "working"}}}
    version.save()

    (error,) = checks.published_rules_fit_their_programme(None, databases=["default"])

    assert error.id == "flows.rules" and "makeup" in error.msg and error.obj == "education_grant v1"


def test_the_proof_can_be_printed_for_people_and_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("prove_flows")
    assert "disaster_relief: sound;" in capsys.readouterr().out
    call_command("prove_flows", "--json")
    assert '"persons": {"T0": 8, "T1": 8, "T2": 10, "T3": 11}' in capsys.readouterr().out


def test_proving_is_quick_enough_for_every_start() -> None:
    proof: Proof = prove(RELIEF)

    assert proof.situations < 2_000 and proof.steps < 5_000
