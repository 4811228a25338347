"""Every law of the schema is one that the program knows, and whatever its owner does to one is seen."""

import pytest
from django.db import connection

from audit.verify import verify
from casework.database import laws
from tests.owner import owner
from tests.world import World

pytestmark = pytest.mark.django_db


def test_the_list_is_that_of_the_migrations(world: World) -> None:
    assert laws.standing() == laws.known(), "a law has changed: look at it, then manage.py migrate && manage.py db laws"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DROP TRIGGER funds_laws ON funds_transfer", "trigger funds_laws"),
        ("ALTER TABLE casework_case DISABLE TRIGGER casework_state_guard", "trigger casework_state_guard"),
        ("ALTER TABLE casework_case ENABLE TRIGGER casework_state_guard", "trigger casework_state_guard"),
        (
            "CREATE OR REPLACE FUNCTION funds_payment_begins() RETURNS trigger LANGUAGE plpgsql"
            " SET search_path = public, pg_temp AS 'BEGIN RETURN NULL; END'",
            "function funds_payment_begins()",
        ),
        ("ALTER FUNCTION casework_act_guard() SECURITY INVOKER", "function casework_act_guard()"),
        ("ALTER FUNCTION funds_payment_begins() RESET search_path", "function funds_payment_begins()"),
        ("ALTER TABLE funds_payment DROP CONSTRAINT payment_is_positive", "constraint payment_is_positive"),
        ("DROP INDEX one_open_case_a_programme", "index one_open_case_a_programme"),
        ("ALTER TABLE funds_payment DISABLE TRIGGER ALL", "trigger of a foreign key"),
        ("ALTER TABLE casework_case DISABLE ROW LEVEL SECURITY", "rows"),
        ("CREATE RULE gone AS ON INSERT TO casework_caseevent DO INSTEAD NOTHING", "rule gone"),
        (
            "CREATE TRIGGER mine BEFORE INSERT ON funds_payment FOR EACH ROW EXECUTE FUNCTION funds_payment_begins()",
            "trigger mine",
        ),
    ],
)
def test_what_is_done_to_a_law_is_named_by_the_verifier(world: World, statement: str, said: str) -> None:
    with owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement)

    assert said in {problem.message.split("：")[-1] for problem in verify().problems if problem.kind == "law"}
