"""The key of the seals is handed over: old seals go on being checked, bundles follow, and nobody slips in a key of his own."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.db import DatabaseError, transaction

from access.secrets import KeyMissing, Secrets
from audit import bundle, checkpoints, handovers, leaves
from audit.context import Acting, request_of
from audit.errors import NothingSealed
from audit.models import Checkpoint, Handover
from audit.verify import verify
from tests.audit.attack import run, settle, triggers_off
from tests.audit.bundles import members_of, run_alone, with_manifest
from tests.world import World


@pytest.fixture(autouse=True)
def own_keys(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(leaves, "_own_transaction", lambda: 0)
    settings.SECRETS.bytes("checkpoint_key")
    shutil.copy(settings.SECRETS.path, tmp_path / "secrets.json")
    settings.SECRETS = Secrets(tmp_path / "secrets.json")
    yield


@pytest.fixture
def three_keys(world: World) -> list[str]:
    """Seals of three keys, one after the other; the public keys in hexadecimal."""
    keys = []
    for _n in range(2):
        world.open()
        settle()
        checkpoints.seal()
        keys.append(checkpoints.public_key().hex())
        checkpoints.hand_over()
    world.open()
    settle()
    checkpoints.seal()
    return [*keys, checkpoints.public_key().hex()]


def export(path: Path, **how: Any) -> dict[str, bytes]:
    with request_of(lambda: Acting(by_id=0, by_name="shell")):
        bundle.export(path, **how)
    return members_of(path.read_bytes())


def kinds() -> set[str]:
    settle()
    checkpoints.seal_all(everything=True)
    return {problem.kind for problem in verify().problems}


def test_old_seals_are_checked_after_the_key_was_handed_over(three_keys: list[str]) -> None:
    assert len(set(three_keys)) == 3 and kinds() == set()
    assert Checkpoint.objects.values("log_id").distinct().count() == 1, "the log keeps its name"


def test_what_the_old_key_signed_holds_without_it(three_keys: list[str]) -> None:
    assert checkpoints.forget_old_keys() == ["checkpoint_key", "checkpoint_key_2"]
    assert checkpoints.forget_old_keys() == []
    assert kinds() == set()


@pytest.mark.parametrize("known", [0, 1, 2])
def test_whoever_knows_any_of_the_keys_can_check_a_bundle(three_keys: list[str], tmp_path: Path, known: int) -> None:
    export(tmp_path / "all.zip")
    status, answer = run_alone(tmp_path / "all.zip", "--key", three_keys[known])
    assert status == 0, answer["verdict"]


def test_a_strange_key_does_not_do(three_keys: list[str], tmp_path: Path) -> None:
    export(tmp_path / "all.zip")
    strange = handovers.raw(Ed25519PrivateKey.generate()).hex()
    status, answer = run_alone(tmp_path / "all.zip", "--key", strange)
    assert status == 1 and "another key" in answer["verdict"]


def test_a_bundle_whose_handover_was_changed_or_left_out_does_not_hold(three_keys: list[str], tmp_path: Path) -> None:
    members = export(tmp_path / "all.zip")
    rows = [json.loads(line) for line in members["handovers.jsonl"].splitlines()]

    def verdict(changed: list[dict[str, Any]]) -> str:
        text = b"".join(bundle.canonical(row) + b"\n" for row in changed)
        put = {
            name: text if name == "handovers.jsonl" else data
            for name, data in members.items()
            if changed or name != "handovers.jsonl"
        }
        (tmp_path / "bad.zip").write_bytes(with_manifest(put, checkpoints.sign))
        status, answer = run_alone(tmp_path / "bad.zip", "--key", three_keys[0])
        assert status == 1
        return answer["verdict"]

    assert "signature" in verdict([rows[0] | {"size": rows[0]["size"] + 1}, rows[1]])
    assert "signature" in verdict([rows[0] | {"old_signature": rows[0]["new_signature"]}, rows[1]])
    assert "not the one handed over to last" in verdict(rows[:1])
    assert "another" in verdict([])
    assert "another key" in verdict(rows[1:])


def test_a_key_that_the_old_one_did_not_name_is_found(three_keys: list[str]) -> None:
    mine = Ed25519PrivateKey.generate()
    with triggers_off("audit_handover"):
        run("UPDATE audit_handover SET new_key = %s WHERE n = 3", handovers.raw(mine))
    assert {"handover", "edited"} <= kinds_without_sealing()


def test_a_missing_private_key_is_said_and_no_other_is_made(three_keys: list[str], settings: Any) -> None:
    settings.SECRETS.forget("checkpoint_key_3")
    settings.SECRETS = Secrets(settings.SECRETS.path)
    with pytest.raises(KeyMissing):
        checkpoints.public_key()
    assert "handover" in kinds_without_sealing() and not settings.SECRETS.has("checkpoint_key_3")


def kinds_without_sealing() -> set[str]:
    settle()
    return {problem.kind for problem in verify().problems}


@pytest.mark.parametrize(
    "change", ["n = 9", "old_key = new_key", "size = size + 1", "seal = sha256('x')", "log_id = sha256('x')"]
)
def test_the_database_takes_a_handover_in_order_and_over_the_last_seal_alone(
    three_keys: list[str], change: str
) -> None:
    name, value = change.split(" = ")
    columns = ["n", "log_id", "old_key", "new_key", "size", "seal", "made_at", "old_signature", "new_signature"]
    good = {"n": "4", "old_key": "new_key", "new_key": "sha256('n')", "size": "(SELECT total FROM audit_checkpoint ORDER BY id DESC LIMIT 1)",
            "seal": "(SELECT hash FROM audit_checkpoint ORDER BY id DESC LIMIT 1)"}  # fmt: skip

    def insert(values: dict[str, str]) -> None:
        with transaction.atomic():
            run(
                f"INSERT INTO audit_handover ({', '.join(columns)}) SELECT {', '.join(values.get(c, c) for c in columns)} FROM audit_handover WHERE n = 3"
            )

    bad = good | (
        {"old_key": "new_key", "new_key": "new_key"}
        if name == "old_key"
        else {name: value.replace("size", good["size"])}
    )
    with pytest.raises(DatabaseError, match="handed over by the one in use"):
        insert(bad)
    insert(good)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        run("DELETE FROM audit_handover")


def test_without_a_seal_there_is_nothing_to_hand_over(world: World) -> None:
    with triggers_off("audit_checkpoint", "audit_leaf", "audit_tile"):
        run("DELETE FROM audit_checkpoint; DELETE FROM audit_leaf; DELETE FROM audit_tile")
    with pytest.raises(NothingSealed):
        checkpoints.hand_over()
    assert not Handover.objects.exists()


def test_the_command_hands_over_and_says_the_new_key(world: World, capsys: pytest.CaptureFixture) -> None:
    world.open()
    settle()
    call_command("keys", "rotate", "seals")
    assert checkpoints.public_key().hex() in capsys.readouterr().out
    assert Handover.objects.count() == 1
