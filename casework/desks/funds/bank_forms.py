"""What is asked for around bank files."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from casework.bank_words import returned_words
from casework.desks.funds.forms import KeyedForm
from casework.fields import AnswerCards
from funds.banking.headings import LABELS, LEAST_KNOWN, heading_texts
from funds.banking.reasons import OUTCOME_WORDS, STORED_WORDS
from funds.models import BankTask

MOST_BYTES = 50 * 1024 * 1024
NO_BANKS_NAME = _("通用回单")  # in the data of the formats; all other names there are a bank's own
NEEDED = ("serial", "account", "name", "amount", "status", "reason", "date", "reference", "batch")


class AnswerUploadForm(forms.Form):
    bank = forms.ChoiceField(label=_("哪家银行"))
    file = forms.FileField(
        label=_("银行回单"), help_text=_("网银下载的 xlsx、csv 或 txt。先核对给你看，确认以后才记账。")
    )

    def __init__(self, *args: Any, banks: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["bank"].choices = [("", _now("请选")), *((code, _now(name)) for code, name in banks)]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(_now("文件超过 50 MB。请核对是否选错，确是回单的请分成几个文件。"))
        return file


class ColumnsForm(forms.Form):
    """Which heading stands over which of our fields. The texts of the first rows are on offer, row by row."""

    def __init__(self, *args: Any, rows: list[list[str]], columns: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: list[Any] = [("", _now("没有这一列"))]
        for n, row in enumerate(rows[:10], 1):
            texts = heading_texts(row)
            if len(texts) >= LEAST_KNOWN:
                choices.append((_now("第 %(n)d 行") % {"n": n}, [(text, text) for text in texts]))
        for field in NEEDED:
            self.fields[field] = forms.ChoiceField(
                label=LABELS[field],
                choices=choices,
                required=field in ("account", "amount", "status"),
                initial=columns.get(field, ""),
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        chosen = [heading for heading in cleaned.values() if heading]
        if len(set(chosen)) < len(chosen):
            raise forms.ValidationError(_now("同一列选了两次。请每一项各选一列。"))
        return cleaned


class WordsForm(forms.Form):
    """What the bank's words mean that nobody has listed yet: statuses must be said, reasons may be."""

    def __init__(self, *args: Any, statuses: Iterable[str], reasons: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.statuses, self.reasons = list(statuses), list(reasons)
        for n, word in enumerate(self.statuses):
            self.fields[f"status-{n}"] = forms.ChoiceField(
                label=_now("“%(word)s”是什么意思") % {"word": word or _now("（空着）")},
                choices=[("", _now("请选")), *OUTCOME_WORDS.items()],
            )
        codes = [(code, returned_words(words)) for code, words in STORED_WORDS.items()]
        for n, word in enumerate(self.reasons):
            self.fields[f"reason-{n}"] = forms.ChoiceField(
                label=_now("“%(word)s”是哪种原因") % {"word": word},
                choices=[("", _now("算其他原因")), *codes],
                required=False,
            )

    def said(self) -> tuple[dict[str, str], dict[str, str]]:
        given = self.cleaned_data
        return (
            {word: given[f"status-{n}"] for n, word in enumerate(self.statuses)},
            {word: given[f"reason-{n}"] for n, word in enumerate(self.reasons) if given[f"reason-{n}"]},
        )


class SettleForm(KeyedForm):
    how = forms.ChoiceField(
        label=_("怎么解决的"),
        choices=[(value, words) for value, words in BankTask.How.choices if value != BankTask.How.ANSWERED],
        widget=AnswerCards(),
    )
    note = forms.CharField(
        label=_("经过"), max_length=200, widget=forms.Textarea(attrs={"rows": 2}), help_text=_("问了谁，银行怎么说。")
    )


class ListForm(forms.Form):
    bank = forms.ChoiceField(label=_("交给哪家银行"))
    purpose = forms.CharField(
        label=_("附言"), max_length=20, required=False, help_text=_("银行写在每一笔旁边，领款人看得到。")
    )
    reason = forms.CharField(
        label=_("为什么导出"),
        max_length=200,
        min_length=4,
        help_text=_("文件里有全部账号，谁导出、为什么，都会记下来。"),
        error_messages={"min_length": _("请写明为什么导出，至少四个字。")},
    )

    def __init__(self, *args: Any, banks: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["bank"].choices = [("", _now("请选")), *banks]
