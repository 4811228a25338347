"""Coming in, going out, and how one likes the pages."""

from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.translation import check_for_language, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from access import guessing, sessions
from audit.context import acting
from casework import second_person
from casework.context import Look
from casework.days import speaks_chinese
from casework.demo_accounts import DEMO_PASSWORD, demo_accounts
from casework.desks.acts import way_back
from casework.guides import GUIDES, read_guide, title_of_guide
from casework.menu import DESKS, desk_of, desks_of, home_of

YEAR_SECONDS = 365 * 24 * 3600


class LoginForm(AuthenticationForm):
    """The account and the password; after a miss it says how many tries are left."""

    error_messages = {
        "invalid_login": _("账号或密码不对。"),
        "inactive": _("这个账号已经停用。请找系统管理员。"),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("账号")
        self.fields["username"].help_text = _("一般是手机号")
        self.fields["password"].label = _("密码")

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except forms.ValidationError:
            guessing.missed(self.cleaned_data.get("username") or "", self.request.META.get("REMOTE_ADDR") or "")
            raise

    def get_invalid_login_error(self) -> forms.ValidationError:
        text = str(self.error_messages["invalid_login"])
        left = self._tries_left()
        if left:
            text += ngettext("还可以再试 %(left)d 次。", "还可以再试 %(left)d 次。", left) % {"left": left}
        return forms.ValidationError(text, code="invalid_login")

    def _tries_left(self) -> int:
        if not settings.AXES_ENABLED:
            return 0
        credentials = {"username": self.cleaned_data.get("username")}
        return max(0, settings.AXES_FAILURE_LIMIT - AxesProxyHandler.get_failures(self.request, credentials))


class Login(LoginView):
    template_name = "access/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        username = request.POST.get("username", "")
        if guessing.is_shut(username, request.META.get("REMOTE_ADDR") or ""):
            return render(request, settings.AXES_LOCKOUT_TEMPLATE, {"username": username, "wide": True}, status=429)
        return super().post(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {
            "demo_accounts": demo_accounts(),
            "demo_password": DEMO_PASSWORD,
            "public_url": reverse("public:villages"),
        }

    def get_success_url(self) -> str:
        if self.request.user.must_change_password:
            return str(reverse_lazy("password_change"))
        return super().get_success_url()


class PasswordForm(PasswordChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = _("现在的密码")
        self.fields["new_password1"].label = _("新密码")
        self.fields["new_password1"].help_text = _("至少 10 位，不要用手机号、生日")
        self.fields["new_password2"].label = _("再填一遍新密码")
        self.fields["new_password2"].help_text = ""

    def clean_new_password1(self) -> str:
        """A one-time password that is kept would stay known to whoever handed it out."""
        if self.user.check_password(self.cleaned_data["new_password1"]):
            raise forms.ValidationError(_("新密码要和现在的不一样。"))
        return self.cleaned_data["new_password1"]


class PasswordChange(PasswordChangeView):
    template_name = "access/password_change.html"
    form_class = PasswordForm
    success_url = reverse_lazy("home")

    def form_valid(self, form: PasswordForm) -> HttpResponse:
        form.user.must_change_password = False
        messages.success(self.request, _("密码改好了。"))
        with acting(form.user, reason="change_password"):
            response = super().form_valid(form)
        sessions.others_ended(self.request)
        return response


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Everybody starts at her own desk."""
    desk = desk_of(request.user)
    if DESKS[desk].entries:
        return redirect(home_of(desk))
    return render(request, "access/home.html", {"countersigns": second_person.mine(request.user)})


@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """Language, text size and contrast, each one button; kept for a year on this device."""
    if request.method != "POST":
        return render(request, "access/preferences.html")
    response = redirect(way_back(request, reverse("preferences")))
    language = request.POST.get("language", "")
    if check_for_language(language) and language in dict(settings.LANGUAGES):
        _keep(response, settings.LANGUAGE_COOKIE_NAME, language)
    for name, cookie in Look.COOKIES.items():
        if request.POST.get(name) in Look.CHOICES[name]:
            _keep(response, cookie, request.POST[name])
    return response


def _keep(response: HttpResponse, cookie: str, value: str) -> None:
    response.set_cookie(
        cookie, value, max_age=YEAR_SECONDS, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
    )


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """The few rules that hold everywhere, and the guides: first those of her own desks."""
    desks = desks_of(request.user) if request.user.is_authenticated else []
    found = sorted(GUIDES, key=lambda name: GUIDES[name] not in desks)
    guides = [{"name": name, "title": title_of_guide(name, _language())} for name in found]
    return render(request, "access/help.html", {"guides": guides})


def _language() -> str:
    return "zh" if speaks_chinese() else "en"


@require_safe
def guide(request: HttpRequest, name: str) -> HttpResponse:
    """One guide in the language of the page. They name no family, so nobody needs to log in."""
    if name not in GUIDES:
        raise Http404
    blocks = read_guide(name, _language())
    return render(request, "access/guide.html", {"blocks": blocks})
