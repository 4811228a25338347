"""What the pages of lists ask for."""

import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from access.models import OrgUnit, Staff
from audit import clock
from casework.desks.funds.forms import SHARED_RECEIPT, KeyedForm
from casework.fields import AnswerCards, DayField, MoneyField, PhotoField
from casework.rosters.models import Roster
from flows.lists import KINDS
from funds.models import CashHandover, Provider

MOST_NUMBERS = 5_000


class NewForm(KeyedForm):
    event = forms.ChoiceField(label=_("给什么事项"))
    title = forms.CharField(label=_("名册叫什么"), max_length=80, help_text=_("例如：2026 年春节走访慰问名册。"))
    year = forms.TypedChoiceField(label=_("哪一年"), coerce=int)
    unit = forms.ModelChoiceField(OrgUnit.objects.none(), label=_("哪个地方的"), empty_label=None)
    channel = forms.ChoiceField(label=_("怎么给"), choices=Roster.Channel.choices, widget=AnswerCards())
    cash_reason = forms.CharField(
        label=_("为什么发现金"),
        max_length=200,
        required=False,
        help_text=_("只有发现金才填。现金要两个人一起送，拍下收条。"),
    )
    provider = forms.ModelChoiceField(
        Provider.objects.none(), label=_("付给哪个单位"), required=False, help_text=_("保险、培训的钱付给办理单位。")
    )
    amount_fen = MoneyField(label=_("困难户每人多少钱"), min_fen=1, max_fen=10_000_00)
    severe_fen = MoneyField(label=_("重困户每人多少钱"), min_fen=1, max_fen=10_000_00)

    def __init__(self, *args: Any, units: Any, providers: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["event"].choices = [
            (kind.title, [(f"{kind.code}:{code}", title) for code, title in kind.events]) for kind in KINDS.values()
        ]
        year = clock.today().year
        self.fields["year"].choices = [(year, str(year)), (year + 1, str(year + 1))]
        self.fields["unit"].queryset, self.fields["provider"].queryset = units, providers


class FillForm(KeyedForm):
    """By rule, or by the household numbers that somebody pastes out of a spreadsheet, one a line."""

    how = forms.ChoiceField(
        label=_("加哪些人"),
        choices=[
            ("", _("全部困难户")),
            ("hardship", _("只加困难户（不含重困）")),
            ("severe", _("只加重困户")),
            ("numbers", _("按户编号加")),
        ],
        required=False,
        widget=AnswerCards(),
    )
    numbers = forms.CharField(
        label=_("户编号"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("一行一个，可以从表格里整列复制过来；只读每行最前面的编号。"),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("how") == "numbers":
            lines = [
                line.replace(",", "\t").replace("，", "\t").split("\t")[0]
                for line in cleaned.get("numbers", "").splitlines()
            ]
            cleaned["numbers"] = [line.strip() for line in lines if line.strip()]
            if not cleaned["numbers"]:
                self.add_error("numbers", ValidationError(_("请填户编号，一行一个。")))
            elif len(cleaned["numbers"]) > MOST_NUMBERS:
                self.add_error("numbers", ValidationError(_("一次最多 5,000 个，请分几次加。")))
        return cleaned


class LineForm(KeyedForm):
    amount_fen = MoneyField(label=_("金额"), min_fen=1)
    words = forms.CharField(label=_("备注"), max_length=120, required=False)
    accepted_because = forms.CharField(
        label=_("有提醒的，为什么仍然列入"), max_length=200, required=False, help_text=_("批准的人会看到这句话。")
    )


class PutUpForm(KeyedForm):
    place = forms.CharField(label=_("贴在哪里"), max_length=80, help_text=_("例如：各村村务公开栏。"))


class SignForm(KeyedForm):
    because = forms.CharField(
        label=_("怎么核对的"),
        max_length=200,
        help_text=_("例如：看过本人存折和身份证，问过本人。由别人代领的，写明是谁、为什么。"),
    )


class PayForm(KeyedForm):
    bank = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)


class HandoverForm(KeyedForm):
    second = forms.ModelChoiceField(Staff.objects.none(), label=_("跟谁一起送的"), empty_label=None)
    handed_on = DayField(label=_("哪天送的"), latest=clock.today)
    place = forms.CharField(label=_("在哪里交的"), max_length=80)
    signed_how = forms.ChoiceField(label=_("怎么签收的"), choices=CashHandover.Signed.choices, widget=AnswerCards())
    received_by = forms.CharField(label=_("谁收的"), max_length=60, help_text=_("代领的写明跟本人什么关系。"))
    receipt = PhotoField(label=_("收条照片"))
    shares_receipt = forms.BooleanField(label=_("一张收条，几户共用"), required=False, help_text=SHARED_RECEIPT)

    def __init__(self, *args: Any, colleagues: Any, sent_on: datetime.date | None, **kwargs: Any) -> None:
        kwargs["initial"] = {"handed_on": clock.today()} | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        self.fields["second"].queryset = colleagues
        self.fields["handed_on"].not_before(sent_on)
