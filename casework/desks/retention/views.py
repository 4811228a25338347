"""What has expired, what waits for a second person, and what was erased."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import reach
from access.models import Staff
from access.roles import ROLES, Desk
from access.scope import posts_of
from audit import clock
from audit.models import ErasureOrder
from casework.desks.acts import base_of
from casework.desks.confirming import Kind, ask, is_confirmed
from casework.desks.retention.menu import orders_in_reach
from casework.errors import REFUSALS, CaseworkError
from casework.fields import AnswerCards
from casework.queries import PAGE, households_in_reach
from casework.retention import due, erasing, periods
from casework.retention.models import RetentionPeriod

_DESKS = (Desk.COUNTY, Desk.AUDIT)
_SHOWN = 100


class DecisionForm(forms.Form):
    """Erase it, or leave it."""

    verb = forms.ChoiceField(
        label=gettext_lazy("怎么办"),
        choices=[
            ("confirm", gettext_lazy("核对过了，清除")),
            ("drop", gettext_lazy("先不清除，取消这一份")),
        ],
        widget=AnswerCards,
    )


def may_see(user: Any) -> bool:
    return any(ROLES[post.role].desk in _DESKS for post in posts_of(user))


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Expired files within reach, and the orders that wait; periods first, for without one nothing expires."""
    _demand(request.user)
    today = clock.today()
    found = due.expired(households_in_reach(request.user), today).select_related("village")
    with reach.beyond():  # a family of hers may have an open case, and a member, in another county
        page = Paginator(found, PAGE).get_page(request.GET.get("page"))
        rows = [_row(one) for one in due.of(page.object_list, today)]
    waiting = orders_in_reach(request.user, erasing.open_orders())
    context = {
        "periods": [
            {"kind": RetentionPeriod.Kind(kind).label, "row": row} for kind, row in periods.in_force(today).items()
        ],
        "page": page,
        "rows": rows,
        "waiting": waiting.order_by("id")[:_SHOWN],
        "refused": orders_in_reach(request.user, erasing.refused()).order_by("-id")[:PAGE],
        "done": orders_in_reach(request.user).filter(done_at__isnull=False).order_by("-id")[:PAGE],
        "may_propose": _may(request.user, erasing.PROPOSE),
        "base": base_of(request.user),
    }
    return render(request, "retention/home.html", context)


def _row(one: due.Due) -> dict[str, Any]:
    return {"due": one, "kind": RetentionPeriod.Kind(one.kind).label}


@login_required
@require_POST
def propose(request: HttpRequest) -> HttpResponse:
    """Propose the files that were ticked; each is an order of its own."""
    if not _may(request.user, erasing.PROPOSE):
        raise PermissionDenied(_("清除档案由县级经办提出、县级确认岗位核准，你的岗位办不了。"))
    ids = [int(pk) for pk in request.POST.getlist("household") if pk.isdecimal()][:PAGE]
    found = list(households_in_reach(request.user).filter(pk__in=ids))
    if ids and not found:
        raise Http404
    done, refusals = 0, []
    for household in found:
        try:
            erasing.propose(household.pk, by=request.user)
        except CaseworkError as refusal:
            refusals.append(f"{household.household_no}：{refusal}")
        else:
            done += 1
    for refusal in refusals:
        messages.error(request, refusal)
    if done:
        messages.success(request, _("提出了 %(n)d 份，等另一个人核准。") % {"n": done})
    elif not refusals:
        messages.info(request, _("没有选哪一户。先在前面打勾，再提出。"))
    return redirect("retention:home")


@sensitive_post_parameters("password", "code")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def order(request: HttpRequest, pk: int) -> HttpResponse:
    """One order: whose file, why, what goes and what stays; and the decision of the second person."""
    _demand(request.user)
    row = orders_in_reach(request.user).filter(pk=pk).first()
    if row is None:
        raise Http404
    household = households_in_reach(request.user).select_related("village").get(pk=erasing.household_of(row))
    is_open = row.confirmed_by is None and row.dropped_at is None
    may_decide = is_open and _may(request.user, erasing.PROPOSE)
    form = (
        ask(request, DecisionForm(request.POST or None), Kind.APPROVE, only_for=_("清除才要填。"))
        if may_decide
        else None
    )
    if request.method == "POST" and form is None:
        raise PermissionDenied(_("清除档案由县级经办提出、县级确认岗位核准，你的岗位办不了。"))
    if form is not None and request.method == "POST" and form.is_valid():
        answer = _decided(request, row, form)
        if answer is not None:
            return answer
    names = dict(Staff.objects.filter(pk__in=(row.proposed_by, row.confirmed_by or 0)).values_list("pk", "name"))
    context = {
        "order": row,
        "household": household,
        "kind": RetentionPeriod.Kind(row.because).label,
        "proposed_by": names.get(row.proposed_by, ""),
        "confirmed_by": names.get(row.confirmed_by, ""),
        "held": due.holds([household.pk]).get(household.pk, []) if is_open else [],
        "why_refused": erasing.why_refused(row),
        "form": form,
        "base": base_of(request.user),
    }
    return render(request, "retention/order.html", context, status=422 if form is not None and form.errors else 200)


def _decided(request: HttpRequest, row: ErasureOrder, form: DecisionForm) -> HttpResponse | None:
    """Do it and go on to what became of it; None: the form says why not."""
    verb = form.cleaned_data["verb"]
    if verb == "confirm" and not is_confirmed(request, form, Kind.APPROVE):
        return None
    try:
        if verb == "confirm":
            erasing.confirm(row.pk, by=request.user)
            messages.success(request, _("核准了，一会儿就清除。金额、地点、日期和经办的人留着，这次清除也会记下。"))
        else:
            erasing.drop(row.pk, by=request.user)
            messages.success(request, _("取消了，档案没有动。"))
    except REFUSALS as refusal:
        form.add_error(None, str(refusal))
        return None
    return redirect("retention:order", row.pk) if verb == "confirm" else redirect("retention:home")


def _may(user: Any, roles: tuple[str, ...]) -> bool:
    return any(post.role in roles for post in posts_of(user))


def _demand(user: Any) -> None:
    if not may_see(user):
        raise PermissionDenied(_("档案到期由县级处理，你的岗位用不着这一页。"))
