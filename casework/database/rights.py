"""What each role may do with each table. Granted by the owner after every migration, so that no new table is forgotten.

    nothing      only the database's own functions write and read it
    reading      rules, seals and the trail itself: written by migrations, by triggers, or by the sealer
    adding       history and whatever is append-only: no UPDATE, no DELETE, whatever a trigger would say
    changing     everything else; and DELETE only where the program really forgets something

What is not named here is judged by what it is: a table under audit may be added to, any other may be changed.
The roles belong to the server, the grants to the database. Where the owner may not make roles, an administrator makes
them once (docs/operations.md), and until then the program works as its owner, which `check --deploy` says.
"""

from collections.abc import Iterator
from typing import Any

from psycopg2 import sql

from audit import clock
from casework.database.logins import APPLICATION, AUDITOR, LOGINS, SEALER, WEB, WORKER

NOTHING = frozenset(("audit_due", "funds_due"))
READING = frozenset(
    (
        "audit_entry", "audit_leaf", "audit_tile", "audit_checkpoint", "audit_tracked", "audit_erasable", "audit_erasure",
        "funds_transferrule", "funds_twopersons", "flows_way",
        "django_migrations", "django_content_type", "auth_permission",
    )
)  # fmt: skip
FORGETTING = frozenset(
    (
        "django_session", "access_rate", "access_signin", "casework_surveydraft", "access_unitpermission",
        "axes_accessattempt", "axes_accesslog", "axes_accessfailurelog",
        "guardian_userobjectpermission", "guardian_groupobjectpermission",
    )
)  # fmt: skip
# Functions with the owner's rights that are called by their name; the others are laws and stay with their triggers.
CALLED = frozenset(("audit_count_rows", "families_persons_named"))
ASKED = frozenset(  # by policies, checks and verifiers: they only look
    (
        "access_sees_a_case_of", "access_sees_case", "access_sees_household", "access_sees_line", "access_sees_notice",
        "access_sees_person", "access_sees_unit", "casework_close_households", "casework_close_line", "casework_close_persons",
        "casework_household_of", "casework_roster_digest",
    )
)  # fmt: skip
SEALED = ("audit_leaf", "audit_tile", "audit_checkpoint")
# The balance of an account is moved by the trigger of a transfer alone. What is written once is locked by its key, and stays.
COLUMNS = {
    "funds_account": ("fund_id", "allocation_id", "kind"),
    "funds_stockslip": ("id",),
    "casework_question": ("id",),
    "casework_sample": ("id",),
}
# What rewrites a written row is for the worker alone: no page, whatever it was made to say, erases anything.
WORKERS = ("audit_erase",)
SECRET = frozenset(("django_session",))
WITHHELD = {"access_staff": ("password",)}  # from auditors


def grant(connection: Any) -> bool:
    """Make the roles if need be and give each what it may do, in one transaction. False: this login may not make roles.

    Effect is the same however often it is called.
    """
    with connection.cursor() as cursor:
        if not _roles_stand(cursor) and not _make_roles(cursor):
            return False
        raw = cursor.cursor
        cursor.execute(sql.SQL(";\n").join(_statements(raw)).as_string(raw))
    return True


def fence(connection: Any) -> None:
    """Let each function say where it looks: no law is to take a table of the session for the real one of that name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang"
            " WHERE p.pronamespace = 'public'::regnamespace AND l.lanname = 'plpgsql'"
            " AND NOT EXISTS (SELECT FROM unnest(p.proconfig) s WHERE s LIKE %s)",
            [r"search\_path=%"],
        )
        functions = [function for (function,) in cursor.fetchall()]
        if functions:
            cursor.execute(
                "; ".join(f"ALTER FUNCTION {function} SET search_path = public, pg_temp" for function in functions)
            )


def owns_the_tables(connection: Any) -> bool:
    """Whether this login is the tables' owner, or may do whatever their owner may."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(bool_and(pg_has_role(current_user, relowner, 'USAGE')), false) FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        )
        return cursor.fetchone()[0]


def _roles_stand(cursor: Any) -> bool:
    wanted = {APPLICATION, SEALER, LOGINS[WEB], LOGINS[WORKER], LOGINS[AUDITOR]}
    cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY (%s)", [list(wanted)])
    return cursor.fetchone()[0] == len(wanted)


def _make_roles(cursor: Any) -> bool:
    """False: this login may not. Two databases of one server may do this at the same time: each takes what the other made."""
    cursor.execute("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
    if not cursor.fetchone()[0]:
        return False
    cursor.execute("SELECT current_setting('server_version_num')::int >= 160000")
    alone = "WITH INHERIT FALSE, SET TRUE" if cursor.fetchone()[0] else ""
    cursor.execute(
        f"""
        DO $do$ DECLARE statement text; BEGIN
          FOREACH statement IN ARRAY ARRAY[
            'CREATE ROLE {APPLICATION} NOLOGIN', 'CREATE ROLE {SEALER} NOLOGIN',
            'CREATE ROLE {LOGINS[WEB]} LOGIN', 'CREATE ROLE {LOGINS[WORKER]} LOGIN', 'CREATE ROLE {LOGINS[AUDITOR]} LOGIN',
            'ALTER ROLE {LOGINS[WORKER]} BYPASSRLS',
            'GRANT {APPLICATION} TO {LOGINS[WEB]}', 'GRANT {APPLICATION} TO {LOGINS[WORKER]}',
            'GRANT {SEALER} TO {LOGINS[WORKER]} {alone}'] LOOP
            BEGIN
              EXECUTE statement;
            EXCEPTION WHEN duplicate_object OR unique_violation OR internal_error OR insufficient_privilege THEN NULL;
            END;
          END LOOP;
        END $do$"""
    )
    return True


def _statements(cursor: Any) -> Iterator[sql.Composable]:
    tables, appended = _tables(cursor)
    everybody = sql.SQL(", ").join(map(sql.Identifier, (APPLICATION, SEALER, LOGINS[AUDITOR])))
    yield sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    yield sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {}").format(everybody)
    yield sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(everybody)
    yield sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}").format(sql.Identifier(APPLICATION))
    for rights, names in _for_the_application(tables, appended).items():
        yield _on(rights, names, APPLICATION)
    for table, columns in COLUMNS.items():
        yield sql.SQL("GRANT UPDATE ({}) ON {} TO {}").format(
            _listed(columns), sql.Identifier(table), sql.Identifier(APPLICATION)
        )
    yield from _for_the_sealer()
    yield from _for_auditors(cursor, tables)
    yield from _functions(cursor)
    yield from _for_the_worker(cursor)


def _for_the_application(tables: set[str], appended: set[str]) -> dict[str, set[str]]:
    reading = READING if clock.may_move() else READING | {"audit_businessclock"}
    rest = tables - NOTHING - reading
    return {
        "SELECT": reading & tables,
        "SELECT, INSERT": (appended & rest) | set(COLUMNS),
        "SELECT, INSERT, UPDATE": rest - appended - set(COLUMNS) - FORGETTING,
        "SELECT, INSERT, UPDATE, DELETE": FORGETTING & tables,
    }


def _for_the_sealer() -> Iterator[sql.Composable]:
    yield sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(sql.Identifier(SEALER))
    yield sql.SQL("REVOKE ALL ON {} FROM {}").format(_listed(SECRET), sql.Identifier(SEALER))
    yield _on("INSERT", set(SEALED), SEALER)
    yield sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}").format(sql.Identifier(SEALER))


def _for_auditors(cursor: Any, tables: set[str]) -> Iterator[sql.Composable]:
    auditor = LOGINS[AUDITOR]
    yield _on("SELECT", tables - SECRET - set(WITHHELD), auditor)
    for table, withheld in WITHHELD.items():
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [table],
        )
        shown = [name for (name,) in cursor.fetchall() if name not in withheld]
        yield sql.SQL("GRANT SELECT ({}) ON {} TO {}").format(
            _listed(shown), sql.Identifier(table), sql.Identifier(auditor)
        )


def _functions(cursor: Any) -> Iterator[sql.Composable]:
    """What acts with the owner's rights is called by triggers, and by its name only if the program does so."""
    cursor.execute(
        "SELECT oid::regprocedure::text FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace AND prosecdef AND has_function_privilege('public', oid, 'EXECUTE')"
    )
    for (function,) in cursor.fetchall():
        yield sql.SQL(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
    cursor.execute(
        "SELECT oid::regprocedure::text, proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname = ANY (%s)",
        [[*CALLED, *ASKED]],
    )
    for function, name in cursor.fetchall():
        who = [APPLICATION] if name in CALLED else [APPLICATION, SEALER, LOGINS[AUDITOR]]
        yield sql.SQL(f"GRANT EXECUTE ON FUNCTION {function} TO {{}}").format(_listed(who))


def _for_the_worker(cursor: Any) -> Iterator[sql.Composable]:
    """After `_functions`, which may have given them to the application."""
    cursor.execute(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname = ANY (%s)",
        [list(WORKERS)],
    )
    for (function,) in cursor.fetchall():
        yield sql.SQL(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC, {{}}").format(sql.Identifier(APPLICATION))
        yield sql.SQL(f"GRANT EXECUTE ON FUNCTION {function} TO {{}}").format(sql.Identifier(LOGINS[WORKER]))


def _tables(cursor: Any) -> tuple[set[str], set[str]]:
    """(all tables, those whose rows are written once)."""
    cursor.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')")
    tables = {name for (name,) in cursor.fetchall()}
    cursor.execute(
        "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'audit_append_only' AND NOT tgisinternal"
    )
    return tables, {name for (name,) in cursor.fetchall()}


def _on(rights: str, tables: set[str], role: str) -> sql.Composable:
    return sql.SQL(f"GRANT {rights} ON {{}} TO {{}}").format(_listed(sorted(tables)), sql.Identifier(role))


def _listed(names: Any) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, names))
