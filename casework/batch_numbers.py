"""The number of a payment batch comes from the submission that builds it: pressed twice, it is one batch."""

from typing import Any

from audit import clock
from casework.acting import key_reused
from funds.models import PaymentBatch


def number_of(key: str) -> str:
    """The number of the batch that this submission builds today."""
    return f"PB-{clock.today():%Y%m%d}-{key[-8:].upper()}"


def built_with(key: str, *, by: Any) -> PaymentBatch | None:
    """The batch that this very submission built before. Raises KeyReused for somebody else's."""
    known = PaymentBatch.objects.filter(number=number_of(key)).first()
    if known and known.maker_id != by.pk:
        raise key_reused()
    return known
