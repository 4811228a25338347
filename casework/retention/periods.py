import datetime
from typing import Any

from django.db import transaction

from audit.context import acting
from casework.errors import BadCaseData
from casework.retention.models import RetentionPeriod


def in_force(day: datetime.date) -> dict[str, RetentionPeriod]:
    """{kind: the period that holds on that day}; a kind without one is kept for good."""
    rows = RetentionPeriod.objects.filter(valid_from__lte=day).order_by("kind", "-valid_from").distinct("kind")
    return {row.kind: row for row in rows}


@transaction.atomic
def enter(kind: str, years: int, *, valid_from: datetime.date, basis: str, by: Any = None) -> RetentionPeriod:
    """How long files of a kind are kept from a day on. Raises BadCaseData."""
    if kind not in RetentionPeriod.Kind.values or not 1 <= years <= 100 or not basis.strip():
        raise BadCaseData("A period names a kind of file, 1 to 100 years, and the document that sets it.")
    if RetentionPeriod.objects.filter(kind=kind, valid_from=valid_from).exists():
        raise BadCaseData(
            f"From {valid_from} there is a period already; it is not changed. Enter one from a later day."
        )
    with acting(by, reason="retention"):
        return RetentionPeriod.objects.create(
            kind=kind, years=years, valid_from=valid_from, basis=basis.strip(), entered_by=by
        )
