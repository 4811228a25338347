"""Which columns hold sealed values, under which data key they lie, and how current ones come under the newest.

Only what may change is sealed anew: of a person and of a family's account the row as it is today. Listed payments, providers
and deposit accounts keep their bytes by law in PostgreSQL, history by its chain; they go on opening with their own data key.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Count, F, Func, IntegerField

from access import data_keys, vault
from access.models import SecondFactor
from audit.context import acting
from audit.history import write_history

BATCH = 500


@dataclass(frozen=True)
class SealedColumn:
    """`row` is the property of an instance that names what its value is bound to. `stays`: its bytes never change."""

    model: type[models.Model]
    column: str
    row: str
    stays: bool = False

    @property
    def name(self) -> str:
        return f"{self.model._meta.db_table}.{self.column}"


_columns: list[SealedColumn] = []


def register_sealed(*columns: SealedColumn) -> None:
    """Let an app above name its sealed columns. Called from AppConfig.ready."""
    _columns.extend(column for column in columns if column not in _columns)


def sealed_columns() -> list[SealedColumn]:
    return [SealedColumn(SecondFactor, "secret_sealed", "secret_row", stays=True), *_columns]


def by_key(column: SealedColumn) -> dict[int, int]:
    """{number of the data key: how many values of the live table lie under it}"""
    return dict(
        _with_key(column).values("key_number").annotate(values_of=Count("pk")).values_list("key_number", "values_of")
    )


def reseal(*, on_batch: Callable[[SealedColumn, int], None] | None = None) -> int:
    """Bring what may change under the newest data key, batch by batch, each in a transaction of its own. Returns how many.

    It may be cut off and begun again anywhere; pages go on meanwhile, and a row that somebody works on is taken in a second round.
    """
    total = 0
    for column in sealed_columns():
        for done in () if column.stays else _batches(column):
            total += done
            if on_batch:
                on_batch(column, done)
    return total


def _batches(column: SealedColumn) -> Iterator[int]:
    for skips_locked in (True, False):
        after = 0
        while ids := _reseal_after(column, after, skips_locked=skips_locked):
            after = ids[-1]
            yield len(ids)


@transaction.atomic
def _reseal_after(column: SealedColumn, after: int, *, skips_locked: bool) -> list[int]:
    newest = data_keys.current()
    rows = list(
        _with_key(column)
        .select_for_update(skip_locked=skips_locked, of=("self",))
        .filter(pk__gt=after)
        .exclude(key_number=newest)
        .order_by("pk")[:BATCH]
    )
    if not rows:
        return []
    sealed = [_anew(getattr(row, column.column), getattr(row, column.row)) for row in rows]
    ids = [row.pk for row in rows]
    with connection.cursor() as cursor, acting(reason="keys rotate"):
        cursor.execute(
            f'UPDATE {column.model._meta.db_table} t SET "{column.column}" = s.sealed'
            " FROM unnest(%s::bigint[], %s::bytea[]) AS s (id, sealed) WHERE t.id = s.id",
            [ids, sealed],
        )
        write_history(column.model, ids, "~")
    return ids


def _anew(sealed: bytes, row: str) -> bytes:
    return vault.seal(vault.unseal(sealed, row=row), row=row)


def _with_key(column: SealedColumn) -> models.QuerySet[Any]:
    """Rows that have a value, with the number of its key."""
    number = Func(
        F(column.column),
        template="CASE WHEN octet_length(%(expressions)s) > 2 THEN get_byte(%(expressions)s, 1) END",
        output_field=IntegerField(),
    )
    return column.model._default_manager.annotate(key_number=number).filter(key_number__isnull=False)
