"""What is said to PostgreSQL when a connection begins."""

from typing import Any

from django.conf import settings
from django.db.backends.signals import connection_created

from casework.database.logins import WEB


def begin(connection: Any, **_sent: Any) -> None:
    """Work on another role's behalf where the settings name one, and reach every family unless this process shows pages."""
    wanted = {}
    if settings.DATABASE_ROLE:
        wanted["role"] = settings.DATABASE_ROLE
    if settings.PROCESS != WEB:
        wanted["casework.reach"] = "everywhere"
    if wanted:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config(name, value, false) FROM unnest(%s, %s) x (name, value)",
                [list(wanted), list(wanted.values())],
            )


def connect() -> None:
    connection_created.connect(begin, dispatch_uid="casework.database.session")
