"""What the funds desk is asked for."""

import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from access.models import OrgUnit
from audit import clock
from casework.bank_words import RETURN_REASONS
from casework.fields import AnswerCards, DayField, MoneyField, TickCards
from casework.rosters.kinds import KINDS
from flows.programmes import PROGRAMMES
from funds.models import Fund
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


def programme_title(code: str) -> str:
    """What money is set aside for: a programme, a kind of list, or (in older books) what has neither."""
    known = PROGRAMMES.get(code) or KINDS.get(code)
    return str(known.title) if known else code


def programme_choices() -> list[tuple[str, Any]]:
    """Programmes that pay money, and kinds of lists."""
    lists = [(kind.code, kind.title) for kind in KINDS.values()]
    return [(code, spec.title) for code, spec in PROGRAMMES.items() if spec.has_money] + lists


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
    document_no = forms.CharField(label=_("文件号"), max_length=60, help_text=_("批准设立这项资金的文件。"))

    def __init__(self, *args: Any, units: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units
        self.fields["programmes"].choices = programme_choices()


class ReceiveForm(KeyedForm):
    amount_fen = MoneyField(label=_("收到多少钱"), min_fen=1, max_fen=TOO_MUCH_FEN - 1)
    document_no = forms.CharField(label=_("文件号或收据号"), max_length=60)
    reason = forms.CharField(label=_("说明"), max_length=200, required=False, help_text=_("例如哪个单位拨来的。"))


class AllocateForm(KeyedForm):
    """`fund` bounds the units and the programmes on offer; the earmark itself is kept by PostgreSQL."""

    programme = forms.ChoiceField(label=_("用在哪一项帮扶"))
    unit = forms.ModelChoiceField(OrgUnit.objects.none(), label=_("给哪个地方用"), empty_label=None)
    year = forms.TypedChoiceField(label=_("哪一年"), coerce=int)
    amount_fen = MoneyField(label=_("分配多少钱"), min_fen=1, max_fen=TOO_MUCH_FEN - 1)
    document_no = forms.CharField(label=_("文件号"), max_length=60, help_text=_("下达这笔指标的文件。"))

    def __init__(self, *args: Any, units: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units
        self.fields["programme"].choices = programme_choices()
        year = clock.today().year
        self.fields["year"].choices = [(year, str(year)), (year + 1, str(year + 1))]


class BuildForm(KeyedForm):
    title = forms.CharField(
        label=_("这一批叫什么"), max_length=80, required=False, help_text=_("例如：4 月救灾救济第 1 批。")
    )


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


class ExportForm(forms.Form):
    FORMATS = (
        ("xlsx", _("Excel 表格（.xlsx）")),
        ("csv", _("文本表格（.csv，UTF-8）")),
        ("gb18030", _("文本表格（.csv，GB18030，老的网银用）")),
    )
    form = forms.ChoiceField(label=_("要哪种文件"), choices=FORMATS, initial="xlsx", widget=AnswerCards())
    reason = forms.CharField(
        label=_("为什么导出"),
        max_length=200,
        min_length=4,
        help_text=_("文件里有全部账号，谁导出、为什么，都会记下来。"),
        error_messages={"min_length": _("请写明为什么导出，至少四个字。")},
    )


class AnswersForm(KeyedForm):
    """What the bank answered about the lines of one batch. Lines without an answer stay as they are."""

    answered_on = DayField(label=_("银行哪天答复的"), latest=clock.today)
    bank_reference = forms.CharField(label=_("回单号"), max_length=60, required=False, help_text=_("没有就空着。"))

    def __init__(self, *args: Any, payments: list[Any], **kwargs: Any) -> None:
        kwargs["initial"] = {"answered_on": clock.today()} | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        self.payments = payments
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
    amount_fen = MoneyField(label=_("追回了多少钱"), help_text=_("一分也没有追回就填 0，并写明是谁决定核销的。"))
    reason = forms.CharField(label=_("经过"), max_length=200, widget=forms.Textarea(attrs={"rows": 2}))
