"""Any other audited record as it was, field by field."""

from typing import Any

from django.utils.translation import gettext as _

from audit.models import Entry
from casework.desks.history.moments import Until
from casework.desks.history.pictures import Picture, version_at
from casework.desks.history.readers import Names, Reader, facts_of


def streams_of(record: Any) -> list[str]:
    """The chain in which its versions stand; one query. A first version of an import has none yet."""
    versions = record.__class__.history.filter(id=record.pk)
    rows = Entry.objects.filter(
        table=versions.model._meta.db_table, row_id__in=list(versions.values_list("history_id", flat=True))
    )
    return sorted(set(rows.filter(keys__isnull=True).values_list("stream", flat=True)))


def picture(reader: Reader, until: Until | None) -> Picture:
    version, unknown = version_at(type(reader.record), reader.record.pk, until)
    found = Picture(unknown=unknown, version=version)
    if version is not None:
        found.add(_("内容"), facts_of(version, reader, Names.of(version)))
    return found
