"""Every importer with every file: it is refused in words or read; nothing is written where it was refused.

    python -m tests.fuzz.importers [SEED [ROUNDS]]      on the database of DATABASE_URL, prints what is wrong and the peak memory

A process of its own, so that its peak memory is its own. Each round spoils the files in another way.
"""

import io
import json
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "casework.settings")
    django.setup()

from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from access.errors import AccessError  # noqa: E402
from access.models import Staff  # noqa: E402
from access.units import import_org_units  # noqa: E402
from audit import clock  # noqa: E402
from casework import uploads  # noqa: E402
from casework.errors import CaseworkError  # noqa: E402
from families.errors import FamiliesError  # noqa: E402
from families.importing.ledger_import import import_ledger  # noqa: E402
from families.importing.register_import import import_register  # noqa: E402
from flows import calendar  # noqa: E402
from flows.errors import FlowsError  # noqa: E402
from funds import bank_files, bank_formats  # noqa: E402
from funds.errors import FundsError  # noqa: E402
from tests.fuzz import nasty  # noqa: E402
from tests.owner import owner  # noqa: E402
from tests.world import START  # noqa: E402

REFUSALS = (AccessError, CaseworkError, FamiliesError, FlowsError, FundsError)
DEMO = Path(__file__).resolve().parents[2] / "demo"
Importer = Callable[[Path, bytes], Any]


def _by(role: str) -> Staff:
    return Staff.objects.get(username=role)


def _answer(path: Path, content: bytes) -> None:
    for bank, _name in bank_formats.banks("in", clock.today()) or [("any", "")]:
        bank_files.judge(io.BytesIO(content), bank, by=_by("cashier"))


def _upload(path: Path, content: bytes) -> None:
    uploads.clean(SimpleUploadedFile(path.name, content))


IMPORTERS: dict[str, Importer] = {
    "register": lambda path, content: import_register(path, by=_by("township_clerk")),
    "register, good rows": lambda path, content: import_register(path, by=_by("township_clerk"), good_rows=True),
    "ledger": lambda path, content: import_ledger(path, by=_by("township_clerk"), good_rows=True),
    "bank's answer": _answer,
    "units": lambda path, content: import_org_units(path, by=_by("sysadmin")),
    "calendar": lambda path, content: calendar.load(path),
    "paper": _upload,
    "small photo": lambda path, content: uploads.small(io.BytesIO(content)),
}
REAL = {
    "register": "household-register.csv", "register, good rows": "household-register.csv", "ledger": "hardship-ledger.xlsx",
    "units": "org-units.csv", "calendar": "working-days.csv",
}  # fmt: skip


def files_for(name: str, dice: Random) -> Iterator[tuple[str, bytes]]:
    """The known nasty files, and the demo's real one in a few spoilt ways."""
    yield from nasty.files().items()
    if name in REAL:
        real = (DEMO / REAL[name]).read_bytes()
        real = real if real.startswith(b"PK") else b"".join(real.splitlines(keepends=True)[:200])
        for n in range(12):
            yield f"spoilt {n} {REAL[name]}", spoilt(real, dice)


def spoilt(content: bytes, dice: Random) -> bytes:
    """Cut, flipped, doubled, in another encoding, or with another value in a field."""
    at = dice.randrange(len(content))
    how = dice.randrange(6)
    if how == 0:
        return content[:at]
    if how == 1:
        return content[:at] + bytes([content[at] ^ 1 << dice.randrange(8)]) + content[at + 1 :]
    if how == 2 or content.startswith(b"PK"):
        return content[:at] + content[at // 2 : at] + content[at:]
    if how == 3:
        return content.decode("utf-8-sig").encode(dice.choice(["gb18030", "utf-16", "utf-8-sig"]))
    lines = content.decode("utf-8-sig").split("\n")
    for _n in range(dice.randint(1, 5)):
        row = dice.randrange(len(lines))
        fields = lines[row].split(",")
        fields[dice.randrange(len(fields))] = nasty.text(dice)
        lines[row] = ",".join(fields)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def faults(seed: str, importers: dict[str, Importer] = IMPORTERS) -> list[str]:
    """What is wrong, one line each."""
    return [fault for name in importers for fault in _faults_of(name, importers[name], Random(f"{seed}:{name}"))]


def _faults_of(name: str, importer: Importer, dice: Random) -> Iterator[str]:
    before = counts()
    for title, content in files_for(name, dice):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"file{Path(title).suffix}"
            path.write_bytes(content)
            point = transaction.savepoint()
            try:
                importer(path, content)
            except REFUSALS:
                if counts() != before:
                    yield f"{name}, {title}: was refused and has written"
            except Exception as crash:  # noqa: BLE001 - whatever it is, a person would have seen an error page
                yield f"{name}, {title}: {type(crash).__name__}: {str(crash)[:150]}"
            finally:
                connection.needs_rollback = False
                transaction.savepoint_rollback(point)


def counts() -> dict[str, int]:
    """Rows of every table."""
    with owner(), connection.cursor() as cursor:
        names = [info.name for info in connection.introspection.get_table_list(cursor) if info.type == "t"]
        cursor.execute(" UNION ALL ".join(f"""SELECT '{name}', count(*) FROM "{name}" """ for name in sorted(names)))
        return dict(cursor.fetchall())


def main(seed: str = "1", rounds: str = "1") -> None:
    found: list[str] = []
    with clock.frozen_at(START), transaction.atomic():
        for n in range(int(rounds)):
            found += faults(f"{seed}:{n}")
        transaction.set_rollback(True)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seed": seed, "faults": found, "peak_mb": round(peak_mb)}, ensure_ascii=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
