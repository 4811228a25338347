"""What is filled in about relatives. What may be is decided by casework.relatives."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from audit import clock
from casework.desks.admin.forms import UnitField
from casework.fields import AnswerCards, DayField
from families.errors import FamiliesError
from families.identifiers import DEMO_REGION, read_resident_id
from families.relatives.declaring import Relative
from flows.kin import RELATIONS


class IdNumberField(forms.CharField):
    """A resident ID number as people write it; cleaned to its 18 characters. It is kept sealed."""

    def __init__(self, **more: Any) -> None:
        widget = forms.TextInput(attrs={"autocomplete": "off", "inputmode": "text"})
        super().__init__(max_length=24, widget=widget, **more)

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        try:
            number = read_resident_id(text, today=clock.today()).number
        except FamiliesError as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        if number.startswith(DEMO_REGION) and not (settings.DEMO or settings.TESTING):
            raise forms.ValidationError(_now("999999 开头的是演示号码，正式使用不能用。"))
        return number


class RelativeForm(forms.Form):
    """One close relative."""

    name = forms.CharField(label=_("亲属的姓名"), max_length=60)
    id_number = IdNumberField(
        label=_("亲属的身份证号"), help_text=_("加密保存，只用来跟申请的家庭比对。别人只看得到后四位。")
    )
    relation = forms.ChoiceField(label=_("是你的什么人"))

    def __init__(self, *args: Any, relations: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["relation"].choices = [("", _("选一种关系")), *((code, RELATIONS[code]) for code in relations)]

    @property
    def relative(self) -> Relative:
        given = self.cleaned_data
        return Relative(given["name"], given["id_number"], given["relation"])


class CadreForm(forms.Form):
    """Somebody who must declare and has no account."""

    name = forms.CharField(label=_("姓名"), max_length=60)
    id_number = IdNumberField(label=_("身份证号"), help_text=_("加密保存，用来认出是不是同一个人。"))
    post = forms.CharField(label=_("职务"), max_length=40, help_text=_("例如：村委会委员、妇联主席、村会计。"))

    def __init__(self, *args: Any, units: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        unit = UnitField(units, label=_("在哪个村或者乡镇任职"))
        self.fields = {"name": self.fields["name"], "id_number": self.fields["id_number"], "unit": unit} | {
            "post": self.fields["post"]
        }


class EndCadreForm(forms.Form):
    on = DayField(label=_("最后一天"), latest=clock.today)


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("原因"), min_length=4, max_length=200, help_text=_("会留在记录里。"))


class ReviewForm(forms.Form):
    """Whether what she did before may stand."""

    verdict = forms.ChoiceField(
        label=_("以前办的算不算"),
        choices=[("stands", _("办得对，接着办")), ("redo", _("要退回重办"))],
        widget=AnswerCards(hints={"redo": _("下一位办的人退回，换人重新办。")}),
    )
    words = forms.CharField(
        label=_("看了什么，为什么这样定"), min_length=4, max_length=300, widget=forms.Textarea({"rows": 3})
    )


class IdentifyForm(forms.Form):
    """Whom the family meant: somebody who works in the county, by name."""

    person = forms.ChoiceField(label=_("是哪一位"))
    relation = forms.CharField(label=_("什么关系"), max_length=40)

    def __init__(self, *args: Any, people: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].choices = [("", _("选一位")), *people]


class HomeCheckForm(forms.Form):
    visited_on = DayField(label=_("哪天去的"), latest=clock.today)
    with_whom = forms.CharField(label=_("和谁一起去的"), max_length=60, help_text=_("至少两个人，不能是这家的近亲属。"))
    as_reported = forms.TypedChoiceField(
        label=_("跟材料写的一样吗"),
        choices=[("yes", _("一样")), ("no", _("不一样"))],
        coerce=lambda value: value == "yes",
        widget=AnswerCards(look="two"),
    )
    words = forms.CharField(
        label=_("看到什么、问了谁、说了什么"), min_length=4, max_length=2000, widget=forms.Textarea({"rows": 5})
    )
