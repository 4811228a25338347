"""Putting a case into a state without going there, and seeing that a refusal leaves nothing."""

import datetime
from typing import Any

import pytest
from django.db import connection, transaction

from audit.models import Entry
from casework.errors import SecondDuty
from casework.models import Case, CaseDuty, CaseEvent
from funds.models import Transfer
from jobs.models import Outbox
from tests.owner import take_off
from tests.world import World, case_now

LAWS = ("casework_state_guard", "casework_state_told")  # of the state of a case


def put(case: Case, state: str, **columns: Any) -> Case:
    """Write the state straight into the row, past the law of the state. History notices at commit, which never comes."""
    ends = state in case.spec.ends
    columns = {
        "state": state,
        "tier": "T1",
        "return_to": "village_review",
        "is_open": not ends,
        "closed_on": datetime.date(2026, 4, 15) if ends else None,
        **columns,
    }
    sets = ", ".join(f"{name} = %s" for name in columns)
    take_off("casework_case", *LAWS)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE casework_case SET {sets} WHERE id = %s", [*columns.values(), case.pk])
    return case_now(case)


def refused(world: World, case: Case, action: str, by: Any, error: type = SecondDuty, **more: Any) -> str:
    """The act is refused, for a second duty unless another error is named, and leaves nothing. Returns the words."""
    before, state = traces(), case_now(case).state
    with pytest.raises(error) as refusal, transaction.atomic():
        world.do(case, action, by, **more)
    assert traces() == before and case_now(case).state == state
    return str(refusal.value)


def traces() -> dict[str, int]:
    """How many rows there are of everything that an act leaves behind."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM viewflow_task")
        tasks = cursor.fetchone()[0]
    rows = {
        "events": CaseEvent,
        "history": Case.history.model,
        "outbox": Outbox,
        "duties": CaseDuty,
        "transfers": Transfer,
        "chain": Entry,
    }
    return {name: model.objects.count() for name, model in rows.items()} | {"tasks": tasks}
