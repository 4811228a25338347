"""Input of the administration desk. What may be is decided by access.services; here is only what it looks like."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.models import OrgUnit, Staff
from access.roles import ROLES
from access.vault import person_key
from audit import clock
from casework.fields import DayField
from families.errors import FamiliesError
from families.identifiers import DEMO_REGION, read_resident_id

REASON = {"max_length": 200, "label": gettext_lazy("原因"), "help_text": gettext_lazy("会留在记录里。")}


class StaffForm(forms.Form):
    """A new account. The ID number makes it known whose it is; it is not kept, only its fingerprint is."""

    name = forms.CharField(label=gettext_lazy("姓名"), max_length=60)
    id_number = forms.CharField(
        label=gettext_lazy("身份证号"),
        max_length=24,
        help_text=gettext_lazy("只用来认出是不是同一个人，不保存号码。"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    username = forms.CharField(
        label=gettext_lazy("账号"), max_length=40, help_text=gettext_lazy("登录用，一般是手机号。以后不能改。")
    )
    phone = forms.CharField(label=gettext_lazy("电话"), max_length=20, required=False)
    second_account = forms.BooleanField(
        label=gettext_lazy("再开一个账号"),
        required=False,
        help_text=gettext_lazy("同一个人已有账号、确实还要一个时才勾。两个账号在职责上算同一个人。"),
    )

    def clean_id_number(self) -> str:
        try:
            number = read_resident_id(self.cleaned_data["id_number"], today=clock.today()).number
        except FamiliesError as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        if number.startswith(DEMO_REGION) and not (settings.DEMO or settings.TESTING):
            raise forms.ValidationError(_("999999 开头的是演示号码，正式使用不能用。"))
        return number

    @property
    def person_key(self) -> str:
        return person_key(self.cleaned_data["id_number"])


class ReasonForm(forms.Form):
    reason = forms.CharField(**REASON)


class AppointForm(forms.Form):
    role = forms.ChoiceField(label=gettext_lazy("岗位"))
    unit = forms.ModelChoiceField(OrgUnit.objects.none(), label=gettext_lazy("在哪里"), to_field_name="code")
    valid_from = DayField(label=gettext_lazy("从哪天起"))
    valid_to = DayField(label=gettext_lazy("到哪天止"), required=False, help_text=gettext_lazy("没有定就空着。"))
    reason = forms.CharField(**REASON, required=False)

    def __init__(self, *args: Any, units: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [("", _("选一个岗位"))] + [
            (code, role.title) for code, role in ROLES.items() if code not in ("public", "villager")
        ]
        self.fields["unit"] = UnitField(units, label=gettext_lazy("在哪里"))


class UnitField(forms.CharField):
    """A unit by its code or its full name: a list of hundreds helps nobody."""

    def __init__(self, units: Any, **kwargs: Any) -> None:
        super().__init__(help_text=gettext_lazy("写名称或代码，例如：青栗村，或 990101201201。"), **kwargs)
        self.units = units

    def clean(self, value: Any) -> OrgUnit:
        text = super().clean(value)
        found = list(self.units.filter(code=text)[:2] if text.isdecimal() else self.units.filter(name=text)[:5])
        if not found:
            raise forms.ValidationError(_("没有找到这个单位。请核对名称，或者填代码。"))
        if len(found) > 1:
            names = _("、").join(f"{unit.code}" for unit in found)
            raise forms.ValidationError(_("有几个单位都叫这个名字（%(codes)s），请填代码。") % {"codes": names})
        return found[0]


class EndForm(forms.Form):
    on = DayField(label=gettext_lazy("最后一天"))
    reason = forms.CharField(**REASON)


class AccountField(forms.CharField):
    """Somebody by her username, within reach."""

    def __init__(self, staff: Any, **kwargs: Any) -> None:
        super().__init__(max_length=40, **kwargs)
        self.staff = staff

    def clean(self, value: Any) -> Staff:
        text = super().clean(value)
        found = self.staff.filter(username=text, is_active=True).first()
        if found is None:
            raise forms.ValidationError(_("没有这个在用的账号。"), code="invalid")
        return found


class DelegateForm(forms.Form):
    valid_from = DayField(label=gettext_lazy("从哪天起"))
    valid_to = DayField(label=gettext_lazy("到哪天止"))
    reason = forms.CharField(**REASON)

    def __init__(self, *args: Any, staff: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields = {
            "to": AccountField(staff, label=gettext_lazy("委托给谁"), help_text=gettext_lazy("填对方的账号。")),
            **self.fields,
            "approved_by": AccountField(
                staff, label=gettext_lazy("谁批准的"), help_text=gettext_lazy("填批准人的账号，不能是受托人。")
            ),
        }


class GrantForm(forms.Form):
    case_no = forms.CharField(label=gettext_lazy("个案编号"), max_length=20)
    until = DayField(label=gettext_lazy("到哪天止"), earliest=clock.today)
    reason = forms.CharField(**REASON)

    def __init__(self, *args: Any, staff: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields = {
            "staff": AccountField(staff, label=gettext_lazy("给谁看"), help_text=gettext_lazy("填对方的账号。")),
            **self.fields,
            "approved_by": AccountField(
                staff, label=gettext_lazy("谁批准的"), help_text=gettext_lazy("填批准人的账号，不能是本人。")
            ),
        }


class FileForm(forms.Form):
    file = forms.FileField(label=gettext_lazy("CSV 文件"), widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}))

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > 20 * 1024 * 1024:
            raise forms.ValidationError(_("文件超过 20 MB，请分开导入。"))
        return file


class ClockForm(forms.Form):
    date = DayField(label=gettext_lazy("业务日期"))
