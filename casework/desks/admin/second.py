"""What waits for the other administrator: posts and delegations that money passes, passwords and second factors; and delegations
that wait for their approver (casework.desks.approvals)."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from access import confirmed
from access import services as access
from access.errors import AccessError
from access.models import Appointment, Delegation, Reset
from access.roles import NEED_A_SECOND
from casework.desks.admin.forms import ReasonForm
from casework.desks.admin.people import staff_page_with
from casework.desks.admin.reach import administrators, staff_in_reach, staff_to_change_or_404, units_in_reach

KINDS = {"post": Appointment, "delegation": Delegation}


def _waiting(user: Any, kind: str) -> Any:
    """The rows of one kind within her reach."""
    if kind == "reset":
        waits = Reset.objects.filter(done_on__isnull=True, dropped_on__isnull=True, staff__in=staff_in_reach(user))
        return waits.select_related("staff", "asked_by").order_by("pk")
    where = "unit__in" if kind == "post" else "appointment__unit__in"
    rows = confirmed.waiting(KINDS[kind]).filter(**{where: units_in_reach(user)}).order_by("pk")
    if kind == "post":
        return rows.select_related("staff", "unit", "appointed_by")
    return rows.filter(ended_at__isnull=True).select_related(
        "appointment__staff", "appointment__unit", "delegate", "made_by", "approved_by"
    )


def count_waiting(user: Any) -> int:
    """For the menu: those that she can confirm; what she made herself waits for somebody else."""
    mine, key = Q(maker_person_key=user.person_key), user.person_key
    posts = _waiting(user, "post").exclude(mine).exclude(staff__person_key=key)
    lent = _waiting(user, "delegation").filter(appointment__role__in=NEED_A_SECOND)
    lent = lent.exclude(mine).exclude(delegate_person_key=key)
    resets = _waiting(user, "reset").exclude(Q(asker_person_key=key) | Q(person_key=key))
    return posts.count() + lent.count() + resets.count()


@require_safe
@administrators()
def waiting(request: HttpRequest) -> HttpResponse:
    key = request.user.person_key
    rows = []
    for row in _waiting(request.user, "post"):
        barred = _("你办的，要别人确认") if row.maker_person_key == key else ""
        barred = barred or (_("是你自己的事") if row.staff.person_key == key else "")
        rows.append({"kind": "post", "row": row, "staff": row.staff, "by": row.appointed_by, "barred": barred})
    for row in _waiting(request.user, "delegation"):
        barred = _("你办的，要别人确认") if row.maker_person_key == key else ""
        barred = barred or (_("是你自己的事") if row.delegate_person_key == key else "")
        if not row.takes_a_second:
            barred = _("等 %(name)s 本人确认") % {"name": row.approved_by.name}
        rows.append({"kind": "delegation", "row": row, "staff": row.delegate, "by": row.made_by, "barred": barred})
    for row in _waiting(request.user, "reset"):
        barred = _("你提出的，要别人确认") if row.asker_person_key == key else ""
        barred = barred or (_("是你自己的事") if row.person_key == key else "")
        rows.append({"kind": "reset", "row": row, "staff": row.staff, "by": row.asked_by, "barred": barred})
    return render(request, "admin/waiting.html", {"rows": rows, "form": ReasonForm(auto_id=False)})


@never_cache
@require_POST
@administrators()
def decide(request: HttpRequest, *, kind: str, pk: int) -> HttpResponse:
    """Confirm it, or drop it with a reason. A one-time password stands on this very answer and nowhere else."""
    if kind not in (*KINDS, "reset"):
        raise Http404
    row = get_object_or_404(_waiting(request.user, kind), pk=pk)
    is_drop = bool(request.POST.get("drop"))
    try:
        if kind == "reset":
            if is_drop:
                confirmed.drop_reset(row, by=request.user)
            else:
                staff_to_change_or_404(request.user, row.staff_id)
                password = confirmed.confirm_reset(row, by=request.user)
                if password:
                    return render(request, "admin/password_once.html", {"staff": row.staff, "password": password})
        elif is_drop:
            confirmed.drop(row, by=request.user, reason=request.POST.get("reason", ""))
        else:
            confirmed.confirm(row, by=request.user)
    except AccessError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("没有同意，不会生效。") if is_drop else _("确认了，从现在起生效。"))
    return redirect("administration:waiting")


@never_cache
@require_POST
@administrators()
def ask_reset(request: HttpRequest, *, pk: int, what: str) -> HttpResponse:
    """A new password or the end of the second factor. Where money passes, and for every factor, the other one confirms."""
    if what not in Reset.What.values:
        raise Http404
    staff = staff_to_change_or_404(request.user, pk)
    if what == Reset.What.PASSWORD and not access.opens_a_post_of_money(staff):
        try:
            password = access.reset_password(staff, by=request.user)
        except AccessError as refusal:
            messages.error(request, str(refusal))
            return redirect("administration:staff", pk=staff.pk)
        return render(request, "admin/password_once.html", {"staff": staff, "password": password})
    form = ReasonForm(request.POST, auto_id="reset_%s")
    if form.is_valid():
        try:
            confirmed.ask_reset(staff, what, by=request.user, reason=form.cleaned_data["reason"])
        except AccessError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.info(
                request,
                _("提出了。另一位管理员确认以后，由他把一次性密码交给本人。")
                if what == "password"
                else _("提出了。另一位管理员确认以后生效。"),
            )
            return redirect("administration:staff", pk=staff.pk)
    return staff_page_with(request, staff, reset=form, name="reset")
