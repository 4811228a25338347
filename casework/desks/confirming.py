"""The field in which whoever approves, pays, exports or unmasks says once more that it is she, and what is said of it.

ask(request, form, Kind.PAY)             adds the field where something must be typed
is_confirmed(request, form, Kind.PAY)    after form.is_valid(): takes it; the form says why not
"""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from access import confirming
from access.confirming import Kind
from access.errors import EnrolFirst, NotConfirmed

PASSWORD, CODE = "password", "code"
__all__ = ["Kind", "LedToEnrolment", "ask", "is_confirmed"]


def ask(request: HttpRequest, form: Any, kind: Kind, *, only_for: str = "") -> Any:
    """The form with the field, unless nothing must be typed. `only_for` says for which of several decisions it is asked.

    Where no factor is enrolled yet, `form.enrol_url` leads there instead.
    """
    if form is None or confirming.is_fresh(request, kind):
        return form
    if confirming.must_enrol(request.user):
        form.enrol_url = f"{reverse('account:factor')}?{urlencode({'next': request.get_full_path()})}"
        return form
    if confirming.factor_is_on():
        form.fields[CODE] = forms.CharField(
            label=_("动态码"),
            max_length=20,
            required=not only_for,
            error_messages={"required": _("请填动态码。")},
            help_text=only_for or _("手机上的六位数；手机不在，填一个备用码。"),
            widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
        )
    else:
        form.fields[PASSWORD] = forms.CharField(
            label=_("你的登录密码"),
            strip=False,
            max_length=128,
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        )
    return form


def is_confirmed(request: HttpRequest, form: Any, kind: Kind) -> bool:
    """Whether it is she; if not, the form says so and nothing may be done. Raises EnrolFirst: LedToEnrolment answers it."""
    if confirming.is_fresh(request, kind):
        return True
    name = CODE if confirming.factor_is_on() else PASSWORD
    given = form.cleaned_data.get(name, "") if name in form.fields else ""
    try:
        if not given and not confirming.must_enrol(request.user):
            raise NotConfirmed(_("请填动态码。") if name == CODE else _("请填登录密码。"))
        confirming.confirm(request, kind, given)
    except EnrolFirst:
        raise
    except NotConfirmed as refusal:
        form.add_error(name if name in form.fields else None, str(refusal))
        return False
    return True


class LedToEnrolment:
    """Whoever needs a code and has no factor yet is led to the page where it is enrolled, and back."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, EnrolFirst):
            return None
        back = request.path if request.method != "GET" else request.get_full_path()
        return redirect(f"{reverse('account:factor')}?{urlencode({'next': back})}")
