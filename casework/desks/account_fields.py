"""Where money goes, as it is asked for wherever an account is written down: the number twice, and which bank.

A number that no card could have is asked about, not refused: the bank is right, and our rule may be wrong.
"""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from audit import clock
from casework.fields import AnswerCards
from families.errors import ValueRefused
from families.identifiers import passes_luhn, read_account_number
from families.models import BankAccount, Household
from funds import bank_formats
from funds.models import BankFormat

OTHER = "other"
_DIGITS = {"inputmode": "numeric", "autocomplete": "off"}


class AccountFields(forms.Form):
    """A form with these fields calls `ask_for(household)` once they are there."""

    number = forms.CharField(label=_l("账号"), max_length=40, widget=forms.TextInput(attrs=_DIGITS))
    again = forms.CharField(label=_l("再填一遍账号"), max_length=40, widget=forms.TextInput(attrs=_DIGITS))
    sure = forms.BooleanField(label=_l("对着卡看过了，号码没有错"), required=False)
    kind = forms.ChoiceField(
        label=_l("是卡还是存折"),
        choices=[("card", _l("银行卡、一卡通")), ("passbook", _l("存折"))],
        widget=AnswerCards(look="two"),
    )
    bank = forms.ChoiceField(label=_l("哪家银行"))
    other_bank = forms.CharField(
        label=_l("名单里没有的银行"), max_length=60, required=False, help_text=_l("上面选了「其他银行」才填，写全称。")
    )

    def ask_for(self, household: Household) -> None:
        """Offer the banks that are known here; ask whether a number is right only once it looks wrong."""
        self.fields["bank"].choices = [("", _("选一家")), *((name, name) for name in known_banks(household))]
        self.fields["bank"].choices += [(OTHER, _("其他银行"))]
        if not (self.data.get("kind") == "card" and self.data.get("number")):
            self.fields["sure"].widget = forms.HiddenInput()

    def clean_number(self) -> str:
        try:
            return read_account_number(self.cleaned_data["number"])
        except ValueRefused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("bank") == OTHER:
            cleaned["bank"] = cleaned.get("other_bank", "").strip()
            if not cleaned["bank"]:
                self.add_error("other_bank", _("请写是哪家银行，写全称。"))
        number = cleaned.get("number")
        if not number:
            return cleaned
        if "".join(char for char in cleaned.get("again", "") if char.isdigit()) != number:
            self.add_error("again", _("两遍账号不一样，请对着存折再填一次。"))
        if cleaned.get("kind") != "card" or passes_luhn(number):
            self.fields["sure"].widget = forms.HiddenInput()
        elif not cleaned.get("sure"):
            self.add_error("sure", _("这个卡号的校验位不对，多半是抄错了。对着卡再看一遍；没有错就勾上。"))
        return cleaned


def known_banks(household: Household) -> list[str]:
    """The names of banks whose files are known, and of those that families of this township use."""
    in_use = BankAccount.objects.filter(household__township=household.township_id).exclude(bank="")
    names = {name for _code, name in bank_formats.banks(BankFormat.Direction.OUT, clock.today())}
    return sorted(names | set(in_use.order_by().values_list("bank", flat=True).distinct()))
