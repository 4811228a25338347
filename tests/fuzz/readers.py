"""Everything in the program that reads a file somebody else has made, on a small world in which the file has something to do.

A new reader is one line in `readers`. What takes files from a browser stands in UPLOADED, and a module that does and is
missing there fails test_importers.py.
"""

import contextlib
import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from django.core.files.uploadedfile import SimpleUploadedFile

from access.units import import_org_units
from audit import bundle, checkpoints, clock, leaves
from audit.context import Acting, request_of
from casework import bank_jobs, goods, papers, people_gone, uploads
from casework.desks.rosters.forms import FillForm
from casework.embedded_postgres import manifest
from casework.embedded_postgres.backup import DUMP, MANIFEST, _pack, _unpack
from casework.embedded_postgres.base_backup import ABOUT, _read
from casework.errors import BadCaseData
from casework.inspection.files import PackWriter
from casework.inspection.standalone import verify_pack
from casework.rosters import building
from families.importing.ledger_import import import_ledger
from families.importing.register_import import import_register
from flows import calendar
from funds import bank_files, bank_formats
from funds.banking import formats
from funds.banking.errors import HeadingsUnknown
from funds.banking.writing import PayLine
from funds.errors import FundsError
from tests.audit.attack import settle
from tests.audit.bundles import members_of, standalone, zipped
from tests.casework.test_damaged_photos import photo
from tests.casework.test_rosters import money, plan
from tests.families.ledger_copies import copy_of, written
from tests.funds.sent import plain_payments, send
from tests.funds.shelves import a_store, an_item, issued, stocked
from tests.funds.test_bank_files import answer, row
from tests.fuzz import nasty
from tests.world import DEMO, World

LINES = [PayLine(f"QH{n:04}", "江正", f"99999900000000{n:05}", 80_000, "禾丰农商银行") for n in range(1, 20)]
FIELDS = ("serial", "account", "name", "amount", "status", "reason", "reference")


# {module that takes files from a browser: the readers that have them then, by the beginning of their names}
UPLOADED = {
    "casework/desks/admin/running.py": ("units", "calendar"),
    "casework/desks/cases/forms.py": ("paper of a case",),
    "casework/desks/cases/gone.py": ("paper of a death",),
    "casework/desks/cases/views.py": ("paper of a case",),
    "casework/desks/funds/bank_answers.py": ("bank's answer", "bank's headings"),
    "casework/desks/funds/bank_balance.py": (),  # nobody reads it: its fingerprint is kept
    "casework/desks/funds/cash.py": ("signed receipt",),
    "casework/desks/imports/views.py": ("register", "ledger"),
    "casework/desks/rosters/money.py": ("signed receipt",),
    "casework/desks/stock/slips.py": ("signed slip",),
    "casework/desks/village/survey.py": ("photo of a visit",),
}


@dataclass(frozen=True)
class Reader:
    read: Callable[[Path, bytes], Any]
    real: bytes = b""  # one that it takes, to be spoilt
    ending: str = ""


def readers(world: World) -> dict[str, Reader]:
    """{what: how it is read, by whom of the small world}. Prepares what the files are about; the caller undoes it."""
    register, clerk = (DEMO / "household-register.csv").read_bytes(), world.township_clerk
    some = b"".join(register.splitlines(keepends=True)[:200])
    ledger = a_ledger()
    return {
        "register": Reader(lambda path, _: import_register(path, by=clerk), some, ".csv"),
        "register, good rows": Reader(lambda path, _: import_register(path, by=clerk, good_rows=True), some, ".csv"),
        "ledger": Reader(lambda path, _: import_ledger(path, by=clerk, good_rows=True), ledger, ".xlsx"),
        "units": Reader(lambda path, _: import_org_units(path, by=world.sysadmin), (DEMO / "org-units.csv").read_bytes(), ".csv"),
        "calendar": Reader(lambda path, _: calendar.load(path), (DEMO / "working-days.csv").read_bytes(), ".csv"),
        **bank(world),
        **lists(world),
        **pictures(world),
        **from_other_houses(),
    }  # fmt: skip


@cache
def a_ledger() -> bytes:
    """Two sheets of the demo's."""
    sheets = copy_of(DEMO / "hardship-ledger.xlsx")
    return written(dict(list(sheets.items())[:2])).getvalue()


# ---------------------------------------------------------------- banks


def bank(world: World) -> dict[str, Reader]:
    """An answer, as the job judges, shows and posts it; headings that somebody has set; the description of a bank's files."""
    bank_formats.seed()
    with plain_payments():
        send(world, LINES)
    real = answer(*(row(line, reference=f"R-{n}") for n, line in enumerate(LINES)))
    form = json.loads(COMMON.read_bytes())
    return {
        **{
            f"bank's answer, {code}": Reader(lambda _, content, code=code: answered(world, content, code), real, ".csv")
            for code, _name in bank_formats.banks("in", clock.today())
        },
        "bank's answer, workbook": Reader(
            lambda _, content: answered(world, content, "QHCZ"), (DEMO / "bank-return-b.xlsx").read_bytes(), ".xlsx"
        ),
        "bank's headings": Reader(
            lambda _, content: mapped(world, content),
            "甲,乙,丙,丁,戊,己,庚\r\n1,2,3,4,5,6,7\r\n".encode("gb18030") * 5,
            ".csv",
        ),
        "bank's format": Reader(
            lambda _, content: bank_formats.add(content, by=world.cashier),
            json.dumps(form | {"version": "2026-09", "valid_from": "2026-09-01"}).encode(),
            ".json",
        ),
    }


COMMON = Path(formats.__file__).parent / "data" / "common-in.json"


def answered(world: World, content: bytes, code: str) -> None:
    try:
        judged = bank_files.judge(io.BytesIO(content), code, by=world.cashier)
    except HeadingsUnknown as unknown:
        bank_jobs._headings(unknown)
        return
    json.dumps(bank_jobs._seen(judged))  # as it is kept with the job
    if judged.may_be_posted:
        with plain_payments():
            bank_files.post(judged, by=world.cashier, filename="a.csv", sha256=_digest(content))


def mapped(world: World, content: bytes) -> None:
    """The first rows are shown, somebody says of each column what it is, and the file is judged by that."""
    try:
        bank_files.judge(io.BytesIO(content), "COMMON", by=world.cashier)
    except HeadingsUnknown as unknown:
        told = bank_jobs._headings(unknown)
        headings = next((row for row in told["rows"] if any(row)), [])
        said = dict(zip(FIELDS, headings, strict=False))
        bank_formats.remember_columns(io.BytesIO(content), "COMMON", said, by=world.cashier)
        with contextlib.suppress(FundsError):  # a second request: what was said stays, whatever comes of it
            bank_files.judge(io.BytesIO(content), "COMMON", by=world.cashier)


# ---------------------------------------------------------------- what is pasted


def lists(world: World) -> dict[str, Reader]:
    """Household numbers out of a spreadsheet, onto a list of a festival."""
    money(world)
    roster = building.create(plan(world), by=world.township_clerk, key="fuzz")
    numbers = [world.household().household_no for _n in range(20)]

    def pasted(_: Path, content: bytes) -> None:
        form = FillForm({"key": "0" * 32, "how": "numbers", "numbers": content.decode("utf-8", "replace")[:100_000]})
        if not form.is_valid():
            raise BadCaseData(str(form.errors.as_json()))
        building.fill_by_numbers(roster.pk, form.cleaned_data["numbers"], by=world.township_clerk)

    return {"household numbers": Reader(pasted, "\n".join(numbers).encode(), ".csv")}


# ---------------------------------------------------------------- papers and photos


def pictures(world: World) -> dict[str, Reader]:
    """Each way by which a paper or a photo comes in; they share how it is made safe, not what is written with it."""
    case, family = world.brought_to("draft"), world.household()
    spouse = family.members.get(relation="配偶")
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 10)
    slip = issued(world, store, quilt, 1)
    clerk, real = world.village_clerk, photo(6, gps={1: "N", 2: (30.0, 1.0, 2.0), 3: "E", 4: (110.0, 1.0, 2.0)})

    def upload(path: Path, content: bytes) -> SimpleUploadedFile:
        return SimpleUploadedFile(path.name, content)

    ways: dict[str, Callable[[Path, bytes], Any]] = {
        "paper of a case": lambda path, content: papers.add_paper(case.pk, upload(path, content), kind="application", by=clerk),
        "photo of a visit": lambda path, content: papers.add_family_photo(
            family, upload(path, content), kind="house_photo", by=clerk
        ),
        "paper of a death": lambda path, content: people_gone.record_death(
            spouse, died_on=clock.today(), known_by="村里", by=clerk, paper=upload(path, content)
        ),
        "signed slip": lambda path, content: goods.sign_slip(
            slip, upload(path, content), how="signature", signer="本人", by=world.township_clerk
        ),
        "signed receipt": lambda path, content: papers.add_receipt(case, upload(path, content), by=world.township_clerk),
        "small picture": lambda _, content: uploads.small(io.BytesIO(content)),
    }  # fmt: skip
    formats_ = {".jpg": real, ".png": nasty.image(form="PNG"), ".webp": nasty.image(form="WEBP")}
    return {
        f"{way}{ending}": Reader(read, content, ending)
        for way, read in ways.items()
        for ending, content in (formats_.items() if way in ("photo of a visit", "small picture") else [(".jpg", real)])
    }


# ---------------------------------------------------------------- bundles, packs, backups


def from_other_houses() -> dict[str, Reader]:
    """What comes back from outside, or is carried from one machine to another."""
    made = files_of_ours()
    return {
        "bundle": Reader(lambda path, _: verified(standalone(), [str(path), "--json"]), made["bundle"], ".zip"),
        "list of a bundle": Reader(
            lambda path, content: verified(standalone(), [str(with_list(path, made["bundle"], content)), "--json"]),
            members_of(made["bundle"])["manifest.json"],
        ),
        "inspection pack": Reader(lambda path, _: verified(verify_pack, [str(path), "--json"]), made["pack"], ".zip"),
        "list of a pack": Reader(
            lambda path, content: verified(verify_pack, [str(with_list(path, made["pack"], content)), "--json"]),
            members_of(made["pack"])["manifest.json"],
        ),
        "key": Reader(lambda path, _: verified(verify_pack, [str(path), "--key", str(path)]), b"0" * 64, ".txt"),
        "backup": Reader(lambda path, _: unpacked(path), made["backup"], ".tar.gz"),
        "list of a backup": Reader(lambda path, content: unpacked(archived(path, content)), made["list"], ".json"),
        "list of a base backup": Reader(lambda _, content: compared(content), made["manifest"], ".json"),
        "about a base backup": Reader(lambda path, content: told(path, content), made["about"], ".json"),
    }


def with_list(path: Path, whole: bytes, content: bytes) -> Path:
    """The file with another list of what is in it."""
    path.write_bytes(zipped(list((members_of(whole) | {"manifest.json": content}).items())))
    return path


def archived(path: Path, content: bytes) -> Path:
    """A backup with this list of what is in it."""
    with tarfile.open(path, "w:gz") as archive:
        for name, part in ((DUMP, b"PGDMP"), (MANIFEST, content)):
            entry = tarfile.TarInfo(name)
            entry.size = len(part)
            archive.addfile(entry, io.BytesIO(part))
    return path


def verified(verifier: ModuleType, arguments: list[str]) -> None:
    """What its command says; SystemExit is how it tells of wrong use."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            verifier.main(arguments)
        except SystemExit as ended:
            if ended.code not in (0, 1, 2, 3):
                raise


def unpacked(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _unpack(path, Path(folder))


def compared(content: bytes) -> None:
    """As if whoever gave the manifest had also given its fingerprint."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = Path(folder)
        (cluster / manifest.MANIFEST).write_bytes(content)
        (cluster / "PG_VERSION").write_text("18\n")
        manifest.verify(cluster, SimpleNamespace(), manifest.sha256_of(cluster / manifest.MANIFEST))


def told(path: Path, content: bytes) -> None:
    """What stands beside a base backup, on when it was made."""
    (path.parent / ABOUT).write_bytes(content)
    _read(path.parent)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def files_of_ours() -> dict[str, bytes]:
    """A bundle, a pack, a backup and a manifest, small and whole."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with mock.patch.object(leaves, "_own_transaction", lambda: 0):
            settle()
            checkpoints.seal()
            with request_of(lambda: Acting(by_id=0, by_name="shell")):
                bundle.export(place / "bundle.zip", bundle.selected("fund", "CARE"), reveal="核对")
        pack = PackWriter({"key": "fuzz", "number": "J2026-00001"}, volume_bytes=1 << 20)
        pack.add("cases/1/file.pdf", [b"%PDF-1.7\n"])
        (volume,) = pack.close({"cases": 1})
        (place / "dump").write_bytes(b"PGDMP" * 100)
        _pack({DUMP: place / "dump"}, place / "backup.tar.gz", {"made_at": "2026", "postgresql": "18"})
        files = [{"Path": "PG_VERSION", "Size": 3, "Checksum-Algorithm": "SHA256", "Checksum": _digest(b"18\n")}]
        body = json.dumps({"Files": files, "WAL-Ranges": []}, indent=0).removesuffix("\n}").encode() + b",\n"
        made = {
            "bundle": (place / "bundle.zip").read_bytes(),
            "pack": volume.path.read_bytes(),
            "backup": (place / "backup.tar.gz").read_bytes(),
            "list": (json.dumps({"format": 1, "contents": {DUMP: {"bytes": 5, "sha256": _digest(b"PGDMP")}}})).encode(),
            "about": json.dumps(
                {
                    "begun": "2026-04-15T00:00:00+00:00",
                    "ended": "2026-04-15T00:00:00+00:00",
                    "wal": "0" * 24,
                    "timeline": 1,
                    "postgresql": 18,
                    "manifest_sha256": "0" * 64,
                }
            ).encode(),
            "manifest": body + f'"Manifest-Checksum": "{_digest(body)}"}}\n'.encode(),
        }
        volume.path.unlink()
        return made
