"""What `manage.py check` says about the programmes: that each one is sound, and that published rules fit their programme."""

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from flows.errors import BadParameters
from flows.models import ProgrammeVersion
from flows.programmes import PROGRAMMES
from flows.ruled import RULED
from flows.soundness import proof_of


@register()
def programmes_are_sound(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every promise of every spec; a broken one is told with the shortest way to it."""
    return [
        Error(str(fault), obj=code, id=f"flows.{fault.promise}")
        for code, spec in PROGRAMMES.items()
        for fault in proof_of(spec).faults
    ]


@register(Tags.database)
def published_rules_fit_their_programme(
    app_configs: Any, databases: list[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Deadlines name states and documents name actions of the spec. Asked with `check --database default` and by migrate."""
    if "default" not in (databases or ()):
        return []
    if ProgrammeVersion._meta.db_table not in connections["default"].introspection.table_names():
        return []  # nothing has been migrated yet
    found: list[CheckMessage] = []
    for version in ProgrammeVersion.objects.filter(published_on__isnull=False):
        label = f"{version.programme} v{version.number}"
        if version.programme not in RULED:
            found.append(Error("this programme no longer exists", obj=label, id="flows.rules"))
            continue
        try:
            version.rules.check_against(version.spec)
        except BadParameters as error:
            found.append(Error(str(error), obj=label, id="flows.rules"))
    return found
