"""Erasing personal values from what was written, so that the chain still tells what was, and that it was erased (ADR 0035).

An order names streams of the trail ("household:17", "person:31"), is proposed by one person and confirmed by another. Carrying
it out blanks the columns of audit_erasable in live rows and in every written version, and writes a record for each version:
its fingerprint before (which the chain has) and after. PostgreSQL lets a written row change in this one way alone.

This app does not know what a family is: which rows, whose duty, whether it is due, is said from above (casework.retention).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from audit.context import acting
from audit.errors import ErasureRefused
from audit.models import Erasure, ErasureOrder

# Wherever a row does not say any more what the chain has of it: is it as its last record of erasure left it?
IS_ERASED = """EXISTS (SELECT FROM (SELECT x.after FROM audit_erasure x WHERE x.tbl = '{table}' AND x.row_id = {row}
                                   ORDER BY x.id DESC LIMIT 1) x WHERE x.after = {digest})"""


_known: dict[str, frozenset[str]] = {}


def register_erasable(tables: dict[str, str]) -> None:
    """Let an app above say what may be erased: {written table: its columns, a space between}. Called from AppConfig.ready.

    The database has it from migrations; that nobody has made it more there is asked by `wrong_erasures`.
    """
    _known.update({table: frozenset(columns.split()) | {"history_salt"} for table, columns in tables.items()})


@dataclass(frozen=True)
class Told:
    """What a page or a proof says of erased rows: how many, by which order."""

    order: ErasureOrder
    rows: int


@transaction.atomic
def carry_out(order: ErasureOrder, rows: Iterable[tuple[str, list[int]]], *, by: Any) -> int:
    """Erase `rows`, (written table, ids of the live rows) each, as a confirmed order allows. Returns how many written rows.

    Raises ErasureRefused when it is not confirmed or was carried out before; IntegrityError from PostgreSQL's laws.
    """
    order = ErasureOrder.objects.select_for_update().get(pk=order.pk)
    if order.confirmed_by is None or order.done_at or order.dropped_at:
        raise ErasureRefused("Only an order that a second person has confirmed is carried out, once.")
    count = 0
    with acting(by, reason=f"erasure:{order.pk}"), connection.cursor() as cursor:
        for table, ids in rows:
            if ids:
                cursor.execute("SELECT audit_erase(%s, %s, %s)", [order.pk, table, ids])
                count += cursor.fetchone()[0]
        order.done_at, order.rows = timezone.now(), count
        order.save(update_fields=["done_at", "rows"])
    return count


def of_stream(stream: str) -> list[Told]:
    """The orders that erased rows of one subject, oldest first."""
    orders = ErasureOrder.objects.filter(done_at__isnull=False, streams__contains=[stream]).order_by("id")
    return [Told(order, order.rows or 0) for order in orders]


def all_done() -> list[Told]:
    """Every order that was carried out, oldest first."""
    return [Told(order, order.rows or 0) for order in ErasureOrder.objects.filter(done_at__isnull=False).order_by("id")]


FACTS = {  # of the leaf of an erased row's record, in clear; part of the format, see audit.leaves
    "after": "to_json(encode(f.after, 'hex'))",
    "because": "(SELECT to_json(o.because) FROM audit_erasureorder o WHERE o.id = f.order_id)",
    "by": "(SELECT to_json(concat(o.proposed_by, '+', o.confirmed_by)) FROM audit_erasureorder o WHERE o.id = f.order_id)",
    "on": "(SELECT to_json((o.confirmed_at AT TIME ZONE 'UTC')::date) FROM audit_erasureorder o WHERE o.id = f.order_id)",
    "order": "f.order_id",
    "row": "f.row_id",
    "table": "to_json(f.tbl)",
}


def wrong_erasures() -> Iterator[tuple[str, int | None, str]]:
    """(table, row, what) of records that no two persons ordered, that do not fit the chain, or whose row is not blank now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT past, jsonb_object_keys(blanks) FROM audit_erasable")
        for table, column in cursor.fetchall():
            if column not in _known.get(table, ()):
                yield table, None, f"{column} may be erased"
        cursor.execute(
            "SELECT e.past, t.key FROM audit_erasable e JOIN audit_tracked t ON t.past = e.past"  # what nobody tracks is told
        )
        erasable = cursor.fetchall()
        cursor.execute(_NOT_ORDERED)
        yield from cursor.fetchall()
        for table, key in erasable:
            cursor.execute(_NOT_BLANK.format(table=table, key=key))
            yield from cursor.fetchall()


_NOT_ORDERED = """
SELECT x.tbl, x.row_id, 'order ' || x.order_id FROM audit_erasure x
LEFT JOIN audit_erasureorder o ON o.id = x.order_id LEFT JOIN audit_erasable e ON e.past = x.tbl
WHERE o.id IS NULL OR e.past IS NULL OR o.done_at IS NULL OR o.confirmer_person_key IS NULL
   OR o.confirmer_person_key = o.proposer_person_key
UNION ALL
SELECT x.tbl, x.row_id, 'before' FROM audit_erasure x
WHERE NOT EXISTS (SELECT FROM audit_entry e WHERE e.tbl = x.tbl AND e.row_id = x.row_id AND e.keys IS NULL AND e.digest = x.before)
  AND NOT EXISTS (SELECT FROM audit_entry s CROSS JOIN unnest(s.keys, s.digests) AS k (row_id, digest)
                  WHERE s.tbl = x.tbl AND s.keys IS NOT NULL AND s.row_id <= x.row_id AND s.last_row_id >= x.row_id
                    AND k.row_id = x.row_id AND k.digest = x.before)
  AND NOT EXISTS (SELECT FROM audit_erasure y WHERE y.tbl = x.tbl AND y.row_id = x.row_id AND y.id < x.id AND y.after = x.before)
"""

_NOT_BLANK = """
SELECT '{table}', x.row_id, 'not blank' FROM (SELECT DISTINCT row_id FROM audit_erasure WHERE tbl = '{table}') x
LEFT JOIN "{table}" r ON r.{key} = x.row_id
WHERE r.{key} IS NULL OR r::text IS DISTINCT FROM
      (jsonb_populate_record(r, (SELECT e.blanks FROM audit_erasable e WHERE e.past = '{table}')))::text
"""


def count_rows() -> int:
    """How many written rows were erased."""
    return Erasure.objects.values("table", "row_id").distinct().count()
