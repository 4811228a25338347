"""Every way of tampering is found and located; a clean trail gives no alarm."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from access.secrets import Secrets
from audit import checkpoints, leaves, proofs, trail, witness
from audit.context import Acting, request_of
from audit.errors import TreeIsBroken
from audit.services import record_access
from audit.verify import Problem, one_snapshot, verify
from casework.models import Case, CaseEvent
from funds import ledger
from tests.audit.attack import run, settle, triggers_off
from tests.owner import take_off
from tests.world import START, World


@pytest.fixture
def case(world: World, monkeypatch: pytest.MonkeyPatch) -> Case:
    """A case with money, in a trail that was sealed in two steps."""
    monkeypatch.setattr(leaves, "_own_transaction", lambda: 0)
    world.brought_to("village_notice")
    with request_of(lambda: Acting(by_id=world.auditor.pk, by_name="auditor")):
        record_access(kind="unmask", subject="person:1", fields="id_number", reason="核对")
    settle()
    assert checkpoints.seal()
    return world.brought_to("fund_reserved")


def found() -> list[tuple[str, str, int | None]]:
    settle()
    return [(problem.kind, problem.table, problem.row) for problem in verify().problems]


def test_a_clean_trail_gives_no_alarm(case: Case) -> None:
    settle()
    report = verify()

    assert report.problems == [] and report.rows > 100
    assert trail.stream_is_intact(case.subject) == []


@pytest.mark.parametrize("words", ['他说"好"', "C:\\村\\", "两\n行\t", "(,),", "", '",)'])
def test_any_text_keeps_its_fingerprint(world: World, words: str) -> None:
    case = world.open("disaster_relief")
    case.summary = words
    case.save()
    settle()

    assert verify().problems == []
    assert trail.stream_is_intact(case.subject) == []


def test_the_fingerprint_does_not_depend_on_how_a_session_writes_values(case: Case) -> None:
    settle()
    foreign = {"datestyle": "German", "timezone": "America/New_York", "bytea_output": "escape"}
    usual = {name: run(f"SHOW {name}")[0][0] for name in foreign}
    for name, value in foreign.items():
        run(f"SET LOCAL {name} = '{value}'")
    run("UPDATE casework_case SET amount_fen = amount_fen + 1 WHERE id = %s", case.pk)
    settle()
    for name, value in usual.items():
        run(f"SET LOCAL {name} = '{value}'")

    assert case.history.latest("history_id").history_change_reason.startswith("bypassed")
    assert verify().problems == []


def test_a_new_nullable_column_changes_no_fingerprint(case: Case) -> None:
    settle()
    run("ALTER TABLE casework_historicalcase ADD COLUMN later text")
    run("ALTER TABLE casework_case ADD COLUMN later text")

    assert verify().problems == []


def test_text_that_imitates_another_column_does_not_pass_for_it(world: World) -> None:
    case = world.open("disaster_relief")
    case.cause, case.summary = "a", "b"  # neighbours in the row's text, where they read a,b
    case.save()
    settle()
    row = case.history.latest("history_id").history_id
    with triggers_off("casework_historicalcase"):
        run("""UPDATE casework_historicalcase SET cause = 'a,b', summary = '' WHERE history_id = %s""", row)

    assert ("edited", "casework_historicalcase", row) in found()


def test_an_edited_history_row(case: Case) -> None:
    row = case.history.order_by("history_id").first().history_id
    with triggers_off("casework_historicalcase"):
        run("UPDATE casework_historicalcase SET amount_fen = 1 WHERE history_id = %s", row)

    assert found() == [("edited", "casework_historicalcase", row)]
    assert [p.kind for p in trail.stream_is_intact(case.subject)] == ["edited"]


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("funds_transfer", "amount_fen = amount_fen"),
        ("casework_caseevent", "reason = '别的理由'"),
        ("casework_caseduty", "duty = 'approve', person_key = 'x'"),
        ("audit_accesslog", "reason = '别的理由'"),
    ],
)
def test_an_edited_append_only_row(case: Case, table: str, change: str) -> None:
    row = run(f"SELECT max(id) FROM {table}")[0][0]
    change = "document_no = '改过'" if table == "funds_transfer" else change
    with triggers_off(table):
        run(f"UPDATE {table} SET {change} WHERE id = %s", row)

    assert found() == [("edited", table, row)]


def test_a_deleted_history_row(case: Case) -> None:
    row = case.history.order_by("history_id")[1].history_id
    with triggers_off("casework_historicalcase"):
        run("DELETE FROM casework_historicalcase WHERE history_id = %s", row)

    assert found() == [("missing", "casework_historicalcase", row)]
    assert [p.kind for p in trail.stream_is_intact(case.subject)] == ["missing"]


def test_a_history_row_smuggled_past_the_chain(case: Case) -> None:
    with triggers_off("casework_historicalcase"):
        run(
            "INSERT INTO casework_historicalcase SELECT (jsonb_populate_record(h, jsonb_build_object('history_id', 900000000))).* "
            "FROM casework_historicalcase h WHERE id = %s ORDER BY h.history_id DESC LIMIT 1",
            case.pk,
        )

    assert found() == [("unrecorded", "casework_historicalcase", 900000000)]


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ("hash = sha256('x')", {"entry", "link", "leaf"}),
        ("prev = sha256('x')", {"link"}),
        ("digest = sha256('x')", {"entry", "edited"}),
        ("row_id = row_id + 100000000", {"entry", "missing", "unrecorded", "leaf"}),
        ("n = n + 100000", {"gap", "leaf"}),
        ("recorded_at = recorded_at - interval '1 day'", {"leaf"}),
    ],
)
def test_an_edited_entry(case: Case, change: str, kinds: set[str]) -> None:
    stream = run("SELECT stream FROM audit_entry WHERE stream LIKE 'case:%%' ORDER BY id LIMIT 1")[0][0]
    with triggers_off("audit_entry"):
        run(f"UPDATE audit_entry SET {change} WHERE stream = %s AND n = 3", stream)

    settle()
    problems = verify().problems
    assert {problem.kind for problem in problems} >= kinds
    assert {problem.stream for problem in problems if problem.kind in ("entry", "link", "gap", "leaf")} == {stream}
    assert trail.stream_is_intact(stream) or kinds == {"leaf"}  # a page asks the chain alone


def test_a_removed_entry(case: Case) -> None:
    with triggers_off("audit_entry"):
        run("DELETE FROM audit_entry WHERE stream = %s AND n = 3", case.subject)

    kinds = {kind for kind, _table, _row in found()}
    assert kinds == {"gap", "unrecorded"}


def test_a_live_row_changed_behind_the_triggers(case: Case) -> None:
    with triggers_off("casework_case"):
        run("UPDATE casework_case SET amount_fen = 999, summary = '改' WHERE id = %s", case.pk)

    problems = verify().problems
    assert [(p.kind, p.table, p.row, p.stream) for p in problems] == [
        ("live_edited", "casework_case", case.pk, case.subject)
    ]
    assert "amount_fen" in problems[0].message and "999" not in problems[0].message
    assert [p.kind for p in trail.stream_is_intact(case.subject)] == ["live_edited"]


def test_a_live_row_without_any_history_and_one_that_vanished(case: Case) -> None:
    measure = case.measures.create(domain="livelihood", title="送煤")
    settle()
    with triggers_off("casework_measure"):
        run("DELETE FROM casework_measure WHERE id = %s", measure.pk)
        run(
            "INSERT INTO casework_measure (id, case_id, domain, title, detail, need_words, partner, state) "
            "VALUES (800000000, %s, 'livelihood', '送米', '', '', '', 'planned')",
            case.pk,
        )

    assert sorted(found()) == [
        ("live_missing", "casework_measure", measure.pk),
        ("live_unrecorded", "casework_measure", 800000000),
    ]


def test_a_tail_that_was_cut_off_is_known_to_the_seal_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case = world.brought_to("village_review")
    take_off("casework_caseevent", "casework_act_guard")
    last = CaseEvent.objects.create(
        case=case, n=99, action="withdraw", to_state="withdrawn", by_role="x", key="last", business_date=START
    )
    settle()
    monkeypatch.setattr(leaves, "_own_transaction", lambda: 0)
    sealed = checkpoints.seal()
    with triggers_off("audit_entry", "casework_caseevent"):
        run("DELETE FROM audit_entry WHERE tbl = 'casework_caseevent' AND row_id = %s", last.pk)
        run("DELETE FROM casework_caseevent WHERE id = %s", last.pk)

    position = sealed.total - 1
    assert found() == [("leaf_orphan", "audit_leaf", position)]
    with triggers_off("audit_leaf"):
        run("DELETE FROM audit_leaf WHERE position = %s", position)
    assert ("checkpoint_cut", "audit_checkpoint", sealed.pk) in found()
    assert trail.stream_is_intact(case.subject) == []


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ("root = sha256('x')", {"checkpoint_root", "checkpoint_hash"}),
        ("previous = sha256('x')", {"checkpoint_chain", "checkpoint_hash"}),
        ("signature = decode(repeat('00', 64), 'hex')", {"checkpoint_signature"}),
        ("entries = entries + 1", {"checkpoint_chain"}),
        ("total = total + 1", {"checkpoint_cut", "checkpoint_hash", "checkpoint_chain"}),
        ("total = total - 1", {"checkpoint_cut", "checkpoint_hash", "checkpoint_chain", "checkpoint_root"}),
        ("log_id = sha256('x')", {"checkpoint_hash"}),
        ("made_at = made_at - interval '1 day'", {"checkpoint_hash"}),
        ("hash = sha256('x')", {"checkpoint_hash", "checkpoint_signature"}),
    ],
)
def test_an_edited_seal(case: Case, change: str, kinds: set[str]) -> None:
    with triggers_off("audit_checkpoint"):
        run(f"UPDATE audit_checkpoint SET {change}")

    assert {kind for kind, _table, _row in found()} == kinds


def test_a_tile_that_was_changed_or_removed(case: Case) -> None:
    with triggers_off("audit_tile"):
        run("UPDATE audit_tile SET root = sha256('x') WHERE index = 1")
    assert found() == [("tile", "audit_tile", 1)]

    with triggers_off("audit_tile"):
        run("DELETE FROM audit_tile WHERE index = 1")
    assert found() == [("tile", "audit_tile", 1)]


def test_a_salt_that_was_changed(case: Case) -> None:
    with triggers_off("audit_leaf"):
        run("UPDATE audit_leaf SET salt = decode(repeat('00', 16), 'hex') WHERE position = 2")

    assert [kind for kind, _table, _row in found()] == ["leaf"]


def test_two_leaves_that_changed_places(case: Case) -> None:
    with triggers_off("audit_leaf"):
        run("UPDATE audit_leaf SET position = position + 1000000 WHERE position < 2")
        run("UPDATE audit_leaf SET position = 1000001 - position WHERE position >= 1000000")

    assert {kind for kind, _table, _row in found()} == {"checkpoint_root", "tile"}


def test_an_entry_that_waits_too_long_for_its_seal(case: Case, settings: Any) -> None:
    settle()
    assert verify().problems == []
    settings.SEAL_LAG_SECONDS = 0

    problems = verify().problems
    assert {problem.kind for problem in problems} == {"unsealed"} and case.subject in {p.stream for p in problems}


@pytest.mark.parametrize("name", ["sha256(bytea)", "convert_to(text, name)"])
def test_functions_slipped_under_the_proof_are_not_called(case: Case, name: str) -> None:
    """The owner puts a function of his own before PostgreSQL's and edits a row."""
    row = case.history.order_by("history_id").first().history_id
    with triggers_off("casework_historicalcase"):
        run("UPDATE casework_historicalcase SET amount_fen = 1 WHERE history_id = %s", row)
    run(f"CREATE FUNCTION public.{name} RETURNS bytea LANGUAGE sql AS 'SELECT ''lie''::bytea'")
    run("SET LOCAL search_path = public, pg_catalog")

    assert ("edited", "casework_historicalcase", row) in {(p.kind, p.table, p.row) for p in verify().problems}


def test_a_witness_that_the_server_did_not_ask_sees_what_it_hides(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    settle()
    tables = proofs.tracked_tables()
    with one_snapshot():
        assert list(witness.disagreements(tables)) == []
        monkeypatch.setattr(witness, "_texts", lambda table, rows: [(row, "(1,lied)", b"") for row in rows])
        assert list(witness.disagreements(tables))


def test_a_seal_forged_with_another_key(world: World, tmp_path, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    own = settings.SECRETS
    settings.SECRETS = Secrets(tmp_path / "other.json")
    monkeypatch.setattr(leaves, "_own_transaction", lambda: 0)
    forged = checkpoints.seal()
    settings.SECRETS = own

    assert found() == [("checkpoint_signature", "audit_checkpoint", forged.pk)]


def test_a_trail_made_anew_does_not_know_what_was_printed(case: Case) -> None:
    last = checkpoints.latest()
    printed = last.fingerprint
    with triggers_off("audit_checkpoint", "audit_leaf", "audit_tile"):
        run("DELETE FROM audit_checkpoint; DELETE FROM audit_leaf; DELETE FROM audit_tile")
    checkpoints.seal()

    assert verify().problems == []
    anchors = [printed, f"{last.total} {printed}"]
    assert [problem.kind for problem in verify(anchors=anchors).problems] == ["anchor", "anchor"]


@pytest.mark.parametrize("which", ["", "WHERE id = (SELECT max(id) FROM audit_checkpoint)"])
def test_seals_that_were_taken_away_from_a_tree(case: Case, which: str) -> None:
    settle()
    assert checkpoints.seal()
    with triggers_off("audit_checkpoint"):
        run(f"DELETE FROM audit_checkpoint {which}")

    assert [kind for kind, _table, _row in found()] == ["checkpoint_cut"]
    with pytest.raises(TreeIsBroken):
        checkpoints.seal()


def test_guards_that_are_off_or_gone(case: Case) -> None:
    settle()
    run("ALTER TABLE casework_historicalcase DISABLE TRIGGER audit_append_only")
    run("ALTER TABLE funds_transfer ENABLE TRIGGER audit_chain")
    run("DROP TRIGGER audit_complete ON casework_case")

    assert sorted((p.table, p.message.split("：")[-1]) for p in verify().problems if p.kind == "guard") == [
        ("casework_case", "audit_complete"),
        ("casework_historicalcase", "audit_append_only"),
        ("funds_transfer", "audit_chain"),
    ]


def test_a_table_taken_out_of_the_register(case: Case) -> None:
    settle()
    run("DELETE FROM audit_tracked WHERE live = 'casework_measure'")

    assert ("untracked", "casework_measure", None) in found()


def test_a_balance_that_no_transfer_explains(case: Case) -> None:
    account = run("SELECT max(id) FROM funds_account")[0][0]
    with triggers_off("funds_account"):
        run("UPDATE funds_account SET credit_fen = credit_fen + 5000 WHERE id = %s", account)

    problems = verify().problems
    assert [(p.kind, p.row) for p in problems] == [("balance", account)] and "+5000" in problems[0].message
    assert ledger.check().drift_fen == 5000


def test_the_commands_speak_json_and_fail_when_something_is_wrong(case: Case) -> None:
    settle()
    out = StringIO()
    call_command("audit", "verify", "--json", stdout=out)
    assert json.loads(out.getvalue())["problems"] == []
    out = StringIO()
    call_command("ledger", "check", "--json", stdout=out)
    assert json.loads(out.getvalue())["drift_fen"] == 0

    with triggers_off("casework_case", "funds_account"):
        run("UPDATE casework_case SET amount_fen = 999 WHERE id = %s", case.pk)
        run("UPDATE funds_account SET credit_fen = credit_fen + 1 WHERE id = (SELECT max(id) FROM funds_account)")

    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("audit", "verify", "--json", stdout=out)
    assert ended.value.code == 1
    problem = json.loads(out.getvalue())["problems"][0]
    assert set(problem) == set(Problem.__dataclass_fields__) and problem["row"] == case.pk
    with pytest.raises(SystemExit):
        call_command("ledger", "check", "--json", stdout=StringIO())


def test_the_badge_of_one_case_is_cheap(case: Case, django_assert_max_num_queries) -> None:
    settle()
    trail.badge(case.subject)  # once to learn which tables there are
    with django_assert_max_num_queries(12):
        badge = trail.badge(case.subject)

    assert badge.is_intact and badge.links > 20 and badge.sealed == 0 and badge.checkpoint is not None
