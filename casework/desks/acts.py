"""What every page that acts has in common: how a refusal is said beside the form, its key, its way back."""

import uuid
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS
from django.forms import BaseForm
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from access.roles import ROLES, Desk, title_of
from access.scope import posts_of
from casework.days import day_short
from casework.errors import MissingDocuments
from casework.models import Case
from flows.states import ACTIONS, STATES


def new_key() -> str:
    """One pressing of a button; sent again it is the same act."""
    return f"web:{uuid.uuid4().hex}"


def refuse(form: BaseForm, refusal: Exception, field: str | None = None) -> None:
    """Say a refusal on the form; everything that is missing is told at once."""
    name = field if field in form.fields else NON_FIELD_ERRORS
    form.add_error(None if name == NON_FIELD_ERRORS else name, str(refusal))
    form.missing = list(getattr(refusal, "missing", ())) if isinstance(refusal, MissingDocuments) else []


def base_of(user: Any) -> str:
    """The frame of the shared pages: a phone's in the village, a desk's elsewhere."""
    desks = {ROLES[post.role].desk for post in posts_of(user)}
    return "base_desk.html" if desks - {Desk.VILLAGE, Desk.OTHER} else "base_phone.html"


def way_back(request: HttpRequest, otherwise: str) -> str:
    """?next= when it is the path of one of our own pages."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe and wanted.startswith("/") else otherwise


def what_next(action: str, case: Case) -> str:
    """After an act: what was done, where the case stands, whose turn it is."""
    done, sentence = ACTIONS[action].done, STATES[case.state].sentence
    if action == "visit" and case.due_on:
        return _("回访记好了。下一次在%(day)s前。") % {"day": day_short(case.due_on)}
    if action == "correct_account":
        return _("%(done)s。隔一个工作日，由资金管理重发。") % {"done": done}
    if case.state == "village_review":
        return _("%(done)s。下一步：开会评议，记下票数。") % {"done": done}
    if not case.is_open or case.turn_role == "system":
        return _("%(done)s。%(sentence)s。") % {"done": done, "sentence": sentence}
    return _("%(done)s。下一步：%(sentence)s，轮到%(who)s。") % {
        "done": done,
        "sentence": sentence,
        "who": title_of(case.turn_role),
    }
