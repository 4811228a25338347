"""System checks of the product, run by `manage.py check` and at every start."""

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from families import catalogue
from flows.models import ProgrammeVersion
from flows.programmes import PROGRAMMES


@register(Tags.database)
def documents_are_known(app_configs: Any, databases: list[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Published rules ask for kinds of papers that the catalogue has; otherwise nobody could ever hand them in."""
    table = ProgrammeVersion._meta.db_table
    if "default" not in (databases or ()) or table not in connections["default"].introspection.table_names():
        return []
    known = {kind for kind, _title in catalogue.DOCUMENTS}
    return [
        Error(f"nobody knows the document {kind!r} wanted before {action}", obj=str(version), id="casework.documents")
        for version in ProgrammeVersion.objects.filter(published_on__isnull=False, programme__in=PROGRAMMES)
        for action, kinds in version.parameters.get("documents", {}).items()
        for kind in kinds
        if kind not in known
    ]
