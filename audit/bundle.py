"""The trail, or a part of it, as one file that anybody can check with audit/standalone/verify_bundle.py alone.

Members, in this order: README.txt; events/NNNNNN.jsonl (the leaves' data, a line each, exactly the bytes that are hashed);
of a part proofs/ (each leaf's way to the root); with `reveal` openings/ (salt, link and text of each row); handovers.jsonl
where the key of the seals was replaced; checkpoints.jsonl (the signed seals); of a part consistency.jsonl (between its seals); accounts.jsonl (balances as of the last seal);
verify_bundle.py; manifest.json (SHA-256 of each member) and its signature.

Without `reveal` no value of any row is in it: a leaf is bound to its row by a salted commitment. With it everything is,
in clear, and the reason stands in the access log. Either way the export is an event of the trail, in the same transaction.
"""

import contextlib
import datetime
import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from audit import checkpoints, handovers, leaves, openings, tree
from audit.errors import NothingToExport
from audit.models import Checkpoint
from audit.services import record_access
from audit.strict_zip import StrictZip

FORMAT = "casework-bundle-2"
LINES = 65_536  # of one member
VERIFIER = Path(__file__).parent / "standalone" / "verify_bundle.py"
README = Path(__file__).parent / "standalone" / "README.txt"


@dataclass(frozen=True)
class Selection:
    """Which entries go out: SQL of their ids with its `facts`, all of them when None.

    `described` stands in the manifest and names no person; `subject` in the access log. `fund_id`: with the accounts of this
    fund.
    """

    subject: str = "trail"
    described: dict[str, Any] = field(default_factory=dict)
    sql: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    fund_id: int | None = None

    @property
    def is_whole(self) -> bool:
        return self.sql is None


WHOLE = Selection()
Selector = Callable[[str], Selection | None]
Accounts = Callable[[int | None], Iterable[dict[str, Any]]]
_selectors: dict[str, Selector] = {}
_accounts: list[Accounts] = []


def register_selector(name: str, function: Selector) -> None:
    """Let an app above select by its own words, such as a case's number; None when there is none. From AppConfig.ready."""
    _selectors[name] = function


def register_accounts(function: Accounts) -> None:
    """Let the ledger say its balances as of the last seal, of one fund or (None) of all. From AppConfig.ready.

    Each is {"account", "allocation", "credit_fen", "debit_fen", "fund", "kind"}, 0 for no allocation.
    """
    _accounts[:] = [function]


def selected(name: str, text: str) -> Selection:
    """The entries of one case or one fund. Raises NothingToExport."""
    found = _selectors[name](text) if name in _selectors else None
    if found is None:
        raise NothingToExport(f"There is no {name} {text}.")
    return found


def between(since: datetime.datetime, until: datetime.datetime) -> Selection:
    """What was recorded from `since` on and before `until`, in real time."""
    return Selection(
        described={"since": checkpoints.utc(since), "until": checkpoints.utc(until)},
        sql="SELECT id FROM audit_entry WHERE recorded_at >= %(since)s AND recorded_at < %(until)s",
        facts={"since": since, "until": until},
    )


@dataclass(frozen=True)
class Exported:
    """What was written. `sha256` is that of the file."""

    path: str
    sha256: str
    bytes: int
    events: int
    size: int
    root: str
    public_key: str


def export(path: Path, selection: Selection = WHOLE, *, reveal: str = "", reason: str = "audit bundle") -> Exported:
    """Write the bundle and the event that says so; neither is there without the other.

    `reveal` is the reason for showing every value in clear. Raises NothingToExport, BundleTooLarge, OSError.
    """
    if not connection.in_atomic_block:
        checkpoints.seal_all()
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        with _one_view():
            exported = _write(unfinished, path, selection, is_revealed=bool(reveal))
            record_access(
                kind="export",
                subject=selection.subject,
                fields=f"bundle {'in clear ' if reveal else ''}sha256:{exported.sha256}",
                reason=reveal or reason,
            )
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return exported


@contextlib.contextmanager
def _one_view() -> Iterator[None]:
    """One view of the database, in which the export may be written down as well; text forms as the triggers see them."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if is_outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL bytea_output = 'hex'")
        yield
        if not is_outermost:
            cursor.execute("SELECT set_config('timezone', %s, true)", [connection.timezone_name])


def _write(unfinished: Path, path: Path, selection: Selection, *, is_revealed: bool) -> Exported:
    last = checkpoints.latest()
    if last is None or not last.is_of_tree:
        raise NothingToExport("Nothing is sealed yet. Run `manage.py audit checkpoint`.")
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w+b") as file:
        bundle = StrictZip(file)
        bundle.add("README.txt", [README.read_bytes()])
        chosen = _Chosen(selection, last.total)
        with chosen:
            events = _add_parts(bundle, "events", chosen.lines())
            if not selection.is_whole:
                _add_parts(bundle, "proofs", chosen.proofs())
            if is_revealed:
                _add_parts(bundle, "openings", _encoded(chosen.openings()))
        if handed := handovers.Keys().handovers:
            bundle.add("handovers.jsonl", _encoded(map(handovers.facts, handed)))
        seals = _seals(selection, last)
        bundle.add("checkpoints.jsonl", _encoded(map(_stated, seals())))
        if not selection.is_whole:
            bundle.add("consistency.jsonl", _encoded(_grown(seals(), last.total)))
        has_accounts = bool(_accounts) and (selection.is_whole or selection.fund_id is not None)
        if has_accounts:
            bundle.add("accounts.jsonl", _encoded(_accounts[0](selection.fund_id)))
        bundle.add("verify_bundle.py", [VERIFIER.read_bytes()])
        manifest = canonical(
            {
                "events": events,
                "format": FORMAT,
                "has_accounts": has_accounts,
                "is_revealed": is_revealed,
                "is_whole": selection.is_whole,
                "log": bytes(last.log_id).hex(),
                "made_at": checkpoints.utc(timezone.now()),
                "members": [
                    {"name": member.name, "sha256": member.sha256, "size": member.size} for member in bundle.members
                ],
                "public_key": checkpoints.public_key().hex(),
                "selection": selection.described,
                "size": last.total,
            }
        )
        bundle.add("manifest.json", [manifest])
        message = f"casework bundle 1\n{hashlib.sha256(manifest).hexdigest()}\n"
        bundle.add("manifest.sig", [f"{checkpoints.sign(message.encode()).hex()}\n".encode()])
        bundle.close()
        size = file.tell()
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    root, key = bytes(last.root).hex(), checkpoints.public_key().hex()
    return Exported(str(path), sha256, size, events, last.total, root, key)


def canonical(row: dict[str, Any]) -> bytes:
    """Sorted keys, no spaces, UTF-8: the one way to write it."""
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _encoded(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    return (canonical(row) + b"\n" for row in rows)


def _add_parts(bundle: StrictZip, folder: str, lines: Iterator[bytes]) -> int:
    """Members of so many lines each; none when there is no line. Returns how many lines there were."""
    count, part = 0, 0

    def counted(first: bytes) -> Iterator[bytes]:
        nonlocal count
        for line in itertools.chain([first], itertools.islice(lines, LINES - 1)):
            count += 1
            yield line

    with contextlib.closing(lines):  # with its cursor, whatever happens
        while (first := next(lines, None)) is not None:
            bundle.add(f"{folder}/{part:06d}.jsonl", counted(first))
            part += 1
    return count


# The records of what was erased of the chosen rows go with them.
_ERASURES_OF_CHOSEN = """
INSERT INTO pg_temp.audit_chosen
SELECT DISTINCT l.position, l.entry_id
FROM pg_temp.audit_chosen c JOIN audit_entry e ON e.id = c.entry_id
JOIN audit_erasure x ON x.tbl = e.tbl AND (x.row_id = e.row_id OR x.row_id = ANY (e.keys))
JOIN audit_entry own ON own.tbl = 'audit_erasure' AND own.row_id = x.id JOIN audit_leaf l ON l.entry_id = own.id
WHERE l.position < %s ON CONFLICT DO NOTHING
"""


class _Chosen:
    """The chosen leaves of a tree of `size`, in order, as often as they are asked for; their numbers in a table meanwhile."""

    def __init__(self, selection: Selection, size: int) -> None:
        self._selection, self._size = selection, size
        self._from = "audit_leaf l JOIN audit_entry e ON e.id = l.entry_id"

    def __enter__(self) -> None:
        if self._selection.sql:
            with connection.cursor() as cursor:
                cursor.execute(
                    "CREATE TEMP TABLE audit_chosen ON COMMIT DROP AS SELECT l.position, l.entry_id FROM audit_leaf l"
                    f" WHERE l.position < %(size)s AND l.entry_id IN ({self._selection.sql})",
                    self._selection.facts | {"size": self._size},
                )
                cursor.execute("CREATE UNIQUE INDEX ON pg_temp.audit_chosen (position); ANALYZE pg_temp.audit_chosen")
                cursor.execute(_ERASURES_OF_CHOSEN, [self._size])
            self._from = "pg_temp.audit_chosen c JOIN audit_leaf l ON l.position = c.position JOIN audit_entry e ON e.id = l.entry_id"

    def __exit__(self, *error: object) -> None:
        if self._selection.sql and error[0] is None:
            with connection.cursor() as cursor:
                cursor.execute("DROP TABLE pg_temp.audit_chosen")

    def lines(self) -> Iterator[bytes]:
        sql = (
            f"SELECT {leaves.line()} FROM (SELECT {leaves.LINK_COLUMNS}, l.salt, l.position FROM {self._from}"
            f" WHERE l.position < %s) e {leaves.facts_joins()} ORDER BY e.position"
        )
        for (line,) in self._rows(sql):
            yield line.encode() + b"\n"

    def proofs(self) -> Iterator[bytes]:
        stored = leaves.Stored(self._size)
        for (position,) in self._rows(f"SELECT l.position FROM {self._from} WHERE l.position < %s ORDER BY l.position"):
            path = [part.hex() for part in tree.inclusion_proof(position, self._size, stored.node)]
            yield canonical({"path": path, "position": position}) + b"\n"

    def openings(self) -> Iterator[dict[str, Any]]:
        sql = (
            "SELECT l.position, l.salt, e.digest, e.prev, e.tbl, e.row_id, e.keys, e.digests"
            f" FROM {self._from} WHERE l.position < %s ORDER BY l.position"
        )
        return openings.opened(self._rows(sql), with_sets=self._selection.is_whole)

    def _rows(self, sql: str) -> Iterator[tuple]:
        with connection.chunked_cursor() as cursor:
            cursor.itersize = 1000
            cursor.execute(sql, [self._size])
            yield from cursor


def _seals(selection: Selection, last: Checkpoint) -> Callable[[], Iterator[Checkpoint]]:
    """All seals of this log, or of a part the last one of each day and the last of all; by this key, growing."""
    own = Checkpoint.objects.filter(log_id=last.log_id, id__lte=last.pk).order_by("id")
    if not selection.is_whole:
        days = own.order_by("made_at__date", "-id").distinct("made_at__date").values("id")
        own = own.filter(id__in=days) | own.filter(id=last.pk)
    return lambda: own.order_by("total").iterator(chunk_size=1000)


def _stated(seal: Checkpoint) -> dict[str, Any]:
    return {
        "log": bytes(seal.log_id).hex(),
        "made_at": checkpoints.utc(seal.made_at),
        "previous": bytes(seal.previous or b"").hex(),
        "root": bytes(seal.root).hex(),
        "signature": bytes(seal.signature).hex(),
        "size": seal.total,
    }


def _grown(seals: Iterator[Checkpoint], size: int) -> Iterator[dict[str, Any]]:
    stored, old = leaves.Stored(size), 0
    for seal in seals:
        if old:
            path = tree.consistency_proof(old, seal.total, stored.node)
            yield {"from": old, "path": [part.hex() for part in path], "to": seal.total}
        old = seal.total
