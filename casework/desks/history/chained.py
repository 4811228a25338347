"""What belongs to a subject, by its chain: every version and every entry, found through the streams that name it.

The chain knows rows that are gone, too, and its primary keys are what history tables are indexed by.
"""

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models

from audit.models import Entry
from casework.desks.history import moments
from casework.desks.history.moments import Until

MOST = 20_000  # entries of one subject that a page looks at; more than any case or family has


class Chained:
    """The rows of some streams, as of `until` (None: now). Each model costs one query, however many rows.

    `last` is the moment of the newest entry among those that were asked for.
    """

    def __init__(self, streams: Sequence[str], until: Until | None) -> None:
        self.streams, self.until = list(streams), until
        self.last: datetime.datetime | None = None
        self._at: dict[str, dict[int, datetime.datetime]] = {}
        found = Entry.objects.filter(stream__in=self.streams, keys__isnull=True).order_by("-id")
        for table, row, at in found.values_list("table", "row_id", "recorded_at")[:MOST]:
            self._at.setdefault(table, {})[row] = at

    def subjects(self, model: type[models.Model], ids: Iterable[int]) -> list[Any]:
        """Rows that are subjects themselves (a person, a household), whose first version may share its link with others."""
        versions = model.history.filter(id__in=list(ids))
        known = self._at.setdefault(versions.model._meta.db_table, {})
        for row, at in versions.values_list("history_id", "history_date"):
            known.setdefault(row, at)
        return self.newest(model)

    def newest(self, model: type[models.Model]) -> list[Any]:
        """The newest version of each row by then, without those that were deleted, in the order of their numbers."""
        rows = self.versions(model).order_by("id", "-history_id").distinct("id")
        found = [row for row in rows if row.history_type != "-"]
        self._seen(found, "history_id")
        return found

    def versions(self, model: type[models.Model]) -> models.QuerySet:
        """Every version by then."""
        past = model.history.model
        rows = past.objects.filter(history_id__in=self._rows(past._meta.db_table))
        if self.until is None or moments.is_instant(self.until):
            return rows
        return rows.filter(moments.condition(self.until))

    def written(self, model: type[models.Model], day: str) -> list[Any]:
        """The rows of an append-only table by then; `day` is its column of the business day."""
        rows = model.objects.filter(pk__in=self._rows(model._meta.db_table)).order_by("pk")
        if self.until is not None and not moments.is_instant(self.until):
            rows = rows.filter(**{f"{day}__lte": self.until})
        found = list(rows)
        self._seen(found, "pk")
        return found

    def _rows(self, table: str) -> list[int]:
        known = self._at.get(table, {})
        if not moments.is_instant(self.until):
            return list(known)
        return [row for row, at in known.items() if at <= self.until]

    def _seen(self, rows: list[Any], key: str) -> None:
        if rows:
            known = self._at[rows[0]._meta.db_table]
            newest = max(known[getattr(row, key)] for row in rows)
            self.last = newest if self.last is None else max(self.last, newest)
