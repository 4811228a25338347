"""The tree's leaves: one for each entry of the trail, in the order in which they were found finished.

A leaf's data is a line of canonical JSON (sorted keys, no spaces, whole numbers) that names no person and shows no value:

    {"at":"2026-04-15T01:02:03.000004","commitment":"…","entry":17,"n":3,"row":99,"stream":"case:5","table":"…","v":1}

`at` is the real time of entry in UTC; `commitment` is SHA-256(salt ‖ hash of the entry). Who gets the line alone cannot try
out what the row may have said, for he lacks the salt; who gets salt, link and text can check them against the line.
Movements of money also say `facts`: account to account, how many fen, of what kind, on which day, so that the ledger can
be replayed from the leaves alone.

What is here is repeated by nobody: sealing, proof and export use this one text of the line. A verifier outside
(audit/standalone) has its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db import connection

from audit import tree

TILE = 256  # leaves in a tile, tiles in the tile above
TILE_LEVELS = 8  # 2^8 = 256
BATCH = 100_000  # leaves in one transaction: two seconds

LINK_COLUMNS = "e.id, e.n, e.stream, e.tbl, e.row_id, e.recorded_at, e.hash"


@dataclass(frozen=True)
class _Facts:
    table: str
    key: str
    columns: Mapping[str, str]


_facts: list[_Facts] = []


def register_facts(table: str, key: str, columns: Mapping[str, str]) -> None:
    """Let the leaves of `table` say these columns in clear: {name: SQL of JSON over the row `f`}. Called from AppConfig.ready.

    They are part of the format: other names or expressions would leave the old leaves without proof.
    """
    if table not in {known.table for known in _facts}:
        _facts.append(_Facts(table, key, dict(sorted(columns.items()))))


def facts_joins() -> str:
    """LEFT JOINs that bring the rows with facts to the entry `e`."""
    return " ".join(
        f"""LEFT JOIN "{f.table}" f{i} ON e.tbl = '{f.table}' AND f{i}.{f.key} = e.row_id"""
        for i, f in enumerate(_facts)
    )


def line() -> str:
    """SQL of the canonical line of the entry `e` with the salt `salt`; needs facts_joins()."""
    return f"""concat('{{"at":', to_json(e.recorded_at AT TIME ZONE 'UTC'), ',"commitment":"', encode(sha256(salt || e.hash), 'hex'),
        '","entry":', e.id, {_facts_text()}',"n":', e.n, ',"row":', e.row_id, ',"stream":', to_json(e.stream),
        ',"table":', to_json(e.tbl), ',"v":1}}')"""


def _facts_text() -> str:
    """An expression and a comma, or nothing."""
    cases = []
    for i, known in enumerate(_facts):
        # `f.` of the registered text stands for this table's own alias
        pairs = ", ',', ".join(f"""'"{name}":', {sql.replace("f.", f"f{i}.")}""" for name, sql in known.columns.items())
        cases.append(f"""WHEN f{i}.{known.key} IS NOT NULL THEN concat(',"facts":{{', {pairs}, '}}')""")
    return f"CASE {' '.join(cases)} END, " if cases else ""


def leaf_sql() -> str:
    return rf"sha256('\x00'::bytea || convert_to({line()}, 'UTF8'))"


def size() -> int:
    """The number of leaves."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(position) + 1, 0) FROM audit_leaf")
        return cursor.fetchone()[0]


def append(first: int, *, since_xid: int | None, limit: int = BATCH) -> int:
    """Give leaves, from position `first` on, to entries that have none. Returns how many; fewer than `limit`: that was all.

    `since_xid`: entries of earlier transactions are known to have theirs; None: look at all of them.
    """
    where = "e.xid >= %(since)s::text::xid8 AND " if since_xid is not None else ""
    with connection.cursor() as cursor:
        cursor.execute(
            _APPEND.format(where=where, link=LINK_COLUMNS, leaf=leaf_sql(), joins=facts_joins()),
            {"first": first, "since": since_xid, "limit": limit, "own": _own_transaction()},
        )
        count = cursor.rowcount
    _add_tiles(first, first + count)
    return count


# Anti-join, not "id > last": a slow transaction commits a lower id after a quick one was sealed. What is visible is
# committed, and so may be sealed however long other transactions still run; only what this very one wrote waits.
_APPEND = """
WITH due AS MATERIALIZED (
  SELECT e.id FROM audit_entry e
  WHERE {where} e.xid <> %(own)s::text::xid8 AND NOT EXISTS (SELECT FROM audit_leaf l WHERE l.entry_id = e.id)
  ORDER BY e.id LIMIT %(limit)s)
INSERT INTO audit_leaf (position, entry_id, salt, hash)
SELECT e.position, e.id, e.salt, {leaf}
FROM (SELECT %(first)s + row_number() OVER (ORDER BY e.id) - 1 AS position, uuid_send(gen_random_uuid()) AS salt, {link}
      FROM due JOIN audit_entry e ON e.id = due.id OFFSET 0) e {joins}
ORDER BY e.position
"""


def _own_transaction() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(pg_current_xact_id_if_assigned()::text, '0')::bigint")
        return cursor.fetchone()[0]


def _add_tiles(old: int, new: int) -> None:
    """Keep the tiles that became complete when the tree grew from `old` to `new` leaves, level by level."""
    level, nodes = 0, blocks(old // TILE * TILE, new)
    while new // TILE > old // TILE:
        old, new = old // TILE, new // TILE
        tiles = [
            (level, old + i, hashes, root_of_tile(hashes)) for i, hashes in enumerate(nodes) if len(hashes) == 32 * TILE
        ]
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO audit_tile (level, index, hashes, root)"
                " SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bytea[], %s::bytea[])",
                [list(column) for column in zip(*tiles, strict=True)],
            )
        nodes = _roots(level, old // TILE * TILE, new)
        level += 1


def root_of_tile(hashes: bytes) -> bytes:
    nodes = [hashes[i : i + 32] for i in range(0, len(hashes), 32)]
    while len(nodes) > 1:
        nodes = [tree.node_hash(nodes[i], nodes[i + 1]) for i in range(0, len(nodes), 2)]
    return nodes[0]


def blocks(start: int, end: int) -> Iterator[bytes]:
    """The hashes of the leaves [start, end) in blocks of 256 by position, joined; memory for one fetch."""
    with connection.chunked_cursor() as cursor:
        cursor.itersize = 100
        cursor.execute(
            "SELECT string_agg(hash, '' ORDER BY position) FROM audit_leaf WHERE position >= %s AND position < %s"
            " GROUP BY position / 256 ORDER BY position / 256",
            [start, end],
        )
        for (hashes,) in cursor:
            yield bytes(hashes)


def _roots(level: int, start: int, end: int) -> list[bytes]:
    """The roots of the tiles [start, end) of a level, joined in blocks of 256."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(root, '' ORDER BY index) FROM audit_tile WHERE level = %s AND index >= %s AND index < %s"
            " GROUP BY index / 256 ORDER BY index / 256",
            [level, start, end],
        )
        return [bytes(row[0]) for row in cursor.fetchall()]


class Stored:
    """The complete subtrees of the stored tree, for proofs; reads a tile for each eight levels and keeps a few of them.

    What is stored is believed: audit.verify compares it with the leaves.
    """

    KEPT = 256  # tiles in memory, some 10 MB

    def __init__(self, size: int) -> None:
        self.size = size
        self._tiles: dict[tuple[int, int], list[list[bytes]]] = {}

    def node(self, level: int, index: int) -> bytes:
        tile_level, above = divmod(level, TILE_LEVELS)
        tile, offset = divmod(index, TILE >> above)
        return self._tile(tile_level, tile)[above][offset]

    def root(self, size: int | None = None) -> bytes:
        return tree.range_root(0, self.size if size is None else size, self.node)

    def _tile(self, level: int, index: int) -> list[list[bytes]]:
        """A tile's nodes, level by level; of the last one as far as they are complete."""
        found = self._tiles.get((level, index))
        if found is None:
            if len(self._tiles) >= self.KEPT:
                self._tiles.clear()
            nodes = self._read(level, index)
            found = self._tiles[level, index] = [nodes]
            while len(nodes) > 1:
                nodes = [tree.node_hash(nodes[i], nodes[i + 1]) for i in range(0, len(nodes) - 1, 2)]
                found.append(nodes)
        return found

    def _read(self, level: int, index: int) -> list[bytes]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT hashes FROM audit_tile WHERE level = %s AND index = %s", [level, index])
            row = cursor.fetchone()
        if row:
            joined = bytes(row[0])
        elif level == 0:
            joined = b"".join(blocks(index * TILE, (index + 1) * TILE))
        else:
            joined = b"".join(_roots(level - 1, index * TILE, (index + 1) * TILE))
        return [joined[i : i + 32] for i in range(0, len(joined), 32)]
