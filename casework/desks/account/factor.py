"""Enrolling the second factor: scan, type the first code, write down the recovery codes. Taking it away is not here."""

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from access import confirming, factor
from access.errors import BadFactor, NotConfirmed
from casework.desks.acts import way_back


class EnrolForm(forms.Form):
    """The password, because whoever finds a page open must not bind her own telephone; and the telephone's first code."""

    password = forms.CharField(
        label=_("你的登录密码"),
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    code = forms.CharField(
        label=_("手机上现在的六位数"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


@sensitive_variables("codes")
@sensitive_post_parameters("code", "password")
@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """What is in force, or the way to enrol. The recovery codes stand on the answer to this very request and nowhere else."""
    user, back = request.user, way_back(request, reverse("preferences"))
    if factor.factor_of(user):
        context = {"back": back, "left": factor.recovery_codes_left(user)}
        return render(request, "account/factor.html", context)
    form = EnrolForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            confirming.demand_password(request, form.cleaned_data["password"])
            codes = factor.enrol(user, form.cleaned_data["code"])
        except NotConfirmed as refusal:
            form.add_error("password", str(refusal))
        except BadFactor as refusal:
            form.add_error("code", str(refusal))
        else:
            return render(request, "account/recovery_codes.html", {"codes": codes, "back": back})
    waiting = factor.begin(user)
    context = {
        "form": form,
        "back": back,
        "next": request.POST.get("next") or request.GET.get("next", ""),
        "picture": mark_safe(factor.picture(waiting)),  # drawn by segno from our own words
        "secret": factor.secret_of(waiting),
        "is_on": confirming.factor_is_on(),
    }
    return render(request, "account/enrol.html", context, status=422 if form.errors else 200)
