"""Why a bank does not pay, and what it says about a line: our codes beside the words that stand in the record."""

from typing import Final

from django.utils.translation import gettext_lazy as _

# What a line of the answer says of its payment.
CREDITED: Final = "credited"
FAILED: Final = "failed"  # never reached the account
RETURNED: Final = "returned"  # 退票: was credited, and came back
UNCLEAR: Final = "unclear"  # the bank does not know yet, or we do not know its word
OUTCOMES = (CREDITED, FAILED, RETURNED, UNCLEAR)
OUTCOME_WORDS = {
    CREDITED: _("到账"),
    FAILED: _("没有付出"),
    RETURNED: _("到账后退票"),
    UNCLEAR: _("银行还说不清"),
}

OTHER: Final = "other"

# The words are those that payments keep as their reason of return; the record holds them as they stand here.
STORED_WORDS = {
    "name_mismatch": "户名不符",
    "account_not_found": "账号不存在",
    "account_closed": "已销户",
    "account_abnormal": "账户状态异常",
    "amount_over_limit": "超过限额",
    "bank_system": "银行系统原因",
    OTHER: "其他原因",
}
