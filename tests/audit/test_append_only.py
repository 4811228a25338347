"""What was written stays: PostgreSQL refuses to change it, for a replica's session too."""

import pytest
from django.db import ProgrammingError, connection, transaction

from audit import checkpoints, leaves
from tests.audit.attack import run, settle
from tests.world import World

pytestmark = pytest.mark.usefixtures("as_the_owner")  # whose rights let him try

APPEND_ONLY = (
    "casework_historicalcase",
    "audit_entry",
    "audit_checkpoint",
    "audit_leaf",
    "audit_tile",
    "funds_transfer",
    "casework_caseevent",
    "casework_caseduty",
)


# What sets a column to what it is, where that is not id = id.
UNCHANGED = {
    "casework_historicalcase": "history_type = history_type",
    "audit_entry": "id = DEFAULT",
    "audit_checkpoint": "id = DEFAULT",
    "audit_leaf": "position = position",
    "audit_tile": "level = level",
}


@pytest.fixture
def full(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    world.brought_to("fund_reserved")
    settle()
    monkeypatch.setattr(leaves, "_own_transaction", lambda: 0)
    checkpoints.seal()
    return world


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_no_row_is_changed_deleted_or_truncated(full: World, table: str, role: str) -> None:
    run(f"SET LOCAL session_replication_role = {role}")
    assert run(f"SELECT count(*) > 0 FROM {table}") == [(True,)]
    for statement in (
        f"UPDATE {table} SET {UNCHANGED.get(table, 'id = id')}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table} CASCADE",
    ):
        with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
            run(statement)


def test_a_live_table_under_history_is_not_truncated(full: World) -> None:
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE families_household CASCADE")
