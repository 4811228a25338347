"""What a backup and the server's own log hold of a family: numbers sealed, names in clear."""

import os
import tarfile
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from access import vault
from access.models import OrgUnit
from casework.embedded_postgres import Database
from casework.embedded_postgres.backup import backup
from families.models import Household
from tests.audit.attack import run
from tests.world import World, build_world, load_world


@pytest.mark.django_db(transaction=True)
def test_a_backup_and_the_log_of_the_server_hold_sealed_numbers_and_names_in_clear(tmp_path: Path) -> None:
    """Names are not sealed in the database, and so are in a backup; it is kept encrypted and elsewhere (docs/operations.md)."""
    with transaction.atomic():
        world: World = load_world() if OrgUnit.objects.exists() else build_world()
        household: Household = world.household()
    numbers = [
        vault.unseal(household.head.id_number_sealed, row=household.head.id_number_row),
        *(vault.unseal(row.number_sealed, row=row.number_row) for row in household.accounts.all()),
    ]
    run("SELECT pg_switch_wal()")
    made = backup(
        Database.of_django(connection.settings_dict | {"NAME": connection.settings_dict["NAME"]}),
        settings.DATA_DIR,
        tmp_path,
    )

    with tarfile.open(made["path"]) as packed:
        dump = packed.extractfile("database.dump").read()
    assert household.head_name.encode() in dump
    assert not [number for number in numbers if number.encode() in dump or number.encode().hex().encode() in dump]
    assert os.stat(made["path"]).st_mode & 0o077 == 0
    (folder,) = run("SELECT current_setting('data_directory')")[0]
    segments = sorted((Path(folder) / "pg_wal").glob("0*"), key=lambda path: path.stat().st_mtime)[-4:]
    if segments and os.access(segments[0], os.R_OK):
        wal = b"".join(path.read_bytes() for path in segments)
        assert household.head_name.encode() in wal
        assert not [number for number in numbers if number.encode() in wal or number.encode().hex().encode() in wal]
