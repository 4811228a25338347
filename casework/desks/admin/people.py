"""Accounts, posts, delegations and grants: who they are, what they may do, where and until when."""

from typing import Any

from django.contrib import messages
from django.contrib.contenttypes.models import ContentType
from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import factor, reach
from access import services as access
from access.errors import AccessError
from access.models import Appointment, Delegation, Grant, Staff
from access.roles import Ability
from access.scope import scope
from audit import clock
from casework.desks.admin.forms import AppointForm, DelegateForm, EndForm, GrantForm, ReasonForm, StaffForm
from casework.desks.admin.reach import (
    administrators,
    appointment_or_404,
    grants_in_reach,
    staff_in_reach,
    staff_or_404,
    staff_to_change_or_404,
    units_in_reach,
)
from casework.desks.audit.reasons import reason_words
from casework.desks.township.views import page_of
from casework.models import Case


def in_force(today: Any) -> Q:
    return Q(confirmed_on__isnull=False, valid_from__lte=today) & (Q(valid_to__isnull=True) | Q(valid_to__gte=today))


@require_safe
@administrators()
def staff_list(request: HttpRequest) -> HttpResponse:
    asked, closed = request.GET.get("q", "").strip()[:60], request.GET.get("closed") == "1"
    posts = Appointment.objects.filter(in_force(clock.today())).select_related("unit").order_by("valid_from")
    rows = (
        staff_in_reach(request.user)
        .filter(is_active=not closed)
        .order_by("username")
        .prefetch_related(Prefetch("appointments", posts, to_attr="posts_now"))
    )
    if asked:
        rows = rows.filter(
            Q(username__icontains=asked) | Q(name__contains=asked) | Q(appointments__unit__name__contains=asked)
        ).distinct()
    chips = [
        {
            "label": _("只看停用的"),
            "on": closed,
            "removes": closed,
            "url": request.path if closed else f"{request.path}?closed=1",
        }
    ]
    return render(request, "admin/staff_list.html", {"page": page_of(request, rows), "q": asked, "chips": chips})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@administrators()
def staff_new(request: HttpRequest) -> HttpResponse:
    """The password is shown on the answer to this very request and kept nowhere in clear."""
    form = StaffForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = access.create_staff(
                given["username"],
                given["name"],
                form.person_key,
                by=request.user,
                phone=given["phone"],
                second_account=given["second_account"],
            )
        except AccessError as refusal:
            form.add_error(None, str(refusal))
        else:
            context = {"staff": made.staff, "password": made.password, "same_person": made.same_person, "is_new": True}
            return render(request, "admin/password_once.html", context)
    return render(request, "admin/staff_new.html", {"form": form})


@require_safe
@administrators()
def staff_page(request: HttpRequest, *, pk: int) -> HttpResponse:
    staff = staff_or_404(request.user, pk)
    return staff_page_with(request, staff)


def staff_page_with(request: HttpRequest, staff: Staff, **forms: Any) -> HttpResponse:
    """The account with its posts; a form that was refused comes back in its place with what was written."""
    today = clock.today()
    posts = list(staff.appointments.select_related("unit", "appointed_by").order_by("-valid_from", "-pk"))
    delegations = (
        Delegation.objects.filter(Q(appointment__staff=staff) | Q(delegate=staff), valid_to__gte=today)
        .filter(ended_at__isnull=True, dropped_on__isnull=True)
        .select_related("appointment__staff", "appointment__unit", "delegate", "approved_by")
        .order_by("valid_from")
    )
    context = {
        "staff": staff,
        "is_self": staff.person_key == request.user.person_key,
        "same_person": list(Staff.objects.filter(person_key=staff.person_key).exclude(pk=staff.pk)),
        "here": set(
            units_in_reach(request.user).filter(pk__in={p.unit_id for p in posts}).values_list("pk", flat=True)
        ),
        "posts": [post for post in posts if not post.dropped_on and not _is_over(post, today)],
        "past_posts": [post for post in posts if not post.dropped_on and _is_over(post, today)],
        "takes_two": access.opens_a_post_of_money(staff),
        "has_factor": factor.factor_of(staff) is not None,
        "reset": forms.get("reset") or ReasonForm(auto_id="reset_%s"),
        "waiting_resets": list(staff.resets.filter(done_on__isnull=True, dropped_on__isnull=True)),
        "delegations": delegations,
        "grants": _grants_with_cases(
            staff.grants.filter(valid_to__gte=today, revoked_on__isnull=True, dropped_on__isnull=True)
        ),
        "changes": list(staff.history.order_by("-history_id")[:10]),
        "appoint": forms.get("appoint")
        or AppointForm(units=units_in_reach(request.user), initial={"valid_from": today}),
        "close": forms.get("close") or ReasonForm(auto_id="close_%s"),
        "open_form": forms.get("name", ""),
        "form": forms.get(forms.get("name", "")),  # the refused one, which the title tells of
    }
    names = Staff.objects.in_bulk({row.history_user_id for row in context["changes"] if row.history_user_id})
    for row in context["changes"]:
        row.by = names.get(row.history_user_id)
        row.words = reason_words(row.history_change_reason or "")
    return render(request, "admin/staff.html", context)


def _is_over(post: Appointment, today: Any) -> bool:
    return post.valid_to is not None and post.valid_to < today


@require_POST
@administrators()
def staff_appoint(request: HttpRequest, *, pk: int) -> HttpResponse:
    staff = staff_or_404(request.user, pk)
    form = AppointForm(request.POST, units=units_in_reach(request.user))
    if form.is_valid():
        try:
            post = access.appoint(staff, by=request.user, **form.cleaned_data)
        except AccessError as refusal:
            form.add_error(None, str(refusal))
        else:
            told = {"name": staff.name, "role": post.title, "unit": post.unit.name}
            if post.waits:
                messages.info(request, _("%(name)s：%(role)s，%(unit)s。等另一位管理员确认以后才生效。") % told)
            else:
                messages.success(request, _("%(name)s：%(role)s，%(unit)s。") % told)
            return redirect("administration:staff", pk=staff.pk)
    return staff_page_with(request, staff, appoint=form, name="appoint")


@require_POST
@administrators()
def staff_switch(request: HttpRequest, *, pk: int) -> HttpResponse:
    """Close an account, or open it again."""
    staff = staff_to_change_or_404(request.user, pk)
    form = ReasonForm(request.POST, auto_id="close_%s")
    if form.is_valid():
        switch = access.deactivate_staff if staff.is_active else access.reactivate_staff
        try:
            switch(staff, by=request.user, reason=form.cleaned_data["reason"])
        except AccessError as refusal:
            form.add_error(None, str(refusal))
        else:
            done = _("已停用 %(name)s 的账号。") if staff.is_active else _("已启用 %(name)s 的账号。")
            messages.success(request, done % {"name": staff.name})
            return redirect("administration:staff", pk=staff.pk)
    return staff_page_with(request, staff, close=form, name="close")


@require_http_methods(["GET", "HEAD", "POST"])
@administrators()
def post_end(request: HttpRequest, *, pk: int) -> HttpResponse:
    post = appointment_or_404(request.user, pk)
    form = EndForm(request.POST or None, initial={"on": clock.today()})
    if request.method == "POST" and form.is_valid():
        try:
            access.end_appointment(post, by=request.user, **form.cleaned_data)
        except AccessError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("%(name)s 的岗位已定下最后一天。") % {"name": post.staff.name})
            return redirect("administration:staff", pk=post.staff_id)
    return render(request, "admin/post_end.html", {"post_row": post, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@administrators()
def post_delegate(request: HttpRequest, *, pk: int) -> HttpResponse:
    post = appointment_or_404(request.user, pk)
    reach = staff_in_reach(request.user)
    form = DelegateForm(request.POST or None, staff=reach, initial={"valid_from": clock.today()})
    if request.method == "POST" and form.is_valid():
        try:
            made = access.delegate(post, by=request.user, **form.cleaned_data)
        except AccessError as refusal:
            form.add_error(None, str(refusal))
        else:
            told = {"a": post.staff.name, "b": made.delegate.name}
            if made.takes_a_second:
                messages.info(request, _("%(a)s 的岗位委托给 %(b)s，等另一位管理员确认以后才生效。") % told)
            else:
                told["name"] = made.approved_by.name
                messages.info(request, _("%(a)s 的岗位委托给 %(b)s，等 %(name)s 本人确认以后才生效。") % told)
            return redirect("administration:staff", pk=post.staff_id)
    return render(request, "admin/post_delegate.html", {"post_row": post, "form": form})


@require_POST
@administrators()
def delegation_end(request: HttpRequest, *, pk: int) -> HttpResponse:
    rows = Delegation.objects.filter(appointment__unit__in=units_in_reach(request.user), ended_at__isnull=True)
    row = get_object_or_404(rows.select_related("delegate", "appointment"), pk=pk)
    access.end_delegation(row, by=request.user)
    messages.success(request, _("委托结束了，%(name)s 要重新登录。") % {"name": row.delegate.name})
    return redirect("administration:staff", pk=row.appointment.staff_id)


@require_http_methods(["GET", "HEAD", "POST"])
@administrators()
@reach.beyond()  # she reaches no case; this page shows its number alone
def grants(request: HttpRequest) -> HttpResponse:
    """Exceptions: one case, one person, until a day. The administrator writes them down and sees nothing of the case."""
    staff = staff_in_reach(request.user)
    form = GrantForm(request.POST or None, staff=staff)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        cases = scope(request.user, Ability.STAFF_MANAGE).filter(Case.objects.all())
        case = cases.filter(case_no=given["case_no"].strip()).first()
        if case is None:
            form.add_error("case_no", _("没有这个编号的个案。"))
        else:
            try:
                access.grant(
                    given["staff"],
                    "view_case",
                    case,
                    until=given["until"],
                    reason=given["reason"],
                    approved_by=given["approved_by"],
                    by=request.user,
                )
            except AccessError as refusal:
                form.add_error(None, str(refusal))
            else:
                told = {"name": given["staff"].name, "no": case.case_no, "by": given["approved_by"].name}
                messages.info(request, _("等 %(by)s 本人确认以后，%(name)s 才能看 %(no)s。") % told)
                return redirect("administration:grants")
    rows = grants_in_reach(request.user).order_by("-valid_from", "-pk").select_related("staff", "approved_by")
    page = page_of(request, rows)
    page.object_list = _grants_with_cases(page.object_list)
    return render(request, "admin/grants.html", {"form": form, "page": page})


def _grants_with_cases(grants: Any) -> list[Grant]:
    """Grants with the number of their case, and nothing else of it; with the reason where the approver refused."""
    found = list(grants)
    today = clock.today()
    of_cases = ContentType.objects.get_for_model(Case)
    ids = {row.object_id for row in found if row.content_type_id == of_cases.pk}
    with reach.beyond():  # an administrator reaches no case
        numbers = dict(Case.objects.filter(pk__in=ids).values_list("pk", "case_no"))
    refused = dict(
        Grant.history.filter(id__in=[row.pk for row in found if row.dropped_on], dropped_on__isnull=False)
        .order_by("history_id")
        .values_list("id", "history_change_reason")
    )
    for row in found:
        row.refused_because = (refused.get(row.pk) or "").removeprefix("drop: ")
        row.case_no = numbers.get(row.object_id, "") if row.content_type_id == of_cases.pk else ""
        row.is_open = row.revoked_on is None and row.dropped_on is None and row.valid_to >= today
    return found


@require_POST
@administrators()
@reach.beyond()
def grant_revoke(request: HttpRequest, *, pk: int) -> HttpResponse:
    row = get_object_or_404(grants_in_reach(request.user).filter(revoked_on__isnull=True), pk=pk)
    access.revoke_grant(row)
    messages.success(request, _("已收回 %(name)s 的授权。") % {"name": row.staff.name})
    return redirect("administration:grants")
