"""A payment by what stands on its papers, for auditors and for the desks of money alike."""

from collections.abc import Iterator

from django.db.models import Q
from django.db.models.functions import Upper
from django.db.models.lookups import Exact
from django.utils.translation import gettext as _

from casework.auditing.search.reading import Reading


def of_payment(asked: Reading) -> Iterator[tuple[str, Q]]:
    """(why, condition), each looked up by an index of its own. A payment of a case and one of a list are found alike."""
    if asked.code:
        yield _("银行流水号、回单号"), Q(bank_reference__in={asked.text, asked.code})
        yield _("我们的流水号"), Q(Exact(Upper("key"), asked.code))
        yield _("批次号"), Q(batch__number=asked.code)
    if asked.roster and asked.roster[1]:
        yield _("名册的一行"), Q(subject=f"roster:{asked.roster[0]}:{asked.roster[1]}")
