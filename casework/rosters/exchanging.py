"""The bank's list of a batch of any length, written as a stream, and its answers found again by our own numbers."""

import csv
import datetime
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from django.db import connection
from django.utils.translation import gettext as _

from access import vault
from audit.cells import plain_cell
from audit.services import record_access
from casework.errors import BadCaseData
from funds import bulk
from funds.models import Payment, PaymentBatch
from funds.models.payments import account_row


@dataclass(frozen=True, slots=True)
class Line:
    """One payment as a bank needs it; the account number is in clear."""

    key: str
    name: str
    account_no: str
    bank: str
    amount_fen: int


def lines(batch: PaymentBatch) -> Iterator[Line]:
    """The payments of a batch that were not taken off it, in their order, through a cursor of the server.

    The caller has written down the access (audit.services.record_access), in the transaction in which this is read.
    """
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            "SELECT key, uid, payee_name, account_sealed, bank, amount_fen FROM funds_payment"
            " WHERE batch_id = %s AND state <> 'cancelled' ORDER BY id",
            [batch.pk],
        )
        cursor.itersize = bulk.SET
        for key, uid, name, sealed, bank, amount_fen in cursor:
            yield Line(key, name, vault.unseal(sealed, row=account_row(uid)), bank, amount_fen)


def write_list(
    batch: PaymentBatch,
    file: BinaryIO,
    *,
    reason: str,
    encoding: str = "utf-8-sig",
    progress: Callable[[int], None] = lambda done: None,
) -> int:
    """Write the list as CSV; returns how many lines. Who asked, and why, is in the access log first."""
    record_access(kind="export", subject=f"batch:{batch.pk}", fields="account", reason=reason)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    writer, n = csv.writer(text), 0
    writer.writerow([_("序号"), _("流水号"), _("户名"), _("账号"), _("开户行"), _("金额（元）")])
    for n, line in enumerate(lines(batch), start=1):
        amount = f"{line.amount_fen // 100}.{line.amount_fen % 100:02}"
        writer.writerow(
            [n, line.key, plain_cell(line.name), plain_cell(line.account_no), plain_cell(line.bank), amount]
        )
        if n % bulk.SET == 0:
            progress(n)
    text.flush()
    text.detach()  # the file belongs to the caller
    return n


@dataclass(frozen=True, slots=True)
class Said:
    """What the bank says of one of our numbers: credited, returned with its reason, or (None) that it cannot say."""

    key: str
    credited: bool | None
    reason: str = ""
    bank_reference: str = ""
    answered_on: datetime.date | None = None


@dataclass(frozen=True, slots=True)
class Matched:
    """The same of a payment; what casework.rosters.paying.record takes."""

    payment_id: int
    credited: bool | None
    reason: str
    bank_reference: str
    answered_on: datetime.date | None


def matched(batch: PaymentBatch, answers: Iterable[Said]) -> Iterator[Matched]:
    """Find the payments of a batch by our own numbers, set by set. Raises BadCaseData for a number that is not on it."""
    for part in bulk.in_sets(answers):
        ids = dict(Payment.objects.filter(batch=batch, key__in=[one.key for one in part]).values_list("key", "pk"))
        for one in part:
            if one.key not in ids:
                raise BadCaseData(_("流水号 %(key)s 不在这一批里，请核对回单是不是这一批的。") % {"key": one.key})
            yield Matched(ids[one.key], one.credited, one.reason, one.bank_reference, one.answered_on)
