"""What an income, a donor and a campaign are asked for."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from access.models import OrgUnit
from audit import clock
from casework.desks.funds.forms import KeyedForm
from casework.fields import AnswerCards, DayField, MoneyField, sometimes_required
from funds import receipts
from funds.models import Campaign, Donor, Fund, Receipt
from funds.money import TOO_MUCH_FEN

_KIND_HINTS = {
    Receipt.Kind.FISCAL: _("要写文号或指标号"),
    Receipt.Kind.DONATION: _("要写捐赠人和票据号"),
}


class ReceiptForm(KeyedForm):
    """Only the kinds of income that this fund takes are on offer; PostgreSQL keeps the same table."""

    kind = forms.ChoiceField(label=_("这是什么钱"), widget=AnswerCards(hints=_KIND_HINTS, look="two"))
    amount_fen = MoneyField(label=_("收到多少钱"), min_fen=1, max_fen=TOO_MUCH_FEN - 1)
    received_on = DayField(label=_("哪天到账的"), latest=clock.today)
    document_no = sometimes_required(forms.CharField(label=_("文号或指标号"), max_length=60))
    donor = sometimes_required(
        forms.ModelChoiceField(
            Donor.objects.none(),
            label=_("谁捐的"),
            empty_label=_("—"),
            help_text=_("名单上没有的，先到「捐赠人」里登记。"),
        )
    )
    receipt_no = sometimes_required(
        forms.CharField(label=_("票据号"), max_length=40, help_text=_("开给对方的票据。用过的号、作废的号都不能再用。"))
    )
    campaign = forms.ModelChoiceField(
        Campaign.objects.none(), label=_("算到哪次募捐"), required=False, empty_label=_("不是募捐来的")
    )
    purpose_words = forms.CharField(
        label=_("用途或说明"), max_length=200, required=False, help_text=_("捐赠人指定的用途照原话写。")
    )
    bank_reference = forms.CharField(label=_("银行流水号"), max_length=60, required=False)

    def __init__(self, *args: Any, fund: Fund, donors: Any, **kwargs: Any) -> None:
        kinds = [(kind, Receipt.Kind(kind).label) for kind in receipts.SUITS[fund.source]]
        kwargs["initial"] = {"received_on": clock.today(), "kind": kinds[0][0]} | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = kinds
        if Receipt.Kind.DONATION in receipts.SUITS[fund.source]:
            self.fields["donor"].queryset = donors
            self.fields["campaign"].queryset = fund.campaigns.filter(closed_on__isnull=True)
        else:
            for name in ("donor", "campaign", "receipt_no"):
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        kind = cleaned.get("kind")
        if kind == Receipt.Kind.FISCAL and not cleaned.get("document_no"):
            self.add_error("document_no", _now("财政资金要写文号或指标号。"))
        if kind == Receipt.Kind.DONATION and not cleaned.get("donor"):
            self.add_error("donor", _now("请选是谁捐的；不愿留名的选「不留名」。"))
        if kind == Receipt.Kind.DONATION and not cleaned.get("receipt_no"):
            self.add_error("receipt_no", _now("请写开给捐赠人的票据号。"))
        if kind != Receipt.Kind.DONATION and cleaned.get("campaign"):
            self.add_error("campaign", _now("只有捐赠才能算到一次募捐里。"))
        return cleaned


class DonorForm(KeyedForm):
    kind = forms.ChoiceField(label=_("捐赠人是"), choices=Donor.Kind.choices, widget=AnswerCards(look="two"))
    name = sometimes_required(
        forms.CharField(
            label=_("名字"),
            max_length=80,
            help_text=_("只记名字，不记电话、地址。登记以后不能改，写错了另登记一个。"),
        )
    )
    unit = forms.ModelChoiceField(OrgUnit.objects.none(), label=_("记在哪个单位的名单上"), empty_label=None)

    def __init__(self, *args: Any, units: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("kind") not in (None, Donor.Kind.ANONYMOUS) and not cleaned.get("name", "").strip():
            self.add_error("name", _now("请写捐赠人的名字；不愿留名的选「不留名」。"))
        return cleaned


class CampaignForm(KeyedForm):
    name = forms.CharField(label=_("募捐叫什么"), max_length=80)
    fund = forms.ModelChoiceField(Fund.objects.none(), label=_("募来的钱进哪项资金"), empty_label=None)
    purpose_words = forms.CharField(
        label=_("募捐用途"), max_length=200, help_text=_("对捐赠人怎么说的，照原话写，以后不能改。")
    )
    starts_on = DayField(label=_("哪天开始"))
    ends_on = DayField(label=_("哪天结束"), required=False)
    licence_no = forms.CharField(
        label=_("公开募捐备案号"),
        max_length=60,
        required=False,
        help_text=_("有就写上，没有就空着。公开募捐要有资格，本系统不能代替。"),
    )

    def __init__(self, *args: Any, funds: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["fund"].queryset = funds

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        starts, ends = cleaned.get("starts_on"), cleaned.get("ends_on")
        if starts and ends and ends < starts:
            raise ValidationError({"ends_on": _now("结束日期不能早于开始日期。")})
        return cleaned


class PublishForm(KeyedForm):
    where = forms.CharField(label=_("公布在哪里"), max_length=80, help_text=_("例如：村务公开栏、县政府网站。"))
