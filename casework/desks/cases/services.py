"""The log of services on a case, its sheet of a month for signing, and a provider's sheet of all its families."""

import datetime
from calendar import monthrange
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from access.scope import posts_of
from audit import clock
from casework import services_log
from casework.desks.acts import base_of, new_key, refuse
from casework.errors import REFUSALS
from casework.fields import DayField, MoneyField
from casework.models import Case, ServiceEntry
from casework.queries import cases_in_reach, visible_case
from casework.services_log import RECORDERS, SERVED_IN
from casework.visibility import sight
from funds.models import Provider

PAGE = 100


class ServiceForm(forms.Form):
    """One service, as the paper that was signed has it."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=60, initial=new_key)
    served_on = DayField(label=_l("哪天做的"), latest=clock.today, initial=clock.today)
    what = forms.CharField(label=_l("做了什么"), max_length=60, help_text=_l("例如：上门助餐、洗澡理发、陪同就医。"))
    minutes = forms.IntegerField(
        label=_l("做了多少分钟"),
        min_value=1,
        max_value=24 * 60,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    amount_fen = MoneyField(label=_l("多少钱"), min_fen=1, help_text=_l("按和服务单位说好的价。"))
    signed_by = forms.CharField(
        label=_l("谁签的字"), max_length=60, help_text=_l("本人签的写「本人」；别人代签的写姓名和关系。")
    )

    def service(self) -> services_log.Service:
        cleaned = self.cleaned_data
        names = ("served_on", "what", "minutes", "amount_fen", "signed_by")
        return services_log.Service(**{name: cleaned[name] for name in names})


class WithdrawForm(forms.Form):
    reason = forms.CharField(label=_l("哪里记错了"), max_length=200, help_text=_l("会留在记录里。"))


def may_record(case: Case, user: Any) -> bool:
    """Whether to show the form: her post, and the time of the help. What bars her as a person is said when she tries."""
    here = case.is_open and case.state in SERVED_IN and case.spec.has_money
    return here and any(post.role in RECORDERS and post.reaches(case) for post in posts_of(user))


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def log(request: HttpRequest, pk: int) -> HttpResponse:
    """Every service of the case, the newest first, and a form for the next."""
    case = _visible(request.user, pk)
    records = may_record(case, request.user)
    form = ServiceForm(request.POST or None)
    if request.method == "POST":
        if not records:
            raise PermissionDenied(_("服务由本村专干、驻村干部或乡镇经办记，批准以后、停发以前能记。"))
        if form.is_valid():
            try:
                entry = services_log.record(pk, form.service(), by=request.user, key=form.cleaned_data["key"])
            except REFUSALS as refusal:
                refuse(form, refusal)
            else:
                messages.success(request, _("记好了：%(what)s。") % {"what": entry.what})
                return redirect("cases:services", pk=pk)
    entries = case.services.select_related("recorded_by").order_by("-served_on", "-pk")
    context = {
        "case": case,
        "form": form if records else None,
        "page": Paginator(entries, 25).get_page(request.GET.get("page")),
        "unbilled": services_log.sums(services_log.unbilled(case)),
        "months": list(services_log.living(case).dates("served_on", "month", order="DESC")[:12]),
        "base": base_of(request.user),
    }
    return render(request, "cases/services.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def withdraw(request: HttpRequest, pk: int, entry_id: int) -> HttpResponse:
    """Take back one entry, with the reason."""
    case = _visible(request.user, pk)
    entry = get_object_or_404(case.services, pk=entry_id)
    if not may_record(case, request.user):
        raise PermissionDenied(_("服务由本村专干、驻村干部或乡镇经办记，批准以后、停发以前能记。"))
    form = WithdrawForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services_log.withdraw(entry.pk, by=request.user, reason=form.cleaned_data["reason"])
        except REFUSALS as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, _("撤掉了：%(what)s。做过的服务请重新记。") % {"what": entry.what})
            return redirect("cases:services", pk=pk)
    context = {"case": case, "entry": entry, "form": form, "base": base_of(request.user)}
    return render(request, "cases/service_withdraw.html", context, status=422 if form.errors else 200)


@login_required
@require_GET
@never_cache
def sheet(request: HttpRequest, pk: int, year: int, month: int) -> HttpResponse:
    """A month of one family, line by line, to be signed on paper."""
    case = _visible(request.user, pk)
    first, last = month_of(year, month)
    entries = services_log.living(case).filter(served_on__range=(first, last))
    context = {
        "case": case,
        "month": first,
        "entries": entries.select_related("recorded_by").order_by("served_on", "pk"),
        "sums": services_log.sums(entries),
        "base": base_of(request.user),
    }
    return render(request, "cases/service_sheet.html", context)


@login_required
@require_GET
@never_cache
def provider_sheet(request: HttpRequest, provider_id: int, year: int, month: int) -> HttpResponse:
    """A month of one provider, a line a family; only families within the reader's reach."""
    provider = get_object_or_404(Provider, pk=provider_id)
    first, last = month_of(year, month)
    within = cases_in_reach(request.user).filter(provider=provider)
    if not within.exists():
        raise Http404
    entries = ServiceEntry.objects.filter(
        case__in=within.order_by().values("pk"), served_on__range=(first, last), withdrawn_on__isnull=True
    )
    rows = (
        entries.order_by()
        .values("case_id", "case__case_no", "case__beneficiary__name", "case__village__name")
        .annotate(count=Count("pk"), minutes=Sum("minutes"), amount_fen=Sum("amount_fen"))
        .order_by("case__village__name", "case__case_no")
    )
    context = {
        "provider": provider,
        "month": first,
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "sums": services_log.sums(entries),
        "base": base_of(request.user),
    }
    return render(request, "cases/provider_sheet.html", context)


def month_of(year: int, month: int) -> tuple[datetime.date, datetime.date]:
    """Its first and last day; Http404 for a month that there is not."""
    if not (1 <= month <= 12 and 2000 <= year <= 9998):
        raise Http404
    return datetime.date(year, month, 1), datetime.date(year, month, monthrange(year, month)[1])


def _visible(user: Any, pk: int) -> Case:
    """A case with its services; whoever pays sees their sums on the case page, not what was done in the house."""
    case = visible_case(user, pk)
    if not sight(user, case).family:
        raise PermissionDenied(_("服务记录由村、乡镇、县的经办和审计看。"))
    return case
