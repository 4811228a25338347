"""Becoming the sealer: the one role that may add to the tree and the seals, and to nothing else."""

import contextlib
from collections.abc import Iterator

from django.db import connection

ROLE = "casework_sealer"
_BECOME = """
SELECT current_setting('role'), set_config('role', rolname, true) FROM pg_roles
WHERE rolname = %s AND pg_has_role(session_user, oid, 'MEMBER')
"""


@contextlib.contextmanager
def as_sealer() -> Iterator[None]:
    """Within the block, inside a transaction, this connection may seal, and can do nothing else but read.

    Where the login may not become the sealer (an installation of one role, or a page) it stays who it is, and PostgreSQL
    refuses what that one may not do.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BECOME, [ROLE])
        became = cursor.fetchone()
    yield  # after an error the transaction is rolled back, and the role with it
    if became:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('role', %s, true)", [became[0]])
