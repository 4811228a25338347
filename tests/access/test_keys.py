"""Keys are renewed while people work; what was sealed opens on, what is written is under the new key, nothing is lost."""

import json
import shutil
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from access import data_keys, resealing, vault
from access.errors import DecryptionFailed, KeysRefused
from access.models import DataKey, OrgUnit
from access.secrets import KeyMissing, Secrets, numbered
from casework.embedded_postgres.beside import bring_back, keep
from families.models import BankAccount, Household, Person
from tests.owner import owner
from tests.world import World, build_world, load_world


@pytest.fixture
def own_keys(settings: Any, tmp_path: Path) -> Iterator[Secrets]:
    """A copy of the key file, so that what a test renews is nobody else's."""
    settings.SECRETS.bytes("sealing_key_1")
    shutil.copy(settings.SECRETS.path, tmp_path / "secrets.json")
    settings.SECRETS = Secrets(tmp_path / "secrets.json")
    data_keys.forget()
    yield settings.SECRETS
    data_keys.forget()


def keys(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("keys", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def number_of(account: BankAccount) -> str:
    return vault.unseal(account.number_sealed, row=account.number_row)


def from_scratch() -> None:
    """As a process that has just started."""
    settings.SECRETS = Secrets(settings.SECRETS.path)
    data_keys.forget()


def test_what_was_sealed_before_opens_and_what_is_written_is_under_the_new_key(world: World, own_keys: Secrets) -> None:
    account = world.household().accounts.get()
    before, number = bytes(account.number_sealed), number_of(account)

    answer = keys("rotate", "values")
    from_scratch()

    account.refresh_from_db()
    assert answer["resealed"] >= 3 and number_of(account) == number
    assert bytes(account.number_sealed)[1] == 2 and before[1] == 1
    assert vault.unseal(before, row=account.number_row) == number, "history keeps its bytes, and they open"
    fresh = world.household().accounts.get()
    assert bytes(fresh.number_sealed)[1] == 2
    assert account.history.first().history_change_reason == "keys rotate"
    assert account.history.count() == 2, "the older version stays as it was written"


def test_the_old_root_is_retired_and_opens_nothing_of_todays_database(world: World, own_keys: Secrets) -> None:
    person = world.household().head
    stolen = json.loads(own_keys.path.read_text())
    keys("rotate", "values")
    keys("rotate", "values")

    retired = keys("retire", "values")["retired"]
    from_scratch()

    person.refresh_from_db()
    assert retired == ["root_key_1", "sealing_key_1"]
    assert vault.unseal(person.id_number_sealed, row=person.id_number_row)
    own_keys.path.write_text(json.dumps(stolen))
    from_scratch()
    with pytest.raises(DecryptionFailed):
        vault.unseal(person.id_number_sealed, row=person.id_number_row)


def test_a_rotation_that_was_cut_off_loses_nothing_and_is_finished_by_the_next(
    world: World, own_keys: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = {account.pk: number_of(account) for account in (world.household().accounts.get() for _n in range(3))}
    monkeypatch.setattr(resealing, "BATCH", 1)
    done: list[int] = []

    def power_cut(_column: Any, _count: int) -> None:
        done.append(1)
        if len(done) == 2:
            raise KeyboardInterrupt

    data_keys.renew()
    own_keys.touch()
    with pytest.raises(KeyboardInterrupt):
        resealing.reseal(on_batch=power_cut)
    from_scratch()
    assert {pk: number_of(BankAccount.objects.get(pk=pk)) for pk in numbers} == numbers
    with pytest.raises(CommandError, match="older key"):
        keys("retire", "values")

    answer = keys("rotate", "values")

    assert "begun before" in answer["values"] and DataKey.objects.count() == 2
    assert {pk: number_of(BankAccount.objects.get(pk=pk)) for pk in numbers} == numbers
    assert set(keys("status", "values")["families_bankaccount.number_sealed"]) == {"2"}


def test_a_cut_before_the_commit_leaves_every_key_as_it_was(world: World, own_keys: Secrets) -> None:
    account = world.household().accounts.get()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        data_keys.renew()
        1 / 0  # noqa: B018 - the power goes
    from_scratch()

    assert not DataKey.objects.exists() and number_of(account)
    assert bytes(vault.seal("6", row="x"))[1] == 1
    keys("rotate", "values")
    assert DataKey.objects.get(number=2).root == 2, "the root that was never used is skipped"


def test_a_ciphertext_copied_to_another_row_does_not_open_after_a_rotation_either(
    world: World, own_keys: Secrets
) -> None:
    one, other = world.household().accounts.get(), world.household().accounts.get()
    keys("rotate", "values")
    one.refresh_from_db()
    with pytest.raises(DecryptionFailed):
        vault.unseal(one.number_sealed, row=other.number_row)


def test_a_missing_key_is_never_made_up(world: World, own_keys: Secrets) -> None:
    sealed = bytearray(vault.seal("6", row="x"))
    sealed[1] = 9
    with pytest.raises(DecryptionFailed, match="no data key 9"):
        vault.unseal(bytes(sealed), row="x")
    with pytest.raises(KeyMissing):
        own_keys.existing("root_key_7")
    assert not own_keys.has("root_key_7") and not own_keys.has("sealing_key_9")


def test_nothing_is_retired_while_a_data_key_does_not_open(world: World, own_keys: Secrets) -> None:
    keys("rotate", "values")
    own_keys.forget("root_key_1")
    with pytest.raises(KeysRefused, match="Nothing is retired"):
        data_keys.retire()
    assert own_keys.has("sealing_key_1")


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM access_datakey",
        "UPDATE access_datakey SET wrapped = '\\x00' WHERE number = 1",
        "UPDATE access_datakey SET root = 9",
        "UPDATE access_datakey SET number = 77, wrapped = '\\x00', root = 9 WHERE number = 1",
        "INSERT INTO access_datakey (number, wrapped, root, made_at) VALUES (0, '\\x00', 1, now())",
    ],
)
def test_a_data_key_is_never_lost(world: World, own_keys: Secrets, sql: str) -> None:
    data_keys.renew()
    with (
        pytest.raises(DatabaseError, match="a_data_key_is_never_lost|never lost|data_key_numbers"),
        transaction.atomic(),
        owner(),
    ):
        connection.cursor().execute(sql)


def test_history_keeps_no_wrapped_key(world: World, own_keys: Secrets) -> None:
    data_keys.renew()
    columns = {field.column for field in DataKey.history.model._meta.concrete_fields}
    assert "wrapped" not in columns and {"number", "root"} <= columns


def test_sessions_go_on_under_the_old_key_until_it_is_retired(own_keys: Secrets, db: None) -> None:
    first = own_keys.text("django_secret_key")
    keys("rotate", "sessions")
    assert own_keys.generations("django_secret_key") == [1, 2]
    newest, *older = (own_keys.text(numbered("django_secret_key", n)) for n in (2, 1))
    assert newest != first and older == [first]
    assert keys("retire", "sessions")["retired"] == ["django_secret_key"]
    assert own_keys.generations("django_secret_key") == [2]


def test_going_back_to_a_moment_brings_the_retired_keys_back(tmp_path: Path) -> None:
    data, archive = tmp_path / "data", tmp_path / "archive"
    secrets = Secrets(data / "secrets.json")
    secrets.bytes("root_key_1")
    keep(data, archive)
    secrets.bytes("root_key_2")
    secrets.forget("root_key_1")
    keep(data, archive)

    bring_back(archive, data)

    assert Secrets(data / "secrets.json").generations("root_key") == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_people_read_and_write_while_keys_are_renewed(settings: Any, own_keys: Secrets) -> None:
    with transaction.atomic():
        world = load_world() if OrgUnit.objects.exists() else build_world()
        homes = [world.household() for _n in range(8)]
    expected = {home.accounts.get().pk: number_of(home.accounts.get()) for home in homes}
    over, wrong, read = threading.Event(), [], []

    def work() -> None:
        try:
            while not over.is_set():
                for pk, number in expected.items():
                    read.append(1)
                    if number_of(BankAccount.objects.get(pk=pk)) != number:
                        wrong.append(pk)
                with transaction.atomic():
                    home = Household.objects.select_for_update().get(pk=homes[0].pk)
                    home.remark = f"{len(read)}"
                    home.save()
                    Person.objects.select_for_update().get(pk=home.head_id).save()
        except (DecryptionFailed, DatabaseError) as error:
            wrong.append(error)
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _n in range(3):
            keys("rotate", "values")
            keys("retire", "values")
    finally:
        over.set()
        worker.join(30)

    assert not wrong and len(read) > 8
    from_scratch()
    assert {pk: number_of(BankAccount.objects.get(pk=pk)) for pk in expected} == expected
    assert own_keys.generations("root_key") == [3]
