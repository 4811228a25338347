"""The twenty-four ways of tampering that audit.verify is held to (as the owner, with triggers off and on again), as a table.

Each takes a random target of its kind and says where it was: any of those places named by a problem counts as located. Where
none is named, the table says why it cannot be.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction

from audit import checkpoints, leaves, proofs
from tests.audit.attack import run, settle, triggers_off

Place = tuple[str, int]  # table, row


@dataclass
class Stage:
    """What there is to tamper with: a sealed trail, links after the last seal, and what an honest person does meanwhile."""

    work: Callable[[], Any]
    put_back: Callable[[], Any] = lambda: None  # what a rollback does not: a file


@dataclass(frozen=True)
class Trace:
    """Where it was, and what of the seals was on paper in somebody's hands."""

    places: frozenset[Place] = frozenset()
    anchors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tampering:
    what: str
    do: Callable[[Random, Stage], Trace]
    nowhere: str = field(default="", kw_only=True)  # why no row can be named


def at(*places: Place, anchors: tuple[str, ...] = ()) -> Trace:
    return Trace(frozenset(places), anchors)


def rows(table: str, where: str = "true") -> list[int]:
    key = "history_id" if "_historical" in table else "id"
    return [row for (row,) in run(f"SELECT {key} FROM {table} WHERE {where} ORDER BY {key}")]


def edit(dice: Random, *columns: tuple[str, str], where: str = "true") -> Trace:
    """Change one column of a random row; `columns` are (table, assignment) to choose from."""
    table, assignment = dice.choice(columns)
    row = dice.choice(rows(table, where))
    with triggers_off(table):
        run(f"UPDATE {table} SET {assignment} WHERE {'history_id' if '_historical' in table else 'id'} = %s", row)
    return at((table, row))


# ---------------------------------------------------------------- edited


def amount(dice: Random, stage: Stage) -> Trace:
    return edit(
        dice,
        ("funds_transfer", "amount_fen = amount_fen + 100"),
        ("casework_case", "amount_fen = coalesce(amount_fen, 0) + 100"),
        ("casework_historicalcase", "amount_fen = coalesce(amount_fen, 0) + 100"),
        ("casework_caseevent", "amount_fen = coalesce(amount_fen, 0) + 100"),
    )


def account(dice: Random, stage: Stage) -> Trace:
    return edit(
        dice,
        ("families_bankaccount", "number_last4 = '0000', bank = 'x'"),
        ("families_historicalbankaccount", "number_index = 'x'"),
        ("funds_transfer", "credit_id = (SELECT max(id) FROM funds_account a WHERE a.id <> funds_transfer.credit_id)"),
    )


def time(dice: Random, stage: Stage) -> Trace:
    return edit(
        dice,
        ("casework_caseevent", "business_date = business_date - 1"),
        ("casework_historicalcase", "history_date = history_date - interval '1 hour'"),
        ("audit_accesslog", "at = at - interval '1 day'"),
        ("funds_transfer", "recorded_at = recorded_at - interval '1 second'"),
    )


def actor(dice: Random, stage: Stage) -> Trace:
    return edit(
        dice,
        ("casework_historicalcase", "history_user_id = coalesce(history_user_id, 0) + 1"),
        ("casework_caseevent", "by_id = (SELECT max(id) + (max(id) = coalesce(by_id, 0))::int FROM access_staff)"),
        ("audit_accesslog", "actor_id = actor_id + 1"),
    )


def address(dice: Random, stage: Stage) -> Trace:
    return edit(dice, ("audit_accesslog", "address = '192.0.2.99'"))


def decision(dice: Random, stage: Stage) -> Trace:
    return edit(
        dice,
        ("casework_caseevent", "action = 'reject', to_state = 'rejected'"),
        ("casework_deliberation", "votes_for = votes_for - 1, votes_against = votes_against + 1"),
        ("casework_historicaldeliberation", "votes_for = votes_for + 1"),
    )


# ---------------------------------------------------------------- taken away


def transfer_deleted(dice: Random, stage: Stage) -> Trace:
    """One that its receiver can do without, so that the balances can be made to fit."""
    enough = "(SELECT a.credit_fen - t.amount_fen >= a.debit_fen FROM funds_account a WHERE a.id = t.credit_id)"
    row = dice.choice([row for (row,) in run(f"SELECT id FROM funds_transfer t WHERE {enough} ORDER BY id")])
    with triggers_off("funds_transfer", "funds_account"):
        run(
            "UPDATE funds_account a SET debit_fen = debit_fen - CASE WHEN a.id = t.debit_id THEN t.amount_fen ELSE 0 END,"
            " credit_fen = credit_fen - CASE WHEN a.id = t.credit_id THEN t.amount_fen ELSE 0 END"
            " FROM funds_transfer t WHERE t.id = %s AND a.id IN (t.debit_id, t.credit_id)",
            row,
        )
        run("ALTER TABLE funds_transfer DISABLE TRIGGER ALL")
        run("DELETE FROM funds_transfer WHERE id = %s", row)
        run("ALTER TABLE funds_transfer ENABLE TRIGGER ALL")
    return at(("funds_transfer", row))


def _with_its_link(table: str, row: int) -> Trace:
    """Take a row away, its link as well; the places are its leaf, and the link that now hangs in the air."""
    ((entry, stream, n),) = run("SELECT id, stream, n FROM audit_entry WHERE tbl = %s AND row_id = %s", table, row)
    left = [
        ("audit_leaf", position) for (position,) in run("SELECT position FROM audit_leaf WHERE entry_id = %s", entry)
    ]
    left += run("SELECT tbl, row_id FROM audit_entry WHERE stream = %s AND n = %s", stream, n + 1)
    if table == "casework_caseevent":  # its case counts one act too many
        left += run("SELECT 'casework_case', case_id FROM casework_caseevent WHERE id = %s", row)
    with triggers_off("audit_entry", table):
        run("DELETE FROM audit_entry WHERE id = %s", entry)
        run(f"DELETE FROM {table} WHERE {'history_id' if '_historical' in table else 'id'} = %s", row)
    return at((table, row), *left)


_TAIL = "e.n = (SELECT max(n) FROM audit_entry x WHERE x.stream = e.stream)"
_SEALED = "EXISTS (SELECT FROM audit_leaf l WHERE l.entry_id = e.id)"


def _event(dice: Random, where: str) -> tuple[str, int]:
    tables = ", ".join(f"'{table}'" for table in ("casework_caseevent", "casework_historicalcase", "casework_caseduty"))
    return dice.choice(run(f"SELECT tbl, row_id FROM audit_entry e WHERE tbl IN ({tables}) AND {where} ORDER BY id"))


def event_amid(dice: Random, stage: Stage) -> Trace:
    return _with_its_link(*_event(dice, f"NOT {_TAIL} AND {_SEALED}"))


def event_at_the_end(dice: Random, stage: Stage) -> Trace:
    """The sealed end of a case's stream: its last link and its row."""
    table, row = dice.choice(
        run(f"SELECT tbl, row_id FROM audit_entry e WHERE {_TAIL} AND {_SEALED} AND stream LIKE 'case:%%' ORDER BY id")
    )
    return _with_its_link(table, row)


def read_deleted(dice: Random, stage: Stage) -> Trace:
    return _with_its_link("audit_accesslog", dice.choice(rows("audit_accesslog", "id IN (SELECT row_id FROM audit_entry e"
        f" WHERE tbl = 'audit_accesslog' AND {_SEALED})")))  # fmt: skip


def before_its_seal(dice: Random, stage: Stage) -> Trace:
    """Written since the last seal, and gone before the next: of what an act left, one thing."""
    return _with_its_link(*_event(dice, f"NOT {_SEALED}"))


# ---------------------------------------------------------------- put in


def _copied(table: str, row: int, **changed: str) -> int:
    """A second row like this one, past the chain; returns its number."""
    key = "history_id" if "_historical" in table else "id"
    new = run(f"SELECT max({key}) + 1000 FROM {table}")[0][0]
    pairs = ", ".join(f"'{name}', {value}" for name, value in {key: str(new), **changed}.items())
    with triggers_off(table):
        run(
            f"INSERT INTO {table} SELECT (jsonb_populate_record(r, jsonb_build_object({pairs}))).* FROM {table} r WHERE {key} = %s",
            row,
        )
    return new


def balanced_fake(dice: Random, stage: Stage) -> Trace:
    """A transfer that never was, with the balances it would have made."""
    row = dice.choice(rows("funds_transfer", "kind = 'receive'"))
    new = _copied("funds_transfer", row, key="'fake:' || r.id")
    with triggers_off("funds_account"):
        run(
            "UPDATE funds_account a SET debit_fen = debit_fen + CASE WHEN a.id = t.debit_id THEN t.amount_fen ELSE 0 END,"
            " credit_fen = credit_fen + CASE WHEN a.id = t.credit_id THEN t.amount_fen ELSE 0 END"
            " FROM funds_transfer t WHERE t.id = %s AND a.id IN (t.debit_id, t.credit_id)",
            new,
        )
    return at(("funds_transfer", new))


def duplicated(dice: Random, stage: Stage) -> Trace:
    table = dice.choice(["audit_accesslog", "casework_historicalcase"])
    return at((table, _copied(table, dice.choice(rows(table)))))


def reordered(dice: Random, stage: Stage) -> Trace:
    """Two links of a stream change places, with their hashes."""
    stream = dice.choice(run("SELECT stream FROM audit_entry GROUP BY stream HAVING count(*) > 3 ORDER BY stream"))[0]
    length = run("SELECT max(n) FROM audit_entry WHERE stream = %s", stream)[0][0]
    one, two = sorted(dice.sample(range(2, length + 1), 2))
    places = run("SELECT tbl, row_id FROM audit_entry WHERE stream = %s AND n IN (%s, %s)", stream, one, two)
    with triggers_off("audit_entry"):
        run("UPDATE audit_entry SET n = 1000000 WHERE stream = %s AND n = %s", stream, one)
        run("UPDATE audit_entry SET n = %s WHERE stream = %s AND n = %s", one, stream, two)
        run("UPDATE audit_entry SET n = %s WHERE stream = %s AND n = 1000000", two, stream)
    return at(*places)


# ---------------------------------------------------------------- what counts today


def cached_balance(dice: Random, stage: Stage) -> Trace:
    return edit(dice, ("funds_account", "credit_fen = credit_fen + 5000, debit_fen = debit_fen + 5000"))


def budget_cap(dice: Random, stage: Stage) -> Trace:
    """Caps are parameters of a programme's rules."""
    return edit(dice, ("flows_programmeversion", """parameters = parameters || '{"cap_fen": 999999999}'"""))


def region(dice: Random, stage: Stage) -> Trace:
    return edit(
        dice,
        ("families_household", "village_id = (SELECT id FROM access_orgunit u WHERE u.level = 'village' AND u.id <> families_household.village_id ORDER BY id LIMIT 1)"),
    )  # fmt: skip


def ciphertexts(dice: Random, stage: Stage) -> Trace:
    one, two = dice.sample(rows("families_bankaccount"), 2)
    with triggers_off("families_bankaccount"):
        run(
            "UPDATE families_bankaccount a SET number_sealed = b.number_sealed FROM families_bankaccount b"
            " WHERE (a.id, b.id) IN ((%s, %s), (%s, %s))",
            one, two, two, one,
        )  # fmt: skip
    return at(("families_bankaccount", one), ("families_bankaccount", two))


def attachment(dice: Random, stage: Stage) -> Trace:
    """On the disk, past the database: other bytes, of the same length or not, or none. Put back by the test."""
    row = dice.choice(rows("families_document"))
    name = run("SELECT file FROM families_document WHERE id = %s", row)[0][0]
    path = Path(default_storage.path(name))
    real = path.read_bytes()
    change = dice.choice(["flip", "add", "remove"])
    if change == "remove":
        path.unlink()
    else:
        path.write_bytes(real + b"x" if change == "add" else bytes([real[0] ^ 1]) + real[1:])
    stage.put_back = lambda: path.write_bytes(real)
    return at(("families_document", row))


def one_guard_off(dice: Random, stage: Stage) -> Trace:
    """Not all guards of a table but the one in the way, and on again as if nothing had been."""
    row = dice.choice(rows("casework_caseevent"))
    settle()
    run("ALTER TABLE casework_caseevent DISABLE TRIGGER audit_append_only")
    run("UPDATE casework_caseevent SET reason = reason || '（补）' WHERE id = %s", row)
    settle()
    run("ALTER TABLE casework_caseevent ENABLE ALWAYS TRIGGER audit_append_only")
    return at(("casework_caseevent", row))


# ---------------------------------------------------------------- the trail itself


def chain_made_anew(dice: Random, stage: Stage) -> Trace:
    """A row is edited; then its digest, every later link of its stream, all leaves and the stored tree are made to fit."""
    row = dice.choice(rows("casework_historicalcase", "history_id IN (SELECT row_id FROM audit_entry e"
        f" WHERE tbl = 'casework_historicalcase' AND {_SEALED})"))  # fmt: skip
    stream, n = run("SELECT stream, n FROM audit_entry WHERE tbl = 'casework_historicalcase' AND row_id = %s", row)[0]
    with triggers_off("casework_historicalcase", "casework_case", "audit_entry", "audit_leaf", "audit_tile"):
        run("UPDATE casework_historicalcase SET summary = summary || '改' WHERE history_id = %s", row)
        run("SET LOCAL timezone = 'UTC'")
        run(f"UPDATE audit_entry e SET digest = {proofs.DIGEST} FROM casework_historicalcase r"
            " WHERE e.tbl = 'casework_historicalcase' AND e.row_id = %s AND r.history_id = e.row_id", row)  # fmt: skip
        for later in range(n, run("SELECT max(n) FROM audit_entry WHERE stream = %s", stream)[0][0] + 1):
            run(
                "UPDATE audit_entry e SET prev = (SELECT hash FROM audit_entry p WHERE p.stream = e.stream AND p.n = e.n - 1)"
                " WHERE stream = %s AND n = %s",
                stream, later,
            )  # fmt: skip
            run(f"UPDATE audit_entry e SET hash = {proofs.LINK} WHERE stream = %s AND n = %s", stream, later)
        run(f"""UPDATE audit_leaf l SET hash = made.hash FROM (
              SELECT e.id, {leaves.leaf_sql()} AS hash FROM (SELECT {leaves.LINK_COLUMNS}, l.salt FROM audit_leaf l
              JOIN audit_entry e ON e.id = l.entry_id WHERE e.stream = %s) e {leaves.facts_joins()}) made
            WHERE l.entry_id = made.id""", stream)  # fmt: skip
        run("DELETE FROM audit_tile")
        run("SET LOCAL timezone = 'Asia/Shanghai'")
        leaves._add_tiles(0, leaves.size())
        settle()
    return at(("casework_historicalcase", row))


def seal_edited(dice: Random, stage: Stage) -> Trace:
    change = dice.choice(["root = sha256('x')", "made_at = made_at - interval '1 day'", "total = total + 1", "entries = entries + 1",
                          "previous = sha256('x')", "signature = decode(repeat('00', 64), 'hex')", "hash = sha256('x')"])  # fmt: skip
    row = dice.choice(rows("audit_checkpoint"))
    with triggers_off("audit_checkpoint"):
        run(f"UPDATE audit_checkpoint SET {change} WHERE id = %s", row)
    return at(("audit_checkpoint", row))


def forked(dice: Random, stage: Stage) -> Trace:
    """One auditor was given a seal; the next one is shown another history, honestly signed, that has as many leaves."""
    point = transaction.savepoint()
    stage.work()
    given = _sealed()
    transaction.savepoint_rollback(point)
    stage.work()
    _sealed()
    return at(anchors=(given,))


def rolled_back(dice: Random, stage: Stage) -> Trace:
    """Yesterday's backup is brought back, complete and sound, and today never was; its paper is on a wall."""
    point = transaction.savepoint()
    for _n in range(dice.randint(1, 2)):
        stage.work()
        printed = _sealed()
    transaction.savepoint_rollback(point)
    return at(anchors=(printed,))


def _sealed() -> str:
    settle()
    while checkpoints.seal(everything=True):
        pass
    last = checkpoints.latest()
    return f"{last.total} {last.fingerprint}"


_WHOLE_TREE = "its seals say that the sealed history is another one, and not in which of its rows"
_ON_PAPER = "the database agrees with itself; a paper alone shows that there was another"

TAMPERINGS = (
    Tampering("edit an amount", amount),
    Tampering("edit an account", account),
    Tampering("edit a time", time),
    Tampering("edit an actor", actor),
    Tampering("edit an address", address),
    Tampering("edit a decision", decision),
    Tampering("delete a transfer, which is posting and entry in one", transfer_deleted),
    Tampering("delete an event amid its stream", event_amid),
    Tampering("delete an event at the end of its stream", event_at_the_end),
    Tampering("delete what tells of a reading", read_deleted),
    Tampering("insert a balanced fake transfer", balanced_fake),
    Tampering("reorder", reordered),
    Tampering("duplicate", duplicated),
    Tampering("edit a cached balance", cached_balance),
    Tampering("edit a cap", budget_cap),
    Tampering("move a household to another region", region),
    Tampering("swap the ciphertexts of two cards", ciphertexts),
    Tampering("alter an attachment", attachment),
    Tampering("switch one guard off, edit, switch it on again", one_guard_off),
    Tampering("make the whole chain anew", chain_made_anew, nowhere=_WHOLE_TREE),
    Tampering("edit a seal", seal_edited),
    Tampering("show each auditor another history", forked, nowhere=_ON_PAPER),
    Tampering("roll back to an old backup", rolled_back, nowhere=_ON_PAPER),
    Tampering("delete before it was sealed", before_its_seal),
)
