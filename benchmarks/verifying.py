"""Verifying the whole trail, against one SHA-256 over the very bytes that each of its fingerprints covers."""

import time
from typing import Any

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from audit import bulk, checkpoints, leaves
from audit.context import acting
from audit.verify import verify
from benchmarks import act
from benchmarks.cloning import clone, element, midway
from benchmarks.scratch import must_be_scratch
from benchmarks.timing import interleaved, result
from casework.models import Case, CaseEvent

ROWS = 100_000  # history rows
VERSIONS = 10  # of each case
ROUNDS = 5
WARM_UP = 1


def measure(scale: int = ROWS, *, rounds: int = ROUNDS) -> dict[str, Any]:
    """`scale` rows of history, ten versions of each case, read, hashed and compared link by link."""
    must_be_scratch()
    cases = _prepare(scale)
    began = time.monotonic()
    sealed, _last = checkpoints.seal_all(everything=True)
    sealing_seconds = time.monotonic() - began
    rows = _write_down_the_bytes()
    report = verify()
    if report.problems or report.rows != rows:
        raise AssertionError(f"{len(report.problems)} problems in {report.rows} of {rows} rows: {report.problems[:3]}")
    with CaptureQueriesContext(connection) as captured:
        verify()
    times = interleaved({"ours": lambda n: verify(), "floor": lambda n: _floor()}, rounds, warm_up=WARM_UP)
    return result(
        "verify",
        scale,
        times,
        queries=len(captured),
        rows=rows,
        cases=cases,
        rows_per_second=round(rows / times["ours"].median * 1000),
        floor_rows_per_second=round(rows / times["floor"].median * 1000),
        leaves=sealed,
        sealed_per_second=round(sealed / sealing_seconds),
    )


def _prepare(rows: int) -> int:
    """Cases with ten versions each, chained by the triggers as in earnest."""
    case = Case.objects.get(pk=act.prepare(1).cases[0])
    count = max(rows // VERSIONS, 1)
    with transaction.atomic(), acting(reason="copied"), midway():
        cases = clone(
            Case,
            case.pk,
            count,
            case_no="'V' || c.id",
            state="'lead'",
            acts="1",
            is_open="false",
            closed_on="s.opened_on",
        )
        clone(CaseEvent, case.events.get(n=1).pk, count, case_id=element(cases), key="'opened:' || c.id")
        bulk.write_history(Case, cases, "+")
        for n in range(VERSIONS - 1):
            with connection.cursor() as cursor:
                cursor.execute("UPDATE casework_case SET summary = %s WHERE id = ANY (%s)", [f"第 {n} 稿", cases])
            bulk.write_history(Case, cases, "~")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return count


def _write_down_the_bytes() -> int:
    """What is hashed for the whole trail, as bytes in one table: each row's text, each link, what a set holds, and each leaf.

    Returns the number of rows.
    """
    rows = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'")
        cursor.execute("DROP TABLE IF EXISTS floor_bytes")
        cursor.execute("CREATE TABLE floor_bytes (bytes bytea NOT NULL)")
        cursor.execute("SELECT past FROM audit_tracked ORDER BY past")
        for (past,) in cursor.fetchall():
            cursor.execute(f"INSERT INTO floor_bytes SELECT convert_to(rtrim(r::text, ',)'), 'UTF8') FROM {past} r")
            rows += cursor.rowcount
        cursor.execute(
            "INSERT INTO floor_bytes SELECT convert_to(concat_ws('|', length(e.stream), e.stream, e.n, e.tbl, e.row_id,"
            " encode(e.digest, 'hex'), coalesce(encode(e.prev, 'hex'), '')), 'UTF8') FROM audit_entry e"
        )
        cursor.execute(
            "INSERT INTO floor_bytes SELECT convert_to(keys::text || digests::text, 'UTF8') FROM audit_entry"
            " WHERE keys IS NOT NULL"
        )
        cursor.execute(
            f"INSERT INTO floor_bytes SELECT convert_to({leaves.line()}, 'UTF8') FROM"
            f" (SELECT {leaves.LINK_COLUMNS}, l.salt FROM audit_leaf l JOIN audit_entry e ON e.id = l.entry_id) e {leaves.facts_joins()}"
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE floor_bytes")
    return rows


def _floor() -> int:
    """The server reads the bytes and hashes them, on one core: nothing is looked up, built or compared."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        cursor.execute("SELECT count(sha256(bytes)) FROM floor_bytes")
        return cursor.fetchone()[0]
