"""Who the program is to PostgreSQL: it owns nothing, cannot take a law off, and cannot touch what it only writes once."""

import json
import uuid
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.core.management import call_command
from django.db import DatabaseError, ProgrammingError, connection, transaction

from audit import checkpoints, leaves
from casework.database import logins, rights
from casework.models import Case
from casework.rebuilding import wrong_states
from funds.models import Payment
from tests.audit.attack import settle
from tests.funds.test_payment_laws import listed
from tests.owner import owner, take_off
from tests.world import World, case_now

pytestmark = pytest.mark.django_db


def sql(statement: str, *values: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def is_denied(statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied|must be owner"), transaction.atomic():
        sql(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE casework_caseevent DISABLE TRIGGER ALL",
        "ALTER TABLE casework_case DISABLE ROW LEVEL SECURITY",
        "DROP TRIGGER audit_append_only ON casework_historicalcase",
        "SET session_replication_role = replica",
        "CREATE TABLE of_my_own (id int)",
        "UPDATE casework_historicalcase SET amount_fen = 1",
        "DELETE FROM casework_caseevent",
        "DELETE FROM casework_case",
        "TRUNCATE audit_entry",
        "INSERT INTO audit_entry (stream) VALUES ('case:1')",
        "INSERT INTO audit_leaf (position) VALUES (0)",
        "INSERT INTO audit_checkpoint (total) VALUES (0)",
        "SELECT audit_link_set('casework_case', '{}', '{}')",
        "SELECT * FROM audit_due",
        "UPDATE funds_account SET credit_fen = credit_fen + 1",
        "UPDATE funds_transfer SET amount_fen = 1",
        "UPDATE funds_transferrule SET kind = kind",
        "DELETE FROM funds_twopersons",
        "INSERT INTO flows_way (programme) VALUES ('x')",
        "DELETE FROM access_staff",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'x', now())",
    ],
)
def test_the_program_may_not(world: World, statement: str) -> None:
    is_denied(statement)


def test_deletes_only_what_is_meant_to_be_forgotten(world: World) -> None:
    may = {
        name
        for (name,) in sql(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
            " AND has_table_privilege(%s, oid, 'DELETE')",
            logins.APPLICATION,
        )
    }

    assert may <= rights.FORGETTING


def test_a_new_table_gets_its_rights_by_what_it_is(world: World) -> None:
    with owner():
        sql("CREATE TABLE newcomer (id int)")
        sql("CREATE TABLE newcomer_once (id int)")
        sql(
            "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON newcomer_once"
            " FOR EACH ROW EXECUTE FUNCTION audit_refuse()"
        )
    is_denied("SELECT * FROM newcomer")

    with owner():
        assert rights.grant(connection)

    sql("INSERT INTO newcomer VALUES (1)")
    sql("UPDATE newcomer SET id = 2")
    is_denied("DELETE FROM newcomer")
    sql("INSERT INTO newcomer_once VALUES (1)")
    is_denied("UPDATE newcomer_once SET id = 2")


def test_the_clock_is_moved_where_the_demo_is_and_nowhere_else(world: World, settings: Any) -> None:
    sql("INSERT INTO audit_businessclock (id, date) VALUES (1, '2026-05-31')")
    settings.TESTING = settings.DEMO = False

    with owner():
        assert rights.grant(connection)

    is_denied("UPDATE audit_businessclock SET date = '2026-06-01'")
    is_denied("INSERT INTO audit_businessclock (id) VALUES (2)")


def test_the_worker_seals_as_the_sealer_and_is_itself_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.brought_to("registered")
    settle()
    monkeypatch.setattr(leaves, "_own_transaction", lambda: 0)
    before = sql("SELECT current_user")

    assert checkpoints.seal() is not None
    assert sql("SELECT current_user") == before == [(logins.APPLICATION,)]


def test_the_sealer_can_do_nothing_but_seal(world: World) -> None:
    with owner(logins.SEALER):
        sql("SELECT count(*) FROM audit_entry")
        for statement in (
            "UPDATE casework_case SET amount_fen = 1",
            "INSERT INTO audit_entry (stream) VALUES ('case:1')",
            "DELETE FROM audit_checkpoint",
            "SELECT * FROM django_session",
        ):
            is_denied(statement)


def test_pages_cannot_become_the_sealer_nor_the_owner(world: World) -> None:
    ((owns,),) = sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()")
    for role in (logins.SEALER, owns):
        assert sql("SELECT pg_has_role(%s, %s, 'MEMBER')", logins.LOGINS[logins.WEB], role) == [(False,)]
    assert sql("SELECT pg_has_role(%s, %s, 'MEMBER')", logins.LOGINS[logins.WORKER], logins.SEALER) == [(True,)]


def test_an_auditor_reads_and_proves_and_writes_nothing(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.brought_to("fund_reserved")
    settle()
    monkeypatch.setattr(leaves, "_own_transaction", lambda: 0)
    checkpoints.seal()

    with owner(logins.LOGINS[logins.AUDITOR]):
        assert sql("SELECT count(*) > 0 FROM casework_case") == [(True,)]
        call_command("audit", "verify")
        call_command("ledger", "check")
        for statement in (
            "SELECT password FROM access_staff",
            "SELECT * FROM django_session",
            "UPDATE casework_case SET amount_fen = 1",
            "INSERT INTO audit_accesslog (kind) VALUES ('file')",
        ):
            is_denied(statement)


def test_no_law_that_runs_with_the_callers_rights_reads_what_he_may_not_see(world: World) -> None:
    secured = [name for (name,) in sql("SELECT relname FROM pg_class WHERE relrowsecurity")]
    assert len(secured) > 20

    found = sql(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND NOT prosecdef AND prosrc ~ %s",
        r"\m(" + "|".join(secured) + r")\M",
    )
    assert found == []


def test_no_law_looks_at_a_table_of_the_session(world: World) -> None:
    found = sql(
        "SELECT proname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE pronamespace = 'public'::regnamespace"
        " AND (l.lanname = 'plpgsql' OR prosecdef)"
        " AND NOT EXISTS (SELECT FROM unnest(proconfig) s WHERE s IN ('search_path=public, pg_temp',"
        " 'search_path=pg_catalog, public, pg_temp', 'search_path=public'))"
    )
    assert found == []


def test_a_payment_is_held_to_the_real_decision_whatever_the_session_has_beside_it(world: World) -> None:
    payment = listed(world)
    more = {  # a second payment of what was decided once
        "id": 10**6,
        "uid": str(uuid.uuid4()),
        "key": "by hand",
        "amount_fen": payment.amount_fen,
        "state": "listed",
        "instalment": 2,
    }
    with transaction.atomic():
        sql("CREATE TEMP TABLE funds_reservation ON COMMIT DROP AS TABLE public.funds_reservation")
        sql("UPDATE pg_temp.funds_reservation SET amount_fen = amount_fen * 100")
        breaks(
            "INSERT INTO public.funds_payment SELECT (json_populate_record(p, %s::json)).* FROM funds_payment p WHERE id = %s",
            "payment_within_its_reservation",
            json.dumps(more),
            payment.pk,
        )
        sql("DROP TABLE pg_temp.funds_reservation")
    assert not Payment.objects.filter(pk=10**6).exists()


def test_what_runs_with_the_owners_rights_is_called_by_its_name_only_where_the_program_does_so(world: World) -> None:
    callable_by = {
        role: {
            name
            for (name,) in sql(
                "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
                " AND has_function_privilege(%s, oid, 'EXECUTE')",
                role,
            )
        }
        for role in (logins.APPLICATION, logins.SEALER, logins.LOGINS[logins.AUDITOR])
    }

    assert callable_by[logins.APPLICATION] == rights.CALLED | rights.ASKED
    assert callable_by[logins.SEALER] == callable_by[logins.LOGINS[logins.AUDITOR]] == rights.ASKED


@pytest.mark.parametrize(
    ("words", "environment", "expected"),
    [
        (["manage.py", "migrate"], {}, logins.OWNER),
        (["manage.py", "worker"], {}, logins.WORKER),
        (["/opt/casework/manage.py", "audit", "verify"], {}, logins.WORKER),
        (["manage.py", "runserver"], {}, logins.WEB),
        (["gunicorn"], {"CASEWORK_PROCESS": "web"}, logins.WEB),
        (["manage.py", "audit", "verify"], {"CASEWORK_PROCESS": "auditor"}, logins.AUDITOR),
        (["celery"], {}, logins.WORKER),
        (["migrate"], {}, logins.WORKER),
    ],
)
def test_what_a_process_is(
    words: list[str], environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(__import__("sys").modules, "pytest")

    assert logins.process(words, environment) == expected


def test_the_embedded_server_lets_its_owner_be_each_of_them_and_no_other(world: World) -> None:
    where = connection.settings_dict
    if not Path(str(where["HOST"])).is_dir():
        pytest.skip("not the embedded server")
    for login in logins.LOGINS.values():
        with psycopg2.connect(host=where["HOST"], port=where["PORT"], user=login, dbname=where["NAME"]) as one:
            one.cursor().execute("SELECT 1")
    with pytest.raises(psycopg2.OperationalError, match="authentication failed"):
        psycopg2.connect(host=where["HOST"], port=where["PORT"], user=logins.APPLICATION, dbname=where["NAME"])


def test_whoever_owns_the_tables_is_told_so_at_deployment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from casework.database.checks import pages_own_no_table

    monkeypatch.setattr("django.conf.settings.PROCESS", logins.WEB)
    monkeypatch.setattr("django.conf.settings.DATABASE_ROLE", "")
    assert pages_own_no_table(None, ["default"]) == []
    with owner():
        assert [message.id for message in pages_own_no_table(None, ["default"])] == ["casework.owner"]


# ---------------------------------------------------------------- the law of the state


def breaks(statement: str, law: str, *values: object) -> None:
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        sql(statement, *values)
        settle()
    assert caught.value.__cause__.diag.constraint_name == law


EVENT = (
    "INSERT INTO casework_caseevent (case_id, n, action, from_state, to_state, by_id, by_role, person_key, reason, reason_code,"
    " amount_fen, digest, data, key, business_date, recorded_at)"
    " SELECT id, acts + 1, %s, state, %s, %s, %s, %s, '', '', 0, '', '{}', 'by hand', current_date, now()"
    " FROM casework_case WHERE id = %s"
)


def test_a_state_changes_along_an_edge_by_an_act_of_whom_it_names(world: World) -> None:
    case = world.brought_to("township_decision")
    approver, clerk = world.township_approver, world.village_clerk

    breaks("UPDATE casework_case SET state = 'lead' WHERE id = %s", "state_follows_its_programme", case.pk)
    breaks(
        "UPDATE casework_case SET state = 'fund_reserved', tier = 'T1' WHERE id = %s",
        "state_changes_by_an_act",
        case.pk,
    )
    act = ("approve", "paid_at_once", approver.pk, "township_approver", approver.person_key, case.pk)
    breaks(EVENT, "act_is_an_edge", *act)
    act = ("approve", "fund_reserved", clerk.pk, "village_clerk", clerk.person_key, case.pk)
    breaks(EVENT, "act_by_its_role", *act)
    act = ("approve", "fund_reserved", approver.pk, "township_approver", approver.person_key, case.pk)
    breaks(EVENT, "act_by_whom_holds_the_duty", *act)

    case = case_now(case)
    assert case.state == "township_decision" and case.events.count() == case.acts


def born(world: World, **differently: object) -> None:
    """A case written by hand, equal to one that was opened, but for what is said, and its opening."""
    case = world.brought_to("lead")
    row = {"case_no": "2026-999999", "programme": "elderly_support", "state": "lead", "acts": 1, **differently}
    sql(
        "INSERT INTO casework_case SELECT (json_populate_record(c, %s::json)).* FROM casework_case c WHERE id = %s",
        json.dumps({"id": 10**6, **row}),
        case.pk,
    )


@pytest.mark.parametrize(
    "differently", [{"state": "fund_reserved", "tier": "T1"}, {"state": "closed"}, {"acts": 9}, {"tier": "T1"}]
)
def test_a_case_is_born_where_its_programme_begins_with_nothing_decided(
    world: World, differently: dict[str, object]
) -> None:
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        born(world, **differently)
    assert caught.value.__cause__.diag.constraint_name == "case_begins_where_its_programme_begins"
    assert not Case.objects.filter(pk=10**6).exists()


def test_a_case_is_opened_by_an_act_of_whoever_may_open_one_and_keeps_its_programme(world: World) -> None:
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        born(world)
        settle()
    assert caught.value.__cause__.diag.constraint_name == "case_is_opened_by_an_act"

    case = world.brought_to("lead")
    breaks("UPDATE casework_case SET programme = 'elderly_support' WHERE id = %s", "case_keeps_its_programme", case.pk)
    opening = EVENT.replace("acts + 1", "1").replace("%s, state,", "%s, '',")
    cashier = world.cashier
    with transaction.atomic():
        born(world)
        act = ("open", "fund_reserved", cashier.pk, "cashier", cashier.person_key, 10**6)
        breaks(opening, "act_is_an_edge", *act)
        act = ("open", "lead", cashier.pk, "cashier", cashier.person_key, 10**6)
        breaks(opening, "act_by_its_role", *act)
        transaction.set_rollback(True)


@pytest.mark.usefixtures("as_the_owner")
def test_a_case_that_began_elsewhere_is_found(world: World) -> None:
    case = world.brought_to("lead")
    assert list(wrong_states()) == []

    take_off("casework_caseevent", "ALL")
    sql("UPDATE casework_caseevent SET to_state = 'registered' WHERE case_id = %s AND n = 1", case.pk)

    assert {problem.row for problem in wrong_states()} == {case.pk}


def test_the_edges_in_postgresql_are_those_of_the_specs_and_a_changed_one_is_found(world: World) -> None:
    from flows import ways

    assert list(ways.wrong_ways()) == []
    with owner():
        sql("UPDATE flows_way SET to_state = 'paid' WHERE programme = 'family_care' AND action = 'triage'")
    assert len(list(ways.wrong_ways())) == 2
