"""Every law that PostgreSQL holds, as this program's migrations left it: is one rewritten, taken away, switched off or added?

laws.txt names each trigger, function, constraint, unique index, policy and rule of the schema with a fingerprint of its words.
`manage.py db laws` writes it anew after a migration; the change is then read like any other. `audit verify` compares.
"""

from collections.abc import Iterator
from pathlib import Path

from django.db import connection

from audit.verify import KINDS, Problem

FILE = Path(__file__).with_name("laws.txt")
# What a law is called | what it says. Not null is of columns, and PostgreSQL 18 alone calls it a constraint. A foreign key that
# was switched off is no law of ours that changed, but one that does not hold.
_STANDING = """
SELECT 'trigger ' || c.relname || ' ' || t.tgname, concat_ws(' ', t.tgenabled, pg_get_triggerdef(t.oid))
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
  WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger ' || c.relname || ' of a foreign key', 'off'
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
  WHERE t.tgisinternal AND t.tgenabled <> 'O' AND c.relnamespace = 'public'::regnamespace
UNION ALL SELECT 'function ' || p.oid::regprocedure,
    concat_ws(' ', l.lanname, p.prosecdef, p.provolatile, p.proisstrict, p.prorettype::regtype, p.proconfig, p.prosrc)
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
  WHERE p.pronamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e')
UNION ALL SELECT 'constraint ' || c.relname || ' ' || o.conname, concat_ws(' ', o.convalidated, pg_get_constraintdef(o.oid))
  FROM pg_catalog.pg_constraint o JOIN pg_catalog.pg_class c ON c.oid = o.conrelid
  WHERE o.contype IN ('c', 'u', 'p', 'f', 'x') AND c.relnamespace = 'public'::regnamespace
UNION ALL SELECT 'index ' || c.relname || ' ' || i.relname, concat_ws(' ', x.indisvalid, pg_get_indexdef(x.indexrelid))
  FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indrelid JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  WHERE x.indisunique AND c.relnamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint o WHERE o.conindid = x.indexrelid AND o.contype IN ('u', 'p', 'x'))
UNION ALL SELECT 'policy ' || c.relname || ' ' || p.polname,
    concat_ws(' ', p.polcmd, p.polpermissive, p.polroles, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
  FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid WHERE c.relnamespace = 'public'::regnamespace
UNION ALL SELECT 'rows ' || c.relname, 'held back'
  FROM pg_catalog.pg_class c WHERE c.relrowsecurity AND c.relnamespace = 'public'::regnamespace
UNION ALL SELECT 'rule ' || c.relname || ' ' || r.rulename, pg_get_ruledef(r.oid)
  FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
  WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
"""
_PRINTED = f"""
SELECT name, left(encode(sha256(convert_to(string_agg(words, E'\\n' ORDER BY words COLLATE "C"), 'UTF8')), 'hex'), 16)
FROM ({_STANDING}) law (name, words) GROUP BY name ORDER BY name COLLATE "C"
"""


def standing() -> dict[str, str]:
    """{law: fingerprint of what it says} as this database has them. Reads the catalogue alone."""
    with connection.cursor() as cursor:
        cursor.execute(_PRINTED)
        return dict(cursor.fetchall())


def known() -> dict[str, str]:
    """The same as the program's migrations left them."""
    return dict(line.rsplit(" ", 1) for line in FILE.read_text(encoding="ascii").splitlines())


def write() -> int:
    """Take what stands now for what is right, and say how many laws that are. For whoever has just written a migration."""
    laws = standing()
    FILE.write_text("".join(f"{name} {print_}\n" for name, print_ in laws.items()), encoding="ascii")
    return len(laws)


def changed_laws() -> Iterator[Problem]:
    """Every law that is missing, or says something else, and every one that nobody knows on a table of the program."""
    now, right = standing(), known()
    tables = {_parts(name)[1] for name in right}
    for name in sorted(now.keys() | right.keys()):
        kind, table, words = _parts(name)
        if now.get(name) == right.get(name) or kind != "function" and table not in tables:
            continue
        if kind == "function":
            yield Problem("law", "", None, "", f"{KINDS['law']}：{name}")
        else:
            yield Problem("law", table, None, "", f"{KINDS['law']}：{kind} {words}".strip())


def _parts(name: str) -> tuple[str, str, str]:
    """(kind, table, which one of it) of a law's name."""
    kind, table, words = f"{name} ".split(" ", 2)
    return kind, table, words
