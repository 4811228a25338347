"""What PostgreSQL itself refuses about leaves, tiles and seals, tried with the bad row in SQL."""

import pytest
from django.db import IntegrityError, transaction

from audit import checkpoints, leaves
from tests.audit.attack import run, settle
from tests.owner import owner
from tests.world import World

SALT, HASH = "decode(repeat('00', 16), 'hex')", "sha256('x')"


@pytest.fixture
def size(world: World, monkeypatch: pytest.MonkeyPatch) -> int:
    """The number of leaves of a sealed trail with one tile, to which one entry has been added since."""
    world.brought_to("fund_reserved")
    settle()
    monkeypatch.setattr(leaves, "_own_transaction", lambda: 0)
    assert checkpoints.seal()
    return leaves.size()


def refused(statement: str, law: str) -> None:
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        run(statement)
    assert refusal.value.__cause__.diag.constraint_name == law


@pytest.mark.parametrize(
    ("values", "law"),
    [
        (f"(%(size)s + 1, -1, {SALT}, {HASH})", "audit_leaf_in_order"),
        (f"(%(size)s, -1, {SALT}, {HASH}), (%(size)s + 2, -2, {SALT}, {HASH})", "audit_leaf_in_order"),
        (f"(-1, -1, {SALT}, {HASH})", "audit_leaf_position_counts"),
        (f"(0, -1, {SALT}, {HASH})", "audit_leaf_pkey"),
        (f"(%(size)s, (SELECT max(entry_id) FROM audit_leaf), {SALT}, {HASH})", "audit_leaf_once"),
        (f"(%(size)s, -1, '', {HASH})", "audit_leaf_salt_is_whole"),
        (f"(%(size)s, -1, {SALT}, '')", "audit_leaf_hash_is_whole"),
    ],
)
def test_leaves_follow_one_another_one_for_each_entry(size: int, values: str, law: str) -> None:
    refused(f"INSERT INTO audit_leaf (position, entry_id, salt, hash) VALUES {values % {'size': size}}", law)
    assert leaves.size() == size


@pytest.mark.parametrize(
    ("values", "law"),
    [
        (f"(0, 100, decode(repeat('00', 8192), 'hex'), {HASH})", "audit_tile_of_leaves"),
        (f"(1, 0, decode(repeat('00', 8192), 'hex'), {HASH})", "audit_tile_of_leaves"),
        (f"(0, -1, decode(repeat('00', 8192), 'hex'), {HASH})", "audit_tile_index_counts"),
        (f"(8, 0, decode(repeat('00', 8192), 'hex'), {HASH})", "audit_tile_level_counts"),
        (f"(0, 1, decode(repeat('00', 8191), 'hex'), {HASH})", "audit_tile_is_full"),
        ("(0, 1, decode(repeat('00', 8192), 'hex'), '')", "audit_tile_root_is_whole"),
    ],
)
def test_a_tile_is_full_and_what_is_below_it(size: int, values: str, law: str) -> None:
    refused(f"INSERT INTO audit_tile (level, index, hashes, root) VALUES {values}", law)


@pytest.mark.parametrize(
    ("changes", "law"),
    [
        ({"log_id": "NULL"}, "audit_checkpoint_of_tree"),
        ({"total": "total + 1", "entries": "1"}, "audit_checkpoint_of_tree"),
        ({"previous": HASH}, "audit_checkpoint_of_tree"),
        ({"entries": "entries + 1"}, "audit_checkpoint_of_tree"),
        ({"entries": "0"}, "audit_checkpoint_entries_check"),
        ({"entries": "0", "first_xid": "'3'"}, "audit_checkpoint_entries_check"),
    ],
)
def test_a_seal_is_over_the_whole_tree_and_follows_the_one_before(size: int, changes: dict[str, str], law: str) -> None:
    columns = [
        "log_id",
        "entries",
        "total",
        "root",
        "previous",
        "hash",
        "signature",
        "made_at",
        "first_xid",
        "is_takeover",
    ]
    given = {
        "previous": "hash",
        "entries": "0",
        "hash": HASH,
    } | changes
    chosen = ", ".join(given.get(name, name) for name in columns)
    refused(
        f"INSERT INTO audit_checkpoint ({', '.join(columns)})"
        f" SELECT {chosen} FROM audit_checkpoint ORDER BY id DESC LIMIT 1",
        law,
    )


def test_a_seal_is_of_the_old_kind_or_of_the_new(size: int) -> None:
    run("ALTER TABLE audit_checkpoint DISABLE TRIGGER audit_checkpoint_of_tree")
    refused(
        "INSERT INTO audit_checkpoint (log_id, first_xid, entries, total, root, hash, signature, is_takeover)"
        f" SELECT log_id, '3', 1, total, root, {HASH}, signature, false FROM audit_checkpoint",
        "audit_checkpoint_is_of_one_kind",
    )


def test_an_old_seal_is_still_checked_and_the_first_new_one_follows_it(world: World, monkeypatch) -> None:
    """A database from before there was a tree, brought up to date."""
    import datetime

    from audit import old_seals
    from audit.models import Checkpoint
    from audit.verify import verify

    settle()
    count, through, root = old_seals.fold(0, 2**61, 0, None, False)
    made = old_seals.Seal(
        None, 0, 2**61, 0, through, False, count, count, root, datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    )
    run("ALTER TABLE audit_checkpoint DISABLE TRIGGER audit_checkpoint_of_tree")
    with owner():
        old = Checkpoint.objects.create(**made.__dict__, hash=made.hash(), signature=checkpoints.sign(made.hash()))
    run("ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_checkpoint_of_tree")
    monkeypatch.setattr(leaves, "_own_transaction", lambda: 0)

    new = checkpoints.seal()

    assert bytes(new.previous) == bytes(old.hash) and new.total == new.entries == leaves.size() == count
    assert verify(anchors=[old.fingerprint, new.fingerprint]).problems == []
    run("ALTER TABLE audit_entry DISABLE TRIGGER USER")
    run("DELETE FROM audit_entry WHERE id = %s", through)
    run("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_append_only")
    run("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_no_truncate")
    assert {"checkpoint_cut", "leaf_orphan"} <= {problem.kind for problem in verify().problems}
