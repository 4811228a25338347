"""Which role a process logs in as. Read by settings.py before anything of Django is there.

    owner      casework            owns the tables: migrations, backups, the demo. Nobody's page
    web        casework_web        pages. Owns nothing, and sees no family unless the request says how far it reaches
    worker     casework_worker     promises, timers, jobs, commands: all families, owns nothing, may become the sealer
    auditor    casework_auditor    reads everything but passwords and sessions, writes nothing (psql, `audit verify`)

The sealer (`casework_sealer`) is nobody's login: the worker becomes it for the transaction in which it seals.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

OWNER, WEB, WORKER, AUDITOR = "owner", "web", "worker", "auditor"
LOGINS = {OWNER: "casework", WEB: "casework_web", WORKER: "casework_worker", AUDITOR: "casework_auditor"}
APPLICATION, SEALER = "casework_application", "casework_sealer"  # what logins are members of

# `manage.py serve` prepares the tables; its children are processes of their own.
_OF_THE_OWNER = frozenset(
    ("migrate", "db", "demo", "serve", "bench", "dbshell", "sqlmigrate", "flush", "makemigrations", "test")
)
_OF_THE_WEB = frozenset(("runserver",))
_URLS = {
    OWNER: "CASEWORK_OWNER_DATABASE_URL",
    AUDITOR: "CASEWORK_AUDITOR_DATABASE_URL",
    WEB: "CASEWORK_WEB_DATABASE_URL",
}


def process(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Which of the four this process is. `CASEWORK_PROCESS` says so where it is none of manage.py's commands."""
    said = environment.get("CASEWORK_PROCESS", "")
    if said in LOGINS:
        return said
    if "pytest" in sys.modules:
        return OWNER  # makes and fills the test's database; tests/conftest.py gives its rights up afterwards
    command = arguments[1] if len(arguments) > 1 and Path(arguments[0]).name == "manage.py" else ""
    if command in _OF_THE_OWNER:
        return OWNER
    return WEB if command in _OF_THE_WEB else WORKER


def is_managed_elsewhere(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether DATABASE_URL names a server that is not ours."""
    return bool(environment.get("DATABASE_URL"))


def url_for(who: str, environment: Mapping[str, str]) -> str:
    """The variable that says where `who` logs in; DATABASE_URL for whoever has none of its own."""
    name = _URLS.get(who, "")
    return name if environment.get(name) else "DATABASE_URL"


def as_login(database: dict[str, Any], who: str) -> dict[str, Any]:
    """Let the embedded server's entry of DATABASES log in as `who`."""
    return database | {"USER": LOGINS[who]}
