"""What the pages of the townships' floats ask for."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.models import Staff
from casework.desks.funds.earmarks import programme_title
from casework.desks.funds.forms import KeyedForm
from casework.fields import MoneyField
from funds.models import Allocation
from funds.money import TOO_MUCH_FEN, yuan


class AllocationChoice(forms.ModelChoiceField):
    def label_from_instance(self, allocation: Allocation) -> str:
        what = programme_title(allocation.programme)
        return f"{allocation.unit.name} · {what} · {allocation.year} · {allocation.fund.name}"


class LimitForm(KeyedForm):
    """What a township may hold; another person confirms it. 0 ends the float."""

    allocation = AllocationChoice(
        Allocation.objects.none(),
        label=_("哪一笔分给乡镇的钱"),
        empty_label=_("选一笔"),
        help_text=_("已有备用金的，就是改定额。"),
    )
    limit_fen = MoneyField(
        label=_("定额"), min_fen=0, max_fen=TOO_MUCH_FEN - 1, help_text=_("乡镇手里最多有这么多。填 0 就是停用。")
    )
    custodian = forms.ModelChoiceField(Staff.objects.none(), label=_("谁保管"), empty_label=_("选一个人"))
    reason = forms.CharField(label=_("为什么"), max_length=200, widget=forms.Textarea(attrs={"rows": 2}))
    document_no = forms.CharField(label=_("文件号"), max_length=60, required=False)

    def __init__(self, *args: Any, allocations: Any, people: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["allocation"].queryset = allocations
        self.fields["custodian"].queryset = people


class AmountForm(KeyedForm):
    amount_fen = MoneyField(label=_("多少钱"), min_fen=1, max_fen=TOO_MUCH_FEN - 1)
    document_no = forms.CharField(label=_("凭证号"), max_length=60, required=False)


def difference_words(counted_fen: int, expected_fen: int) -> str:
    """What was counted beside what there should be, in a sentence."""
    more_fen = counted_fen - expected_fen
    words = gettext("数到 %(counted)s 元，应有 %(expected)s 元，多 %(difference)s 元。")
    if more_fen < 0:
        words = gettext("数到 %(counted)s 元，应有 %(expected)s 元，少 %(difference)s 元。")
    named = {"counted": yuan(counted_fen), "expected": yuan(expected_fen), "difference": yuan(abs(more_fen))}
    return words % named


class CountForm(KeyedForm):
    cash_fen = MoneyField(label=_("盒子里的现金"), min_fen=0, max_fen=TOO_MUCH_FEN - 1)
    bank_fen = MoneyField(label=_("存折上的钱"), min_fen=0, max_fen=TOO_MUCH_FEN - 1, help_text=_("没有就填 0。"))
    explanation = forms.CharField(
        label=_("跟账上不一样的原因"),
        max_length=200,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("一样就空着。不一样又没有写原因的，写明以前不能再发。"),
    )
    sure = forms.BooleanField(label=_("又数了一遍，没有填错"), required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, expected_fen: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected_fen = expected_fen

    def clean(self) -> dict[str, Any]:
        """What was counted stays as it is, so a slip of the pen is asked about before it is written down."""
        cleaned = super().clean()
        if self.errors:
            return cleaned
        counted_fen = cleaned["cash_fen"] + cleaned["bank_fen"]
        if counted_fen != self.expected_fen and not cleaned["sure"]:
            self.fields["sure"].widget = forms.CheckboxInput()
            self.add_error(
                "sure", difference_words(counted_fen, self.expected_fen) + gettext("再数一遍；没有填错就勾上。")
            )
        return cleaned


class ExplainForm(KeyedForm):
    explanation = forms.CharField(label=_("差额的原因"), max_length=200, widget=forms.Textarea(attrs={"rows": 2}))


class RefillForm(KeyedForm):
    bank_reference = forms.CharField(label=_("银行流水号"), max_length=60, required=False)
