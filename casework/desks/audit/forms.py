"""What auditors fill in."""

import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from access.roles import title_of
from audit import clock
from casework.auditing.models import Sample
from casework.auditing.questions import ASKED
from casework.auditing.rules import Rule
from casework.auditing.sampling import MOST
from casework.desks.funds.forms import KeyedForm
from casework.fields import MoneyField


def _day(label: Any, **more: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput({"type": "date"}), **more)


class ExplainForm(forms.Form):
    because = forms.CharField(label=_("核实的结果"), max_length=300, widget=forms.Textarea({"rows": 3}))


class ParameterForm(forms.Form):
    """The lines of one rule, and why they are drawn elsewhere."""

    because = forms.CharField(label=_("为什么改"), max_length=300)

    def __init__(self, rule: Rule, now: dict[str, int], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for param in rule.params:
            self.fields[param.name] = forms.IntegerField(
                label=f"{param.title}（{param.unit}）", min_value=0, max_value=100_000, initial=now[param.name]
            )
        self.order_fields([*(param.name for param in rule.params), "because"])


class AskForm(KeyedForm):
    asked_role = forms.ChoiceField(label=_("问谁"))
    title = forms.CharField(label=_("问什么（一句话）"), max_length=80)
    words = forms.CharField(label=_("说明"), max_length=4000, widget=forms.Textarea({"rows": 5}))
    due_on = _day(_("请在哪天以前答复"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["asked_role"].choices = [(role, title_of(role)) for role in ASKED]
        self.fields["due_on"].initial = clock.today() + datetime.timedelta(days=10)


class ReplyForm(forms.Form):
    words = forms.CharField(label=_("答复"), max_length=4000, widget=forms.Textarea({"rows": 5}))


class GoOnForm(forms.Form):
    """What the auditor does with an answer."""

    AGAIN, RIGHT, WRONG = "again", "right", "wrong"

    step = forms.ChoiceField(
        label=_("怎么办"),
        choices=[(AGAIN, _("再问")), (RIGHT, _("了结：没有问题")), (WRONG, _("了结：有问题"))],
        widget=forms.RadioSelect,
    )
    words = forms.CharField(label=_("说明"), max_length=4000, widget=forms.Textarea({"rows": 4}))
    due_on = _day(_("再问的，请在哪天以前答复"), required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if given.get("step") == self.AGAIN and not given.get("due_on"):
            self.add_error("due_on", _("再问的，请写答复期限。"))
        return given


class SampleForm(forms.Form):
    of = forms.ChoiceField(label=_("抽什么"), choices=[(Sample.Of.CASES, _("个案")), (Sample.Of.PAYMENTS, _("付款"))])
    first_on = _day(_("从哪天"))
    last_on = _day(_("到哪天"))
    least = MoneyField(label=_("金额从"), required=False)
    size = forms.IntegerField(label=_("抽几个"), min_value=1, max_value=MOST, initial=20)
    seed = forms.CharField(
        label=_("种子"), max_length=80, help_text=_("事先公布、谁也改不了的数，比如约定那天的双色球号码。")
    )
    seed_source = forms.CharField(label=_("种子在哪里、哪天公布的"), max_length=120)
