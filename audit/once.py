"""The same form sent twice at the very same moment: the second sending waits here, and then finds what the first one made.

once.wait_for(f"propose:{key}")              within the transaction, before looking whether it is there already
known = Proposal.objects.filter(key=key).first()
"""

from django.db import connection

_WAIT = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 20261129))"


def wait_for(what: str) -> None:
    """Wait until whoever said the same word before has committed or given up; it is said until the end of this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_WAIT, [what])
