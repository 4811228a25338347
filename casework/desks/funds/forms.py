"""What the funds desk is asked for."""

import datetime
import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from access.models import OrgUnit
from audit import clock
from casework.bank_words import RETURN_REASONS
from casework.fields import AnswerCards, DayField, MoneyField, PhotoField, TickCards, sometimes_required
from families.catalogue import CAUSES
from families.errors import ValueRefused
from families.identifiers import read_account_number, read_credit_code
from flows.lists import KINDS
from flows.programmes import PROGRAMMES
from funds.models import CashHandover, Fund, Provider
from funds.money import TOO_MUCH_FEN, yuan


def new_key() -> str:
    """Stands in the form, so that sending it twice is one act."""
    return uuid.uuid4().hex


class KeyedForm(forms.Form):
    """A form whose submission is one act, however often it arrives."""

    key = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"key": new_key()} | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)


def programme_choices() -> list[tuple[str, Any]]:
    """Programmes that pay money, and kinds of lists."""
    lists = [(kind.code, kind.title) for kind in KINDS.values()]
    return [(code, spec.title) for code, spec in PROGRAMMES.items() if spec.has_money] + lists


class YearField(forms.IntegerField):
    """A year that may be left open."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "numeric", "class": "w-s"})
        super().__init__(required=False, min_value=2000, max_value=2100, widget=widget, **kwargs)


class OpenFundForm(KeyedForm):
    code = forms.RegexField(
        r"^[A-Za-z0-9-]{2,30}$",
        label=_("资金编码"),
        help_text=_("字母、数字和横线，例如 CARE-2026。以后不能改。"),
        error_messages={"invalid": _("编码用字母、数字和横线，2 到 30 位。")},
    )
    name = forms.CharField(label=_("资金名称"), max_length=80)
    source = forms.ChoiceField(label=_("钱从哪里来"), choices=Fund.Source.choices, widget=AnswerCards(look="two"))
    unit = forms.ModelChoiceField(OrgUnit.objects.none(), label=_("谁管这项资金"), empty_label=None)
    programmes = forms.MultipleChoiceField(
        label=_("只能用在哪些帮扶上（专款专用）"),
        help_text=_("一项也不选，就是各项帮扶都能用。"),
        required=False,
        widget=TickCards(look="two"),
    )
    purposes = forms.MultipleChoiceField(
        label=_("只能用于哪些困难原因"),
        help_text=_("一项也不选，就是不限原因。"),
        required=False,
        choices=CAUSES,
        widget=TickCards(look="two"),
    )
    only_unit = forms.ModelChoiceField(
        OrgUnit.objects.none(), label=_("只能用在哪个地方"), required=False, empty_label=_("不限")
    )
    first_year = YearField(label=_("最早哪一年用"))
    last_year = YearField(label=_("最晚哪一年用"), help_text=_("写 2026，就不能结转到 2027 年。"))
    fiscal_level = forms.ChoiceField(
        label=_("哪一级的财政资金"), required=False, choices=[("", _("不是财政资金，或没有写明")), *Fund.Level.choices]
    )
    document_no = forms.CharField(label=_("文件号"), max_length=60, help_text=_("批准设立这项资金的文件。"))

    def __init__(self, *args: Any, units: Any, places: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units
        self.fields["only_unit"].queryset = places
        self.fields["programmes"].choices = programme_choices()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("fiscal_level") and cleaned.get("source") not in ("fiscal", None):
            self.add_error("fiscal_level", _now("只有财政资金才有级次，请选「不是财政资金」。"))
        first, last = cleaned.get("first_year"), cleaned.get("last_year")
        if first and last and last < first:
            self.add_error("last_year", _now("最晚的一年不能早于最早的一年。"))
        unit, place = cleaned.get("unit"), cleaned.get("only_unit")
        if unit and place and getattr(place, f"{unit.level}_id") != unit.pk:
            self.add_error("only_unit", _now("%(place)s不归%(unit)s管，请另选。") % {"place": place, "unit": unit})
        return cleaned


class AllocateForm(KeyedForm):
    """`fund` bounds the units and the programmes on offer; the earmark itself is kept by PostgreSQL."""

    programme = forms.ChoiceField(
        label=_("用在哪一项帮扶"),
        required=False,
        help_text=_("先不定的，要再下拨到一项帮扶才能付。"),
    )
    unit = forms.ModelChoiceField(OrgUnit.objects.none(), label=_("给哪个地方用"), empty_label=None)
    year = forms.TypedChoiceField(label=_("哪一年"), coerce=int)
    amount_fen = MoneyField(label=_("分配多少钱"), min_fen=1, max_fen=TOO_MUCH_FEN - 1)
    document_no = forms.CharField(label=_("文件号"), max_length=60, help_text=_("下达这笔指标的文件。"))

    def __init__(self, *args: Any, units: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units
        self.fields["programme"].choices = [*programme_choices(), ("", _("先不定，留着下拨"))]
        year = clock.today().year
        self.fields["year"].choices = [(year, str(year)), (year + 1, str(year + 1))]


class LookedOverForm(KeyedForm):
    """A step that what the guards have found may stand against: then one tick, and how it was looked at."""

    looked = forms.BooleanField(
        label=_("都核对过"),
        required=False,
        error_messages={"required": _("上面几处请先核对，都核对过就打勾。")},
    )
    looked_over = forms.CharField(
        label=_("怎么核对的"),
        max_length=200,
        required=False,
        help_text=_("会跟这一批一起留下来。例如：对着审批表和户口簿核过，是两个人。"),
        error_messages={"required": _("请写明怎么核对的。")},
    )

    def __init__(self, *args: Any, warned: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.warned = warned
        for name in ("looked", "looked_over"):
            self.fields[name].required = warned

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not cleaned.get("looked"):
            cleaned["looked_over"] = ""
        return cleaned


class BuildForm(LookedOverForm):
    title = forms.CharField(
        label=_("这一批叫什么"), max_length=80, required=False, help_text=_("例如：4 月救灾救济第 1 批。")
    )
    is_cash = forms.BooleanField(label=_("这一批发现金，不走银行"), required=False)
    cash_reason = sometimes_required(
        forms.CharField(
            label=_("为什么发现金"),
            max_length=200,
            help_text=_("只在不得已的时候：没有账户、行动不便、灾后等不及。两个人一起发，签收条拍照。"),
        )
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        why = cleaned.get("cash_reason", "")
        if cleaned.get("is_cash") and not why:
            self.add_error("cash_reason", _now("请写明为什么发现金。"))
        if why and not cleaned.get("is_cash"):
            self.add_error("is_cash", _now("写了发现金的原因，没有打勾。走银行就把原因删掉。"))
        return cleaned


class ReasonForm(KeyedForm):
    reason = forms.CharField(label=_("原因"), max_length=200, widget=forms.Textarea(attrs={"rows": 2}))


class ReleaseForm(KeyedForm):
    """Whoever releases types count and total from the paper before her, not from the screen."""

    count = forms.IntegerField(label=_("一共几笔"), min_value=1, widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    total_fen = MoneyField(label=_("一共多少钱"))

    def __init__(self, *args: Any, real_count: int, real_fen: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.real_count, self.real_fen = real_count, real_fen

    def clean_count(self) -> int:
        if self.cleaned_data["count"] != self.real_count:
            raise ValidationError(_("笔数和这一批对不上，没有放行。请对着清单再数一遍。"))
        return self.cleaned_data["count"]

    def clean_total_fen(self) -> int:
        if self.cleaned_data["total_fen"] != self.real_fen:
            raise ValidationError(
                _now("金额和这一批对不上，没有放行。你填的是 %(typed)s 元，请对着清单再核一遍。")
                % {"typed": yuan(self.cleaned_data["total_fen"])}
            )
        return self.cleaned_data["total_fen"]


class AnswersForm(KeyedForm):
    """What the bank answered about the lines of one batch. Lines without an answer stay as they are."""

    answered_on = DayField(label=_("银行哪天答复的"), latest=clock.today)
    bank_reference = forms.CharField(label=_("回单号"), max_length=60, required=False, help_text=_("没有就空着。"))

    def __init__(self, *args: Any, payments: list[Any], **kwargs: Any) -> None:
        kwargs["initial"] = {"answered_on": clock.today()} | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        self.payments = payments
        self.fields["answered_on"].not_before(max((row.sent_on for row in payments if row.sent_on), default=None))
        reasons = [(reason, _now(reason)) for reason in RETURN_REASONS]
        outcomes = [
            ("", _("还没有答复")),
            ("credited", _("到账")),
            ("returned", _("退回")),
            ("unknown", _("问了，银行说不清")),
        ]
        for payment in payments:
            name = payment.payee_name
            self.fields[f"outcome-{payment.pk}"] = forms.ChoiceField(
                label=_now("%(name)s：银行怎么说") % {"name": name}, choices=outcomes, required=False
            )
            self.fields[f"reason-{payment.pk}"] = forms.ChoiceField(
                label=_now("%(name)s：退回原因") % {"name": name}, choices=[("", "—"), *reasons], required=False
            )
            self.fields[f"note-{payment.pk}"] = forms.CharField(
                label=_now("%(name)s：银行的原话") % {"name": name}, max_length=60, required=False
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if any(name.startswith("outcome-") and name not in self.fields for name in self.data):
            raise ValidationError(_("有几笔刚才别人已经记了，这一页没有记下来。请再看一遍。"))
        rest = "credited" if self.data.get("rest") and not self.data.get("confirm") else ""
        answers = []
        for payment in self.payments:
            outcome = cleaned.get(f"outcome-{payment.pk}") or rest
            reason, note = cleaned.get(f"reason-{payment.pk}", ""), cleaned.get(f"note-{payment.pk}", "").strip()
            if outcome == "returned" and not reason:
                self.add_error(
                    f"reason-{payment.pk}", _now("%(name)s：银行退回，请选原因。") % {"name": payment.payee_name}
                )
            elif outcome == "returned":
                answers.append((payment, False, f"{reason}：{note}" if note else reason))
            elif outcome == "unknown" and not note:
                self.add_error(
                    f"note-{payment.pk}", _now("%(name)s：请写下银行的原话。") % {"name": payment.payee_name}
                )
            elif outcome:
                answers.append((payment, True if outcome == "credited" else None, note))
        cleaned["answers"] = answers
        if not answers and not self.errors:
            raise ValidationError(_("还没有记任何一笔。请在每一笔旁边选银行怎么说。"))
        return cleaned

    def as_shown(self) -> list[tuple[str, str]]:
        """The fields to be confirmed, each line by its name: "the rest" is what stands on this page and nothing later."""
        sent = {name: value for name, value in self.data.items() if name not in ("csrfmiddlewaretoken", "rest")}
        sent |= {f"outcome-{payment.pk}": "credited" for payment, said, _words in self.cleaned_data["answers"] if said}
        return list(sent.items())

    def lines(self) -> list[dict[str, Any]]:
        """Each payment with its three fields, for the table."""
        return [
            {"payment": payment} | {field: self[f"{field}-{payment.pk}"] for field in ("outcome", "reason", "note")}
            for payment in self.payments
        ]


class RecoverForm(KeyedForm):
    amount_fen = MoneyField(label=_("这次收回多少"), min_fen=1, max_fen=TOO_MUCH_FEN - 1)
    document_no = forms.CharField(label=_("收据号或银行回单号"), max_length=60)
    reason = forms.CharField(label=_("经过"), max_length=200, widget=forms.Textarea(attrs={"rows": 2}))


class AgreeForm(KeyedForm):
    """What was agreed with the family: so many equal parts from a day on."""

    parts = forms.IntegerField(
        label=_("分几次还"), min_value=1, max_value=36, widget=forms.TextInput(attrs={"inputmode": "numeric"})
    )
    first_on = DayField(label=_("第一次哪天还"), earliest=clock.today)
    every_months = forms.TypedChoiceField(
        label=_("隔多久还一次"),
        coerce=int,
        choices=[(1, _("每月")), (3, _("每季度")), (6, _("每半年")), (12, _("每年"))],
    )
    reason = forms.CharField(label=_("怎么商定的"), max_length=200, widget=forms.Textarea(attrs={"rows": 2}))


class WriteOffForm(KeyedForm):
    amount_fen = MoneyField(label=_("核销多少"), min_fen=1, max_fen=TOO_MUCH_FEN - 1)
    document_no = forms.CharField(label=_("决定文件的文号"), max_length=60)
    reason = forms.CharField(label=_("为什么追不回"), max_length=200, widget=forms.Textarea(attrs={"rows": 2}))


SHARED_RECEIPT = _("同一批、同一天，几户签在同一张上的才勾，每一户都要勾。")


class HandoverForm(KeyedForm):
    """Cash that has reached a family: by whom beside her who writes it down, where, and the signed receipt."""

    second_payer = forms.TypedChoiceField(
        label=_("跟谁一起发的"), coerce=int, help_text=_("你是第一个。两个人里要有一个不是村委会的。")
    )
    handed_on = DayField(label=_("哪天发的"), latest=clock.today)
    place = forms.CharField(label=_("在哪里发的"), max_length=80)
    signed_how = forms.ChoiceField(
        label=_("收条怎么签的"), choices=CashHandover.Signed.choices, widget=AnswerCards(look="two")
    )
    received_by = forms.CharField(
        label=_("谁领的"), max_length=60, help_text=_("代领的写明是这家什么人，例如：王小明（儿子）。")
    )
    receipt = PhotoField(label=_("签了字的收条"))
    shares_receipt = forms.BooleanField(label=_("一张收条，几户共用"), required=False, help_text=SHARED_RECEIPT)

    def __init__(self, *args: Any, payers: list[tuple[int, str]], sent_on: datetime.date | None, **kwargs: Any) -> None:
        kwargs["initial"] = {"handed_on": clock.today()} | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        self.fields["second_payer"].choices = [("", "—"), *payers]
        self.fields["handed_on"].not_before(sent_on)


class ProviderForm(KeyedForm):
    name = forms.CharField(label=_("单位名称"), max_length=60, help_text=_("跟开户名一字不差。"))
    kind = forms.ChoiceField(label=_("是什么单位"), choices=Provider.Kind.choices)
    credit_code = forms.CharField(
        label=_("统一社会信用代码"), max_length=30, required=False, help_text=_("18 位。没有就空着。")
    )
    unit = forms.ModelChoiceField(OrgUnit.objects.none(), label=_("列在哪里的名单上"), empty_label=None)
    bank = forms.CharField(label=_("开户银行"), max_length=60)
    number = forms.CharField(
        label=_("账号"), max_length=40, widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})
    )
    again = forms.CharField(
        label=_("再填一遍账号"),
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, units: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units

    def clean_number(self) -> str:
        return _read(read_account_number, self.cleaned_data["number"])

    def clean_credit_code(self) -> str:
        code = self.cleaned_data["credit_code"].strip()
        return _read(read_credit_code, code) if code else ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        again = "".join(char for char in cleaned.get("again", "") if char.isdigit())
        if cleaned.get("number") and cleaned.get("again") and again != cleaned["number"]:
            self.add_error("again", _now("两遍账号不一样，请对着开户许可证再填一次。"))
        return cleaned


def _read(reader: Callable[[str], str], text: str) -> str:
    try:
        return reader(text)
    except ValueRefused as refusal:
        raise ValidationError(str(refusal)) from refusal
