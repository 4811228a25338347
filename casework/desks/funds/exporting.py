"""The bank's list of a released batch, as a file: the one place where whole account numbers leave the system."""

import csv
import io
from typing import Any

import xlsxwriter
from django.utils.translation import gettext as _

from access import vault
from audit.cells import plain_cell
from audit.services import record_access
from funds.models import Payment, PaymentBatch

CONTENT_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "gb18030": "text/csv; charset=gb18030",
}


def bank_list(
    batch: PaymentBatch, payments: list[Payment], case_numbers: dict[int, str], *, form: str, reason: str
) -> bytes:
    """The file's bytes; `case_numbers` is {payment id: case number}. The access is written down before a number is opened, in the caller's transaction."""
    record_access(kind="export", subject=f"batch:{batch.pk}", fields="account", reason=reason)
    rows = [
        _heading(),
        *(_line(n, payment, case_numbers.get(payment.pk, "")) for n, payment in enumerate(payments, start=1)),
    ]
    return _xlsx(rows) if form == "xlsx" else _csv(rows, "gb18030" if form == "gb18030" else "utf-8-sig")


def _heading() -> list[Any]:
    return [_("序号"), _("流水号"), _("户名"), _("账号"), _("开户行"), _("金额（元）"), _("个案")]


def _line(n: int, payment: Payment, case_no: str) -> list[Any]:
    number = vault.unseal(payment.account_sealed, row=payment.account_row)
    amount = f"{payment.amount_fen // 100}.{payment.amount_fen % 100:02}"
    return [n, payment.key, payment.payee_name, number, payment.bank, amount, case_no]


def _xlsx(rows: list[list[Any]]) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(
        file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    sheet = book.add_worksheet()
    text = book.add_format({"num_format": "@"})  # an account number is not a number
    bold = book.add_format({"bold": True, "num_format": "@"})
    for n, row in enumerate(rows):
        for column, value in enumerate(row):
            sheet.write_string(n, column, plain_cell(value), text if n else bold)
    sheet.set_column(1, 4, 24)
    sheet.freeze_panes(1, 0)
    book.close()
    return file.getvalue()


def _csv(rows: list[list[Any]], encoding: str) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([plain_cell(value) for value in row] for row in rows)
    return file.getvalue().encode(encoding)
