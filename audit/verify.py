"""Is everything still as it was written? Each check is one set-based query that returns what is wrong and nothing else.

The fingerprints of rows and links are computed by the server, which is an order quicker than carrying every row here. It
is not believed blindly: functions, tables and settings are named so that nobody can slip his own under them, a sample
of everything is computed again in this process, and the tree and its signatures are computed here alone.

The whole is read in one snapshot, so that it may run beside people who work. The database does the reading, in parallel
where it can; this process holds a bounded number of problems and never a row.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit import checkpoints, erasure, handovers, proofs, witness
from audit.proofs import Tracked
from audit.regrowing import Regrown

MOST_OF_A_KIND = 1000  # a query stops looking after so many; the trail is broken anyway


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it was written. `kind` is a key of KINDS; `row` is its number in `table`."""

    kind: str
    table: str
    row: int | None
    stream: str
    message: str


@dataclass(frozen=True)
class Report:
    problems: list[Problem]
    rows: int
    seconds: float
    erased: int = 0  # written rows that were erased by order: no problem, and said


KINDS = {
    "entry": gettext_lazy("链条中这一环的指纹不对"),
    "link": gettext_lazy("这一环没有接在前一环上"),
    "gap": gettext_lazy("前面缺了一环"),
    "edited": gettext_lazy("这条记录写下以后被改过"),
    "missing": gettext_lazy("这条记录写下以后被删掉了"),
    "unrecorded": gettext_lazy("这条记录没有进入链条"),
    "live_edited": gettext_lazy("现在的数据和最后一次记录不一样"),
    "live_missing": gettext_lazy("数据被删掉了，没有留下记录"),
    "live_unrecorded": gettext_lazy("数据没有任何记录"),
    "leaf": gettext_lazy("这一环和封存时的不一样"),
    "leaf_orphan": gettext_lazy("封存过的这一环不见了"),
    "unsealed": gettext_lazy("这一环早该封存了，还没有封存；看后台程序在不在运行"),
    "tile": gettext_lazy("存下的树和它的叶子对不上"),
    "functions": gettext_lazy("数据库自己算的指纹不对"),
    "checkpoint_chain": gettext_lazy("这个封存点没有接在前一个上"),
    "checkpoint_hash": gettext_lazy("这个封存点被改过"),
    "checkpoint_signature": gettext_lazy("这个封存点不是本机签的"),
    "checkpoint_cut": gettext_lazy("封存以后，记录少了或者多了"),
    "checkpoint_root": gettext_lazy("封存以后，记录被换过"),
    "handover": gettext_lazy("封存密钥的交接书不对：不是两把密钥都签过字，或者和现在用的密钥接不上"),
    "erasure": gettext_lazy("按留存期限清除的记录不对：没有两个人核准，或者清得不是原来那一条"),
    "anchor": gettext_lazy("纸上印的这个封存码，库里没有"),
    "file_edited": gettext_lazy("文件和登记时的指纹不一样"),
    "file_missing": gettext_lazy("登记过的文件不见了"),
    "guard": gettext_lazy("保护记录的触发器被关掉或删掉了"),
    "untracked": gettext_lazy("这张表没有纳入审计"),
    "balance": gettext_lazy("账户余额和流水对不上"),
    "period": gettext_lazy("结过账的月份和流水对不上"),
    "law": gettext_lazy("账本的规矩被改过或关掉了"),
}

Check = Callable[[], Iterable[Problem]]
_checks: dict[str, Check] = {}


def register_check(name: str, function: Check) -> None:
    """Let an app above add its own check, for example that balances equal the transfers. Called from AppConfig.ready."""
    _checks[name] = function


def verify(*, anchors: Iterable[str] = ()) -> Report:
    """Check the whole trail. `anchors` are fingerprints of seals that were printed on papers and must be known."""
    began = time.monotonic()
    with one_snapshot():
        tables = proofs.tracked_tables()
        problems = [
            *_unguarded(tables),
            *_problems(proofs.links()),
            *(problem for table in tables for query in proofs.rows(table) for problem in _problems(query)),
            *_problems(proofs.strangers(tables)),
            *(problem for query in proofs.leaves(settings.SEAL_LAG_SECONDS) for problem in _problems(query)),
            *_handed_over(),
            *_erased(),
            *_sealed(),
            *_lying_functions(tables),
            *(problem for check in _checks.values() for problem in check()),
            *(
                _problem("anchor", "audit_checkpoint", None, "", print_)
                for print_ in anchors
                if not checkpoints.is_known(print_)
            ),
        ]
        rows, erased = _count(), erasure.count_rows()
    return Report(problems, rows, round(time.monotonic() - began, 3), erased)


# Nobody's own functions, tables of the session, row policies; text forms as the chain's triggers see them; and in parallel
# if possible. Compiling costs more than it saves in queries that are all scans and joins.
_SETTINGS = {
    "search_path": "pg_catalog, public, pg_temp",
    "casework.reach": "everywhere",  # for whoever does not own the tables; that no policy hides more is a check of its own
    "timezone": "UTC",
    "datestyle": "ISO",
    "bytea_output": "hex",
    "work_mem": "64MB",
    "jit": "off",
    "max_parallel_workers_per_gather": "2",
    "parallel_setup_cost": "100",
    "parallel_tuple_cost": "0.01",
    "min_parallel_table_scan_size": "1MB",
}


@contextmanager
def one_snapshot() -> Iterator[None]:
    """One read-only view of the database."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if is_outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(_OWNS)
        settings = _SETTINGS | {"row_security": "off" if cursor.fetchone()[0] else "on"}
        cursor.execute(
            "WITH before AS MATERIALIZED (SELECT pg_catalog.current_setting('search_path') AS path,"
            " coalesce(pg_catalog.current_setting('casework.reach', true), '') AS reach)"
            " SELECT path, reach, pg_catalog.set_config(name, value, true) FROM before, unnest(%s::text[], %s::text[]) AS s (name, value)",
            [list(settings), list(settings.values())],
        )
        path, reach, _set = cursor.fetchone()
        yield
        if not is_outermost:
            cursor.execute(
                "SELECT set_config('timezone', %s, true), set_config('search_path', %s, true), set_config('casework.reach', %s, true)",
                [connection.timezone_name, path, reach],
            )


_OWNS = """
SELECT pg_catalog.bool_and(pg_catalog.pg_has_role(current_user, relowner, 'USAGE')) FROM pg_catalog.pg_class
WHERE relrowsecurity AND relnamespace OPERATOR(pg_catalog.=) 'public'::pg_catalog.regnamespace
"""


def _problems(query: proofs.Query) -> Iterator[Problem]:
    with (
        connection.cursor() as cursor
    ):  # planned for all its rows: nearly always there is none, and no limit to be reached
        cursor.execute(
            f"WITH found AS MATERIALIZED ({query.sql}) SELECT * FROM found LIMIT {MOST_OF_A_KIND}", query.facts
        )
        for kind, table, row, stream, detail in cursor.fetchall():
            yield _problem(kind, table, row, stream or "", detail or "")


def _problem(kind: str, table: str, row: int | None, stream: str, detail: str = "") -> Problem:
    message = str(KINDS[kind])
    return Problem(
        kind, table, row, stream, _("%(what)s：%(detail)s") % {"what": message, "detail": detail} if detail else message
    )


def _lying_functions(tables: list[Tracked]) -> Iterator[Problem]:
    for table, row, stream in witness.disagreements(tables):
        yield _problem("functions", table, row, stream)


def _erased() -> Iterator[Problem]:
    """Records of erasure that no two persons ordered or that are not what the chain had; and rows that are not blank."""
    for table, row, what in erasure.wrong_erasures():
        yield _problem("erasure", table, row, "", what)


def _handed_over() -> Iterator[Problem]:
    for handover in handovers.Keys().faults():
        yield _problem("handover", "audit_handover", handover.pk, "keys:seals", f"#{handover.n}")


def _sealed() -> Iterator[Problem]:
    grown = Regrown()
    for checkpoint, fault in checkpoints.faults(grown):
        made = checkpoint.made_at.isoformat(timespec="seconds")
        yield _problem(f"checkpoint_{fault}", "audit_checkpoint", checkpoint.pk, "", f"{checkpoint.fingerprint} {made}")
    if checkpoints.latest() is None and grown.has_more_than(0):
        yield _problem("checkpoint_cut", "audit_checkpoint", None, "")
    for level, index in grown.wrong_tiles():
        yield _problem("tile", "audit_tile", index, "", f"{level}/{index}")


def _unguarded(tables: list[Tracked]) -> Iterator[Problem]:
    """Triggers that are off, and business models whose history nobody chains."""
    yield from _problems(proofs.guards(tables))
    known = {table.live for table in tables}
    for model in apps.get_models():
        if hasattr(model._meta, "simple_history_manager_attribute") and model._meta.db_table not in known:
            yield _problem("untracked", model._meta.db_table, None, "")


def _count() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(coalesce(cardinality(keys), 1)), 0) FROM audit_entry")
        return cursor.fetchone()[0]


def of_stream(stream: str) -> list[Problem]:
    """What is wrong with one subject, for example "case:17": its chain, its rows, and the live rows they tell about.

    Cheap enough for a page. Cut tails and seals are found by `verify` alone.
    """
    with one_snapshot():
        tables = {table.past: table for table in proofs.tracked_tables()}
        with connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT tbl FROM audit_entry WHERE stream = %s", [stream])
            names = {row[0] for row in cursor.fetchall()}
        strange = sorted(names - tables.keys())
        names |= {table.past for table in tables.values() if proofs.subject_id(table, stream) is not None}
        problems = list(_problems(proofs.links(stream)))
        queries = [
            query for name in sorted(names & tables.keys()) for query in proofs.rows_of_stream(tables[name], stream)
        ]
        if queries:
            together = " UNION ALL ".join(f"({query.sql})" for query in queries)
            facts = {name: value for query in queries for name, value in query.facts.items()}
            problems += _problems(proofs.Query(f"SELECT * FROM ({together}) found", facts))
        problems += [_problem("untracked", name, None, stream) for name in strange]
    return problems
