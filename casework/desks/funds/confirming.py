"""That whoever releases money is who she says she is, asked again at that very moment."""

import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from access import rates

WRONG = "release-password"
MOST_WRONG, WITHIN = 5, datetime.timedelta(minutes=15)


def confirmed_again(request: HttpRequest, user: Any, form: Any) -> bool:
    """Whether the password typed beside the release is the user's own; if not, the form says so. Nothing is released then.

    Five wrong ones within a quarter of an hour, and nobody can try for the rest of it: neither she nor whoever sits at
    her desk. The one place where a second factor will be asked as well.
    """
    if rates.was_too_often(WRONG, user.username, most=MOST_WRONG, within=WITHIN):
        form.add_error("password", _("密码错了太多次，十五分钟以后再试。没有放行。忘了密码，请系统管理员重置。"))
        return False
    if user.check_password(form.cleaned_data.get("password", "")):
        return True
    rates.is_too_often(WRONG, user.username, most=MOST_WRONG, within=WITHIN)
    form.add_error("password", _("密码不对，没有放行。请再填一次登录密码。"))
    return False
