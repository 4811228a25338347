"""What must never creep in: records about births, arrows that point up, sentences that only Chinese readers get."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps

from families import catalogue
from flows.parameters import Parameters
from flows.states import ACTIONS, DUTIES, STATES

ROOT = Path(__file__).resolve().parent.parent
LAYER = {"audit": 0, "access": 1, "jobs": 1, "flows": 2, "families": 2, "funds": 2, "casework": 3}
OURS = [model for model in apps.get_models() if model._meta.app_label in LAYER]
# A record of these would let somebody count, reward or punish births. A date of birth is a fact about the person herself.
BIRTHS = re.compile(
    r"pregnan|contracep|fertil|abort|steril|gestat|obstet|matern|birth_?(order|count|number|permit|quota|control)"
    r"|births|number_of_children|child_?count|parity\b|\biud\b|family_planning|孕|避孕|节育|生育|计生|超生|胎次|独生",
    re.IGNORECASE,
)


def test_no_field_records_births() -> None:
    named = {
        f"{model._meta.label}.{field.name}": f"{field.name} {getattr(field, 'verbose_name', '')} {field.help_text}"
        for model in OURS
        for field in model._meta.get_fields()
        if field.concrete
    }

    assert [name for name, words in named.items() if BIRTHS.search(words)] == []


def test_no_choice_parameter_state_or_action_is_about_births() -> None:
    words = [*Parameters.__dataclass_fields__, *STATES, *ACTIONS, *DUTIES]
    for choices in (catalogue.CAUSES, catalogue.HEALTH, catalogue.DOCUMENTS, catalogue.DOMAINS, catalogue.CONSENT):
        words += [part for code, title in choices for part in (code, str(title))]
    for model in OURS:
        for field in model._meta.get_fields():
            words += [part for choice in getattr(field, "choices", None) or () for part in map(str, choice)]
    words += [str(part.title) for part in (*STATES.values(),)]

    assert [word for word in words if BIRTHS.search(word)] == []


@pytest.mark.parametrize(
    "word", ["pregnancy", "births", "number_of_children", "contraception", "独生子女", "生育情况", "birth_order"]
)
def test_the_rail_would_hold(word: str) -> None:
    assert BIRTHS.search(word)


def test_the_rail_does_not_stop_a_date_of_birth() -> None:
    assert not BIRTHS.search("birth_date") and not BIRTHS.search("left_behind_child")


def test_foreign_keys_point_to_a_lower_layer() -> None:
    for model in apps.get_models():
        for field in model._meta.get_fields():
            there = getattr(field.remote_field, "model", None) if field.concrete else None
            if there is None:
                continue
            here, there = model._meta.app_label, there._meta.app_label
            if here in LAYER and there in LAYER and here != there:
                assert LAYER[here] > LAYER[there], f"{model.__name__}.{field.name} points up to {there}"


def test_nothing_is_deleted_with_what_it_belongs_to() -> None:
    """PROTECT everywhere; guardian's own permission rows are the one exception, because they are a mirror."""
    for model in OURS:
        for field in model._meta.local_fields:  # CaseProcess inherits Viewflow's own
            if field.many_to_one and not model.__name__.startswith("Historical"):
                rule = field.remote_field.on_delete.__name__
                allowed = {"PROTECT", "DO_NOTHING"} | ({"CASCADE"} if model.__name__ == "UnitPermission" else set())
                assert rule in allowed, f"{model.__name__}.{field.name}: {rule}"


def test_imports_point_down() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout


def test_every_business_model_keeps_its_history() -> None:
    """A row is tracked by history, is append-only itself, or is listed here with its reason."""
    exempt = {
        "access.Rate": "counts of an hour, forgotten within a day",
        "access.SignIn": "where an account is signed in, forgotten within a season",
        "access.UnitPermission": "a mirror of appointments",
        "audit.AccessLog": "append-only itself",
        "audit.BusinessClock": "for the demo and the tests",
        "audit.Checkpoint": "append-only itself",
        "audit.Entry": "the chain",
        "audit.Leaf": "append-only itself",
        "audit.Erasure": "append-only itself",
        "audit.Handover": "append-only itself",
        "casework.CaseDuty": "append-only itself",
        "casework.CaseEvent": "append-only itself",
        "casework.HomeCheck": "append-only itself",
        "casework.InspectionPack": "append-only itself",
        "casework.PackVolume": "append-only itself",
        "casework.RetentionPeriod": "append-only itself",
        "casework.Question": "append-only itself",
        "casework.QuestionEntry": "append-only itself",
        "casework.RuleHit": "append-only itself",
        "casework.RuleParameter": "append-only itself",
        "casework.RuleRun": "append-only itself",
        "casework.RuleVerdict": "append-only itself",
        "casework.Sample": "append-only itself",
        "casework.RosterSignature": "append-only itself",
        "casework.SurveyDraft": "half a form on a phone; the survey that comes of it is kept",
        "flows.CaseProcess": "a projection of the case",
        "flows.Way": "a copy of what the programmes' specs say, written by migrations",
        "families.RelativeStatement": "append-only itself",
        "funds.Account": "moved by transfers alone",
        "funds.StockMove": "append-only itself",
        "funds.StockSignature": "append-only itself",
        "funds.StockSlip": "append-only itself",
        "funds.OpenItem": "append-only itself",
        "funds.PeriodTotal": "append-only itself",
        "funds.Receipt": "append-only itself",
        "funds.StatedBalance": "append-only itself",
        "funds.Transfer": "append-only itself",
        "funds.BankFormat": "append-only itself",
        "funds.BankFile": "append-only itself",
        "funds.BankLine": "append-only itself",
        "jobs.Job": "progress of work",
        "jobs.TimerRun": "when a timer last ran",
        "jobs.Outbox": "promises, kept and ticked off",
    }
    tracked = {m._meta.label for m in OURS if hasattr(m, "history")}
    untracked = {m._meta.label for m in OURS if not m.__name__.startswith("Historical")} - tracked

    assert untracked <= set(exempt), untracked - set(exempt)


@pytest.mark.django_db
def test_every_history_is_completed_by_the_database() -> None:
    """`history = tracked()` without TrackHistory in a migration would miss bulk and raw writes."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT live FROM audit_tracked")
        tracked = {name for (name,) in cursor.fetchall()}
    wanted = {m._meta.db_table for m in OURS if hasattr(m, "history") and not m.__name__.startswith("Historical")}

    assert wanted <= tracked, wanted - tracked
