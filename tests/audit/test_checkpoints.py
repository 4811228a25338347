"""Seals cover every finished transaction exactly once, whatever the order of commits."""

import contextlib
import threading
import time
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from access.models import OrgUnit
from audit import checkpoints, leaves, trail, tree
from audit.errors import TreeIsBroken
from audit.models import Checkpoint, Entry, Leaf
from audit.regrowing import Regrown
from audit.verify import verify
from tests.audit.attack import run, triggers_off
from tests.owner import owner

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_database")]


@transaction.atomic
def add(code: str) -> None:
    OrgUnit.objects.create(code=code, name="村", level="province", valid_from="2026-01-01")


def seal_all() -> list[Checkpoint]:
    """Seal until nothing is open; only a transaction of this very database could hold it back."""
    made = []
    for _ in range(50):
        if checkpoint := checkpoints.seal():
            made.append(checkpoint)
        if Leaf.objects.count() == Entry.objects.count():
            return made
        time.sleep(0.1)
    raise AssertionError(f"not sealed within five seconds; running in this database: {_open_transactions()}")


def _open_transactions() -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, application_name, state, xact_start FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
        )
        return cursor.fetchall()


@contextlib.contextmanager
def writing_elsewhere() -> Iterator[None]:
    """A transaction with a number, open in another database of the same server."""
    with contextlib.closing(connection.copy()) as other:
        other.settings_dict = connection.settings_dict | {"NAME": "postgres"}
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_current_xact_id()")
            yield


def test_a_seal_covers_what_is_new_and_the_seal_before() -> None:
    add("970001")
    first = seal_all()
    add("970002")
    second = seal_all()

    assert bytes(second[0].previous) == bytes(first[-1].hash)
    assert second[-1].total == Entry.objects.count()
    assert checkpoints.seal() is None
    assert verify(anchors=[first[0].fingerprint, second[0].fingerprint]).problems == []
    assert len(checkpoints.public_key()) == 32
    assert all(link.is_sealed for link in trail.entries(Entry.objects.latest("id").stream))


def test_a_slow_transaction_with_lower_numbers_is_sealed_later_and_once() -> None:
    # Closed whatever happens: left open it would hold up the emptying of the database for ever.
    with contextlib.closing(connection.copy()) as slow, slow.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "INSERT INTO access_orgunit (code, name, level, valid_from) VALUES ('970003', '慢', 'province', '2026-01-01')"
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        add("970004")
        seal_all()
        add("970016")
        second = seal_all()  # a slow one holds nobody else's seal back
        assert second and second[-1].total == Entry.objects.count()
        assert verify().problems == []
        cursor.execute("COMMIT")

    third = seal_all()

    newest = Entry.objects.get(pk=Leaf.objects.get(position=third[-1].total - 1).entry_id)
    earlier = Leaf.objects.filter(position__lt=third[-1].total - 1, entry_id__gt=newest.pk)
    assert third[-1].entries == 1 and earlier.count() == 2
    assert [leaf.position for leaf in Leaf.objects.order_by("position")] == list(range(Entry.objects.count()))
    assert verify().problems == []


def test_many_slow_and_quick_writers_leave_no_entry_without_its_leaf() -> None:
    """Two connections write while a third seals, in an order that nobody chose."""
    written = 40

    def write(start: int, pause: float) -> None:
        with contextlib.closing(connection.copy()) as own, own.cursor() as cursor:
            for n in range(start, start + written):
                cursor.execute("BEGIN")
                cursor.execute(
                    "INSERT INTO access_orgunit (code, name, level, valid_from) VALUES (%s, '村', 'province', '2026-01-01')",
                    [str(n)],
                )
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                time.sleep(pause)
                cursor.execute("COMMIT")

    writers = [
        threading.Thread(target=write, args=(980000, 0.02)),
        threading.Thread(target=write, args=(960000, 0.003)),
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        checkpoints.seal()
    for writer in writers:
        writer.join()
    seal_all()

    assert Leaf.objects.count() == Entry.objects.count() >= 2 * written
    assert verify().problems == []


def test_a_long_transaction_in_another_database_holds_nothing_back() -> None:
    with writing_elsewhere():
        add("970012")

        last = seal_all()[-1]
        assert checkpoints.seal() is None
        assert last.horizon_xid is not None
    add("970013")
    seal_all()

    assert verify().problems == []


def test_what_this_very_transaction_wrote_is_not_sealed_in_it() -> None:
    add("970014")
    seal_all()
    with transaction.atomic():
        add("970015")
        connection.check_constraints()
        assert checkpoints.seal() is None

    seal_all()
    assert verify().problems == []


def test_two_workers_do_not_seal_the_same_twice() -> None:
    add("970005")
    with contextlib.closing(connection.copy()) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [checkpoints._LOCK])
        assert checkpoints.seal() is None

    seal_all()
    assert verify().problems == []


def test_seals_go_on_after_a_restore_that_counts_transactions_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old database was at transaction 10^12; its last entry was not yet sealed when it was lost."""
    for code in ("970005", "970006"):
        add(code)
    with triggers_off("audit_entry"):
        run("UPDATE audit_entry SET xid = (1000000000000 + id)::text::xid8")
    monkeypatch.setattr(checkpoints, "_horizon", lambda: 10**12 + 500)
    old = seal_all()[-1]
    monkeypatch.undo()
    add("970007")
    with triggers_off("audit_entry"):
        run(
            "UPDATE audit_entry SET xid = (1000000000000 + id)::text::xid8 WHERE id = (SELECT max(id) FROM audit_entry)"
        )
    add("970008")  # written by the restored database before its first seal

    first = seal_all()
    add("970009")
    second = seal_all()

    assert sum(made.entries for made in first) == 2 and first[-1].horizon_xid < old.horizon_xid
    assert [made.entries for made in second] == [1]
    assert verify().problems == []


def test_an_entry_that_was_overlooked_is_found_when_everything_is_looked_at() -> None:
    """What was settled is only believed for a day: somebody may have moved the mark."""
    add("970021")
    seal_all()
    add("970022")
    with triggers_off("audit_checkpoint"):
        run(
            "UPDATE audit_checkpoint SET horizon_xid = (SELECT (max(xid)::text::bigint + 1)::text::xid8 FROM audit_entry)"
            " WHERE id = (SELECT max(id) FROM audit_checkpoint)"
        )
    assert checkpoints.seal() is None and Leaf.objects.count() == Entry.objects.count() - 1

    checkpoints.seal(everything=True)

    assert Leaf.objects.count() == Entry.objects.count()
    assert verify().problems == []


def test_a_tree_that_was_changed_is_not_sealed_again() -> None:
    add("970026")
    seal_all()
    with triggers_off("audit_leaf"):
        run("UPDATE audit_leaf SET hash = sha256('x') WHERE position = 0")
    add("970027")

    with pytest.raises(TreeIsBroken):
        checkpoints.seal()
    assert Leaf.objects.count() == Entry.objects.count() - 1
    assert {"leaf", "checkpoint_root"} <= {problem.kind for problem in verify().problems}


def test_a_long_trail_is_sealed_in_batches_and_kept_in_tiles() -> None:
    with transaction.atomic():
        for n in range(700):
            add(str(100_000 + n))
    first = checkpoints.seal(limit=300)
    second = checkpoints.seal(limit=300)
    rest = seal_all()

    assert (first.total, second.total, rest[-1].total) == (300, 600, 700)
    assert run("SELECT level, index FROM audit_tile ORDER BY 1, 2") == [(0, 0), (0, 1)]
    assert verify(anchors=[f"300 {first.fingerprint}", f"600:{bytes(second.root).hex()}"]).problems == []
    assert [p.kind for p in verify(anchors=[f"301 {first.fingerprint}", f"900 {first.fingerprint}"]).problems] == [
        "anchor"
    ] * 2
    stored, count = leaves.Stored(700), 700
    in_memory = tree.nodes_of([bytes(leaf.hash) for leaf in Leaf.objects.order_by("position")])
    for index in (0, 255, 256, 511, 512, 699):
        assert tree.inclusion_proof(index, count, stored.node) == tree.inclusion_proof(index, count, in_memory)
    assert tree.consistency_proof(300, 700, stored.node) == tree.consistency_proof(300, 700, in_memory)


def test_a_proof_in_a_long_trail_reads_a_handful_of_rows(django_assert_max_num_queries) -> None:
    """70,000 leaves, put in without entries: two levels of tiles."""
    run(
        "INSERT INTO audit_leaf SELECT n, -n - 1, decode(repeat('00', 16), 'hex'), sha256(n::text::bytea) FROM generate_series(0, 69999) n"
    )
    with owner():
        leaves._add_tiles(0, 70_000)
    assert run("SELECT level, count(*) FROM audit_tile GROUP BY 1 ORDER BY 1") == [(0, 273), (1, 1)]

    with django_assert_max_num_queries(8):
        stored = leaves.Stored(70_000)
        proof = tree.inclusion_proof(33_333, 70_000, stored.node)
        root = stored.root()

    leaf = bytes(Leaf.objects.get(position=33_333).hash)
    assert tree.is_included(leaf, 33_333, 70_000, proof, root)
    assert root == tree.root_of(bytes(leaf.hash) for leaf in Leaf.objects.order_by("position"))
    assert Regrown().wrong_tiles() == []


def test_verifying_beside_writers_gives_no_alarm() -> None:
    """Everything is read in one snapshot: a transaction that commits in the middle is seen wholly or not at all."""
    with transaction.atomic():
        add("970010")
    seen = []

    def write_meanwhile() -> list:
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("UPDATE access_orgunit SET name = name || '改' WHERE code = '970010'")
        other.close()
        seen.append(True)
        return []

    from audit import verify as module

    module._checks["meanwhile"] = write_meanwhile
    tables = module.proofs.tracked_tables
    try:
        module.proofs.tracked_tables = lambda: (write_meanwhile(), tables())[1]
        assert verify().problems == []
    finally:
        module.proofs.tracked_tables = tables
        del module._checks["meanwhile"]
    assert len(seen) == 2 and verify().problems == []


def test_the_command_seals_and_says_what_to_print() -> None:
    add("970011")
    out = StringIO()
    call_command("audit", "checkpoint", stdout=out)

    assert "fingerprint" in out.getvalue()
