"""What PostgreSQL refuses about money, in words. Every other refusal already speaks for itself."""

import contextlib
from collections.abc import Iterator

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from funds.errors import FundsError

# {name of the constraint: what to tell the person}
SENTENCES = {
    "earmark_programme": _("专款专用：这项资金不能用在这一项帮扶上，没有记账。请换一项资金。"),
    "earmark_unit": _("专款专用：这笔钱不是给这个地方的，没有记账。"),
    "earmark_year": _("专款专用：这笔钱是别的年度的，没有记账。"),
    "never_overspent": _("余额不够，没有记账。请先收款，或少分配一些。"),
    "funds_fund_code_key": _("已经有这个编码的资金，请换一个编码。"),
    "funds_transfer_key_key": _("这一笔已经记过了，没有再记一次。"),
    "a_provider_once_on_a_list": _("这份名单上已经有这个单位。账户换了，请先停用旧的，再登记新的。"),
    "recorder_does_not_check_provider": _("登记账户和核对账户不能是同一个人。"),
    "funds_paymentbatch_number_key": _("这一批刚才已经建好了，请到批次里看。"),
    "maker_is_not_checker": _("制单和复核不能是同一个人。"),
    "maker_is_not_releaser": _("制单和放行不能是同一个人。"),
    "checker_is_not_releaser": _("复核和放行不能是同一个人。"),
    "recorder_is_not_releaser": _("这一批里有你登记的账户，要由别人放行。"),
    "one_living_payment_an_instalment": _("这一件已经有一笔在付，不能再列一次。"),
    "reservation_never_overdrawn": _("这笔钱超过了批准时锁定的数，没有记账。"),
    "reservation_never_exceeded": _("这笔钱超过了批准时锁定的数，没有记账。"),
}


class RefusedByLedger(FundsError):
    """PostgreSQL refused it; the text is the sentence of the constraint."""


@contextlib.contextmanager
def in_plain_words() -> Iterator[None]:
    """One transaction; a constraint that we know by name becomes a sentence, any other stays the error it is."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        diagnosis = getattr(error.__cause__, "diag", None)
        sentence = SENTENCES.get(diagnosis.constraint_name) if diagnosis else None
        if sentence is None:
            raise
        raise RefusedByLedger(str(sentence)) from error
