"""What the office gives besides pressing a button: a decision with its reasons, an emergency release, a declared relation."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from casework.fields import AnswerCards, MoneyField
from casework.models import Case
from flows.spec import Edge
from flows.states import ACTIONS

# Reason codes are stored in CaseEvent.reason_code; the sentence in her own words stands beside them.
RETURN_REASONS = [
    ("papers_missing", gettext_lazy("材料不全")),
    ("papers_unclear", gettext_lazy("材料看不清")),
    ("facts_disagree", gettext_lazy("前后对不上")),
    ("amount_wrong", gettext_lazy("金额算得不对")),
    ("account_wrong", gettext_lazy("收款账户有问题")),
    ("survey_old", gettext_lazy("要重新入户调查")),
    ("recusal", gettext_lazy("经手人要回避")),
    ("other_return", gettext_lazy("别的原因，要退回")),
]
REFUSE_REASONS = [
    ("not_hardship", gettext_lazy("不符合困难条件")),
    ("helped_already", gettext_lazy("同一原因已经帮过")),
    ("other_programme", gettext_lazy("应走别的帮扶")),
    ("not_true", gettext_lazy("情况不属实")),
    ("not_resident", gettext_lazy("不在本地生活")),
    ("other_refusal", gettext_lazy("别的原因，不批准")),
]
_REASONS = {
    "return": RETURN_REASONS,
    "village_return": RETURN_REASONS,
    "uphold_objection": RETURN_REASONS,
    "refuse": REFUSE_REASONS,
    "uphold_refusal": REFUSE_REASONS,
}


class DecisionForm(forms.Form):
    """One decision on one case, and the words that go with it.

    `seen` is the fingerprint of what was on the page: nobody signs what changed under her eyes. `key` makes pressing twice
    one act.
    """

    key = forms.CharField(widget=forms.HiddenInput, max_length=60)
    seen = forms.CharField(widget=forms.HiddenInput, max_length=64)
    decision = forms.ChoiceField(label=gettext_lazy("你的决定"), widget=AnswerCards(look="kinds"))
    reason_code = forms.ChoiceField(
        label=gettext_lazy("退回或不批的原因"),
        required=False,
        help_text=gettext_lazy("同意的不用选。"),
    )
    note = forms.CharField(
        label=gettext_lazy("你的话"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("会写进卷宗，退回和不批的这家会看到。"),
    )

    def __init__(
        self, *args: Any, edges: list[Edge], must_explain: bool = False, question: str = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        if must_explain:
            self.fields["note"].required = True
            self.fields["note"].error_messages["required"] = _("系统查到要核实的地方，请写明怎么核实的。")
        self.fields["decision"].choices = [(edge.action, ACTIONS[edge.action].verb) for edge in edges]
        asked = [edge.action for edge in edges if edge.action in _REASONS]
        groups = [(ACTIONS[action].verb, _REASONS[action]) for action in asked]
        if groups:
            self.fields["reason_code"].choices = [("", _("选一个原因")), *groups]
        else:
            del self.fields["reason_code"]
        if question:
            self.fields["note"].label = question
        if len(edges) == 1:
            self.fields["decision"].initial = edges[0].action

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        action = cleaned.get("decision")
        if action is None:
            return cleaned
        code = cleaned.get("reason_code", "")
        if action in _REASONS:
            if not code:
                self.add_error("reason_code", _("请选一个原因。"))
            elif code not in dict(_REASONS[action]):
                self.add_error(
                    "reason_code", _("这个原因不是「%(action)s」的原因，请另选。") % {"action": ACTIONS[action].verb}
                )
        else:
            cleaned["reason_code"] = ""
        says_nothing = not cleaned.get("note", "").strip() and "note" not in self.errors
        if says_nothing and "reason" in ACTIONS[action].asks:
            self.add_error("note", _("请写明原因，让人看得懂要怎么改。"))
        return cleaned


class ReleaseForm(forms.Form):
    """Money before papers: how much, and what is so urgent."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=60)
    amount_fen = MoneyField(label=gettext_lazy("先付多少"), min_fen=100)
    reason = forms.CharField(
        label=gettext_lazy("急在哪里"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("出了什么事，不先付会怎样。会写进卷宗。"),
    )

    def __init__(self, *args: Any, case: Case, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount_fen"].max_fen = case.rules.emergency_cap_fen


class RecusalForm(forms.Form):
    household_no = forms.CharField(
        label=gettext_lazy("个案编号或户编号"),
        max_length=19,
        help_text=gettext_lazy("个案编号例如 2026-000011，在个案页面上；户编号 19 位，在户口登记表上。"),
    )
    relation = forms.CharField(
        label=gettext_lazy("是什么关系"), max_length=40, help_text=gettext_lazy("例如：叔侄、岳父、姐弟。")
    )


class BatchForm(forms.Form):
    """Several simple cases at once: she says how many she means, so that nobody signs a list unseen."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=60)
    seen = forms.CharField(widget=forms.HiddenInput, max_length=64)
    count = forms.IntegerField(label=gettext_lazy("一共几件"), help_text=gettext_lazy("数一数上面的名单，填件数。"))

    def __init__(self, *args: Any, expected: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected

    def clean_count(self) -> int:
        count = self.cleaned_data["count"]
        if count != self.expected:
            raise forms.ValidationError(
                _("名单上是 %(n)d 件，你填的是 %(count)d。请再看一遍名单。") % {"n": self.expected, "count": count}
            )
        return count
