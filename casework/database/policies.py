"""What the auditor's verifier asks of row-level security: may any policy hide a row from whoever reaches everything?

An owner of the tables could hide what he did from a verifier who does not own them. So no policy may restrict, each must
begin with the one question that opens everything, and that question must be the one of the migration.
"""

from collections.abc import Iterator

from django.db import connection

from audit.verify import KINDS, Problem

OPENS = "(( SELECT access_reaches_everywhere() AS access_reaches_everywhere) OR"
ASKS = (
    "coalesce(current_setting('casework.reach', true), '') = 'everywhere'"
    " OR current_user IN ('casework_auditor', 'casework_sealer')"
)
_HIDING = """
SELECT c.relname, coalesce(p.polname, '') FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_policy p ON p.polrelid = c.oid
WHERE c.relrowsecurity AND c.relnamespace = 'public'::regnamespace
  AND (p.oid IS NULL OR NOT p.polpermissive OR p.polcmd <> '*' OR NOT starts_with(pg_get_expr(p.polqual, p.polrelid), %s))
ORDER BY 1, 2
"""
_FUNCTION = "SELECT prosrc FROM pg_catalog.pg_proc WHERE proname = 'access_reaches_everywhere' AND NOT prosecdef"


def hiding_policies() -> Iterator[Problem]:
    """Policies that may hide a row from a verifier, and the question they all begin with, when it is another."""
    with connection.cursor() as cursor:
        cursor.execute(_HIDING, [OPENS])
        for table, policy in cursor.fetchall():
            yield Problem("law", table, None, "", f"{KINDS['law']}：{policy}")
        cursor.execute(_FUNCTION)
        asked = [
            " ".join(source.removeprefix("\n").replace("SELECT", "", 1).split()) for (source,) in cursor.fetchall()
        ]
        if asked != [ASKS]:
            yield Problem("law", "casework_case", None, "", f"{KINDS['law']}：access_reaches_everywhere")
