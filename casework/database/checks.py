"""`check --deploy --database default`: whether pages own the tables whose laws bind them."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections

from casework.database import rights
from casework.database.logins import OWNER


@register(Tags.database, deploy=True)
def pages_own_no_table(app_configs: Any, databases: list[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """A server elsewhere for which one login alone was named."""
    if "default" not in (databases or ()) or settings.PROCESS == OWNER or settings.DATABASE_ROLE:
        return []
    connection = connections["default"]
    if not connection.introspection.table_names() or not rights.owns_the_tables(connection):
        return []
    return [
        Warning(
            "The program owns its tables: a hole in a page could take the laws off, and row-level security does not hold.",
            hint="docs/operations.md, The server: roles for pages, worker and auditors, and an address for each.",
            id="casework.owner",
        )
    ]
