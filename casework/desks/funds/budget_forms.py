"""What the budget pages ask for."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from access.models import OrgUnit
from casework.desks.funds.earmarks import programme_title
from casework.desks.funds.forms import KeyedForm, programme_choices
from casework.fields import MoneyField
from funds import budget
from funds.models import Allocation, Fund
from funds.money import TOO_MUCH_FEN, yuan

MONTHS = range(1, 13)


def _amount(label: Any, **more: Any) -> MoneyField:
    return MoneyField(label=label, min_fen=1, max_fen=TOO_MUCH_FEN - 1, **more)


class DivideForm(KeyedForm):
    """To a place within the allocation's own; the programme is open only where the allocation has none."""

    unit = forms.ModelChoiceField(OrgUnit.objects.none(), label=_("下拨给哪个地方"), empty_label=None)
    programme = forms.ChoiceField(label=_("用在哪一项帮扶"), required=False)
    amount_fen = _amount(_("下拨多少钱"))
    document_no = forms.CharField(label=_("文件号"), max_length=60, help_text=_("下达这笔指标的文件。"))

    def __init__(self, *args: Any, allocation: Allocation, units: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units
        if allocation.programme:
            self.fields["programme"].choices = [(allocation.programme, programme_title(allocation.programme))]
            return
        allowed = allocation.fund.programmes
        known = [(code, title) for code, title in programme_choices() if not allowed or code in allowed]
        self.fields["programme"].choices = [*known, ("", _("先不定，由下级再分"))]


class PlanForm(KeyedForm):
    """Twelve months that together are the budget, to the fen."""

    def __init__(self, *args: Any, budget_fen: int, plan_fen: list[int] | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.budget_fen = budget_fen
        for month, fen in zip(MONTHS, plan_fen or budget.evenly(budget_fen), strict=True):
            self.fields[f"m{month}"] = MoneyField(
                label=_now("%(month)d 月") % {"month": month}, max_fen=TOO_MUCH_FEN - 1, initial=fen
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.errors:
            return cleaned
        planned = sum(self.plan)
        if planned != self.budget_fen:
            raise ValidationError(
                _now("十二个月合起来要等于预算 %(budget)s 元。现在是 %(planned)s 元，差 %(gap)s 元。")
                % {
                    "budget": yuan(self.budget_fen),
                    "planned": yuan(planned),
                    "gap": yuan(abs(self.budget_fen - planned)),
                }
            )
        return cleaned

    @property
    def plan(self) -> list[int]:
        return [self.cleaned_data[f"m{month}"] for month in MONTHS]


class ProposeForm(KeyedForm):
    """What every entry by two persons needs."""

    reason = forms.CharField(label=_("为什么"), max_length=200, widget=forms.Textarea(attrs={"rows": 2}))
    document_no = forms.CharField(label=_("文件号"), max_length=60, required=False, help_text=_("有批准文件的写上。"))


class TakeBackForm(ProposeForm):
    amount_fen = _amount(_("收回多少钱"))
    field_order = ("amount_fen", "reason", "document_no")


class HandBackForm(ProposeForm):
    amount_fen = _amount(_("上缴或退还多少钱"))
    field_order = ("amount_fen", "reason", "document_no")


class InterfundForm(ProposeForm):
    to = forms.ModelChoiceField(Fund.objects.none(), label=_("划到哪项资金"), empty_label=None)
    amount_fen = _amount(_("划转多少钱"))
    field_order = ("to", "amount_fen", "reason", "document_no")

    def __init__(self, *args: Any, funds: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].queryset = funds


class CarryOverForm(ProposeForm):
    year = forms.TypedChoiceField(label=_("结转哪一年没有用完的钱"), coerce=int)
    field_order = ("year", "reason", "document_no")

    def __init__(self, *args: Any, years: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["year"].choices = [(year, str(year)) for year in years]


class AnswerForm(forms.Form):
    """Why a proposal is not confirmed."""

    answer = forms.CharField(label=_("为什么不核准"), max_length=200, widget=forms.Textarea(attrs={"rows": 2}))
