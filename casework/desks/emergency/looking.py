"""Opening the glass, what lies behind it, and closing it again."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import break_glass
from access.errors import BadBreakGlass, EnrolFirst, NotConfirmed
from casework.desks.acts import base_of
from casework.desks.admin.forms import UnitField
from casework.desks.confirming import Kind, ask, is_confirmed
from casework.queries import PAGE, cases_in_reach, households_in_reach
from flows.states import STATES


class BeginForm(forms.Form):
    """Where, and why it cannot wait."""

    reason = forms.CharField(
        label=gettext_lazy("出了什么事，为什么等不及"),
        min_length=10,
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("那里的领导和审计马上看得到，三天内有人复核。"),
    )

    def __init__(self, *args: Any, units: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields = {"unit": UnitField(units, label=gettext_lazy("看哪个村或者乡镇")), **self.fields}


@sensitive_post_parameters("password", "code")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest) -> HttpResponse:
    """State where and why, confirm that it is she; the session looks for an hour and does nothing else."""
    units = break_glass.units_for(request.user)
    if not units.exists():
        raise PermissionDenied(_("紧急查看给办理个案的人用，你的岗位用不着。"))
    form = ask(request, BeginForm(request.POST or None, units=units), Kind.EMERGENCY)
    if request.method == "POST" and form.is_valid() and is_confirmed(request, form, Kind.EMERGENCY):
        given = form.cleaned_data
        try:
            break_glass.begin(request, given["unit"], reason=given["reason"])
        except EnrolFirst:
            raise
        except (BadBreakGlass, NotConfirmed) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.warning(request, _("紧急查看开始了，最多一个小时，只能看。"))
            return redirect("emergency:look")
    context = {"form": form, "base": base_of(request.user)}
    return render(request, "emergency/begin.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def look(request: HttpRequest) -> HttpResponse:
    """The unit's cases, and its families by name."""
    row = getattr(request.user, "break_glass", None)
    if row is None:
        raise Http404
    asked = request.GET.get("q", "").strip()[:60]
    here = {row.unit.level: row.unit_id}
    cases = cases_in_reach(request.user).filter(**here).select_related("village").order_by("-id")
    households = households_in_reach(request.user).none()
    if asked:
        named = Q(head_name__contains=asked)
        cases = cases.filter(named | Q(case_no=asked) | Q(case_no__endswith=asked))
        households = households_in_reach(request.user).filter(named | Q(household_no=asked), **here)
    page = Paginator(cases, PAGE).get_page(request.GET.get("page"))
    context = {
        "row": row,
        "q": asked,
        "page": page,
        "rows": [{"case": case, "state": STATES[case.state]} for case in page],
        "households": households.select_related("village")[:PAGE],
        "base": base_of(request.user),
    }
    return render(request, "emergency/look.html", context)


@login_required
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    break_glass.leave(request)
    messages.success(request, _("紧急查看结束了。"))
    return redirect("home")
