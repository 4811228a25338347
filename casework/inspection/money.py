"""The chapter of a case's file about its money."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from casework.bank_words import returned_words
from casework.days import full_day
from casework.desks.funds.figures import KIND_WORDS
from casework.typeset import Facts, Table, Words
from funds.models import Payment
from funds.money import yuan


def money(file: Any) -> Iterator[Facts | Table | Words]:
    """Every payment with its way back, every movement of its money, every line that the bank wrote about it."""
    if not file.ways and not file.trail.handed_out:
        yield Words([_("还没有付款。")])
    for payment, way in file.ways:
        yield Facts(
            [
                (
                    _("付款 %(key)s") % {"key": payment.key},
                    _("%(amount)s 元，%(state)s") % _amount_and_state(payment),
                ),
                (_("付给"), f"{payment.payee_name} {payment.bank} **** {payment.account_last4}".rstrip(" *")),
                (_("回单号"), payment.bank_reference or "—"),
                *([(_("退回"), returned_words(payment.returned_reason))] if payment.returned_reason else []),
            ]
        )
        yield Table(
            [_("来路"), _("是什么"), _("日期"), _("记录")],
            [(step.title, step.words, full_day(step.on), _record(step.record)) for step in way],
            wide=(1,),
        )
    for paid in file.trail.handed_out:
        yield Facts(
            [
                (_("备用金付款"), _("%(amount)s 元") % {"amount": yuan(paid.amount_fen)}),
                (_("经手"), f"{paid.payer_one.name}、{paid.payer_two.name}"),
                (_("领款"), f"{paid.received_by} {full_day(paid.paid_on)}"),
            ]
        )
    if file.transfers:
        yield Table(
            [_("帐上的变动"), _("日期"), _("种类"), _("谁记的"), _("金额（元）")],
            [
                (
                    row.key,
                    full_day(row.business_date),
                    f"{KIND_WORDS[row.kind]}{_('（冲正）') if row.reverses_id else ''}",
                    row.recorded_by.name if row.recorded_by else _("系统"),
                    yuan(row.amount_fen),
                )
                for row in file.transfers
            ],
            wide=(0,),
            right=(4,),
        )
    if file.bank_lines:
        yield Table(
            [_("银行回单"), _("行"), _("流水号、回单号"), _("银行写的"), _("核对"), _("金额（元）")],
            [
                (
                    line.file.filename,
                    line.n,
                    f"{line.serial} {line.bank_reference}".strip(),
                    line.words,
                    line.get_verdict_display(),
                    "" if line.amount_fen is None else yuan(line.amount_fen),
                )
                for line in file.bank_lines
            ],
            wide=(2, 3),
            right=(1, 5),
        )


def _amount_and_state(payment: Payment) -> dict[str, str]:
    return {"amount": yuan(payment.amount_fen), "state": str(payment.get_state_display())}


def _record(record: Any) -> str:
    """The name and number by which an auditor finds the row: casework_caseevent #17."""
    return f"{record._meta.db_table} #{record.pk}" if record is not None else ""
