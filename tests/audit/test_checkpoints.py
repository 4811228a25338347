"""Seals cover every finished transaction exactly once, whatever the order of commits."""

import contextlib
import time
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from access.models import OrgUnit
from audit import checkpoints, trail
from audit.models import Checkpoint, Entry
from audit.verify import verify
from tests.audit.attack import run, triggers_off

pytestmark = pytest.mark.django_db(transaction=True)


@transaction.atomic
def add(code: str) -> None:
    OrgUnit.objects.create(code=code, name="村", level="province", valid_from="2026-01-01")


def seal_all() -> list[Checkpoint]:
    """Seal until nothing is open; only a transaction of this very database could hold it back."""
    made = []
    for _ in range(50):
        if checkpoint := checkpoints.seal():
            made.append(checkpoint)
        if sum(made.entries for made in Checkpoint.objects.all()) == Entry.objects.count():
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
        checkpoints.seal()
        before = Checkpoint.objects.count()
        assert sum(made.entries for made in Checkpoint.objects.all()) <= Entry.objects.count() - 1
        assert verify().problems == []
        cursor.execute("COMMIT")

    seal_all()

    assert Checkpoint.objects.count() > before
    assert sum(made.entries for made in Checkpoint.objects.all()) == Entry.objects.count()
    assert verify().problems == []


def test_a_long_transaction_in_another_database_holds_no_seal_back() -> None:
    with writing_elsewhere():
        add("970012")

        seal_all()
        assert checkpoints.seal() is None
    add("970013")
    seal_all()

    assert not Checkpoint.objects.filter(is_takeover=True).exists()
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
    """The old database was at transaction 10^12; two of its entries were not yet sealed when it was lost."""
    for code in ("970005", "970006", "970007"):
        add(code)
    with triggers_off("audit_entry"):
        run("UPDATE audit_entry SET xid = (1000000000000 + id)::text::xid8")
    unsealed = Entry.objects.order_by("-id")[1].pk
    monkeypatch.setattr(checkpoints, "_horizon", lambda: 10**12 + unsealed)
    monkeypatch.setattr(checkpoints, "_next_transaction", lambda: 10**12 + unsealed)
    old = checkpoints.seal()
    monkeypatch.undo()
    add("970008")  # written by the restored database before its first seal

    taken_over = checkpoints.seal()
    add("970009")
    after = seal_all()

    assert taken_over.is_takeover and taken_over.entries == 3
    assert not after[-1].is_takeover and sum(made.entries for made in after) == 1
    assert old.entries + taken_over.entries + 1 == Entry.objects.count()
    assert verify().problems == []
    with triggers_off("audit_entry"):
        run("DELETE FROM audit_entry WHERE id = %s", unsealed)
    assert ("checkpoint_cut", taken_over.pk) in {(problem.kind, problem.row) for problem in verify().problems}


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
