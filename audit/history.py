"""django-simple-history, set up once for the whole product.

`history = tracked()` on a model keeps every version with who, when (real time of entry), on which business date,
on whose behalf and why. `audit.operations.TrackHistory` in a migration makes that history complete, chained and
append-only in the database.
"""

from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone
from simple_history.models import HistoricalRecords

from audit import clock
from audit.context import current

# What history adds to a row. The database compares the rest with the live row.
HISTORY_COLUMNS = (
    "history_id",
    "history_date",
    "history_change_reason",
    "history_type",
    "history_user_id",
    "history_behalf_id",
    "history_business_date",
    "history_salt",  # of what may be erased; unknown to Django, see audit.operations.AllowErasure
)


class HistoryRow(models.Model):
    """Columns that every history table has besides simple-history's own."""

    history_behalf_id = models.BigIntegerField(null=True)
    history_business_date = models.DateField(null=True)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.history_behalf_id = current().on_behalf_of_id
        self.history_business_date = clock.today()
        super().save(*args, force_insert=True, **kwargs)


class TrackedRecords(HistoricalRecords):
    """Takes the actor and the reason from audit.context. It indexes nothing: TrackHistory adds the one index there is."""

    def create_historical_record(self, instance: models.Model, history_type: str, using: str | None = None) -> None:
        """What was saved is read back by the database itself, a tenth of the work of a second instance; what was
        deleted is no longer there and is written by simple-history."""
        _belongs_together()
        if history_type == "-":
            super().create_historical_record(instance, history_type, using)
        else:
            write_history(type(instance), [instance.pk], history_type)

    def get_history_user(self, instance: models.Model) -> Any:
        by_id = current().by_id
        return SimpleNamespace(pk=by_id) if by_id is not None else None

    def get_change_reason_for_object(self, instance: models.Model, history_type: str, using: str | None) -> str:
        return current().reason

    def copy_fields(self, model: type[models.Model]) -> dict[str, models.Field]:
        fields = super().copy_fields(model)
        for field in fields.values():
            field.db_index = False
            field._unique = False
        return fields


def tracked(*, ignore: tuple[str, ...] = ()) -> TrackedRecords:
    """The `history` attribute of every business model. `ignore` names columns that history must not keep."""
    return TrackedRecords(
        excluded_fields=list(ignore),
        bases=(HistoryRow,),
        history_user_id_field=models.BigIntegerField(null=True),
        history_user_getter=lambda row: None,  # names are looked up in bulk by the pages that show them
        history_change_reason_field=models.TextField(null=True),
    )


def write_history(model: type[models.Model], ids: Sequence[int], kind: str) -> None:
    """History rows of the present state of `ids`; kind is "+" for created and "~" for changed."""
    if not ids:
        return
    _belongs_together()
    who = current()
    with connection.cursor() as cursor:
        cursor.execute(
            _insert_into_history(model),
            [timezone.now(), kind, who.reason, who.by_id, who.on_behalf_of_id, clock.today(), list(ids)],
        )


def _belongs_together() -> None:
    """A row that is committed before its history is taken for one that bypassed the application."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("a tracked row is written in one transaction with its history")


@cache
def _insert_into_history(model: type[models.Model]) -> str:
    past = model.history.model._meta
    columns = [field.column for field in past.concrete_fields if field.column not in HISTORY_COLUMNS]
    listed = ", ".join(f'"{column}"' for column in columns)
    return (
        f"INSERT INTO {past.db_table} ({listed}, history_date, history_type, history_change_reason,"
        f" history_user_id, history_behalf_id, history_business_date)"
        f" SELECT {listed}, %s, %s, %s, %s, %s, %s FROM {model._meta.db_table} WHERE id = ANY (%s) ORDER BY id"
    )
