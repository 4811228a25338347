"""Money says what its record says, and the laws are not edited: tried in raw SQL, and looked for by the verifier."""

import pytest
from django.db import connection

from audit.verify import verify
from funds.models import Payment
from tests.audit.attack import run, triggers_off
from tests.casework.test_no_dead_ends import answer
from tests.casework.test_whole_way import pay
from tests.funds.test_ledger import account, refuses
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("as_the_owner")]
MOVE = (
    "INSERT INTO funds_transfer (key, kind, debit_id, credit_id, amount_fen, subject, reservation_id, payment_id, reason,"
    " document_no, business_date, recorded_at) VALUES ('bad', %s, %s, %s, %s, %s, %s, %s, '', '', '2026-04-15', now())"
)


def credited(world: World) -> Payment:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    return Payment.objects.select_related("reservation").get(subject=case.subject)


def test_no_money_of_a_payment_moves_that_stays_what_it_is(world: World) -> None:
    paid = credited(world)
    facts = (paid.amount_fen, paid.subject, paid.reservation_id, paid.pk)

    refuses(MOVE, "clawback", account("paid").pk, account("committed").pk, *facts, match="its money says clawback")


def test_nothing_comes_back_that_nobody_owes(world: World) -> None:
    paid = credited(world)
    facts = (paid.amount_fen, paid.subject, paid.reservation_id, None)

    refuses(MOVE, "recover", account("paid").pk, account("allocated").pk, *facts, match="that nobody owed")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO funds_transferrule VALUES ('gift', 'source', 'allocated')",
        "UPDATE funds_transferrule SET credit_kind = 'paid' WHERE kind = 'reserve'",
        "DELETE FROM funds_transferrule",
        "TRUNCATE funds_transferrule",
        "DELETE FROM funds_twopersons",
        "UPDATE funds_twopersons SET proposal = 'take_back'",
        "INSERT INTO funds_twopersons VALUES ('allocate', 'x')",
    ],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_the_laws_are_not_edited(statement: str, role: str) -> None:
    run(f"SET LOCAL session_replication_role = {role}")

    refuses(statement, match="a law")


def test_an_instalment_is_cancelled_and_never_deleted(world: World) -> None:
    from tests.funds.test_county_laws import in_parts

    in_parts(world, 60, 40)

    refuses("DELETE FROM funds_instalment", match="cancelled, not deleted")


def test_every_law_of_the_money_fires_always() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, g.tgname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid"
            " WHERE NOT g.tgisinternal AND c.relname LIKE 'funds\\_%' AND g.tgenabled <> 'A'"
        )
        assert cursor.fetchall() == []


def test_a_law_that_its_owner_rewrote_is_found(world: World) -> None:
    with triggers_off("funds_transferrule", "funds_twopersons"):
        run("INSERT INTO funds_transferrule VALUES ('gift', 'source', 'allocated')")
        run("DELETE FROM funds_twopersons WHERE kind = 'hand_back'")
    run("ALTER TABLE funds_payment DISABLE TRIGGER funds_guard")

    found = {(problem.kind, problem.table, problem.message.split("：")[-1]) for problem in verify().problems}

    assert found == {
        ("law", "funds_transferrule", "gift source allocated"),
        ("law", "funds_twopersons", "hand_back hand_back"),
        ("law", "funds_payment", "trigger funds_guard"),
    }
