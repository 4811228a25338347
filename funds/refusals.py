"""What PostgreSQL refuses about money, in words: the one place where a name of the database becomes a sentence.

`LAWS` are those that the ledger itself meets when it posts or settles. `ROWS` speak of a row that is there already or does
not fit; a service that asks for the row first never meets them, and whoever expects them uses `in_plain_words`.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _l

from funds.errors import (
    AlreadyThere,
    Earmarked,
    FundsError,
    FundShort,
    MonthClosed,
    PaymentsFrozen,
    ReceiptUsed,
    SamePerson,
    SecondPerson,
    WrongPaymentState,
    WrongProposal,
    WrongReceipt,
)

Words = dict[str, tuple[type[FundsError], Any]]  # {name of the law: (its refusal, what to tell the person)}

LAWS: Words = {
    "never_overspent": (FundShort, _l("余额不够：这笔钱会超过可用的数。请改用别的资金，或等拨款到位。")),
    "reservation_never_overdrawn": (FundsError, _l("这笔钱超过了批准时锁定的数，没有记账。")),
    "reservation_never_exceeded": (FundsError, _l("这笔钱超过了批准时锁定的数，没有记账。")),
    "earmark_programme": (Earmarked, _l("这项资金专款专用，不能用在这一项帮扶上。请换一项资金。")),
    "earmark_unit": (Earmarked, _l("这项资金只能用在指定的地方。请换一项资金，或换一个单位。")),
    "earmark_year": (Earmarked, _l("这项资金不能用在这一年。请换一项资金，或换一个年度。")),
    "earmark_purpose": (Earmarked, _l("这项资金只能用于指定的困难原因。请换一项资金。")),
    "earmark_follows_the_money": (
        Earmarked,
        _l("专款不能划到限制更松的资金里。请划到用途一样或更窄的资金。"),
    ),
    "months_close_in_order": (WrongProposal, _l("要按顺序结账，前面还有没有结的月份。")),
    "closed_months_stay_closed": (MonthClosed, _l("这个月已经结账，不能再记。请记在没有结账的月份，写明原因。")),
    "confirmed_by_a_second_person": (SamePerson, _l("这一笔要由第二个人核准以后才能记账。")),
    "allocation_lies_within_its_parent": (
        WrongProposal,
        _l("下拨的要在上一级的地方、帮扶和年度以内，没有记账。请另选。"),
    ),
    "funds_transfer_reverses_id_key": (WrongProposal, _l("这一笔已经冲正过了。")),
    "imprest_within_its_limit": (FundsError, _l("乡镇手里的备用金会超过定额，没有记账。")),
    "imprest_spend_within_the_float": (FundShort, _l("备用金不够。请先让县里补充，或走银行付款。")),
    "imprest_goes_back_out_of_the_hand": (
        FundShort,
        _l("乡镇手里没有这么多：有的还等银行补充。请先拨付补充，再办交回或冲正。"),
    ),
    "paid_by_one_way_only": (FundsError, _l("这一笔已经从另一条路付了，不能再付一次。")),
    "handed_out_once": (FundsError, _l("这一笔已经从备用金发过了，不能再发一次。")),
    "receipt_serves_one_handover": (
        ReceiptUsed,
        _l(
            "这张收条已经用在另一笔上。一户拍一张；几户签在同一张上的，每一笔都勾上「一张收条，几户共用」，日期也要一样。"
        ),
    ),
    "settled_once_it_is_confirmed": (
        SecondPerson,
        _l("一起发钱的人还没有确认这一笔，手续不能认可。请先由她在「会签」里确认。"),
    ),
    "payments_frozen": (
        PaymentsFrozen,
        _l("数据刚从备份恢复，付款先冻结：恢复以前可能已经付过。请先和银行对账，再由两个人解除冻结。"),
    ),
    "decided_only_once": (FundsError, _l("同一个人、同一个原因，今年已经批过一次，按规定不能再批。")),
}
ROWS: Words = {
    "funds_fund_code_key": (AlreadyThere, _l("已经有这个编码的资金，请换一个编码。")),
    "funds_transfer_key_key": (AlreadyThere, _l("这一笔已经记过了，没有再记一次。")),
    "funds_paymentbatch_number_key": (AlreadyThere, _l("这一批刚才已经建好了，请到批次里看。")),
    "a_provider_once_on_a_list": (
        AlreadyThere,
        _l("这份名单上已经有这个单位。账户换了，请先停用旧的，再登记新的。"),
    ),
    "recorder_does_not_check_provider": (SamePerson, _l("登记账户和核对账户不能是同一个人。")),
    "maker_is_not_checker": (SamePerson, _l("制单和复核不能是同一个人。")),
    "maker_is_not_releaser": (SamePerson, _l("制单和放行不能是同一个人。")),
    "checker_is_not_releaser": (SamePerson, _l("复核和放行不能是同一个人。")),
    "recorder_is_not_releaser": (SamePerson, _l("这一批里有你登记的账户，要由别人放行。")),
    "handed_over_once": (WrongPaymentState, _l("这一笔已经有人记过发到手了，请刷新再看。")),
    "cash_comes_back_after_the_answer": (
        WrongPaymentState,
        _l("有人记了这笔钱已经发到手，等另一个经手人答复。她答复以前，不能记成没有领取。"),
    ),
    "releaser_hands_out_no_cash": (SamePerson, _l("这一批是谁放行的，谁就不能再去发。请换一个人。")),
    "one_living_payment_an_instalment": (WrongPaymentState, _l("这一件已经有一笔在付，不能再列一次。")),
    "one_bank_a_batch": (WrongPaymentState, _l("这一批的清单已经给另一家银行做过，不能再给别的银行。")),
    "a_receipt_number_once": (WrongReceipt, _l("这个票据号已经用过，不能再用。请看票据上的号码，作废的号也不能再用。")),
    "donation_has_donor_and_receipt": (WrongReceipt, _l("捐赠要写明谁捐的、开了哪张票据。")),
    "fiscal_money_has_its_document": (WrongReceipt, _l("财政资金要写文号或指标号。")),
    "receipt_suits_its_fund": (WrongReceipt, _l("这项资金不收这种钱。财政资金和募集资金分开记账，请换一项资金。")),
    "campaign_was_open": (WrongReceipt, _l("这次募捐在那一天没有开始，或已经结束，或不归这项资金。请再核对日期。")),
    "campaigns_bring_donations": (WrongReceipt, _l("只有捐赠才能算到一次募捐里。")),
    "donor_of_this_house": (WrongReceipt, _l("这位捐赠人在别处的名单上，请在本单位登记。")),
    "an_organisation_once_on_a_list": (WrongReceipt, _l("名单上已经有这个单位，请直接选。")),
    "one_row_for_all_without_a_name": (WrongReceipt, _l("不留名的捐赠都记在同一行，请直接选「不留名」。")),
    "a_campaign_once": (WrongReceipt, _l("已经有同名的募捐，请换一个名称。")),
}


def refusal_of(error: IntegrityError, words: Words = LAWS) -> FundsError | None:
    """What a law that PostgreSQL has just enforced says to the person; None for any other error."""
    diagnosis = getattr(error.__cause__, "diag", None)
    name = diagnosis.constraint_name if diagnosis else ""
    if name not in words:
        return None
    kind, sentence = words[name]
    return kind(str(sentence))


@contextlib.contextmanager
def in_plain_words() -> Iterator[None]:
    """One transaction; a law or row that we know by name becomes its refusal, any other error stays what it is."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        refusal = refusal_of(error, LAWS | ROWS)
        if refusal is None:
            raise
        raise refusal from error
